"""Help is pinned: `COLUMNS=80 runner COMMAND --help > tests/cli/help/COMMAND.txt` writes it anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from runner import __version__
from runner.cli.app import app
from runner.cli.help import Application, Command
from tests.acceptance.house import House

HELP = Path(__file__).parent / "help"
APPLICATION = typer.main.get_command(app)
assert isinstance(APPLICATION, Application)
COMMANDS = APPLICATION.commands
HEAVY = ("aioboto3", "anyio", "botocore", "msgspec", "pydantic", "rich", "structlog", "yaml")


@pytest.mark.parametrize("name", ["runner", *COMMANDS])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_as_it_was_agreed(empty: House, monkeypatch: pytest.MonkeyPatch, name: str, flag: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = empty.command(*([] if name == "runner" else [name]), flag)

    assert said.out == (HELP / f"{name}.txt").read_text()
    assert (said.code, said.err) == (0, "")


def test_every_pinned_help_is_of_a_command_that_there_is() -> None:
    assert {path.stem for path in HELP.iterdir()} == {"runner", *COMMANDS}


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("name", ["runner", *COMMANDS])
def test_help_fits_its_terminal(empty: House, monkeypatch: pytest.MonkeyPatch, columns: int, name: str) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    said = empty.command(*([] if name == "runner" else [name]), "--help")

    assert max(len(line) for line in said.out.splitlines()) < min(columns, 101)
    assert not any(line.endswith(" ") for line in said.out.splitlines())


def test_no_arguments_are_answered_with_help_and_the_code_of_a_mistake(empty: House) -> None:
    said = empty.command()

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: runner COMMAND [OPTIONS]\n")


def test_help_is_found_behind_other_arguments_but_not_behind_two_dashes(empty: House) -> None:
    assert empty.command("run", "m.yaml", "--limit", "3", "--help").out.startswith("Usage: runner run MANIFEST")
    assert empty.command("why", "nowhere", "lines", "--", "--help").code == 2


def test_the_version_is_told(empty: House) -> None:
    assert empty.command("--version").out == f"comprehend-runner {__version__}\n"


def test_every_command_is_in_a_group_and_its_summary_is_one_short_line() -> None:
    for command in COMMANDS.values():
        assert isinstance(command, Command)
        assert command.rich_help_panel
        assert command.short_help
        assert len(command.short_help) <= 52
        assert "\n" not in command.short_help


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["serve", "--help"], ["rnu"]])
def test_help_and_mistakes_import_nothing_heavy(arguments: list[str]) -> None:
    """What makes `--help` quick, without a clock: which modules are loaded, but for what Typer itself brings."""
    heavy = HEAVY if arguments[-1] == "--help" else tuple(name for name in HEAVY if name != "rich")
    code = (
        "import sys, typer; brought = set(sys.modules); from runner.cli.app import run_app; run_app(sys.argv[1:]); "
        f"sys.exit(','.join(name for name in {heavy!r} if name in sys.modules and name not in brought) or 0)"
    )

    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
