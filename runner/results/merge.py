"""Merges what is known of one segment into its result lines, to the byte of DESIGN 5.4. Pure.

In: the segment's ledger, its analyses in manifest order, and per analysis the entries of the parts that the ledger
names. Out: one line per document in the ledger's order, and a tally. No clock, no files; the same input gives the same
bytes, whatever generations, archives or workers the entries came through.

Nearly all documents are sent to every analysis, whole, and answered; their lines are put together many at a time, by
one join over columns. Every other document goes the general way, which is the definition; tests hold the two together.

Payloads of PII that is redacted are *dressed* (`runner.results.dressing`): they need the document's text, as `text` on
the lines does. Whoever calls gives the texts; where nothing needs them, they are not asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from runner.catalogue import units
from runner.errors import InternalError
from runner.model import AnalysisSpec, Document, Ledger, LineForm, PartId
from runner.planning.fates import NO_RESULT, closing
from runner.results.dressing import dressed, is_dressed, payload_from
from runner.results.entries import NO_ENTRY, error_of, is_error, is_ok
from runner.results.pieces import lines_of, pieces_of
from runner.results.redaction import unfolded
from runner.results.tallies import TallyBook

NO_RESULT_MESSAGE: Final = "the service gave no row for this document"

PLAIN: Final = LineForm()

_TOGETHER: Final = 256
"""Documents whose lines are joined at once: what a join costs is then little beside what it copies."""

_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines


class Problem(msgspec.Struct, frozen=True):
    """One entry of a line's `problems`, members in the contract's order."""

    analysis: str
    code: str
    message: str
    by: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of one segment under one analysis; parts are indices into the ledger's.

    `entries` gives the entry of a line (a list for a whole part, a dict for few lines of another segment's); `whole`
    has the parts of which every line has a payload; `given_up` has (code, message) for the lines that no entry answers.
    """

    entries: Mapping[int, Sequence[bytes] | Mapping[int, bytes]]
    whole: frozenset[int] = frozenset()
    given_up: Mapping[int, tuple[str, str]] = field(default_factory=dict)


class Outcome(NamedTuple):
    """How one (document, analysis) pair ends: `payload`, and perhaps a `notice`, if ok, else `problem`."""

    outcome: str
    payload: bytes = b"null"
    problem: Problem | None = None
    notice: Problem | None = None


TextOf = Callable[[Document], str | None]
"""The folded text of a document; None if no line holds it."""


def no_text(_: Document) -> str | None:
    """For segments whose lines need no text."""
    raise InternalError("a line needs its document's text, and none was loaded")


def merge_lines(
    ledger: Ledger,
    analyses: Sequence[AnalysisSpec],
    answers: Sequence[Answers],
    book: TallyBook,
    *,
    form: LineForm = PLAIN,
    text_of: TextOf = no_text,
) -> Iterator[bytes]:
    """The result lines of a segment, in the ledger's order, each closed by a line feed, one or many at a time.

    `book` counts them.

    `answers` is parallel to `analyses`. Raises InternalError if a pair that is to be answered by a job is covered
    neither by entries nor by a closing: merged before its time, it would be lost.
    """
    merge = _Merge(ledger, analyses, answers, form, text_of)
    labels = _encode_lines([document.id for document in ledger.documents]).split(b"\n")
    for begin in range(0, len(ledger.documents), _TOGETHER):
        documents = ledger.documents[begin : begin + _TOGETHER]
        yield from _lines_together(merge, documents, labels[begin : begin + _TOGETHER], book)


def _lines_together(
    merge: _Merge, documents: Sequence[Document], labels: Sequence[bytes], book: TallyBook
) -> Iterator[bytes]:
    """The lines of some documents: stretches of usual ones, and those between."""
    rows = merge.usual_rows(documents)
    odd = [place for place, row in enumerate(rows) if row is None] if None in rows else []
    begin = 0
    for end in (*odd, len(documents)):
        if begin < end:
            yield merge.joined(documents[begin:end], labels[begin:end], rows[begin:end])
        if end < len(documents):
            yield merge.general(documents[end], labels[end], book)
        begin = end + 1
    merge.count(
        documents if not odd else [each for each, row in zip(documents, rows, strict=True) if row is not None], book
    )


def needs_text(analyses: Sequence[AnalysisSpec], form: LineForm) -> bool:
    """Whether lines of a corpus cannot be written without the texts of its documents."""
    return form.text or any(map(is_dressed, analyses))


