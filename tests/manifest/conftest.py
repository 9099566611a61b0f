"""Manifests written into a folder of the test's own, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import ManifestError
from runner.manifest import load_manifest
from runner.model import Manifest

SMALLEST = """\
version: 1
name: demo
corpora:
  - {name: reviews, source: "data/*.txt", language: en}
analyses: [sentiment]
"""

Load = Callable[..., Manifest]
Say = Callable[..., list[str]]


@pytest.fixture
def smallest() -> str:
    """A manifest with nothing that could be left out."""
    return SMALLEST


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a text as `m.yaml` in the current folder, which is the test's own; `set_` are `--set` options."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str = SMALLEST, *set_: str, **options: object) -> Manifest:
        Path("m.yaml").write_text(text, encoding="utf-8")
        options.setdefault("environment", {})
        return load_manifest("m.yaml", overrides=set_, **options)

    return load_text


@pytest.fixture
def said(load: Load) -> Say:
    """All problems of a text, as they are printed."""

    def problems(text: str = SMALLEST, *set_: str, **options: object) -> list[str]:
        with pytest.raises(ManifestError) as caught:
            load(text, *set_, **options)
        return str(caught.value).split("\n")

    return problems
