"""What a lane is asked for: names that anybody finds again, and requests that the service's model takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from runner.aws.models import create_parameters, model_arn
from runner.compose.models.asking import ATTEMPTS_MAX, name_of, request_of
from runner.model import Kms, LaneSpec, ModelSpec, Vpc

LANE = LaneSpec(
    name="near",
    kind="aws",
    region="us-gov-west-1",
    staging="s3://bucket/runner/",
    data_access_role="arn:aws-us-gov:iam::123456789012:role/ComprehendAccess",
)
FURNISHED = LaneSpec(
    name="near",
    kind="aws",
    staging="s3://bucket/runner/",
    data_access_role="arn:aws:iam::123456789012:role/ComprehendAccess",
    kms=Kms(volume="k-1", model="k-2"),
    vpc=Vpc(subnets=("s-1",), security_groups=("g-1",)),
    tags=(("team", "a"),),
)
MODELS = {
    "multi_class": ModelSpec(train="/t.csv", digest="d" * 40),
    "multi_label": ModelSpec(train="/t.csv", mode="multi_label", delimiter=";", digest="d" * 40),
    "list": ModelSpec(documents=("/d",), entity_list="/l.csv", types=("CITY",), digest="d" * 40),
    "annotations": ModelSpec(documents=("/d",), annotations="/a.csv", types=("CITY",), digest="d" * 40, language="de"),
}
OPERATIONS = {"classifier": "CreateDocumentClassifier", "recognizer": "CreateEntityRecognizer"}


@pytest.fixture(scope="module")
def service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("comprehend", "service-2"))


@pytest.mark.parametrize("lane", [LANE, FURNISHED], ids=["bare", "furnished"])
@pytest.mark.parametrize("name", MODELS)
def test_the_service_model_takes_every_request(service: ServiceModel, lane: LaneSpec, name: str):
    model = MODELS[name]
    parameters = create_parameters(lane, request_of(model, lane, name_of(model, lane, ATTEMPTS_MAX)))
    shape = service.operation_model(OPERATIONS[model.kind]).input_shape

    report: Any = ParamValidator().validate(parameters, shape)

    assert not report.has_errors(), report.generate_report()
    assert parameters["ClientRequestToken"] == parameters.get(
        "DocumentClassifierName", parameters.get("RecognizerName")
    )


@pytest.mark.parametrize("attempt", range(1, ATTEMPTS_MAX + 1))
def test_names_keep_to_the_service_and_differ_by_attempt_and_key(attempt: int):
    model = MODELS["list"]
    name = name_of(model, LANE, attempt)

    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name)
    assert len(name) <= 63
    assert name != name_of(model, LANE, attempt + 1)
    assert name != name_of(model, FURNISHED, attempt)


def test_an_arn_is_of_the_lanes_partition_region_and_account():
    arn = model_arn(LANE, "123456789012", "classifier", "runner-1")

    assert arn == "arn:aws-us-gov:comprehend:us-gov-west-1:123456789012:document-classifier/runner-1"
