"""What commands print on which stream, and how they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from runner.catalogue import FAMILIES
from runner.cli import run as run_command
from runner.cli.live import interruptible
from runner.corpus import list_corpus
from runner.errors import (
    EXIT_DONE,
    EXIT_ERRORS,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_LIMIT,
    EXIT_UNFINISHED,
    EXIT_USER,
)
from runner.model import CorpusSpec, SourceFile
from tests.acceptance.house import House, ended

STATUS_KEYS = [
    "status_version",
    "run_id",
    "name",
    "directory",
    "began",
    "phase",
    "exit_code",
    "runner",
    "lanes",
    "usd",
    "usd_so_far",
    "jobs",
    "operations",
    "summary",
    "parked",
]
SUMMARY_KEYS = [
    "documents",
    "written",
    "pairs",
    "ok",
    "skipped",
    "errors",
    "jobs",
    "generations",
    "repairs",
    "duration_s",
    "analyses",
    "left",
    "unchanged",
    "reused",
]
PLAN_KEYS = {
    "plan_version",
    "name",
    "corpora",
    "rows",
    "totals",
    "jobs",
    "prices",
    "operations",
    "finish_s",
    "basis",
    "warnings",
}


# --- reading a run --------------------------------------------------------------------------------------------------


def test_a_finished_run_read_in_every_way(finished: House) -> None:
    """One run for several looks: each prints to stdout, says nothing on stderr, and changes nothing."""
    root = finished.directory.root
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "ledger" not in path.parts}

    status = finished.command("status")
    assert (status.code, status.err) == (0, "")
    head = status.out.splitlines()[:8]
    assert head[0] == f"where    runs/small/{root.name}"
    assert head[1].startswith("run      small, begun 2")
    assert head[1].endswith(" UTC")
    assert head[2:4] == ["phase    finished, exit code 0", "runner   nobody drives it now"]
    assert head[4].startswith("lane     near: http://127.0.0.1:")
    assert head[5:7] == ["written  4 of 4 documents", "jobs     1 collected"]
    assert head[7] == "price    $0.0012 so far, up to $0.0012 planned"
    assert "lines   sentiment   2        1       1  1 EMPTY, 1 UNDECODABLE\n" in status.out

    verify = finished.command("verify")
    assert (verify.code, verify.err) == (0, "")
    assert verify.out == "Verified: 4 of 4 documents in their lines, offsets of 0 payloads checked\n"

    why = finished.command("why", str(root), "lines", "lines.txt:0")
    assert (why.code, why.err) == (0, "")
    assert "source   data/lines.txt, position 0\n" in why.out
    assert "document 22 bytes, language en\n" in why.out
    assert f"result   runs/small/{root.name}/results/lines/00000.jsonl line 1\n" in why.out
    assert "collected: 2 ok, 0 errors, 0 missing\n" in why.out

    closed = finished.command("why", str(root), "lines", "lines.txt:1")
    assert "no job   skipped EMPTY: the document is empty or only white space\n" in closed.out

    unknown = finished.command("why", str(root), "linez", "lines.txt:0")
    assert unknown.err == "error: the run has no corpus 'linez'\nhint: there are: lines\n"
    assert (unknown.code, unknown.out) == (2, "")

    cancel = finished.command("cancel", str(root))
    assert (cancel.code, cancel.out) == (0, "cancelled: 0 jobs stopped, 1 collected, 0 jobs stay open\n")

    assert all(path.read_bytes() == content for path, content in before.items() if path.name != "lock")


def test_status_for_programs_has_the_same_keys_in_the_same_order(finished: House) -> None:
    said = finished.command("status", "--json")

    found = json.loads(said.out)
    assert (said.code, said.err) == (0, "")
    assert list(found) == STATUS_KEYS
    assert list(found["summary"]) == SUMMARY_KEYS
    assert found["lanes"] == [{"lane": "near", "engine": finished.endpoint.url, "account": "000000000000"}]
    assert found["directory"] == str(finished.directory.root)
    assert (found["phase"], found["exit_code"], found["runner"]) == ("finished", 0, None)


def test_status_names_who_drives_the_run(finished: House) -> None:
    with finished.directory.acquire():
        said = finished.command("status", str(finished.directory.root))
        watched = json.loads(finished.command("status", "--json").out)

    assert f"runner   process {os.getpid()} on host " in said.out
    assert watched["runner"].startswith(f"process {os.getpid()} on host ")


def test_status_watches_until_nobody_drives_it(finished: House) -> None:
    """Of a finished run there is nothing to wait for."""
    said = finished.command("status", "--watch")

    assert said.code == 0
    assert "phase    finished" in said.out


def test_verify_names_a_changed_line_and_ends_with_3(finished: House) -> None:
    path = finished.directory.root / "results/lines/00000.jsonl"
    path.write_bytes(path.read_bytes().replace(b"lines.txt:3", b"lines.txt:9"))

    said = finished.command("verify")

    assert said.code == EXIT_ERRORS
    assert "lines/00000.jsonl:4: is not the line of the document due here" in said.out
    assert "lines/00000.jsonl: not as run.json says\n" in said.out
    assert "\nNot verified: " in said.out


# --- carrying out ---------------------------------------------------------------------------------------------------


def test_a_run_talks_on_stderr_and_prints_the_folder_of_its_results(house: House) -> None:
    said = house.run()

    name = house.directory.root.name
    assert said.out == f"{house.directory.root}/results\n"
    lines = said.err.splitlines()
    assert lines[0] == f"Running in runs/small/{name}"
    size = (house.root / "data/lines.txt").stat().st_size
    left = f"{size} bytes of your text in s3://{house.bucket}/{name}/; `runner clean runs/small/{name}` deletes it"
    assert lines[-4:] == [
        f"results  runs/small/{name}/results",
        f"report   runs/small/{name}/report.html",
        f"left     {left}",
        f"next     runner verify runs/small/{name}",
    ]
    assert any(line.startswith("Done: 6 of 6 documents written, 1 job, ") for line in lines)
    assert not any(line.endswith(" ") for line in lines)


def test_a_run_that_was_finished_before_says_so(house: House) -> None:
    house.run()

    said = house.run()

    assert "It was finished before, and nothing was left to do; `--again` begins anew.\n" in said.err
    assert "Running in" not in said.err


def test_a_run_out_of_time_says_how_to_go_on(house: House) -> None:
    said = house.run("--for", "0s")

    assert said.code == EXIT_UNFINISHED
    name = house.directory.root.name
    assert said.err.splitlines()[-2:] == [
        "next     runner run m.yaml goes on from here",
        f"next     runner status runs/small/{name}",
    ]
    again = house.run()
    assert again.code == 0
    assert again.err.startswith(f"Going on in runs/small/{name}\n")


def test_the_log_begins_with_the_run_and_holds_no_text(house: House) -> None:
    house.write("data/lines.txt", "Zanzibar is where the secret word lives.\n")
    house.run()

    content = house.directory.log_path.read_text()
    lines = [json.loads(line) for line in content.splitlines()]
    assert lines[0]["event"] == "run.began"
    assert lines[-1]["event"] == "run.finished"
    assert all(list(line)[:5] == ["v", "at", "level", "event", "run"] for line in lines)
    (done,) = [line for line in lines if line["event"] == "job.done"]
    assert (done["outcome"], done["ok"], done["generations"], done["starts"]) == ("collected", 1, 1, 1)
    assert "Zanzibar" not in content
    assert house.directory.log_path.stat().st_mode & 0o077 == 0


def test_a_plan_is_printed_and_nothing_is_sent(house: House) -> None:
    before = house.endpoint.accepted

    said = house.command("plan", "m.yaml")

    assert (said.code, said.err) == (0, "")
    assert "lines   sentiment     6   6     24  0.0024\n" in said.out
    assert "6 documents, 1 job over 1 batch, 24 units, up to $0.0024; predicted to take " in said.out
    assert house.endpoint.accepted == before
    assert not (house.root / "runs").exists()


def test_a_plan_for_programs_is_the_file_that_out_writes(house: House) -> None:
    said = house.command("plan", "m.yaml", "--json", "--out", "plan.json")

    printed = json.loads(said.out)
    assert (said.code, said.err) == (0, "")
    assert printed == json.loads((house.root / "plan.json").read_text())
    assert set(printed) >= PLAN_KEYS
    assert set(printed["prices"][0]) >= {"family"}
    assert printed["prices"][0]["family"] in FAMILIES


# --- exit codes -----------------------------------------------------------------------------------------------------


def test_exit_codes_are_the_contract() -> None:
    codes = (EXIT_DONE, EXIT_INTERNAL, EXIT_USER, EXIT_ERRORS, EXIT_LIMIT, EXIT_UNFINISHED, EXIT_INTERRUPTED)
    assert codes == (0, 1, 2, 3, 4, 5, 130)


def test_more_errors_than_tolerated_end_with_3_and_say_what_to_do(house: House) -> None:
    house.write("data/lines.txt", b"fine\n\xff\n")

    said = house.run()

    assert said.code == EXIT_ERRORS
    assert "Done, with more errors than tolerated: 2 of 2 documents written" in said.err
    # A retry could not mend it.
    assert "mend the inputs (`problems` in the results say where), then runner run m.yaml" in said.talk
    assert "runner retry" not in said.err


def test_a_price_that_nobody_agreed_to_ends_with_4(house: House) -> None:
    said = house.command("run", "m.yaml")

    assert said.code == EXIT_LIMIT
    assert said.err.endswith("hint: give it a budget (`--budget USD`), or say `--yes`\n")
    assert "lines   sentiment     6   6     24  0.0024\n" in said.err, "what it would have bought"


def test_a_budget_below_the_price_ends_with_4(house: House) -> None:
    assert house.command("plan", "m.yaml", "--budget", "0").code == EXIT_LIMIT
    assert house.command("run", "m.yaml", "--budget", "0").code == EXIT_LIMIT


def test_an_interrupt_before_the_first_job_ends_with_130_and_says_how_to_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(corpus: CorpusSpec) -> list[SourceFile]:
        signal.raise_signal(signal.SIGTERM)
        return list_corpus(corpus)

    monkeypatch.setattr("runner.compose.surveying.list_corpus", interrupted)

    said = house.run()

    assert said.code == EXIT_INTERRUPTED
    assert said.err.endswith("Interrupted; nothing is lost. `runner run m.yaml` goes on from here\n")


def test_signals_are_as_they_were_after_a_run() -> None:
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in watched]

    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGHUP)

    assert [signal.getsignal(number) for number in watched] == before


def test_a_reader_that_has_gone_is_no_bug(finished: House) -> None:
    """`runner status | head -0`: no traceback, and no complaint at the end of the process."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "runner", "status"]

    ended = subprocess.run(command, cwd=finished.root, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (EXIT_USER, "")


def test_serve_says_that_its_port_is_taken(empty: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = empty.begin("serve", "--port", str(port), "--data-dir", "served")
        said = ended(process)

    assert said.code == EXIT_USER
    assert str(port) in said.err
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err


# --- terminals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("colour", "expected"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals_that_want_them(empty: House, colour: dict[str, str], expected: bool) -> None:
    """On a pseudo-terminal: an error is coloured unless the environment says no."""
    leader, follower = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", **colour}
    command = [sys.executable, "-m", "runner", "run", "zzzz"]

    code = subprocess.run(command, cwd=empty.root, env=environment, stderr=follower, check=False).returncode
    said = os.read(leader, 10_000).decode()
    for handle in (leader, follower):
        os.close(handle)

    assert code == EXIT_USER
    assert ("\x1b[1;31merror: \x1b[0m" in said) == expected
    assert "zzzz: no such file" in said


@pytest.mark.parametrize(("out", "err", "told"), [(True, True, False), (True, False, True), (False, True, True)])
def test_the_results_folder_is_printed_unless_the_terminal_has_just_shown_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: bool, err: bool, told: bool
) -> None:
    class Results:
        results = "/there/results"

    monkeypatch.setattr(sys.stdout, "isatty", lambda: out, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: err, raising=False)

    run_command._tell_results(Results())  # type: ignore[arg-type]

    assert capsys.readouterr().out == ("/there/results\n" if told else "")


@pytest.mark.slow
def test_ctrl_c_during_a_survey_ends_with_130_and_the_next_run_goes_on(empty: House) -> None:
    """A real process, interrupted once its run directory is there."""
    empty.write("data/lines.txt", "All is well in Lisbon, said Anna.\n" * 400_000)
    process = empty.begin("run", "m.yaml", "--analyzers", "noop", "--limit", "399999")
    until = time.monotonic() + 30
    while not list(empty.root.glob("runs/small/*/ledger/lines.listing")):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = ended(process)

    assert said.code == EXIT_INTERRUPTED
    assert said.err.endswith("Interrupted; nothing is lost. `runner run m.yaml` goes on from here\n")
    assert "Traceback" not in said.err
