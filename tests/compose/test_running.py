"""Runs against an endpoint beside: beginning, going on, and knowing when there is nothing left to do."""

from __future__ import annotations

import json

import pytest

from runner.core import events as e
from runner.journal import Journal, RunDirectory, new_run_id
from tests.acceptance.house import House


def test_a_run_answers_every_document_and_leaves_nothing_aside(house: House) -> None:
    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}
    assert house.command("verify").code == 0
    assert house.leftovers() == []


def test_stdout_is_the_folder_of_the_results_and_nothing_else(house: House) -> None:
    said = house.run()

    assert said.out == f"{house.directory.root}/results\n"


def test_a_finished_run_is_told_and_not_bought_again(house: House) -> None:
    house.run()
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 0
    assert "Done: 6 of 6 documents written" in said.talk
    assert house.endpoint.accepted == before
    assert len(house.directories()) == 1


def test_a_finished_run_with_errors_answers_with_its_code_again(house: House) -> None:
    house.write("data/lines.txt", b"fine\n\xff\n")
    assert house.run().code == 3

    said = house.run()

    assert said.code == 3
    assert "more errors than tolerated" in said.talk
    assert len(house.directories()) == 1


def test_again_buys_anew(house: House) -> None:
    house.run()
    first = house.results()
    before = house.endpoint.accepted

    assert house.run("--again").code == 0

    newest, oldest = house.directories()
    assert house.endpoint.accepted == before + 1
    assert house.results(newest.root) == house.results(oldest.root) == first


@pytest.mark.parametrize("change", ["changed", "added"])
def test_other_sources_than_a_finished_run_had_are_a_new_run(house: House, change: str) -> None:
    house.write("data/texts/a.txt", "The first text.")
    house.tell(corpora=[{"name": "lines", "source": "data/texts", "format": "files", "language": "en"}])
    house.run()
    house.write("data/texts/a.txt" if change == "changed" else "data/texts/b.txt", "Another text altogether.")

    said = house.run()

    assert said.code == 0
    assert "the sources have changed since" in said.talk
    newest, oldest = house.directories()
    assert house.results(newest.root) != {} != house.results(oldest.root)
    counts = [len(house.results(run.root)["lines/00000.jsonl"].splitlines()) for run in (newest, oldest)]
    assert counts == ([1, 1] if change == "changed" else [2, 1])


def test_a_limit_is_a_run_of_its_own_beside_the_whole_one(house: House) -> None:
    assert house.run("--limit", "2").code == 0
    assert [line["id"] for line in house.lines()] == ["lines.txt:0", "lines.txt:1"]

    said = house.run()

    assert said.code == 0
    assert len(house.directories()) == 2


def test_set_changes_a_value_by_name(house: House) -> None:
    assert house.run("--set", "corpora.lines.limit=3").code == 0

    assert house.outcomes() == {"ok": 3}


def test_a_misspelt_address_names_the_nearest_one(house: House) -> None:
    said = house.run("--set", "corpora.lines.limt=3")

    assert said.code == 2
    assert "limt" in said.err
    assert "limit" in said.err
    assert house.directories() == []


def test_a_deadline_ends_with_5_and_the_next_run_goes_on(house: House) -> None:
    house.endpoint.set_faults({"operation": "StartSentimentDetectionJob", "do": "delay", "delay_s": 0.5})
    said = house.run("--for", "400ms")
    assert said.code == 5
    assert "Out of time; nothing is lost" in said.talk
    before = house.endpoint.accepted
    house.endpoint.set_faults()

    assert house.run().code == 0

    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == before, "the job that was bought before the deadline is the only one"


def test_a_plan_sends_nothing_and_its_survey_is_kept(house: House) -> None:
    before = house.endpoint.accepted
    said = house.command("plan", "m.yaml", "--run-dir", "here", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)
    assert house.endpoint.accepted == before

    assert house.run("--run-dir", "here").code == 0

    surveys = [event for event in house.events(house.root / "here") if isinstance(event, e.RangeSurveyed)]
    assert len(surveys) == 1
    assert len(house.results(house.root / "here")["lines/00000.jsonl"].splitlines()) == 6


def test_a_run_directory_of_another_identity_is_refused_naming_what_differs(house: House) -> None:
    house.run("--run-dir", "here")
    house.tell(analyses=["entities"])

    said = house.run("--run-dir", "here")

    assert said.code == 2
    assert "it holds a run of another identity" in said.talk
    assert "analyses" in said.talk
    assert "entities" in said.talk
    assert "hint: name another --run-dir" in said.talk


def test_an_unfinished_run_of_another_identity_is_named_and_left_alone(house: House) -> None:
    house.endpoint.set_faults({"operation": "Start*", "do": "access_denied"})
    assert house.run().code == 2
    house.endpoint.set_faults()
    house.tell(analyses=["key_phrases"])

    said = house.run()

    assert said.code == 0
    assert "is unfinished and stays as it is; this is a new run, since analyses" in said.talk
    assert len(house.directories()) == 2


