"""The operations on custom models, through boto3 against a running endpoint."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.endpoint.custom.texts import People, as_csv, topical

ROLE = "arn:aws:iam::000000000000:role/Comprehend"
ENDED = {"TRAINED", "TRAINED_WITH_WARNING", "IN_ERROR", "STOPPED"}
SLOW = {"timing": "service", "time_scale": 1.0}  # training begins after four minutes: it stays SUBMITTED


class Trainings:
    """Custom models of one endpoint."""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint
        self.client = endpoint.comprehend

    def classifier(self, name: str, uri: str = "s3://bkt/train/", **more: Any) -> str:
        config = {"S3Uri": uri} | more.pop("config", {})
        members = {"DataAccessRoleArn": ROLE, "LanguageCode": "en", "InputDataConfig": config}
        answer = self.client.create_document_classifier(DocumentClassifierName=name, **members | more)
        return answer["DocumentClassifierArn"]

    def recognizer(self, name: str, types: list[str], **more: Any) -> str:
        config = {"EntityTypes": [{"Type": each} for each in types], "Documents": {"S3Uri": "s3://bkt/docs/"}}
        config |= more.pop("config", {})
        members = {"DataAccessRoleArn": ROLE, "LanguageCode": "en", "InputDataConfig": config}
        return self.client.create_entity_recognizer(RecognizerName=name, **members | more)["EntityRecognizerArn"]

    def describe(self, arn: str) -> dict[str, Any]:
        if ":document-classifier/" in arn:
            answer = self.client.describe_document_classifier(DocumentClassifierArn=arn)
            return answer["DocumentClassifierProperties"]
        return self.client.describe_entity_recognizer(EntityRecognizerArn=arn)["EntityRecognizerProperties"]

    def when(self, arn: str, statuses: set[str]) -> dict[str, Any]:
        """Wait until a model has one of these statuses; its properties."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            properties = self.describe(arn)
            if properties["Status"] in statuses:
                return properties
            time.sleep(0.01)
        raise AssertionError(f"{arn} is still {properties['Status']}")

    def gone(self, arn: str) -> bool:
        """Wait until a model that is being deleted is gone."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                self.describe(arn)
            except ClientError as error:
                return error.response["Error"]["Code"] == "ResourceNotFoundException"
            time.sleep(0.01)
        return False

    def classify(self, arn: str, **more: Any) -> dict[str, Any]:
        members = {
            "InputDataConfig": {"S3Uri": "s3://bkt/in/"},
            "OutputDataConfig": {"S3Uri": "s3://bkt/out/"},
            "DataAccessRoleArn": ROLE,
            "DocumentClassifierArn": arn,
        }
        return self.client.start_document_classification_job(**members | more)

    def members(self, uri: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(self.endpoint.archive(uri)), mode="r:gz") as tar:
            return {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]

    def rows(self, job_id: str) -> list[dict[str, Any]]:
        """The rows of a classification job that completes, in the order of their lines."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.client.describe_document_classification_job(JobId=job_id)
            properties = answer["DocumentClassificationJobProperties"]
            if properties["JobStatus"] == "COMPLETED":
                data = self.members(properties["OutputDataConfig"]["S3Uri"])["predictions.jsonl"]
                return sorted(map(json.loads, data.splitlines()), key=lambda row: int(row["Line"]))
            assert properties["JobStatus"] != "FAILED", properties
            time.sleep(0.01)
        raise AssertionError("the job goes on and on")


