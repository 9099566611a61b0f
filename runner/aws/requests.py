"""What a Start call is given: the parts that all families share, and one row per family for what only it takes.

Pure: a lane and a StartRequest in, the call's parameters out. Facts: COMPREHEND.md sections 1.2 and 1.5; the tests pass
every family's parameters through botocore's own validator.

Values of `StartRequest.parameters` are text, as in the manifest's analysis keys; lists are joined by commas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from runner.catalogue import FAMILIES, Family
from runner.model import LaneSpec, StartRequest

EMBEDDED_ROLE: Final = "arn:aws:iam::000000000000:role/embedded"
"""The embedded endpoint assumes no role, but the protocol requires one."""

Parameters = dict[str, Any]


def start_parameters(lane: LaneSpec, request: StartRequest) -> Parameters:
    """The parameters of the Start call of `request` on `lane`, ready for botocore.

    `InputDataConfig` always says one document per line, `ClientRequestToken` is always ours: a token that the SDK
    drew would make a lost answer irreconcilable.
    """
    row = FAMILIES[request.family]
    parameters: Parameters = {
        "JobName": request.name,
        "ClientRequestToken": request.token,
        "DataAccessRoleArn": lane.data_access_role or (EMBEDDED_ROLE if lane.kind == "embedded" else ""),
        "InputDataConfig": {"S3Uri": request.input_uri, "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": request.output_uri},
    }
    if lane.kms.output:
        parameters["OutputDataConfig"]["KmsKeyId"] = lane.kms.output
    if row.takes_language and request.language:
        parameters["LanguageCode"] = request.language
    if lane.tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in lane.tags]
    parameters |= _volume_and_vpc(lane, row)
    return parameters | _EXTRAS.get(request.family, _nothing)(dict(request.parameters))


def _volume_and_vpc(lane: LaneSpec, row: Family) -> Parameters:
    if not row.volume_and_vpc:
        return {}
    parameters: Parameters = {}
    if lane.kms.volume:
        parameters["VolumeKmsKeyId"] = lane.kms.volume
    if lane.vpc is not None:
        parameters["VpcConfig"] = {
            "SecurityGroupIds": list(lane.vpc.security_groups),
            "Subnets": list(lane.vpc.subnets),
        }
    return parameters


def _nothing(_: Mapping[str, str]) -> Parameters:
    return {}


def _pii(given: Mapping[str, str]) -> Parameters:
    if given.get("mode", "offsets") != "redaction":
        return {"Mode": "ONLY_OFFSETS"}  # `both` is masked locally, from the offsets of one job
    mask = given.get("mask", "type")
    redaction: Parameters = {"PiiEntityTypes": _list(given.get("types", "")) or ["ALL"]}
    if mask == "type":
        redaction["MaskMode"] = "REPLACE_WITH_PII_ENTITY_TYPE"
    else:
        redaction |= {"MaskMode": "MASK", "MaskCharacter": mask}
    return {"Mode": "ONLY_REDACTION", "RedactionConfig": redaction}


def _events(given: Mapping[str, str]) -> Parameters:
    return {"TargetEventTypes": _list(given.get("types", ""))}


def _topics(given: Mapping[str, str]) -> Parameters:
    return {"NumberOfTopics": int(given["topics"])} if "topics" in given else {}


def _model(key: str, member: str) -> Callable[[Mapping[str, str]], Parameters]:
    def extra(given: Mapping[str, str]) -> Parameters:
        arn = given.get(key)
        return {"FlywheelArn" if ":flywheel/" in arn else member: arn} if arn else {}

    return extra


def _list(text: str) -> list[str]:
    return [item for item in (part.strip() for part in text.split(",")) if item]


_EXTRAS: Final[Mapping[str, Callable[[Mapping[str, str]], Parameters]]] = {
    "pii_entities": _pii,
    "events": _events,
    "topics": _topics,
    "classification": _model("classifier", "DocumentClassifierArn"),
    "custom_entities": _model("recognizer", "EntityRecognizerArn"),
}
