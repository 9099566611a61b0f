"""`language: {from: …}`: what an analysis tells of each document decides what the others read of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.compose import workshop
from runner.core import events as e
from tests.acceptance.house import Endpoint, House, as_nobody, hasten, serving

TEXTS = {
    "english": "Angela Merkel visited London on Monday, and she was very happy about the wonderful weather there.",
    "german": "Angela Merkel besuchte am Montag Hamburg und freute sich sehr über das schöne Wetter an der Elbe.",
    "spanish": "Angela Merkel visitó Madrid el lunes y estaba muy contenta con el maravilloso tiempo que hacía.",
    "japanese": "アンゲラ・メルケルは月曜日に東京を訪れ、素晴らしい天気をとても喜んでいました。",
    "russian": "Ангела Меркель посетила Париж в понедельник и была очень рада хорошей погоде.",
    "numbers": "1234 5678 -- 42",
    "nothing": "",
    "again": "Angela Merkel visited London on Monday, and she was very happy about the wonderful weather there.",
    "long": "This is a wonderful sentence about the city of London and its people. " * 100,
}
ANALYSES = [
    "dominant_language",
    "entities",
    {"family": "sentiment", "oversize": "split"},
    {"family": "pii_entities", "name": "pii", "mode": "both"},
]

NEAR = [ANALYSES[0], ANALYSES[1], ANALYSES[3]]
SPOKEN = {name: text for name, text in TEXTS.items() if name != "japanese"}
"""For lanes like the service's, on which the endpoint is asked for what it cannot do: nothing of that."""


def corpus(name: str = "docs", **keys: Any) -> dict[str, Any]:
    rows = {"source": "data/docs.jsonl", "format": "jsonl", "text": "text", "id": "id"}
    return {"name": name, **rows, "language": {"from": "dominant_language"}, **keys}


def furnish(house: House, texts: dict[str, str] | None = None, **keys: Any) -> None:
    texts = texts or (SPOKEN if house.endpoint else TEXTS)
    rows = [json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in texts.items()]
    house.write("data/docs.jsonl", "".join(f"{row}\n" for row in rows))
    house.tell(
        **{"version": 1, "name": "told", "corpora": [corpus()], **keys}, analyses=NEAR if house.endpoint else ANALYSES
    )


def run(house: House) -> Any:
    return house.command("run", "m.yaml", "--yes", "--workers", "2")


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """`runner serve` with the analyzers that it has."""
    with serving(tmp_path_factory.mktemp("knowing"), "--workers", "2") as endpoint:
        yield endpoint


@pytest.fixture
def told(tmp_path: Path, knowing: Endpoint, request: pytest.FixtureRequest) -> House:
    """A house with that endpoint beside it, on two lanes."""
    house = House(root=tmp_path, endpoint=knowing, bucket=knowing.make_bucket(f"b-{abs(hash(request.node.nodeid)):x}"))
    furnish(house, lanes=two_lanes(house))
    return house


