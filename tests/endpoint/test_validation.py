"""Validation, held against botocore's model for every operation on jobs and tags; single breaches: test_variants.py."""

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
from runner.endpoint.validation import java_pattern, understood, validate
from tests.endpoint.test_variants import EXAMPLES

MODEL = ServiceModel(Loader().load_service_model("comprehend", "service-2"))
SERVED = sorted(
    name
    for name in MODEL.operation_names
    if any(family.stem in name for family in FAMILIES.values()) or name.endswith(("TagResource", "TagsForResource"))
    if "Batch" not in name and "Detect" not in name[:6]
)


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
                return st.sampled_from(EXAMPLES[shape.name][0])
            low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 20)
            return st.text(string.ascii_letters, min_size=low, max_size=min(high, low + 5))
    raise AssertionError(f"no values for {shape.type_name}")


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


def test_all_breaches_are_told_at_once_in_the_services_words() -> None:
    with pytest.raises(ApiError) as error:
        validate("StartSentimentDetectionJob", {"LanguageCode": "xx", "JobName": ""})
    assert error.value.message.startswith("5 validation errors detected: Value null at 'inputDataConfig' failed to ")
    wanted = "Value 'xx' at 'languageCode' failed to satisfy constraint: Member must satisfy enum value set: ["
    assert wanted in error.value.message
    with pytest.raises(ApiError, match="1 validation error detected: Value '501' at 'maxResults' failed to satisfy "):
        validate("ListSentimentDetectionJobs", {"MaxResults": 501})


def test_unknown_members_are_let_through_and_forgotten_as_nulls_are() -> None:
    given = {
        "Whatever": [1, {"deep": None}],
        "NextToken": None,
        "Filter": {"JobName": "x", "JobStatus": None, "Odd": 1},
    }
    validate("ListSentimentDetectionJobs", given)
    assert understood("ListSentimentDetectionJobs", given) == {"Filter": {"JobName": "x"}}


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