def outcome_of(
    document: Document, analysis: AnalysisSpec, answers: Answers, parts: Sequence[PartId], text_of: TextOf = no_text
) -> Outcome:
    """How a document ends under an analysis: the definition that the quick way is held to."""
    closed = closing(
        analysis, fate=document.fate, message=document.message, size=document.size, language=document.language
    )
    if closed is not None:
        return _failed(analysis.name, closed.outcome, closed.code, closed.message, "runner")
    lines = lines_of(document, analysis)
    entries = [_entry(answers, part, line, parts) for part, line in lines]
    for entry, (part, _) in zip(entries, lines, strict=True):
        if is_error(entry):
            return _failed(analysis.name, "error", *error_of(entry), "service")
        if not entry:
            code, message = answers.given_up.get(part, (NO_RESULT, NO_RESULT_MESSAGE))
            return _failed(analysis.name, "error", code, message, "runner")
    return answered(document, analysis, entries, text_of)


def answered(document: Document, analysis: AnalysisSpec, entries: Sequence[bytes], text_of: TextOf) -> Outcome:
    """How a document ends all of whose lines, or whose one line, have a payload."""
    if not is_dressed(analysis):
        return Outcome("ok", payload_from(analysis, pieces_of(document, analysis), entries))
    payload, notice = dressed(document, analysis, entries, text_of(document) or "")
    if notice is None:
        return Outcome("ok", payload)
    return Outcome("ok", payload, notice=Problem(analysis.name, *notice, "runner"))


def extra_names(form: LineForm) -> list[bytes]:
    """The keys between `problems` and the analyses, as JSON."""
    return [name for name, there in ((b'"fields"', form.fields), (b'"text"', form.text)) if there]


def line_head(corpus: str, label: bytes, language: str | None) -> bytes:
    """A line up to its outcomes; `label` is the document's id as JSON."""
    return b'{"corpus":%b,"id":%b,"language":%b' % (_encode(corpus), label, _encode(language))


def _failed(analysis: str, outcome: str, code: str, message: str, by: str) -> Outcome:
    return Outcome(outcome, problem=Problem(analysis, code, message, by))


def _entry(answers: Answers, part: int, line: int, parts: Sequence[PartId]) -> bytes:
    block = answers.entries.get(part)
    if block is None:
        if part not in answers.given_up:
            raise InternalError(f"part {parts[part]} is merged before it is answered or given up")
        return NO_ENTRY
    return block[line]


_Row = tuple[bytes, ...] | None


class _NoRows:
    """Stands for the rows of a part of which not every analysis has said something."""

    def __getitem__(self, _: int) -> None:
        return None


