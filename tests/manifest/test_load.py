"""What a valid manifest becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.catalogue import ALL_LANGUAGES
from runner.manifest import load_manifest
from runner.model import LanguageRule

SMALLEST = """\
version: 1
name: demo
corpora:
  - {name: reviews, source: "data/*.txt", language: en}
analyses: [sentiment]
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str, name: str = "manifest.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_smallest_manifest_has_one_embedded_lane_without_pacing(written):
    manifest = load_manifest(written(SMALLEST), environment={}, cores=3)
    (lane,) = manifest.lanes
    assert (lane.name, lane.kind, manifest.embedded) == ("local", "embedded", True)
    assert lane.quotas.active_jobs.of("SentimentDetection") == 3
    assert lane.quotas.start_per_s.of("SentimentDetection") is None


def test_sources_are_relative_to_the_manifest(written, tmp_path):
    manifest = load_manifest(written(SMALLEST), environment={})
    assert manifest.corpora[0].sources == (f"{tmp_path}/data/*.txt",)
    assert manifest.corpora[0].language == LanguageRule(kind="fixed", code="en")
    assert manifest.analyses[0].languages == ALL_LANGUAGES
