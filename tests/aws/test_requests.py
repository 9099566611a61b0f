"""Start parameters: what the lane gives, what a family adds, all of it valid by botocore's own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from runner.aws.requests import start_parameters
from runner.catalogue import FAMILIES
from runner.model import JobKey, Kms, LaneSpec, StartRequest, Vpc

ROLE = "arn:aws:iam::123456789012:role/ComprehendAccess"
ARN = "arn:aws:comprehend:us-east-1:123456789012"
PARAMETERS: dict[str, tuple[tuple[str, str], ...]] = {
    "events": (("types", "BANKRUPTCY, IPO"),),
    "pii_entities": (("mode", "redaction"), ("types", "NAME,EMAIL"), ("mask", "*")),
    "topics": (("topics", "25"),),
    "classification": (("classifier", f"{ARN}:document-classifier/genres"),),
    "custom_entities": (("recognizer", f"{ARN}:entity-recognizer/parts"),),
}
LANE = LaneSpec(
    name="virginia",
    kind="aws",
    staging="s3://staging/r/",
    data_access_role=ROLE,
    kms=Kms(staging="k1", output="alias/out", volume="k3", model="k4"),
    vpc=Vpc(subnets=("subnet-1", "subnet-2"), security_groups=("sg-1",)),
    tags=(("team", "search"), ("cost", "42")),
)


def parameters(family: str, lane: LaneSpec = LANE, **changes: Any) -> dict[str, Any]:
    row = FAMILIES[family]
    request = StartRequest(
        family=family,
        generation=1,
        job=JobKey("j"),
        name="name",
        token="token",
        input_uri="s3://staging/r/in/b/",
        output_uri="s3://staging/r/out/j-1/",
        language="en" if row.takes_language else None,
        parameters=PARAMETERS.get(family, ()),
    )
    return start_parameters(lane, replace(request, **changes))


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("lane", [LANE, LaneSpec(name="home", kind="embedded")], ids=["everything", "nothing"])
def test_every_family_passes_botocores_validation(family: str, lane: LaneSpec) -> None:
    """Unknown members are refused by it too, so this also shows that no family is given what it does not take."""
    model = botocore.session.Session().get_service_model("comprehend").operation_model(FAMILIES[family].start)
    report = ParamValidator().validate(parameters(family, lane), model.input_shape)
    assert report.generate_report() == ""


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_token_is_always_ours(family: str) -> None:
    """Left out, the SDK would draw one of its own at every call."""
    assert parameters(family)["ClientRequestToken"] == "token"


@pytest.mark.parametrize("family", list(FAMILIES))
def test_volumes_and_networks_go_to_the_families_that_take_them(family: str) -> None:
    given = parameters(family)
    takes = FAMILIES[family].volume_and_vpc
    assert ("VolumeKmsKeyId" in given) is takes
    assert ("VpcConfig" in given) is takes


def test_the_lane_gives_role_keys_network_and_tags() -> None:
    given = parameters("sentiment")
    assert given["DataAccessRoleArn"] == ROLE
    assert given["OutputDataConfig"] == {"S3Uri": "s3://staging/r/out/j-1/", "KmsKeyId": "alias/out"}
    assert given["VolumeKmsKeyId"] == "k3"
    assert given["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    assert given["Tags"] == [{"Key": "team", "Value": "search"}, {"Key": "cost", "Value": "42"}]


@pytest.mark.parametrize("family", ["dominant_language", "topics", "classification"])
def test_no_language_goes_to_families_without_one(family: str) -> None:
    assert "LanguageCode" not in parameters(family, language="en")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {"Mode": "ONLY_OFFSETS"}),
        ((("mode", "offsets"),), {"Mode": "ONLY_OFFSETS"}),
        ((("mode", "both"), ("mask", "*")), {"Mode": "ONLY_OFFSETS"}),
        (
            (("mode", "redaction"),),
            {
                "Mode": "ONLY_REDACTION",
                "RedactionConfig": {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"},
            },
        ),
        (
            (("mode", "redaction"), ("types", "NAME,EMAIL"), ("mask", "#")),
            {
                "Mode": "ONLY_REDACTION",
                "RedactionConfig": {"PiiEntityTypes": ["NAME", "EMAIL"], "MaskMode": "MASK", "MaskCharacter": "#"},
            },
        ),
    ],
)
def test_pii_modes(given: tuple[tuple[str, str], ...], expected: dict[str, Any]) -> None:
    sent = parameters("pii_entities", parameters=given)
    assert {key: value for key, value in sent.items() if key in {"Mode", "RedactionConfig"}} == expected


@pytest.mark.parametrize(("family", "key"), [("classification", "classifier"), ("custom_entities", "recognizer")])
def test_a_flywheel_goes_where_flywheels_go(family: str, key: str) -> None:
    sent = parameters(family, parameters=((key, f"{ARN}:flywheel/f"),))
    assert sent["FlywheelArn"] == f"{ARN}:flywheel/f"
    assert "DocumentClassifierArn" not in sent
    assert "EntityRecognizerArn" not in sent


def test_topics_and_events_send_their_parameters() -> None:
    assert parameters("topics")["NumberOfTopics"] == 25
    assert parameters("events")["TargetEventTypes"] == ["BANKRUPTCY", "IPO"]
