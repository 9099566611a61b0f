"""Whether the data access role is there and trusts the service, and whether role and caller may do what a run does.

IAM's simulation knows identity policies and boundaries, not the policies of buckets, keys and organisations: what it
allows may still be refused, and only the trial of `staging` beside it is proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from runner.compose.doctoring.findings import Document, Finding, Refusal, Services
from runner.compose.doctoring.policies import (
    OBJECT_ACTIONS,
    SERVICE,
    account_of,
    comprehend_actions,
    staging_arns,
)
from runner.model import Manifest

_ASSUMED: Final = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")
_ACTIONS_MAX: Final = 50

Check = tuple[Sequence[str], Sequence[str]]
"""(Actions, the resources they are done to)."""


def iam_findings(manifest: Manifest, services: Services, caller: Document) -> Iterator[Finding]:
    """The findings on the role and the caller; `caller` is what STS says of who is asking."""
    lane = services.lane
    account = caller.get("Account")
    if account_of(lane) != account:
        message = f"{lane.data_access_role} is of another account than the credentials ({account})"
        yield _finding(services, "role", "wrong", message, fix="name a role of this account")
    role = services.ask("iam", "get_role", RoleName=lane.data_access_role.rpartition("/")[2])
    if isinstance(role, Refusal):
        yield _no_role(services, role)
    else:
        yield _trust(services, role, str(account))
    if isinstance(role, Refusal) and not role.denied:
        return
    bucket, objects = staging_arns(lane)
    own: list[Check] = [(["s3:ListBucket"], [bucket]), (["s3:GetObject", "s3:PutObject"], [objects])]
    yield from _simulated(services, lane.data_access_role, own, "role")
    asked: list[Check] = [
        (comprehend_actions(manifest, lane), ["*"]),
        (["s3:ListBucket"], [bucket]),
        (OBJECT_ACTIONS, [objects]),
        (["iam:PassRole"], [lane.data_access_role]),
    ]
    yield from _simulated(services, principal_of(str(caller.get("Arn"))), asked, "caller")


def principal_of(arn: str) -> str:
    """Whose policies hold for an identity: an assumed role's are the role's. Roles' paths are not told by STS."""
    match = _ASSUMED.fullmatch(arn)
    return f"arn:{match['partition']}:iam::{match['account']}:role/{match['role']}" if match else arn


def _finding(
    services: Services,
    subject: str,
    level: Literal["ok", "wrong", "unknown"],
    message: str,
    *,
    fix: str | None = None,
    policy: Literal["caller", "role", "trust"] | None = None,
) -> Finding:
    return Finding(place=services.lane.name, subject=subject, level=level, message=message, fix=fix, policy=policy)


def _no_role(services: Services, refusal: Refusal) -> Finding:
    arn = services.lane.data_access_role
    name = arn.rpartition("/")[2]
    if refusal.code == "NoSuchEntity":
        fix = f"aws iam create-role --role-name {name} --assume-role-policy-document file://trust.json"
        return _finding(services, "role", "wrong", f"there is no role {name}", fix=fix, policy="trust")
    if refusal.denied:
        return _finding(services, "role", "unknown", f"{name} may not be looked at (iam:GetRole)", policy="trust")
    return _finding(services, "role", "unknown", "there is no IAM here" if refusal.absent else f"IAM: {refusal}")


def _trust(services: Services, role: Document, account: str) -> Finding:
    name = str(role.get("Role", {}).get("RoleName"))
    document = role.get("Role", {}).get("AssumeRolePolicyDocument")
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        if not _lets_service_in(statement):
            continue
        accounts = _strings(statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount"))
        if accounts and account not in accounts:
            message = f"{name} trusts the service for account {', '.join(accounts)} only"
            return _finding(services, "role", "wrong", message, policy="trust")
        return _finding(services, "role", "ok", f"{name} is there and trusts {SERVICE}")
    fix = f"aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json"
    return _finding(services, "role", "wrong", f"{name} does not trust {SERVICE}", fix=fix, policy="trust")


def _lets_service_in(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    named = _strings(principal.get("Service")) if isinstance(principal, dict) else _strings(principal)
    actions = _strings(statement.get("Action"))
    return (
        statement.get("Effect") == "Allow"
        and bool({SERVICE, "*"} & set(named))
        and bool({"sts:AssumeRole", "sts:*", "*"} & set(actions))
    )


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _simulated(
    services: Services, principal: str, checks: Sequence[Check], who: Literal["caller", "role"]
) -> Iterator[Finding]:
    """What IAM's simulation says that a principal may do."""
    subject = "its rights" if who == "role" else "your rights"
    if principal.endswith(":root"):
        yield _finding(services, subject, "ok", "the account's root may do everything")
        return
    refused: list[str] = []
    for actions, resources in checks:
        answer = services.ask(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=principal,
            ActionNames=list(actions)[:_ACTIONS_MAX],
            ResourceArns=list(resources),
            **_context(actions),
        )
        if isinstance(answer, Refusal):
            reason = "may not be asked for (iam:SimulatePrincipalPolicy)" if answer.denied else f"IAM: {answer}"
            yield _finding(services, subject, "unknown", f"{principal}: {reason}", policy=who)
            return
        results = [result for result in answer.get("EvaluationResults", ()) if result.get("EvalDecision") != "allowed"]
        refused += [f"{result.get('EvalActionName')} on {', '.join(resources)}" for result in results]
    if refused:
        message = f"{principal} may not: {'; '.join(refused)}"
        yield _finding(services, subject, "wrong", message, policy=who)
    else:
        yield _finding(services, subject, "ok", f"{principal} may do what is needed, as far as IAM's simulation tells")


def _context(actions: Sequence[str]) -> dict[str, object]:
    if list(actions) != ["iam:PassRole"]:
        return {}
    entry = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [SERVICE], "ContextKeyType": "string"}
    return {"ContextEntries": [entry]}
