"""Documents, rows and training data that are not what they should be: each has one clear outcome, told where it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.house import House

GENRE = {"family": "classification", "name": "genre"}
FOREIGN = "arn:aws:comprehend:eu-west-1:000000000000:document-classifier/genre"


def rows(house: House, *lines: dict[str, Any] | str, **corpus: Any) -> None:
    """A corpus of JSONL rows whose text is `t`."""
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    house.write("data/rows.jsonl", text)
    section = {"name": "lines", "source": "data/rows.jsonl", "format": "jsonl", "text": "t", "language": "en"}
    house.tell(corpora=[{**section, **corpus}])


def code_of(line: dict[str, Any]) -> str | None:
    return line["problems"][0]["code"] if line["problems"] else None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("just a text\n" * 60, "line 1 has one column, and should have two: the label and the text"),
        ("a,a text\n" * 60 + "b,another\n" * 3, "class 'b' has 3 documents; every class needs 50"),
    ],
    ids=["one column", "too few examples"],
)
def test_data_that_no_classifier_can_be_trained_with_is_told_before_anything_is_sent(
    house: House, table: str, words: str
) -> None:
    house.write("t.csv", table)
    house.tell(analyses=["sentiment", {**GENRE, "classifier": {"train": "t.csv"}}])
    before = house.endpoint.accepted

    said = house.run()

    assert said.code == 2, said.err
    assert "analysis genre: classifier.train: t.csv: " in said.talk
    assert words in said.talk
    assert house.endpoint.accepted == before
    assert house.directories() == []


def test_a_model_of_another_region_is_told_with_its_place_and_both_regions(house: House) -> None:
    house.tell(analyses=["sentiment", {**GENRE, "classifier": FOREIGN}])

    said = house.run()

    assert said.code == 2, said.err
    assert "m.yaml:" in said.talk
    assert "is a model in eu-west-1, and lane 'near' is in us-east-1" in said.talk
    assert house.directories() == []


def test_a_column_of_junk_for_languages_leaves_those_unknown(house: House) -> None:
    good = ["en-US", "EN", "  en "]
    junk = ["klingon", 5, None, "", "xx", "zz-ZZ", ["en"], {"a": 1}, "e" * 500]
    texts = [{"t": f"Text {number}.", "l": value} for number, value in enumerate([*good, *junk])]
    rows(house, *texts, {"t": "No such column."}, language={"field": "l"})

    assert house.run().code == 0

    lines = house.lines()
    assert [line["language"] for line in lines] == ["en"] * 3 + [None] * (len(junk) + 1)
    assert [code_of(line) for line in lines] == [None] * 3 + ["LANGUAGE_UNKNOWN"] * (len(junk) + 1)
    assert house.command("verify").code == 0


def test_ids_may_be_numbers_and_occur_twice_and_are_nothing_else(house: House) -> None:
    """A number is written as it stands in its row; what is neither text nor number cannot name a document."""
    ids = ["1", "1.50", "1e3", "-0", "12345678901234567890123", '""', "1", "true", "null", "[1]"]
    rows(house, *(f'{{"t":"Text {place}.","k":{value}}}' for place, value in enumerate(ids)), id="k")

    assert house.run().code == 3

    named = [*ids[:5], "", "1"]
    assert [line["id"] for line in house.lines()] == [*named, *(f"rows.jsonl:{place}" for place in (7, 8, 9))]
    assert [code_of(line) for line in house.lines()] == [None] * 7 + ["BAD_ROW"] * 3
    assert house.command("verify").code == 0


def test_a_text_that_is_null_is_an_empty_document_and_one_that_is_no_text_a_bad_row(house: House) -> None:
    rows(house, {"t": None}, {"t": 7}, {"u": "x"}, {"t": "Here."})

    assert house.run().code == 3

    assert [code_of(line) for line in house.lines()] == ["EMPTY", "BAD_ROW", "BAD_ROW", None]


def test_a_pdf_among_texts_is_told_and_the_others_go_on(house: House) -> None:
    house.write("data/mixed/a.pdf", b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n")
    house.write("data/mixed/b.txt", "Here is a text.")
    house.tell(corpora=[{"name": "lines", "source": "data/mixed", "format": "files", "language": "en"}])

    assert house.run().code == 3

    pdf, text = house.lines()
    assert (pdf["id"], code_of(pdf)) == ("a.pdf", "UNDECODABLE")
    assert pdf["problems"][0]["message"] == "the file is PDF, not plain text"
    assert text["outcome"] == {"sentiment": "ok"}


def test_a_line_far_beyond_every_limit_is_cut_or_told_and_its_neighbours_go_on(house: House) -> None:
    long = "".join(f"Word {number} and more. " for number in range(120_000))
    house.write("data/long.txt", f"The first.\n{long}\nThe last.\n")
    house.tell(
        corpora=[{"name": "lines", "source": "data/long.txt", "format": "lines", "language": "en"}],
        analyses=[
            "sentiment",
            {"family": "entities", "oversize": "skip"},
            {"family": "key_phrases", "oversize": "error"},
        ],
    )

    assert house.run().code == 3

    assert house.outcomes("sentiment") == {"ok": 3}
    assert house.outcomes("entities") == {"ok": 2, "skipped TOO_LONG": 1}
    assert house.outcomes("key_phrases") == {"ok": 2, "error TOO_LONG": 1}
    assert house.command("verify").code == 0
