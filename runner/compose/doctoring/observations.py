"""What a probe saw of a lane, and what follows from it: facts, each with what this program does about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from runner.compose.doctoring.probejobs import BLANK, FLAT, NESTED, ProbeJobs
from runner.core.polling import TIMINGS
from runner.model import Fault, RemoteId, RemoteJob

Level = Literal["ok", "wrong", "unknown"]
_FOLDER: Final = re.compile(r"/\d{12}-([^-/]+)-[^/]+/")
_ORDERED_MIN: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a probe's report. `wrong`: a run is not safe with it; `unknown`: it could not be found out."""

    place: str
    """A lane's name."""
    subject: str
    level: Level
    message: str
    so: str
    """What this program does about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """A row of the first job's output."""

    file: str
    line: int | None
    error: str | None


@dataclass(slots=True)
class Observed:
    """What was seen, as far as it got; None: not tried."""

    first: RemoteJob | Fault | None = None
    lag_s: float | None = None
    """From the answer to the first Start until List showed the job by its name."""
    looked_s: float = 0.0
    """For how long that was waited for."""
    again: RemoteJob | Fault | None = None
    """The same Start at once."""
    late: RemoteJob | Fault | None = None
    """The same Start once its job had ended."""
    late_s: float = 0.0
    other: RemoteJob | Fault | None = None
    tiny: RemoteJob | Fault | None = None
    ended: dict[RemoteId, RemoteJob] = field(default_factory=dict)
    rows: tuple[OutputRow, ...] | Fault | None = None
    submitted: tuple[float, ...] = ()
    """Of an unfiltered List, in its order."""
    left: str | None = None
    """What could not be cleaned up."""


def facts(jobs: ProbeJobs, seen: Observed) -> Iterator[Fact]:
    """All that was found out, or why it was not."""
    place = jobs.lane.name
    if not isinstance(seen.first, RemoteJob):
        so = "a run would fare no better: `runner doctor` without --probe looks for the reason"
        yield Fact(place=place, subject="first job", level="wrong", message=f"it did not begin: {seen.first}", so=so)
    yield _same_token(place, seen)
    yield _other_parameters(place, seen)
    yield _lag(jobs, seen)
    yield _file(place, seen)
    yield _blank(place, seen)
    yield _path(jobs, seen)
    yield _tiny(place, seen)
    yield _order(place, seen)
    if seen.left is not None:
        so = f"delete what is below {jobs.base} once its jobs have ended"
        yield Fact(place=place, subject="cleaning", level="wrong", message=seen.left, so=so)


def _unknown(place: str, subject: str, fault: object, so: str) -> Fact:
    message = f"not found out: {fault}" if isinstance(fault, Fault) else "not found out"
    return Fact(place=place, subject=subject, level="unknown", message=message, so=so)


def _same_token(place: str, seen: Observed) -> Fact:
    subject, first = "token, same parameters", seen.first
    so = "a token is sent again only after a look by name and in S3; of two jobs of one name the newer is stopped"
    if not isinstance(first, RemoteJob):
        return _unknown(place, subject, first, so)
    if not isinstance(seen.again, RemoteJob):
        if seen.again is None:
            return _unknown(place, subject, None, so)
        return Fact(place=place, subject=subject, level="ok", message=f"refused: {seen.again}", so=so)
    if seen.again.remote_id != first.remote_id:
        return Fact(place=place, subject=subject, level="ok", message="it begins a second job", so=so)
    message = "the same job, at once"
    if isinstance(seen.late, RemoteJob):
        same = seen.late.remote_id == first.remote_id
        message += f" and {seen.late_s:.0f} s later" if same else f"; but a second job {seen.late_s:.0f} s later"
    elif seen.late is not None:
        message += f"; {seen.late_s:.0f} s later {seen.late}"
    return Fact(place=place, subject=subject, level="ok", message=message, so=so)


def _other_parameters(place: str, seen: Observed) -> Fact:
    subject, so = (
        "token, other parameters",
        "a token is made from run, job and generation, and never serves two of them",
    )
    if not isinstance(seen.first, RemoteJob) or seen.other is None:
        return _unknown(place, subject, seen.first, so)
    if isinstance(seen.other, Fault):
        message = f"refused: {seen.other}"
    elif seen.other.remote_id == seen.first.remote_id:
        message = "the job that the token began, whatever the parameters say"
    else:
        message = "another job"
    return Fact(place=place, subject=subject, level="ok", message=message, so=so)


