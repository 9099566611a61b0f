"""Training data: what cannot be trained with is told before anything is bought; what can is known by its digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.catalogue import FAMILIES
from runner.compose.models.data import digest_of, with_training_data
from runner.errors import UserError
from runner.model import AnalysisSpec, CorpusSpec, LaneSpec, Manifest, ModelSpec

LABELLED = "".join(f"{label},text {n}\n" for n in range(50) for label in ("a", "b"))
TEXTS = "".join(f"Document {n} is about a kettle from Lisbon, and is not short of words.\n" for n in range(90))
ANNOTATED = "File,Line,Begin Offset,End Offset,Type\n" + "".join(f"d.txt,{n},0,8,WORD\n" for n in range(25))


def manifest(family: str, model: ModelSpec) -> Manifest:
    row = FAMILIES[family]
    analysis = AnalysisSpec(
        name="mine",
        family=family,
        corpora=("c",),
        document_bytes_max=row.document_bytes_max,
        languages=None,
        model=model,
    )
    corpus = CorpusSpec(name="c", sources=("/c",), format="lines")
    return Manifest(
        path="m.yaml", name="m", lanes=(LaneSpec(name="l", kind="url"),), corpora=(corpus,), analyses=(analysis,)
    )


def read(family: str, model: ModelSpec) -> ModelSpec:
    found = with_training_data(manifest(family, model)).analyses[0].model
    assert found is not None
    return found


def refusal(family: str, model: ModelSpec) -> str:
    with pytest.raises(UserError) as caught:
        read(family, model)
    assert caught.value.message.startswith("analysis mine: ")
    return f"{caught.value.message} | {caught.value.hint}"


@pytest.fixture
def classifier(tmp_path: Path):
    def make(content: str | bytes, **given: object) -> ModelSpec:
        path = tmp_path / "train.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ModelSpec(train=str(path), **given)

    return make


@pytest.fixture
def recognizer(tmp_path: Path):
    def make(
        texts: str | bytes = TEXTS, *, listed: str | None = None, annotated: str | None = None, **given: object
    ) -> ModelSpec:
        (tmp_path / "d.txt").write_bytes(texts.encode() if isinstance(texts, str) else texts)
        paths = {}
        for key, name, content in (("entity_list", "l.csv", listed), ("annotations", "a.csv", annotated)):
            if content is not None:
                (tmp_path / name).write_text(content)
                paths[key] = str(tmp_path / name)
        return ModelSpec(documents=(str(tmp_path / "*.txt"),), **paths, **given)

    return make


# --- classifiers ------------------------------------------------------------------------------------------------------


def test_what_can_be_trained_with_is_counted(classifier):
    quoted = '"a","a text, with a comma\nand ""two"" lines"\r\n'

    assert read("classification", classifier(LABELLED)).samples == 100
    assert read("classification", classifier(LABELLED + quoted)).samples == 101


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "it has no documents"),
        ("just a text\n", "line 1 has one column, and should have two"),
        ("a,b,c\n", "line 1 has 3 columns, and should have two: the label and the text | a text with a comma"),
        (LABELLED + ",text\n", "line 101 has an empty label"),
        (LABELLED.replace("b,", "a,"), "it has one class"),
        (LABELLED + "c,text\n" * 7, "class 'c' has 7 documents; every class needs 50 with mode multi_class"),
        (
            "label,text\n" + LABELLED,
            "class 'label' has 1 document; every class needs 50 with mode multi_class | the",
        ),
        (
            LABELLED + "a|b,text\n",
            "'a|b' has 1 document; every class needs 50 with mode multi_class | labels contain",
        ),
        (LABELLED + 'a,"text\n', "is no CSV"),
        (LABELLED.encode() + b"a,caf\xe9\n", "it is not UTF-8 after line"),
        (b"\xef\xbb\xbf" + LABELLED.encode(), "byte order mark"),
        ("".join(f"c{n},text\n" for n in range(1001) for _ in range(50)), "it has 1001 classes"),
    ],
)
def test_data_for_a_classifier_of_one_class_a_document(classifier, content: str | bytes, told: str):
    assert told in refusal("classification", classifier(content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a|b,text\n" * 9, "class 'a' has 9 documents, as have 1 more of its 2 classes; every class needs 10"),
        ("a|b,text\n" * 40, "it has 40 documents; a classifier needs 50"),
        ("a|,text\n" * 50, "line 1 has an empty label before, after or between '|' | no class name may contain"),
        ("a||b,text\n" * 50, "line 1 has an empty label before, after or between '|'"),
    ],
)
def test_data_for_a_classifier_of_several_labels(classifier, content: str, told: str):
    assert told in refusal("classification", classifier(content, mode="multi_label"))


def test_the_delimiter_is_the_users(classifier):
    model = classifier("a b;c,text\n" * 50, mode="multi_label", delimiter=";")

    assert read("classification", model).samples == 50


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    told = refusal("classification", ModelSpec(train=str(tmp_path / "none.csv")))

    assert f"classifier.train: {tmp_path}/none.csv: it cannot be read: No such file" in told


# --- recognizers ------------------------------------------------------------------------------------------------------


def test_types_are_read_from_the_list_or_the_annotations(recognizer):
    listed = read("custom_entities", recognizer(listed="Text,Type\nLisbon, CITY\nkettle,THING\n"))
    annotated = read("custom_entities", recognizer(annotated=ANNOTATED))

    assert (listed.types, listed.samples) == (("CITY", "THING"), 90)
    assert annotated.types == ("WORD",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "it is empty; the first line must be the header Text,Type"),
        ("Lisbon,CITY\n", "line 1 is another; the first line must be the header Text,Type"),
        ("Text,Type\n", "it has 0 types"),
        ("Text,Type\nLisbon\n", "line 2 has one column, and should have 2: Text, Type"),
        ("Text,Type\n,CITY\n", "line 2 has no text"),
        ('Text,Type\nLisbon,"A,B"\n', "line 2 has a type that is empty"),
        ("Text,Type\n" + "".join(f"x,T{n}\n" for n in range(26)), "it has 26 types; a recognizer has 1 to 25"),
    ],
)
def test_a_list_of_entities(recognizer, content: str, told: str):
    assert f"l.csv: {told}" in refusal("custom_entities", recognizer(listed=content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Text,Type\nLisbon,CITY\n", "must be the header File,Line,Begin Offset,End Offset,Type"),
        (ANNOTATED + "e.txt,0,0,1,WORD\n", "line 27 annotates e.txt, which is not among the documents"),
        (ANNOTATED + "d.txt,90,0,1,WORD\n", "line 27 annotates line 90 of d.txt, which is not among the documents"),
        (ANNOTATED + "d.txt,0,0,999,WORD\n", "line 27 annotates the characters 0 to 999 of a document that has"),
        (ANNOTATED + "d.txt,0,3,3,WORD\n", "line 27 annotates the characters 3 to 3"),
        (ANNOTATED + "d.txt,0,x,3,WORD\n", "line 27 has a line or an offset that is no whole number"),
        (ANNOTATED + "d.txt,0,0,3,RARE\n", "type 'RARE' has 1 annotations; every type needs 25"),
    ],
)
def test_annotations(recognizer, content: str, told: str):
    assert told in refusal("custom_entities", recognizer(annotated=content))


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ("one\ntwo\n\n", "there are 2 documents with text; a recognizer needs 3 to 200,000"),
        ("one\ntwo\nthree\n", "the documents have 11 bytes together; a recognizer needs 5,120 to"),
        (TEXTS + "x" * 5001, "line 90 (from 0) has 5,001 bytes; a document to train with may have 5,000"),
        (TEXTS.encode() + b"\xff", "line 90 (from 0) is not UTF-8"),
    ],
)
def test_documents_of_a_recognizer(recognizer, texts: str | bytes, told: str):
    assert told in refusal("custom_entities", recognizer(texts, listed="Text,Type\nLisbon,CITY\n"))


def test_two_documents_of_one_name_are_refused(recognizer, tmp_path: Path):
    model = recognizer(listed="Text,Type\nLisbon,CITY\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/d.txt").write_text(TEXTS)
    both = replace(model, documents=(*model.documents, str(tmp_path / "sub/d.txt")))

    assert "two files are called d.txt" in refusal("custom_entities", both)


def test_documents_that_are_not_there_are_told(recognizer, tmp_path: Path):
    model = replace(recognizer(listed="Text,Type\nx,Y\n"), documents=(str(tmp_path / "none/*.txt"),))

    assert refusal("custom_entities", model).startswith("analysis mine: recognizer.documents: ")


# --- digests ----------------------------------------------------------------------------------------------------------


def test_a_digest_follows_every_byte_and_setting_and_nothing_else(classifier, tmp_path: Path):
    model = read("classification", classifier(LABELLED))
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(LABELLED)

    assert digest_of(replace(model, train=str(elsewhere))) == model.digest
    assert digest_of(replace(model, delimiter=";")) == model.digest, "of no matter with one label a document"
    others = {
        digest_of(replace(model, language="de")),
        digest_of(replace(model, mode="multi_label")),
        digest_of(replace(model, mode="multi_label", delimiter=";")),
        read("classification", classifier(LABELLED + "a,more\n")).digest,
    }
    assert len(others) == 4
    assert model.digest not in others


def test_the_names_of_documents_count_where_annotations_name_them(recognizer, tmp_path: Path):
    listed = read("custom_entities", recognizer(listed="Text,Type\nLisbon,CITY\n"))
    annotated = read("custom_entities", recognizer(annotated=ANNOTATED))
    (tmp_path / "d.txt").rename(tmp_path / "e.txt")

    assert digest_of(listed) == listed.digest
    assert digest_of(annotated) != annotated.digest


def test_data_is_read_once_and_a_model_with_an_arn_never(classifier, tmp_path: Path):
    once = with_training_data(manifest("classification", classifier(LABELLED)))
    (tmp_path / "train.csv").unlink()

    assert with_training_data(once) == once
    by_arn = manifest(
        "classification", ModelSpec(arn="arn:aws:comprehend:us-east-1:123456789012:document-classifier/x")
    )
    assert with_training_data(by_arn) == by_arn
