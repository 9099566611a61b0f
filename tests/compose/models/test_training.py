"""One model in one lane, against a service of a few lines: found, asked for once, waited for, or refused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest

from runner.aws.models import ModelRequest, RemoteModel, model_arn
from runner.compose.models import training
from runner.compose.models.asking import ATTEMPTS_MAX, name_of
from runner.compose.models.data import digest_of
from runner.compose.models.training import MODEL_FAILED, Training, TrainingLane
from runner.model import Fault, FaultKind, LaneSpec, ModelSpec, Scope

LANE = LaneSpec(name="near", kind="url", staging="s3://bucket/", data_access_role="arn:aws:iam::123456789012:role/r")
ACCOUNT = "123456789012"


def fault(kind: FaultKind, code: str = "CODE") -> Fault:
    return Fault(kind=kind, scope=Scope.CALL, code=code, message="as it happens")


@dataclass
class Service:
    """Models by ARN, each with the statuses that looks will see; and what befalls the Creates, one after the other."""

    models: dict[str, list[RemoteModel]] = field(default_factory=dict)
    creates: list[Fault | str] = field(default_factory=list)
    """A Fault, or `taken`: a Fault although it was taken."""
    looks: list[Fault] = field(default_factory=list)
    asked: list[ModelRequest] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    fate: tuple[str, ...] = ("SUBMITTED", "TRAINING", "TRAINED")
    message: str | None = None

    def put(self, arn: str, *statuses: str, message: str | None = None) -> None:
        self.models[arn] = [RemoteModel(arn=arn, status=status, message=message) for status in statuses]

    async def describe(self, arn: str) -> RemoteModel | Fault | None:
        if self.looks:
            return self.looks.pop(0)
        seen = self.models.get(arn)
        return None if not seen else seen.pop(0) if len(seen) > 1 else seen[0]

    async def create(self, request: ModelRequest) -> str | Fault:
        self.asked.append(request)
        arn = model_arn(LANE, ACCOUNT, request.kind, request.name)
        befalls = self.creates.pop(0) if self.creates else None
        if isinstance(befalls, Fault):
            return befalls
        self.put(arn, *self.fate, message=self.message)
        return fault(FaultKind.TRANSIENT) if befalls == "taken" else arn

    async def put_file(self, uri: str, _: str) -> int:
        self.staged.append(uri)
        return 1


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    path = tmp_path / "train.csv"
    path.write_text("a,text\n")
    found = ModelSpec(train=str(path))
    return replace(found, digest=digest_of(found))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE_FIRST_S", "PAUSE_MAX_S", "FULL_PAUSE_S"):
        monkeypatch.setattr(training, name, 1e-6)


def obtain(
    service: Service, model: ModelSpec, intend: Callable[[str, str], Fault | None] = lambda _, __: None
) -> RemoteModel | Fault:
    lane = TrainingLane(spec=LANE, account=ACCOUNT, models=service, staging=service)  # type: ignore[arg-type]

    async def intended(arn: str, token: str) -> Fault | None:
        return intend(arn, token)

    return anyio.run(Training(lane=lane, model=model, intend=intended).obtain)


def arn(model: ModelSpec, attempt: int = 1) -> str:
    return model_arn(LANE, ACCOUNT, "classifier", name_of(model, LANE, attempt))


def test_a_model_is_staged_put_on_record_asked_for_and_waited_for(model: ModelSpec):
    service = Service()
    order: list[str] = []

    def intend(of: str, token: str) -> None:
        order.append(f"{of} {len(service.staged)} {len(service.asked)} {token}")

    got = obtain(service, model, intend)

    assert isinstance(got, RemoteModel)
    assert got.usable
    assert order == [f"{arn(model)} 1 0 {name_of(model, LANE, 1)}"]
    assert service.staged == [f"s3://bucket/models/{model.digest}/train.csv"]


@pytest.mark.parametrize("statuses", [["TRAINED"], ["TRAINED_WITH_WARNING"], ["SUBMITTED", "TRAINING", "TRAINED"]])
def test_a_model_that_is_there_or_on_its_way_is_not_asked_for(model: ModelSpec, statuses: list[str]):
    service = Service()
    service.put(arn(model), *statuses)

    got = obtain(service, model)

    assert isinstance(got, RemoteModel)
    assert service.asked == []


@pytest.mark.parametrize(
    "befalls",
    [
        ["taken"],
        [fault(FaultKind.TRANSIENT)] * 3,
        [fault(FaultKind.THROTTLED), "taken"],
        [fault(FaultKind.DENIED, "ResourceLimitExceededException")] * 5,
    ],
    ids=["lost", "failing", "throttled", "full"],
)
def test_a_create_is_repeated_with_one_token_until_it_is_taken(model: ModelSpec, befalls: list[Fault | str]):
    service = Service(creates=list(befalls))

    got = obtain(service, model)

    assert isinstance(got, RemoteModel)
    assert len({request.token for request in service.asked}) == 1
    assert len(service.models) == 1


def test_a_create_that_is_refused_is_not_repeated(model: ModelSpec):
    refused = fault(FaultKind.DENIED, "AccessDeniedException")
    service = Service(creates=[refused])

    assert obtain(service, model) == refused
    assert len(service.asked) == 1


def test_what_never_passes_is_given_back_in_the_end(model: ModelSpec):
    service = Service(creates=[fault(FaultKind.TRANSIENT)] * 100)

    got = obtain(service, model)

    assert isinstance(got, Fault)
    assert len(service.asked) == training.FAILURES_MAX + 1


def test_looks_that_fail_for_a_while_are_repeated(model: ModelSpec):
    service = Service(looks=[fault(FaultKind.TRANSIENT)] * 5)
    service.put(arn(model), "TRAINED")

    assert isinstance(obtain(service, model), RemoteModel)


@pytest.mark.parametrize("message", ["NO_READ_ACCESS_TO_INPUT: the role may not", "INTERNAL_SERVER_ERROR: sorry"])
def test_what_failed_for_a_reason_that_can_be_mended_is_tried_again_under_the_next_name(model: ModelSpec, message: str):
    service = Service()
    service.put(arn(model), "IN_ERROR", message=message)
    service.put(arn(model, 2), "STOPPED")
    service.put(arn(model, 3), "DELETING")

    got = obtain(service, model)

    assert isinstance(got, RemoteModel)
    assert got.arn == arn(model, 4)


def test_data_that_could_not_be_trained_with_is_not_bought_again(model: ModelSpec):
    service = Service()
    service.put(arn(model), "IN_ERROR", message="Every class needs more documents.")

    got = obtain(service, model)

    assert isinstance(got, Fault)
    assert got.code == MODEL_FAILED
    assert "could not be trained: Every class needs more documents." in got.message
    assert service.asked == []


@pytest.mark.parametrize(
    ("fate", "message", "told"),
    [
        (("TRAINING", "IN_ERROR"), "Bad rows.", "could not be trained: Bad rows."),
        (("TRAINING", "IN_ERROR"), "NO_READ_ACCESS_TO_INPUT: no", "failed: NO_READ_ACCESS_TO_INPUT"),
        (("TRAINING", "STOP_REQUESTED", "STOPPED"), None, "was stopped"),
    ],
)
def test_a_training_that_comes_to_nothing_is_told(model: ModelSpec, fate: tuple[str, ...], message: str, told: str):
    got = obtain(Service(fate=fate, message=message), model)

    assert isinstance(got, Fault)
    assert (got.code, got.kind, got.scope) == (MODEL_FAILED, FaultKind.DENIED, Scope.LANE)
    assert told in got.message


def test_after_many_failures_it_says_what_to_do(model: ModelSpec):
    service = Service()
    for attempt in range(1, ATTEMPTS_MAX + 1):
        service.put(arn(model, attempt), "STOPPED")

    got = obtain(service, model)

    assert isinstance(got, Fault)
    assert "clean --models" in str(got.hint)
    assert service.asked == []


def test_data_that_has_changed_since_is_not_sent(model: ModelSpec):
    Path(str(model.train)).write_text("b,other\n")
    service = Service()

    got = obtain(service, model)

    assert isinstance(got, Fault)
    assert "has changed" in got.message
    assert service.staged == service.asked == []


def test_what_may_not_be_bought_is_not(model: ModelSpec):
    service = Service()

    got = obtain(service, model, lambda _, __: fault(FaultKind.DENIED, "BUDGET"))

    assert isinstance(got, Fault)
    assert service.asked == []
