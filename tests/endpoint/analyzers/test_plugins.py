"""A user's own analyzers: found, known, held to the protocol."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from runner.endpoint.analyzers import ANALYZERS, plugins
from runner.errors import UserError

EMPTY = {"KeyPhrases": []}
MODULE = """
def load():
    return lambda text, language: {"KeyPhrases": ANSWER}
load.languages = ("en", "ja")
def broken():
    raise RuntimeError("no model")
def raising():
    def analyze(text, language):
        raise ValueError(text)
    return analyze
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"own_{abs(hash(tmp_path)):x}"
    (tmp_path / f"{name}.py").write_text(MODULE.replace("ANSWER", "[]"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return name


def test_a_module_of_the_current_folder_takes_the_place_of_ours(module: str) -> None:
    known = plugins.registry(plugins.parsed([f"key_phrases={module}:load"]))
    info = known["key_phrases"]
    assert info.external
    assert info.load == f"{module}:load"
    assert info.languages == {"en", "ja"}
    assert info.version.startswith(f"{module}:load@sha256:")
    assert known["entities"] == ANALYZERS["entities"]
    assert plugins.load("key_phrases", info.load, EMPTY)("x", "ja") == EMPTY


def test_the_version_changes_with_the_source(module: str, tmp_path: Path) -> None:
    before = plugins.registry({"key_phrases": f"{module}:load"})["key_phrases"].version
    (tmp_path / f"{module}.py").write_text(MODULE)
    assert plugins.registry({"key_phrases": f"{module}:load"})["key_phrases"].version != before


def test_an_installed_package_offers_one_by_its_entry_point(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("key_phrases", f"{module}:load", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    assert plugins.registry({})["key_phrases"].external
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry, entry])
    with pytest.raises(UserError, match="two installed packages offer an analyzer of key_phrases"):
        plugins.registry({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sentiment", "'sentiment' names no analyzer"),
        ("sentiment=module", "names no analyzer"),
        ("topics=a:b", "no analyzer can be given for 'topics'"),
        ("mood=a:b", "no analyzer can be given for 'mood'"),
    ],
)
def test_what_names_no_analyzer_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plugins.parsed([text])


def test_one_family_has_one_analyzer() -> None:
    with pytest.raises(UserError, match="entities has two analyzers: a:b and c:d"):
        plugins.parsed(["entities=a:b", "entities=c:d"])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nothing", "has no function nothing"),
        ("broken", "could not be loaded: RuntimeError: no model"),
    ],
)
def test_one_that_cannot_be_loaded_says_why(module: str, function: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plugins.load("key_phrases", f"{module}:{function}", EMPTY)


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"no_such_thing:load of entities cannot be imported: ModuleNotFoundError"):
        plugins.registry({"entities": "no_such_thing:load"})


def test_what_it_raises_is_told_without_the_document(module: str) -> None:
    analyze = plugins.load("key_phrases", f"{module}:raising", EMPTY)
    with pytest.raises(plugins.PluginError, match=rf"{module}:raising of key_phrases raised ValueError$"):
        analyze("secret", "en")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("3", "must answer with a mapping in KeyPhrases|must answer with mappings in KeyPhrases"),
        ("{'BeginOffset': 0, 'EndOffset': 9}", "do not fit the text"),
        ("{'BeginOffset': 0, 'EndOffset': 1, 'Text': 'y'}", "do not fit the text"),
    ],
)
def test_an_answer_that_is_none_is_refused(module: str, tmp_path: Path, answer: str, message: str) -> None:
    (tmp_path / f"{module}.py").write_text(MODULE.replace("ANSWER", f"[{answer}]"))
    analyze = plugins.load("key_phrases", f"{module}:load", EMPTY)
    with pytest.raises(plugins.PluginError, match=message):
        analyze("x", "en")


def test_other_members_than_the_familys_are_refused(module: str) -> None:
    analyze = plugins.load("entities", f"{module}:load", {"Entities": []})
    with pytest.raises(plugins.PluginError, match="must answer with a mapping of Entities"):
        analyze("x", "en")
