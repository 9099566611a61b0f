"""What a recognizer's training data must be: documents of a line each, and a list of entities or annotations. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from runner.compose.models.tables import BadTrainingDataError, read_rows, under_header

# COMPREHEND.md section 2.7.
DOCUMENTS: Final = (3, 200_000)
DOCUMENT_BYTES_MAX: Final = 5_000
CORPUS_BYTES: Final = (5 * 1024, 200 * 1024 * 1024)
TYPES_MAX: Final = 25
ANNOTATIONS_MIN: Final = 25
NAMES_MAX: Final = 1_000_000
TYPE_CHARACTERS_MAX: Final = 64

LIST_HEADER: Final = ("Text", "Type")
ANNOTATIONS_HEADER: Final = ("File", "Line", "Begin Offset", "End Offset", "Type")
_BAD_IN_TYPE: Final = re.compile(r"[\n\r\t,]")


@dataclass(slots=True)
class Documents:
    """The lengths (code points) of the lines of each file, by base name; `count` and `bytes` of those with text."""

    lengths: dict[str, list[int]] = field(default_factory=dict)
    count: int = 0
    bytes: int = 0

    def add(self, name: str, file: BinaryIO) -> None:
        """Read a file of a document a line. Raises BadTrainingDataError."""
        if name in self.lengths:
            raise BadTrainingDataError(
                f"two files are called {name}", hint="annotations name files by their base names: rename one"
            )
        lengths = self.lengths[name] = []
        for number, line in enumerate(file.read().splitlines()):
            if len(line) > DOCUMENT_BYTES_MAX:
                raise BadTrainingDataError(
                    f"line {number} (from 0) has {len(line):,} bytes; a document to train with may have "
                    f"{DOCUMENT_BYTES_MAX:,}"
                )
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                raise BadTrainingDataError(
                    f"line {number} (from 0) is not UTF-8", hint="training data must be UTF-8"
                ) from error
            lengths.append(len(text))
            if text.strip():
                self.count += 1
                self.bytes += len(line)

    def check(self) -> None:
        """Raise BadTrainingDataError for too few or too many of them."""
        if not DOCUMENTS[0] <= self.count <= DOCUMENTS[1]:
            raise BadTrainingDataError(
                f"there are {self.count:,} documents with text; a recognizer needs {DOCUMENTS[0]} to {DOCUMENTS[1]:,}"
            )
        if not CORPUS_BYTES[0] <= self.bytes <= CORPUS_BYTES[1]:
            raise BadTrainingDataError(
                f"the documents have {self.bytes:,} bytes together; a recognizer needs {CORPUS_BYTES[0]:,} to "
                f"{CORPUS_BYTES[1]:,}"
            )


def types_of_list(file: BinaryIO) -> tuple[str, ...]:
    """The types of an entity list. Raises BadTrainingDataError for one that nothing can be learned from."""
    counts: Counter[str] = Counter()
    for row in under_header(read_rows(file), LIST_HEADER):
        text, kind = row.cells
        if not text:
            raise BadTrainingDataError(f"line {row.line} has no text")
        counts[_type(kind, row.line)] += 1
        if counts.total() > NAMES_MAX:
            raise BadTrainingDataError(f"it has more than {NAMES_MAX:,} entries")
    return _types(counts)


def types_of_annotations(file: BinaryIO, documents: Documents) -> tuple[str, ...]:
    """The types of annotations, each of which must lie in a document. Raises BadTrainingDataError."""
    counts: Counter[str] = Counter()
    for row in under_header(read_rows(file), ANNOTATIONS_HEADER):
        name, *numbers, kind = row.cells
        try:
            line, begin, end = map(int, numbers)
        except ValueError:
            raise BadTrainingDataError(f"line {row.line} has a line or an offset that is no whole number") from None
        lengths = documents.lengths.get(name)
        if lengths is None or not 0 <= line < len(lengths):
            what = f"line {line} of {name}" if lengths is not None else name
            raise BadTrainingDataError(
                f"line {row.line} annotates {what}, which is not among the documents",
                hint="File is a base name with its extension, and Line counts from 0",
            )
        if not 0 <= begin < end <= lengths[line]:
            raise BadTrainingDataError(
                f"line {row.line} annotates the characters {begin} to {end} of a document that has {lengths[line]}",
                hint="offsets count characters from 0, and the end is exclusive",
            )
        counts[_type(kind, row.line)] += 1
    types = _types(counts)
    few = sorted((counts[kind], kind) for kind in types if counts[kind] < ANNOTATIONS_MIN)
    if few:
        raise BadTrainingDataError(
            f"type {few[0][1]!r} has {few[0][0]} annotations; every type needs {ANNOTATIONS_MIN}"
        )
    return types


def _type(kind: str, line: int) -> str:
    if not kind or len(kind) > TYPE_CHARACTERS_MAX or _BAD_IN_TYPE.search(kind):
        raise BadTrainingDataError(
            f"line {line} has a type that is empty, has more than {TYPE_CHARACTERS_MAX} characters, or a tab, comma or "
            "line break in it"
        )
    return kind


def _types(counts: Mapping[str, int] | Iterable[str]) -> tuple[str, ...]:
    types = tuple(sorted(counts))
    if not 1 <= len(types) <= TYPES_MAX:
        raise BadTrainingDataError(f"it has {len(types)} types; a recognizer has 1 to {TYPES_MAX}")
    return types
