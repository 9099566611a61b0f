"""Whole runs that train their models: once per lane, found again whatever happened, and told where they are refused."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from runner.core import events as e
from tests.acceptance.house import House, Said, kill_group, serving, wait_until

CREATE = "CreateDocumentClassifier"
DESCRIBE = "DescribeDocumentClassifier"
GENRE = {"family": "classification", "name": "genre", "classifier": {"train": "train.csv"}}
SPORT = ["goal", "match", "striker", "league", "coach", "stadium", "referee", "penalty"]
FOOD = ["oven", "butter", "flour", "recipe", "simmer", "garlic", "sauce", "dough"]


def sentence(words: Sequence[str], dice: random.Random) -> str:
    return f"The {dice.choice(words)} and the {dice.choice(words)} of the {dice.choice(words)}"


def training_data(house: House, *, each: int = 50) -> None:
    """Two classes that differ in every word; other data, and so another model, in every house."""
    dice = random.Random(str(house.root))
    rows = [f"{label},{sentence(words, dice)}" for label, words in (("sport", SPORT), ("food", FOOD)) * each]
    house.write("train.csv", "".join(f"{row}\n" for row in rows))


@cache
def client_of(url: str) -> Any:
    """A client of the endpoint; making one takes longer than what it is asked here."""
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    return boto3.client("comprehend", endpoint_url=url, region_name="us-east-1", **keys)


def models(house: House, kind: str = "DocumentClassifier") -> list[dict[str, Any]]:
    """The models that the endpoint has of this house: their data lies in its bucket."""
    assert house.endpoint is not None
    listed: list[dict[str, Any]] = getattr(client_of(house.endpoint.url), f"list_{_snake(kind)}s")()[
        f"{kind}PropertiesList"
    ]
    return [model for model in listed if house.bucket in json.dumps(model["InputDataConfig"])]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def latest(house: House) -> Path:
    """The newest run's directory."""
    return (house.root / "runs/small/latest").resolve()


def intended(house: House) -> list[e.TrainingIntended]:
    return [event for event in house.events(latest(house)) if isinstance(event, e.TrainingIntended)]


def ready(house: House) -> list[e.ModelReady]:
    return [event for event in house.events(latest(house)) if isinstance(event, e.ModelReady)]


def started_by(house: House) -> list[str]:
    return [event.job for event in house.events() if isinstance(event, e.StartAccepted)]


def run_json(house: House) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((latest(house) / "results/run.json").read_bytes())
    return found


@pytest.fixture
def trained(house: House) -> House:
    """A house whose one analysis needs a model."""
    training_data(house)
    house.tell(analyses=[GENRE])
    return house


# --- once ---------------------------------------------------------------------------------------------------------


def test_a_model_is_trained_once_and_later_runs_use_it(trained: House) -> None:
    first = trained.run()
    assert first.code == 0, first.err
    assert trained.outcomes("genre") == {"ok": 6}
    (told,) = intended(trained)
    (model,) = models(trained)
    assert model["DocumentClassifierArn"] == told.arn
    assert "genre on near: training a classifier" in first.talk
    assert run_json(trained)["trained"][0]["usd"] > 0

    second = trained.run("--again")

    assert second.code == 0, second.err
    assert intended(trained) == []
    assert [event.arn for event in ready(trained)] == [told.arn]
    assert [model["DocumentClassifierArn"] for model in models(trained)] == [told.arn]
    assert run_json(trained)["trained"][0]["usd"] == 0
    assert run_json(trained)["usd"] < 0.1, "a model that was there is not paid"


def test_two_analyses_with_the_same_data_share_one_model(trained: House) -> None:
    trained.tell(analyses=[GENRE, "sentiment", {**GENRE, "name": "again"}])

    said = trained.run()

    assert said.code == 0, said.err
    assert len(models(trained)) == 1
    assert sorted(event.analysis for event in ready(trained)) == ["again", "genre"]
    assert trained.outcomes("again") == trained.outcomes("genre") == {"ok": 6}
    assert [entry["usd"] > 0 for entry in run_json(trained)["trained"]].count(True) == 1


def test_other_data_is_another_model_and_another_run(trained: House) -> None:
    assert trained.run().code == 0
    training_data(trained, each=51)

    said = trained.run()

    assert said.code == 0, said.err
    assert len(models(trained)) == 2
    assert len(list((trained.root / "runs/small").glob("2*"))) == 2


def test_each_lane_trains_its_own(trained: House) -> None:
    lanes = [trained.lane(), trained.lane(name="far", region="eu-west-1")]
    trained.tell(lanes=lanes)

    said = trained.run()

    assert said.code == 0, said.err
    assert {event.lane for event in intended(trained)} == {"near", "far"}
    assert {event.arn.split(":")[3] for event in ready(trained)} == {"us-east-1", "eu-west-1"}


# --- whatever happens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["answer_lost", "throttle"])
def test_a_create_without_an_answer_buys_one_model(trained: House, effect: str) -> None:
    trained.endpoint.set_faults({"operation": CREATE, "do": effect, "times": 1})

    said = trained.run()

    assert said.code == 0, said.err
    assert len(models(trained)) == len(intended(trained)) == 1


def test_a_run_killed_before_the_answer_to_its_create_adopts_the_model(trained: House) -> None:
    trained.endpoint.set_faults(
        {"operation": CREATE, "do": "answer_lost", "times": 1},
        {"operation": DESCRIBE, "do": "delay", "delay_s": 60, "after": 1},
    )
    process = trained.begin("run", "m.yaml", "--yes", "--workers", "1")
    wait_until(lambda: bool(models(trained)))
    kill_group(process)
    assert ready(trained) == []
    trained.endpoint.set_faults()

    said = trained.run()

    assert said.code == 0, said.err
    assert len(models(trained)) == 1
    assert len({event.arn for event in intended(trained)}) == 1
    assert len(list((trained.root / "runs/small").glob("2*"))) == 1


