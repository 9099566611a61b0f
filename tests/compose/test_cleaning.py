"""`clean`: what a run left is deleted, and nothing that a run needs."""

from __future__ import annotations

from runner.core import events as e
from tests.acceptance.house import House

STUCK = {"operation": "Start*", "do": "job_stuck"}


def remote(house: House) -> list[str]:
    """Lines of `clean --dry-run`: what lies in S3."""
    said = house.command("clean", str(house.directory.root), "--dry-run")
    assert said.code == 0, said.err
    return said.out.splitlines()


def test_what_is_left_in_s3_goes_and_the_results_stay(house: House) -> None:
    assert house.run().code == 0
    before = house.results()
    staged, outputs, record = remote(house)
    assert staged.startswith("would delete ")
    assert "of staged inputs in s3://" in staged
    assert "of outputs of jobs in s3://" in outputs
    assert "of the record of the run in s3://" in record

    said = house.command("clean", str(house.directory.root))
    assert said.code == 0, said.err
    assert said.out == "".join(f"{line}\n" for line in (staged, outputs, record)).replace("would delete", "deleted")
    assert all(line.startswith("would delete 0 objects") for line in remote(house))
    assert house.results() == before
    assert house.command("verify", str(house.directory.root)).code == 0
    assert any(isinstance(event, e.StagingLost) for event in house.events())


def test_a_run_that_is_not_finished_keeps_what_it_needs(house: House) -> None:
    house.endpoint.set_faults({"operation": "Start*", "do": "access_denied"})
    assert house.run().code == 2
    house.endpoint.set_faults()

    refused = house.command("clean", str(house.directory.root))
    assert refused.code == 2
    assert "is not finished" in refused.err
    assert "--abandon" in refused.err
    assert house.run().code == 0


def test_a_run_with_open_jobs_is_refused_even_if_it_is_abandoned(house: House) -> None:
    house.endpoint.set_faults(STUCK)
    assert house.run("--for", "1.5").code == 5
    refused = house.command("clean", str(house.directory.root), "--abandon")
    assert refused.code == 2
    assert "runner cancel" in refused.err


def test_an_abandoned_run_stages_anew_if_it_is_taken_up_after_all(house: House) -> None:
    house.endpoint.set_faults({"operation": "Start*", "do": "access_denied"})
    assert house.run().code == 2
    house.endpoint.set_faults()
    assert house.command("clean", str(house.directory.root), "--abandon").code == 0
    assert house.run().code == 0


def test_locally_texts_go_and_the_books_stay(house: House) -> None:
    assert house.run().code == 0
    root = house.directory.root
    said = house.command("clean", str(root), "--local")
    assert said.code == 0, said.err
    assert "of folded texts in" in said.out
    assert list((root / "parts").iterdir()) == []
    assert all((root / kept).exists() for kept in ("ledger", "results", "journal.db"))
    assert house.command("report", str(root)).code == 0
