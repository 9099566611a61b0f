"""What survives: SIGKILL of the endpoint at any moment, of a worker, of whoever started it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from runner.errors import MachineError

pytestmark = pytest.mark.slow


def kill(endpoint: Any) -> None:
    endpoint.process.kill()
    endpoint.process.wait(10)


def gone(processes: list[psutil.Process], seconds: float = 3.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


def test_a_killed_endpoint_goes_on_where_it_was(endpoint_process: Any, tmp_path: Path) -> None:
    """Objects, finished jobs, tokens and the incarnation stay; a running job runs again and completes; what the
    crash left behind goes.
    """
    slow = ("--timing", "service", "--time-scale", "0.002")  # a job takes three quarters of a second
    with endpoint_process() as first:
        first.bucket("bkt", {"in/a": b"one\ntwo\n"})
        done = first.start("entities", "s3://bkt/in/", "s3://bkt/out/", ClientRequestToken="t-1")
        finished = first.ended("entities", done)
        incarnation = first.facts["incarnation"]
        kill(first)
    left = [path for path in (tmp_path / "data" / "objects").rglob("*") if path.is_file()]
    orphan = left[0].with_name("fff")
    orphan.write_bytes(b"half of an upload")
    with endpoint_process(*slow) as second:
        assert second.facts["incarnation"] == incarnation
        assert second.describe("entities", done) == finished
        assert second.start("entities", "s3://bkt/in/", "s3://bkt/out/", ClientRequestToken="t-1") == done
        running = second.start("entities", "s3://bkt/in/", "s3://bkt/out/", ClientRequestToken="t-2")
        stopping = second.start("key_phrases", "s3://bkt/in/", "s3://bkt/out/")
        second.comprehend.stop_key_phrases_detection_job(JobId=stopping)
        kill(second)
    with endpoint_process(*slow) as third:
        assert third.start("entities", "s3://bkt/in/", "s3://bkt/out/", ClientRequestToken="t-2") == running
        properties = third.ended("entities", running)
        assert properties["JobStatus"] == "COMPLETED"
        assert sorted(row["Line"] for row in third.rows(properties)) == [0, 1]
        assert third.ended("key_phrases", stopping)["JobStatus"] == "STOPPED"
        assert third.health()["jobs_accepted"] == 3
        assert third.s3.get_object(Bucket="bkt", Key="in/a")["Body"].read() == b"one\ntwo\n"
        assert not orphan.exists()
        # The first life's input and output are still there; its access check was replaced by later ones.
        assert len([path for path in left if path.exists()]) == 2


def test_nothing_that_was_answered_is_lost_in_kills_at_random_moments(endpoint_process: Any) -> None:
    """Clients put objects and start jobs under tokens while the endpoint is killed again and again."""
    dice = random.Random(20261120)
    objects: dict[str, bytes] = {}
    jobs: dict[str, str] = {}
    place = ("s3://bkt/in/", "s3://bkt/out/")
    with endpoint_process() as first:
        first.bucket("bkt", {"in/a": b"one\ntwo\n"})

    for life in range(2):
        with endpoint_process() as endpoint:
            doom = dice.randrange(8, 20)
            timer = threading.Timer(dice.uniform(0.0, 0.03), endpoint.process.kill)
            with suppress(BotoCoreError, ClientError, OSError):
                for number in range(10_000):
                    if number == doom:
                        timer.start()
                    name, body = f"other/{life}-{number}", os.urandom(number * 997 % 300_000)
                    endpoint.s3.put_object(Bucket="bkt", Key=name, Body=body)
                    objects[name] = body
                    token = f"{life}-{number // 2}"  # each twice
                    job_id = endpoint.start("sentiment", *place, ClientRequestToken=token)
                    assert jobs.setdefault(token, job_id) == job_id
            endpoint.process.wait(10)
            assert endpoint.process.returncode == -signal.SIGKILL
    assert len(objects) >= 16
    assert len(jobs) >= 8

    with endpoint_process() as last:
        for name, body in objects.items():
            assert last.s3.get_object(Bucket="bkt", Key=name)["Body"].read() == body
        for token, job_id in jobs.items():
            assert last.start("sentiment", *place, ClientRequestToken=token) == job_id
            properties = last.ended("sentiment", job_id)
            assert properties["JobStatus"] == "COMPLETED"
            assert len(last.rows(properties)) == 2
        # The Start in hand at a kill may have been accepted without an answer: at most one per life.
        assert len(jobs) <= last.health()["jobs_accepted"] <= len(jobs) + 2


def test_workers_do_not_outlive_a_killed_endpoint(endpoint_process: Any) -> None:
    """Also in the middle of their work."""
    with endpoint_process("--analyzers", "default", "--workers", "2") as endpoint:
        endpoint.bucket("bkt", {"in/a": b"A rather good day, and a disaster all the same.\n" * 50_000})
        endpoint.start("sentiment", "s3://bkt/in/", "s3://bkt/out/")
        parent = psutil.Process(endpoint.process.pid)
        deadline = time.monotonic() + 10
        while len(workers := parent.children()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(workers) == 2
        kill(endpoint)
        assert gone(workers)


def test_a_killed_worker_is_replaced_and_its_share_done_again(endpoint_process: Any) -> None:
    with endpoint_process("--analyzers", "default", "--workers", "1", "--log-level", "error") as endpoint:
        endpoint.bucket("bkt", {"in/a": b"A rather good day, and a disaster all the same.\n" * 8_000})
        job_id = endpoint.start("sentiment", "s3://bkt/in/", "s3://bkt/out/")
        parent = psutil.Process(endpoint.process.pid)
        deadline = time.monotonic() + 10
        while not (workers := parent.children()) and time.monotonic() < deadline:
            time.sleep(0.005)
        workers[0].kill()
        properties = endpoint.ended("sentiment", job_id)
        assert properties["JobStatus"] == "COMPLETED"
        assert sorted(row["Line"] for row in endpoint.rows(properties)) == list(range(8_000))
        assert workers[0].pid not in [child.pid for child in parent.children()]


def test_the_end_of_stdin_is_the_end_of_everything(endpoint_process: Any) -> None:
    with endpoint_process() as endpoint:
        endpoint.bucket("bkt", {"in/a": b"x"})
        endpoint.analysed("entities", "s3://bkt/in/", "s3://bkt/out/")
        family = [psutil.Process(endpoint.process.pid), *psutil.Process(endpoint.process.pid).children()]
        assert len(family) == 2
        endpoint.process.stdin.close()
        assert endpoint.process.wait(10) == 0
        assert gone(family)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "runner.endpoint", "--analyzers", "noop", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.send_signal(sent)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_a_data_directory_serves_one_endpoint_at_a_time(endpoint_with: Any) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(endpoint_with())
        with pytest.raises(MachineError, match="is in use by another endpoint"), endpoint_with(lock_timeout_s=0.1):
            pass
        leaving = threading.Timer(0.2, stack.pop_all().close)
        leaving.start()
        with endpoint_with(lock_timeout_s=10) as patient:  # waits until the first is gone
            assert patient.facts["incarnation"] == first.facts["incarnation"]
        leaving.join()


def test_another_directory_is_another_incarnation(endpoint_with: Any, endpoint: Any) -> None:
    with endpoint_with() as other:
        assert other.facts["incarnation"] != endpoint.facts["incarnation"]
