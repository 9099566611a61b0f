"""Reopening: documents that a run closed as errors are gathered into new parts, for new jobs to answer.

Result lines name the errors; the ledger says, by position, which document that is and where its lines lie; their texts
are still in `parts/`. Errors that follow from the input are left alone: another job would say the same. What the new
jobs answer is put in place by `runner.results.patch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from runner.model import AnalysisSpec, Document, Ledger, PartId, ReopenReport, ReopenTask, RepairReport
from runner.results.files import result_path
from runner.results.partfiles import part_path, read_ledger
from runner.results.pieces import lines_of
from runner.results.repair import texts_of, write_repair_part
from runner.results.resultlines import Stretch, head_of, is_changeable, lines_at, stretches
from runner.results.reuse.changes import written

_ERROR_MARK: Final = b'":"error"'
"""Every line with an error has it; looking for it is quicker than reading each line's head."""

_Pool = tuple[str, str | None]
"""An analysis, and the language of its documents, None where its jobs take none."""


def reopen(task: ReopenTask) -> ReopenReport:
    """Gather the lines of documents closed as errors under the named analyses, with the named codes.

    New parts are numbered from `task.serial` on; none is larger than a job of its family may be. Result files are read
    and not changed. Raises RunDirectoryError if results, ledgers or parts are missing or do not fit one another.
    """
    wanted: dict[_Pool, dict[PartId, set[int]]] = {}
    errors: Counter[tuple[str, str]] = Counter()
    documents = 0
    for stretch in stretches(task.segments):
        ledger = read_ledger(task.directory, stretch.segment)
        for document, found in _errors(task, stretch, ledger):
            documents += 1
            for analysis, code in found:
                errors[analysis.name, code] += 1
                _want(wanted, ledger, document, analysis)
    return ReopenReport(
        parts=tuple(_write_parts(task, wanted)),
        documents=documents,
        errors=tuple((name, code, count) for (name, code), count in sorted(errors.items())),
    )


def _errors(
    task: ReopenTask, stretch: Stretch, ledger: Ledger
) -> Iterator[tuple[Document, list[tuple[AnalysisSpec, str]]]]:
    """The documents of a segment to be reopened, each with its (analysis, code)s."""
    path = result_path(task.results_directory, task.corpus, stretch.file, task.compression)
    with path.open("rb") as file:
        documents = written(ledger, task.analyses, changed=task.changed)
        lines = lines_at(file, path, stretch, len(documents), task.compression)
        for document, line in zip(documents, lines, strict=True):
            if _ERROR_MARK not in line:
                continue
            head = head_of(line, path)
            found = [
                (analysis, head.code(analysis.name))
                for analysis in task.analyses
                if analysis.name in task.reopen and head.outcome.get(analysis.name) == "error"
            ]
            found = [(analysis, code) for analysis, code in found if _is_named(task, analysis, code)]
            if found:
                yield document, found


def _is_named(task: ReopenTask, analysis: AnalysisSpec, code: str) -> bool:
    return is_changeable(analysis, code) and (not task.codes or code in task.codes)


def _want(
    wanted: dict[_Pool, dict[PartId, set[int]]], ledger: Ledger, document: Document, analysis: AnalysisSpec
) -> None:
    language = document.language if analysis.row.takes_language else None
    parts = wanted.setdefault((analysis.name, language), {})
    for part, line in lines_of(document, analysis):
        parts.setdefault(ledger.parts[part], set()).add(line)


def _write_parts(
    task: ReopenTask, wanted: Mapping[_Pool, Mapping[PartId, set[int]]]
) -> Iterator[tuple[str, str | None, RepairReport]]:
    serial = task.serial
    for analysis in task.analyses:
        pools = sorted((pool for pool in wanted if pool[0] == analysis.name), key=lambda pool: pool[1] or "")
        for pool in pools:
            for share in _shares(task.directory, analysis, wanted[pool]):
                yield analysis.name, pool[1], write_repair_part(task.directory, serial, share)
                serial += 1


def _shares(
    directory: str, analysis: AnalysisSpec, wanted: Mapping[PartId, set[int]]
) -> Iterator[dict[PartId, list[int]]]:
    """The wanted lines in the order of the input, in shares that one job of the family may read."""
    row = analysis.row
    share: dict[PartId, list[int]] = {}
    lines = size = 0
    for part in sorted(wanted):
        numbers = sorted(wanted[part])
        for number, text in zip(numbers, texts_of(part_path(directory, part), numbers), strict=True):
            if lines + 1 > row.job_lines_max or size + len(text) + 1 > row.job_bytes_max:
                yield share
                share, lines, size = {}, 0, 0
            share.setdefault(part, []).append(number)
            lines += 1
            size += len(text) + 1
    if share:
        yield share
