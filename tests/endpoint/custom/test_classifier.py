"""Classifiers: what they learn, what they answer, what they refuse to learn from."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.custom import load_classifier, load_recognizer
from runner.endpoint.custom.classifier_training import TrainedClassifier, train_classifier
from runner.endpoint.custom.model_file import pack_model
from runner.endpoint.custom.problems import TrainingDataError
from runner.endpoint.custom.tables import Labelled
from runner.errors import MachineError
from tests.endpoint.custom.texts import sentence, topical


def documents(pairs: list[tuple[str, str]]) -> list[Labelled]:
    return [Labelled(str(number), tuple(labels.split("|")), text) for number, (labels, text) in enumerate(pairs)]


def both() -> list[tuple[str, str]]:
    """Documents with one topic, or with two."""
    dice = random.Random(5)
    return [
        *topical(40, ("sport", "money", "weather")),
        *[("sport|weather", sentence(dice, "sport", "weather")) for _ in range(30)],
    ]


@pytest.fixture(scope="module")
def trained() -> TrainedClassifier:
    return train_classifier(documents(topical()), mode="MULTI_CLASS")


@pytest.fixture(scope="module")
def analyze(trained: TrainedClassifier) -> object:
    return load_classifier(pack_model(trained.model))


def test_what_tells_classes_apart_is_learned(trained: TrainedClassifier) -> None:
    dice = random.Random(99)
    analyze = load_classifier(pack_model(trained.model))

    for topic in ("sport", "money"):
        for _ in range(20):
            first, second = analyze(sentence(dice, topic), "en")["Classes"]
            assert first["Name"] == topic
            assert first["Score"] > 0.8
            assert first["Score"] + second["Score"] == pytest.approx(1, abs=1e-5)


def test_one_document_in_ten_of_each_class_is_held_out(trained: TrainedClassifier) -> None:
    assert trained.metadata["NumberOfLabels"] == 2
    assert trained.metadata["NumberOfTrainedDocuments"] == 108
    assert trained.metadata["NumberOfTestDocuments"] == 12
    assert trained.metadata["EvaluationMetrics"]["Accuracy"] == 1.0
    assert trained.confusion == {
        "type": "multi_class",
        "confusion_matrix": [[6, 0], [0, 6]],
        "labels": ["money", "sport"],
        "all_labels": ["money", "sport"],
    }
    assert trained.warnings == []


def test_the_same_documents_make_the_same_model(trained: TrainedClassifier) -> None:
    again = train_classifier(documents(topical()), mode="MULTI_CLASS")

    assert pack_model(again.model) == pack_model(trained.model)
    assert again.metadata == trained.metadata


def test_a_text_is_never_learned_from_and_tested_on() -> None:
    """Sixty times one text of each class: all copies are on the same side."""
    same = [(topic, f"only this {topic}") for topic in ("sport", "money") for _ in range(60)]
    other = topical(60)
    found = train_classifier(documents(same + other), mode="MULTI_CLASS").metadata

    assert found["NumberOfTestDocuments"] in (12, 71, 130)


def test_several_labels_are_learned_each_for_itself() -> None:
    found = train_classifier(documents(both()), mode="MULTI_LABEL")
    analyze = load_classifier(pack_model(found.model))
    dice = random.Random(3)

    scores = {each["Name"]: each["Score"] for each in analyze(sentence(dice, "sport", "weather"), None)["Labels"]}

    assert scores["sport"] > 0.5
    assert scores["weather"] > 0.5
    assert scores["money"] < 0.5
    assert found.confusion["type"] == "multi_label"
    assert [sum(map(sum, one)) for one in found.confusion["confusion_matrix"]] == [15, 15, 15]
    assert found.metadata["EvaluationMetrics"]["HammingLoss"] < 0.1


def test_a_test_set_is_used_as_given_but_for_labels_that_were_not_trained() -> None:
    test = [*topical(5), ("history", "an unknown label")]
    found = train_classifier(documents(topical()), mode="MULTI_CLASS", test=documents(test))

    assert found.metadata["NumberOfTrainedDocuments"] == 120
    assert found.metadata["NumberOfTestDocuments"] == 10
    assert found.warnings == ["1 test documents with labels that the training data does not have were ignored."]


def test_documents_without_text_are_left_out_with_a_warning() -> None:
    found = train_classifier(documents([*topical(), ("sport", "  ")]), mode="MULTI_CLASS")

    assert found.metadata["NumberOfTrainedDocuments"] + found.metadata["NumberOfTestDocuments"] == 120
    assert found.warnings == ["1 training documents without text were ignored."]


@pytest.mark.parametrize(
    ("pairs", "mode", "says"),
    [
        ([], "MULTI_CLASS", "has no documents"),
        ([("a", " ")], "MULTI_CLASS", "has no documents"),
        (topical(60, ("sport",)), "MULTI_CLASS", "has one class"),
        (
            topical(60) + topical(49, ("weather",)),
            "MULTI_CLASS",
            "1 of 3 classes have too few documents: 'weather' has 49",
        ),
        (topical(60) + topical(9, ("weather",)), "MULTI_LABEL", "'weather' has 9, and every class needs 10"),
        (topical(20), "MULTI_LABEL", "has 40 documents; a classifier needs 50"),
        ([(f"c{n}", "text") for n in range(101)], "MULTI_LABEL", "has 101 classes; there may be 100"),
    ],
)
def test_too_little_or_too_much_is_refused(pairs: list[tuple[str, str]], mode: str, says: str) -> None:
    with pytest.raises(TrainingDataError) as caught:
        train_classifier(documents(pairs), mode=mode)  # type: ignore[arg-type]
    assert says in str(caught.value)


@given(st.text())
def test_any_text_is_answered(analyze: object, text: str) -> None:
    answer = analyze(text, None)  # type: ignore[operator]
    scores = [each["Score"] for each in answer["Classes"]]

    assert sorted(each["Name"] for each in answer["Classes"]) == ["money", "sport"]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert answer == analyze(text, "en")  # type: ignore[operator]


def test_a_file_that_holds_no_classifier_is_refused(trained: TrainedClassifier) -> None:
    data = pack_model(trained.model)

    for bad, says in ((b"", "form"), (data[:-9], "damaged"), (data.replace(b"model 1", b"model 9"), "form")):
        with pytest.raises(MachineError, match=says):
            load_classifier(bad)
    with pytest.raises(MachineError, match="no entity recognizer"):
        load_recognizer(data)
