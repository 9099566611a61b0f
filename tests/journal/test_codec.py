"""Every durable event survives the journal's written form, and what cannot survive it is refused."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.core import events as e
from runner.errors import InternalError, RunDirectoryError
from runner.journal import codec, decode, encode
from runner.model import Fault, FaultKind, Scope

# --- instances of events, from their annotations: a field added later is tested without a word ------------------

INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CHARACTERS = st.one_of(st.characters(), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]))
TEXT = st.text(CHARACTERS, max_size=20)
"""With the lone surrogates that file names which are no UTF-8 bring (PEP 383)."""


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of one annotated type, as a journalled value may use them."""
    plain = {int: INTEGERS, float: FLOATS, str: TEXT, bool: st.booleans(), type(None): st.none()}
    if annotation in plain:
        return plain[annotation]
    if isinstance(annotation, typing.NewType):
        return values_of(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*map(values_of, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return st.sampled_from(annotation)
    if dataclasses.is_dataclass(annotation):
        return instances_of(annotation)
    raise NotImplementedError(f"{annotation} is not a type that a journal has kept so far: teach this function")


def instances_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Instances of one dataclass."""
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(cls)})


# --- round trips ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", e.DURABLE_EVENTS, ids=lambda cls: cls.__name__)
def test_every_durable_event_comes_back_as_it_was(cls: type[e.Event]):
    @given(instances_of(cls))
    def comes_back(event: e.Event) -> None:
        kind, payload = encode(event)
        returned = decode(kind, payload, directory="run")

        assert kind == cls.__name__
        assert returned == event
        assert type(returned) is type(event)
        assert repr(returned) == repr(event), "equal is not enough: 1 is True, and 0.0 is -0.0"

    comes_back()


@given(FLOATS)
def test_times_come_back_to_the_bit(at: float):
    returned = decode(*encode(e.CancelAsked(at=at)), directory="run")

    assert returned.at.hex() == at.hex()


def test_every_event_is_either_durable_or_volatile():
    """An event in neither list would be lost in a crash without anybody having said so."""
    subclasses = {value for value in vars(e).values() if isinstance(value, type) and issubclass(value, e.Event)}

    assert {cls for cls in subclasses - {e.Event} if not cls.volatile} == set(e.DURABLE_EVENTS)
    assert len(codec.KINDS) == len(e.DURABLE_EVENTS)


def test_payloads_are_compact_json_that_a_person_can_read():
    kind, payload = encode(e.PlanFinished(at=1.5, jobs=3, usd=None))

    assert (kind, payload) == ("PlanFinished", '{"at":1.5,"jobs":3,"usd":null}')


def test_a_file_name_that_is_no_utf8_survives_in_a_message():
    """Linux file names are bytes; Python shows the undecodable ones as lone surrogates."""
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    event = e.RangeSurveyed(at=0.0, corpus="c", index=0, segments=(), notices=(f"{name} cannot be read",))
    kind, payload = encode(event)

    assert payload.isascii()
    assert decode(kind, payload, directory="run") == event


# --- versions ---------------------------------------------------------------------------------------------------


def test_a_kind_that_is_not_known_is_refused_as_newer():
    with pytest.raises(RunDirectoryError, match=r"runs/x: .* kind LaneMoved.* newer version") as caught:
        decode("LaneMoved", "{}", directory="runs/x")

    assert caught.value.hint is not None


def test_fields_that_are_not_known_are_ignored():
    assert decode("CancelAsked", '{"at":2.0,"why":"tired"}', directory="run") == e.CancelAsked(at=2.0)


def test_fields_that_were_not_written_take_their_defaults():
    event = decode("StartAccepted", '{"at":2.0,"job":"sentiment-b1","generation":1,"remote_id":"abc"}', directory="run")

    assert isinstance(event, e.StartAccepted)
    assert event.by == "answer"


@pytest.mark.parametrize(
    "payload",
    ["", "{", "[]", "null", '{"at":"noon"}', "{}", '{"at":2.0', '{"at":null}', b"\xff"],
)
def test_a_payload_that_is_not_what_its_kind_holds_is_refused(payload: str | bytes):
    with pytest.raises(RunDirectoryError, match="holds a CancelAsked that this version cannot read"):
        decode("CancelAsked", payload, directory="run")


def test_a_member_of_an_enum_that_is_not_known_is_refused():
    fault = Fault(kind=FaultKind.DENIED, scope=Scope.LANE, code="X", message="")
    kind, payload = encode(e.WorkParked(at=0.0, lane="l", operation="o", fault=fault))

    with pytest.raises(RunDirectoryError, match="cannot read"):
        decode(kind, payload.replace('"denied"', '"haunted"'), directory="run")


# --- what is not written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [float("nan"), float("inf"), float("-inf")])
def test_times_that_json_does_not_have_are_refused_before_they_are_written(at: float):
    with pytest.raises(InternalError, match="CancelAsked"):
        encode(e.CancelAsked(at=at))


def test_an_optional_number_that_would_come_back_as_nothing_is_refused():
    """JSON writes infinity as null, and null is a price that nobody knows."""
    with pytest.raises(InternalError, match="PlanFinished would come back"):
        encode(e.PlanFinished(at=0.0, jobs=1, usd=float("inf")))


def test_a_list_where_a_tuple_belongs_is_refused():
    """It would fold in this process, and as another value in the next."""
    with pytest.raises(InternalError, match="would come back"):
        encode(e.DuplicateFound(at=0.0, job="j", generation=1, kept="a", extra=["b"]))  # type: ignore[arg-type]


def test_a_volatile_event_has_no_written_form():
    with pytest.raises(InternalError, match="SlotsCounted"):
        encode(e.SlotsCounted(at=0.0, lane="l", operation="o", strangers=1))


def test_payloads_are_json_also_where_the_quick_encoder_gives_up():
    _kind, payload = encode(
        e.RepairFailed(
            at=0.1, analysis="\udcff", fault=Fault(kind=FaultKind.TRANSIENT, scope=Scope.CALL, code="X", message="é")
        )
    )

    assert json.loads(payload)["fault"]["kind"] == "transient"
