"""A recognizer's training data: documents, and the entities annotated or listed in CSV files; pure.

Owns the forms and limits of COMPREHEND.md sections 1.8 and 2.7.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from runner.endpoint.custom.problems import TrainingDataError
from runner.endpoint.custom.spans import Span
from runner.endpoint.custom.tables import without_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runner.endpoint.custom.tables import Row

__all__ = ["DOCUMENTS_MIN", "Document", "check_corpus", "read_annotations", "read_documents", "read_names"]

DOCUMENTS_MIN: Final = 3
_DOCUMENTS_MAX: Final = 200_000
_DOCUMENT_BYTES_MAX: Final = 5000
_CORPUS_BYTES: Final = (5 * 1024, 200 * 1024 * 1024)
_NAMES_MAX: Final = 1_000_000
_NAME_MAX: Final = 5000  # characters
_HEADER_PER_LINE: Final = ("File", "Line", "Begin Offset", "End Offset", "Type")
_HEADER_PER_FILE: Final = ("File", "Begin Offset", "End Offset", "Type")


class Document(NamedTuple):
    """A document: the base name of its file, its line there (None for a whole file), its text."""

    file: str
    line: int | None
    text: str


def read_documents(files: Iterable[tuple[str, BinaryIO]], *, per_line: bool) -> list[Document]:
    """The documents of (name, open file) pairs; blank ones are among them, so that lines keep their numbers."""
    found: list[Document] = []
    for name, file in files:
        with file:
            data = file.read()
        pieces = data.splitlines() if per_line else [data]
        for number, piece in enumerate(pieces):
            place = f"{name} line {number}" if per_line else name
            if len(piece) > _DOCUMENT_BYTES_MAX:
                raise TrainingDataError(
                    f"{place} has {len(piece)} bytes; a training document may have {_DOCUMENT_BYTES_MAX}."
                )
            try:
                text = piece.decode()
            except UnicodeDecodeError as error:
                raise TrainingDataError(f"{place} is not UTF-8. Training data must be UTF-8.") from error
            found.append(Document(name.rpartition("/")[2], number if per_line else None, text))
    return found


def check_corpus(documents: Sequence[Document]) -> None:
    """TrainingDataError for too few or too many documents or bytes."""
    count = sum(bool(document.text.strip()) for document in documents)
    if not DOCUMENTS_MIN <= count <= _DOCUMENTS_MAX:
        raise TrainingDataError(
            f"There are {count} training documents with text; a recognizer needs {DOCUMENTS_MIN} to {_DOCUMENTS_MAX}."
        )
    size = sum(len(document.text.encode()) for document in documents)
    least, most = _CORPUS_BYTES
    if not least <= size <= most:
        raise TrainingDataError(
            f"The training documents have {size} bytes together; a recognizer needs {least} to {most}."
        )


def read_annotations(
    rows: Iterator[Row], documents: Sequence[Document], types: Sequence[str], *, per_line: bool
) -> list[list[Span]]:
    """The entities of each document; types that are not among `types` are left out."""
    places = _places(documents)
    kinds = {name: number for number, name in enumerate(types)}
    found: list[list[Span]] = [[] for _ in documents]
    for row in without_header(rows, _HEADER_PER_LINE if per_line else _HEADER_PER_FILE):
        file, *numbers, name = row.cells
        try:
            *line, begin, end = map(int, numbers)
        except ValueError:
            raise TrainingDataError(f"{row.place} has a line or an offset that is no whole number.") from None
        at = places.get((file, *line))
        if at is None:
            where = f"line {line[0]} of {file}" if line else file
            raise TrainingDataError(
                f"{row.place} annotates {where}, which is not among the training documents. File is the name of an "
                "object without its folder, and lines count from 0."
            )
        if not 0 <= begin < end <= len(documents[at].text):
            raise TrainingDataError(
                f"{row.place} annotates the characters {begin} to {end} of a document that has "
                f"{len(documents[at].text)}. Offsets count characters from 0, and the end is exclusive."
            )
        if name in kinds:
            found[at].append(Span(begin, end, kinds[name]))
    return [_apart(spans, documents[at]) for at, spans in enumerate(found)]


def read_names(rows: Iterator[Row], types: Sequence[str]) -> list[tuple[str, int]]:
    """An entity list: names with the number of their type, each pair once; other types are left out."""
    kinds = {name: number for number, name in enumerate(types)}
    names: dict[tuple[str, int], None] = {}
    for row in without_header(rows, ("Text", "Type")):
        text, name = row.cells
        if not 0 < len(text) <= _NAME_MAX:
            raise TrainingDataError(f"{row.place} has a text of {len(text)} characters; it needs 1 to {_NAME_MAX}.")
        if name in kinds:
            names[text, kinds[name]] = None
            if len(names) > _NAMES_MAX:
                raise TrainingDataError(f"{row.place}: an entity list may have {_NAMES_MAX} entries.")
    missing = sorted(set(types) - {types[kind] for _, kind in names})
    if missing:
        raise TrainingDataError(f"The entity list has no entry of the type {missing[0]}.")
    return list(names)


def _places(documents: Sequence[Document]) -> Mapping[tuple[str | int, ...], int]:
    """(File, Line) or (File,) -> the number of the document; an ambiguous base name is an error."""
    keys = [(one.file,) if one.line is None else (one.file, one.line) for one in documents]
    (key, count), *_ = Counter(keys).most_common(1) or [(("",), 0)]
    if count > 1:
        raise TrainingDataError(f"{count} training files are called {key[0]}; annotations could mean any of them.")
    return {key: at for at, key in enumerate(keys)}


def _apart(spans: list[Span], document: Document) -> list[Span]:
    """In the order of the text, equal ones once; TrainingDataError if they overlap."""
    ordered = sorted(set(spans))
    for before, after in pairwise(ordered):
        if after.begin < before.end:
            where = document.file if document.line is None else f"line {document.line} of {document.file}"
            raise TrainingDataError(f"Two annotations of {where} overlap at character {after.begin}.")
    return ordered
