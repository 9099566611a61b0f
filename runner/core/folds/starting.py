"""Facts about batches being staged and generations being started, and the checks after a Start without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.core import events as e
from runner.core.commands import Check
from runner.core.folds.looking import expect
from runner.core.records import Extra, JobRecord
from runner.core.retry import CALLS, backoff
from runner.core.states import State
from runner.model import FaultKind

if TYPE_CHECKING:
    from runner.core.run import Run

CALL_S_MAX: Final = 90.0
"""No Start is under way longer: connecting and reading time out before (10 and 60 s), and so does what is sent."""
GRACES_DOUBLED_MAX: Final = 5
FULL_DOUBLED_MAX: Final = 3


def batch_staged(run: Run, event: e.BatchStaged) -> None:
    """Jobs can read a batch on a lane."""
    lanes = run.staged.get(event.batch, ())
    if event.lane not in lanes:
        run.staged[event.batch] = (*lanes, event.lane)
        run.enqueue_in(event.lane, event.batch)


def staging_lost(run: Run, event: e.StagingLost) -> None:
    """What was staged in a lane, and is still wanted, is to be staged again. Looks at every batch."""
    for batch in [batch for batch, lanes in run.staged.items() if event.lane in lanes]:
        lanes = tuple(lane for lane in run.staged[batch] if lane != event.lane)
        if lanes:
            run.staged[batch] = lanes
        else:
            del run.staged[batch]
        run.requeue(batch)


def start_intended(run: Run, event: e.StartIntended, record: JobRecord) -> None:
    """A generation holds a slot from now on, whatever becomes of the call."""
    record.lane, record.name, record.token = event.lane, event.name, event.token
    record.intended_at = event.at
    record.predicted_s = record.job.predicted_s
    record.past = (*record.past, record.remote_id) if record.remote_id is not None else record.past
    record.remote_id = record.status = record.output_uri = None
    record.submitted_at = record.ended_at = None
    record.proven = record.partial = record.replayed = False
    record.check, record.check_rounds = Check.LIST, 0
    record.starts += 1
    run.stations[event.lane, record.job.operation].occupied[record.job.key] = record
    run.committed[run.families[record.job.analysis]] += record.job.units


def start_accepted(run: Run, event: e.StartAccepted, record: JobRecord) -> None:
    """The service has the job; if the call was made twice, whether it has two is to be asked."""
    record.remote_id = event.remote_id
    record.accepted_at, record.looked_at, record.missing = event.at, float("-inf"), 0
    record.stop_asked = False
    record.check_rounds = 0
    expect(run, record)
    run.stations[record.lane, record.job.operation].refusals = 0
    if event.by == "replay" or record.replayed:
        record.confirmed = False
        record.confirm_at = event.at + run.timing(record.lane).grace_s
        run.to_confirm[record.job.key] = record


def start_refused(run: Run, event: e.StartRefused, record: JobRecord) -> None:
    """Back to where it was: waiting, or, after a refused replay, as unsure as before."""
    record.fault = event.fault
    if event.fault.kind is FaultKind.NO_SLOT:
        _full(run, record, event.at)
    if record.state is State.WAITING:
        run.committed[run.families[record.job.analysis]] -= record.job.units
        if event.fault.kind is FaultKind.CLOSED:
            run.closed_to[record.lane, record.job.analysis] = event.fault
        run.enqueue(record)
    else:
        record.check_at = event.at + backoff(CALLS, 1, (record.token, event.at))


def _full(run: Run, record: JobRecord, at: float) -> None:
    """The account has no slot left: until one of ours frees one, or a while has passed, and then not uncounted."""
    station = run.stations[record.lane, record.job.operation]
    station.full_until = at + run.timing(record.lane).full_s * 2 ** min(station.refusals, FULL_DOUBLED_MAX)
    station.refusals += 1
    station.counted_at = float("-inf")


def start_unanswered(_: Run, event: e.StartUnanswered, record: JobRecord) -> None:
    """The checks begin, or begin again."""
    record.replayed = record.replayed or record.check is Check.REPLAY
    record.fault = event.fault
    _check_from(record, event.at, asked_at=event.at)


def begin_checks(_: Run, record: JobRecord, event: e.SessionOpened, *, crashed_in: State) -> None:
    """A process ended while a Start, or the checks after one, were under way.

    The service took the call, if it did, while that process lived: the grace counts from the last moment at which that
    can have been, not from now, so that a run taken up a day later does not wait.
    """
    if crashed_in is State.INTENDED:
        record.check_rounds = 0
        _check_from(record, event.at, asked_at=min(event.at, record.intended_at + CALL_S_MAX))
        return
    if record.check is Check.REPLAY:
        record.replayed = True
        record.asked_at = event.at
    record.check_rounds = 0
    _check_from(record, event.at, asked_at=record.asked_at)


def _check_from(record: JobRecord, at: float, *, asked_at: float) -> None:
    record.check = Check.LIST
    record.check_at = at
    record.asked_at = asked_at
    record.check_rounds += 1


def start_not_found(run: Run, event: e.StartNotFound, record: JobRecord) -> None:
    """The next check, in their order; what S3 has proven is never asked for a second time."""
    record.proven = record.proven or event.proven
    record.checked_at = event.at
    grace_s = run.timing(record.lane).grace_s
    match Check(event.step):
        case Check.LIST:
            record.check = Check.PREFIX
        case Check.PREFIX:
            record.check = Check.LIST_AGAIN
            record.check_at = max(event.at, record.asked_at + grace_s)
        case Check.LIST_AGAIN:
            record.check = Check.PREFIX_AGAIN
        case _ if record.proven:
            record.check = Check.LIST_AGAIN
            record.check_rounds += 1
            record.check_at = event.at + grace_s * 2 ** min(record.check_rounds, GRACES_DOUBLED_MAX)
        case _:
            record.check = Check.REPLAY


def check_failed(run: Run, event: e.CheckFailed, record: JobRecord) -> None:
    """The same check again, later: soon after a failure, after a grace if the List does not show the job yet."""
    timing = run.timing(record.lane)
    unseen = event.fault.kind is FaultKind.NOT_FOUND
    again = event.at + (timing.grace_s if unseen else backoff(timing.calls, 1, (record.token, event.at)))
    if record.confirm_at is not None:
        record.confirm_at = again
    else:
        record.check_at = again


def duplicate_found(run: Run, event: e.DuplicateFound, record: JobRecord) -> None:
    """The older job is kept, and the others, which cost as much, are to be stopped, where the service can."""
    if record.generation == event.generation:
        if record.state is State.ACTIVE and record.remote_id != event.kept:
            record.remote_id = event.kept
            record.status = record.submitted_at = record.output_uri = None
        forget_confirmation(run, record)
    run.extras.update(event.extra)
    run.committed[run.families[record.job.analysis]] += record.job.units * len(event.extra)
    if run.stoppable[record.job.operation]:
        extra = Extra(record.job.key, event.generation, record.lane, record.job.operation)
        run.extra_stops.update(dict.fromkeys((remote for remote in event.extra if remote not in event.over), extra))


def single_confirmed(run: Run, event: e.SingleConfirmed, record: JobRecord) -> None:
    """No second job; asked again before the job can end, in case List is slower than it should be."""
    again_at = record.accepted_at + run.timing(record.lane).quiet_until_s
    if record.state is State.ACTIVE and event.at < again_at:
        record.confirmed = True
        record.confirm_at = again_at
    else:
        forget_confirmation(run, record)


def forget_confirmation(run: Run, record: JobRecord) -> None:
    """It need not be asked any more whether a job is the only one of its name."""
    record.confirm_at = None
    run.to_confirm.pop(record.job.key, None)
