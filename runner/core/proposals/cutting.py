"""Bisection: a job that one of its documents may have brought down is cut in two, and its pieces again where they fail.

A document that no job survives ends alone then, as an error of its own; all others are answered. What that may cost is
bounded: each cut sends the lines of one job once more, every Start is within the budget, and the number of pieces is
limited, the more so as long as none of them has been answered (then it is not one document).
"""

from __future__ import annotations

from typing import Final

from runner.catalogue import FAMILIES
from runner.core import commands as c
from runner.core.kinds import RESULTS
from runner.core.proposals.proposal import Proposal, not_before
from runner.core.records import JobRecord
from runner.core.run import Run
from runner.core.states import State
from runner.model import Fault, FaultKind

NUMBERING: Final = (c.GatherRepair, c.CutJob)
"""Commands whose answer is a new batch: one at a time, since its number is given when they are proposed."""
FAILED_BY_A_DOCUMENT: Final = frozenset({FaultKind.TRANSIENT, FaultKind.REJECTED, FaultKind.CORRUPT})
"""What a job says that one of its documents may have brought down."""
PIECES_AT_FIRST: Final = 16
"""Pieces of one job, as long as none of them has been answered."""
PIECES_PER_ANSWER: Final = 16
"""Further ones for each that has: finding one document among a million takes twenty cuts and answers twenty pieces."""
PIECES_MAX: Final = 256


def can_be_cut(run: Run, record: JobRecord, fault: Fault) -> bool:
    """Whether a job that came to nothing is to be replaced by two that read half of its lines each.

    Not what must read a whole corpus, nor a single line, nor anything if the policy allows no round of repairs.
    """
    about_documents = (record.state, fault.kind) != (State.ENDED, FaultKind.REJECTED)
    if fault.kind not in FAILED_BY_A_DOCUMENT or not about_documents or not run.config.repair_rounds:
        return False
    if FAMILIES[run.families[record.job.analysis]].whole_corpus or run.batches[record.job.batch].lines < 2:
        return False
    first = run.jobs[record.piece_of] if record.piece_of is not None else record
    allowed = min(PIECES_MAX, PIECES_AT_FIRST + PIECES_PER_ANSWER * first.pieces_collected)
    return first.pieces + 2 <= allowed


def cut(run: Run, record: JobRecord, now: float) -> Proposal:
    """Cut a job in two."""
    command = c.CutJob(job=record.job.key, generation=record.generation, serial=run.batches_planned + 1)
    return Proposal(not_before(run, ("", RESULTS), now), command)
