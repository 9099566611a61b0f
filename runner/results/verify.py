"""The offline proof that a corpus's books are closed: result files against ledgers, line by line.

Checked: one line per document, in the ledger's order, nothing else in the files; keys and their order; ids and
languages; each analysis exactly one of ok, error, skipped; skips and early errors as `runner.planning.fates` has them;
payloads null if and only if not ok; problems in step with outcomes; offsets that select, in the texts still in
`parts/`, what the row repeats. Findings are sentences without document text. Nothing is written, no network is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw

from runner.errors import RunDirectoryError
from runner.model import AnalysisSpec, Document, Ledger, SegmentId, Tally
from runner.planning.fates import closing
from runner.results.checks import span_reader
from runner.results.merge import Problem, TallyBook, pieces_of
from runner.results.partfiles import part_path, read_ledger, read_lines
from runner.results.resultlines import Stretch, joined_line, stretches
from runner.results.writer import result_path

if TYPE_CHECKING:
    from _hashlib import HASH

FINDINGS_MAX: Final = 1_000
"""More are counted, not kept: a file cut in the middle would give one per line."""

_OUTCOMES: Final = frozenset({"ok", "error", "skipped"})
_HEAD: Final = ("corpus", "id", "language", "outcome", "problems")
_OPTIONAL: Final = ("fields", "text")

_decode_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_outcome: Final = msgspec.json.Decoder(dict[str, str]).decode
_decode_problems: Final = msgspec.json.Decoder(list[Problem]).decode
_decode_any: Final = msgspec.json.decode
_encode: Final = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTask:
    """Verify one corpus. `segments` are (id, result file, end offset), in order, as journalled."""

    corpus: str
    analyses: tuple[AnalysisSpec, ...]
    segments: tuple[tuple[SegmentId, int, int], ...]
    directory: str
    results_directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it must be; `line` counts from one, 0 for a whole file."""

    file: str
    line: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One result file as it is."""

    name: str
    """Below the results directory: `<corpus>/NNNNN.jsonl`."""
    bytes: int
    lines: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was found; `findings` are the first of `findings_total`."""

    corpus: str
    documents: int
    tallies: tuple[Tally, ...]
    files: tuple[FileFacts, ...]
    payloads_checked: int
    """Payloads whose offsets were held against the text."""
    findings: tuple[Finding, ...]
    findings_total: int


def verify_corpus(task: VerifyTask) -> VerifyReport:
    """Hold a corpus's result files against its ledgers. Raises RunDirectoryError if a ledger is missing or damaged."""
    return _Verification(task).run()


