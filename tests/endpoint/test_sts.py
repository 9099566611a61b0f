"""STS at the same URL: who am I, and may I be this role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/path/Other"


def test_a_role_is_assumed_and_its_credentials_work(endpoint: Any) -> None:
    answer = endpoint.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me@home", DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/Other/me@home"
    given = answer["Credentials"]
    assert timedelta(seconds=800) < given["Expiration"] - datetime.now(UTC) <= timedelta(seconds=900)
    client = boto3.client(
        "comprehend",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    assert "EntitiesDetectionJobPropertiesList" in client.list_entities_detection_jobs()
    client.close()


@pytest.mark.parametrize(("members", "said"), [
    ({"RoleArn": "arn:aws:iam::12:role/x" + "x" * 20, "RoleSessionName": "me"}, "is invalid"),
    ({"RoleArn": ROLE, "RoleSessionName": "me & you"}, "is invalid"),
    ({"RoleArn": ROLE, "RoleSessionName": "me", "DurationSeconds": 50_000}, "DurationSeconds 50000"),
])  # fmt: skip
def test_roles_that_cannot_be_are_refused(endpoint: Any, members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said) as error:
        endpoint.client("sts").assume_role(**members)
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_other_questions_are_not_served(endpoint: Any) -> None:
    with pytest.raises(ClientError, match="does not serve 'GetSessionToken'"):
        endpoint.client("sts").get_session_token()
