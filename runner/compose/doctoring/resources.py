"""What else a lane names, as far as it may be looked at: KMS keys, the VPC, the account's quotas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from runner.aws.quotas import ACTION, PAGE_QUOTAS, PAGES_MAX, account_quotas
from runner.compose.doctoring.findings import Document, Finding, Refusal, Services
from runner.model import Manifest


def resource_findings(manifest: Manifest, services: Services) -> Iterator[Finding]:
    """The findings on keys, networks and quotas."""
    yield from _keys(services)
    yield from _vpc(services)
    yield from _quotas(manifest, services)


def _finding(
    services: Services, subject: str, level: Literal["ok", "wrong", "unknown"], message: str, fix: str | None = None
) -> Finding:
    return Finding(place=services.lane.name, subject=subject, level=level, message=message, fix=fix)


def _keys(services: Services) -> Iterator[Finding]:
    kms = services.lane.kms
    named = {"staging": kms.staging, "output": kms.output, "volume": kms.volume, "model": kms.model}
    for use, key in named.items():
        if key is None:
            continue
        answer = services.ask("kms", "describe_key", KeyId=key)
        if isinstance(answer, Refusal):
            fix = f"correct `kms.{use}`"
            yield _refused(services, "KMS", f"{use}: {key}", answer, action="kms:DescribeKey", fix=fix)
            continue
        yield _key(services, use, answer.get("KeyMetadata", {}))


def _key(services: Services, use: str, facts: dict[str, Any]) -> Finding:
    name, region = str(facts.get("Arn")), services.lane.region
    if facts.get("KeyState") != "Enabled":
        message = f"{use}: {name} is {facts.get('KeyState')}"
        return _finding(services, "KMS", "wrong", message, "enable it, or name another key")
    if facts.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        return _finding(services, "KMS", "wrong", f"{use}: {name} is not symmetric", "name a symmetric key")
    if f":{region}:" not in name:
        return _finding(services, "KMS", "wrong", f"{use}: {name} is not in {region}", f"name a key in {region}")
    return _finding(services, "KMS", "ok", f"{use}: {name} is enabled")


def _vpc(services: Services) -> Iterator[Finding]:
    vpc = services.lane.vpc
    if vpc is None:
        return
    networks: set[str] = set()
    looks = (
        ("subnets", "describe_subnets", {"SubnetIds": list(vpc.subnets)}, "Subnets"),
        ("security groups", "describe_security_groups", {"GroupIds": list(vpc.security_groups)}, "SecurityGroups"),
    )
    for what, operation, parameters, member in looks:
        answer = services.ask("ec2", operation, **parameters)
        if isinstance(answer, Refusal):
            action = f"ec2:{''.join(word.title() for word in operation.split('_'))}"
            yield _refused(services, "VPC", what, answer, action=action, fix="correct `vpc`")
            return
        networks |= {str(item.get("VpcId")) for item in answer.get(member, ())}
    if len(networks) == 1:
        yield _finding(services, "VPC", "ok", f"subnets and security groups are in {networks.pop()}")
    else:
        message = f"subnets and security groups are in different VPCs: {', '.join(sorted(networks))}"
        yield _finding(services, "VPC", "wrong", message, "name those of one VPC")


def _refused(services: Services, subject: str, what: str, refusal: Refusal, *, action: str, fix: str) -> Finding:
    if refusal.denied:
        return _finding(services, subject, "unknown", f"{what} may not be looked at ({action})")
    if refusal.absent:
        return _finding(services, subject, "unknown", f"{what}: there is no {subject} here")
    return _finding(services, subject, "wrong", f"{what}: {refusal}", fix)


def _quotas(manifest: Manifest, services: Services) -> Iterator[Finding]:
    """The account's own numbers of active jobs, held against the manifest's."""
    if services.lane.kind != "aws":
        return
    listed = _listed(services)
    if isinstance(listed, Refusal):
        reason = f"may not be asked for ({ACTION})" if listed.denied else str(listed)
        yield _finding(services, "quotas", "unknown", f"{reason}; the manifest's numbers hold, or the defaults")
        return
    account, limit = account_quotas(listed), services.lane.quotas.active_jobs
    for stem in dict.fromkeys(analysis.operation for analysis in manifest.analyses):
        actual, planned = account.active_jobs.get(stem), limit.of(stem)
        if actual is None or planned is None:
            continue
        if limit.source_of(stem) != "manifest":
            yield _finding(services, "quotas", "ok", f"{stem}: {actual:.0f} active jobs, which a run counts on")
            continue
        message = f"{stem}: {actual:.0f} active jobs, and the manifest says {planned:.0f}"
        fix = f"quotas: {{active_jobs: {actual:.0f}}}, or none: a run reads them" if actual != planned else None
        yield _finding(services, "quotas", "wrong" if actual < planned else "ok", message, fix)


def _listed(services: Services) -> list[Document] | Refusal:
    found: list[Document] = []
    parameters: dict[str, object] = {"ServiceCode": "comprehend", "MaxResults": PAGE_QUOTAS}
    for _ in range(PAGES_MAX):
        page = services.ask("service-quotas", "list_service_quotas", **parameters)
        if isinstance(page, Refusal):
            return page
        found += page.get("Quotas", ())
        if not page.get("NextToken"):
            break
        parameters["NextToken"] = page["NextToken"]
    return found
