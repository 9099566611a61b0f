"""The seam of the door: what may be added to the table of operations, and what a handler is given."""

from __future__ import annotations

import asyncio

import pytest

from runner.endpoint.clocks import skew_complaint, too_far
from runner.endpoint.comprehend import Comprehend
from runner.endpoint.operations import Call, NoModels, Operation, OperationTable
from runner.endpoint.protocol import ApiError
from runner.endpoint.settings import Quotas

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


async def echo(call: Call) -> bytes:
    return repr((call.region, call.members)).encode()


def test_a_table_takes_each_operation_of_the_service_once() -> None:
    one = Operation("DetectSentiment", "read", echo)
    assert [each.name for each in OperationTable([one])] == ["DetectSentiment"]
    with pytest.raises(ValueError, match="DetectSentiment is served twice"):
        OperationTable([one, one])
    with pytest.raises(ValueError, match="DetectLies"):
        OperationTable([Operation("DetectLies", "read", echo)])


def test_a_handler_is_given_what_the_model_knows_without_nulls() -> None:
    door = Comprehend(OperationTable([Operation("DetectSentiment", "read", echo)]), Quotas())
    body = b'{"Text":"hi","LanguageCode":"en","Odd":{"deep":1},"Nothing":null}'
    answer = asyncio.run(door.answer(door.operation("DetectSentiment"), "eu-west-1", body))
    assert answer == b"('eu-west-1', {'Text': 'hi', 'LanguageCode': 'en'})"


@pytest.mark.parametrize(("rate", "admitted"), [("start", 1), ("write", 1), ("read", 10)])
def test_classes_of_operations_have_the_services_rates(rate: str, admitted: int) -> None:
    door = Comprehend(OperationTable([Operation("DetectSentiment", rate, echo)]), Quotas.named("service"), lambda: 5.0)

    async def call(region: str) -> bool:
        try:
            await door.answer(door.operation("DetectSentiment"), region, b'{"Text":"hi","LanguageCode":"en"}')
        except ApiError as error:
            assert (error.code, error.status) == ("ThrottlingException", 429)  # noqa: PT017 - counted, not expected
            return False
        return True

    async def burst(region: str) -> int:
        return sum([await call(region) for _ in range(admitted + 1)])

    async def both() -> tuple[int, int]:
        return await burst("us-east-1"), await burst("eu-west-1")

    assert asyncio.run(both()) == (admitted, admitted)


def test_without_custom_models_every_arn_is_unknown() -> None:
    models = NoModels()
    arn = "arn:aws:comprehend:us-east-1:000000000000:flywheel/x"
    with pytest.raises(ApiError, match=arn) as error:
        models.resolve("entities", "us-east-1", {"DataAccessRoleArn": "arn:role", "FlywheelArn": arn})
    assert error.value.code == "ResourceNotFoundException"
    assert (list(models.operations()), models.owns("us-east-1", arn)) == ([], False)


@pytest.mark.parametrize(("signed", "far"), [
    ("20260101T120000Z", False), ("20260101T115500Z", False), ("20260101T115459Z", True),
    ("20260101T120500Z", False), ("20260101T120501Z", True), ("nonsense", False), ("", False),
])  # fmt: skip
def test_signatures_are_good_for_five_minutes_either_way(signed: str, far: bool) -> None:
    assert too_far(signed, NOON, 300.0) is far


def test_the_complaint_says_how_far_off_a_signature_is() -> None:
    assert skew_complaint("20260101T110000Z", NOON) == (
        "Signature expired: 20260101T110000Z is now earlier than 20260101T115500Z (20260101T120000Z - 5 min.)"
    )
    assert skew_complaint("20260101T130000Z", NOON) == (
        "Signature not yet current: 20260101T130000Z is still later than 20260101T120500Z (20260101T120000Z + 5 min.)"
    )
