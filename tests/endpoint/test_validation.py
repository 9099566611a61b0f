"""Validation, held against botocore's model for every operation that is served."""

from __future__ import annotations

import string
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StringShape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings, strategies as st

from runner.endpoint.families import FAMILIES
from runner.endpoint.protocol import ApiError, service_model
from runner.endpoint.validation import java_pattern, validate

MODEL = ServiceModel(Loader().load_service_model("comprehend", "service-2"))
SERVED = sorted(
    name
    for name in MODEL.operation_names
    if any(family.stem in name for family in FAMILIES.values()) or name.endswith(("TagResource", "TagsForResource"))
    if "Batch" not in name and "Detect" not in name[:6]
)

# A value or two for each pattern of the model that a served operation meets.
EXAMPLES = {
    "S3Uri": ["s3://bucket", "s3://my-bucket.1/some/prefix/"],
    "IamRoleArn": ["arn:aws:iam::123456789012:role/x", "arn:aws-us-gov:iam::123456789012:role/path/x"],
    "KmsKeyId": ["alias/key", "arn:aws:kms:us-east-1:123456789012:key/1234"],
    "JobName": ["a", "Ünïcode ٣ name_.:/=+-%@"],
    "JobId": ["0123456789abcdef0123456789abcdef"],
    "ClientRequestTokenString": ["token-1"],
    "SecurityGroupId": ["sg-1"],
    "SubnetId": ["subnet-1"],
    "EntityRecognizerArn": ["arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/name/version/1"],
    "ComprehendFlywheelArn": ["arn:aws:comprehend:us-east-1:123456789012:flywheel/name"],
}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that are valid by the model, in the protocol's form."""
    match shape.type_name:
        case "structure":
            required = {name: values(shape.members[name]) for name in shape.required_members}
            optional = {name: values(member) for name, member in shape.members.items() if name not in required}
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 4)
            return st.lists(values(shape.member), min_size=low, max_size=min(high, low + 2))
        case "integer":
            return st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", 100))
        case "timestamp":
            return st.floats(0, 2e9)
        case "string":
            assert isinstance(shape, StringShape)
            if shape.enum:
                return st.sampled_from(shape.enum)
            if shape.name in EXAMPLES:
                return st.sampled_from(EXAMPLES[shape.name])
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 20)
            return st.text(string.ascii_letters, min_size=low, max_size=min(high, low + 5))
    raise AssertionError(f"no values for {shape.type_name}")


def spoilt(shape: Shape, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any, str]]:
    """Every way to break one member of a structure: where, the bad value, the code of its refusal."""
    found: list[tuple[tuple[str, ...], Any, str]] = []
    for name, member in shape.members.items():
        here = (*path, name)
        if name in shape.required_members:
            found.append((here, None, "ValidationException"))
        found.append((here, ["wrong"] if member.type_name != "list" else "wrong", "SerializationException"))
        limits = member.metadata
        if member.type_name == "structure":
            found += spoilt(member, here)
        if member.type_name == "string":
            if limits.get("enum"):
                found.append((here, "NO_SUCH_VALUE", "ValidationException"))
            if "max" in limits:
                found.append((here, "x" * (limits["max"] + 1), "ValidationException"))
            if limits.get("min", 0) > 0:
                found.append((here, "", "ValidationException"))
            if "pattern" in limits:
                found.append((here, "\N{SNOWMAN}\n", "ValidationException"))
        if member.type_name == "integer" and "max" in limits:
            found += [
                (here, limits["max"] + 1, "ValidationException"),
                (here, limits["min"] - 1, "ValidationException"),
            ]
        if member.type_name == "list" and "max" in limits:
            found.append((here, ["x"] * (limits["max"] + 1), "ValidationException"))
    return found


