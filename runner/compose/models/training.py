"""One model in one lane: found there, or asked for once, and waited for.

Nothing is remembered here: a model is found by its ARN, which follows from its name. Whatever becomes of a Create, the
next look says whether it took, and the same token cannot buy a second one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

import anyio
from anyio import to_thread

from runner.aws import StagingClient, classify_failed
from runner.aws.models import ModelClient, RemoteModel, model_arn
from runner.compose.models.asking import ATTEMPTS_MAX, data_uri, name_of, request_of
from runner.compose.models.data import digest_of, files_of
from runner.errors import SourceError
from runner.model import Fault, FaultKind, LaneSpec, ModelSpec, Scope

MODEL_FAILED: Final = "MODEL_FAILED"
PAUSE_FIRST_S: Final = 0.1
PAUSE_GROWTH: Final = 1.5
PAUSE_MAX_S: Final = 30.0
"""Trainings take seconds on a local endpoint and most of an hour in the service: looks become rarer."""
FAILURES_MAX: Final = 16
"""Calls in a row that fail for a reason that passes: about two minutes."""
FULL_PAUSE_S: Final = 60.0
FULL_WAITS_MAX: Final = 90
"""Of as many minutes for the account's other trainings to end."""

_PASSING: Final = frozenset({FaultKind.TRANSIENT, FaultKind.THROTTLED, FaultKind.UNANSWERED, FaultKind.CORRUPT})
_MENDABLE: Final = frozenset({FaultKind.TRANSIENT, FaultKind.DENIED})
_FULL: Final = "ResourceLimitExceededException"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLane:
    """A lane as trainings need it."""

    spec: LaneSpec
    account: str
    models: ModelClient
    staging: StagingClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One model in one lane.

    `intend` is awaited with (ARN, token) before the service is asked for it, and gives a Fault if it may not be.
    """

    lane: TrainingLane
    model: ModelSpec
    intend: Callable[[str, str], Awaitable[Fault | None]]

    async def obtain(self) -> RemoteModel | Fault:
        """The model, trained. A Fault is nothing that passes by itself."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            name = name_of(self.model, self.lane.spec, attempt)
            seen = await self._look(model_arn(self.lane.spec, self.lane.account, self.model.kind, name))
            if seen is None:
                asked = await self._ask(name)
                return asked if isinstance(asked, Fault) else await self._watch(asked)
            if isinstance(seen, Fault) or seen.usable:
                return seen
            if seen.status in {"SUBMITTED", "TRAINING", "STOP_REQUESTED"}:
                return await self._watch(seen.arn)
            if seen.status == "IN_ERROR" and classify_failed(seen.message).kind not in _MENDABLE:
                return _failed(seen)
        return _refused(
            f"{ATTEMPTS_MAX} models of this data could not be trained or were stopped",
            hint="delete them with `runner clean --models`, or change the training data",
        )

    async def _look(self, arn: str) -> RemoteModel | Fault | None:
        seen: RemoteModel | Fault | None = None
        for pause_s in (*_first(pauses(), FAILURES_MAX), None):
            seen = await self.lane.models.describe(arn)
            if not isinstance(seen, Fault) or seen.kind not in _PASSING or pause_s is None:
                break
            await anyio.sleep(pause_s)
        return seen

    async def _ask(self, name: str) -> str | Fault:
        """The ARN of a model that was asked for."""
        fault = await self._stage()
        if fault is not None:
            return fault
        request = request_of(self.model, self.lane.spec, name)
        arn = model_arn(self.lane.spec, self.lane.account, self.model.kind, name)
        fault = await self.intend(arn, request.token)
        if fault is not None:
            return fault
        full, tries = 0, _first(pauses(), FAILURES_MAX)
        while True:
            answer = await self.lane.models.create(request)
            if isinstance(answer, str):
                return answer
            if answer.code == _FULL and full < FULL_WAITS_MAX:
                full += 1
                await anyio.sleep(FULL_PAUSE_S)
                continue
            if answer.kind not in _PASSING:
                return answer
            # It may have been taken all the same, or somebody else has asked for the same model.
            seen = await self._look(arn)
            if seen is not None:
                return seen if isinstance(seen, Fault) else seen.arn
            pause_s = next(tries, None)
            if pause_s is None:
                return answer
            await anyio.sleep(pause_s)

    async def _stage(self) -> Fault | None:
        """Put the training data where the lane's service reads it."""
        try:
            digest = await to_thread.run_sync(digest_of, self.model)
            files = files_of(self.model)
        except (OSError, SourceError) as error:
            return _refused(f"the training data cannot be read: {error}", hint=None)
        if digest != self.model.digest:
            return _refused("the training data has changed since the run was begun", hint="run again")
        base = data_uri(self.model, self.lane.spec)
        for name, path in files:
            for pause_s in (*_first(pauses(), FAILURES_MAX), None):
                sent = await self.lane.staging.put_file(f"{base}{name}", path)
                if not isinstance(sent, Fault):
                    break
                if sent.kind not in _PASSING or pause_s is None:
                    return sent
                await anyio.sleep(pause_s)
        return None

    async def _watch(self, arn: str) -> RemoteModel | Fault:
        """Wait for a training to end."""
        for pause_s in pauses():
            await anyio.sleep(pause_s)
            seen = await self._look(arn)
            if seen is None:
                return _refused(f"{_name(arn)} was deleted while it was trained", hint="run again to train it anew")
            if isinstance(seen, Fault) or seen.usable:
                return seen
            if seen.status == "IN_ERROR":
                return _failed(seen)
            if seen.status in {"STOPPED", "DELETING"}:
                return _refused(f"the training of {_name(arn)} was stopped", hint="run again to train it anew")
        raise AssertionError("pauses never end")


def pauses() -> Iterator[float]:
    """Longer and longer, without an end."""
    growing = []
    pause_s = PAUSE_FIRST_S
    while pause_s < PAUSE_MAX_S:
        growing.append(pause_s)
        pause_s *= PAUSE_GROWTH
    return chain(growing, repeat(PAUSE_MAX_S))


def _first(all_pauses: Iterator[float], count: int) -> Iterator[float]:
    return (pause_s for pause_s, _ in zip(all_pauses, range(count), strict=False))


def _failed(seen: RemoteModel) -> Fault:
    told = classify_failed(seen.message)
    if told.kind in _MENDABLE:
        message = f"the training of {_name(seen.arn)} failed: {told.code}: {told.message}"
        return Fault(kind=FaultKind.DENIED, scope=Scope.LANE, code=MODEL_FAILED, message=message, hint=told.hint)
    return Fault(
        kind=FaultKind.DENIED,
        scope=Scope.LANE,
        code=MODEL_FAILED,
        message=f"{_name(seen.arn)} could not be trained: {seen.message or 'the service gave no reason'}",
        hint="mend the training data, which makes it another model; to try this one again, first delete it "
        "(`runner clean --models`)",
    )


def _refused(message: str, *, hint: str | None) -> Fault:
    return Fault(kind=FaultKind.DENIED, scope=Scope.LANE, code=MODEL_FAILED, message=message, hint=hint)


def _name(arn: str) -> str:
    return "model " + arn.rpartition("/")[2]
