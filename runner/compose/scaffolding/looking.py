"""Which corpora some paths hold: formats by the ends of names, columns and languages by a sample."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from runner.compose.scaffolding.columns import Columns, columns_of, language_of
from runner.corpus.inflating import codec_of
from runner.corpus.parquet import arrow
from runner.errors import UserError
from runner.journal.rundir import JOURNAL_NAME

NAME_CHARACTERS_MAX: Final = 60

SAMPLE_BYTES: Final = 1_000_000
SAMPLE_ROWS: Final = 200
SAMPLE_FILES: Final = 20
FILES_MAX: Final = 20_000
"""Of one folder: what a corpus is made of shows long before."""

_FORMATS: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
    ".text": "text",
}
_COMPRESSED: Final = (".gz", ".bz2", ".zst")
_DELIMITERS: Final = ",;\t|"
_WILDCARD: Final = re.compile(r"([*?\[])")
_FALLBACK: Final = "cp1252"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One corpus as it was found; paths are as seen from the manifest's folder."""

    name: str
    source: str
    format: str
    files: int = 1
    columns: Columns = field(default_factory=Columns)
    language: str | tuple[str, ...] | None = None
    """A code, several, or None if it could not be told."""
    encoding: str | None = None
    """If it is not UTF-8."""
    csv: dict[str, object] = field(default_factory=dict)


def look(paths: Sequence[Path], folder: Path) -> list[Found]:
    """The corpora in some files and folders, for a manifest in `folder`.

    Raises UserError for a path that is not there, holds nothing that can be read, or is not local.
    """
    found: list[Found] = []
    for path in paths:
        if str(path).startswith(("s3:/", "http:/", "https:/")):
            written = str(path).replace(":/", "://", 1)  # a Path folds slashes
            raise UserError(f"{written}: init looks at local files only", hint="write the `source` by hand")
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        kinds = _kinds(path)
        if not kinds:
            ends = ", ".join(sorted({*_FORMATS}))
            raise UserError(f"{path}: nothing in it has a name that ends in one of {ends}")
        found += [_corpus(path, kind, files, folder) for kind, files in kinds.items()]
    return _renamed(found)


def _kinds(path: Path) -> dict[str, list[Path]]:
    """The files of a path by the ends of their names (`.csv.gz`), the most frequent first."""
    if path.is_file():
        return {_end(path.name) or "".join(path.suffixes[-1:]): [path]}
    kinds: dict[str, list[Path]] = {}
    for file in islice(_below(path), FILES_MAX):
        end = _end(file.name)
        if end is not None:
            kinds.setdefault(end, []).append(file)
    return dict(sorted(kinds.items(), key=lambda item: -len(item[1])))


def _below(folder: Path) -> Iterator[Path]:
    """The files of a folder, in order; what is hidden and what a run wrote are left out."""
    for root, folders, names in os.walk(folder):
        if JOURNAL_NAME in names:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _end(name: str) -> str | None:
    stem = next((name.removesuffix(end) for end in _COMPRESSED if name.endswith(end)), name)
    suffix = Path(stem).suffix
    return name[len(stem) - len(suffix) :] if suffix in _FORMATS else None


def _corpus(path: Path, end: str, files: list[Path], folder: Path) -> Found:
    kind = _FORMATS.get("." + end.split(".")[1] if end else "", "text")
    source = os.path.relpath(path, folder)
    if path.is_dir():
        deep = any(file.parent != path for file in files)
        fixed = _WILDCARD.sub(r"[\1]", source)
        source = f"{fixed}/{'**/' if deep else ''}*{end}" if fixed != "." else f"{'**/' if deep else ''}*{end}"
    name = path.name if path.is_dir() else path.name.removesuffix(end)
    name = name if name not in {"", "."} else path.resolve().name
    if kind == "parquet":
        rows = _parquet_rows(files[0])
        columns = columns_of(rows)
        return Found(
            name=name, source=source, format=kind, files=len(files), columns=columns, language=_language(rows, columns)
        )
    texts, encoding = _decoded(files)
    if kind == "text":
        whole = path.is_dir() or not _is_lines(texts[0])
        sample = texts if whole else [line for line in texts[0].splitlines() if line.strip()]
        return Found(
            name=name,
            source=source,
            format="files" if whole else "lines",
            files=len(files),
            language=language_of(sample[:SAMPLE_ROWS]),
            encoding=encoding,
        )
    rows, dialect = _json_rows(texts[0], files[0]) if kind == "jsonl" else _csv_rows(texts[0])
    columns = columns_of(rows)
    return Found(
        name=name,
        source=source,
        format=kind,
        files=len(files),
        columns=columns,
        language=_language(rows, columns),
        encoding=encoding,
        csv=dialect,
    )


