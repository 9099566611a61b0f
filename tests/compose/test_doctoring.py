"""What a doctor finds on a lane: against an IAM, a KMS and an EC2 of moto's, and against answers that are made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from runner.compose.doctoring import policies
from runner.compose.doctoring.findings import Finding, Refusal, Services
from runner.compose.doctoring.iam import iam_findings, principal_of
from runner.compose.doctoring.lanes import lane_findings
from runner.compose.doctoring.machine import file_system_of, machine_findings
from runner.compose.doctoring.policies import trust_policy
from runner.compose.doctoring.resources import resource_findings
from runner.manifest import load_manifest
from runner.model import Kms, LaneSpec, Limit, Manifest, Vpc

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/Comprehend"
CALLER = {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/session"}
NOW = 1_700_000_000.0
ALLOWED = {"EvaluationResults": [{"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"}]}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "lines.txt").write_text("x\n")
    path = tmp_path / "m.yaml"
    lane = {
        "name": "virginia",
        "endpoint": "aws",
        "region": "us-east-1",
        "staging": "s3://bucket/runner/",
        "data_access_role": ROLE,
    }
    corpus = {"name": "a", "source": "lines.txt", "format": "lines", "language": "en"}
    data = {"version": 1, "name": "demo", "lanes": [lane], "corpora": [corpus], "analyses": ["sentiment", "entities"]}
    path.write_text(json.dumps(data))
    return load_manifest(path)


class Scripted(Services):
    """Services whose answers are made up: by operation, a document, a refusal, or one after the other."""

    def __init__(self, lane: LaneSpec, **answers: Any) -> None:
        super().__init__(lane)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []

    def url(self, service: str) -> str:
        return f"https://{service}.us-east-1.amazonaws.com"

    def ask(self, service: str, operation: str, **parameters: object) -> Any:
        self.asked.append((operation, parameters))
        answer = self.answers.get(operation, {})
        return answer.pop(0) if isinstance(answer, list) else answer


def on(findings: Iterator[Finding], subject: str) -> list[tuple[str, str]]:
    """(level, message) of the findings on one subject."""
    return [(finding.level, finding.message) for finding in findings if finding.subject == subject]


def healthy(manifest: Manifest, **answers: Any) -> Scripted:
    """A lane where nothing is wrong, but for these answers."""
    dated = {"HTTPHeaders": {"date": formatdate(NOW, usegmt=True)}}
    trusted = {"Role": {"RoleName": "Comprehend", "AssumeRolePolicyDocument": trust_policy()}}
    usual = {
        "get_caller_identity": {**CALLER, "ResponseMetadata": dated},
        "head_bucket": {"BucketRegion": "us-east-1"},
        "get_role": trusted,
        "simulate_principal_policy": ALLOWED,
        "list_service_quotas": {
            "Quotas": [
                {"QuotaCode": "L-358FBC4F", "QuotaName": "DetectTargetedSentiment max active jobs", "Value": 3.0},
                {"QuotaCode": "L-32ABBB12", "QuotaName": "DetectSentiment max active jobs", "Value": 10.0},
            ]
        },
    }
    return Scripted(manifest.lanes[0], **usual | answers)


def examined(manifest: Manifest, **answers: Any) -> list[Finding]:
    return list(lane_findings(manifest, healthy(manifest, **answers), lambda: NOW))


def test_a_lane_with_nothing_wrong(manifest):
    findings = examined(manifest)
    assert [finding.message for finding in findings if finding.level != "ok"] == []
    assert {finding.subject for finding in findings} == {
        "endpoints", "identity", "clock", "bucket", "staging", "Comprehend",
        "role", "its rights", "your rights", "quotas",
    }  # fmt: skip


DENIED = Refusal(code="AccessDenied", message="no")
GONE = Refusal(code="404", message="Not Found")


EXPIRED = Refusal(code="ExpiredToken", message="old")
ELSEWHERE = {"BucketRegion": "eu-west-1"}
NO_ROLE = Refusal(code="NoSuchEntity", message="")


@pytest.mark.parametrize(
    ("answers", "subject", "message", "kind"),
    [
        ({"get_caller_identity": EXPIRED}, "identity", "ExpiredToken", ("wrong", None)),
        ({"head_bucket": GONE}, "bucket", "there is no bucket bucket", ("wrong", None)),
        ({"head_bucket": DENIED}, "bucket", "bucket: AccessDenied", ("wrong", "caller")),
        ({"head_bucket": ELSEWHERE}, "bucket", "is in eu-west-1, and the lane in us-", ("wrong", None)),
        ({"put_object": DENIED}, "staging", "s3://bucket/runner/ cannot be written to", ("wrong", "caller")),
        ({"get_object": DENIED}, "staging", "s3://bucket/runner/ cannot be read", ("wrong", "caller")),
        ({"delete_object": DENIED}, "staging", "s3://bucket/runner/ cannot be cleaned up", ("wrong", "caller")),
        ({"list_entities_detection_jobs": DENIED}, "Comprehend", "ListEntitiesDetection", ("wrong", "caller")),
        ({"get_role": NO_ROLE}, "role", "there is no role Comprehend", ("wrong", "trust")),
        ({"get_role": DENIED}, "role", "may not be looked at (iam:GetRole)", ("unknown", "trust")),
        ({"simulate_principal_policy": DENIED}, "your rights", "may not be asked for", ("unknown", "caller")),
        ({"list_service_quotas": DENIED}, "quotas", "servicequotas:ListServiceQuotas", ("unknown", None)),
    ],
)
def test_what_is_wrong_is_told_with_what_mends_it(manifest, answers, subject, message, kind):
    findings = [finding for finding in examined(manifest, **answers) if finding.subject == subject]
    (found,) = [finding for finding in findings if message in finding.message]
    assert (found.level, found.policy) == kind


@pytest.mark.parametrize("ahead", [301.0, -301.0])
def test_a_clock_that_is_off_is_told(manifest, ahead):
    findings = lane_findings(manifest, healthy(manifest), lambda: NOW + ahead)
    assert on(findings, "clock") == [("wrong", f"this machine is 301 s {'ahead' if ahead > 0 else 'behind'}")]


def test_credentials_of_another_account_are_told(manifest):
    lane = replace(manifest.lanes[0], account="999999999999")
    findings = examined(replace(manifest, lanes=(lane,)))
    assert ("wrong", f"these are credentials of account {ACCOUNT}, and the lane's `account` is 999999999999") in on(
        iter(findings), "identity"
    )


def test_a_run_looks_for_no_slots_of_other_families_and_counts_the_active_jobs(manifest):
    busy = {"SentimentDetectionJobPropertiesList": [{}, {}]}
    findings = examined(manifest, list_sentiment_detection_jobs=busy)
    assert on(iter(findings), "Comprehend") == [
        ("ok", "SentimentDetection: 6 of 10 slots are in use"),
        ("ok", "EntitiesDetection: 0 of 10 slots are in use"),
    ]


FOUR = {"Quotas": [{"QuotaCode": "L-2B8ECCAB", "QuotaName": "DetectEntities max active jobs", "Value": 4.0}]}


def test_fewer_slots_than_the_manifest_counts_on_are_told(manifest):
    quotas = replace(manifest.lanes[0].quotas, active_jobs=Limit(default=10))
    written = replace(manifest, lanes=(replace(manifest.lanes[0], quotas=quotas),))
    assert on(iter(examined(written, list_service_quotas=FOUR)), "quotas") == [
        ("wrong", "EntitiesDetection: 4 active jobs, and the manifest says 10")
    ]


def test_the_accounts_slots_are_told_where_the_manifest_says_nothing(manifest):
    assert on(iter(examined(manifest, list_service_quotas=FOUR)), "quotas") == [
        ("ok", "EntitiesDetection: 4 active jobs, which a run counts on")
    ]


def test_rights_that_the_simulation_denies_are_named(manifest):
    denied = {"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "implicitDeny"}]}
    services = healthy(manifest, simulate_principal_policy=denied)
    ((level, message),) = on(iam_findings(manifest, services, CALLER), "its rights")
    assert level == "wrong"
    assert f"{ROLE} may not: s3:PutObject on arn:aws:s3:::bucket" in message
    asked = [parameters for operation, parameters in services.asked if operation == "simulate_principal_policy"]
    assert {str(each["PolicySourceArn"]) for each in asked} == {ROLE, f"arn:aws:iam::{ACCOUNT}:role/Deployer"}
    assert asked[-1]["ActionNames"] == ["iam:PassRole"]


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:iam::1:user/ada", "arn:aws:iam::1:user/ada"),
        ("arn:aws-us-gov:sts::1:assumed-role/R/s", "arn:aws-us-gov:iam::1:role/R"),
    ],
)
def test_whose_policies_hold(arn, principal):
    assert principal_of(arn) == principal


def test_the_policies_hold_the_manifests_own_values(manifest):
    kms = Kms(staging="alias/mine", output="1234", volume=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/5678")
    lane = replace(manifest.lanes[0], kms=kms, tags=(("a", "b"),))
    corpus = replace(manifest.corpora[0], sources=("s3://texts/x/*.txt",))
    needed = policies(replace(manifest, lanes=(lane,), corpora=(corpus,)))["virginia"]
    statements = {statement["Sid"]: statement for statement in needed["caller"]["Statement"]}
    assert statements["Jobs"]["Action"] == [
        "comprehend:DescribeEntitiesDetectionJob",
        "comprehend:DescribeSentimentDetectionJob",
        "comprehend:ListEntitiesDetectionJobs",
        "comprehend:ListSentimentDetectionJobs",
        "comprehend:StartEntitiesDetectionJob",
        "comprehend:StartSentimentDetectionJob",
        "comprehend:StopEntitiesDetectionJob",
        "comprehend:StopSentimentDetectionJob",
        "comprehend:TagResource",
    ]
    assert statements["Staging"]["Resource"] == ["arn:aws:s3:::bucket/runner/*"]
    assert statements["HandOverTheRole"]["Resource"] == [ROLE]
    assert statements["Sources"]["Resource"] == ["arn:aws:s3:::texts/*"]
    assert statements["StagingKeys"]["Resource"] == [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"]
    assert statements["StagingKeysByAlias"]["Condition"] == {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/mine"]}
    }
    assert statements["JobKeys"]["Resource"] == [kms.volume]
    own = {statement["Sid"] for statement in needed["role"]["Statement"]}
    assert own == {"ListStaging", "Staging", "StagingKeys", "StagingKeysByAlias", "JobKeys"}


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"SecurityGroups": [{"VpcId": "vpc-1"}]}, ("ok", "subnets and security groups are in vpc-1")),
        (
            {"SecurityGroups": [{"VpcId": "vpc-2"}]},
            ("wrong", "subnets and security groups are in different VPCs: vpc-1, vpc-2"),
        ),
        (
            Refusal(code="InvalidGroup.NotFound", message="no group"),
            ("wrong", "security groups: InvalidGroup.NotFound: no group"),
        ),
        (
            Refusal(code="UnauthorizedOperation", message="no"),
            ("unknown", "security groups may not be looked at (ec2:DescribeSecurityGroups)"),
        ),
    ],
)
def test_a_network_is_looked_at(manifest, groups, told):
    vpc = Vpc(subnets=("subnet-1",), security_groups=("sg-1",))
    subnets = {"Subnets": [{"VpcId": "vpc-1"}]}
    services = Scripted(replace(manifest.lanes[0], vpc=vpc), describe_subnets=subnets, describe_security_groups=groups)
    assert on(resource_findings(manifest, services), "VPC") == [told]


# --- this machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "kind"), [("home", "nfs4"), ("home/ada", "ext4"), ("", "overlay"), ("hom", "overlay")]
)
def test_the_file_system_is_that_of_the_nearest_mount(tmp_path, point, kind):
    folder = tmp_path / point / "runs"
    folder.mkdir(parents=True)
    mounts = tmp_path / "mounts"
    lines = [
        "overlay / overlay rw 0 0",
        f"host:/x {tmp_path}/home nfs4 rw 0 0",
        f"/dev/a {tmp_path}/home/ada ext4 rw 0 0",
    ]
    mounts.write_text("\n".join(lines))
    assert file_system_of(folder, mounts) == kind


def test_a_network_file_system_is_named(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("runner.compose.doctoring.machine.file_system_of", lambda _: "nfs4")
    ((level, message),) = on(machine_findings(manifest, tmp_path), "file system")
    assert (level, message) == ("wrong", f"{tmp_path} is on nfs4, a network file system")


def test_sources_and_training_data_that_are_not_there_are_told(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "version: 1\nname: x\ncorpora:\n  - {name: a, source: nowhere/*.txt, language: en}\nanalyses: [sentiment]\n"
    )
    manifest = load_manifest(tmp_path / "m.yaml")
    ((level, message),) = on(machine_findings(manifest, tmp_path), "sources")
    assert level == "wrong"
    assert message.endswith(f"there is no {tmp_path}/nowhere/")
    assert list(tmp_path.iterdir()) == [tmp_path / "m.yaml"], "the trial of the disk leaves nothing"


def test_training_data_is_read_as_a_run_would_read_it(tmp_path):
    (tmp_path / "m.yaml").write_text(
        "version: 1\nname: x\ncorpora:\n  - {name: a, source: t.csv, format: lines, language: en}\nanalyses:\n"
        "  - {family: classification, name: classes, classifier: {train: t.csv}}\n"
        "  - {family: classification, name: labels, classifier: {train: t.csv, mode: multi_label}}\n"
    )
    (tmp_path / "t.csv").write_text("night,x\nday,y\n" * 20 + "night,z\n" * 10)

    (few, told), enough = on(machine_findings(load_manifest(tmp_path / "m.yaml"), tmp_path), "training data")

    assert few == "wrong"
    assert "class 'day' has 20 documents" in told
    assert enough == ("ok", "analysis labels: 50 documents")


# --- moto -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def amazon(moto: str, monkeypatch: pytest.MonkeyPatch):
    """Clients of moto's AWS."""
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "y")):
        monkeypatch.setenv(f"AWS_{name}", value)
    return lambda service: boto3.client(service, region_name="us-east-1", endpoint_url=moto)


