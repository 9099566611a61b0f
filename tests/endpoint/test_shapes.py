"""The shapes of output, from a Start to what lies in S3, each read back as a client would."""

from __future__ import annotations

import csv
import io
import json
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.endpoint import EndpointSettings
from tests.endpoint.conftest import TERMINAL, within

ROLE = "arn:aws:iam::000000000000:role/Comprehend"
PRAISE = b"I love this phone. The battery is terrible.\nApple is great.\n"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An endpoint whose answers are real."""
    with within(EndpointSettings(workers=1, data_dir=tmp_path_factory.mktemp("real"))) as running:
        yield running


def finished(endpoint: Any, stem: str, bucket: str, **members: Any) -> dict[str, Any]:
    """The properties of a job on `in/` that has ended."""
    config = {"S3Uri": f"s3://{bucket}/in/"} | members.pop("input", {})
    client = endpoint.comprehend
    job = getattr(client, f"start_{stem}_detection_job")(
        InputDataConfig=config, OutputDataConfig={"S3Uri": f"s3://{bucket}/out"}, DataAccessRoleArn=ROLE, **members
    )["JobId"]
    while True:
        (properties,) = (
            value
            for name, value in getattr(client, f"describe_{stem}_detection_job")(JobId=job).items()
            if name.endswith("Properties")
        )
        if properties["JobStatus"] in TERMINAL:
            return properties
        time.sleep(0.005)


def members_of(endpoint: Any, properties: dict[str, Any]) -> dict[str, bytes]:
    """What is in the archive of a job, by name."""
    data = endpoint.archive(properties["OutputDataConfig"]["S3Uri"])
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]


def folder_of(endpoint: Any, properties: dict[str, Any]) -> dict[str, bytes]:
    """The objects in the output folder of a job, by the rest of their keys."""
    bucket, _, prefix = properties["OutputDataConfig"]["S3Uri"].removeprefix("s3://").partition("/")
    assert prefix.endswith("/output/")
    listed = endpoint.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    return {
        each["Key"].removeprefix(prefix): endpoint.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        for each in listed
    }


def rows(data: bytes) -> list[dict[str, Any]]:
    return sorted((json.loads(line) for line in data.splitlines()), key=lambda row: str(row.get("Line")))


def test_targeted_sentiment_has_a_member_for_each_input(real: Any) -> None:
    long_name = "deep/" + "n" * 120 + ".txt"
    bucket = real.bucket("targeted", {"in/a.txt": PRAISE, f"in/{long_name}": b"John Smith was rude.", "in/empty": b""})
    members = members_of(real, finished(real, "targeted_sentiment", bucket, LanguageCode="en"))
    assert sorted(members) == ["a.txt.out", f"{long_name}.out", "empty.out"]
    first, second = rows(members["a.txt.out"])
    assert (first["File"], first["Line"], second["Line"]) == ("a.txt", 0, 1)
    found = {mention["Text"]: mention for entity in first["Entities"] for mention in entity["Mentions"]}
    assert list(found["battery"]) == [
        "BeginOffset", "EndOffset", "Score", "GroupScore", "Text", "Type", "MentionSentiment",
    ]  # fmt: skip
    assert found["battery"]["MentionSentiment"]["Sentiment"] == "NEGATIVE"
    assert members["empty.out"] == b""


def test_personal_data_comes_as_an_object_for_each_input_without_its_text(real: Any) -> None:
    bucket = real.bucket(
        "pii-offsets", {"in/a.txt": b"nothing\nMy SSN is 536-22-1234.\n", "in/deep/b.txt": b"Mail jane@example.com"}
    )
    objects = folder_of(real, finished(real, "pii_entities", bucket, LanguageCode="en", Mode="ONLY_OFFSETS"))
    assert sorted(objects) == ["a.txt.out", "deep/b.txt.out"]
    assert rows(objects["a.txt.out"]) == [
        {"Entities": [], "File": "a.txt", "Line": 0},
        {
            "Entities": [{"BeginOffset": 10, "EndOffset": 21, "Score": 0.985, "Type": "SSN"}],
            "File": "a.txt",
            "Line": 1,
        },
    ]
    keys = [each["Key"] for each in real.s3.list_objects_v2(Bucket=bucket, Prefix="out/")["Contents"]]
    assert "out/.write_access_check_file.temp" in keys


@pytest.mark.parametrize(
    ("redaction", "expected"),
    [
        ({"MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}, b"Hi [NAME]\r\n\nm: [EMAIL]"),
        ({"MaskMode": "MASK", "MaskCharacter": "#"}, b"Hi #### ###\r\n\nm: #############"),
        ({"MaskMode": "MASK", "PiiEntityTypes": ["EMAIL"]}, b"Hi Jane Doe\r\n\nm: *************"),
    ],
)
def test_a_redacted_copy_keeps_the_lines_of_its_original(
    real: Any, redaction: dict[str, Any], expected: bytes, request: pytest.FixtureRequest
) -> None:
    bucket = real.bucket(
        f"redacted-{abs(hash(request.node.name)):x}", {"in/a.txt": b"Hi Jane Doe\r\n\nm: jane@aol.comm"}
    )
    config = {"PiiEntityTypes": ["ALL"]} | redaction
    members = {"LanguageCode": "en", "Mode": "ONLY_REDACTION", "RedactionConfig": config}
    assert folder_of(real, finished(real, "pii_entities", bucket, **members)) == {"a.txt.out": expected}


def test_one_document_per_file_is_redacted_as_a_whole(real: Any) -> None:
    bucket = real.bucket("redacted-files", {"in/a.txt": b"x@y.zz\nx@y.zz", "in/bad": b"\xff"})
    members = {
        "LanguageCode": "en",
        "Mode": "ONLY_REDACTION",
        "RedactionConfig": {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"},
        "input": {"InputFormat": "ONE_DOC_PER_FILE"},
    }
    objects = folder_of(real, finished(real, "pii_entities", bucket, **members))
    assert objects["a.txt.out"] == b"[EMAIL]\n[EMAIL]"
    assert json.loads(objects["bad.out"])["ErrorCode"] == "UNSUPPORTED_ENCODING"


def test_of_events_only_the_wanted_types_are_told_and_only_their_entities(real: Any) -> None:
    text = b"Microsoft hired Jane Doe as CEO. Amazon acquired Whole Foods for $13.7 billion."
    bucket = real.bucket("events", {"in/a.txt": text})
    job = finished(real, "events", bucket, LanguageCode="en", TargetEventTypes=["CORPORATE_ACQUISITION"])
    (row,) = rows(folder_of(real, job)["a.txt.out"])
    (event,) = row["Events"]
    assert event["Type"] == "CORPORATE_ACQUISITION"
    roles = {each["Role"]: row["Entities"][each["EntityIndex"]]["Mentions"][0]["Text"] for each in event["Arguments"]}
    assert roles == {"INVESTOR": "Amazon", "INVESTEE": "Whole Foods", "AMOUNT": "$13.7 billion"}
    assert len(row["Entities"]) == 3


def topic_documents() -> bytes:
    kitchen = "Bake the bread with flour, butter, sugar and yeast in a hot oven"
    sky = "The telescope shows planets, stars, comets and galaxies in the night"
    return "\n".join(f"{(kitchen, sky)[at % 2]} number{'x' * (at % 5)}." for at in range(60)).encode()


def test_topics_are_two_tables_over_all_documents(real: Any) -> None:
    bucket = real.bucket("topics", {"in/a,b.txt": topic_documents(), "in/c.txt": b"1 2 3\n"})
    jobs = [finished(real, "topics", bucket, NumberOfTopics=2) for _ in range(2)]
    members = members_of(real, jobs[0])
    assert list(members) == ["topic-terms.csv", "doc-topics.csv"]
    assert members == members_of(real, jobs[1])
    terms = list(csv.reader(io.StringIO(members["topic-terms.csv"].decode())))
    assert terms[0] == ["topic", "term", "weight"]
    by_topic = {topic: {term for name, term, _ in terms[1:] if name == topic} for topic in ("000", "001")}
    assert {"bread" in found for found in by_topic.values()} == {True, False}
    assert all(len(found) <= 10 for found in by_topic.values())
    documents = list(csv.reader(io.StringIO(members["doc-topics.csv"].decode())))
    assert documents[0] == ["docname", "topic", "proportion"]
    names = [name for name, *_ in documents[1:]]
    assert {*names} == {f"a,b.txt:{line}" for line in range(60)}
    assert names != sorted(names, key=lambda name: int(name.rpartition(":")[2]))
    even = {topic for name, topic, _ in documents[1:] if int(name.rpartition(":")[2]) % 2 == 0}
    assert len(even) == 1
    for name in names:
        assert sum(float(share) for each, _, share in documents[1:] if each == name) == pytest.approx(1, abs=1e-5)


def test_a_job_beyond_what_a_job_may_read_fails_and_says_so(real: Any) -> None:
    bucket = real.bucket("too-many", {"in/a.txt": b"x\n" * 5_001})
    job = finished(real, "events", bucket, LanguageCode="en", TargetEventTypes=["IPO"])
    assert job["JobStatus"] == "FAILED"
    assert job["Message"].startswith("INPUT_SIZE_LIMIT_EXCEEDED: ")
    assert "5000 lines" in job["Message"]


def test_languages_without_an_honest_analyzer_are_refused(real: Any) -> None:
    bucket = real.bucket("japanese", {"in/a.txt": b"x"})
    with pytest.raises(Exception, match=r"does not take the language ja; it takes: de, en"):
        finished(real, "key_phrases", bucket, LanguageCode="ja")


OWN = """
def load():
    return lambda text, language: {"KeyPhrases": [{"BeginOffset": 0, "EndOffset": 3, "Score": 1.0, "Text": text[:3]}]}
