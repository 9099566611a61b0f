"""One runner at a time, and none before the workers of the last one are gone. Real processes, really killed."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import RunDirectoryError
from runner.journal import RunDirectory, hold_worker_lock, holder_of, locks


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory.at(tmp_path)
    directory.create()
    return directory


@contextmanager
def python(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process running `code`, once it has printed its first line; killed in the end."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


HOLD_RUN = """
    import sys
    from runner.journal import RunDirectory
    lock = RunDirectory.at(sys.argv[1]).acquire()
    print("ready", flush=True)
    sys.stdin.readline()
    lock.release()
    print("released", flush=True)
    sys.stdin.readline()
"""

HOLD_WORKER = """
    import sys
    from pathlib import Path
    from runner.journal import hold_worker_lock
    hold_worker_lock(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
"""


# --- the runner's lock ------------------------------------------------------------------------------------------


def test_a_second_runner_is_refused_with_the_first_ones_name(run: RunDirectory):
    with python(HOLD_RUN, run) as first:
        with pytest.raises(RunDirectoryError) as caught:
            run.acquire()

        host = socket.gethostname()
        assert f"in use by process {first.pid} on host {host} since 20" in caught.value.message
        assert caught.value.directory == str(run.root)
        assert caught.value.hint is not None


def test_a_second_runner_in_the_same_process_is_refused(run: RunDirectory):
    with run.acquire(), pytest.raises(RunDirectoryError, match=f"in use by process {os.getpid()} "):
        run.acquire()


def test_a_lock_that_was_given_back_can_be_taken(run: RunDirectory):
    with run.acquire() as lock:
        pass
    lock.release()

    run.acquire().release()


def test_one_who_only_asks_gets_nobody_refused(run: RunDirectory, monkeypatch: pytest.MonkeyPatch):
    """`holder_of` has to hold a lock for an instant; a runner that comes just then tries again."""
    asking = os.open(run.root / "lock", os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))

    run.acquire(wait_s=0.0).release()
    os.close(asking)


def test_a_killed_runner_holds_nothing(run: RunDirectory):
    with python(HOLD_RUN, run) as first:
        first.kill()
        first.wait()

        run.acquire().release()


def test_one_who_waits_gets_the_lock_when_the_other_leaves(run: RunDirectory):
    with python(HOLD_RUN, run) as first:
        assert first.stdin is not None
        first.stdin.write("\n")
        first.stdin.flush()

        run.acquire(wait_s=30).release()


def test_who_holds_a_directory_can_be_asked_without_disturbing(run: RunDirectory):
    assert holder_of(run.root) is None
    with python(HOLD_RUN, run) as first:
        holder = holder_of(run.root)

        assert holder is not None
        assert (holder.pid, holder.host, holder.gone) == (first.pid, socket.gethostname(), False)
        first.kill()
        first.wait()
        assert holder.gone
        assert holder_of(run.root) is None


def test_asking_at_a_directory_without_a_lock_makes_none(tmp_path: Path):
    assert holder_of(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_has_not_yet_said_who_it_is_holds_all_the_same(run: RunDirectory):
    with run.acquire():
        (run.root / "lock").write_bytes(b"")
        holder = holder_of(run.root)

        assert holder is not None
        assert holder.pid == 0
        with pytest.raises(RunDirectoryError, match="in use by another process"):
            run.acquire()


def test_a_forked_child_does_not_keep_the_lock(run: RunDirectory):
    """A worker forked from a runner that was killed would else keep the directory closed for as long as it lives."""
    lock = run.acquire()
    assert lock._handle is not None
    read, write = os.pipe()
    forked, hooks_done = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.write(hooks_done, b"x")
        os.read(read, 1)
        os._exit(0)
    try:
        os.read(forked, 1)
        os.close(lock._handle)  # as the kernel does when the runner is killed: nobody unlocks
        lock._handle = None

        run.acquire().release()
    finally:
        os.close(write)
        os.waitpid(child, 0)
        for handle in (read, forked, hooks_done):
            os.close(handle)


def test_the_lock_of_a_process_that_is_gone_but_left_a_child_is_explained(run: RunDirectory):
    with python("print('ready', flush=True)") as gone:
        gone.wait()
    with run.acquire():
        (run.root / "lock").write_text(f'{{"pid":{gone.pid},"host":"{socket.gethostname()}","since":"then"}}')
        with pytest.raises(RunDirectoryError) as caught:
            run.acquire()

    assert caught.value.hint is not None
    assert "gone" in caught.value.hint


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="lock cannot be opened: No such file"):
        RunDirectory.at(tmp_path / "typo").acquire()


# --- workers ----------------------------------------------------------------------------------------------------


def test_without_orphans_nobody_waits(run: RunDirectory):
    with run.acquire() as lock:
        lock.wait_for_orphans(0.0)


def test_an_orphan_is_waited_for_until_it_is_gone(run: RunDirectory):
    with python(HOLD_WORKER, run) as orphan, run.acquire() as lock:
        assert orphan.stdin is not None
        orphan.stdin.write("\n")
        orphan.stdin.flush()

        lock.wait_for_orphans(30.0)


def test_an_orphan_that_stays_is_named_with_what_to_do(run: RunDirectory):
    with python(HOLD_WORKER, run), run.acquire() as lock, pytest.raises(RunDirectoryError) as caught:
        lock.wait_for_orphans(0.0)

    assert "worker processes of a runner that was killed are still at work" in caught.value.message
    assert caught.value.hint is not None
    assert str(run.root / "workers.lock") in caught.value.hint


def test_workers_share_their_lock(run: RunDirectory):
    with run.acquire() as lock, python(HOLD_WORKER, run) as first, python(HOLD_WORKER, run):
        first.kill()
        first.wait()
        with pytest.raises(RunDirectoryError, match="still at work"):
            lock.wait_for_orphans(0.0)


def test_a_worker_that_comes_while_orphans_are_waited_for_is_one_and_is_refused(run: RunDirectory):
    """Started by the killed runner, it reaches its first line only under the next one."""
    with (run.root / "workers.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        with pytest.raises(RunDirectoryError, match="another runner is taking it over"):
            hold_worker_lock(run.root)


# A runner with one worker of the given start method; the worker has a task that never ends.
RUNNER_WITH_WORKER = """
    import multiprocessing, sys, threading
    from pathlib import Path
    from runner.journal import RunDirectory, hold_worker_lock

    def work(path, ready):
        hold_worker_lock(Path(path))
        ready.set()
        threading.Event().wait()

    if __name__ == "__main__":
        lock = RunDirectory.at(sys.argv[1]).acquire()
        context = multiprocessing.get_context(sys.argv[2])
        ready = context.Event()
        worker = context.Process(target=work, args=(sys.argv[1], ready))
        worker.start()
        ready.wait()
        print("ready", flush=True)
        sys.stdin.readline()
"""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_workers_end_with_their_runner_when_it_is_killed(run: RunDirectory, tmp_path: Path, method: str):
    """Whatever the start method: nothing of the killed runner keeps the next one out."""
    script = tmp_path / "ledger" / "runner_with_worker.py"
    script.write_text(textwrap.dedent(RUNNER_WITH_WORKER))
    command = [sys.executable, str(script), str(run), method]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "ready\n"
        runner.kill()
        runner.wait()
        began = time.monotonic()
        with run.acquire(wait_s=0) as lock:
            lock.wait_for_orphans(20.0)

        assert time.monotonic() - began < 20.0


def test_a_worker_that_arrives_after_its_runner_died_ends_before_it_works(run: RunDirectory, tmp_path: Path):
    """The next runner has found no orphans by then, because this one had not said that it exists."""
    script = tmp_path / "ledger" / "late.py"
    script.write_text(
        textwrap.dedent("""
            import multiprocessing, os, sys, threading, time
            from multiprocessing.connection import wait
            from pathlib import Path
            from runner.journal import hold_worker_lock

            def work(path):
                print("ready", flush=True)
                wait([multiprocessing.parent_process().sentinel])  # the runner is killed
                threading.Thread.start = lambda thread: None  # the watch would end it too, but perhaps too late
                hold_worker_lock(Path(path))
                print("works on", flush=True)

            if __name__ == "__main__":
                multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1],)).start()
                time.sleep(60)
        """)
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, str(script), str(run)], stdout=subprocess.PIPE, text=True, env=environment
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "ready\n"
        runner.kill()

        assert runner.stdout.read() == ""
