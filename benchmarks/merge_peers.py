"""Other ways to the same joined lines, for `bench_merge`: DuckDB, polars, the standard library; and bare inflation.

Each takes a folder that `bench_merge` made and a folder to work in, and gives the inflated bytes it read. All but the
last end with an fsync. Only one of them checks rows against the texts they speak of, as ours does, and polars renders
numbers anew. DuckDB and polars cannot read a member of a tar.gz, so the archives are first unpacked for them by isal,
which is counted.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from isal import igzip

from runner.model import Ledger
from runner.results.archives import Archive

FAMILIES = ("dominant_language", "entities", "key_phrases", "sentiment")
MEMBERS = {
    "dominant_language": ("Languages",),
    "entities": ("Entities",),
    "key_phrases": ("KeyPhrases",),
    "sentiment": ("Sentiment", "SentimentScore"),
}
SPANS = {"entities": "Entities", "key_phrases": "KeyPhrases"}
"""The members that hold spans, in families that have some."""
IDS = "ids.jsonl"
TEXTS = "texts.jsonl"


def inflate(folder: Path, _: Path) -> int:
    """Inflate every archive and do nothing with it: the limit."""
    size = 0
    for family in FAMILIES:
        with open_gzip(folder / "archives" / f"{family}.tar.gz", "rb") as file:
            while data := file.read(1 << 20):
                size += len(data)
    return size


def by_standard_library(folder: Path, work: Path) -> int:
    """The standard library, rows held in memory until their document's turn."""
    held: dict[tuple[str, int], dict[str, object]] = {}
    size = 0
    for family in FAMILIES:
        for line in _archive_lines(folder / "archives" / f"{family}.tar.gz"):
            size += len(line)
            found = json.loads(line)
            key = (found.pop("File"), found.pop("Line"))
            held.setdefault(key, {})[family] = found
    with (work / "plain.jsonl").open("w", encoding="utf-8") as file:
        for path in sorted((folder / "ledger").iterdir()):
            ledger = msgspec.msgpack.decode(path.read_bytes(), type=Ledger)
            for document in ledger.documents:
                results = held.pop((f"{ledger.parts[0]}.txt", document.line))
                file.write(json.dumps({"id": document.id, **results}, ensure_ascii=False) + "\n")
    return _synced(work / "plain.jsonl", size)


def by_duckdb(folder: Path, work: Path) -> int:
    """DuckDB on all cores, payloads as JSON values that it need not look into."""
    import duckdb

    size = _unpack(folder, work)
    members = [(family, member) for family in FAMILIES for member in MEMBERS[family]]
    joins = " ".join(
        f"LEFT JOIN read_json('{work / family}.jsonl', format='newline_delimited', columns={_columns(family)}) "
        f"{family} ON {family}.File = ids.File AND {family}.Line = ids.Line"
        for family in FAMILIES
    )
    out = work / "duckdb.jsonl"
    with duckdb.connect(config={"temp_directory": str(work)}) as connection:
        connection.execute(
            f"COPY (SELECT ids.id, {', '.join(f'{family}.{member}' for family, member in members)} "
            f"FROM read_json('{folder / IDS}', format='newline_delimited', "
            f"columns={{id: 'VARCHAR', n: 'BIGINT', File: 'VARCHAR', Line: 'BIGINT'}}) ids {joins} ORDER BY ids.n) "
            f"TO '{out}' (FORMAT json)"
        )
    return _synced(out, size)


def by_duckdb_checked(folder: Path, work: Path) -> int:
    """The same, each span held against its text before: what collecting does."""
    import duckdb

    size = by_duckdb(folder, work)
    span = "STRUCT(BeginOffset BIGINT, EndOffset BIGINT, Text VARCHAR)[]"
    with duckdb.connect(config={"temp_directory": str(work)}) as connection:
        for family, member in SPANS.items():
            found = connection.execute(
                f"SELECT count(*) FROM (SELECT texts.text, unnest(rows.{member}) AS span "
                f"FROM read_json('{work / family}.jsonl', format='newline_delimited', "
                f"columns={{File: 'VARCHAR', Line: 'BIGINT', {member}: '{span}'}}) rows "
                f"LEFT JOIN read_json('{folder / TEXTS}', format='newline_delimited', "
                "columns={File: 'VARCHAR', Line: 'BIGINT', text: 'VARCHAR'}) texts USING (File, Line)) "
                "WHERE substring(text, span.BeginOffset + 1, span.EndOffset - span.BeginOffset) "
                "IS DISTINCT FROM span.Text"
            ).fetchone()
            if found != (0,):
                raise ValueError(f"{family}: {found} spans are not of their text")
    return size


def by_polars(folder: Path, work: Path) -> int:
    """polars' streaming engine on all cores."""
    import polars as pl

    size = _unpack(folder, work)
    frame = pl.scan_ndjson(folder / IDS)
    for family in FAMILIES:
        rows = pl.scan_ndjson(work / f"{family}.jsonl")
        frame = frame.join(rows, on=["File", "Line"], how="left")
    out = work / "polars.jsonl"
    frame.sort("n").drop("n", "File", "Line").sink_ndjson(out)
    return _synced(out, size)


WAYS: dict[str, Callable[[Path, Path], int]] = {
    "duckdb": by_duckdb,
    "duckdb-checked": by_duckdb_checked,
    "polars": by_polars,
    "plain": by_standard_library,
    "inflate": inflate,
}

LIBRARIES = {
    "ours": ("runner.results.columns",),
    "duckdb": ("duckdb",),
    "duckdb-checked": ("duckdb",),
    "polars": ("polars",),
}
"""What a way imports: before the clock starts."""


def open_gzip(path: Path, mode: str) -> BinaryIO:
    """A gzip file, by isal."""
    file: BinaryIO = igzip.open(path, mode)  # type: ignore[no-untyped-call]
    return file


def _columns(family: str) -> str:
    members = "".join(f", {member}: 'JSON'" for member in MEMBERS[family])
    return f"{{File: 'VARCHAR', Line: 'BIGINT'{members}}}"


def _unpack(folder: Path, work: Path) -> int:
    size = 0
    for family in FAMILIES:
        with (
            (folder / "archives" / f"{family}.tar.gz").open("rb") as stream,
            Archive(stream) as archive,
            (work / f"{family}.jsonl").open("wb", buffering=0) as file,
        ):
            for member in archive.members():
                for chunk in member.chunks():
                    size += file.write(chunk)
    return size


def _archive_lines(path: Path) -> Iterator[bytes]:
    """The lines of an archive's only member."""
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            yield from file


def _synced(path: Path, size: int) -> int:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return size
