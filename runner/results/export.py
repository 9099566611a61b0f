"""Results in other forms: Parquet, CSV, a DuckDB database; through DuckDB, in bounded memory, file by file.

Types come from the JSON Schema of a corpus's lines, never from a look at the first of them: a payload that first occurs
late in a file has its column from the start. What the schema leaves open is JSON text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Literal

from runner.errors import MachineError, UserError
from runner.storage.atomic import sync_directory

if TYPE_CHECKING:
    import duckdb

ExportFormat = Literal["parquet", "csv", "duckdb"]

MEMORY_MAX: Final = "1GB"
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""The longest result line that is taken: DuckDB holds two of that size per thread."""
_SCALARS: Final = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCorpus:
    """The results of one corpus: (file, how many of its bytes are merged) in order, and the schema of their lines."""

    name: str
    files: tuple[tuple[str, int], ...]
    schema: Mapping[str, Any]


def export(
    corpora: Sequence[ExportCorpus], out: Path, *, form: ExportFormat, columns: Sequence[str] = ()
) -> list[Path]:
    """Write results in another form; returns the files, in order.

    Parquet goes to `out/corpus=<name>/00000.parquet`, a file for each result file and the corpus in the folder's name,
    as readers of partitioned data sets expect; CSV to `out/<name>.csv`; DuckDB to the database `out`, a table per
    corpus. `columns` are paths into a line (`sentiment.SentimentScore.Positive`); none means all. What is not a scalar
    is JSON text in CSV. Files are written aside and renamed; a file that is there already is not replaced.

    Raises UserError for a column that a corpus has not, or an `out` that is taken; MachineError if DuckDB is missing,
    the disk is full, or a result file cannot be read.
    """
    _require_duckdb()
    chosen = {corpus.name: _chosen(corpus, columns, form) for corpus in corpora}
    if form == "duckdb":
        return [_database(corpora, out, chosen)]
    _refuse_taken(out)
    out.mkdir(parents=True, exist_ok=True)
    write = _parquet if form == "parquet" else _csv
    return [path for corpus in corpora for path in write(corpus, out, chosen[corpus.name])]


def column_type(schema: Mapping[str, Any]) -> str:
    """The SQL type of values that a JSON Schema describes; `JSON` where it leaves the form open."""
    if "anyOf" in schema:
        kinds = {column_type(option) for option in schema["anyOf"] if option != {"type": "null"}}
        return kinds.pop() if len(kinds) == 1 else "JSON"
    if "const" in schema or "enum" in schema:
        return "VARCHAR"
    kind = schema.get("type")
    if isinstance(kind, list):
        named = [name for name in kind if name != "null"]
        kind = named[0] if len(named) == 1 else None
    if kind == "array":
        return f"{column_type(schema.get('items', {}))}[]"
    if kind == "object" and schema.get("properties"):
        members = ", ".join(f"{_quoted(name)} {column_type(of)}" for name, of in schema["properties"].items())
        return f"STRUCT({members})"
    return _SCALARS.get(kind or "", "JSON")


# --- the three forms --------------------------------------------------------------------------------------------------


def _parquet(corpus: ExportCorpus, out: Path, columns: Sequence[_Column]) -> Iterator[Path]:
    folder = out / f"corpus={corpus.name}"
    folder.mkdir()
    with _connection() as connection:
        for number, (path, end) in enumerate(corpus.files):
            target = folder / f"{number:05d}.parquet"
            with _whole(path, end, folder) as source:
                _copy(connection, _select(corpus, [source], columns), target, "FORMAT parquet, COMPRESSION zstd")
            yield target


def _csv(corpus: ExportCorpus, out: Path, columns: Sequence[_Column]) -> Iterator[Path]:
    target = out / f"{corpus.name}.csv"
    with _connection() as connection, _all_whole(corpus, out) as sources:
        _copy(connection, _select(corpus, sources, columns), target, "FORMAT csv, HEADER")
    yield target


def _database(corpora: Sequence[ExportCorpus], out: Path, chosen: Mapping[str, Sequence[_Column]]) -> Path:
    if out.exists():
        raise UserError(f"{out} exists already", hint="name a file that is not there yet, or move it away")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f"{out.name}.tmp")
    aside.unlink(missing_ok=True)
    with _told(out), _connection(aside) as connection:
        for corpus in corpora:
            with _all_whole(corpus, out.parent) as sources:
                select = _select(corpus, sources, chosen[corpus.name])
                connection.execute(f"CREATE TABLE {_quoted(corpus.name)} AS {select}")
    _put(aside, out)
    return out


