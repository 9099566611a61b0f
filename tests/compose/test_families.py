"""Whole runs of every family against an endpoint beside: what stands on the lines, and what of closed families."""

from __future__ import annotations

import json

import pytest

from runner.core import events as e
from tests.acceptance.house import House


def test_a_family_closed_to_the_account_closes_its_documents_and_nothing_else(house: House) -> None:
    house.tell(analyses=["sentiment", "topics", {"family": "events", "types": ["IPO"]}])
    house.endpoint.set_faults(
        {"operation": "StartTopicsDetectionJob", "do": "family_closed"},
        {"operation": "StartEventsDetectionJob", "do": "family_closed"},
    )

    said = house.run()

    assert said.code == 3, said.err
    assert house.outcomes("sentiment") == {"ok": 6}
    assert house.outcomes("topics") == house.outcomes("events") == {"error FAMILY_CLOSED": 6}
    problem = house.lines()[0]["problems"][0]
    assert problem["message"] == "the service has closed topics to this account"
    assert said.talk.count("the service has closed this kind of analysis to the account") == 1
    assert "closed topics, events: " in said.talk
    assert house.command("verify").code == 0
    assert not [event for event in house.events() if isinstance(event, e.WorkParked)]


def test_a_closed_family_can_be_retried_on_an_account_that_has_it(house: House) -> None:
    house.tell(analyses=["sentiment", {"family": "events", "types": ["IPO"]}])
    house.endpoint.set_faults({"operation": "StartEventsDetectionJob", "do": "family_closed"})
    house.run()
    house.endpoint.set_faults()

    assert house.command("retry", str(house.directory.root)).code == 0
    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes("events") == {"ok": 6}
    assert [line["events"] for line in house.lines()] == [{"Entities": [], "Events": []}] * 6
    assert house.command("verify").code == 0


def test_every_family_by_rows_goes_from_manifest_to_line(house: House) -> None:
    """The endpoint finds nothing in any text, in the shape of each family."""
    house.write("data/t.jsonl", '{"n": 1, "t": "one\\ntwo"}\n{"n": 2, "t": "three"}\n{"n": 3, "t": ""}\n')
    house.tell(
        corpora=[
            {"name": "rows", "source": "data/t.jsonl", "format": "jsonl", "text": "t", "keep": ["n"], "language": "en"}
        ],
        analyses=[
            "targeted_sentiment",
            {"family": "events", "types": ["IPO"]},
            {"family": "pii_entities", "name": "offsets"},
            {"family": "pii_entities", "name": "both", "mode": "both"},
            {"family": "pii_entities", "name": "redacted", "mode": "redaction", "mask": "#"},
        ],
        output={"text": True},
    )

    said = house.run()

    assert said.code == 0, said.err
    first, second, third = house.lines("rows")
    assert list(first)[4:7] == ["problems", "fields", "text"]
    answers = {"targeted_sentiment": [], "events": {"Entities": [], "Events": []}, "offsets": []}
    for line, own in ((first, "one\ntwo"), (second, "three")):
        assert {**line, **answers, "text": own} == line
        assert line["both"] == {"Entities": [], "RedactedText": own}
        assert line["redacted"] == own
    assert third["fields"] == {"n": 3}
    assert third["text"] is third["both"] is None
    assert house.command("verify").code == 0


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", "gz"), ("zstd", "zst")])
def test_compressed_results_are_told_verified_explained_and_mended(house: House, compression: str, suffix: str) -> None:
    house.tell(output={"compression": compression})
    house.endpoint.set_faults(
        {"operation": "StartSentimentDetectionJob", "do": "job_failed", "message": "INVALID_DOCUMENT: x"}
    )
    assert house.run().code == 3
    house.endpoint.set_faults()
    root = house.directory.root

    assert house.command("retry", str(root)).code == 0
    said = house.run()

    assert said.code == 0, said.err
    (file,) = (root / "results/lines").iterdir()
    assert file.name == f"00000.jsonl.{suffix}"
    assert json.loads((root / "results/run.json").read_bytes())["files"][0]["name"] == f"lines/{file.name}"
    assert house.command("verify").code == 0
    assert f"{file.name} line 1" in house.command("why", str(root), "lines", "lines.txt:0").out.replace("\n", " ")
    exported = house.command("export", str(root), "--out", "table", "--format", "csv", "--column", "id")
    assert exported.code == 0, exported.err
    assert (house.root / "table/lines.csv").read_text().split() == ["id", *(f"lines.txt:{n}" for n in range(6))]
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    assert house.command("verify").code == 3


@pytest.mark.parametrize(
    "effect", ["archive_truncated", "rows_missing", "rows_altered", "rows_unordered", "rows_doubled"]
)
@pytest.mark.parametrize(
    ("analysis", "operation"),
    [
        ({"family": "pii_entities", "name": "x", "mode": "redaction"}, "StartPiiEntitiesDetectionJob"),
        ({"family": "events", "name": "x", "types": ["IPO"]}, "StartEventsDetectionJob"),
    ],
)
def test_outputs_in_folders_are_as_safe_as_archives(
    house: House, analysis: dict[str, object], operation: str, effect: str
) -> None:
    """What is damaged once is fetched or bought again, what is missing is repaired, what is mixed up is sorted."""
    house.tell(analyses=[analysis])
    house.endpoint.set_faults({"operation": operation, "do": effect, "times": 1, "share": 0.5})

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes("x") == {"ok": 6}
    texts = (house.root / "data/lines.txt").read_text().splitlines()
    wanted = texts if operation.startswith("StartPii") else [{"Entities": [], "Events": []}] * 6
    assert [line["x"] for line in house.lines()] == wanted
    assert house.command("verify").code == 0
