"""Shells complete commands and options, by the script that `runner --completion SHELL` prints."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House


@pytest.mark.parametrize(("shell", "says"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_there_is_a_script_for_each_shell_that_asks_this_program(empty: House, shell: str, says: str) -> None:
    said = empty.command("--completion", shell)

    assert (said.code, said.err) == (0, "")
    assert says in said.out
    assert f"_RUNNER_COMPLETE=complete_{shell}" in said.out


def test_other_shells_are_refused_with_those_there_are(empty: House) -> None:
    said = empty.command("--completion", "tcsh")

    assert said.code == 2
    assert "'tcsh' is not one of bash, zsh, fish" in said.err


@pytest.mark.parametrize(
    ("words", "place", "completions"),
    [("runner doc", "1", ["doctor"]), ("runner plan --js", "2", ["--json"]), ("runner nothing", "1", [])],
)
def test_what_the_shell_asks_is_answered(
    empty: House, monkeypatch: pytest.MonkeyPatch, words: str, place: str, completions: list[str]
) -> None:
    for name, value in (("_RUNNER_COMPLETE", "complete_bash"), ("COMP_WORDS", words), ("COMP_CWORD", place)):
        monkeypatch.setenv(name, value)

    said = empty.command()

    assert (said.code, said.err) == (0, "")
    assert said.out.split() == completions
