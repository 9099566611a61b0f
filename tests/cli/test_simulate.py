"""`plan --simulate`, as a user calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.errors import EXIT_DONE
from tests.cli.conftest import House
from tests.compose.test_models import GENRE, training_data

LANE = {
    "name": "virginia",
    "endpoint": "http://127.0.0.1:9",
    "region": "us-east-1",
    "staging": "s3://bucket/",
    "data_access_role": "arn:aws:iam::000000000000:role/test",
}
TEN_MINUTES_S = 600.0


def test_a_simulated_plan_shows_each_operation_and_the_calls(house: House) -> None:
    said = house.command("plan", "m.yaml", "--simulate")

    assert said.code == EXIT_DONE
    assert "Simulated: the last line is written after" in said.out
    assert "calls" in said.out
    assert "for want of a slot" in said.out
    bars = [line for line in said.out.splitlines() if any(block in line for block in "▁▂▃▄▅▆▇█")]
    assert bars
    assert max(map(len, bars)) <= 80


def test_a_simulated_plan_is_the_same_each_time(house: House) -> None:
    first, second = (json.loads(house.command("plan", "m.yaml", "--simulate", "--json").out) for _ in range(2))

    assert first["simulation"] == second["simulation"]
    assert first["simulation"]["closed"]
    assert first["simulation"]["finish_s"] > 0


def test_a_plan_that_is_not_simulated_says_nothing_of_it(house: House) -> None:
    said = house.command("plan", "m.yaml", "--json")

    assert "simulation" not in json.loads(said.out)


# --- on remote lanes, of which nobody is asked anything -----------------------------------------------------------


@pytest.fixture
def remote(house: House) -> House:
    house.write("data/lines.txt", "".join(f"Line {n} of a corpus.\n" for n in range(24)))
    corpus = {"name": "lines", "source": "data/lines.txt", "format": "lines", "language": "en"}
    house.tell(lanes=[LANE], corpora=[corpus], analyses=["sentiment"])
    return house


def simulated(house: House, *arguments: str) -> dict[str, Any]:
    said = house.command("plan", "m.yaml", "--simulate", "--json", *arguments)
    assert said.code == EXIT_DONE, said.err
    found: dict[str, Any] = json.loads(said.out)
    assert found["simulation"]["closed"]
    return found


def stations(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tale["operation"]: tale for tale in found["simulation"]["stations"]}


def test_jobs_wait_for_the_models_that_the_run_trains_and_others_do_not(remote: House) -> None:
    training_data(remote)
    remote.tell(analyses=["sentiment", GENRE])

    found = simulated(remote)

    (training,) = found["trainings"]
    told = found["simulation"]
    (trained,) = told["trainings"]
    assert (trained["lane"], trained["analyses"]) == ("virginia", ["genre"])
    assert training["seconds"] <= trained["ends_s"] < training["seconds"] + 60
    assert stations(found)["DocumentClassification"]["begins_s"] >= trained["ends_s"]
    assert stations(found)["SentimentDetection"]["ends_s"] < training["seconds"]
    assert told["finish_s"] > training["seconds"] + TEN_MINUTES_S / 2
    assert told["calls"]["Create"] == 1
    assert told["calls"]["Describe"] > training["seconds"] / 60, "a training is looked at again and again"
    assert told["usd"] == pytest.approx(found["totals"]["usd"], abs=1e-6)
    shown = " ".join(remote.command("plan", "m.yaml", "--simulate").out.split())
    assert "trained genre on virginia: ready after 40 min (assumed)" in shown


def test_what_waits_for_languages_is_started_once_they_are_told(remote: House) -> None:
    corpus = {**remote.manifest["corpora"][0], "language": {"from": "dominant_language"}}
    remote.tell(corpora=[corpus], analyses=["dominant_language", "entities", "sentiment"])

    found = simulated(remote)

    tales = stations(found)
    told_at = tales["DominantLanguageDetection"]["ends_s"]
    for operation in ("EntitiesDetection", "SentimentDetection"):
        assert tales[operation]["jobs"] == 1
        assert tales[operation]["begins_s"] > told_at
    assert found["simulation"]["finish_s"] > 2 * told_at * 0.9
    assert found["simulation"]["usd"] == pytest.approx(found["totals"]["usd"], abs=1e-6)
    assert "every document is in a language that each analysis takes" in " ".join(
        remote.command("plan", "m.yaml", "--simulate").out.split()
    )


def test_languages_found_on_this_machine_are_simulated_as_they_are(remote: House) -> None:
    corpus = {**remote.manifest["corpora"][0], "language": "auto"}
    remote.write(
        "data/lines.txt", "What a lovely day this is in our town.\nDas ist ein sehr schöner Tag bei uns.\n" * 2
    )
    remote.tell(corpora=[corpus])

    assert stations(simulated(remote))["SentimentDetection"]["jobs"] == 2


def test_other_quotas_can_be_tried(remote: House) -> None:
    remote.write("data/lines.txt", "One line.\nAnother.\nA third.\nA fourth.\nA fifth.\nA sixth.\nA seventh.\n")
    remote.tell(policy={"max_job_documents": 1})

    few = simulated(remote, "--set", "lanes.virginia.quotas.active_jobs=2")
    many = simulated(remote, "--set", "lanes.virginia.quotas.active_jobs=50")

    assert stations(few)["SentimentDetection"]["slots"] == 2
    assert stations(many)["SentimentDetection"]["slots"] == 50
    assert many["simulation"]["finish_s"] < 0.8 * few["simulation"]["finish_s"]
    assert [row["quota"] for row in many["quotas"]] == ["manifest"]
