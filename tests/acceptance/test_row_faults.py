"""Every (document, analysis) is accounted for, in every family, whatever happens to the rows of its outputs.

One manifest with all ten kinds of analysis, two of them with models of the user's own, against `runner serve` with its
real analyzers; the runs with faults are held to one without.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import Endpoint, House, as_nobody, hasten, serving
from tests.endpoint.custom.texts import annotated, as_csv, topical

DOCUMENTS = 16
ANALYSES: list[dict[str, Any]] = [
    {"family": "dominant_language", "name": "spoken"},
    {"family": "entities"},
    {"family": "key_phrases"},
    {"family": "sentiment"},
    {"family": "targeted_sentiment", "name": "targeted"},
    {"family": "pii_entities", "name": "offsets"},
    {"family": "pii_entities", "name": "both", "mode": "both"},
    {"family": "pii_entities", "name": "redacted", "mode": "redaction"},
    {"family": "events", "types": ["CORPORATE_ACQUISITION", "IPO"]},
    {"family": "topics", "topics": 3},
    {"family": "classification", "name": "genre", "classifier": {"train": "data/genres.csv"}},
    {
        "family": "custom_entities",
        "name": "people",
        "recognizer": {"documents": "data/docs.txt", "annotations": "data/people.csv"},
    },
]


REPEATING = {"entities", "key_phrases", "targeted", "redacted", "events", "people"}
SAME = {"dominant_language"}
"""What is told of a document alone; that of one language is the same for all."""


def name_of(analysis: dict[str, Any]) -> str:
    return str(analysis.get("name", analysis["family"]))


def texts() -> Iterator[str]:
    """No two alike, and every family finds something in most of them."""
    dice = random.Random(5)
    people = annotated(DOCUMENTS).lines
    for number, (person, (_, topic)) in enumerate(zip(people, topical(DOCUMENTS), strict=False)):
        mood = dice.choice(["I love it.", "It was horrible.", "Nobody cares."])
        yield (
            f"{person} {mood} On {number + 1} May 2019 Amazon acquired Acme{number} Corporation for $3 million. "
            f"Write to person{number}@example.com. {topic}."
        )


def furnished(house: House) -> House:
    """The corpus, the training data and the manifest; jobs are so small that one in two has a fault."""
    people = annotated()
    house.write("data/lines.txt", "".join(f"{text}\n" for text in texts()))
    house.write("data/genres.csv", as_csv(topical(50)))
    house.write("data/docs.txt", people.documents())
    house.write("data/people.csv", people.table())
    house.tell(
        version=1,
        name="all",
        lanes=[house.lane()],
        corpora=[{"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "en"}],
        analyses=ANALYSES,
    )
    return house


@pytest.fixture(scope="module")
def analysing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with serving(tmp_path_factory.mktemp("serve"), "--workers", "2") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def right(analysing: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The lines of a run that nothing befell; its models are trained, and later runs find them."""
    root = tmp_path_factory.mktemp("right")
    house = furnished(House(root=root, endpoint=analysing, bucket=analysing.make_bucket("all")))
    with pytest.MonkeyPatch.context() as patching:
        hasten(patching)
        as_nobody(patching, root)
        said = house.run()
    assert said.code == 0, said.err
    return house.lines()


def test_every_family_has_something_to_lose(right: list[dict[str, Any]]) -> None:
    assert len(right) == DOCUMENTS
    for analysis in ANALYSES:
        answers = [json.dumps(line[name_of(analysis)]) for line in right]
        assert len(set(answers)) > 1 or analysis["family"] in SAME, f"{name_of(analysis)} says the same of all"


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        ([{"do": "rows_missing", "times": 12}], {}),
        ([{"do": "rows_missing"}], {None: {"NO_RESULT"}, "redacted": {"NO_RESULT", "JOB_FAILED"}}),
        # A copy of a text has no line numbers: where its lines do not fit, the whole output is refused.
        ([{"do": "rows_doubled"}, {"do": "rows_unordered", "share": 1.0}], {"redacted": {"JOB_FAILED"}}),
        ([{"do": "archive_truncated", "times": 6}, {"do": "archive_corrupt", "times": 6, "after": 6}], {}),
        ([{"do": "rows_altered", "times": 12}], {}),
    ],
    ids=["missing once", "missing for ever", "doubled and unordered", "truncated and corrupt", "altered once"],
)
def test_no_pair_is_lost_doubled_or_wrong(
    tmp_path: Path,
    analysing: Endpoint,
    right: list[dict[str, Any]],
    faults: list[dict[str, Any]],
    codes: dict[str | None, set[str]],
) -> None:
    house = furnished(House(root=tmp_path, endpoint=analysing, bucket="all"))
    if faults[0]["do"] == "rows_altered":
        # An answer that repeats no text looks like any other; only those that do can be told to be another's.
        house.tell(analyses=[analysis for analysis in ANALYSES if name_of(analysis) in REPEATING])
    analysing.set_faults(*({"operation": "Start*Job", "seed": 3, **fault} for fault in faults))
    try:
        said = house.run()
    finally:
        analysing.set_faults()

    assert said.code in ((0, 3) if codes else (0,)), said.err
    verified = house.command("verify")
    assert verified.code == 0, verified.out
    check(house.lines(), right, codes)


def test_copies_of_texts_that_bear_other_texts_for_ever_are_never_taken(
    tmp_path: Path, analysing: Endpoint, right: list[dict[str, Any]]
) -> None:
    house = furnished(House(root=tmp_path, endpoint=analysing, bucket="all"))
    house.tell(analyses=[analysis for analysis in ANALYSES if name_of(analysis) == "redacted"])
    analysing.set_faults({"operation": "Start*Job", "do": "rows_altered", "seed": 3})
    try:
        said = house.run()
    finally:
        analysing.set_faults()

    assert said.code == 3, said.err
    assert house.command("verify").code == 0
    check(house.lines(), right, {"redacted": {"JOB_FAILED"}})


def check(lines: list[dict[str, Any]], right: list[dict[str, Any]], codes: dict[str | None, set[str]]) -> None:
    """Each line is the document's, once; each pair the right answer, or an error with a code of its analysis."""
    assert [line["id"] for line in lines] == [line["id"] for line in right]
    for line, wanted in zip(lines, right, strict=True):
        problems = {problem["analysis"]: problem["code"] for problem in line["problems"]}
        for name, outcome in line["outcome"].items():
            if outcome == "ok":
                assert line[name] == wanted[name], f"{name} of {line['id']}"
            else:
                assert (outcome, line[name]) == ("error", None)
                assert problems[name] in codes.get(name, codes.get(None, set())), name
