"""What a run leaves of the user's texts in S3 is said at its end, and no more once it is deleted."""

from __future__ import annotations

import json

from tests.acceptance.house import House


def test_what_is_left_is_said_at_the_end_and_in_the_books(house: House) -> None:
    text = (house.root / "data" / "lines.txt").stat().st_size
    said = house.run()
    run = house.directory.root
    where = f"s3://{house.bucket}/{run.name}/"
    assert f"left {text} bytes of your text in {where}; `runner clean runs/small/{run.name}` deletes it" in said.talk
    told = json.loads((run / "results" / "run.json").read_bytes())["summary"]["left"]
    assert told == [{"lane": "near", "where": where, "batches": 1, "bytes": text}]

    assert house.command("clean", f"runs/small/{run.name}").code == 0
    assert "your text" not in house.run().talk
    assert json.loads(house.command("status", "--json").out)["summary"]["left"] == []


def test_it_is_where_it_was_staged_though_the_manifest_names_another_bucket_since(house: House) -> None:
    house.run()
    house.tell(lanes=[house.lane(staging="s3://elsewhere/")])

    said = house.run()

    assert f"of your text in s3://{house.bucket}/{house.directory.root.name}/; " in said.talk


def test_an_embedded_run_leaves_nothing_with_others(house: House) -> None:
    house.tell(lanes=None)
    said = house.run()
    assert said.code == 0
    assert "of your text" not in said.talk