def refusal(call: Callable[..., Any], *given: Any, **members: Any) -> tuple[str, str]:
    """Code and message of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call(*given, **members)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def objects(people: People) -> dict[str, bytes]:
    rows = topical()
    return {
        "train/a.csv": as_csv(rows[:70]),
        "train/b.csv": as_csv(rows[70:]),
        "test/t.csv": as_csv([*topical(5), ("history", "never trained")]),
        "few/a.csv": as_csv(topical(10)),
        "one/a.csv": b"only one column\n",
        "docs/docs.txt": people.documents(),
        "annotations/a.csv": people.table(),
        "names/n.csv": as_csv([("Text", "Type"), ("Rome", "CITY"), ("pump", "PART")]),
        "in/a.txt": b"the goal of the striker was a match\nshares and dividend of the bank\n",
        "text/a.txt": "Nä, manager Ola Åberg left for Rome.\nOur engineer Petra Kowalski mended a Pump.\n".encode(),
    }


@pytest.fixture
def trainings(
    endpoint_with: Callable[..., AbstractContextManager[Any]], objects: dict[str, bytes]
) -> Callable[..., Any]:
    """A maker of endpoints with data to train on."""

    def make(**settings: Any) -> AbstractContextManager[Any]:
        return _Opened(endpoint_with(**{"analyzers": "default", **settings}), objects)

    return make


class _Opened:
    def __init__(self, endpoint: AbstractContextManager[Any], objects: dict[str, bytes]) -> None:
        self._endpoint = endpoint
        self._objects = objects

    def __enter__(self) -> Trainings:
        endpoint = self._endpoint.__enter__()
        if not endpoint.s3.list_buckets()["Buckets"]:
            endpoint.bucket("bkt", self._objects)
        return Trainings(endpoint)

    def __exit__(self, *error: object) -> None:
        self._endpoint.__exit__(*error)  # type: ignore[arg-type]


@pytest.fixture
def idle(trainings: Callable[..., Any]) -> Iterator[Trainings]:
    """An endpoint where nothing begins to train."""
    with trainings(**SLOW) as running:
        yield running


def test_a_classifier_from_csv_to_predictions(trainings: Callable[..., Any]) -> None:
    with trainings() as models:
        arn = models.classifier(
            "topic", OutputDataConfig={"S3Uri": "s3://bkt/models/"}, Tags=[{"Key": "team", "Value": "blue"}]
        )
        trained = models.when(arn, ENDED)

        assert arn == "arn:aws:comprehend:us-east-1:000000000000:document-classifier/topic"
        assert trained["Status"] == "TRAINED", trained
        assert trained["Mode"] == "MULTI_CLASS"
        assert trained["InputDataConfig"] == {"DataFormat": "COMPREHEND_CSV", "S3Uri": "s3://bkt/train/"}
        metadata = trained["ClassifierMetadata"]
        assert (metadata["NumberOfTrainedDocuments"], metadata["NumberOfTestDocuments"]) == (108, 12)
        assert metadata["EvaluationMetrics"]["Accuracy"] == 1.0
        times = [trained[name] for name in ("SubmitTime", "TrainingStartTime", "TrainingEndTime", "EndTime")]
        assert times == sorted(times)

        output = trained["OutputDataConfig"]["S3Uri"]
        assert output.startswith("s3://bkt/models/000000000000-CLR-")
        assert output.endswith("/output/output.tar.gz")
        ((name, matrix),) = models.members(output).items()
        assert name == "output/confusion_matrix.json"
        assert json.loads(matrix)["labels"] == ["money", "sport"]
        tags = models.client.list_tags_for_resource(ResourceArn=arn)["Tags"]
        assert tags == [{"Key": "team", "Value": "blue"}]

        answer = models.classify(arn)
        assert answer["DocumentClassifierArn"] == arn
        rows = models.rows(answer["JobId"])
        assert [(row["File"], row["Line"], row["Classes"][0]["Name"]) for row in rows] == [
            ("a.txt", "0", "sport"),
            ("a.txt", "1", "money"),
        ]


def test_a_classifier_of_several_labels_with_a_test_set(trainings: Callable[..., Any]) -> None:
    with trainings() as models:
        config = {"TestS3Uri": "s3://bkt/test/", "LabelDelimiter": "~"}
        arn = models.classifier("labels", config=config, Mode="MULTI_LABEL")
        trained = models.when(arn, ENDED)

        assert trained["Status"] == "TRAINED_WITH_WARNING"
        assert trained["Message"].startswith("1 test documents with labels that the training data does not have")
        assert trained["ClassifierMetadata"]["NumberOfTestDocuments"] == 10
        assert trained["OutputDataConfig"] == {}
        rows = models.rows(models.classify(arn)["JobId"])
        assert [row["Labels"][0]["Name"] for row in rows] == ["sport", "money"]


def test_recognizers_from_annotations_and_from_a_list_to_entities(trainings: Callable[..., Any]) -> None:
    with trainings() as models:
        people = models.recognizer(
            "people", ["ENGINEER", "MANAGER"], config={"Annotations": {"S3Uri": "s3://bkt/annotations/"}}
        )
        things = models.recognizer(
            "things", ["CITY", "PART"], config={"EntityList": {"S3Uri": "s3://bkt/names/"}}, VersionName="v1"
        )
        trained = models.when(people, ENDED)
        assert trained["Status"] == "TRAINED", trained
        assert trained["RecognizerMetadata"]["EvaluationMetrics"]["F1Score"] > 90
        assert [each["Type"] for each in trained["RecognizerMetadata"]["EntityTypes"]] == ["ENGINEER", "MANAGER"]
        assert things.endswith(":entity-recognizer/things/version/v1")
        assert models.when(things, ENDED)["VersionName"] == "v1"

        found = {}
        for arn in (people, things):
            rows = models.endpoint.analysed("entities", "s3://bkt/text/", "s3://bkt/out/", EntityRecognizerArn=arn)
            for row in sorted(rows, key=lambda row: row["Line"]):
                for each in row["Entities"]:
                    found[each["Text"]] = (row["Line"], each["BeginOffset"], each["EndOffset"], each["Type"])
        assert found == {
            "Ola Åberg": (0, 12, 21, "MANAGER"),
            "Rome": (0, 31, 35, "CITY"),
            "Petra Kowalski": (1, 13, 27, "ENGINEER"),
            "Pump": (1, 37, 41, "PART"),
        }


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("one/", "a.csv line 1 has one column"),
        ("few/", "every class needs 50 in MULTI_CLASS mode"),
        ("nothing/", "NO_READ_ACCESS_TO_INPUT"),
    ],
)
def test_bad_data_ends_in_error_with_a_message_and_the_name_is_free_again(
    trainings: Callable[..., Any], prefix: str, says: str
) -> None:
    with trainings() as models:
        arn = models.classifier("bad", f"s3://bkt/{prefix}")
        failed = models.when(arn, ENDED)

        assert failed["Status"] == "IN_ERROR"
        assert says in failed["Message"]
        assert "EndTime" in failed
        assert "ClassifierMetadata" not in failed
        code, message = refusal(models.classify, arn)
        assert (code, "IN_ERROR" in message) == ("ResourceUnavailableException", True)
        models.client.delete_document_classifier(DocumentClassifierArn=arn)
        assert models.gone(arn)
        models.classifier("bad")


@pytest.mark.parametrize(
    ("members", "code", "says"),
    [
        ({"LanguageCode": "ja"}, "UnsupportedLanguageException", "valid: de, en, es, fr, it, pt"),
        ({"config": {"DataFormat": "AUGMENTED_MANIFEST"}}, "InvalidRequestException", "augmented manifests"),
        ({"config": {"DocumentType": "SEMI_STRUCTURED_DOCUMENT"}}, "InvalidRequestException", "PDF, Word and image"),
        ({"ModelPolicy": "{}"}, "InvalidRequestException", "resource policies"),
        ({"config": {"LabelDelimiter": "x"}}, "ValidationException", "labelDelimiter"),
        ({"Mode": "ANY"}, "ValidationException", "MULTI_CLASS, MULTI_LABEL"),
        ({"Tags": [{"Key": "k"}, {"Key": "k"}]}, "InvalidRequestException", "only once"),
    ],
)
def test_what_no_classifier_can_be_made_of_is_refused(
    idle: Trainings, members: dict[str, Any], code: str, says: str
) -> None:
    got, message = refusal(idle.classifier, "refused", **members)

    assert got == code
    assert says in message
    assert idle.client.list_document_classifiers()["DocumentClassifierPropertiesList"] == []


def test_what_no_recognizer_can_be_made_of_is_refused(idle: Trainings) -> None:
    names = {"EntityList": {"S3Uri": "s3://bkt/names/"}}
    marks = {"Annotations": {"S3Uri": "s3://bkt/annotations/"}}
    tests = {"Documents": {"S3Uri": "s3://bkt/docs/", "TestS3Uri": "s3://bkt/docs/"}}
    many = [f"T{number}" for number in range(26)]

    for types, config, says in (
        (many, names, "There are 26 entity types; a recognizer has 1 to 25"),
        (["A", "A"], names, "An entity type may occur only once"),
        (["A"], {}, "Specify one of InputDataConfig.Annotations and InputDataConfig.EntityList"),
        (["A"], names | marks, "Specify one of"),
        (["A"], marks | tests, "Test documents need test annotations"),
    ):
        code, message = refusal(idle.recognizer, "refused", types, config=config)
        assert code == "InvalidRequestException"
        assert says in message


def test_names_versions_and_tokens(idle: Trainings) -> None:
    first = idle.classifier("topic", ClientRequestToken="t1")
    assert idle.classifier("topic", ClientRequestToken="t1") == first
    code, message = refusal(idle.classifier, "other", ClientRequestToken="t1")
    assert (code, first in message) == ("ResourceInUseException", True)
    assert refusal(idle.classifier, "topic")[0] == "ResourceInUseException"

    second = idle.classifier("topic", VersionName="two")
    assert second == f"{first}/version/two"
    assert refusal(idle.classifier, "topic", VersionName="two")[0] == "ResourceInUseException"
    idle.recognizer("topic", ["CITY"], config={"EntityList": {"S3Uri": "s3://bkt/names/"}})
    (summary,) = idle.client.list_document_classifier_summaries()["DocumentClassifierSummariesList"]
    assert {name: summary[name] for name in summary if name != "LatestVersionCreatedAt"} == {
        "DocumentClassifierName": "topic",
        "NumberOfVersions": 2,
        "LatestVersionName": "two",
        "LatestVersionStatus": "SUBMITTED",
    }


def test_lists_filter_by_one_thing_and_go_on_where_a_page_ended(idle: Trainings) -> None:
    arns = [idle.classifier(f"c{number}") for number in range(5)]
    idle.client.stop_training_document_classifier(DocumentClassifierArn=arns[1])
    idle.when(arns[1], {"STOPPED"})

    def listed(**members: Any) -> list[str]:
        pages = idle.client.get_paginator("list_document_classifiers").paginate(**members)
        return [each["DocumentClassifierArn"] for page in pages for each in page["DocumentClassifierPropertiesList"]]

    assert listed() == arns[::-1]
    assert listed(PaginationConfig={"PageSize": 2}) == arns[::-1]
    assert listed(Filter={"Status": "STOPPED"}) == [arns[1]]
    assert listed(Filter={"DocumentClassifierName": "c3"}) == [arns[3]]
    assert listed(Filter={"SubmitTimeBefore": 4_000_000_000}, PaginationConfig={"PageSize": 2}) == arns
    assert listed(Filter={"SubmitTimeAfter": 4_000_000_000}) == []
    both = {"Status": "STOPPED", "DocumentClassifierName": "c1"}
    assert refusal(idle.client.list_document_classifiers, Filter=both)[0] == "InvalidFilterException"

    page = idle.client.list_document_classifier_summaries(MaxResults=3)
    rest = idle.client.list_document_classifier_summaries(MaxResults=3, NextToken=page["NextToken"])
    names = [each["DocumentClassifierName"] for each in page["DocumentClassifierSummariesList"]]
    assert names == ["c0", "c1", "c2"]
    assert [each["DocumentClassifierName"] for each in rest["DocumentClassifierSummariesList"]] == ["c3", "c4"]
    wrong = page["NextToken"]
    assert refusal(idle.client.list_document_classifiers, NextToken=wrong)[0] == "InvalidRequestException"


def test_a_model_in_training_is_neither_used_nor_deleted_but_can_be_stopped(idle: Trainings) -> None:
    arn = idle.classifier("topic")

    assert refusal(idle.classify, arn)[0] == "ResourceUnavailableException"
    assert refusal(idle.client.delete_document_classifier, DocumentClassifierArn=arn)[0] == "ResourceInUseException"
    idle.client.stop_training_document_classifier(DocumentClassifierArn=arn)
    assert "EndTime" in idle.when(arn, {"STOPPED"})
    idle.client.stop_training_document_classifier(DocumentClassifierArn=arn)
    idle.client.delete_document_classifier(DocumentClassifierArn=arn)
    assert idle.gone(arn)
    assert refusal(idle.client.list_tags_for_resource, ResourceArn=arn)[0] == "ResourceNotFoundException"


def test_models_that_do_not_exist(idle: Trainings) -> None:
    arn = idle.classifier("topic")
    stranger = arn.replace(":document-classifier/topic", ":document-classifier/nobody")
    elsewhere = idle.endpoint.client("comprehend", "eu-west-1")
    flywheel = arn.replace(":document-classifier/topic", ":flywheel/wheel")

    for call in ("describe_document_classifier", "delete_document_classifier", "stop_training_document_classifier"):
        assert refusal(getattr(idle.client, call), DocumentClassifierArn=stranger)[0] == "ResourceNotFoundException"
    assert refusal(elsewhere.describe_document_classifier, DocumentClassifierArn=arn)[0] == "ResourceNotFoundException"
    assert refusal(idle.classify, stranger)[0] == "ResourceNotFoundException"
    other_kind = arn.replace("document-classifier", "entity-recognizer")
    assert refusal(idle.client.describe_entity_recognizer, EntityRecognizerArn=other_kind)[0] == (
        "ResourceNotFoundException"
    )
    with pytest.raises(ClientError, match="does not serve flywheels"):
        idle.client.start_document_classification_job(
            InputDataConfig={"S3Uri": "s3://bkt/in/"},
            OutputDataConfig={"S3Uri": "s3://bkt/out/"},
            DataAccessRoleArn=ROLE,
            FlywheelArn=flywheel,
        )


def test_only_so_many_models_are_in_training(trainings: Callable[..., Any]) -> None:
    from runner.endpoint.settings import Quotas

    with trainings(**SLOW, quotas=Quotas(active_jobs=2)) as models:
        first = models.classifier("one")
        models.classifier("two")
        assert refusal(models.classifier, "three")[0] == "ResourceLimitExceededException"
        models.recognizer("other-kind", ["CITY"], config={"EntityList": {"S3Uri": "s3://bkt/names/"}})
        models.client.stop_training_document_classifier(DocumentClassifierArn=first)
        models.when(first, {"STOPPED"})
        models.classifier("three")


def test_a_model_that_a_job_uses_is_not_deleted(trainings: Callable[..., Any]) -> None:
    with trainings() as models:
        arn = models.classifier("topic")
        models.when(arn, {"TRAINED"})
        models.endpoint.set_faults({"operation": "StartDocumentClassificationJob", "do": "job_stuck"})
        models.classify(arn)
        code, message = refusal(models.client.delete_document_classifier, DocumentClassifierArn=arn)
        assert (code, "active job" in message) == ("ResourceInUseException", True)
        code, message = refusal(models.client.stop_training_document_classifier, DocumentClassifierArn=arn)
        assert (code, "TRAINED" in message) == ("InvalidRequestException", True)


def test_models_survive_a_restart_and_trainings_begin_again(trainings: Callable[..., Any]) -> None:
    with trainings() as models:
        done = models.classifier("done")
        trained = models.when(done, {"TRAINED"})
    with trainings(**SLOW) as models:
        waiting = models.classifier("waiting", ClientRequestToken="t1")
        stopped = models.classifier("stopped")
        models.client.stop_training_document_classifier(DocumentClassifierArn=stopped)
        models.when(stopped, {"STOPPED"})
    with trainings() as models:
        assert models.describe(done) == trained
        assert models.classifier("waiting", ClientRequestToken="t1") == waiting
        assert models.when(waiting, ENDED)["Status"] == "TRAINED"
        assert models.describe(stopped)["Status"] == "STOPPED"
        assert models.rows(models.classify(done)["JobId"])[0]["Classes"][0]["Name"] == "sport"


@pytest.mark.slow
def test_a_training_survives_the_death_of_the_endpoint(
    endpoint_process: Callable[..., AbstractContextManager[Any]], objects: dict[str, bytes], tmp_path: Any
) -> None:
    """SIGKILL while a model is TRAINING; whatever it had written is gone, and it is trained again."""
    slow = ("--timing", "service", "--time-scale", "0.002", "--analyzers", "default")  # trains for four seconds
    with endpoint_process(*slow) as first:
        first.bucket("bkt", objects)
        models = Trainings(first)
        arn = models.classifier("topic")
        models.when(arn, {"TRAINING"})
        first.process.kill()
        first.process.wait(10)
    orphan = tmp_path / "data" / "models" / "half-of-a-model.tmp"
    orphan.write_bytes(b"half")
    with endpoint_process("--analyzers", "default") as second:
        models = Trainings(second)
        assert models.when(arn, ENDED)["Status"] == "TRAINED"
        assert models.rows(models.classify(arn)["JobId"])[1]["Classes"][0]["Name"] == "money"
        assert not orphan.exists()
        models.client.delete_document_classifier(DocumentClassifierArn=arn)
        assert models.gone(arn)
    assert list((tmp_path / "data" / "models").iterdir()) == []
