"""`policy.duplicate_ids: stop`, as a user meets it."""

from __future__ import annotations

from tests.acceptance.house import House

ROWS = b'{"key":"x1","text":"Hello from Berlin"}\n{"key":"x2","text":"Rain"}\n'
MORE = b'{"key":"x3","text":"Sun"}\n{"key":"x1","text":"Again"}\n'


def furnish(house: House, **policy: object) -> None:
    house.write("rows/a.jsonl", ROWS)
    house.write("rows/b.jsonl", MORE)
    corpus = {
        "name": "rows",
        "source": "rows/*.jsonl",
        "format": "jsonl",
        "text": "text",
        "id": "key",
        "language": "en",
    }
    house.tell(corpora=[corpus], policy=policy)


def test_ids_that_occur_twice_end_the_run_before_anything_is_sent(house: House) -> None:
    furnish(house, duplicate_ids="stop")
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 2
    places = "'x1' in rows/a.jsonl at position 0 and in rows/b.jsonl at position 1"
    assert f"corpus rows: ids occur more than once (positions count from zero): {places}" in said.talk
    assert "policy.duplicate_ids: keep" in said.talk
    assert house.endpoint.accepted == before
    assert house.command("plan", "m.yaml").code == 2
    assert house.leftovers() == []


def test_the_run_goes_on_once_they_are_mended_or_kept(house: House) -> None:
    furnish(house, duplicate_ids="stop")
    assert house.run().code == 2
    house.write("rows/b.jsonl", MORE.replace(b"x1", b"x4"))
    assert house.run().code == 0
    assert [line["id"] for line in house.lines("rows")] == ["x1", "x2", "x3", "x4"]


def test_ids_are_kept_unless_it_is_said(house: House) -> None:
    furnish(house)
    assert house.run().code == 0
    assert [line["id"] for line in house.lines("rows")] == ["x1", "x2", "x3", "x1"]


def test_ids_may_recur_in_another_corpus(house: House) -> None:
    rows = {"format": "jsonl", "text": "text", "id": "key", "language": "en"}
    house.write("a.jsonl", ROWS)
    house.tell(
        corpora=[{"name": name, "source": "a.jsonl", **rows} for name in ("one", "other")],
        policy={"duplicate_ids": "stop"},
    )
    assert house.run().code == 0
