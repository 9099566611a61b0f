"""Every mistake has one message: what is wrong, what is valid, and what to do; and exit code 2."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import pytest
import typer

from runner.cli import app, options
from runner.cli.errors import report_error
from runner.errors import InternalError, LimitError, MachineError, ServiceError, SourceError, UserError
from tests.acceptance.house import House

HINT = "hint: `runner {} --help` says what it takes\n"

USAGE = [
    ("rnu", "error: `runner` has no command 'rnu'\nhint: did you mean run?\n"),
    ("zzz", "error: `runner` has no command 'zzz'\nhint: `runner --help` lists the commands\n"),
    ("--foo", "error: `runner` has no option --foo\nhint: `runner --help` says what it takes\n"),
    ("--versoin", "error: `runner` has no option --versoin\nhint: did you mean --version?\n"),
    ("run", "error: `runner run` needs MANIFEST\n" + HINT.format("run")),
    ("check", "error: `runner check` needs MANIFEST\n" + HINT.format("check")),
    ("why", "error: `runner why` needs RUN_DIR, CORPUS, ID\n" + HINT.format("why")),
    ("why d c", "error: `runner why` needs ID\n" + HINT.format("why")),
    ("run m.yaml n.yaml", "error: `runner run` does not take 'n.yaml' as well\n" + HINT.format("run")),
    ("run m.yaml --workerz 2", "error: `runner run` has no option --workerz\nhint: did you mean --workers?\n"),
    ("run m.yaml --worker=2", "error: `runner run` has no option --worker\nhint: did you mean --workers?\n"),
    ("run m.yaml --zzz", "error: `runner run` has no option --zzz\n" + HINT.format("run")),
    ("run m.yaml --limit", "error: --limit: a value is missing\n" + HINT.format("run")),
    ("run m.yaml --yes=1", "error: --yes: it takes no value\n" + HINT.format("run")),
    ("run m.yaml --limit 0", "error: --limit: '0' is not a whole number of 1 or more\n" + HINT.format("run")),
    ("run m.yaml --limit 1.5", "error: --limit: '1.5' is not a whole number of 1 or more\n" + HINT.format("run")),
    ("run m.yaml --limit ²", "error: --limit: '²' is not a whole number of 1 or more\n" + HINT.format("run")),
    ("run m.yaml --workers=-1", "error: --workers: '-1' is not a whole number of 1 or more\n" + HINT.format("run")),
    ("run m.yaml --for 20x", "error: --for: '20x' is not a duration: 90s, 20m, 1.5h, 2d\n" + HINT.format("run")),
    (
        "run m.yaml --budget nan",
        "error: --budget: 'nan' is not an amount of USD: 0 or more, such as 20 or 0.50\n" + HINT.format("run"),
    ),
    (
        "plan m.yaml --budget -3",
        "error: --budget: '-3' is not an amount of USD: 0 or more, such as 20 or 0.50\n" + HINT.format("plan"),
    ),
    ("run m.yaml --run-dir=", "error: --run-dir: a path is missing\n" + HINT.format("run")),
    (
        "run m.yaml --analyzers nope",
        "error: --analyzers: 'nope' is not one of default, noop\n" + HINT.format("run"),
    ),
    (
        "serve --port 65536",
        "error: --port: '65536' is not a port: 0 (any free one) to 65535\n" + HINT.format("serve"),
    ),
    ("serve --time-scale 0", "error: --time-scale: '0' is not a number above 0\n" + HINT.format("serve")),
    ("status --watch --json", "error: --watch is for people and --json for programs\nhint: choose one of them\n"),
]

WORLD = [
    ("run m.yml", "error: m.yml: no such file\nhint: did you mean m.yaml?\n"),
    ("check zzzz", "error: zzzz: no such file\n"),
    ("plan data", "error: data: a directory, not a manifest\n"),
    ("run m.yaml --lane nope", "error: the manifest has no lane 'nope'\nhint: there are: local\n"),
    ("run m.yaml --lane locl", "error: the manifest has no lane 'locl'\nhint: did you mean local?\n"),
    (
        "run m.yaml --set foo",
        ("--set foo: expected path=value (for example corpora.tickets.limit=10)\nerror: the manifest has 1 problem\n"),
    ),
    (
        "run m.yaml --run-dir data",
        (
            "error: data: it is not empty and not a run directory (it holds lines.txt, and no journal.db)\n"
            "hint: name an empty or a new directory with --run-dir\n"
        ),
    ),
    (
        "plan m.yaml --out nowhere/plan.json",
        "error: --out: there is no folder nowhere\nhint: make it, or name another file\n",
    ),
    (
        "status",
        (
            "error: there are no runs below `runs` here\n"
            "hint: name a run's directory, or change to the folder you ran it in\n"
        ),
    ),
    ("status nope", "error: nope: there is no such directory\nhint: name the directory of a run\n"),
    ("verify nope", "error: nope: there is no such directory\nhint: name the directory of a run\n"),
    ("why nope lines 1", "error: nope: there is no such directory\nhint: name the directory of a run\n"),
    ("cancel nope", "error: nope: there is no such directory\nhint: name the directory of a run\n"),
    ("retry nope", "error: nope: there is no such directory\nhint: name the directory of a run\n"),
    (
        "status data",
        (
            "error: data: it is not a run directory: there is no journal.db in it\n"
            "hint: run directories are `runs/<name>/<run id>` and `runs/<name>/latest`\n"
        ),
    ),
    (
        "serve --host 0.0.0.0",
        (
            "error: host 0.0.0.0 is not a loopback address, and request signatures are not verified\n"
            "hint: valid: 127.0.0.1, ::1, localhost\n"
        ),
    ),
]


@pytest.mark.parametrize(("line", "expected"), USAGE, ids=[line for line, _ in USAGE])
def test_a_command_line_that_says_nothing(empty: House, line: str, expected: str) -> None:
    said = empty.command(*line.split())

    assert said.err == expected
    assert (said.code, said.out) == (2, "")


@pytest.mark.parametrize(("line", "expected"), WORLD, ids=[line for line, _ in WORLD])
def test_what_the_world_does_not_have(empty: House, line: str, expected: str) -> None:
    said = empty.command(*line.split())

    assert said.err == expected
    assert (said.code, said.out) == (2, "")


def test_all_manifests_are_checked_and_the_worst_gives_the_code(empty: House) -> None:
    empty.write("bad.yaml", "version: 1\nname: bad\ncorpra: []\n")

    said = empty.command("check", "m.yaml", "bad.yaml", "zzzz", "m.yaml")

    assert said.out == "m.yaml: ok, 1 corpus, 1 analysis, lane local (embedded)\n" * 2
    assert "bad.yaml:3:1: corpra: " in said.err
    assert "did you mean corpora?" in said.err
    assert said.err.endswith("error: zzzz: no such file\n")
    assert said.code == 2


def test_a_run_that_another_process_drives_is_refused_and_its_driver_named(finished: House) -> None:
    with finished.directory.acquire():
        said = finished.run("--run-dir", str(finished.directory.root))

    assert said.code == 2
    assert said.err.startswith(f"error: runs/small/{finished.directory.root.name}: in use by process ")
    assert said.err.endswith(
        "\nhint: wait for it, or name another run directory; `runner status` reads along meanwhile\n"
    )


# --- the form ------------------------------------------------------------------------------------------------------


def test_causes_follow_the_message_and_the_hint_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    error = SourceError("reviews", "it cannot be read", hint="look at it")
    error.__cause__ = ServiceError("SlowDown", "later")
    error.__cause__.__cause__ = OSError(errno.ECONNRESET, "Connection reset by peer")

    assert report_error(error) == 2

    assert capsys.readouterr().err == (
        "error: corpus reviews: it cannot be read\n"
        "  because: SlowDown: later\n"
        "  because: Connection reset by peer\n"
        "hint: look at it\n"
    )


def test_a_cause_that_the_message_has_told_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    error = UserError("a.txt cannot be read: Permission denied")
    error.__cause__ = OSError(errno.EACCES, "Permission denied", "a.txt")

    report_error(error)

    assert capsys.readouterr().err == "error: a.txt cannot be read: Permission denied\n"


def test_of_a_group_of_errors_ours_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    inner = ExceptionGroup("inner", [ValueError("not this one"), MachineError("the port is taken")])

    assert report_error(ExceptionGroup("outer", [inner])) == 2

    assert capsys.readouterr().err == "error: the port is taken\n"


def test_paths_below_the_current_folder_are_told_as_people_type_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    report_error(UserError(f"{tmp_path}/a.txt and /else{tmp_path}/b.txt and {tmp_path}2/c.txt and {tmp_path} itself"))

    assert (
        capsys.readouterr().err
        == f"error: a.txt and /else{tmp_path}/b.txt and {tmp_path}2/c.txt and {tmp_path} itself\n"
    )


def test_a_message_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(UserError("a\x1b[2Jb\rc [red]d[/]"))

    assert capsys.readouterr().err == "error: a\\x1b[2Jb\\rc [red]d[/]\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EMFILE])
def test_what_the_system_refuses_is_no_bug(capsys: pytest.CaptureFixture[str], number: int) -> None:
    assert report_error(OSError(number, "so it is", "/place")) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: /place: so it is\nhint: ")
    assert "Traceback" not in said


@pytest.mark.parametrize("error", [InternalError("two lines of one document"), ZeroDivisionError("division by zero")])
def test_a_bug_keeps_its_traceback_and_asks_to_be_reported(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    assert report_error(error) == 1

    said = capsys.readouterr().err
    assert type(error).__name__ in said.splitlines()[0]
    assert f"error: this is a bug in comprehend-runner {app.__version__}: {type(error).__name__}: {error}\n" in said
    assert "hint: please report it" in said


def test_a_limit_of_the_user_has_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(LimitError("too dear")) == 4


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (BrokenPipeError(), 2),
        (RuntimeError("x"), 1),
        (UserError("x"), 2),
    ],
)
def test_nothing_leaves_by_the_last_door_but_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
) -> None:
    def dispatch(_: object) -> int:
        raise raised

    monkeypatch.setattr(app, "_dispatch", dispatch)

    assert app.run_app(["status"]) == code


@pytest.mark.parametrize(
    ("raised", "code"), [(EOFError(), 1), (BrokenPipeError(errno.EPIPE, "gone"), 2), (KeyboardInterrupt(), 130)]
)
def test_typer_takes_nothing_that_a_command_raises_for_something_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: BaseException, code: int
) -> None:
    """Its own `main` would end the process for a pipe, and call an EOFError an interruption."""

    def find(_: object) -> None:
        raise raised

    monkeypatch.setattr(options, "find", find)

    assert app.run_app(["verify"]) == code


def test_asyncio_does_not_warn_of_children_that_a_transport_reaped(empty: House) -> None:
    empty.command("check", "m.yaml")

    assert not logging.getLogger("asyncio").isEnabledFor(logging.WARNING)
