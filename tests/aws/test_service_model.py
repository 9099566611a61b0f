"""What we lean on in botocore's model of Comprehend, pinned: it fails on drift, and says what drifted.

`service_model.json` is the slice of the model that this runner uses. After an upgrade that changed it, read the
difference, mend what it concerns, and write the file anew: `python tests/aws/test_service_model.py`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel

from runner.catalogue import ALL_LANGUAGES, FAMILIES, Family
from runner.model import JobKey, JobStatus, RunId, job_key, job_name, token
from runner.model.work import BatchId

PINNED = Path(__file__).with_name("service_model.json")
ROWS = [row for name, row in FAMILIES.items() if name != "custom_entities"]


@cache
def model() -> ServiceModel:
    return botocore.session.Session().get_service_model("comprehend")


def operations(row: Family) -> list[str]:
    return [operation for operation in (row.start, row.describe, row.list, row.stop) if operation]


def shape_of(shape: Any, depth: int = 3) -> Any:
    """A shape as plain data, as deep as we look into it."""
    if shape.type_name == "structure":
        if not depth:
            return "structure"
        return {
            name + ("!" if name in shape.required_members else ""): shape_of(member, depth - 1)
            for name, member in sorted(shape.members.items())
        }
    if shape.type_name == "list":
        return [shape_of(shape.member, depth)]
    limits = {key: value for key, value in sorted(shape.metadata.items()) if key in {"min", "max", "idempotencyToken"}}
    enum = {"enum": sorted(shape.enum)} if getattr(shape, "enum", None) else {}
    return {"type": shape.type_name, **limits, **enum} if limits or enum else shape.type_name


def slice_of_the_model() -> dict[str, Any]:
    metadata = model().metadata
    return {
        "metadata": {key: metadata.get(key) for key in ("protocol", "jsonVersion", "targetPrefix", "signatureVersion")},
        "operations": {
            operation: {
                "input": shape_of(model().operation_model(operation).input_shape),
                "output": shape_of(model().operation_model(operation).output_shape),
                "errors": sorted(shape.name for shape in model().operation_model(operation).error_shapes),
            }
            for row in ROWS
            for operation in operations(row)
        },
    }


def test_the_slice_of_botocores_model_that_we_use_has_not_drifted() -> None:
    pinned, actual = json.loads(PINNED.read_text()), slice_of_the_model()
    assert actual["metadata"] == pinned["metadata"]
    assert sorted(actual["operations"]) == sorted(pinned["operations"])
    drifted = [name for name, body in actual["operations"].items() if body != pinned["operations"][name]]
    assert drifted == []


def test_the_protocol_is_json_over_post() -> None:
    """COMPREHEND.md section 1.1."""
    metadata = model().metadata
    assert (metadata["protocol"], metadata["jsonVersion"]) == ("json", "1.1")
    assert metadata["targetPrefix"] == "Comprehend_20171127"
    assert model().signing_name == "comprehend"


@pytest.mark.parametrize("row", FAMILIES.values(), ids=list(FAMILIES))
class TestFamily:
    """Every row of the catalogue says what the model says."""

    def test_the_operations_exist(self, row: Family) -> None:
        assert set(operations(row)) <= set(model().operation_names)

    def test_it_stops_exactly_if_the_service_can(self, row: Family) -> None:
        assert row.stoppable is (f"Stop{row.stem}Job" in model().operation_names)

    def test_it_takes_a_language_exactly_if_start_requires_one(self, row: Family) -> None:
        shape = model().operation_model(row.start).input_shape
        assert row.takes_language is ("LanguageCode" in shape.members)
        assert row.takes_language is ("LanguageCode" in shape.required_members)

    def test_it_takes_volumes_and_networks_exactly_if_start_does(self, row: Family) -> None:
        members = model().operation_model(row.start).input_shape.members
        assert row.volume_and_vpc is ("VolumeKmsKeyId" in members)
        assert row.volume_and_vpc is ("VpcConfig" in members)

    def test_its_answers_are_where_we_look(self, row: Family) -> None:
        described = model().operation_model(row.describe).output_shape.members
        listed = model().operation_model(row.list).output_shape.members
        assert list(described) == [f"{row.stem}JobProperties"]
        assert set(listed) == {f"{row.stem}JobPropertiesList", "NextToken"}
        for properties in (described[f"{row.stem}JobProperties"], listed[f"{row.stem}JobPropertiesList"].member):
            read = {"JobId", "JobName", "JobStatus", "Message", "SubmitTime", "EndTime", "OutputDataConfig"}
            assert read <= set(properties.members)
        assert {"JobId", "JobStatus"} <= set(model().operation_model(row.start).output_shape.members)

    def test_its_list_takes_our_filters_and_pages(self, row: Family) -> None:
        shape = model().operation_model(row.list).input_shape
        assert {"JobName", "JobStatus", "SubmitTimeAfter"} <= set(shape.members["Filter"].members)
        assert shape.members["MaxResults"].metadata["max"] == 500

    def test_its_token_is_for_idempotency(self, row: Family) -> None:
        assert model().operation_model(row.start).input_shape.members["ClientRequestToken"].metadata["idempotencyToken"]

    def test_every_language_it_claims_is_one_of_the_services(self, row: Family) -> None:
        assert (row.languages or frozenset()) <= set(model().shape_for("LanguageCode").enum)


def test_the_statuses_are_the_services() -> None:
    assert {status.value for status in JobStatus} == set(model().shape_for("JobStatus").enum)


def test_the_languages_are_the_services() -> None:
    assert set(model().shape_for("LanguageCode").enum) == ALL_LANGUAGES


def test_no_operation_for_jobs_is_missing_from_the_catalogue() -> None:
    """A family that the service gains should not go unnoticed."""
    stems = {match[1] for name in model().operation_names if (match := re.fullmatch(r"Start(\w+)Job", name))}
    assert stems == {row.stem for row in FAMILIES.values()}


def test_our_tokens_and_names_have_the_form_that_the_service_wants() -> None:
    key: JobKey = job_key("sentiment", BatchId("en-0001"))
    run = RunId("20261120T112200Z-0123456789abcdef0123")
    matches = {"ClientRequestTokenString": token(run, key, 3), "JobName": job_name("nightly/", run, key, 3)}
    for name, value in matches.items():
        shape = model().shape_for(name)
        assert shape.metadata["min"] <= len(value) <= shape.metadata["max"]
        assert re.fullmatch(python_pattern(shape.metadata["pattern"]), value)


def python_pattern(pattern: str) -> str:
    """The model's patterns are Java's; only its Unicode classes differ from Python's."""
    return re.sub(r"\\p\{(L|Z|N)\}", lambda match: {"L": "a-zA-Z", "Z": " ", "N": "0-9"}[match[1]], pattern)


if __name__ == "__main__":
    PINNED.write_text(json.dumps(slice_of_the_model(), indent=1, sort_keys=True) + "\n")
