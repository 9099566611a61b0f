"""The AWS CLI, unchanged and in an environment of its own: every family from upload to download.

One environment variable, and both services are there. The CLI is installed for the test by pip, as a user would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.endpoint import EndpointSettings
from tests.endpoint.conftest import EXTRAS, NO_LANGUAGE, ROLE, STEMS, Endpoint, within

pytestmark = pytest.mark.slow

Aws = Callable[..., str]

INSTALL_S = 50
TEXTS = {
    "a.txt": "Ms. Jane Doe of Lisbon called jane@example.com on Friday.\nThe new printer is a disaster.\n",
    "b.txt": "Example Corp. went public in Paris and hired a lovely accountant.\n" * 8,
}
TRAINING = {"calm": "Jane called a lovely accountant on Friday in Paris", "angry": "this broken printer is a disaster"}
MEMBERS = {
    "targeted_sentiment": {"a.txt.out", "b.txt.out"},
    "topics": {"topic-terms.csv", "doc-topics.csv"},
}
FOLDERS = {"pii_entities", "events"}
WITHOUT_STOP = {"topics"}
WITHOUT_PAGINATOR = {"events", "targeted_sentiment"}
FAMILIES = sorted(STEMS.keys() - {"classification"})  # which needs a model, see below


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CLI's program."""
    place = tmp_path_factory.mktemp("cli") / "venv"
    try:
        subprocess.run([sys.executable, "-m", "venv", place], check=True, capture_output=True, timeout=INSTALL_S)
        pip = [place / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "awscli"]
        subprocess.run(pip, check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or error
        pytest.skip(f"pip cannot install the AWS CLI here: {str(said).strip()[-300:]}")
    return place / "bin" / "aws"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that analyses, whose jobs called `stuck` are never done."""
    with within(EndpointSettings(workers=2, data_dir=tmp_path_factory.mktemp("cli-data"))) as endpoint:
        endpoint.set_faults({"job_name": "stuck", "do": "job_stuck"})
        yield endpoint


@pytest.fixture(scope="module")
def aws(command: Path, running: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """Runs the CLI in a folder of its own; its stdout."""
    home = tmp_path_factory.mktemp("cli-home")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments: str, cwd: Path = home) -> str:
        done = subprocess.run(
            [command, *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def uploaded(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bucket with the texts, and one object that goes up in parts and comes down in ranges."""
    up = tmp_path_factory.mktemp("up")
    (up / "in").mkdir()
    for name, text in TEXTS.items():
        (up / "in" / name).write_text(text)
    large = os.urandom(9 * 1024 * 1024)
    (up / "large.bin").write_bytes(large)
    aws("s3", "mb", "s3://from-the-cli")
    aws("s3", "cp", "--recursive", str(up), "s3://from-the-cli/")
    assert "PRE in/" in aws("s3", "ls", "s3://from-the-cli")
    aws("s3", "cp", "s3://from-the-cli/large.bin", str(up / "again.bin"))
    assert (up / "again.bin").read_bytes() == large
    return "from-the-cli"


def kebab(family: str) -> str:
    return family.replace("_", "-") + "-detection-job"


def start(aws: Aws, bucket: str, family: str, name: str) -> str:
    """The id of a job that the CLI has started."""
    arguments = [
        f"start-{kebab(family)}",
        "--job-name",
        name,
        "--data-access-role-arn",
        ROLE,
        "--tags",
        "Key=by,Value=cli",
    ]
    arguments += ["--input-data-config", f"S3Uri=s3://{bucket}/in/,InputFormat=ONE_DOC_PER_LINE"]
    arguments += ["--output-data-config", f"S3Uri=s3://{bucket}/out/{family}"]
    if family not in NO_LANGUAGE:
        arguments += ["--language-code", "en"]
    if family == "pii_entities":
        arguments += ["--mode", EXTRAS[family]["Mode"]]
    if family == "events":
        arguments += ["--target-event-types", *EXTRAS[family]["TargetEventTypes"]]
    answer = json.loads(aws("comprehend", *arguments))
    assert answer["JobStatus"] == "SUBMITTED"
    return answer["JobId"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_from_start_to_download(
    aws: Aws, uploaded: str, running: Endpoint, tmp_path: Path, *, family: str
) -> None:
    if family not in running.facts["analyzers"]:
        pytest.skip(f"there is no analyzer for {family} yet")
    job_id = start(aws, uploaded, family, f"cli-{family}")
    properties = running.ended(family, job_id)
    if family not in WITHOUT_STOP:
        stuck = running.start(family, f"s3://{uploaded}/in/", f"s3://{uploaded}/stuck", JobName="stuck")
        stopped = json.loads(aws("comprehend", f"stop-{kebab(family)}", "--job-id", stuck))
        assert stopped == {"JobId": stuck, "JobStatus": "STOP_REQUESTED"}
        assert running.ended(family, stuck)["JobStatus"] == "STOPPED"

    paging = ("--max-results", "1") if family in WITHOUT_PAGINATOR else ("--page-size", "1")
    listing = ("comprehend", f"list-{kebab(family)}s", "--filter", f"JobName=cli-{family}", *paging)
    (job,) = json.loads(aws(*listing))[f"{STEMS[family]}JobPropertiesList"]
    assert (job["JobId"], job["JobStatus"]) == (job_id, "COMPLETED")
    assert job["OutputDataConfig"] == properties["OutputDataConfig"]

    aws("s3", "cp", "--recursive", job["OutputDataConfig"]["S3Uri"].rsplit("/", 1)[0] + "/", str(tmp_path))
    check_output(family, tmp_path)


def check_output(family: str, folder: Path) -> None:
    """What was downloaded has the family's shape, and a row for every line."""
    names = {path.name for path in folder.iterdir()}
    if family in FOLDERS:
        assert names == {"a.txt.out", "b.txt.out"}
        content = {path.name: path.read_text() for path in folder.iterdir()}
    else:
        assert names == {"output.tar.gz"}
        with tarfile.open(folder / "output.tar.gz") as archive:
            content = {entry.name: read(archive, entry) for entry in archive}
        assert set(content) == MEMBERS.get(family, {"output"})
    if family == "topics":
        assert content["doc-topics.csv"].startswith("docname,topic,proportion\n")
        return
    rows = [json.loads(line) for text in content.values() for line in text.splitlines()]
    wanted = [("a.txt", 0), ("a.txt", 1), *(("b.txt", line) for line in range(8))]
    assert sorted((row["File"], row["Line"]) for row in rows) == wanted
    assert not any("ErrorCode" in row for row in rows)


def read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    content = archive.extractfile(entry)
    assert content is not None
    return content.read().decode()


def test_the_cli_tags_pages_describes_and_knows_who_it_is(aws: Aws, uploaded: str, running: Endpoint) -> None:
    job_id = start(aws, uploaded, "sentiment", "tagged")
    arn = running.describe("sentiment", job_id)["JobArn"]
    tags: Any = json.loads(aws("comprehend", "list-tags-for-resource", "--resource-arn", arn))["Tags"]
    assert tags == [{"Key": "by", "Value": "cli"}]
    ids = {start(aws, uploaded, "sentiment", "tagged"), job_id}
    pages = json.loads(aws("comprehend", "list-sentiment-detection-jobs", "--page-size", "1"))
    assert ids <= {job["JobId"] for job in pages["SentimentDetectionJobPropertiesList"]}
    described = json.loads(aws("comprehend", "describe-sentiment-detection-job", "--job-id", job_id))
    assert described["SentimentDetectionJobProperties"]["JobName"] == "tagged"
    assert json.loads(aws("sts", "get-caller-identity"))["Account"] == "000000000000"


def test_a_model_from_its_training_to_its_predictions(
    aws: Aws, uploaded: str, running: Endpoint, tmp_path: Path
) -> None:
    rows = [f"{label},{words} {number}\n" for number in range(50) for label, words in TRAINING.items()]
    (tmp_path / "train.csv").write_text("".join(rows))
    aws("s3", "cp", str(tmp_path / "train.csv"), f"s3://{uploaded}/train/")
    common = ("--language-code", "en", "--data-access-role-arn", ROLE)
    name = ("--document-classifier-name", "mood")
    source = ("--input-data-config", f"S3Uri=s3://{uploaded}/train/")
    created = json.loads(aws("comprehend", "create-document-classifier", *name, *source, *common))
    arn = ("--document-classifier-arn", created["DocumentClassifierArn"])
    wait_for_model(running, created["DocumentClassifierArn"])
    described = json.loads(aws("comprehend", "describe-document-classifier", *arn))["DocumentClassifierProperties"]
    assert described["Status"] == "TRAINED", described
    assert described["ClassifierMetadata"]["NumberOfLabels"] == 2
    listed = json.loads(aws("comprehend", "list-document-classifiers", "--filter", "Status=TRAINED"))
    assert len(listed["DocumentClassifierPropertiesList"]) == 1

    places = ("--input-data-config", f"S3Uri=s3://{uploaded}/in/", "--output-data-config", f"S3Uri=s3://{uploaded}/cln")
    start_job = ("start-document-classification-job", *arn, *places, "--data-access-role-arn", ROLE)
    job_id = json.loads(aws("comprehend", *start_job))["JobId"]
    properties = running.ended("classification", job_id)
    aws("s3", "cp", properties["OutputDataConfig"]["S3Uri"], str(tmp_path))
    with tarfile.open(tmp_path / "output.tar.gz") as archive:
        (entry,) = archive.getmembers()
        predicted = [json.loads(line) for line in read(archive, entry).splitlines()]
    assert entry.name == "predictions.jsonl"
    assert {(row["File"], row["Line"]): row["Classes"][0]["Name"] for row in predicted} == {
        ("a.txt", "0"): "calm",
        ("a.txt", "1"): "angry",
        **{("b.txt", str(line)): "calm" for line in range(8)},
    }


def wait_for_model(running: Endpoint, arn: str) -> None:
    """Until a classifier's training has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = running.comprehend.describe_document_classifier(DocumentClassifierArn=arn)
        if answer["DocumentClassifierProperties"]["Status"] not in ("SUBMITTED", "TRAINING"):
            return
        time.sleep(0.05)
    raise AssertionError(f"{arn} is still in training")