def _language(rows: Sequence[Row], columns: Columns) -> str | tuple[str, ...] | None:
    return language_of([text for row in rows if isinstance(text := row.get(columns.text or ""), str)])


def _decoded(files: list[Path]) -> tuple[list[str], str | None]:
    """The beginnings of some files, and the encoding if it is not UTF-8."""
    heads = [_head(file) for file in files[:SAMPLE_FILES]]
    # A cut may have halved the last character.
    clear = sum(_is_utf8(head) for head in heads)
    encoding = None if clear * 2 >= len(heads) else _FALLBACK
    return [head.decode(encoding or "utf-8-sig", errors="replace") for head in heads], encoding


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True


def _head(file: Path) -> bytes:
    codec = codec_of(file.name)
    try:
        with file.open("rb") as raw:
            data: bytes = (raw if codec is None else codec.open(raw, "init")).read(SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise UserError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return data


def _is_lines(text: str) -> bool:
    """Whether a text file looks like a document a line: several lines, none of them blank."""
    lines = text.strip().splitlines()
    return len(lines) > 1 and all(line.strip() for line in lines)


def _json_rows(text: str, file: Path) -> tuple[list[Row], dict[str, object]]:
    rows = []
    for line in islice((line for line in text.splitlines() if line.strip()), SAMPLE_ROWS):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(dict(_flat(row, "")))
    if not rows:
        raise UserError(f"{file}: no line of it is a JSON object", hint="JSON Lines have one object a line")
    return rows, {}


def _flat(row: Row, above: str) -> Iterator[tuple[str, object]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _csv_rows(text: str) -> tuple[list[Row], dict[str, object]]:
    head = "\n".join(text.splitlines()[:50])
    try:
        delimiter = csv.Sniffer().sniff(head, _DELIMITERS).delimiter
    except csv.Error:
        delimiter = ","
    rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), SAMPLE_ROWS + 1))
    names = rows[0] if rows else []
    header = len(set(names)) == len(names) and all(name.strip() and len(name) < 64 for name in names)
    header = header and not any(name.replace(".", "").isdecimal() for name in names)
    dialect: dict[str, object] = {} if delimiter == "," else {"delimiter": "tab" if delimiter == "\t" else delimiter}
    if not header:
        names, dialect["header"] = [str(place) for place in range(len(names))], False
    values = rows[1:] if header else rows
    return [dict(zip(names, row, strict=False)) for row in values], dialect


def _parquet_rows(file: Path) -> list[Row]:
    pyarrow = arrow()
    try:
        reader = pyarrow.parquet.ParquetFile(file)
        batch = next(reader.iter_batches(batch_size=SAMPLE_ROWS), None)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{file}: cannot be read as Parquet: {error}") from error
    rows: list[Row] = batch.to_pylist() if batch is not None else []
    return [dict(_flat(row, "")) for row in rows]


def _renamed(found: list[Found]) -> list[Found]:
    """The same with names as manifests have them, each once."""
    taken: set[str] = set()
    renamed = []
    for corpus in found:
        plain = name_like(corpus.name, "texts")
        names = (plain, f"{plain}-{corpus.format}", *(f"{plain}-{number}" for number in range(2, len(found) + 2)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        renamed.append(replace(corpus, name=name))
    return renamed


def name_like(text: str, otherwise: str) -> str:
    """A manifest's kind of name that is like a text."""
    name = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")
    name = name if name[:1].isalpha() else f"{otherwise}-{name}".rstrip("-")
    return name[:NAME_CHARACTERS_MAX] or otherwise
