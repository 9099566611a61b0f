"""Shells complete commands and options, by the script that `runner --completion` prints."""

from __future__ import annotations

import pytest

from tests.acceptance.house import House


@pytest.mark.parametrize(("shell", "says"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_there_is_a_script_for_each_shell_that_asks_this_program(
    empty: House, monkeypatch: pytest.MonkeyPatch, shell: str, says: str
) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")

    said = empty.command("--completion")

    assert (said.code, said.err) == (0, "")
    assert says in said.out
    assert f"_RUNNER_COMPLETE=complete_{shell}" in said.out


def test_other_shells_are_refused_with_those_there_are(empty: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")

    said = empty.command("--completion")

    assert (said.code, said.out) == (2, "")
    assert "names tcsh; there is completion for bash, zsh, fish" in said.err


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
