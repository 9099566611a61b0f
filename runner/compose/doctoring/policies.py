"""The IAM policies that a lane of a manifest needs, made from the manifest's own values. Pure.

Facts: COMPREHEND.md section 1.5 (the data access role), the developer guide's pages on permissions for KMS and VPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from runner.aws.quotas import ACTION
from runner.model import LaneSpec, Manifest
from runner.storage.s3 import parse_uri

Statement = dict[str, Any]

SERVICE: Final = "comprehend.amazonaws.com"
_VERSION: Final = "2012-10-17"
_VPC_ACTIONS: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_TRAINING: Final = {
    family: tuple(f"{verb}{stem}" for verb in ("Create", "Describe", "StopTraining", "Delete"))
    for family, stem in (("classification", "DocumentClassifier"), ("custom_entities", "EntityRecognizer"))
}
"""To train (and to stop that with `cancel`, and delete what was trained with `clean --models`)."""
OBJECT_ACTIONS: Final = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")


def caller_policy(manifest: Manifest, lane: LaneSpec) -> dict[str, Any]:
    """What whoever runs the runner must be allowed."""
    bucket, objects = staging_arns(lane)
    statements = [
        _allow("Jobs", comprehend_actions(manifest, lane), ["*"]),
        *([_allow("Quotas", [ACTION], ["*"])] if lane.kind == "aws" else []),
        _allow("ListStaging", ["s3:ListBucket"], [bucket]),
        _allow("Staging", [*OBJECT_ACTIONS, "s3:AbortMultipartUpload"], [objects]),
        _allow("HandOverTheRole", ["iam:PassRole"], [lane.data_access_role])
        | {"Condition": {"StringEquals": {"iam:PassedToService": SERVICE}}},
        *_sources(manifest, lane),
        *_keys(lane, (lane.kms.staging, lane.kms.output), ["kms:Decrypt", "kms:GenerateDataKey"], "StagingKeys"),
        *_keys(lane, (lane.kms.volume, lane.kms.model), ["kms:CreateGrant", "kms:DescribeKey"], "JobKeys"),
    ]
    return {"Version": _VERSION, "Statement": statements}


def role_policy(lane: LaneSpec) -> dict[str, Any]:
    """What the data access role must be allowed."""
    bucket, objects = staging_arns(lane)
    keys = (lane.kms.staging, lane.kms.output)
    statements = [
        _allow("ListStaging", ["s3:ListBucket"], [bucket]),
        _allow("Staging", ["s3:GetObject", "s3:PutObject"], [objects]),
        *_keys(lane, keys, ["kms:Decrypt", "kms:GenerateDataKey"], "StagingKeys"),
        *_keys(lane, (lane.kms.volume, lane.kms.model), ["kms:CreateGrant", "kms:DescribeKey"], "JobKeys"),
    ]
    if lane.vpc is not None:
        statements.append(_allow("Network", list(_VPC_ACTIONS), ["*"]))
    return {"Version": _VERSION, "Statement": statements}


def trust_policy() -> dict[str, Any]:
    """Who may take on the data access role: the service."""
    return {
        "Version": _VERSION,
        "Statement": [{"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}],
    }


def comprehend_actions(manifest: Manifest, lane: LaneSpec) -> list[str]:
    """The actions of Comprehend that the analyses need, sorted."""
    actions: set[str | None] = set()
    for analysis in manifest.analyses:
        row = analysis.row
        actions |= {row.start, row.describe, row.list, row.stop}
        if analysis.model is not None and analysis.model.arn is None:
            actions.update(_TRAINING[analysis.family])
    if lane.tags:
        actions.add("TagResource")
    return sorted(f"comprehend:{action}" for action in actions if action)


def staging_arns(lane: LaneSpec) -> tuple[str, str]:
    """The ARN of the staging bucket, and of everything below the prefix."""
    bucket, prefix = parse_uri(lane.staging)
    arn = f"arn:{partition(lane)}:s3:::{bucket}"
    return arn, f"{arn}/{prefix}*"


def partition(lane: LaneSpec) -> str:
    """`aws`, `aws-us-gov`, …: as in the ARN of the role."""
    return lane.data_access_role.split(":")[1]


def account_of(lane: LaneSpec) -> str:
    """The account in the ARN of the role."""
    return lane.data_access_role.split(":")[4]


def _allow(name: str, actions: list[str], resources: list[str]) -> Statement:
    return {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}


def _sources(manifest: Manifest, lane: LaneSpec) -> Iterator[Statement]:
    """Reading the corpora that lie in S3, but for those with credentials of their own."""
    uris = [uri for corpus in manifest.corpora if corpus.profile is None for uri in corpus.sources]
    buckets = sorted({parse_uri(uri)[0] for uri in uris if uri.startswith("s3://")})
    if buckets:
        arns = [f"arn:{partition(lane)}:s3:::{bucket}" for bucket in buckets]
        yield _allow("ListSources", ["s3:ListBucket"], arns)
        yield _allow("Sources", ["s3:GetObject"], [f"{arn}/*" for arn in arns])


def _keys(lane: LaneSpec, keys: tuple[str | None, ...], actions: list[str], name: str) -> Iterator[Statement]:
    """Using some KMS keys. Aliases are no resources, so that they become conditions."""
    below = f"arn:{partition(lane)}:kms:{lane.region}:{account_of(lane)}:key/"
    given = list(dict.fromkeys(key for key in keys if key))
    aliases = [f"alias/{key.partition('alias/')[2]}" for key in given if "alias/" in key]
    plain = [key if key.startswith("arn:") else below + key for key in given if "alias/" not in key]
    if plain:
        yield _allow(name, actions, plain)
    if aliases:
        condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}
        yield _allow(f"{name}ByAlias", actions, [f"{below}*"]) | {"Condition": condition}