def test_other_analyses_go_on_when_a_model_is_refused(trained: House) -> None:
    trained.tell(analyses=[GENRE, "sentiment"])
    trained.endpoint.set_faults({"operation": CREATE, "do": "access_denied"})

    parked = trained.run()

    assert parked.code == 2
    assert "training genre" in parked.talk or "AccessDenied" in parked.talk
    assert len(started_by(trained)) == 1
    trained.endpoint.set_faults()
    assert trained.run().code == 0
    assert trained.outcomes("genre") == trained.outcomes("sentiment") == {"ok": 6}


def test_data_that_the_service_refuses_ends_the_run_with_its_words_and_is_not_sent_again(house: House) -> None:
    """Annotations that overlap pass the checks here; the endpoint does not take them."""
    texts = [f"Jo Brown met Al Smith in town on day {n} of that long and rainy year." for n in range(100)]
    house.write("docs.txt", "".join(f"{text}\n" for text in texts))
    rows = [f"docs.txt,{n},{begin},8,NAME" for n in range(100) for begin in (0, 3)]
    house.write("names.csv", "\n".join(["File,Line,Begin Offset,End Offset,Type", *rows]) + "\n")
    recognizer = {"documents": "docs.txt", "annotations": "names.csv"}
    house.tell(analyses=["sentiment", {"family": "custom_entities", "name": "names", "recognizer": recognizer}])

    said = house.run()

    assert said.code == 2, said.err
    assert "MODEL_FAILED" in said.talk
    assert "overlap" in said.talk
    assert len(started_by(house)) == 1
    assert house.run().code == 2
    assert len(models(house, "EntityRecognizer")) == 1


def test_a_recognizer_is_trained_with_a_list(house: House) -> None:
    texts = [f"The Zephyr {n} was sent back to Lisbon because its blue lamp did not light at all." for n in range(80)]
    house.write("docs/a.txt", "".join(f"{text}\n" for text in texts))
    house.write("list.csv", "Text,Type\nLisbon,DEPOT\nblue lamp,PRODUCT_PART\n")
    recognizer = {"documents": "docs/*.txt", "entity_list": "list.csv"}
    house.tell(analyses=[{"family": "custom_entities", "name": "parts", "recognizer": recognizer}])

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes("parts") == {"ok": 6}
    (model,) = models(house, "EntityRecognizer")
    assert [kind["Type"] for kind in model["InputDataConfig"]["EntityTypes"]] == ["DEPOT", "PRODUCT_PART"]


# --- money ----------------------------------------------------------------------------------------------------------


def test_the_price_of_a_training_is_planned_and_held_against_the_budget(trained: House) -> None:
    planned = trained.command("plan", "m.yaml")
    assert "trains genre: a classifier of 100 documents on near" in planned.out.replace("\n", " ").replace("   ", " ")
    assert "up to $2.00 in all" in " ".join(planned.out.split())

    refused = trained.command("run", "m.yaml", "--budget", "1.5")

    assert refused.code == 4
    assert models(trained) == []


def test_a_training_above_the_budget_is_not_begun_by_a_run_under_way(trained: House) -> None:
    """The gate is behind it: each purchase is held against the budget by itself."""
    trained.endpoint.set_faults({"operation": CREATE, "do": "access_denied"})
    assert trained.run().code == 2
    trained.endpoint.set_faults()

    said = trained.run("--budget", "1")

    assert said.code == 4, said.err
    assert models(trained) == []
    assert [event.usd for event in trained.events() if isinstance(event, e.BudgetReached)] == [2.0]


def test_bad_training_data_is_refused_before_anything_is_sent(trained: House) -> None:
    trained.write("train.csv", "sport,one\nfood,two\n")

    for command in ("plan", "run"):
        said: Said = trained.command(command, "m.yaml")
        assert said.code == 2
        assert "analysis genre: classifier.train: " in said.talk
        assert "class 'food' has 1 document" in said.talk
    assert not (trained.root / "runs").exists()


# --- afterwards -----------------------------------------------------------------------------------------------------


def test_models_and_their_data_are_kept_until_they_are_asked_to_go(trained: House) -> None:
    assert trained.run().code == 0
    root = str(trained.directory.root)
    assert trained.command("clean", root).code == 0
    assert len(models(trained)) == 1

    dry = trained.command("clean", root, "--models", "--dry-run")
    assert "would delete 1 trained model in lane near" in dry.out
    assert "would delete 1 object" in dry.out
    assert len(models(trained)) == 1
    said = trained.command("clean", root, "--models")

    assert said.code == 0, said.err
    assert models(trained) == []
    again = trained.run("--again")
    assert again.code == 0, again.err
    assert len(intended(trained)) == 1


def test_a_cancel_stops_a_training(tmp_path: Path) -> None:
    slowly = ("--analyzers", "noop", "--timing", "service", "--time-scale", "0.05")
    with serving(tmp_path / "serve", *slowly) as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("slow"))
        house.furnish()
        training_data(house)
        house.tell(analyses=[GENRE])
        limited = house.run("--for", "1")
        assert limited.code == 5, limited.err
        assert [model["Status"] for model in models(house)] == ["SUBMITTED"]

        said = house.command("cancel", "runs/small/latest")

        assert said.code == 0, said.err
        assert {model["Status"] for model in models(house)} <= {"STOP_REQUESTED", "STOPPED"}
        assert "is being stopped" in said.talk
