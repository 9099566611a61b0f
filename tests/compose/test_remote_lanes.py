"""Remote lanes between two sessions: while jobs are open a lane may not move; else its inputs are staged anew."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.compose.places import Place, moves
from runner.core import events as e
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.model import LaneSpec
from tests.acceptance.house import House, Said, serving

STUCK = {"operation": "Start*", "do": "job_stuck"}
DENIED = {"operation": "Start*", "do": "access_denied"}

Change = Callable[[House], dict[str, str]]

MOVES: dict[str, tuple[Change, str]] = {
    "region": (lambda _: {"region": "eu-west-1"}, "its `region` was us-east-1, is now eu-west-1"),
    "staging": (lambda house: {"staging": f"s3://{house.bucket}/elsewhere/"}, "its `staging` was"),
    "endpoint": (lambda house: {"endpoint": f"http://localhost:{house.endpoint.port}"}, "its endpoint was"),
    "name": (lambda _: {"name": "far"}, "1 job is open on lane near, but it is not in the manifest any more"),
}


def move(house: House, change: Change) -> None:
    """Edit the lane in the manifest."""
    house.tell(lanes=[house.lane(**change(house))])


def begin_with_open_jobs(house: House) -> int:
    """A run that ended with its job still running; how many jobs the endpoint has accepted by then."""
    house.endpoint.set_faults(STUCK)
    said = house.run("--for", "1.5")
    assert said.code == 5, said.err
    assert [event for event in house.events() if isinstance(event, e.StartAccepted)]
    return house.endpoint.accepted


def begin_with_nothing_open(house: House) -> None:
    """A run that has staged its inputs, and was not allowed to start anything."""
    house.endpoint.set_faults(DENIED)
    said = house.run()
    assert said.code == 2, said.err
    assert [event for event in house.events() if isinstance(event, e.BatchStaged)]
    house.endpoint.set_faults()


def delete(house: House, uri: str) -> None:
    """Delete an object of the staging bucket."""
    url = f"{house.endpoint.url}/{uri.removeprefix('s3://')}"
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10) as answer:
        assert answer.status == 204


def check_refused(said: Said, *words: str) -> None:
    assert said.code == 2, said.err
    assert "Traceback" not in said.err
    assert "hint:" in said.err
    for word in words:
        assert word in said.talk


@pytest.mark.parametrize("moved", MOVES)
def test_a_lane_with_open_jobs_may_not_move(house: House, moved: str) -> None:
    """In the new place nobody knows the jobs; they would look lost, and be bought again."""
    change, told = MOVES[moved]
    accepted = begin_with_open_jobs(house)
    house.endpoint.set_faults()
    before = house.lane()

    move(house, change)
    said = house.run()

    check_refused(said, told)
    assert house.endpoint.accepted == accepted
    house.tell(lanes=[before])
    assert house.command("cancel", "runs/small/latest").code == 0
    assert house.run().code == 0
    assert house.outcomes() == {"ok": 6}


@pytest.mark.parametrize("moved", ["region", "staging", "endpoint"])
def test_a_lane_without_open_jobs_may_move_and_its_inputs_are_staged_anew(house: House, moved: str) -> None:
    begin_with_nothing_open(house)
    accepted = house.endpoint.accepted

    move(house, MOVES[moved][0])
    said = house.run()

    assert said.code == 0, said.err
    assert house.outcomes() == {"ok": 6}
    assert house.endpoint.accepted == accepted + 1
    assert [event.fault.code for event in house.events() if isinstance(event, e.StagingLost)] == ["LANE_MOVED"]


def test_a_cancel_looks_for_jobs_where_the_last_session_started_them(house: House) -> None:
    begin_with_nothing_open(house)
    move(house, MOVES["region"][0])
    begin_with_open_jobs(house)

    said = house.command("cancel", "runs/small/latest")

    assert said.code == 0, said.err
    assert "1 job stopped" in said.out


def test_inputs_that_are_gone_are_staged_again_by_the_next_run(house: House) -> None:
    """A lifecycle rule of the bucket may delete them while a run waits for its user."""
    begin_with_nothing_open(house)
    (staged,) = [event for event in house.events() if isinstance(event, e.BatchStaged)]
    (planned,) = [event for event in house.events() if isinstance(event, e.BatchPlanned)]
    for name in (*planned.batch.parts, "pad"):
        delete(house, f"{staged.uri}{name}.txt")

    unreadable = house.run()

    assert unreadable.code == 2
    assert "NO_READ_ACCESS_TO_INPUT" in unreadable.talk
    assert house.run().code == 0
    assert house.outcomes() == {"ok": 6}


def test_a_damaged_record_of_the_lanes_is_named(house: House) -> None:
    begin_with_nothing_open(house)
    (house.directory.root / "lanes.json").write_bytes(b'{"places": [{"lane"')

    check_refused(house.run(), "lanes.json is damaged")
    check_refused(house.command("cancel", "runs/small/latest"), "lanes.json is damaged")


@pytest.mark.parametrize(
    ("endpoint", "lost"),
    [
        ("https://vpce-0a1b-2c3d.comprehend.us-east-1.vpce.amazonaws.com", []),
        ("http://127.0.0.1:4599", ["virginia"]),
    ],
)
def test_amazon_is_one_place_by_whichever_of_its_hosts_it_is_reached(endpoint: str, lost: list[str]) -> None:
    lane = LaneSpec(name="virginia", kind="aws", staging="s3://bucket/")
    run = Run(CoreConfig(lanes=(lane,), analyses=()))
    before = Place(lane=lane, endpoint="https://comprehend.us-east-1.amazonaws.com", account="123456789012")
    now = Place(lane=lane, endpoint=endpoint, account="123456789012")

    assert [event.lane for event in moves(run, [before], [now], at=0.0)] == lost


def test_a_start_that_travels_slowly_does_not_meet_the_next_within_a_second(tmp_path: Path) -> None:
    """An account takes one Start a second, as they arrive; ours are spaced so, however long each is under way."""
    with serving(tmp_path / "serve", "--analyzers", "noop", "--quotas", "service") as endpoint:
        house = House(root=tmp_path, endpoint=endpoint, bucket=endpoint.make_bucket("paced"))
        house.furnish()
        house.tell(lanes=[house.lane(quotas={})], policy={"max_job_documents": 2})
        endpoint.set_faults({"operation": "Start*", "do": "delay", "delay_s": 0.5, "times": 1})

        assert house.run().code == 0

    kinds = [type(event) for event in house.events()]
    assert kinds.count(e.StartAccepted) == 3
    assert e.StartRefused not in kinds
