"""Recognizers from lists and from annotations: what they find, where, and what they refuse to learn from."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.endpoint.custom import load_recognizer
from runner.endpoint.custom.annotations import Document, read_annotations, read_documents, read_names
from runner.endpoint.custom.gazetteer import Gazetteer
from runner.endpoint.custom.model_file import RecognizerModel, pack_model
from runner.endpoint.custom.problems import TrainingDataError
from runner.endpoint.custom.recognizer_training import TrainedRecognizer, train_from_annotations, train_from_names
from runner.endpoint.custom.tables import read_rows
from tests.endpoint.custom.texts import People, as_csv

TYPES = ["ENGINEER", "MANAGER"]
NAMES = [("Anna", 0), ("Anna Meyer", 0), ("pump station", 1), ("C++", 1), ("IBM", 1), ("Straße", 0)]


def table(data: bytes) -> Any:
    return read_rows([("table.csv", io.BytesIO(data))], trim=True)


@pytest.fixture(scope="session")
def learned(people: People) -> TrainedRecognizer:
    documents = read_documents([("docs.txt", io.BytesIO(people.documents()))], per_line=True)
    spans = read_annotations(table(people.table()), documents, TYPES, per_line=True)
    return train_from_annotations(documents, spans, TYPES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Anna came.", ["Anna"]),
        ("Anna Meyer came.", ["Anna Meyer"]),
        ("Annabel, Joanna, Anna2", []),
        ("(Anna) and Anna's", ["Anna", "Anna"]),
        ("ANNA MEYER", ["ANNA MEYER"]),
        ("anna meyer", []),
        ("The Pump Station and pump station.", ["Pump Station", "pump station"]),
        ("C++ is older than C++11; c++", ["C++", "C++"]),
        ("IBM, ibm, Ibm", ["IBM"]),
        ("İİİ Anna in der Straße", ["Anna", "Straße"]),
        ("", []),
    ],
)
def test_names_are_found_as_whole_words_in_the_writings_that_are_allowed(text: str, found: list[str]) -> None:
    assert [text[span.begin : span.end] for span in Gazetteer(NAMES).find(text)] == found


@given(
    st.lists(st.sampled_from([name for name, _ in NAMES] + ["ANNA", " ", "ß", "İ", "x", "é", "😀", "1"])).map("".join)
)
def test_what_is_found_is_in_the_text_where_it_says(text: str) -> None:
    recognize = load_recognizer(pack_model(RecognizerModel(types=TYPES, names=NAMES, tagger=None)))
    end = 0
    for entity in recognize(text, None)["Entities"]:
        assert entity["Text"] == text[entity["BeginOffset"] : entity["EndOffset"]]
        assert entity["BeginOffset"] >= end
        end = entity["EndOffset"]


def test_a_list_is_counted_in_the_documents(people: People) -> None:
    documents = [Document("docs.txt", number, line) for number, line in enumerate(people.lines)]
    found = train_from_names(documents, [("Rome", 0), ("pump", 1), ("Atlantis", 2)], ["CITY", "PART", "MYTH"])

    assert found.warnings == ["No training document mentions an entry of the type MYTH."]
    assert found.metadata["NumberOfTrainedDocuments"] + found.metadata["NumberOfTestDocuments"] == 240
    assert 40 <= found.metadata["NumberOfTestDocuments"] <= 60
    city, part, myth = found.metadata["EntityTypes"]
    assert city["NumberOfTrainMentions"] > 20
    assert part["EvaluationMetrics"] == {"Precision": 100.0, "Recall": 100.0, "F1Score": 100.0}
    assert myth["NumberOfTrainMentions"] == 0


def test_people_not_seen_in_training_are_found_by_what_stands_around_them(learned: TrainedRecognizer) -> None:
    recognize = load_recognizer(pack_model(learned.model))
    text = (
        "It is late. Our engineer Petra Kowalski mended the pump on Monday. Yesterday manager Ola Åberg left for Oslo."
    )

    assert [(each["Text"], each["Type"]) for each in recognize(text, "en")["Entities"]] == [
        ("Petra Kowalski", "ENGINEER"),
        ("Ola Åberg", "MANAGER"),
    ]
    assert recognize("It rained all day in the valley near Petra Kowalski.", "en") == {"Entities": []}
    assert learned.metadata["EvaluationMetrics"]["F1Score"] > 90
    assert [each["Type"] for each in learned.metadata["EntityTypes"]] == TYPES


def test_a_test_set_is_used_as_given(people: People) -> None:
    documents = read_documents([("docs.txt", io.BytesIO(people.documents()))], per_line=True)
    spans = read_annotations(table(people.table()), documents, TYPES, per_line=True)
    found = train_from_annotations(documents, spans, TYPES, test=(documents[:30], spans[:30])).metadata

    assert (found["NumberOfTrainedDocuments"], found["NumberOfTestDocuments"]) == (240, 30)
    mentions = sum(each["NumberOfTrainMentions"] for each in found["EntityTypes"])
    assert mentions == len(people.annotations)


def test_the_same_annotations_make_the_same_model(people: People, learned: TrainedRecognizer) -> None:
    documents = read_documents([("docs.txt", io.BytesIO(people.documents()))], per_line=True)
    spans = read_annotations(table(people.table()), documents, TYPES, per_line=True)

    assert pack_model(train_from_annotations(documents, spans, TYPES).model) == pack_model(learned.model)


@given(st.text())
def test_any_text_is_answered_with_entities_that_are_there(learned: TrainedRecognizer, text: str) -> None:
    text = f"Our engineer {text} mended the pump."
    end = 0
    for entity in load_recognizer(pack_model(learned.model))(text, None)["Entities"]:
        assert entity["Text"] == text[entity["BeginOffset"] : entity["EndOffset"]] != ""
        assert end <= entity["BeginOffset"]
        assert 0 < entity["Score"] <= 1
        end = entity["EndOffset"]


def test_a_long_text_is_tagged_as_its_sentences_are(learned: TrainedRecognizer) -> None:
    """Longer than what is tagged at once: nothing is lost or moved where two stretches meet."""
    line = "Our engineer Petra Kowalski mended the pump on Monday. "
    entities = load_recognizer(pack_model(learned.model))(line * 900, None)["Entities"]

    assert [each["BeginOffset"] for each in entities] == [13 + number * len(line) for number in range(900)]
    assert {each["Text"] for each in entities} == {"Petra Kowalski"}


def test_annotations_of_whole_files_have_no_line() -> None:
    documents = read_documents([("in/a.txt", io.BytesIO(b"one\ntwo Jo"))], per_line=False)
    spans = read_annotations(
        table(b"File, Begin Offset, End Offset, Type\na.txt, 8, 10, X\n"), documents, ["X"], per_line=False
    )

    assert documents == [Document("a.txt", None, "one\ntwo Jo")]
    assert [span[:3] for span in spans[0]] == [(8, 10, 0)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("b.txt", 0, 0, 2, "X"), "line 2 annotates line 0 of b.txt, which is not among the training documents"),
        (("a.txt", 9, 0, 2, "X"), "annotates line 9 of a.txt"),
        (("a.txt", 0, 3, 99, "X"), "annotates the characters 3 to 99 of a document that has 6"),
        (("a.txt", 0, 2, 2, "X"), "Offsets count characters from 0, and the end is exclusive"),
        (("a.txt", 0, "x", 2, "X"), "no whole number"),
        (("a.txt", 0, 1), "line 2 has 3 columns"),
    ],
)
def test_a_bad_annotation_is_told_by_its_place(row: tuple[object, ...], says: str) -> None:
    header = ("File", "Line", "Begin Offset", "End Offset", "Type")
    with pytest.raises(TrainingDataError) as caught:
        read_annotations(table(as_csv([header, row])), [Document("a.txt", 0, "Jo Doe")], ["X"], per_line=True)
    assert says in str(caught.value)


def test_annotations_that_overlap_are_refused_and_those_of_other_types_ignored() -> None:
    header = ("File", "Line", "Begin Offset", "End Offset", "Type")
    rows = [header, ("a.txt", 0, 0, 6, "X"), ("a.txt", 0, 3, 6, "Y")]
    document = Document("a.txt", 0, "Jo Doe")

    assert len(read_annotations(table(as_csv(rows)), [document], ["X"], per_line=True)[0]) == 1
    with pytest.raises(TrainingDataError, match="overlap at character 3"):
        read_annotations(table(as_csv(rows)), [document], ["X", "Y"], per_line=True)


def test_an_ambiguous_file_name_is_refused() -> None:
    twice = [Document("a.txt", 0, "Jo"), Document("a.txt", 0, "Jo")]
    with pytest.raises(TrainingDataError, match=r"2 training files are called a\.txt"):
        read_annotations(table(b"File,Line,Begin Offset,End Offset,Type\n"), twice, ["X"], per_line=True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"Text,Type\nJo,X\n", "no entry of the type Y"),
        (b"Text,Type\n,X\n", "text of 0 characters"),
        (b"Text,Type\n" + b"x" * 5001 + b",X\n", "text of 5001 characters"),
    ],
)
def test_a_bad_entity_list_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(TrainingDataError, match=says):
        read_names(table(data), ["X", "Y"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"fine\nnot \xff fine", "docs.txt line 1 is not UTF-8"),
        (b"fine\n" + b"x" * 5001, "docs.txt line 1 has 5001 bytes"),
    ],
)
def test_a_bad_document_is_told_by_its_place(data: bytes, says: str) -> None:
    with pytest.raises(TrainingDataError, match=says):
        read_documents([("docs.txt", io.BytesIO(data))], per_line=True)


def test_too_few_documents_bytes_or_annotations_are_refused(people: People) -> None:
    few = [Document("a", n, "x" * 4000) for n in range(2)]
    with pytest.raises(TrainingDataError, match="There are 2 training documents with text"):
        train_from_names(few, [("x", 0)], ["X"])
    with pytest.raises(TrainingDataError, match="have 12 bytes together"):
        train_from_names([Document("a", n, "some") for n in range(3)], [("x", 0)], ["X"])
    documents = [Document("docs.txt", number, line) for number, line in enumerate(people.lines)]
    rows = [("File", "Line", "Begin Offset", "End Offset", "Type"), *people.annotations[:40]]
    spans = read_annotations(table(as_csv(rows)), documents, TYPES, per_line=True)
    with pytest.raises(TrainingDataError, match="annotations; every type needs 25"):
        train_from_annotations(documents, spans, TYPES)