class _Merge:
    """What the lines of one segment share."""

    def __init__(
        self,
        ledger: Ledger,
        analyses: Sequence[AnalysisSpec],
        answers: Sequence[Answers],
        form: LineForm,
        text_of: TextOf,
    ) -> None:
        self._ledger = ledger
        self._analyses = analyses
        self._answers = answers
        self._form = form
        self._text_of = text_of
        self._dressed = any(map(is_dressed, analyses))
        self._names = [_encode(analysis.name) for analysis in analyses]
        self._size_max = min((analysis.document_bytes_max for analysis in analyses), default=0)
        self._rows = [self._usual_rows(part) or _NoRows() for part in range(len(ledger.parts))]
        templates = {language: self._template(language) for language in {each.language for each in ledger.documents}}
        self._templates = {language: template for language, template in templates.items() if template}

    def usual_rows(self, documents: Sequence[Document]) -> Sequence[_Row]:
        """Payloads, by document; None unless every analysis was sent it whole and has answered.

        What `closing` looks at beside fate and size is the language alone, so one look per language will do; a size
        within every limit closes nothing.
        """
        rows, templates, size_max = self._rows, self._templates, self._size_max
        found = [
            rows[document.part][document.line]
            if document.fate is None
            and document.size <= size_max
            and document.part >= 0
            and document.language in templates
            else None
            for document in documents
        ]
        if not self._dressed:
            return found
        return [
            None if row is None else self._dress(document, row) for document, row in zip(documents, found, strict=True)
        ]

    def joined(self, documents: Sequence[Document], labels: Sequence[bytes], rows: Sequence[_Row]) -> bytes:
        """The lines of usual documents, in one piece."""
        columns: list[Sequence[bytes]] = [labels]
        if self._form != PLAIN:
            columns += zip(*map(self._extras, documents), strict=True)
        columns += zip(*rows, strict=True)
        # Only what follows the label says the language.
        start, _, *between = self._templates[documents[0].language]
        heads = [self._templates[document.language][1] for document in documents]
        width = 2 * len(columns) + 1
        pieces = [b""] * (width * len(documents))
        pieces[::width] = [start] * len(documents)
        pieces[2::width] = heads
        for place, column in enumerate(columns):
            pieces[2 * place + 1 :: width] = column
        for place, text in enumerate(between, start=2):
            pieces[2 * place :: width] = [text] * len(documents)
        return b"".join(pieces)

    def count(self, documents: Sequence[Document], book: TallyBook) -> None:
        """Count usual documents."""
        languages = {document.language for document in documents}
        for language in languages:
            found = [each for each in documents if each.language == language] if len(languages) > 1 else documents
            size = sum([document.size for document in found])
            lengths = Counter([document.characters for document in found])
            unit = sum([units(characters) * number for characters, number in lengths.items()])
            for analysis in self._analyses:
                book.add_many(analysis.name, language, "ok", "", (len(found), size, unit))

    def _dress(self, document: Document, row: tuple[bytes, ...]) -> _Row:
        """Payloads as they stand on the line; None if one comes with a notice."""
        outcomes = [
            answered(document, analysis, [entry], self._text_of)
            for analysis, entry in zip(self._analyses, row, strict=True)
        ]
        return None if any(outcome.notice for outcome in outcomes) else tuple(outcome.payload for outcome in outcomes)

    def _extras(self, document: Document) -> tuple[bytes, ...]:
        """The values of the keys that not every corpus has."""
        extras = []
        if self._form.fields:
            extras.append(b"null" if document.fields is None else document.fields)
        if self._form.text:
            text = self._text_of(document)
            extras.append(_encode(None if text is None else unfolded(text, document.folds)))
        return tuple(extras)

    def _usual_rows(self, part: int) -> Sequence[_Row] | Mapping[int, _Row] | None:
        """Per line of a part, its payloads under every analysis, or None unless all of them are ok."""
        columns = [answers.entries.get(part) for answers in self._answers]
        lists = [column for column in columns if isinstance(column, list)]
        if len(lists) == len(columns) > 0:
            rows = zip(*lists, strict=True)
            if all(part in answers.whole for answers in self._answers):
                return list(rows)
            return [row if all(map(is_ok, row)) else None for row in rows]
        dicts = [column for column in columns if isinstance(column, dict)]
        if len(dicts) == len(columns) > 0:
            few = ((line, tuple(column[line] for column in dicts)) for line in dicts[0])
            return {line: row if all(map(is_ok, row)) else None for line, row in few}
        return None

    def _template(self, language: str | None) -> list[bytes] | None:
        """A line whose analyses are all ok, cut where id, extras and payloads stand.

        None if one of the analyses does not take the language.
        """
        for analysis in self._analyses:
            if closing(analysis, fate=None, message=None, size=0, language=language) is not None:
                return None
        # No JSON text holds a NUL, so it marks the places.
        extras = [b"\0"] * (self._form.fields + self._form.text)
        return self._line(b"\0", language, extras, [Outcome("ok", b"\0")] * len(self._analyses)).split(b"\0")

    def general(self, document: Document, label: bytes, book: TallyBook) -> bytes:
        """The line of any document."""
        outcomes = []
        for analysis, answers in zip(self._analyses, self._answers, strict=True):
            outcome = outcome_of(document, analysis, answers, self._ledger.parts, self._text_of)
            code = outcome.problem.code if outcome.problem else ""
            book.add(document, analysis.name, outcome.outcome, code)
            outcomes.append(outcome)
        return self._line(label, document.language, self._extras(document), outcomes)

    def _line(self, label: bytes, language: str | None, extras: Sequence[bytes], outcomes: Sequence[Outcome]) -> bytes:
        problems = [outcome.problem for outcome in outcomes if outcome.problem]
        problems += [outcome.notice for outcome in outcomes if outcome.notice]
        by_name = {analysis.name: outcome.outcome for analysis, outcome in zip(self._analyses, outcomes, strict=True)}
        fields = [
            line_head(self._ledger.corpus, label, language),
            b'"outcome":' + _encode(by_name),
            b'"problems":' + _encode(problems),
            *(b"%b:%b" % (name, extra) for name, extra in zip(extra_names(self._form), extras, strict=True)),
            *(b"%b:%b" % (name, outcome.payload) for name, outcome in zip(self._names, outcomes, strict=True)),
        ]
        return b",".join(fields) + b"}\n"
