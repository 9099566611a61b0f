"""Whole runs with a document that brings down every job that reads it: it costs itself alone."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core import events as e
from tests.acceptance.house import House

POISON = "arsenic"
INVALID = {"do": "job_failed", "message": "INVALID_DOCUMENT: a document is not valid"}


def furnish(house: House, *analyses: Any, poisoned: tuple[int, ...] = (11,), documents: int = 20) -> list[str]:
    """Two corpora of lines in a job together, some of the second poisonous; the texts of that one."""
    texts = [f"Line {n} about {POISON if n in poisoned else 'sugar'}." for n in range(documents)]
    house.write("data/few.txt", "One line.\nAnother line.\n")
    house.write("data/lines.txt", "".join(f"{text}\n" for text in texts))
    house.tell(
        corpora=[
            {"name": name, "source": f"data/{name}.txt", "format": "lines", "language": "en"}
            for name in ("few", "lines")
        ],
        analyses=list(analyses or ("sentiment",)),
    )
    return texts


def lost(house: House, analysis: str = "sentiment") -> list[int]:
    """The documents that closed as errors."""
    return [n for n, line in enumerate(house.lines()) if line["outcome"][analysis] == "error"]


@pytest.mark.parametrize(
    "fault",
    [INVALID, {"do": "job_failed"}, {"do": "archive_corrupt"}, {"do": "archive_truncated"}],
    ids=["refused", "the service breaks", "the output is corrupt", "the output is cut off"],
)
def test_a_poisonous_document_costs_itself_alone(house: House, fault: dict[str, Any]) -> None:
    furnish(house)
    house.endpoint.set_faults({"operation": "Start*Job", "text": POISON, **fault})

    said = house.run()

    assert said.code == 3, said.err
    assert lost(house) == [11]
    (problem,) = house.lines()[11]["problems"]
    assert (problem["code"], problem["by"]) == ("JOB_FAILED", "runner")
    assert house.outcomes(corpus="few") == {"ok": 2}
    assert house.outcomes() == {"ok": 19, "error JOB_FAILED": 1}
    assert house.command("verify").code == 0
    cuts = [event for event in house.events() if isinstance(event, e.JobCut)]
    assert 3 <= len(cuts) <= 6, "between two parts, then halves of twenty lines"
    why = house.command("why", str(house.directory.root), "lines", "lines.txt:11").out
    assert why.count("\njob ") == why.count(": cut\n") + 1 == len(cuts) + 1, "and not those of other lines"
    assert why.count(": given up\n") == 1
    house.endpoint.set_faults()
    assert house.command("retry", str(house.directory.root)).code == 0
    assert house.run().code == 0
    assert house.outcomes() == {"ok": 20}
    assert house.command("verify").code == 0


def test_several_poisonous_documents_and_missing_rows_are_told_apart(house: House) -> None:
    furnish(house, poisoned=(0, 7, 19))
    house.endpoint.set_faults(
        {"operation": "Start*Job", "text": POISON, **INVALID},
        {"operation": "Start*Job", "do": "rows_missing", "share": 0.5, "seed": 1, "times": 4},
    )

    said = house.run()

    assert said.code == 3, said.err
    assert lost(house) == [0, 7, 19]
    assert house.command("verify").code == 0


def test_topics_are_of_a_whole_corpus_and_are_not_cut(house: House) -> None:
    furnish(house, "topics", "sentiment")
    house.endpoint.set_faults({"operation": "StartTopicsDetectionJob", "text": POISON, **INVALID})

    assert house.run().code == 3

    assert lost(house, "topics") == list(range(20))
    assert lost(house) == []
    assert not [event for event in house.events() if isinstance(event, e.JobCut)]


def test_a_run_killed_in_the_midst_of_the_search_goes_on_with_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(house)
    house.endpoint.set_faults({"operation": "Start*Job", "text": POISON, **INVALID})
    with monkeypatch.context() as broken:
        broken.setattr("runner.compose.workshop.cut_part", _powerless)
        assert house.run().code == 2

    said = house.run()

    assert said.code == 3, said.err
    assert lost(house) == [11]
    assert house.command("verify").code == 0
    assert house.leftovers() == []


def _powerless(_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_budget_bounds_the_search(house: House) -> None:
    """Each piece is bought anew; what the budget does not cover stays open until it is raised."""
    furnish(house, poisoned=(11,))
    house.endpoint.set_faults({"operation": "Start*Job", "text": POISON, **INVALID})

    said = house.run("--budget", "0.012")
    assert said.code == 4, said.err
    assert house.lines() == []

    said = house.run("--budget", "1")
    assert said.code == 3, said.err
    assert lost(house) == [11]


def test_without_repairs_nothing_is_bought_twice(house: House) -> None:
    furnish(house)
    house.tell(policy={"repair_rounds": 0})
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": "Start*Job", "text": POISON, **INVALID})

    assert house.run().code == 3

    assert house.endpoint.accepted == before + 1
    assert lost(house) == list(range(20))
