"""What the service and S3 do wrong: lived through, mended, or parked until its user mends it; never paid twice."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator

import pytest

from runner.compose import workshop
from runner.core import events as e
from runner.errors import MachineError
from runner.model import PatchTask
from runner.results import patch_file
from runner.storage.s3 import forget_clients
from tests.acceptance.house import House, Said

START = "StartSentimentDetectionJob"


def generations(house: House) -> Counter[str]:
    """How many generations of each job were started."""
    started = {(event.job, event.generation) for event in house.events() if isinstance(event, e.StartIntended)}
    return Counter(job for job, _ in started)


def check_parked(house: House, said: Said, *words: str) -> None:
    """Exit code 2, what was said, documents open, nothing half-written, and status and verify say so too."""
    assert said.code == 2, said.err
    assert "Waiting for you" in said.talk
    assert "then runner run m.yaml" in said.talk
    for word in words:
        assert word in said.talk
    assert "Traceback" not in said.err
    assert house.lines() == []
    assert house.leftovers() == []
    assert not (house.directory.root / "results/run.json").exists()
    verified = house.command("verify")
    assert verified.code == 3
    assert "6 documents are not in any line yet" in verified.out
    assert words[0] in house.command("status").out.replace("\n", " ")


# --- lived through ------------------------------------------------------------------------------------------------


def test_s3_answering_503_is_waited_out(house: House, undisturbed: dict[str, bytes]) -> None:
    before = house.endpoint.accepted
    house.endpoint.set_faults(
        {"service": "s3", "operation": "PutObject", "do": "slow_down", "times": 3},
        {"service": "s3", "operation": "GetObject", "do": "slow_down", "times": 3},
    )

    said = house.run()

    assert said.code == 0, said.err
    assert house.results() == undisturbed
    assert house.endpoint.accepted == before + 1


@pytest.mark.parametrize(
    "rule", [{"service": "sts", "do": "throttle"}, {"service": "s3", "do": "slow_down"}, {"do": "drop"}]
)
def test_a_lane_that_does_not_answer_at_once_is_asked_again(house: House, rule: dict[str, object]) -> None:
    house.endpoint.set_faults({**rule, "times": 3})

    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}


def test_throttled_starts_are_repeated_until_they_are_taken(house: House, undisturbed: dict[str, bytes]) -> None:
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": "Start*", "do": "throttle", "times": 2})

    assert house.run().code == 0

    assert house.results() == undisturbed
    assert house.endpoint.accepted == before + 1


@pytest.mark.parametrize("fault", ["answer_lost", "drop"])
def test_one_job_is_bought_though_the_answer_to_its_start_is_lost(
    house: House, undisturbed: dict[str, bytes], fault: str
) -> None:
    """`answer_lost`: the service took the job. `drop`: it did not. The client sees the same."""
    house.furnish("sentiment", "entities", "key_phrases")
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": "Start*", "do": fault, "times": 3})

    said = house.run()

    assert said.code == 0, said.err
    assert house.endpoint.accepted == before + 3
    assert set(generations(house).values()) == {1}


def test_rows_that_are_missing_are_sent_again_in_a_repair(house: House, undisturbed: dict[str, bytes]) -> None:
    house.endpoint.set_faults({"operation": START, "do": "rows_missing", "share": 0.5, "seed": 3, "times": 1})

    said = house.run()

    assert said.code == 0, said.err
    assert "(1 of them repairs)" in said.talk
    assert house.results() == undisturbed


def test_rows_that_are_doubled_count_once(house: House, undisturbed: dict[str, bytes]) -> None:
    house.endpoint.set_faults({"operation": START, "do": "rows_doubled", "share": 1.0})

    assert house.run().code == 0

    assert house.results() == undisturbed
    assert house.command("verify").code == 0


def test_a_truncated_archive_is_a_fault_and_another_generation_answers(
    house: House, undisturbed: dict[str, bytes]
) -> None:
    house.endpoint.set_faults({"operation": START, "do": "archive_truncated", "share": 0.6, "times": 1})

    said = house.run()

    assert said.code == 0, said.err
    assert house.results() == undisturbed
    assert generations(house) == {"sentiment-b000001": 2}
    faults = {event.fault.code for event in house.events() if isinstance(event, e.CollectFailed)}
    assert faults == {"OUTPUT_TRUNCATED"}
    assert house.leftovers() == []


def test_a_job_that_fails_for_a_passing_reason_gets_another_generation(
    house: House, undisturbed: dict[str, bytes]
) -> None:
    house.endpoint.set_faults({"operation": START, "do": "job_failed", "times": 1})

    assert house.run().code == 0

    assert house.results() == undisturbed
    assert generations(house) == {"sentiment-b000001": 2}


# --- closed as errors, and opened again ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"do": "job_failed"}, "JOB_FAILED"),
        ({"do": "job_failed", "message": "UNSUPPORTED_ENCODING: not UTF-8"}, "JOB_FAILED"),
        ({"do": "archive_truncated", "share": 0.6}, "JOB_FAILED"),
        ({"do": "rows_missing", "share": 1.0}, "NO_RESULT"),
    ],
    ids=["a passing failure that stays", "a refused document", "a truncated archive", "no rows"],
)
def test_documents_given_up_close_as_errors_and_retry_answers_them(
    house: House, undisturbed: dict[str, bytes], rule: dict[str, object], code: str
) -> None:
    house.endpoint.set_faults({"operation": START, **rule})
    said = house.run()
    assert said.code == 3, said.err
    assert house.outcomes() == {f"error {code}": 6}
    assert house.command("verify").code == 0, "errors are accounted for"
    house.endpoint.set_faults()

    retried = house.command("retry", str(house.directory.root))
    assert retried.code == 0, retried.err
    assert f"lines sentiment: 6 documents with {code} are open again" in retried.out
    assert not (house.directory.root / "results/run.json").exists()
    assert '"event":"documents.reopened"' in house.directory.log_path.read_text()
    again = house.command("retry", str(house.directory.root))
    assert again.code == 2, "they would be bought twice"
    assert "open again already" in again.talk
    said = house.run()

    assert said.code == 0, said.err
    assert house.results() == undisturbed
    assert house.command("verify").code == 0
    assert house.leftovers() == []


def test_a_crash_between_a_patched_file_and_its_event_is_gone_over_again(
    house: House, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patched file may be shorter than the journal still says: that is no damage."""
    house.endpoint.set_faults({"operation": START, "do": "rows_missing", "share": 1.0})
    assert house.run().code == 3
    house.endpoint.set_faults()
    house.command("retry", str(house.directory.root))
    path = house.directory.root / "results/lines/00000.jsonl"
    before = path.stat().st_size

    with monkeypatch.context() as broken:
        broken.setattr(workshop, "patch_file", _patched_and_lost)
        assert house.run().code == 2
    assert path.stat().st_size < before
    said = house.run()

    assert said.code == 0, said.err
    assert house.results() == undisturbed
    assert house.command("verify").code == 0


