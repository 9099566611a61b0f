"""What a run needs of a remote lane: credentials, hosts, a bucket it can use, Comprehend's answers, room for jobs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from runner.aws.connection import is_amazon
from runner.compose.doctoring.findings import Document, Finding, Refusal, Services, header
from runner.compose.doctoring.iam import iam_findings
from runner.compose.doctoring.resources import resource_findings
from runner.model import Manifest
from runner.storage.s3 import parse_uri

SKEW_MAX_S: Final = 240.0
"""Signed requests are refused from five minutes on."""
ACTIVE: Final = ("SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED")
_SERVICES: Final = ("comprehend", "s3", "sts")


def lane_findings(manifest: Manifest, services: Services, now: Callable[[], float]) -> Iterator[Finding]:
    """The findings on one remote lane. Puts a tiny object under `staging` and deletes it; starts nothing."""
    place = services.lane.name
    usable = True
    for finding in _endpoints(services):
        usable = usable and finding.level != "wrong"
        yield finding
    if not usable:
        return
    caller = services.ask("sts", "get_caller_identity")
    if isinstance(caller, Refusal):
        fix = "set the lane's `profile`, or export AWS_PROFILE; `aws sts get-caller-identity` has to work"
        yield Finding(place=place, subject="identity", level="wrong", message=str(caller), fix=fix)
        return
    yield _identity(services, caller)
    yield from _clock(place, caller, now())
    bucket = _bucket(services)
    yield bucket
    if bucket.level == "ok" or bucket.policy is not None:
        yield from _staging(services)
    yield from _jobs(manifest, services)
    yield from iam_findings(manifest, services, caller)
    yield from resource_findings(manifest, services)


def _endpoints(services: Services) -> Iterator[Finding]:
    lane = services.lane
    for service in _SERVICES:
        url = services.url(service)
        if isinstance(url, Refusal):
            fix = "check the lane's `profile` and `region`, and `aws configure list`"
            yield Finding(place=lane.name, subject="endpoints", level="wrong", message=str(url), fix=fix)
            return
        named = lane.endpoint_url(service) is not None
        stray = lane.kind == "aws" and not named and not is_amazon(url)
        fix = f"unset AWS_ENDPOINT_URL, or name it on purpose: `endpoint_urls: {{{service}: {url}}}`"
        yield Finding(
            place=lane.name,
            subject="endpoints",
            level="wrong" if stray else "ok",
            message=f"{service} is {url}" + (", which is not Amazon's" if stray else ""),
            fix=fix if stray else None,
        )


def _identity(services: Services, caller: Document) -> Finding:
    lane, account, arn = services.lane, caller.get("Account"), caller.get("Arn")
    if lane.account and account != lane.account:
        fix = "use the other account's `profile` or `assume_role`, or correct `account`"
        message = f"these are credentials of account {account}, and the lane's `account` is {lane.account}"
        return Finding(place=lane.name, subject="identity", level="wrong", message=message, fix=fix)
    return Finding(place=lane.name, subject="identity", level="ok", message=f"{arn}, account {account}")


def _clock(place: str, answer: Document, now: float) -> Iterator[Finding]:
    told = header(answer, "date")
    if told is None:
        return
    skew = now - parsedate_to_datetime(told).timestamp()
    off = abs(skew) > SKEW_MAX_S
    message = f"this machine is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}" if abs(skew) > 1 else "is right"
    fix = "set the clock (`timedatectl set-ntp true`): requests signed five minutes off are refused" if off else None
    yield Finding(place=place, subject="clock", level="wrong" if off else "ok", message=message, fix=fix)


def _bucket(services: Services) -> Finding:
    lane = services.lane
    bucket, _ = parse_uri(lane.staging)
    head = services.ask("s3", "head_bucket", Bucket=bucket)
    if isinstance(head, Refusal) and head.code in {"404", "NoSuchBucket"}:
        fix = f"aws s3 mb s3://{bucket} --region {lane.region}"
        message = f"there is no bucket {bucket}"
        return Finding(place=lane.name, subject="bucket", level="wrong", message=message, fix=fix)
    if isinstance(head, Refusal):
        policy: Literal["caller"] | None = "caller" if head.denied else None
        return Finding(place=lane.name, subject="bucket", level="wrong", message=f"{bucket}: {head}", policy=policy)
    region = head.get("BucketRegion") or header(head, "x-amz-bucket-region")
    wrong = lane.kind == "aws" and region not in {None, lane.region}
    message = f"{bucket} is in {region or 'a region that it does not tell'}"
    if wrong:
        message += f", and the lane in {lane.region}: the service reads and writes in its own region only"
    fix = f"name a bucket in {lane.region} under `staging`, or set `region: {region}`"
    level: Literal["ok", "wrong"] = "wrong" if wrong else "ok"
    return Finding(place=lane.name, subject="bucket", level=level, message=message, fix=fix if wrong else None)


def _staging(services: Services) -> Iterator[Finding]:
    """Put, list, get and delete one object, as a run does."""
    lane = services.lane
    bucket, prefix = parse_uri(lane.staging)
    key = f"{prefix}doctor/{secrets.token_hex(8)}.txt"
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": lane.kms.staging} if lane.kms.staging else {}
    steps: list[tuple[str, str, dict[str, object]]] = [
        ("written to", "put_object", {"Key": key, "Body": b"runner doctor\n", **encryption}),
        ("listed", "list_objects_v2", {"Prefix": key, "MaxKeys": 1}),
        ("read", "get_object", {"Key": key}),
        ("cleaned up", "delete_object", {"Key": key}),
    ]
    refused = False
    for what, operation, parameters in steps:
        answer = services.ask("s3", operation, Bucket=bucket, **parameters)
        if isinstance(answer, Refusal):
            refused = True
            message = f"{lane.staging} cannot be {what}: {answer}"
            fix = f"delete s3://{bucket}/{key} by hand" if operation == "delete_object" else None
            policy: Literal["caller"] | None = "caller" if answer.denied else None
            yield Finding(place=lane.name, subject="staging", level="wrong", message=message, fix=fix, policy=policy)
            if operation == "put_object":
                return
    if not refused:
        message = f"{lane.staging} can be written to, listed, read and cleaned up"
        yield Finding(place=lane.name, subject="staging", level="ok", message=message)


def _jobs(manifest: Manifest, services: Services) -> Iterator[Finding]:
    """Whether Comprehend answers for every operation, and how many of its slots are in use."""
    lane = services.lane
    for stem in dict.fromkeys(analysis.operation for analysis in manifest.analyses):
        active = 0
        for status in ACTIVE:
            answer = services.ask("comprehend", _snake(f"List{stem}Jobs"), Filter={"JobStatus": status}, MaxResults=500)
            if isinstance(answer, Refusal):
                yield Finding(
                    place=lane.name,
                    subject="Comprehend",
                    level="wrong",
                    message=f"List{stem}Jobs: {answer}",
                    fix=None if answer.denied else "check the lane's `region` and `endpoint`",
                    policy="caller" if answer.denied else None,
                )
                break
            active += len(answer.get(f"{stem}JobPropertiesList", ()))
        else:
            slots = lane.quotas.active_jobs.of(stem)
            message = f"{stem}: {active} of {slots:.0f} slots are in use" if slots else f"{stem}: answers"
            yield Finding(place=lane.name, subject="Comprehend", level="ok", message=message)


def _snake(operation: str) -> str:
    from botocore import xform_name

    return str(xform_name(operation))
