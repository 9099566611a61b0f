"""Other users of the account: their jobs are seen, hold slots, come and go, and outlive a kill."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.endpoint import Quotas

PLACE = ("s3://absent/in/", "s3://absent/out/")
ACTIVE = {"SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"}


def strangers(endpoint: Any, family: str = "entities") -> list[dict[str, Any]]:
    """All jobs that are not ours, the newest first."""
    return [job for job in endpoint.listed(family, MaxResults=500) if "somebody" in job["InputDataConfig"]["S3Uri"]]


def active(endpoint: Any, family: str = "entities") -> list[str]:
    return [job["JobId"] for job in strangers(endpoint, family) if job["JobStatus"] in ACTIVE]


def until(condition: Any) -> Any:
    deadline = time.monotonic() + 15
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


@pytest.mark.parametrize("family", ["entities", "topics"])
def test_so_many_are_active_in_each_operation_and_others_follow(endpoint_with: Any, family: str) -> None:
    with endpoint_with(strangers=3) as own:
        own.listed(family)  # the first call of a region brings them
        first = until(lambda: len(active(own, family)) == 3 and active(own, family))
        until(lambda: set(first).isdisjoint(active(own, family)) and len(active(own, family)) == 3)
        gone = [job for job in strangers(own, family) if job["JobId"] in first]
        assert {job["JobStatus"] for job in gone} == {"COMPLETED"}
        assert len({job["JobName"] for job in strangers(own, family)}) == len(strangers(own, family))
        assert own.health()["jobs_accepted"] == 0


def test_they_hold_slots_and_can_be_stopped_like_anyone(endpoint_with: Any) -> None:
    with endpoint_with(strangers=2, quotas=Quotas(active_jobs=2), timing="service") as own:
        own.listed("entities")
        first = until(lambda: len(active(own)) == 2 and active(own))
        with pytest.raises(ClientError, match="ACTIVE_JOB_COUNT_LIMIT_EXCEEDED"):
            own.start("entities", *PLACE)
        assert own.describe("entities", first[0])["JobStatus"] == "IN_PROGRESS"
        own.comprehend.stop_entities_detection_job(JobId=first[0])
        assert own.ended("entities", first[0])["JobStatus"] == "STOPPED"
        until(lambda: len(active(own)) == 2)  # another takes the place at once


def test_greedy_ones_race_for_slots_that_fall_free_but_never_take_the_last(endpoint_with: Any) -> None:
    with endpoint_with(
        strangers=1, strangers_greedy=True, quotas=Quotas(active_jobs=4), timing="service", time_scale=0.01
    ) as own:
        most = 0
        for _ in range(12):
            try:
                own.ended("entities", own.start("entities", *PLACE))  # ends at once, and leaves a slot
            except ClientError as error:
                assert "ACTIVE_JOB_COUNT_LIMIT_EXCEEDED" in str(error)  # noqa: PT017 - a race that may be lost
            most = max(most, len(active(own)))
        assert 2 <= most <= 3


def test_they_and_their_number_outlive_a_kill(endpoint_process: Any) -> None:
    options = ("--strangers", "3", "--timing", "service")
    with endpoint_process(*options) as first:
        first.listed("entities")
        before = until(lambda: len(active(first)) == 3 and active(first))
        first.process.kill()
        first.process.wait(10)
    with endpoint_process(*options) as second:
        assert sorted(active(second)) == sorted(before)
        assert second.health()["jobs_accepted"] == 0
