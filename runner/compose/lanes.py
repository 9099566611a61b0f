"""The lanes of a run, opened: sessions, clients, the embedded endpoint, and who answers at each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import anyio

from runner.aws import ComprehendClient, LaneSession, StagingClient
from runner.aws.models import ModelClient
from runner.compose.embedded import EmbeddedOptions, embedded_endpoint
from runner.compose.places import Place, moves, recall
from runner.compose.shut import ShutLane
from runner.core import events as e
from runner.core.run import Run
from runner.core.states import State
from runner.errors import CredentialsError, RunDirectoryError, ServiceError
from runner.journal import RunDirectory
from runner.model import Fault, FaultKind, LaneSpec, Manifest, Scope

EMBEDDED_STAGING: Final = "s3://runner-staging/"
EMBEDDED_ROLE: Final = "arn:aws:iam::000000000000:role/embedded"
PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Between questions to a lane that does not answer while it is opened; later, the scheduler has more patience."""
PASSING: Final = frozenset({FaultKind.TRANSIENT, FaultKind.THROTTLED})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLane:
    """A lane that can be called, and what is known of who answers there."""

    spec: LaneSpec
    service: ComprehendClient
    staging: StagingClient
    models: ModelClient
    engine: str
    incarnation: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLanes:
    """All lanes of a run, open or shut. `analyzers` are the versions behind an embedded lane, by family."""

    lanes: tuple[OpenLane, ...]
    analyzers: tuple[tuple[str, str], ...] = ()
    shut: tuple[ShutLane, ...] = ()

    @property
    def engines(self) -> tuple[tuple[str, str, str, str], ...]:
        """(lane, engine, incarnation, account) of each, for the journal."""
        return tuple((lane.spec.name, lane.engine, lane.incarnation, lane.account) for lane in self.lanes)

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the remote ones are."""
        return tuple(
            Place(lane=lane.spec, endpoint=lane.engine, account=lane.account) for lane in self.lanes if lane.spec.remote
        )


@asynccontextmanager
async def open_lanes(
    manifest: Manifest, directory: RunDirectory, *, workers: int, analyzers: str
) -> AsyncIterator[OpenLanes]:
    """Open every lane of a manifest for as long as the block lasts.

    A remote lane that does not open is left shut as long as another one can take work. Raises MachineError if the
    embedded endpoint does not start; and of the first lane, if none opens that a corpus may use, CredentialsError for
    credentials that are missing or of another account, and ServiceError for a lane that does not answer.
    """
    async with AsyncExitStack() as stack:
        lanes: list[OpenLane] = []
        refusals: list[CredentialsError | ServiceError] = []
        shut: list[ShutLane] = []
        versions: tuple[tuple[str, str], ...] = ()
        for spec in manifest.lanes:
            if spec.remote:
                opened = await _open_remote(stack, spec)
                if isinstance(opened, Fault):
                    refusals.append(refusal(spec, opened))
                    shut.append(ShutLane(spec, _lasting(spec, opened)))
                else:
                    lanes.append(opened)
                continue
            options = EmbeddedOptions(data_dir=directory.endpoint, workers=workers, analyzers=analyzers)
            ready = await stack.enter_async_context(embedded_endpoint(options))
            versions = tuple(sorted(ready.analyzers.items()))
            lanes.append(await _open_embedded(stack, spec, ready.endpoint_url, ready.incarnation))
        names = {lane.spec.name for lane in lanes}
        if refusals and not any(not corpus.lanes or names & set(corpus.lanes) for corpus in manifest.corpora if names):
            raise refusals[0]
        yield OpenLanes(lanes=tuple(lanes), analyzers=versions, shut=tuple(shut))


async def _open_remote(stack: AsyncExitStack, spec: LaneSpec) -> OpenLane | Fault:
    session = await stack.enter_async_context(LaneSession(spec))
    account = await patiently(session.identity)
    if isinstance(account, Fault):
        return account
    staging = StagingClient(session)
    fault = await patiently(partial(staging.check, spec.staging))
    if fault is not None:
        return fault
    engine = session.endpoint("comprehend")
    return OpenLane(
        spec=spec,
        service=ComprehendClient(session),
        staging=staging,
        models=ModelClient(session),
        engine=engine,
        incarnation=engine,
        account=account,
    )


async def _open_embedded(stack: AsyncExitStack, spec: LaneSpec, url: str, incarnation: str) -> OpenLane:
    spec = replace(spec, url=url, staging=EMBEDDED_STAGING, data_access_role=EMBEDDED_ROLE)
    session = await stack.enter_async_context(LaneSession(spec))
    staging = StagingClient(session)
    fault = await patiently(partial(staging.ensure_bucket, spec.staging))
    if fault is not None:
        raise refusal(spec, fault)
    return OpenLane(
        spec=spec,
        service=ComprehendClient(session),
        staging=staging,
        models=ModelClient(session),
        engine="embedded",
        incarnation=incarnation,
        account="000000000000",
    )


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer to a question, asked again a few times after a fault that passes: the lane may be restarting."""
    for pause_s in PAUSES_S:
        answer = await ask()
        if not isinstance(answer, Fault) or answer.kind not in PASSING:
            return answer
        await anyio.sleep(pause_s)
    return await ask()