def with_value(members: dict[str, Any], path: tuple[str, ...], value: Any, shape: Shape) -> dict[str, Any]:
    """A copy with one member set (None: left out), and what it is in made if it is not there."""
    name, *deeper = path
    if not deeper:
        rest = {key: each for key, each in members.items() if key != name}
        return rest if value is None else {**rest, name: value}
    inner = members.get(name)
    if inner is None:
        inner = {need: minimal(shape.members[name].members[need]) for need in shape.members[name].required_members}
    return {**members, name: with_value(inner, tuple(deeper), value, shape.members[name])}


def minimal(shape: Shape) -> Any:
    match shape.type_name:
        case "structure":
            return {name: minimal(shape.members[name]) for name in shape.required_members}
        case "list":
            return [minimal(shape.member)] * shape.metadata.get("min", 0)
        case "string":
            if shape.metadata.get("enum"):
                return shape.metadata["enum"][0]
            return EXAMPLES.get(shape.name, ["x" * max(1, shape.metadata.get("min", 1))])[0]
    raise AssertionError(shape.type_name)


def test_the_model_read_as_data_is_the_model_botocore_reads() -> None:
    assert service_model()["metadata"]["targetPrefix"] == MODEL.metadata["targetPrefix"]
    assert set(service_model()["operations"]) == set(MODEL.operation_names)


@pytest.mark.parametrize("operation", SERVED)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_the_model_allows_is_let_through(operation: str, data: st.DataObject) -> None:
    shape = MODEL.operation_model(operation).input_shape
    members = data.draw(values(shape))
    assert not ParamValidator().validate(members, shape).has_errors()
    validate(operation, members)


@pytest.mark.parametrize("operation", SERVED)
def test_every_single_breach_is_refused_and_named(operation: str) -> None:
    shape = MODEL.operation_model(operation).input_shape
    good = minimal(shape)
    validate(operation, good)
    breaches = spoilt(shape)
    assert len(breaches) >= 2
    for path, value, code in breaches:
        bad = with_value(good, path, value, shape)
        with pytest.raises(ApiError) as error:
            validate(operation, bad)
        assert (error.value.code, error.value.status) == (code, 400), (path, value)
        if code == "ValidationException":
            where = ".".join(name[0].lower() + name[1:] for name in path)
            assert f"at '{where}' failed to satisfy constraint: " in error.value.message


def test_all_breaches_are_told_at_once_in_the_services_words() -> None:
    with pytest.raises(ApiError) as error:
        validate("StartSentimentDetectionJob", {"LanguageCode": "xx", "JobName": ""})
    assert error.value.message.startswith("5 validation errors detected: Value null at 'inputDataConfig' failed to ")
    wanted = "Value 'xx' at 'languageCode' failed to satisfy constraint: Member must satisfy enum value set: ["
    assert wanted in error.value.message
    with pytest.raises(ApiError, match="1 validation error detected: Value '501' at 'maxResults' failed to satisfy "):
        validate("ListSentimentDetectionJobs", {"MaxResults": 501})


def test_unknown_members_are_let_through() -> None:
    validate("ListSentimentDetectionJobs", {"Whatever": [1, {"deep": None}]})


@pytest.mark.parametrize(("pattern", "matches", "fails"), [
    (r"^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$", ["", "a b", "é1_", "日本 語", "Ⅷ"], ["a\n", "a,b", "\t", "😀"]),
    (r"^\p{ASCII}+$", ["abc", " \n"], ["", "é"]),
    (r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?", ["s3://abc", "s3://a-b/c d"], ["s3://Abc", "s3://abc/x\n", "s3://a"]),
])  # fmt: skip
def test_the_models_patterns_mean_in_python_what_they_mean_in_java(
    pattern: str, matches: list[str], fails: list[str]
) -> None:
    compiled = java_pattern(pattern)
    assert [text for text in matches if not compiled.fullmatch(text)] == []
    assert [text for text in fails if compiled.fullmatch(text)] == []


def test_every_pattern_of_the_model_compiles() -> None:
    patterns = {shape["pattern"] for shape in service_model()["shapes"].values() if "pattern" in shape}
    assert len(patterns) > 20
    for pattern in patterns:
        assert java_pattern(pattern)
