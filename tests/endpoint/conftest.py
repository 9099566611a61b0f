"""Endpoints to test against, on a thread of this process or as a process of their own, and ways to use them."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config

from runner.endpoint import EndpointSettings
from runner.endpoint.server import run_endpoint

ROLE = "arn:aws:iam::000000000000:role/Comprehend"
TERMINAL = {"COMPLETED", "FAILED", "STOPPED"}
STEMS = {
    "dominant_language": "DominantLanguageDetection",
    "entities": "EntitiesDetection",
    "key_phrases": "KeyPhrasesDetection",
    "sentiment": "SentimentDetection",
    "targeted_sentiment": "TargetedSentimentDetection",
    "pii_entities": "PiiEntitiesDetection",
    "events": "EventsDetection",
    "topics": "TopicsDetection",
    "classification": "DocumentClassification",
}
EXTRAS: dict[str, dict[str, Any]] = {
    "pii_entities": {"Mode": "ONLY_OFFSETS"},
    "events": {"TargetEventTypes": ["IPO", "EMPLOYMENT"]},
}
"""What a Start of a family needs besides places, role and language."""
NO_LANGUAGE = {"dominant_language", "topics", "classification"}


@dataclass
class Endpoint:
    """A running endpoint, seen from outside."""

    url: str
    facts: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    clients: ExitStack = field(default_factory=ExitStack)
    known: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1", **config: Any) -> Any:
        """A boto3 client without retries; closed with the endpoint."""
        if (service, region) not in self.known or config:
            client = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=20, **config),
            )
            self.clients.callback(client.close)
            self.known.setdefault((service, region), client)
            return client
        return self.known[service, region]

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def comprehend(self) -> Any:
        return self.client("comprehend")

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_runner/health", timeout=10) as answer:
            return json.load(answer)

    def set_faults(self, *rules: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.url}/_runner/faults", json.dumps(rules).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == {"rules": len(rules)}

    def bucket(self, name: str, objects: dict[str, bytes] | None = None) -> str:
        """A new bucket with some objects."""
        self.s3.create_bucket(Bucket=name)
        for key, body in (objects or {}).items():
            self.s3.put_object(Bucket=name, Key=key, Body=body)
        return name

    def start(self, family: str, source: str, target: str, **more: Any) -> str:
        """The id of a new job."""
        config = {"S3Uri": source} | more.pop("input", {})
        members = {"InputDataConfig": config, "OutputDataConfig": {"S3Uri": target}, "DataAccessRoleArn": ROLE}
        if family not in NO_LANGUAGE:
            members["LanguageCode"] = "en"
        members |= EXTRAS.get(family, {})
        return self.call("Start", family, client=more.pop("client", None), **members | more)["JobId"]

    def call(self, verb: str, family: str, *, client: Any = None, **members: Any) -> dict[str, Any]:
        """The answer to a family's Start, Describe, List or Stop."""
        name = xform_name(f"{verb}{STEMS[family]}Job{'s' if verb == 'List' else ''}")
        return getattr(client or self.comprehend, name)(**members)

    def describe(self, family: str, job_id: str, **more: Any) -> dict[str, Any]:
        answer = self.call("Describe", family, client=more.get("client"), JobId=job_id)
        return answer[f"{STEMS[family]}JobProperties"]

    def listed(self, family: str, **members: Any) -> list[dict[str, Any]]:
        """One page of a List."""
        return self.call("List", family, **members)[f"{STEMS[family]}JobPropertiesList"]

    def ended(self, family: str, job_id: str, **more: Any) -> dict[str, Any]:
        """Wait for a job to end; its properties."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            properties = self.describe(family, job_id, **more)
            if properties["JobStatus"] in TERMINAL:
                return properties
            time.sleep(0.005)
        raise AssertionError(f"job {job_id} is still {properties['JobStatus']}")

    def archive(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def rows(self, properties: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows of an output, as they come."""
        return [json.loads(line) for line in member(self.archive(properties["OutputDataConfig"]["S3Uri"])).splitlines()]

    def analysed(self, family: str, source: str, target: str, **more: Any) -> list[dict[str, Any]]:
        """The rows of a job that completes."""
        properties = self.ended(family, self.start(family, source, target, **more))
        assert properties["JobStatus"] == "COMPLETED", properties
        return self.rows(properties)


def member(archive: bytes) -> bytes:
    """What is in an output.tar.gz, which has one member."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        (entry,) = tar.getmembers()
        assert entry.name == "output"
        assert entry.isreg()
        content = tar.extractfile(entry)
        assert content is not None
        return content.read()


@contextmanager
def within(settings: EndpointSettings) -> Iterator[Endpoint]:
    """An endpoint on a thread of this process."""
    begun = threading.Event()
    state: dict[str, Any] = {}

    async def run() -> None:
        state["loop"], state["ended"] = asyncio.get_running_loop(), asyncio.Event()

        def announce(facts: Any) -> None:
            state["facts"] = dict(facts)
            begun.set()

        await run_endpoint(settings, announce=announce, ended=state["ended"])

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised in the test
            state["error"] = error
        finally:
            begun.set()

    thread = threading.Thread(target=main)
    thread.start()
    try:
        assert begun.wait(20)
        if "error" in state:
            raise state["error"]
        endpoint = Endpoint(state["facts"]["endpoint_url"], state["facts"])
        with endpoint.clients:
            yield endpoint
    finally:
        if "facts" in state:
            state["loop"].call_soon_threadsafe(state["ended"].set)
        thread.join(20)
        assert not thread.is_alive()
    if "error" in state:
        raise state["error"]


@contextmanager
def as_process(*options: str) -> Iterator[Endpoint]:
    """An endpoint as a process of its own, which ends with its stdin."""
    command = [sys.executable, "-m", "runner.endpoint", "--exit-with-stdin", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            facts = json.loads(process.stdout.readline())
            endpoint = Endpoint(facts["endpoint_url"], facts, process)
            with endpoint.clients:
                yield endpoint
        finally:
            process.stdin.close()
            process.wait(20)


NOOP = EndpointSettings(analyzers="noop", workers=2)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One for all tests that need no settings of their own and leave no faults behind."""
    with within(replace(NOOP, data_dir=tmp_path_factory.mktemp("endpoint"))) as running:
        yield running


@pytest.fixture
def endpoint_with(tmp_path: Path) -> Callable[..., AbstractContextManager[Endpoint]]:
    """A maker of endpoints with settings of their own, all on the same data directory."""
    return lambda **settings: within(replace(NOOP, data_dir=tmp_path / "data", **settings))


@pytest.fixture
def endpoint_process(tmp_path: Path) -> Callable[..., AbstractContextManager[Endpoint]]:
    """A maker of endpoints as processes, all on the same data directory."""
    return lambda *options: as_process("--data-dir", str(tmp_path / "data"), "--analyzers", "noop", *options)


@pytest.fixture
def bucket(endpoint: Endpoint, request: pytest.FixtureRequest) -> str:
    """A bucket of the shared endpoint that nobody else uses."""
    name = f"b-{abs(hash(request.node.nodeid)):x}"
    return endpoint.bucket(name)
