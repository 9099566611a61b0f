"""Bad manifests and the whole of what is said of them: where, what was found, what is valid, what is nearest.

Each `bad/<name>.yaml` has its messages beside it in `bad/<name>.txt`; after a deliberate change of words, write those
anew from what the failing test shows, and read them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.catalogue import FAMILIES

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"), key=lambda path: path.name)
ENVIRONMENT = {"MISSING": "1", "LANGUAGE": "klingon", "HOME": "/home/ada"}


@pytest.fixture(autouse=True)
def every_family(monkeypatch):
    """What is said does not depend on what this version can do."""
    for name, row in FAMILIES.items():
        monkeypatch.setitem(FAMILIES, name, replace(row, available=True))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file(said, path):
    told = said(path.read_text(encoding="utf-8"), environment=ENVIRONMENT, cores=4)
    assert told == path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()


def test_of_very_many_problems_the_first_thousand_are_told(said):
    text = "version: 1\nname: x\ncorpora:\n" + "  - {name: 1}\n" * 2_000 + "analyses: [sentiment]\n"
    assert len(said(text)) == 1_000


@pytest.mark.parametrize("encoding", ["base64", "rot13", "zlib", "idna", "punycode", "undefined"])
def test_a_codec_that_is_no_encoding_of_texts_is_refused(said, smallest, encoding):
    """Python decodes nothing at all with any of them, and raises once there is something."""
    (told,) = said(smallest, f"corpora.reviews.encoding={encoding}")
    assert f"'{encoding}' is no encoding known here" in told
