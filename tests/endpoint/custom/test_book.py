"""The book of models: which moves are legal, and that its answers are made of the service's members."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from runner.endpoint.custom.book import IN_TRAINING, TRANSITIONS, Model, ModelBook, ModelRecord, Status
from runner.endpoint.custom.kinds import KINDS
from runner.endpoint.database import Database
from runner.endpoint.lifecycle import IllegalMoveError
from runner.endpoint.protocol import service_model


def record(**more: Any) -> ModelRecord:
    arn = "arn:aws:comprehend:us-east-1:000000000000:document-classifier/topic"
    given = {
        "seq": 1,
        "arn": arn,
        "kind": "classifier",
        "name": "topic",
        "version": None,
        "region": "us-east-1",
        "request": {},
        "file": "f",
        "output": None,
        "token": None,
        "fingerprint": "",
        "submitted": 1.0,
    }
    return ModelRecord(**given | more)


def strangers(shape: str, value: Any, path: str = "") -> list[str]:
    """Members of an answer that botocore's model does not have, or has as another type."""
    facts = service_model()["shapes"][shape]
    match facts["type"]:
        case "structure":
            found = [f"{path}.{name}" for name in value if name not in facts["members"]]
            known = [(name, value[name]) for name in value if name in facts["members"]]
            inner = [strangers(facts["members"][name]["shape"], item, f"{path}.{name}") for name, item in known]
            return [*found, *itertools.chain.from_iterable(inner)]
        case "list":
            inner = [strangers(facts["member"]["shape"], item, path) for item in value]
            return list(itertools.chain.from_iterable(inner))
        case "string":
            fine = isinstance(value, str) and value in facts.get("enum", [value])
        case "integer":
            fine = isinstance(value, int)
        case _:
            fine = isinstance(value, int | float)
    return [] if fine else [f"{path}: {value!r}"]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(TRANSITIONS, repeat=2)))
def test_a_model_moves_as_the_table_says_and_an_illegal_move_changes_nothing(
    tmp_path: Path, before: Status, after: Status
) -> None:
    async def scenario(database: Database) -> None:
        book = ModelBook(database)
        model = await book.accept(record(status=before))
        if after in TRANSITIONS[before]:
            await book.advance(model, after)
        else:
            with pytest.raises(IllegalMoveError):
                await book.advance(model, after)
        expected = after if after in TRANSITIONS[before] else before
        again = ModelBook(database)
        again.load()
        assert [each.record.status for each in [model, *again.all()]] == [expected, expected]

    with Database(tmp_path / "books.db") as database:
        asyncio.run(scenario(database))


def test_every_training_can_end_and_only_what_has_ended_can_be_deleted() -> None:
    assert set(TRANSITIONS) == set(service_model()["shapes"]["ModelStatus"]["enum"])
    for status, after in TRANSITIONS.items():
        assert ("DELETING" in after) == (status not in IN_TRAINING and status != "DELETING")
        assert bool(after) == (status != "DELETING")


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.name)
def test_answers_have_the_members_of_the_service_model_and_no_others(kind: Any) -> None:
    config = {"DataFormat": "COMPREHEND_CSV"}
    figures = {"Precision": 0.5, "Recall": 0.5, "F1Score": 0.5}
    metadata: dict[str, Any] = {"NumberOfTrainedDocuments": 9, "NumberOfTestDocuments": 1, "EvaluationMetrics": figures}
    if kind.name == "classifier":
        metadata |= {"NumberOfLabels": 2}
    else:
        metadata |= {"EntityTypes": [{"Type": "A", "EvaluationMetrics": figures, "NumberOfTrainMentions": 3}]}
    model = Model(
        record(
            kind=kind.name,
            request={
                "LanguageCode": "en",
                "InputDataConfig": config,
                "OutputDataConfig": {"S3Uri": "s3://bkt/out"},
                "DataAccessRoleArn": "arn:aws:iam::000000000000:role/Comprehend",
                "Mode": "MULTI_LABEL",
                "VersionName": "v1",
                "VolumeKmsKeyId": "key",
                "ModelKmsKeyId": "key",
                "VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["net"]},
                "ClientRequestToken": "t",
            },
            output="s3://bkt/out/x" if kind.name == "classifier" else None,
            status="TRAINED_WITH_WARNING",
            started=2.0,
            trained=3.0,
            ended=4.0,
            message="look",
            metadata=metadata,
        )
    )
    described = model.properties()

    assert strangers(kind.properties, described) == []
    assert {"Status", "Message", "EndTime", "VpcConfig", kind.arn_member, kind.metadata_member} <= set(described)
    operations = service_model()["operations"]
    for name in (f"Create{kind.stem}", f"List{kind.stem}Summaries", f"StopTraining{kind.stem}"):
        assert name in operations