def test_a_role_is_looked_at_by_name_and_by_whom_it_trusts(amazon, moto, manifest):
    lane = replace(manifest.lanes[0], kind="url", url=moto)
    iam = amazon("iam")
    assert on(iam_findings(manifest, Services(lane), CALLER), "role") == [("wrong", "there is no role Comprehend")]
    others = trust_policy()
    others["Statement"][0]["Principal"] = {"Service": "ec2.amazonaws.com"}
    iam.create_role(RoleName="Comprehend", Path="/service/", AssumeRolePolicyDocument=json.dumps(others))
    wrong = [("wrong", "Comprehend does not trust comprehend.amazonaws.com")]
    assert on(iam_findings(manifest, Services(lane), CALLER), "role") == wrong
    iam.update_assume_role_policy(RoleName="Comprehend", PolicyDocument=json.dumps(trust_policy()))
    right = [("ok", "Comprehend is there and trusts comprehend.amazonaws.com")]
    assert on(iam_findings(manifest, Services(lane), CALLER), "role") == right


def test_keys_are_looked_at(amazon, moto, manifest):
    key = amazon("kms").create_key()["KeyMetadata"]
    other = amazon("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    off = amazon("kms").create_key()["KeyMetadata"]["KeyId"]
    amazon("kms").disable_key(KeyId=off)
    kms = Kms(staging=key["KeyId"], output="1234", volume=off, model=other)
    lane = replace(manifest.lanes[0], kind="url", url=moto, kms=kms)
    staging, output, volume, model = on(resource_findings(manifest, Services(lane)), "KMS")
    assert staging == ("ok", f"staging: {key['Arn']} is enabled")
    assert output[0] == "wrong"
    assert output[1].startswith("output: 1234: NotFoundException")
    assert volume[1].endswith("is Disabled")
    assert model[1].endswith("is not symmetric")
