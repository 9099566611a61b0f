"""`runner doctor --probe`: a few tiny jobs on each lane, to see how the service there behaves where nobody says.

What COMPREHEND.md leaves open is a setting here, and this program is written to be safe under either answer; the probe
tells which answer it is. It keeps to the lane's rates, waits for its jobs, and deletes what it has put and caused.
"""

from __future__ import annotations

import io
import json
import secrets
import tarfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import anyio
from anyio import to_thread

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.compose.doctoring.observations import Fact, Observed, OutputRow, facts
from runner.compose.doctoring.probejobs import ProbeJobs
from runner.compose.embedded import EmbeddedOptions, embedded_endpoint
from runner.compose.lanes import EMBEDDED_ROLE, EMBEDDED_STAGING
from runner.errors import ServiceError, UserError
from runner.model import Fault, FaultKind, LaneSpec, Manifest, RemoteId, RemoteJob, Scope, StartRequest
from runner.storage.s3 import open_object

T = TypeVar("T")

WAIT_MAX_S: Final = 2700.0
"""For a probe's jobs to end; records of real ones show six to ten minutes (COMPREHEND.md section 0)."""
LAG_MAX_S: Final = 180.0
PATIENCE_S: Final = 900.0
"""With throttling, passing errors and slots that are all taken."""
GAP_MAX_S: Final = 15.0
OUTPUT_BYTES_MAX: Final = 1_000_000
CLEANING_MAX_S: Final = 60.0
_PASSING: Final = frozenset({FaultKind.THROTTLED, FaultKind.TRANSIENT, FaultKind.NO_SLOT})


@dataclass(slots=True)
class Pace:
    """Keeps calls of one kind a quota apart; `per_s` None: no quota."""

    per_s: float | None
    next_at: float = 0.0

    async def wait(self) -> None:
        """Return when the next call may be made."""
        if self.per_s:
            now = anyio.current_time()
            await anyio.sleep(max(0.0, self.next_at - now))
            self.next_at = max(now, self.next_at) + 1.05 / self.per_s


async def probe(manifest: Manifest, tell: Callable[[str, str], None]) -> list[Fact]:
    """Probe every lane, side by side; `tell` is given (lane, what is going on). The facts, lane by lane.

    Raises CredentialsError and UserError for a lane that cannot be spoken to at all.
    """
    found: dict[str, list[Fact]] = {}

    async def one(lane: LaneSpec) -> None:
        async with _reachable(lane) as spec, LaneSession(spec) as session:
            found[lane.name] = await Probing(session, lambda text: tell(lane.name, text)).run()

    try:
        async with anyio.create_task_group() as tasks:
            for lane in manifest.lanes:
                tasks.start_soon(one, lane)
    except* UserError as group:
        raise _first(group) from None
    return [fact for lane in manifest.lanes for fact in found[lane.name]]


def _first(group: BaseExceptionGroup[UserError]) -> UserError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, UserError)
    return error


@asynccontextmanager
async def _reachable(lane: LaneSpec) -> AsyncIterator[LaneSpec]:
    """The lane, with an endpoint of its own if it is the embedded one."""
    async with AsyncExitStack() as stack:
        if lane.remote:
            yield lane
            return
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="runner-probe-")))
        options = EmbeddedOptions(data_dir=folder / "endpoint", workers=1)
        ready = await stack.enter_async_context(embedded_endpoint(options))
        spec = replace(lane, url=ready.endpoint_url, staging=EMBEDDED_STAGING, data_access_role=EMBEDDED_ROLE)
        async with LaneSession(spec) as session:
            await StagingClient(session).ensure_bucket(spec.staging)
        yield spec