def _lag(jobs: ProbeJobs, seen: Observed) -> Fact:
    place, subject, grace = jobs.lane.name, "List by name", TIMINGS[jobs.lane.kind].grace_s
    so = f"a Start without an answer is looked for twice, {grace:g} s apart, before its token is sent again"
    if not isinstance(seen.first, RemoteJob):
        return _unknown(place, subject, seen.first, so)
    if seen.lag_s is None:
        message = f"a new job is not shown within {seen.looked_s:.0f} s"
    else:
        message = f"a new job is shown after {seen.lag_s:.1f} s"
    late = seen.lag_s is None or seen.lag_s > grace
    if late and not _honoured(seen):
        so += ": too soon for this lane, where a token begins a second job; it would be found later, and stopped"
        return Fact(place=place, subject=subject, level="wrong", message=message, so=so)
    if late:
        so += ", which gives the same job"
    return Fact(place=place, subject=subject, level="ok", message=message, so=so)


def _honoured(seen: Observed) -> bool:
    """Whether a second Start with the token of the first did not begin a second job."""
    if isinstance(seen.again, RemoteJob) and isinstance(seen.first, RemoteJob):
        return seen.again.remote_id == seen.first.remote_id
    return isinstance(seen.again, Fault)


def _file(place: str, seen: Observed) -> Fact:
    subject, so = "File in outputs", "base names are unique in a run, and rows are matched by them"
    if not isinstance(seen.rows, tuple):
        return _unknown(place, subject, seen.rows, so)
    named = {row.file for row in seen.rows if row.file.endswith(NESTED.rpartition("/")[2])}
    if named == {NESTED}:
        message = "the path below the prefix"
    elif named == {NESTED.rpartition("/")[2]}:
        message = "the base name"
    else:
        level: Level = "unknown" if not named else "ok"
        message = f"{', '.join(sorted(named)) or 'no row of it'} for {NESTED}"
        return Fact(place=place, subject=subject, level=level, message=message, so=so)
    return Fact(place=place, subject=subject, level="ok", message=message, so=so)


def _blank(place: str, seen: Observed) -> Fact:
    subject, so = "blank lines", "blank documents are answered here as EMPTY, and never sent"
    if not isinstance(seen.rows, tuple):
        return _unknown(place, subject, seen.rows, so)
    rows = {row.line: row for row in seen.rows if row.file.rpartition("/")[2] == FLAT}
    words = []
    for line, what in zip(BLANK, ("empty", "white space"), strict=True):
        row = rows.get(line)
        given = "no row" if row is None else f"an error row ({row.error})" if row.error else "a row with a result"
        words.append(f"{what}: {given}")
    expected = {0, 2, 4}
    if not expected <= rows.keys():
        told = f"{'; '.join(words)}; and lines {sorted(expected - rows.keys())} have none"
        so = "lines without a row are repaired, then closed as NO_RESULT"
        return Fact(place=place, subject=subject, level="wrong", message=told, so=so)
    return Fact(place=place, subject=subject, level="ok", message="; ".join(words), so=so)


def _path(jobs: ProbeJobs, seen: Observed) -> Fact:
    place, subject = jobs.lane.name, "path of sentiment outputs"
    so = "outputs are read where Describe and List say; the code in the path is not used"
    job = seen.ended.get(seen.first.remote_id) if isinstance(seen.first, RemoteJob) else None
    if job is None or job.output_uri is None:
        return _unknown(place, subject, seen.first, so)
    match = _FOLDER.search(job.output_uri)
    tail = job.output_uri.removeprefix(jobs.first.output_uri)
    message = f"the code is {match[1]}" if match else f"no code is in {tail}"
    return Fact(place=place, subject=subject, level="ok", message=message, so=so)


def _tiny(place: str, seen: Observed) -> Fact:
    subject, so = "jobs below 500 bytes", "a batch below 500 bytes gets a line of padding, whose row is dropped"
    if seen.tiny is None:
        return _unknown(place, subject, seen.first, so)
    if isinstance(seen.tiny, Fault):
        return Fact(place=place, subject=subject, level="ok", message=f"refused at once: {seen.tiny}", so=so)
    job = seen.ended.get(seen.tiny.remote_id)
    if job is None:
        return _unknown(place, subject, None, so)
    told = f"{job.status}: {job.message}" if job.message else str(job.status)
    return Fact(place=place, subject=subject, level="ok", message=f"such a job ended {told}", so=so)


def _order(place: str, seen: Observed) -> Fact:
    subject, so = "unfiltered List", "no order is relied upon: jobs are sorted by when they were submitted"
    times = seen.submitted
    if len(times) < _ORDERED_MIN:
        return _unknown(place, subject, None, so)
    newest, oldest = sorted(times, reverse=True), sorted(times)
    order = "newest first" if list(times) == newest else "oldest first" if list(times) == oldest else "in no order"
    return Fact(place=place, subject=subject, level="ok", message=f"{order}, of {len(times)} jobs", so=so)
