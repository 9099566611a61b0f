"""Reading an output whatever its shape: an archive or loose objects; rows of JSON, redacted copies, or topics' tables.

Two questions, answered apart. Where the streams are: in a tar.gz, or below a folder (COMPREHEND.md section 3.1; the
guide contradicts itself for PII, so the URI decides, not the family). What is in them: rows (`runner.results.rows`),
copies of the input whose line i answers line i, or the tables of topics. It knows parts only as names with so many
lines; whether a row's line exists is for the collector to say, except in copies, which name none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from runner.catalogue import Family
from runner.errors import OutputError, ServiceError
from runner.results import topics
from runner.results.archives import CHUNK_BYTES, Archive, BinaryReader, line_blocks
from runner.results.codes import OUTPUT_CORRUPT, OUTPUT_TRUNCATED
from runner.results.reading import RowReader
from runner.results.rows import RowBatch

_ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz")
_OUT_SUFFIX: Final = ".out"
TERMS_BYTES_MAX: Final = 64 << 20
"""A hundred topics have about a thousand terms; this is far beyond any such table."""

_encode_lines: Final = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSource:
    """An output to be read: its URI, and how objects are opened and listed.

    `lines_of` says how many lines the input object of a base name has, -1 for one whose answers are dropped, and
    raises OutputError for a name that the job was not given. `files` are the names for which rows may be read by
    columns. `keep_terms` is handed the terms of topics.
    """

    uri: str
    open: Callable[[str], BinaryReader]
    list: Callable[[str], Iterable[str]]
    lines_of: Callable[[str], int]
    files: Collection[str]
    keep_terms: Callable[[bytes], None]


class _Stream(NamedTuple):
    """One member or object: its base name and its bytes, to be read before the next is asked for."""

    name: str
    chunks: Iterator[bytes]


def read_output(source: OutputSource, family: Family, parameters: Mapping[str, str]) -> Iterator[RowBatch]:
    """The rows of an output. Raises OutputError, or what opening, listing and reading raise."""
    streams = _archived(source) if _is_archive(source.uri, family) else _loose(source)
    if is_copy(family, parameters):
        return _copies(source, streams)
    if family.shape == "topics":
        return _topics(source, streams)
    return _rows(source, family, streams)


def is_copy(family: Family, parameters: Mapping[str, str]) -> bool:
    """Whether jobs answer with copies of their input instead of rows: PII that the service itself redacts."""
    return family.name == "pii_entities" and parameters.get("mode") == "redaction"


# --- where the streams are ----------------------------------------------------------------------------------------


def _is_archive(uri: str, family: Family) -> bool:
    """The service names an archive or a folder; only where it names neither clearly does the family decide."""
    if uri.endswith("/"):
        return False
    return family.shape != "folder" or uri.endswith(_ARCHIVE_SUFFIXES)


def _archived(source: OutputSource) -> Iterator[_Stream]:
    """The members of a tar.gz."""
    with closing(source.open(source.uri)) as stream, Archive(stream) as archive:
        for member in archive.members():
            yield _Stream(_base(member.name), member.chunks(CHUNK_BYTES))


def _loose(source: OutputSource) -> Iterator[_Stream]:
    """The `.out` objects of a folder, or, if none is named so, all but hidden ones and markers of folders.

    The service leaves a hidden `.write_access_check_file.temp` beside its outputs. Raises ServiceError if there is
    none, as for an archive that is not there.
    """
    folder = source.uri if source.uri.endswith("/") else f"{source.uri}/"
    uris = [uri for uri in source.list(folder) if _base(uri) and not _base(uri).startswith(".")]
    outs = [uri for uri in uris if uri.endswith(_OUT_SUFFIX)] or uris
    if not outs:
        raise ServiceError("NoSuchKey", f"{folder}: there is no output below it")
    for uri in outs:
        with closing(source.open(uri)) as stream:
            yield _Stream(_base(uri), iter(lambda stream=stream: stream.read(CHUNK_BYTES), b""))  # type: ignore[misc]


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


# --- what is in them ----------------------------------------------------------------------------------------------


def _rows(source: OutputSource, family: Family, streams: Iterator[_Stream]) -> Iterator[RowBatch]:
    """Rows of JSON."""
    reader = RowReader(family, source.files)
    for stream in streams:
        for block in line_blocks(stream.chunks):
            yield reader.read(block)


def _copies(source: OutputSource, streams: Iterator[_Stream]) -> Iterator[RowBatch]:
    """Redacted copies: line i of `<input>.out` answers line i of the input; a copy has as many lines as its input."""
    for stream in streams:
        file = stream.name.removesuffix(_OUT_SUFFIX)
        wanted = source.lines_of(file)
        count = 0
        for block in line_blocks(stream.chunks):
            lines = _copied(block)
            first, count = count, count + len(lines)
            if count > wanted >= 0:
                raise OutputError(
                    OUTPUT_CORRUPT, f"the redacted copy of {file} has more than the {wanted} lines that were sent"
                )
            if wanted >= 0:
                yield RowBatch([file] * len(lines), list(range(first, count)), lines, len(block))
        if count < wanted:
            raise OutputError(
                OUTPUT_TRUNCATED, f"the redacted copy of {file} has {count} lines, and {wanted} were sent"
            )


def _copied(block: bytes) -> list[bytes]:
    """The lines of a block as JSON strings."""
    try:
        lines = block.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise OutputError(OUTPUT_CORRUPT, "the output is not UTF-8") from error
    entries = _encode_lines(lines).split(b"\n")
    del entries[-1]  # what follows the last line feed
    return entries


def _topics(source: OutputSource, streams: Iterator[_Stream]) -> Iterator[RowBatch]:
    """The tables of a topics job; both must be there."""
    found: set[tuple[str, ...]] = set()
    for stream in streams:
        blocks = line_blocks(stream.chunks)
        first = next(blocks, b"")
        head, _, rest = first.partition(b"\n")
        columns = topics.header_of(head)
        if columns == topics.DOCUMENT_TOPICS:
            for files, lines, entries, size in topics.shares(chain([rest], blocks)):
                yield RowBatch(files, lines, entries, size)
        elif columns == topics.TOPIC_TERMS:
            source.keep_terms(topics.terms_lines(_whole(chain([rest], blocks))))
        found.add(columns)
    for columns in (topics.DOCUMENT_TOPICS, topics.TOPIC_TERMS):
        if columns not in found:
            raise OutputError(OUTPUT_CORRUPT, f"the output lacks the table {','.join(columns)}")


def _whole(blocks: Iterable[bytes]) -> bytes:
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size > TERMS_BYTES_MAX:
            raise OutputError(OUTPUT_CORRUPT, f"the table of terms is longer than {TERMS_BYTES_MAX} bytes")
    return b"".join(held)