def _patched_and_lost(task: PatchTask) -> None:
    patch_file(task)
    raise MachineError("the lights went out")


def test_retry_touches_only_what_it_is_told_to(house: House) -> None:
    house.furnish("sentiment", "entities")
    house.endpoint.set_faults({"operation": "Start*", "do": "rows_missing", "share": 1.0})
    assert house.run().code == 3
    house.endpoint.set_faults()

    house.command("retry", str(house.directory.root), "--analysis", "entities")
    assert house.run().code == 3

    assert house.outcomes("entities") == {"ok": 6}
    assert house.outcomes("sentiment") == {"error NO_RESULT": 6}
    assert "no document closed with" in house.command("retry", str(house.directory.root), "--code", "NOPE").out
    said = house.command("retry", str(house.directory.root), "--analysis", "nope")
    assert (said.code, "there are: sentiment, entities" in said.talk) == (2, True)


def test_part_of_the_rows_missing_for_ever_is_told_document_by_document(house: House) -> None:
    house.endpoint.set_faults({"operation": START, "do": "rows_missing", "share": 0.5, "seed": 3})

    assert house.run().code == 3

    outcomes = house.outcomes()
    assert outcomes["ok"] > 0
    assert outcomes["error NO_RESULT"] == 6 - outcomes["ok"]


def test_a_tolerated_share_of_errors_ends_well(house: House) -> None:
    house.tell(policy={"tolerate": {"errors": "100%"}})
    house.endpoint.set_faults({"operation": START, "do": "rows_missing", "share": 1.0})

    assert house.run().code == 0


def test_on_failure_stop_starts_nothing_new_and_exits_with_3(house: House) -> None:
    house.tell(policy={"on_failure": "stop"})
    house.endpoint.set_faults({"operation": START, "do": "job_failed", "message": "UNSUPPORTED_ENCODING: no"})

    said = house.run()

    assert said.code == 3, said.err
    assert house.leftovers() == []