def two_lanes(house: House) -> list[dict[str, Any]]:
    far = house.lane(name="far", region="us-west-2", staging=f"s3://{house.bucket}/far/")
    return [house.lane(), far]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, knowing: Endpoint) -> House:
    """A house whose run on both lanes nothing befell."""
    bucket = knowing.make_bucket("undisturbed")
    house = House(root=tmp_path_factory.mktemp("remote"), endpoint=knowing, bucket=bucket)
    furnish(house, lanes=two_lanes(house))
    with pytest.MonkeyPatch.context() as patching:
        hasten(patching)
        as_nobody(patching, house.root)
        said = run(house)
    assert said.code == 0, said.err
    return house


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house whose run nothing befell, on an embedded lane."""
    house = House(root=tmp_path_factory.mktemp("embedded"))
    furnish(house)
    said = run(house)
    assert said.code == 0, said.err
    return house


def languages(house: House) -> dict[str, str | None]:
    return {line["id"]: line["language"] for line in house.lines("docs")}


def answered(house: House, analysis: str) -> set[str]:
    return {line["id"] for line in house.lines("docs") if line["outcome"][analysis] == "ok"}


def test_each_analysis_gets_the_documents_in_its_languages(expected: House) -> None:
    assert languages(expected) == {
        "english": "en",
        "german": "de",
        "spanish": "es",
        "japanese": "ja",
        "russian": "ru",
        "numbers": None,
        "nothing": None,
        "again": "en",
        "long": "en",
    }
    assert answered(expected, "entities") == {"english", "german", "spanish", "again", "long"}
    assert answered(expected, "sentiment") == {"english", "again", "long"}
    assert answered(expected, "pii") == {"english", "spanish", "again", "long"}
    assert expected.outcomes("entities", "docs") == {
        "ok": 5,
        "skipped LANGUAGE_UNSUPPORTED": 2,
        "skipped LANGUAGE_UNKNOWN": 1,
        "skipped EMPTY": 1,
    }
    german = next(line for line in expected.lines("docs") if line["id"] == "german")
    assert "Hamburg" in [entity["Text"] for entity in german["entities"]]
    assert expected.command("verify").code == 0


def test_jobs_that_follow_from_languages_say_so_and_cover_what_was_surveyed(expected: House) -> None:
    batches = [event.batch for event in expected.events() if isinstance(event, e.BatchPlanned)]
    routed = [batch for batch in batches if batch.id.startswith("l")]
    assert {batch.language for batch in routed} == {"en", "de", "es"}
    surveyed = {part for batch in batches if not batch.id.startswith("l") for part in batch.parts}
    assert {part for batch in routed for part in batch.covers} >= surveyed
    kinds = [type(event) for event in expected.events()]
    assert kinds.count(e.LanguagesRouted) == 1
    assert kinds.index(e.LanguagesRouted) < kinds.index(e.SegmentMerged)


def test_what_was_bought_is_what_is_told_and_not_the_most_that_it_might_have_been(expected: House) -> None:
    plan = expected.command("plan", "m.yaml", "--run-dir", "elsewhere", "--json")
    assert plan.code == 0, plan.err
    told = json.loads(plan.out)
    assert "the most that there can be" in " ".join(told["warnings"])
    assert {row["analysis"]: row["sent"] for row in told["rows"]} == dict.fromkeys(
        ("dominant_language", "entities", "sentiment", "pii"), 8
    )
    summary = json.loads((expected.directory.root / "results/run.json").read_bytes())
    planned = sum(event.job.units for event in expected.events() if isinstance(event, e.JobPlanned))
    assert summary["units"] == planned < told["totals"]["units"]


def test_why_tells_of_the_job_that_read_the_document(expected: House) -> None:
    said = expected.command("why", str(expected.directory.root), "docs", "german")
    assert said.code == 0, said.err
    assert said.out.count("entities-l00") == 1
    assert "sentiment does not take de here" in said.out.replace("\n", " ")


def test_remote_lanes_share_the_work_and_leave_the_same_answers(undisturbed: House, expected: House) -> None:
    assert languages(undisturbed).items() <= languages(expected).items()
    assert answered(undisturbed, "pii") == answered(expected, "pii")
    theirs = {line["id"]: line for line in expected.lines("docs")}
    assert [line["entities"] for line in undisturbed.lines("docs")] == [theirs[name]["entities"] for name in SPOKEN]
    assert undisturbed.command("verify").code == 0


@pytest.mark.parametrize("written", [False, True], ids=["before", "after its files"])
def test_cut_off_while_it_decides_a_run_goes_on_to_the_same_bytes(
    told: House, undisturbed: House, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    house, route = told, workshop.route

    async def cut_off(*arguments: Any, **keys: Any) -> Any:
        if written:
            await route(*arguments, **keys)
        raise KeyError("cut off")

    with monkeypatch.context() as patching:
        patching.setattr(workshop, "route", cut_off)
        assert run(house).code == 1
    assert not [event for event in house.events() if isinstance(event, e.LanguagesRouted | e.SegmentMerged)]
    bought = {event.job for event in house.events() if isinstance(event, e.StartAccepted)}

    said = run(house)

    assert said.code == 0, said.err
    assert house.results() == undisturbed.results()
    started = [event.job for event in house.events() if isinstance(event, e.StartAccepted)]
    assert len(started) == len(set(started))
    assert bought <= set(started)
    assert house.leftovers() == []


def test_nothing_follows_where_no_language_is_taken(told: House) -> None:
    furnish(told, {name: TEXTS[name] for name in ("russian", "numbers")}, lanes=told.manifest["lanes"])

    said = run(told)

    assert said.code == 0, said.err
    assert languages(told) == {"russian": "ru", "numbers": None}
    assert answered(told, "dominant_language") == {"russian", "numbers"}
    assert answered(told, "entities") == answered(told, "pii") == set()
    assert len([event for event in told.events() if isinstance(event, e.JobPlanned)]) == 1
    assert told.command("verify").code == 0


def test_a_corpus_whose_languages_are_known_is_told_as_ever(told: House) -> None:
    english = {name: TEXTS[name] for name in ("english", "again", "long")}
    furnish(told, english, lanes=told.manifest["lanes"], corpora=[corpus(), corpus("known", language="en")])

    said = run(told)

    assert said.code == 0, said.err
    assert told.lines("known") == [{**line, "corpus": "known"} for line in told.lines("docs")]
    assert told.command("verify").code == 0


def test_documents_reopened_stay_in_the_language_that_was_decided(told: House) -> None:
    assert told.endpoint is not None
    told.endpoint.set_faults(
        {"operation": "StartEntitiesDetectionJob", "do": "job_failed", "message": "INVALID_DOCUMENT: x"}
    )
    try:
        assert run(told).code == 3
    finally:
        told.endpoint.set_faults()
    assert answered(told, "entities") == set()

    assert told.command("retry", str(told.directory.root)).code == 0
    said = run(told)

    assert said.code == 0, said.err
    assert answered(told, "entities") >= {"english", "german", "spanish", "again", "long"}
    assert languages(told)["german"] == "de"
    assert told.command("verify").code == 0


def test_a_manifest_names_an_analysis_that_tells_languages_of_the_corpus(tmp_path: Path) -> None:
    house = House(root=tmp_path)
    furnish(house, corpora=[corpus(language={"from": "entities"})])

    said = house.command("check", "m.yaml")

    assert said.code == 2
    assert "'entities' is no analysis of family dominant_language that reads this corpus" in said.talk
    assert "there is dominant_language" in said.talk
