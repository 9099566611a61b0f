"""What every analyzer promises, whatever its family."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.endpoint import analyzers
from runner.errors import MachineError, UserError

FAMILIES = (
    "dominant_language", "entities", "events", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment",
)  # fmt: skip


def test_each_family_names_its_module():
    assert set(FAMILIES) < set(analyzers.ANALYZERS)
    for family, info in analyzers.ANALYZERS.items():
        assert info.name == family
        assert info.load.startswith("runner.endpoint.analyzers.")


def test_versions_name_the_libraries_whose_lists_are_read():
    """Another release of Faker may hold other names, and so give other answers."""
    assert "faker-" in analyzers.ANALYZERS["entities"].version


def test_importing_the_list_imports_no_nlp():
    code = (
        "import sys, runner.endpoint.analyzers\n"
        "heavy = {'pycld2', 'faker', 'babel', 'textblob', 'nltk', 'ahocorasick_rs', 'vaderSentiment', 'pycld2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:  # -S leaves out site-packages; an editable install is found through the current folder
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_a_family_that_does_not_exist_names_those_that_do():
    with pytest.raises(UserError, match="no analyzer for the family 'moods'") as caught:
        analyzers.load("moods")
    assert "key_phrases" in str(caught.value.hint)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["", " ", "\x00", "\n\n", "😀", "a\u0301", "。", "\x0c\x85\u2028"])
def test_any_text_is_answered(family: str, text: str):
    assert isinstance(analyzers.load(family)(text, "en"), dict)


def test_a_missing_library_is_an_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)
    monkeypatch.delitem(sys.modules, "runner.endpoint.analyzers.entities", raising=False)
    with pytest.raises(MachineError, match="entities needs the package ahocorasick_rs") as caught:
        analyzers.load("entities")
    assert "comprehend-runner[local]" in str(caught.value.hint)


def test_a_custom_model_is_loaded_from_its_file_by_the_room_that_trains_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from runner.endpoint import custom

    (tmp_path / "model").write_bytes(b"weights")
    for family, maker in (("classification", "load_classifier"), ("entities", "load_recognizer")):
        monkeypatch.setattr(custom, maker, lambda data, family=family: lambda *_: {family: data})
        assert analyzers.load(family, tmp_path / "model")("x", None) == {family: b"weights"}
    with pytest.raises(UserError, match="'sentiment' has no custom models"):
        analyzers.load("sentiment", tmp_path / "model")