# --- parked until it is mended ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": "Start*"},
        {"operation": "List*Jobs"},
        {"service": "s3", "operation": "GetObject", "key": "*/out/*"},
    ],
    ids=lambda rule: rule["operation"],
)
def test_expired_credentials_park_the_work_and_the_next_run_goes_on(
    house: House, undisturbed: dict[str, bytes], rule: dict[str, object]
) -> None:
    before = house.endpoint.accepted
    house.endpoint.set_faults({**rule, "do": "expired_token"})

    check_parked(house, house.run(), "ExpiredToken", "renew the credentials")

    house.endpoint.set_faults()
    assert house.run().code == 0
    assert house.results() == undisturbed
    assert house.endpoint.accepted == before + 1


def test_credentials_that_have_expired_before_the_run_are_told_before_anything_is_sent(
    house: House, undisturbed: dict[str, bytes]
) -> None:
    before = house.endpoint.accepted
    house.endpoint.set_faults({"service": "sts", "do": "expired_token"})

    said = house.run()

    assert said.code == 2, said.err
    assert "ExpiredToken" in said.talk
    assert "lane near" in said.talk
    assert "hint:" in said.talk
    house.endpoint.set_faults()
    assert house.run().code == 0
    assert house.results() == undisturbed
    assert house.endpoint.accepted == before + 1


def test_no_credentials_at_all_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    said = house.run()

    assert said.code == 2, said.err
    assert "credentials" in said.talk
    assert "hint:" in said.talk
    assert "Traceback" not in said.err


def test_credentials_of_another_account_are_refused(house: House) -> None:
    house.tell(lanes=[house.lane(account="123456789012")])
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 2
    assert "belong to account 000000000000, its `account` is 123456789012" in said.talk
    assert house.endpoint.accepted == before


@pytest.mark.parametrize("code", ["NO_READ_ACCESS_TO_INPUT", "NO_WRITE_ACCESS_TO_OUTPUT"])
def test_a_role_without_permission_parks_and_its_mending_lets_the_run_go_on(
    house: House, undisturbed: dict[str, bytes], code: str
) -> None:
    message = f"{code}: The provided data access role does not have proper access."
    house.endpoint.set_faults({"operation": START, "do": "job_failed", "message": message})

    check_parked(house, house.run(), code, "data_access_role")

    house.endpoint.set_faults()
    assert house.run().code == 0
    assert house.results() == undisturbed
    assert house.command("verify").code == 0


def test_a_call_that_is_not_allowed_parks_its_operation_and_others_go_on(house: House) -> None:
    house.furnish("sentiment", "entities")
    before = house.endpoint.accepted
    house.endpoint.set_faults({"operation": START, "do": "access_denied"})

    check_parked(house, house.run(), "AccessDenied", "iam:PassRole")
    assert house.endpoint.accepted == before + 1

    house.endpoint.set_faults()
    assert house.run().code == 0
    assert house.outcomes("entities") == house.outcomes("sentiment") == {"ok": 6}
    assert house.endpoint.accepted == before + 2


def test_an_error_that_nobody_knows_closes_no_document(house: House, undisturbed: dict[str, bytes]) -> None:
    rule = {"operation": START, "do": "error", "code": "TeapotException", "message": "short and stout", "status": 418}
    house.endpoint.set_faults(rule)

    check_parked(house, house.run(), "TeapotException", "short and stout")

    house.endpoint.set_faults()
    assert house.run().code == 0
    assert house.results() == undisturbed


def test_a_bucket_that_is_not_there_is_named_before_anything_is_sent(house: House) -> None:
    house.tell(lanes=[house.lane(staging="s3://nobody-has-this/")])
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 2, said.err
    assert "lane near" in said.talk
    assert "check the bucket in the lane's `staging`" in said.talk
    assert house.endpoint.accepted == before


def test_an_url_where_nobody_listens_is_one_clear_error(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    house.tell(lanes=[house.lane(endpoint=f"http://127.0.0.1:{port}")])

    said = house.run()

    assert said.code == 2, said.err
    assert "lane near" in said.talk
    assert f"127.0.0.1:{port}" in said.talk
    assert "hint:" in said.talk
    assert "Traceback" not in said.err
    house.tell(lanes=[house.lane()])
    assert house.run().code == 0, "where the endpoint is may be corrected"


# --- this machine -------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def fresh_clients() -> Iterator[None]:
    yield
    forget_clients()