def _copy(connection: duckdb.DuckDBPyConnection, select: str, target: Path, options: str) -> None:
    aside = target.with_name(f"{target.name}.tmp")
    with _told(target):
        connection.execute(f"COPY ({select}) TO {_text(str(aside))} ({options})")
    _put(aside, target)


def _put(aside: Path, target: Path) -> None:
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    aside.rename(target)
    sync_directory(target.parent)


# --- columns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Column:
    """What is selected, and what it is called."""

    expression: str
    name: str


def _chosen(corpus: ExportCorpus, paths: Sequence[str], form: ExportFormat) -> list[_Column]:
    properties = corpus.schema["properties"]
    # The folder's name says which corpus it is; twice would be a conflict to readers of partitions.
    names = [name for name in properties if not (form == "parquet" and name == "corpus")]
    found = []
    for path in paths or names:
        kind = column_type(_member(corpus, path))
        expression = ".".join(_quoted(name) for name in path.split("."))
        scalar = kind in _SCALARS.values()
        found.append(_Column(expression if scalar or form != "csv" else f"to_json({expression})", path))
    return found


def _member(corpus: ExportCorpus, path: str) -> Mapping[str, Any]:
    """The schema of what a path leads to. Raises UserError if it leads nowhere."""
    schema: Mapping[str, Any] = corpus.schema
    for depth, name in enumerate(path.split(".")):
        options = schema.get("anyOf", [schema])
        members: Mapping[str, Any] = next((option["properties"] for option in options if "properties" in option), {})
        if name not in members:
            at = ".".join(path.split(".")[:depth]) or "a line"
            valid = ", ".join(members) or "nothing: it is no object"
            raise UserError(f"corpus {corpus.name} has no column {path}", hint=f"{at} has: {valid}")
        schema = members[name]
    return schema


def _select(corpus: ExportCorpus, sources: Iterable[str], columns: Sequence[_Column]) -> str:
    types = ", ".join(f"{_text(name)}: {_text(column_type(of))}" for name, of in corpus.schema["properties"].items())
    wanted = ", ".join(f"{column.expression} AS {_quoted(column.name)}" for column in columns)
    files = ", ".join(_text(source) for source in sources)
    # Names and paths are quoted as SQL has it; a COPY takes no parameters.
    return (
        f"SELECT {wanted} FROM read_json([{files}], format = 'newline_delimited', columns = {{{types}}}, "  # noqa: S608
        f"maximum_object_size = {LINE_BYTES_MAX})"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# --- surroundings -----------------------------------------------------------------------------------------------------


def _require_duckdb() -> None:
    """Before anything is written."""
    try:
        import duckdb  # noqa: F401
    except ModuleNotFoundError as missing:
        raise MachineError(
            "export needs the package duckdb", hint="install it: pip install 'comprehend-runner[export]'"
        ) from missing


@contextmanager
def _connection(path: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    with TemporaryDirectory(prefix="runner-export-") as scratch:
        settings: dict[str, Any] = {"memory_limit": MEMORY_MAX, "temp_directory": scratch}
        with duckdb.connect(str(path or ":memory:"), config=settings) as connection:
            yield connection


@contextmanager
def _told(target: Path) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        said = str(error).strip().splitlines()[0]
        raise MachineError(
            f"{target} could not be written: {said}",
            hint="`runner verify` says whether the results are whole; else free some space",
        ) from error


@contextmanager
def _whole(path: str, end: int, scratch: Path) -> Iterator[str]:
    """A result file without what is behind its last merged segment, which a run that goes on is writing."""
    if Path(path).stat().st_size == end:
        yield path
        return
    with TemporaryDirectory(prefix=".export-", dir=scratch) as folder:
        copy = Path(folder) / Path(path).name
        with Path(path).open("rb") as source, copy.open("wb") as target:
            _copy_head(source.fileno(), target.fileno(), end)
        yield str(copy)


@contextmanager
def _all_whole(corpus: ExportCorpus, scratch: Path) -> Iterator[list[str]]:
    """All files of a corpus; only the last can have more than is merged."""
    *whole, (last, end) = corpus.files
    with _whole(last, end, scratch) as source:
        yield [*(path for path, _ in whole), source]


def _copy_head(source: int, target: int, count: int) -> None:
    left = count
    while left:
        data = os.read(source, min(left, 1 << 20))
        if not data:
            raise MachineError("a result file is shorter than what is merged of it", hint="`runner verify` says where")
        os.write(target, data)
        left -= len(data)


def _refuse_taken(out: Path) -> None:
    if out.exists() and (not out.is_dir() or next(out.iterdir(), None) is not None):
        raise UserError(f"{out} is there already and not an empty folder", hint="name another --out, or move it away")