class Probing:
    """The probe of one lane over its open session."""

    def __init__(self, session: LaneSession, tell: Callable[[str], None]) -> None:
        lane = session.lane
        self._session = session
        self._client = ComprehendClient(session)
        self._staging = StagingClient(session)
        self._tell = tell
        self._jobs = ProbeJobs(lane, f"probe-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}")
        self._stem = self._jobs.row.stem
        self._starts = Pace(lane.quotas.start_per_s.of(self._stem))
        self._reads = Pace(lane.quotas.read_per_s.of(self._stem))
        self._started: dict[RemoteId, float] = {}
        self._seen = Observed()

    async def run(self) -> list[Fact]:
        """Do it all; what cannot be found out is a fact too. Cleans up, also when it is interrupted."""
        try:
            await self._observe()
        finally:
            with anyio.move_on_after(CLEANING_MAX_S, shield=True):
                self._seen.left = self._seen.left or await self._clean()
        return list(facts(self._jobs, self._seen))

    async def _observe(self) -> None:
        jobs, seen = self._jobs, self._seen
        self._tell(f"putting three small objects below {jobs.base}")
        for uri, data in jobs.objects().items():
            put = await self._patiently(partial(self._staging.put_bytes, uri, data))
            if isinstance(put, Fault):
                seen.first = put
                return
        self._tell("starting jobs")
        seen.first = await self._start(jobs.first)
        if not isinstance(seen.first, RemoteJob):
            return
        await self._measure_lag()
        seen.again = await self._start(jobs.first)
        seen.other = await self._start(jobs.other)
        seen.tiny = await self._start(jobs.tiny)
        await self._wait()
        await self._replay_late(seen.first)
        seen.rows = await self._rows(seen.first.remote_id)
        listed = await self._read(partial(self._client.list_jobs, self._stem, limit=500))
        if not isinstance(listed, Fault):
            seen.submitted = tuple(job.submitted_at for job in listed if job.submitted_at is not None)

    async def _start(self, request: StartRequest) -> RemoteJob | Fault:
        async def call() -> RemoteJob | Fault:
            await self._starts.wait()
            return await self._client.start(request)

        answer = await self._patiently(call)
        if isinstance(answer, RemoteJob):
            self._started.setdefault(answer.remote_id, anyio.current_time())
        return answer

    async def _read(self, call: Callable[[], Awaitable[T | Fault]]) -> T | Fault:
        async def paced() -> T | Fault:
            await self._reads.wait()
            return await call()

        return await self._patiently(paced)

    async def _patiently(self, call: Callable[[], Awaitable[T | Fault]]) -> T | Fault:
        """An answer, or the fault that stays: passing ones are waited out, within bounds."""
        until, gap = anyio.current_time() + PATIENCE_S, 0.5
        while True:
            answer = await call()
            passing = isinstance(answer, Fault) and answer.kind in _PASSING
            if not passing or anyio.current_time() + gap > until:
                return answer
            self._tell(f"waiting: {answer}")
            await anyio.sleep(gap)
            gap = min(2 * gap, 2 * GAP_MAX_S)

    async def _measure_lag(self) -> None:
        began = anyio.current_time()
        while (passed := anyio.current_time() - began) < LAG_MAX_S:
            jobs = await self._read(partial(self._client.list_jobs, self._stem, name=self._jobs.first.name))
            self._seen.looked_s = anyio.current_time() - began
            if isinstance(jobs, Fault):
                return
            if jobs:
                self._seen.lag_s = self._seen.looked_s
                return
            await anyio.sleep(max(0.05, min(2.0, passed / 10)))

    async def _wait(self) -> None:
        """Until every job has ended; also those whose Start came without an answer, and that List shows."""
        for name in self._jobs.names:
            shown = await self._read(partial(self._client.list_jobs, self._stem, name=name))
            for job in shown if not isinstance(shown, Fault) else ():
                self._started.setdefault(job.remote_id, anyio.current_time())
        began = anyio.current_time()
        while (passed := anyio.current_time() - began) < WAIT_MAX_S:
            for remote_id in [job for job in self._started if job not in self._seen.ended]:
                found = await self._read(partial(self._client.describe, self._stem, remote_id))
                if isinstance(found, RemoteJob) and found.status.ended:
                    self._seen.ended[remote_id] = found
            done, many = len(self._seen.ended), len(self._started)
            if done == many:
                return
            self._tell(f"{done} of {many} jobs have ended after {passed:.0f} s")
            await anyio.sleep(max(0.05, min(GAP_MAX_S, passed / 10)))

    async def _replay_late(self, first: RemoteJob) -> None:
        """The first Start once more, if that was one job so far; a job that it begins is stopped."""
        seen = self._seen
        if not isinstance(seen.again, RemoteJob) or seen.again.remote_id != first.remote_id:
            return
        seen.late = await self._start(self._jobs.first)
        seen.late_s = anyio.current_time() - self._started[first.remote_id]
        if isinstance(seen.late, RemoteJob) and seen.late.remote_id not in seen.ended:
            await self._client.stop(self._stem, seen.late.remote_id)
            await self._wait()

    async def _rows(self, remote_id: RemoteId) -> tuple[OutputRow, ...] | Fault | None:
        job = self._seen.ended.get(remote_id)
        if job is None or job.output_uri is None:
            return None
        if job.fault is not None:
            return job.fault
        try:
            return await to_thread.run_sync(_fetched, self._session.lane, job.output_uri)
        except ServiceError as error:
            return _unread(error.code, error.detail)
        except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
            return _unread("OUTPUT_UNEXPECTED", f"the output is not as expected: {type(error).__name__}")

    async def _clean(self) -> str | None:
        """Delete everything below the probe's prefix; what is left, if something is."""
        self._tell("cleaning up")
        deleted = await self._staging.delete_prefix(self._jobs.base)
        if isinstance(deleted, Fault):
            return f"{self._jobs.base} could not be emptied: {deleted}"
        going = [job for job in self._started if job not in self._seen.ended]
        return f"jobs go on, and will write below it: {', '.join(going)}" if going else None


def _unread(code: str, message: str) -> Fault:
    return Fault(kind=FaultKind.CORRUPT, scope=Scope.CALL, code=code, message=message)


def _fetched(lane: LaneSpec, uri: str) -> tuple[OutputRow, ...]:
    """The rows of a job's output; raises ServiceError, and whatever an archive that is none leads to."""
    with open_object(lane, uri) as reader:
        data = reader.read(OUTPUT_BYTES_MAX)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [archive.extractfile(member) for member in archive if member.isfile()]
        text = b"".join(member.read() for member in members if member is not None)
    return tuple(_row(json.loads(line)) for line in text.splitlines() if line.strip())


def _row(members: dict[str, Any]) -> OutputRow:
    line, error = members.get("Line"), members.get("ErrorCode")
    return OutputRow(
        file=str(members["File"]), line=None if line is None else int(line), error=str(error) if error else None
    )
