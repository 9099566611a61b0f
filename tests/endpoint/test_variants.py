"""Thousands of requests made from botocore's model, valid and not, each with the verdict that the model asks for.

Every operation that the endpoint serves is walked member by member: present, absent, null, every value of an enum and
some that are none, lengths and ranges at and beyond their bounds, patterns kept and broken, every wrong type of JSON;
in the smallest valid request and in the fullest. The verdicts come from the model by the code below and by hand-made
examples of its patterns, never from the endpoint's validation.
"""

from __future__ import annotations

import asyncio
import json
import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from runner.endpoint.comprehend import Comprehend
from runner.endpoint.operations import Call, Operation, OperationTable
from runner.endpoint.protocol import ApiError
from runner.endpoint.settings import Quotas

MODEL = ServiceModel(Loader().load_service_model("comprehend", "service-2"))
VARIANTS_MIN: Final = 10_000
HTTP_SAMPLE: Final = 400

OK, INVALID, WRONG_TYPE = "ok", "ValidationException", "SerializationException"

_ARN = "arn:aws:comprehend:us-east-1:123456789012"
_GOV = "arn:aws-us-gov:comprehend:r:123456789012"
_NAME = (["a", "A-1", "model--x"], ["-a", "a-", "a_b", "ä", "a\n", "a b"])
# Per shape with a pattern: values that keep it, values that break it (and nothing else).
EXAMPLES: Final[dict[str, tuple[list[str], list[str]]]] = {
    "AttributeNamesListItem": _NAME,
    "ClientRequestTokenString": (["a", "-", "6d0fa4b8-01de-4f4a-9f5e-2f1f0a1b2c3d"], ["a_b", "a b", "ä", "a\n", "a.b"]),
    "ComprehendArn": (
        [f"{_ARN}:sentiment-detection-job/0123456789abcdef", f"{_ARN}:document-classifier/n/version/1"],
        ["arn:aws:s3:::bucket", f"{_ARN}:x/", f"{_ARN}:document-classifier/n/other/1", "arn:aws:comprehend:r:12:x/y"],
    ),
    "ComprehendArnName": _NAME,
    "ComprehendFlywheelArn": ([f"{_ARN}:flywheel/name"], [f"{_ARN}:flywheel/", f"{_ARN}:document-classifier/name"]),
    "DocumentClassifierArn": (
        [f"{_ARN}:document-classifier/name", f"{_GOV}:document-classifier/n/version/v-1"],
        [f"{_ARN}:entity-recognizer/name", f"{_ARN}:document-classifier/n/version/", f"x{_ARN}:document-classifier/n"],
    ),
    "EntityRecognizerArn": (
        [f"{_ARN}:entity-recognizer/name", f"{_ARN}:entity-recognizer/n/version/v1"],
        [f"{_ARN}:document-classifier/name", f"{_ARN}:entity-recognizer/n_m", "entity-recognizer/name"],
    ),
    "EntityTypeName": (["PERSON", "a b", "日本", "x_1"], ["a,b", "a\nb", "a\tb", "", "a\rb"]),
    "EventTypeString": (["IPO", "STOCK_SPLIT", "_"], ["ipo", "STOCK SPLIT", "IPO1", "IPÖ"]),
    "IamRoleArn": (
        ["arn:aws:iam::123456789012:role/x", "arn:aws-cn:iam::123456789012:role/path/to/x y"],
        ["arn:aws:iam::12345678901:role/x", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:role/"],
    ),
    "JobId": (["a", "0123456789abcdef0123456789abcdef", "é 日 Ⅷ_.:/=+-%@"], ["a,b", "a\tb", "a;", "😀", "a\n", "#"]),
    "JobName": (["a", "Ünïcode ٣ name_.:/=+-%@", "日本 語"], ["a,b", "a\tb", "(a)", "😀", "a\n", "a#b", "a*"]),
    "KmsKeyId": (["alias/key", "arn:aws:kms:us-east-1:123456789012:key/1-2", " \n~"], ["", "é", "key-é", "日"]),
    "LabelDelimiter": (list("|~!@#$%^*-_+=\\:;\t>?/ "), ["a", "1", "(", "&", ",", "<", "é", "\n"]),
    "MaskCharacter": (list("!@#$%&*"), ["x", "^", " ", "é", "+"]),
    "Policy": (['{"Version": "2012-10-17"}', "a\tb\nc\r", "ÿ"], ["日", "\x00", "a\x1fb"]),
    "S3Uri": (
        ["s3://bucket", "s3://my-bucket.1/some/prefix/", "s3://abc/ä b?x#y", "s3://a-b/"],
        ["", "S3://bucket", "s3://Bucket/x", "s3://ab_c", "s3://a", "https://bucket/x", "s3://bucket-/x", "s3://abc/a\nb"],
    ),
    "SecurityGroupId": (["sg-1", "SG"], ["sg_1", "sg 1", "é"]),
    "SubnetId": (["subnet-1", "S"], ["subnet.1", "a b", "é"]),
    "VersionName": _NAME,
}  # fmt: skip
# Values of any length that keep the pattern.
FILLED: Final[dict[str, Callable[[int], str]]] = {
    "S3Uri": lambda n: "s3://bucket/" + "x" * (n - 12),
    "IamRoleArn": lambda n: ("arn:aws:iam::123456789012:role/" + "x" * (n - 31)) if n > 31 else "arn:aws:iam::1"[:n],
    "KmsKeyId": lambda n: "k" * n,
    "EventTypeString": lambda n: "E" * n,
}
_NO_LENGTH: Final = {"LabelDelimiter", "MaskCharacter"}  # their single characters are in the examples
_ARNS: Final = {"ComprehendArn", "ComprehendFlywheelArn", "DocumentClassifierArn", "EntityRecognizerArn"}


@dataclass(frozen=True)
class Variant:
    """One request, and the verdict that the model asks for; `where` is the path that the refusal must name."""

    operation: str
    members: dict[str, Any]
    verdict: str
    where: str
    what: str


def smallest(shape: Shape) -> Any:
    match shape.type_name:
        case "structure":
            return {name: smallest(shape.members[name]) for name in shape.required_members}
        case "list":
            return [smallest(shape.member)] * shape.metadata.get("min", 0)
    return leaf(shape)


def fullest(shape: Shape) -> Any:
    match shape.type_name:
        case "structure":
            return {name: fullest(member) for name, member in shape.members.items()}
        case "list":
            return [fullest(shape.member)] * max(1, shape.metadata.get("min", 0))
    return leaf(shape)


def leaf(shape: Shape) -> Any:
    match shape.type_name:
        case "string":
            if shape.metadata.get("enum"):
                return shape.metadata["enum"][0]
            return EXAMPLES[shape.name][0][0] if "pattern" in shape.metadata else "x" * shape.metadata.get("min", 1)
        case "integer":
            return shape.metadata.get("min", 1)
        case "timestamp":
            return 1_700_000_000.5
    raise AssertionError(f"the generator knows no {shape.type_name}: {shape.name}")


def variants_of(shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    """Values for one shape, with verdict, the path below it that a refusal names, and what is tried."""
    right = {"structure": dict, "list": list, "string": str, "integer": int, "timestamp": float}[shape.type_name]
    for wrong in ("text", 7, True, [], {}):
        numeric = right is float and type(wrong) is int
        if not (isinstance(wrong, right) or numeric) or (right is int and wrong is True):
            yield wrong, WRONG_TYPE, "", f"type {type(wrong).__name__}"
    yield from {
        "structure": _structures,
        "list": _lists,
        "string": _strings,
        "integer": _integers,
        "timestamp": _times,
    }[shape.type_name](shape)


def _structures(shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    yield {**smallest(shape), "NoSuchMember": {"deep": [None]}}, OK, "", "unknown member"
    for base in (smallest(shape), fullest(shape)):
        yield base, OK, "", "base"
        for name, member in shape.members.items():
            rest = {key: value for key, value in base.items() if key != name}
            needed = name in shape.required_members
            path = name[0].lower() + name[1:]
            verdict = INVALID if needed else OK
            yield rest, verdict, path, "missing" if needed else "left out"
            yield {**rest, name: None}, verdict, path, "null"
            for value, inner, below, what in variants_of(member):
                yield {**rest, name: value}, inner, ".".join(filter(None, (path, below))), what


def _lists(shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    one = fullest(shape.member)
    yield [one] * max(1, low), OK, "", "min items"
    if low:
        yield [one] * (low - 1), INVALID, "", "below min items"
    else:
        yield [], OK, "", "no items"
    if high is not None:
        yield [one] * high, OK, "", "max items"
        yield [one] * (high + 1), INVALID, "", "above max items"
    for value, verdict, below, what in variants_of(shape.member):
        yield [value], verdict, ".".join(filter(None, ("1.member", below))), f"item: {what}"
    if high is None or high > 1:
        for value, verdict, below, what in variants_of(shape.member):
            yield [one, value], verdict, ".".join(filter(None, ("2.member", below))), f"second item: {what}"


def _strings(shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    limits = shape.metadata
    if limits.get("enum"):
        for value in limits["enum"]:
            yield value, OK, "", "enum"
        for value in (
            "",
            "NO_SUCH_VALUE",
            limits["enum"][0] + " ",
            limits["enum"][0].swapcase(),
            limits["enum"][-1][:-1],
        ):
            yield value, OK if value in limits["enum"] else INVALID, "", "enum"
        return
    low, high = limits.get("min", 0), limits.get("max")
    if "pattern" in limits:
        keeps, breaks = EXAMPLES[shape.name]
        for value in keeps:
            yield value, OK, "", "pattern kept"
        for value in breaks:
            yield value, INVALID, "", "pattern broken"
    else:
        yield "日本 😀"[: high or 5], OK, "", "any text"
    if shape.name in _NO_LENGTH:
        yield from [("", INVALID, "", "below min length"), ("**", INVALID, "", "above max length")]
        return
    fill = FILLED.get(shape.name, lambda n: "x" * n)
    if shape.name in _ARNS:
        yield f"{EXAMPLES[shape.name][0][0]}{'x' * (high or 0)}", INVALID, "", "above max length"
        return
    if low:
        yield fill(low) if low < 20 else "arn:aws:iam::123456789012:role/x", OK, "", "min length"
        yield fill(low - 1), INVALID, "", "below min length"
    if high is not None:
        yield fill(high), OK, "", "max length"
        yield fill(high + 1), INVALID, "", "above max length"


def _integers(shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    low, high = shape.metadata["min"], shape.metadata["max"]
    for value in (low, low + 1, high - 1, high):
        yield value, OK, "", "range"
    for value in (low - 1, high + 1, -(2**31), 2**31 - 1):
        yield value, INVALID, "", "out of range"
    yield low + 0.5, WRONG_TYPE, "", "fraction"


def _times(_shape: Shape) -> Iterator[tuple[Any, str, str, str]]:
    for value in (0, 1_700_000_000, 1_700_000_000.123, -1.5):
        yield value, OK, "", "time"


def every_variant(served: list[str]) -> list[Variant]:
    return [
        Variant(operation, value, verdict, where, what)
        for operation in served
        for value, verdict, where, what in _structures(MODEL.operation_model(operation).input_shape)
    ]


@pytest.fixture(scope="module")
def served(endpoint: Any) -> list[str]:
    """The operations of the model that the endpoint does not say it does not serve."""
    return [name for name in MODEL.operation_names if post(endpoint, name, b"[")[1] != "UnknownOperationException"]


def post(endpoint: Any, operation: str, body: bytes) -> tuple[int, str, str]:
    """Status, code and message of an answer."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Comprehend_20171127.{operation}"}
    request = urllib.request.Request(endpoint.url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, OK, ""
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error)
            return error.code, said["__type"], said.get("message") or said.get("Message")


def test_every_operation_on_jobs_and_tags_is_served(served: list[str]) -> None:
    wanted = {name for name in MODEL.operation_names if name.endswith(("Job", "Jobs")) and "Batch" not in name}
    assert wanted | {"TagResource", "UntagResource", "ListTagsForResource"} <= set(served)
    assert not {"DetectSentiment", "BatchDetectEntities", "CreateEndpoint", "PutResourcePolicy"} & set(served)


async def judged(door: Comprehend, variant: Variant) -> tuple[str, str]:
    try:
        operation = door.operation(variant.operation)
        await door.answer(operation, "us-east-1", json.dumps(variant.members).encode())
    except ApiError as error:
        return error.code, error.message if error.status == 400 else f"status {error.status}"
    return OK, ""


def right(variant: Variant, code: str, message: str) -> bool:
    """Whether an answer is the verdict, and names the member."""
    if code != variant.verdict:
        return False
    return code != INVALID or f" at '{variant.where}' failed to satisfy constraint: " in message


def test_every_variant_of_every_request_gets_its_verdict(
    served: list[str], record_property: Callable[[str, object], None]
) -> None:
    async def accept(_call: Call) -> bytes:
        return b"{}"

    door = Comprehend(OperationTable(Operation(name, "read", accept) for name in served), Quotas())
    variants = every_variant(served)

    async def judge() -> list[tuple[Variant, str, str]]:
        answers = [(variant, *(await judged(door, variant))) for variant in variants]
        return [answer for answer in answers if not right(*answer)]

    wrong = asyncio.run(judge())
    assert wrong == [], f"{len(wrong)} of {len(variants)}"
    counts = Counter(variant.verdict for variant in variants)
    for name, count in {"operations": len(served), "variants": len(variants), **counts}.items():
        record_property(name, count)
    print(f"\n{len(variants):,} variants of {len(served)} operations: {dict(counts)}")  # noqa: T201 - published
    assert len(variants) >= VARIANTS_MIN
    assert min(counts[OK], counts[INVALID], counts[WRONG_TYPE]) > len(variants) // 10


def test_a_sample_gets_the_same_verdicts_over_http(endpoint: Any, served: list[str]) -> None:
    """What the model allows may still be refused for what it means, but never as invalid or of a wrong type."""
    sample = random.Random(20261121).sample(every_variant(served), HTTP_SAMPLE)
    for variant in sample:
        status, code, message = post(endpoint, variant.operation, json.dumps(variant.members).encode())
        if variant.verdict == OK:
            assert code not in (INVALID, WRONG_TYPE), (variant, message)
        else:
            assert (status, right(variant, code, message)) == (400, True), (variant, code, message)
