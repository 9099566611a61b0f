"""Jobs as a real client sees them: from Start to the rows in S3."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import aioboto3
import pytest

from runner.endpoint.pool import WorkerPool

EMPTY = {
    "dominant_language": {"Languages": []},
    "entities": {"Entities": []},
    "key_phrases": {"KeyPhrases": []},
    "sentiment": {
        "Sentiment": "NEUTRAL",
        "SentimentScore": {"Mixed": 0.0, "Negative": 0.0, "Neutral": 0.0, "Positive": 0.0},
    },
}


def places(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return sorted((row["File"], row["Line"]) for row in rows)


@pytest.mark.parametrize("family", EMPTY)
def test_every_line_of_every_object_under_the_prefix_becomes_a_row(endpoint: Any, bucket: str, family: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"one\ntwo\nthree\n")
    endpoint.s3.put_object(Bucket=bucket, Key="in/deep/b.txt", Body=b"four")
    endpoint.s3.put_object(Bucket=bucket, Key="inside.txt", Body=b"not meant, and yet the prefix of another test")
    rows = endpoint.analysed(family, f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    assert places(rows) == [("a.txt", 0), ("a.txt", 1), ("a.txt", 2), ("deep/b.txt", 0)]
    for row in rows:
        assert list(row) == sorted(row)
        assert {k: v for k, v in row.items() if k not in ("File", "Line")} == EMPTY[family]


def test_the_prefix_is_raw_and_not_a_folder(endpoint: Any, bucket: str) -> None:
    for key in ("run1/a", "run10/a", "run1"):
        endpoint.s3.put_object(Bucket=bucket, Key=key, Body=b"text")
    rows = endpoint.analysed("entities", f"s3://{bucket}/run1", f"s3://{bucket}/out/")
    assert sorted(row["File"] for row in rows) == ["0/a", "a", "run1"]


def test_a_prefix_that_is_a_whole_key_is_named_by_its_base_name(endpoint: Any, bucket: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/deep/only.txt", Body=b"text")
    rows = endpoint.analysed("entities", f"s3://{bucket}/in/deep/only.txt", f"s3://{bucket}/out/")
    assert places(rows) == [("only.txt", 0)]


def test_a_whole_bucket_can_be_the_input(endpoint: Any, bucket: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="folder/a.txt", Body=b"text")
    target = endpoint.bucket(f"{bucket}-out")
    rows = endpoint.analysed("entities", f"s3://{bucket}", f"s3://{target}")
    assert places(rows) == [("folder/a.txt", 0)]


def test_lines_end_at_lf_cr_and_crlf_and_nothing_else(endpoint: Any, bucket: str) -> None:
    text = "a\nb\r\nc\rd\u2028d\x0bd\x0cd\x85d\x1ed\n\ne"
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=text.encode())
    rows = endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    assert places(rows) == [("a.txt", line) for line in range(6)]


def test_one_document_per_file_has_rows_without_lines(endpoint: Any, bucket: str) -> None:
    for name, body in {"a": b"one\ntwo", "b": b"x" * 5121, "c": b"bad \xff", "d": b"x" * 5120}.items():
        endpoint.s3.put_object(Bucket=bucket, Key=f"in/{name}", Body=body)
    rows = endpoint.analysed(
        "sentiment", f"s3://{bucket}/in/", f"s3://{bucket}/out/", input={"InputFormat": "ONE_DOC_PER_FILE"}
    )
    assert {row["File"]: row.get("ErrorCode") for row in rows} == {
        "a": None,
        "b": "DOCUMENT_SIZE_EXCEEDED",
        "c": "UNSUPPORTED_ENCODING",
        "d": None,
    }
    assert not any("Line" in row for row in rows)
    assert not any("Sentiment" in row for row in rows if "ErrorCode" in row)


def test_the_size_limit_counts_bytes_of_utf_8(endpoint: Any, bucket: str) -> None:
    lines = ["é" * 2560, "é" * 2560 + "x", "x" * 5121, "fine"]
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body="\n".join(lines).encode())
    rows = endpoint.analysed("sentiment", f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    refused = {row["Line"]: row["ErrorMessage"] for row in rows if row.get("ErrorCode") == "DOCUMENT_SIZE_EXCEEDED"}
    assert sorted(refused) == [1, 2]
    assert all("5120" in message for message in refused.values())


def test_an_undecodable_line_is_an_error_row_and_the_rest_of_its_file_is_silently_dropped(
    endpoint: Any, bucket: str
) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"good\nbad \xff\nnever\nseen")
    endpoint.s3.put_object(Bucket=bucket, Key="in/b.txt", Body=b"another\nfile")
    rows = endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    assert places(rows) == [("a.txt", 0), ("a.txt", 1), ("b.txt", 0), ("b.txt", 1)]
    assert {row["ErrorCode"] for row in rows if "ErrorCode" in row} == {"UNSUPPORTED_ENCODING"}


def test_a_large_object_is_cut_into_chunks_without_losing_or_doubling_a_line(endpoint: Any, bucket: str) -> None:
    """Several chunks of 2 MB, line ends of all three kinds, and a bad byte whose later chunks must not appear."""
    lines = [f"line {number} {'x' * (number % 397)}" for number in range(31_000)]
    body = "".join(line + ("\n", "\r\n", "\r")[number % 3] for number, line in enumerate(lines)).encode()
    assert len(body) > 6_000_000
    endpoint.s3.put_object(Bucket=bucket, Key="whole/a.txt", Body=body)
    rows = endpoint.analysed("entities", f"s3://{bucket}/whole/", f"s3://{bucket}/out/")
    assert places(rows) == [("a.txt", line) for line in range(31_000)]
    at = body.index(b"line 17000 ")
    endpoint.s3.put_object(Bucket=bucket, Key="bad/a.txt", Body=body[:at] + b"\xff" + body[at:])
    rows = endpoint.analysed("entities", f"s3://{bucket}/bad/", f"s3://{bucket}/out/")
    assert places(rows) == [("a.txt", line) for line in range(17_001)]


def test_a_line_longer_than_a_chunk_is_one_error_row(endpoint: Any, bucket: str) -> None:
    body = b"before\n" + b"y" * 7_000_000 + b"\r\nafter\n"
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=body)
    rows = endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    assert {row["Line"]: row.get("ErrorCode") for row in rows} == {0: None, 1: "DOCUMENT_SIZE_EXCEEDED", 2: None}


def test_rows_do_not_come_in_the_order_of_the_input_and_equal_inputs_give_equal_bytes(
    endpoint: Any, bucket: str
) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text\n" * 500)
    jobs = [endpoint.start("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/") for _ in range(2)]
    first, second = [endpoint.ended("entities", job) for job in jobs]
    order = [row["Line"] for row in endpoint.rows(first)]
    assert sorted(order) == list(range(500))
    assert order != sorted(order)
    assert endpoint.archive(first["OutputDataConfig"]["S3Uri"]) == endpoint.archive(second["OutputDataConfig"]["S3Uri"])


def test_many_small_objects_are_one_job(endpoint: Any, bucket: str) -> None:
    for number in range(60):
        endpoint.s3.put_object(Bucket=bucket, Key=f"in/{number:04d}", Body=b"a\nb\n")
    rows = endpoint.analysed("key_phrases", f"s3://{bucket}/in/", f"s3://{bucket}/out/")
    assert places(rows) == [(f"{number:04d}", line) for number in range(60) for line in (0, 1)]


def test_objects_without_text_complete_with_an_empty_output(endpoint: Any, bucket: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/", Body=b"")
    assert endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/") == []


def test_describe_shows_the_resolved_output_from_the_start_and_what_was_asked_for(endpoint: Any, bucket: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text")
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    job_id = endpoint.start(
        "sentiment", f"s3://{bucket}/in/", f"s3://{bucket}/out", JobName="a name", VpcConfig=vpc, VolumeKmsKeyId="key"
    )
    early = endpoint.describe("sentiment", job_id)
    late = endpoint.ended("sentiment", job_id)
    assert len(job_id) == 32
    assert set(job_id) <= set("0123456789abcdef")
    uri = f"s3://{bucket}/out/000000000000-SENTIMENT-{job_id}/output/output.tar.gz"
    for properties in (early, late):
        assert properties["OutputDataConfig"] == {"S3Uri": uri}
    assert late["JobArn"] == f"arn:aws:comprehend:us-east-1:000000000000:sentiment-detection-job/{job_id}"
    assert late["InputDataConfig"] == {"S3Uri": f"s3://{bucket}/in/", "InputFormat": "ONE_DOC_PER_LINE"}
    assert (late["JobName"], late["LanguageCode"], late["VpcConfig"]) == ("a name", "en", vpc)
    assert late["EndTime"] >= late["SubmitTime"]
    assert "Message" not in late
    assert "EndTime" not in early or early["JobStatus"] == "COMPLETED"


def test_the_access_check_leaves_its_file_at_the_requested_prefix(endpoint: Any, bucket: str) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text")
    endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/some/out")
    keys = [entry["Key"] for entry in endpoint.s3.list_objects_v2(Bucket=bucket, Prefix="some/")["Contents"]]
    assert keys[0] == "some/out/.write_access_check_file.temp"
    assert len(keys) == 2


@pytest.mark.parametrize(("source", "target", "code"), [
    ("{}/nothing-here/", "{}/out/", "NO_READ_ACCESS_TO_INPUT"),
    ("no-such-bucket/in/", "{}/out/", "NO_READ_ACCESS_TO_INPUT"),
    ("{}/in/", "no-such-bucket/out/", "NO_WRITE_ACCESS_TO_OUTPUT"),
])  # fmt: skip
def test_what_the_role_cannot_reach_fails_the_job_as_in_the_field(
    endpoint: Any, bucket: str, source: str, target: str, code: str
) -> None:
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"text")
    job_id = endpoint.start("entities", f"s3://{source.format(bucket)}", f"s3://{target.format(bucket)}")
    properties = endpoint.ended("entities", job_id)
    assert properties["JobStatus"] == "FAILED"
    assert properties["Message"].startswith(f"{code}: ")
    assert properties["OutputDataConfig"]["S3Uri"].endswith("/output/output.tar.gz")


def test_blank_lines_have_rows_unless_they_are_skipped(
    endpoint: Any, bucket: str, endpoint_with: Callable[..., AbstractContextManager[Any]]
) -> None:
    body = b"a\n\n  \nb\n"
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=body)
    assert len(endpoint.analysed("entities", f"s3://{bucket}/in/", f"s3://{bucket}/out/")) == 4
    with endpoint_with(blank_lines="skip") as skipping:
        skipping.bucket("skip", {"in/a.txt": body})
        for family in ("entities", "sentiment"):
            assert places(skipping.analysed(family, "s3://skip/in/", "s3://skip/out/")) == [("a.txt", 0), ("a.txt", 3)]


def test_the_analyzers_answer_and_their_languages_are_honest(
    endpoint_with: Callable[..., AbstractContextManager[Any]],
) -> None:
    with endpoint_with(analyzers="default", workers=1) as real:
        real.bucket("real", {"in/a.txt": b"What a wonderful, happy day!\nThis is a terrible disaster.\n"})
        rows = real.analysed("sentiment", "s3://real/in/", "s3://real/out/")
        assert {row["Line"]: row["Sentiment"] for row in rows} == {0: "POSITIVE", 1: "NEGATIVE"}
        taken = real.facts["languages"]["sentiment"]
        assert taken is not None
        refused = next(code for code in ("ja", "hi", "ar") if code not in taken)
        with pytest.raises(real.comprehend.exceptions.InvalidRequestException, match=refused):
            real.start("sentiment", "s3://real/in/", "s3://real/out/", LanguageCode=refused)
        assert real.health()["jobs_accepted"] == 1


def test_input_that_is_deleted_or_replaced_under_a_job_is_still_read_whole(
    endpoint_with: Callable[..., AbstractContextManager[Any]],
) -> None:
    """Several chunks of work, and the object goes once the first of them is under way."""
    with endpoint_with(analyzers="default", workers=1) as real:
        body = b"A rather good day, and yet a disaster all the same, said everybody.\n" * 16_000
        real.bucket("real", {"in/a": body, "in/b": body})
        job_id = real.start("sentiment", "s3://real/in/", "s3://real/out/")
        while real.describe("sentiment", job_id)["JobStatus"] == "SUBMITTED":
            time.sleep(0.005)
        real.s3.delete_object(Bucket="real", Key="in/a")
        real.s3.put_object(Bucket="real", Key="in/b", Body=b"replaced\n")
        properties = real.ended("sentiment", job_id)
        assert properties["JobStatus"] == "COMPLETED", properties
        lines = [row["Line"] for row in real.rows(properties) if row["File"] == "a"]
        assert sorted(lines) == list(range(16_000))


def test_a_job_whose_workers_die_again_and_again_fails(
    endpoint_with: Callable[..., AbstractContextManager[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = (sys.executable, "-S", "-c", "raise SystemExit(3)")
    monkeypatch.setattr(WorkerPool.__init__, "__defaults__", (dying,))
    with endpoint_with() as own:
        own.bucket("bkt", {"in/a": b"x"})
        properties = own.ended("entities", own.start("entities", "s3://bkt/in/", "s3://bkt/out/"))
        assert properties["JobStatus"] == "FAILED"
        assert properties["Message"].startswith("INTERNAL_SERVER_ERROR: ")
        assert own.s3.list_objects_v2(Bucket="bkt", Prefix="out/0")["KeyCount"] == 0


def test_a_hundred_jobs_at_once_all_complete_and_are_all_counted(endpoint: Any, bucket: str) -> None:
    """Through aioboto3, as the runner does."""
    endpoint.s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"one\ntwo\n")
    before = endpoint.health()["jobs_accepted"]

    async def start_and_watch() -> set[str]:
        session = aioboto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        async with session.client("comprehend", endpoint_url=endpoint.url) as client:
            config = {"S3Uri": f"s3://{bucket}/in/"}
            target = {"S3Uri": f"s3://{bucket}/out/"}
            starts = [
                client.start_entities_detection_job(
                    InputDataConfig=config,
                    OutputDataConfig=target,
                    DataAccessRoleArn="arn:aws:iam::000000000000:role/x",
                    LanguageCode="en",
                    JobName="crowd",
                )
                for _ in range(100)
            ]
            ids = {answer["JobId"] for answer in await asyncio.gather(*starts)}
            while True:
                answer = await client.list_entities_detection_jobs(Filter={"JobName": "crowd"}, MaxResults=500)
                jobs = answer["EntitiesDetectionJobPropertiesList"]
                if all(job["JobStatus"] == "COMPLETED" for job in jobs):
                    assert {job["JobId"] for job in jobs} == ids
                    return ids
                await asyncio.sleep(0.02)

    assert len(asyncio.run(start_and_watch())) == 100
    assert endpoint.health()["jobs_accepted"] == before + 100
