"""Tags of jobs: put, struck out, listed, limited, and there again after a kill."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.endpoint import Quotas


@pytest.fixture
def arn(endpoint: Any, bucket: str) -> str:
    """A job that was started with one tag."""
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text")
    job_id = endpoint.start(
        "entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/", Tags=[{"Key": "cost", "Value": "42"}]
    )
    return endpoint.describe("entities", job_id)["JobArn"]


def tags(endpoint: Any, arn: str) -> dict[str, str]:
    answer = endpoint.comprehend.list_tags_for_resource(ResourceArn=arn)
    assert answer["ResourceArn"] == arn
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def refused(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"]


def test_tags_are_put_replaced_and_struck_out(endpoint: Any, arn: str) -> None:
    assert tags(endpoint, arn) == {"cost": "42"}
    endpoint.comprehend.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "43"}, {"Key": "team"}])
    assert tags(endpoint, arn) == {"cost": "43", "team": ""}
    endpoint.comprehend.untag_resource(ResourceArn=arn, TagKeys=["cost", "absent"])
    assert tags(endpoint, arn) == {"team": ""}


def test_a_resource_has_fifty_tags_and_not_one_more(endpoint: Any, arn: str) -> None:
    forty_nine = [{"Key": f"k{number}", "Value": "v"} for number in range(49)]
    endpoint.comprehend.tag_resource(ResourceArn=arn, Tags=forty_nine)
    one_more = [{"Key": "more", "Value": "v"}]
    assert refused(endpoint.comprehend.tag_resource, ResourceArn=arn, Tags=one_more) == "TooManyTagsException"
    assert len(tags(endpoint, arn)) == 50
    endpoint.comprehend.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "replaced"}])
    keys = [f"k{number}" for number in range(51)]
    assert refused(endpoint.comprehend.untag_resource, ResourceArn=arn, TagKeys=keys) == "TooManyTagKeysException"


@pytest.mark.parametrize("operation", ["tag_resource", "untag_resource", "list_tags_for_resource"])
def test_what_does_not_exist_has_no_tags(endpoint: Any, arn: str, operation: str) -> None:
    more = {"tag_resource": {"Tags": []}, "untag_resource": {"TagKeys": []}}.get(operation, {})
    absent = "arn:aws:comprehend:us-east-1:000000000000:sentiment-detection-job/0123456789abcdef0123456789abcdef"
    assert refused(getattr(endpoint.comprehend, operation), ResourceArn=absent, **more) == "ResourceNotFoundException"
    elsewhere = endpoint.client("comprehend", "eu-west-1")
    assert refused(getattr(elsewhere, operation), ResourceArn=arn, **more) == "ResourceNotFoundException"


def test_tagging_has_rates_of_its_own(endpoint_with: Any) -> None:
    with endpoint_with(quotas=Quotas.named("service")) as own:
        own.start("entities", "s3://absent/in/", "s3://absent/out/")
        arn = own.listed("entities")[0]["JobArn"]
        own.comprehend.tag_resource(ResourceArn=arn, Tags=[])
        assert refused(own.comprehend.tag_resource, ResourceArn=arn, Tags=[]) == "ThrottlingException"
        own.comprehend.untag_resource(ResourceArn=arn, TagKeys=[])
        for _ in range(5):
            tags(own, arn)


def test_tags_outlive_a_kill(endpoint_process: Any) -> None:
    with endpoint_process() as first:
        first.start("entities", "s3://absent/in/", "s3://absent/out/", Tags=[{"Key": "a", "Value": "b"}])
        arn = first.listed("entities")[0]["JobArn"]
        first.comprehend.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
        first.process.kill()
        first.process.wait(10)
    with endpoint_process() as second:
        assert tags(second, arn) == {"a": "b", "c": "d"}