def raising():
    def analyze(text, language):
        raise ValueError(text)
    return analyze
def leaving():
    import os
    return lambda text, language: os._exit(3)
"""


def test_a_users_own_analyzer_answers_and_its_failures_fail_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"own_{abs(hash(tmp_path)):x}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    chosen = {"key_phrases": f"{name}:load", "entities": f"{name}:raising", "pii_entities": f"{name}:leaving"}
    settings = EndpointSettings(workers=1, data_dir=tmp_path / "data", plugins=chosen)
    with within(settings) as endpoint:
        assert endpoint.facts["analyzers"]["key_phrases"].startswith(f"{name}:load@sha256:")
        bucket = endpoint.bucket("own", {"in/a.txt": b"some text"})
        (row,) = endpoint.rows(finished(endpoint, "key_phrases", bucket, LanguageCode="ja"))
        assert row["KeyPhrases"][0]["Text"] == "som"
        job = finished(endpoint, "entities", bucket, LanguageCode="en")
        assert job["JobStatus"] == "FAILED"
        assert job["Message"].endswith(f"the analyzer {name}:raising of entities raised ValueError")
        job = finished(endpoint, "pii_entities", bucket, LanguageCode="en", Mode="ONLY_OFFSETS")
        assert job["JobStatus"] == "FAILED"
        assert job["Message"].endswith(f"The analyzer {name}:leaving ended its process.")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"do": "rows_missing", "share": 1.0}, {"a.out": b"", "b.out": b""}),
        ({"do": "rows_doubled", "share": 1.0}, {"a.out": b"one\none\ntwo\ntwo\n", "b.out": b"zz"}),
        ({"do": "rows_altered", "share": 1.0}, {"a.out": b"two\nz\n", "b.out": b"one"}),
        ({"do": "archive_truncated", "share": 0.5}, {"a.out": b"one\n", "b.out": b""}),
        ({"do": "archive_corrupt"}, {"a.out": b"one\n\x8bwo\n", "b.out": b"\x85"}),
    ],
)
def test_faults_reach_the_objects_of_a_folder(real: Any, fault: dict[str, Any], expected: dict[str, bytes]) -> None:
    bucket = real.bucket(fault["do"].replace("_", "-"), {"in/a": b"one\ntwo\n", "in/b": b"z"})
    real.set_faults({"operation": "StartPiiEntitiesDetectionJob", **fault})
    try:
        job = finished(
            real,
            "pii_entities",
            bucket,
            LanguageCode="en",
            Mode="ONLY_REDACTION",
            RedactionConfig={"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"},
        )
    finally:
        real.set_faults()
    assert folder_of(real, job) == expected