class _Verification:
    """One verification under way."""

    def __init__(self, task: VerifyTask) -> None:
        self._task = task
        self._keys = (*_HEAD, *(analysis.name for analysis in task.analyses))
        self._book = TallyBook()
        self._findings: list[Finding] = []
        self._findings_total = 0
        self._documents = 0
        self._payloads_checked = 0
        self._name = ""
        self._line = 0

    def run(self) -> VerifyReport:
        task = self._task
        by_file: dict[int, list[Stretch]] = {}
        for stretch in stretches(task.segments):
            by_file.setdefault(stretch.file, []).append(stretch)
        files = tuple(self._file(number, of_file) for number, of_file in sorted(by_file.items()))
        self._unknown_files({file.name for file in files})
        return VerifyReport(
            corpus=task.corpus,
            documents=self._documents,
            tallies=self._book.tallies(task.analyses),
            files=files,
            payloads_checked=self._payloads_checked,
            findings=tuple(self._findings),
            findings_total=self._findings_total,
        )

    def _file(self, number: int, of_file: Sequence[Stretch]) -> FileFacts:
        path = result_path(self._task.results_directory, self._task.corpus, number)
        self._name, self._line = f"{self._task.corpus}/{path.name}", 0
        digest, size = sha256(), 0
        try:
            with path.open("rb") as file:
                lines = _hashed(file, digest)
                for stretch in of_file:
                    size += self._segment(stretch, lines)
                rest = sum(len(line) for line in lines)
        except FileNotFoundError:
            self._found("the file is missing", line=0)
            rest = 0
        if rest:
            self._found(f"{rest} bytes after the last document", line=self._line + 1)
        return FileFacts(name=self._name, bytes=size + rest, lines=self._line, sha256=digest.hexdigest())

    def _segment(self, stretch: Stretch, lines: Iterator[bytes]) -> int:
        """Verify a segment's lines; returns their bytes."""
        ledger = read_ledger(self._task.directory, stretch.segment)
        texts = _Texts(self._task.directory, ledger)
        size = 0
        for document in ledger.documents:
            line = next(lines, b"")
            self._documents += 1
            if not line:
                self._found("the file ends before its last document", line=self._line + 1)
                break
            self._line += 1
            size += len(line)
            for sentence in self._faults(line, document, ledger, texts):
                self._found(sentence)
        if size != stretch.end - stretch.start:
            self._found(f"segment {stretch.segment} has {size} bytes, journalled are {stretch.end - stretch.start}")
        return size

    def _faults(self, line: bytes, document: Document, ledger: Ledger, texts: _Texts) -> Iterator[str]:
        """Sentences about one line."""
        try:
            members = _decode_members(line)
            head = tuple(_decode_any(members[key]) for key in ("corpus", "id", "language"))
            outcome = _decode_outcome(members["outcome"])
            problems = _decode_problems(members["problems"])
        except (KeyError, UnicodeDecodeError, msgspec.MsgspecError):
            yield "is not a result line"
            return
        if tuple(key for key in members if key not in _OPTIONAL) != self._keys:
            yield "has not the corpus's keys in their order"
            return
        written = zip(_HEAD, (*head, outcome, problems), strict=True)
        if joined_line(members | {key: Raw(_encode(value)) for key, value in written}) != line:
            yield "is not written as it must be (spaces, escapes or line end)"
        if head != (ledger.corpus, document.id, document.language):
            yield "is not the line of the document due here (corpus, id, language)"
        if tuple(outcome) != self._keys[len(_HEAD) :]:
            yield "`outcome` has not every analysis in its order"
            return
        yield from self._pair_faults(document, members, outcome, problems, texts=texts)
        wanted = [name for name, ending in outcome.items() if ending != "ok"]
        named = [problem.analysis for problem in problems]
        if named[: len(wanted)] != wanted or any(outcome.get(name) != "ok" for name in named[len(wanted) :]):
            yield "`problems` is not in step with `outcome`"

    def _pair_faults(
        self,
        document: Document,
        members: Mapping[str, Raw],
        outcome: Mapping[str, str],
        problems: Sequence[Problem],
        *,
        texts: _Texts,
    ) -> Iterator[str]:
        by_name = {problem.analysis: problem for problem in problems if outcome.get(problem.analysis) != "ok"}
        for analysis in self._task.analyses:
            ending, problem = outcome[analysis.name], by_name.get(analysis.name)
            payload = bytes(members[analysis.name])
            self._book.add(document, analysis.name, ending, problem.code if problem else "")
            if ending not in _OUTCOMES:
                yield f"{analysis.name}: `{ending}` is no outcome"
            elif (payload == b"null") != (ending != "ok"):
                yield f"{analysis.name}: is {ending}, and its result is {'null' if payload == b'null' else 'there'}"
            yield from _closing_faults(document, analysis, ending, problem)
            if ending == "ok":
                yield from self._span_faults(document, analysis, payload, texts)

    def _span_faults(self, document: Document, analysis: AnalysisSpec, payload: bytes, texts: _Texts) -> Iterator[str]:
        reader = span_reader(analysis.family)
        text = texts.of(document, analysis) if reader is not None else None
        if text is None or reader is None:
            return
        self._payloads_checked += 1
        try:
            fits = reader.agrees(reader.of(payload), text)
        except msgspec.MsgspecError:
            fits = False
        if not fits:
            yield f"{analysis.name}: its offsets do not select what it repeats"

    def _unknown_files(self, known: set[str]) -> None:
        folder = Path(self._task.results_directory) / self._task.corpus
        for path in sorted(folder.glob("*.jsonl")):
            self._name = f"{self._task.corpus}/{path.name}"
            if self._name not in known:
                self._found("this file is none of the run's", line=0)

    def _found(self, sentence: str, *, line: int | None = None) -> None:
        self._findings_total += 1
        if len(self._findings) < FINDINGS_MAX:
            number = self._line if line is None else line
            self._findings.append(Finding(file=self._name, line=number, sentence=sentence))


class _Texts:
    """The texts of one segment's documents, as far as their parts are still there."""

    def __init__(self, directory: str, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger
        self._parts: dict[int, list[bytes] | None] = {}

    def of(self, document: Document, analysis: AnalysisSpec) -> str | None:
        """The folded text of a document, put together from its pieces' cores where it was split; None if gone."""
        split = pieces_of(document, analysis)
        if not split:
            return self._line(document.part, document.line)
        cores: list[str] = []
        for piece in split:
            text = self._line(piece.part, piece.line)
            if text is None:
                return None
            cores.append(text[piece.core_begin - piece.begin : piece.core_end - piece.begin])
        return "".join(cores)

    def _line(self, part: int, line: int) -> str | None:
        if part < 0:
            return None
        if part not in self._parts:
            try:
                self._parts[part] = read_lines(part_path(self._directory, self._ledger.parts[part]))
            except RunDirectoryError:
                self._parts[part] = None
        texts = self._parts[part]
        return texts[line].decode() if texts is not None and line < len(texts) else None


def _closing_faults(document: Document, analysis: AnalysisSpec, ending: str, problem: Problem | None) -> Iterator[str]:
    """Whether a pair ends as the rules on fates have it."""
    closed = closing(
        analysis, fate=document.fate, message=document.message, size=document.size, language=document.language
    )
    if closed is not None:
        if ending != closed.outcome or problem is None or problem.code != closed.code or problem.by != "runner":
            yield f"{analysis.name}: must be {closed.outcome} with {closed.code}, by the runner"
    elif ending == "skipped":
        yield f"{analysis.name}: is skipped, and nothing in the ledger says why"
    elif problem is not None and problem.by not in {"service", "runner"}:
        yield f"{analysis.name}: its problem is by neither service nor runner"


def _hashed(lines: Iterator[bytes], digest: HASH) -> Iterator[bytes]:
    for line in lines:
        digest.update(line)
        yield line
