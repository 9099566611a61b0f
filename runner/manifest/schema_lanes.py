"""The keys of lanes: where jobs run."""

from __future__ import annotations

from typing import Annotated, Final

from runner.catalogue import FAMILIES
from runner.manifest import addresses as at, values as is_
from runner.manifest.section import Section

FAMILY_NAMES: Final = tuple(FAMILIES)
Number = tuple[float | None, dict[str, float]]
"""Of a quota: (one number for all, a number per family)."""


class KmsSection(Section):
    """KMS keys."""

    staging: Annotated[str | None, at.KEY] = None
    """For the objects that are staged."""
    output: Annotated[str | None, at.KEY] = None
    """For what the service writes."""
    volume: Annotated[str | None, at.KEY_WITHOUT_ALIAS] = None
    """For the volumes of the service's machines."""
    model: Annotated[str | None, at.KEY_WITHOUT_ALIAS] = None
    """For trained models."""


class VpcSection(Section):
    """The VPC in which jobs run."""

    subnets: Annotated[tuple[str, ...], at.SUBNETS]
    """Their ids."""
    security_groups: Annotated[tuple[str, ...], at.SECURITY_GROUPS]
    """Their ids."""


class EndpointUrls(Section):
    """Where a service is reached, if not at its usual endpoint."""

    comprehend: Annotated[str | None, at.URL] = None
    """The URL of Comprehend."""
    s3: Annotated[str | None, at.URL] = None
    """The URL of S3."""
    sts: Annotated[str | None, at.URL] = None
    """The URL of STS, which says whose credentials these are."""


class QuotasSection(Section):
    """What the account allows, per operation; on an embedded lane what the machine can do."""

    active_jobs: Annotated[Number | None, is_.per_family(is_.whole(1), FAMILY_NAMES)] = None
    """Jobs active at once."""
    start_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Start calls per second."""
    read_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Describe and List calls per second."""
    stop_per_s: Annotated[Number | None, is_.per_family(is_.as_positive, FAMILY_NAMES)] = None
    """Stop calls per second."""
    reserve_slots: Annotated[Number | None, is_.per_family(is_.whole(0), FAMILY_NAMES)] = None
    """Slots that are left to others."""


class LaneSection(Section):
    """Where jobs run."""

    name: Annotated[str, is_.NAME]
    """What the lane is called, in logs and by `--lane`."""
    endpoint: Annotated[str, at.ENDPOINT] = "embedded"
    """`embedded`, `aws`, or the URL of an endpoint."""
    region: Annotated[str | None, at.REGION] = None
    """As in us-east-1; the bucket under `staging` is in the same."""
    account: Annotated[str | None, at.ACCOUNT] = None
    """Any other identity than one of this account is refused."""
    profile: Annotated[str | None, is_.TEXT] = None
    """A profile of the AWS configuration files."""
    assume_role: Annotated[str | None, at.ROLE] = None
    """A role that the runner takes on."""
    external_id: Annotated[str | None, at.EXTERNAL_ID] = None
    """What the role's trust policy asks for."""
    staging: Annotated[str | None, at.STAGING] = None
    """`s3://<bucket>/<prefix>/`: where inputs and outputs of jobs are kept."""
    data_access_role: Annotated[str | None, at.ROLE] = None
    """The role with which the service reads and writes there."""
    kms: KmsSection = KmsSection()
    """KMS keys, where other than the buckets' own are used."""
    vpc: VpcSection | None = None
    """The VPC in which jobs run, if in one."""
    tags: Annotated[tuple[tuple[str, str], ...], at.TAGS] = ()
    """Of the jobs."""
    job_name_prefix: Annotated[str, at.JOB_NAME_PREFIX] = ""
    """With which the names of the jobs begin."""
    endpoint_urls: EndpointUrls = EndpointUrls()
    """Where services are reached, if not at their usual endpoints."""
    quotas: QuotasSection = QuotasSection()
    """What the account allows; the service's defaults, if left out."""