def refusal(spec: LaneSpec, fault: Fault) -> CredentialsError | ServiceError:
    """A lane that cannot be used when a run begins ends it at once, before anything is read or sent."""
    if fault.code == "WRONG_ACCOUNT":
        return CredentialsError(fault.message, hint=fault.hint)
    return ServiceError(fault.code, f"lane {spec.name}: {fault.message}", hint=fault.hint)


def _lasting(spec: LaneSpec, fault: Fault) -> Fault:
    """Why a lane is shut, as a fault that no call is repeated after."""
    message = f"lane {spec.name} did not open: {fault.message}"
    return Fault(kind=FaultKind.DENIED, scope=Scope.LANE, code=fault.code, message=message, hint=fault.hint)


def session_events(run: Run, lanes: OpenLanes, opened: e.SessionOpened, directory: RunDirectory) -> Iterator[e.Event]:
    """What the opening of lanes means for a run: the session, lanes that moved, and what an endpoint lost.

    Raises RunDirectoryError if an embedded lane's analyzers are not those that the run began with, or if a remote lane
    that moved has open jobs.
    """
    before = run.session
    known = {lane: incarnation for lane, _, incarnation, _ in before.engines} if before else {}
    if before and before.analyzers and lanes.analyzers and before.analyzers != lanes.analyzers:
        raise RunDirectoryError(
            run.began.name if run.began else "run",
            f"it began with analyzers {_versions(before.analyzers)}, here are {_versions(lanes.analyzers)}",
            hint="install the version of the runner that it began with, or begin a new run with another --run-dir",
        )
    shut = [lane.spec.name for lane in lanes.shut]
    moved = list(moves(run, recall(directory), lanes.places, at=opened.at, shut=shut))
    yield opened
    yield from moved
    for lane in lanes.shut:
        yield from lane.parks(run, opened.at)
    yield from _lost(run, lanes, opened, known)


def _lost(run: Run, lanes: OpenLanes, opened: e.SessionOpened, known: Mapping[str, str]) -> Iterator[e.Event]:
    """What an embedded endpoint lost with its data."""
    for lane in lanes.lanes:
        if lane.spec.remote or known.get(lane.spec.name) in {None, lane.incarnation}:
            continue
        fault = Fault(
            kind=FaultKind.NOT_FOUND,
            scope=Scope.LANE,
            code="ENDPOINT_LOST",
            message="the embedded endpoint lost its data directory, and its jobs with it",
        )
        yield e.StagingLost(at=opened.at, lane=lane.spec.name, fault=fault)
        for record in run.jobs.values():
            if record.lane == lane.spec.name and record.state in {State.UNSURE, State.ACTIVE, State.ENDED}:
                yield e.GenerationLost(at=opened.at, job=record.job.key, generation=record.generation, fault=fault)


def _versions(analyzers: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{family} {version}" for family, version in analyzers)
