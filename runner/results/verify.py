"""The offline proof that a corpus's books are closed: result files against ledgers, line by line.

Checked: one line per document (or per changed one, where only these have lines), in the ledger's order, nothing else in
the files; keys and their order; ids and languages; each analysis exactly one of ok, error, skipped; skips and early
errors as `runner.planning.fates` has them; payloads null if and only if not ok; problems in step with outcomes; offsets
that select, in the texts still in `parts/`, what the row repeats. Findings are sentences without document text. Nothing
is written, no network is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec
from msgspec import Raw

from runner.errors import RunDirectoryError
from runner.model import AnalysisSpec, Compression, Document, Ledger, LineForm, SegmentId, Tally
from runner.planning.fates import closing
from runner.results.checks import span_reader
from runner.results.dressing import is_redaction, mode_of
from runner.results.files import lines_between, result_path
from runner.results.loading import Texts
from runner.results.merge import PLAIN, Problem
from runner.results.partfiles import read_ledger
from runner.results.redaction import unfolded
from runner.results.resultlines import Stretch, joined_line, stretches
from runner.results.reuse.changes import count_unwritten, written
from runner.results.tallies import TallyBook

if TYPE_CHECKING:
    from _hashlib import HASH

FINDINGS_MAX: Final = 1_000
"""More are counted, not kept: a file cut in the middle would give one per line."""

_OUTCOMES: Final = frozenset({"ok", "error", "skipped"})
_HEAD: Final = ("corpus", "id", "language", "outcome", "problems")

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
    form: LineForm = PLAIN
    compression: Compression = "none"


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
        form = task.form
        self._extras = tuple(key for key, there in (("fields", form.fields), ("text", form.text)) if there)
        self._names = tuple(analysis.name for analysis in task.analyses)
        self._keys = (*_HEAD, *self._extras, *self._names)
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
        path = result_path(self._task.results_directory, self._task.corpus, number, self._task.compression)
        self._name, self._line = f"{self._task.corpus}/{path.name}", 0
        try:
            with path.open("rb") as file:
                plain = self._task.compression == "none"
                size, rest, digest = self._plain(file, of_file) if plain else self._packed(file, path, of_file)
        except FileNotFoundError:
            self._found("the file is missing", line=0)
            size, rest, digest = 0, 0, sha256()
        if rest > 0:
            self._found(f"{rest} bytes after the last document", line=self._line + 1)
        return FileFacts(name=self._name, bytes=size, lines=self._line, sha256=digest.hexdigest())

    def _plain(self, file: BinaryIO, of_file: Sequence[Stretch]) -> tuple[int, int, HASH]:
        """(bytes, bytes after the last document, digest) of a file of lines, which are its segments' one by one."""
        digest, size = sha256(), 0
        lines = _hashed(file, digest)
        for stretch in of_file:
            found = self._segment(stretch, lines)
            if found != stretch.end - stretch.start:
                self._found(
                    f"segment {stretch.segment} has {found} bytes, journalled are {stretch.end - stretch.start}"
                )
            size += found
        rest = sum(len(line) for line in lines)
        return size + rest, rest, digest

    def _packed(self, file: BufferedReader, path: Path, of_file: Sequence[Stretch]) -> tuple[int, int, HASH]:
        """The same of a compressed file, whose segments are where the journal says."""
        digest = file_digest(file, "sha256")
        size = path.stat().st_size
        for stretch in of_file:
            lines = lines_between(file, path, stretch.start, stretch.end, self._task.compression)
            try:
                self._segment(stretch, lines)
                if next(lines, None) is not None:
                    self._found(f"segment {stretch.segment} has more lines than documents", line=self._line + 1)
            except RunDirectoryError as error:
                self._found(f"segment {stretch.segment}: {error.message}", line=self._line + 1)
        return size, size - of_file[-1].end, digest

    def _segment(self, stretch: Stretch, lines: Iterator[bytes]) -> int:
        """Verify a segment's lines; returns their bytes."""
        ledger = read_ledger(self._task.directory, stretch.segment)
        texts = Texts(self._task.directory, ledger)
        size = 0
        documents = written(ledger, self._task.analyses, changed=self._task.form.changed)
        count_unwritten(self._book, ledger, documents, self._task.analyses)
        self._documents += len(ledger.documents) - len(documents)
        for document in documents:
            line = next(lines, b"")
            self._documents += 1
            if not line:
                self._found("the file ends before its last document", line=self._line + 1)
                break
            self._line += 1
            size += len(line)
            for sentence in self._faults(line, document, ledger, texts):
                self._found(sentence)
        return size

    def _faults(self, line: bytes, document: Document, ledger: Ledger, texts: Texts) -> Iterator[str]:
        """Sentences about one line."""
        try:
            members = _decode_members(line)
            head = tuple(_decode_any(members[key]) for key in ("corpus", "id", "language"))
            outcome = _decode_outcome(members["outcome"])
            problems = _decode_problems(members["problems"])
        except (KeyError, UnicodeDecodeError, msgspec.MsgspecError):
            yield "is not a result line"
            return
        if tuple(members) != self._keys:
            yield "has not the corpus's keys in their order"
            return
        written = zip(_HEAD, (*head, outcome, problems), strict=True)
        if joined_line(members | {key: Raw(_encode(value)) for key, value in written}) != line:
            yield "is not written as it must be (spaces, escapes or line end)"
        if head != (ledger.corpus, document.id, document.language):
            yield "is not the line of the document due here (corpus, id, language)"
        yield from self._extra_faults(members, document, texts)
        if tuple(outcome) != self._names:
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
        texts: Texts,
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

    def _span_faults(self, document: Document, analysis: AnalysisSpec, payload: bytes, texts: Texts) -> Iterator[str]:
        if mode_of(analysis) == "redaction":
            yield from self._redaction_faults(document, analysis, payload, texts)
            return
        reader = span_reader(analysis.family)
        text = texts.of(document) if reader is not None else None
        if text is None or reader is None:
            return
        self._payloads_checked += 1
        try:
            fits = reader.first_wrong([0], [reader.of(payload)], [text]) is None
        except msgspec.MsgspecError:
            fits = False
        if not fits:
            yield f"{analysis.name}: its offsets do not select what it repeats"

    def _redaction_faults(
        self, document: Document, analysis: AnalysisSpec, payload: bytes, texts: Texts
    ) -> Iterator[str]:
        text = texts.of(document)
        if text is None:
            return
        self._payloads_checked += 1
        if not is_redaction(document, analysis, payload, text):
            yield f"{analysis.name}: is no redacted form of the document's text"

    def _extra_faults(self, members: Mapping[str, Raw], document: Document, texts: Texts) -> Iterator[str]:
        if "fields" in self._extras and bytes(members["fields"]) != (document.fields or b"null"):
            yield "`fields` are not those of the document"
        text = texts.of(document) if "text" in self._extras else None
        if text is not None and bytes(members["text"]) != _encode(unfolded(text, document.folds)):
            yield "`text` is not that of the document"

    def _unknown_files(self, known: set[str]) -> None:
        folder = Path(self._task.results_directory) / self._task.corpus
        for path in sorted(folder.glob("*.jsonl*")):
            self._name = f"{self._task.corpus}/{path.name}"
            if self._name not in known:
                self._found("this file is none of the run's", line=0)

    def _found(self, sentence: str, *, line: int | None = None) -> None:
        self._findings_total += 1
        if len(self._findings) < FINDINGS_MAX:
            number = self._line if line is None else line
            self._findings.append(Finding(file=self._name, line=number, sentence=sentence))


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