def test_another_form_of_output_is_refused_and_nothing_is_bought_anew(house: House) -> None:
    house.endpoint.set_faults({"operation": "Start*", "do": "access_denied"})
    house.run()
    house.endpoint.set_faults()
    house.tell(output={"max_file_bytes": 1_000_000})
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 2
    assert "the form of the output is fixed when a run begins" in said.talk
    assert "max_file_bytes" in said.talk
    assert "--again" in said.talk
    assert house.endpoint.accepted == before


def test_a_folder_with_other_things_is_no_run_directory(house: House) -> None:
    house.write("mine/thesis.txt", "do not touch")

    said = house.run("--run-dir", "mine")

    assert said.code == 2
    assert "not empty and not a run directory" in said.talk
    assert [path.name for path in (house.root / "mine").iterdir()] == ["thesis.txt"]


def test_status_and_verify_of_nothing_say_where_runs_would_be(house: House) -> None:
    for command in ("status", "verify"):
        said = house.command(command)

        assert said.code == 2
        assert "there are no runs below `runs` here" in said.talk
    assert "there is no such directory" in house.command("status", "elsewhere").talk


def test_status_is_json_for_programs(house: House) -> None:
    house.run()

    said = house.command("status", "--json")

    found = json.loads(said.out)
    assert (said.code, found["phase"], found["exit_code"]) == (0, "finished", 0)
    assert found["jobs"] == {"collected": 1}


def test_why_tells_the_way_of_a_document_and_what_is_unknown(house: House) -> None:
    house.run()
    (job,) = {event.remote_id for event in house.events() if isinstance(event, e.StartAccepted)}

    said = house.command("why", str(house.directory.root), "lines", "lines.txt:4")
    assert said.code == 0
    assert job in said.out
    assert "line 5" in said.out

    said = house.command("why", str(house.directory.root), "lines", "nobody")
    assert said.code == 2
    assert "corpus lines has no document 'nobody'" in said.talk

    said = house.command("why", str(house.directory.root), "tickets", "x")
    assert said.code == 2
    assert "there are: lines" in said.talk


@pytest.mark.parametrize("named", [[], ["--run-dir", "here"]], ids=["unnamed", "named"])
def test_a_journal_that_was_made_and_never_written_to_is_no_obstacle(house: House, named: list[str]) -> None:
    """What a full disk or a kill in the wrong millisecond leaves behind."""
    left = RunDirectory.at(house.root / "here" if named else house.root / "runs/small" / new_run_id(0.0, bytes(10)))
    left.create()
    Journal.create(left.journal_path).close()
    assert "its journal has no beginning" in house.command("status", str(left.root)).talk

    said = house.run(*named)

    assert said.code == 0, said.err
    assert "6 of 6 documents written" in said.talk


def test_a_cancel_of_a_finished_run_has_nothing_to_do(house: House) -> None:
    house.run()

    said = house.command("cancel", str(house.directory.root))

    assert said.code == 0
    assert "0 jobs stopped" in said.out
    assert house.run().code == 0


def test_results_that_were_cut_short_by_another_hand_are_refused_loudly(house: House) -> None:
    house.furnish("sentiment", "entities")
    house.endpoint.set_faults({"operation": "StartEntities*", "do": "access_denied"})
    house.tell(corpora=[*house.manifest["corpora"], {**house.manifest["corpora"][0], "name": "more"}])
    house.tell(analyses=[{"family": "sentiment", "corpora": ["lines"]}, {"family": "entities", "corpora": ["more"]}])
    assert house.run().code == 2
    assert len(house.lines()) == 6
    path = house.directory.root / "results/lines/00000.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    house.endpoint.set_faults()

    said = house.run()
    assert said.code == 2, said.err
    assert f"it has {len(whole) - 20} bytes, and the journal says that {len(whole)} were written" in said.talk

    path.write_bytes(whole)
    assert house.run().code == 0
    assert path.read_bytes() == whole
    assert house.command("verify").code == 0


def test_again_in_a_named_directory_is_refused_since_it_holds_a_finished_run(house: House) -> None:
    assert house.run("--run-dir", "here").code == 0
    before = house.endpoint.accepted

    said = house.run("--run-dir", "here", "--again")

    assert said.code == 2
    assert "name another" in said.talk
    assert house.endpoint.accepted == before


def test_two_runs_do_not_share_a_results_folder(house: House) -> None:
    """Neither overwrites the other, and the first still knows that it is finished."""
    house.tell(output={"directory": str(house.root / "shared")})
    assert house.run("--run-dir", "one").code == 0
    whole = {path: path.read_bytes() for path in (house.root / "shared").rglob("*") if path.is_file()}

    said = house.run("--run-dir", "two")
    assert said.code == 2
    assert "it holds results of run" in said.talk
    assert "name another `output.directory`" in said.talk

    assert house.run("--run-dir", "one").code == 0
    assert {path: path.read_bytes() for path in (house.root / "shared").rglob("*") if path.is_file()} == whole


def test_a_run_does_not_fail_for_its_report(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a line that is no result")

    monkeypatch.setattr("runner.compose.running.write_report", broken)
    said = house.run()

    assert said.code == 0
    assert "report.html could not be written: ValueError: a line that is no result" in " ".join(said.err.split())
    assert (house.directory.root / "results/run.json").exists()
