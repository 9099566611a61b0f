"""Metrics: what Prometheus sees of a run."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest

from runner.core import events as e
from runner.errors import MachineError
from runner.telemetry.metrics import Metrics
from tests.telemetry.conftest import FAULT, Story, a_job

OPERATION = a_job(0).operation


@pytest.fixture
def metrics(story: Story) -> Metrics:
    made = Metrics(story.run)
    story.watchers.append(made.notice)
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"comprehend_runner_{name}", labels)


def test_a_jobs_life_is_counted(story: Story, metrics: Metrics) -> None:
    story.ready(3)
    story.start(0)
    story.end(0)
    story.collect(0)
    story.merge(0)
    place = {"lane": "near", "operation": OPERATION}
    assert value(metrics, "starts_total", **place, outcome="accepted") == 1
    assert value(metrics, "jobs_ended_total", **place, status="COMPLETED") == 1
    assert value(metrics, "job_seconds_sum", **place) == 6.0
    assert value(metrics, "lines_total", analysis="sentiment", outcome="ok") == 98
    assert value(metrics, "documents_written_total") == 100
    assert (value(metrics, "documents"), value(metrics, "jobs", state="waiting")) == (300, 2)


def test_slots_and_parks_are_as_they_stand(story: Story, metrics: Metrics) -> None:
    story.ready(2)
    story.start(0)
    place = {"lane": "near", "operation": OPERATION}
    assert value(metrics, "slots_in_use", **place) == 1
    assert value(metrics, "slots", **place) == story.run.stations["near", OPERATION].slots
    story.park()
    assert value(metrics, "parked", lane="near", work="sentiment_detection") == 1


def test_refusals_are_counted_by_code(story: Story, metrics: Metrics) -> None:
    story.ready(1)
    key = a_job(0).key
    story.tell(
        e.StartIntended(at=story.at, job=key, generation=0, lane="near", token="t" * 32, name="n"),
        e.StartRefused(at=story.at, job=key, generation=0, fault=FAULT),
    )
    assert value(metrics, "refusals_total", lane="near", operation=OPERATION, code="AccessDenied") == 1


def test_they_are_served_on_loopback_and_written_to_a_file(story: Story, metrics: Metrics, tmp_path: Path) -> None:
    story.ready(1)
    with metrics.served(0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            served = answer.read().decode()
        with pytest.raises(MachineError, match=f"port {port}"), metrics.served(port):
            pass
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
    metrics.write(tmp_path / "metrics.prom")
    assert "comprehend_runner_documents 100.0" in served
    assert "comprehend_runner_documents 100.0" in (tmp_path / "metrics.prom").read_text()
