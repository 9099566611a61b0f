"""Entities: which spans, of which type, in the six languages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from runner.endpoint import analyzers
from runner.endpoint.analyzers.entities import disjoint

ANALYZE = analyzers.load("entities")


def found(text: str, language: str = "en") -> list[tuple[str, str]]:
    return [(row["Text"], row["Type"]) for row in ANALYZE(text, language)["Entities"]]


def test_a_sentence_of_news():
    text = (
        "Mr. John Smith of Amazon met Angela Merkel in New York on March 3, 2021 "
        "and paid $5 million for 20% of Acme Corp."
    )
    assert found(text) == [
        ("John Smith", "PERSON"),
        ("Amazon", "ORGANIZATION"),
        ("Angela Merkel", "PERSON"),
        ("New York", "LOCATION"),
        ("March 3, 2021", "DATE"),
        ("$5 million", "QUANTITY"),
        ("20%", "QUANTITY"),
        ("Acme Corp.", "ORGANIZATION"),
    ]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "de",
            "Angela Merkel fuhr am 3. März 2021 mit 20 Millionen Euro nach Hamburg zur Siemens AG.",
            ["PERSON", "DATE", "QUANTITY", "LOCATION", "ORGANIZATION"],
        ),
        (
            "es",
            "Pedro Sánchez visitó Barcelona el 3 de marzo de 2021 con 20 millones de euros del Banco de España.",
            ["PERSON", "LOCATION", "DATE", "QUANTITY", "ORGANIZATION"],
        ),
        (
            "fr",
            "Emmanuel Macron est arrivé à Marseille le 14 juillet 2020 avec 3 000 euros pour Renault.",
            ["PERSON", "LOCATION", "DATE", "QUANTITY", "ORGANIZATION"],
        ),
        (
            "it",
            "Giulia Rossi lavora a Milano dal 5 maggio 2019 per la Fiat e guadagna 2000 euro.",
            ["PERSON", "LOCATION", "DATE", "ORGANIZATION", "QUANTITY"],
        ),
        (
            "pt",
            "João Silva mora em Lisboa desde 10 de junho de 2018 e pagou 50 reais.",
            ["PERSON", "LOCATION", "DATE", "QUANTITY"],
        ),
    ],
)
def test_each_language_has_its_calendar_and_names(language: str, text: str, expected: list[str]):
    assert [kind for _, kind in found(text, language)] == expected


def test_a_surname_makes_a_person_of_a_place():
    assert ("Paris Hilton", "PERSON") in found("They photographed Paris Hilton's house.")
    assert ("Paris", "LOCATION") in found("They photographed the house in Paris.")


def test_a_title_makes_a_person_of_an_unknown_name():
    assert found("We thank Dr. Xylor for it.") == [("Xylor", "PERSON")]


def test_part_of_a_word_is_no_name():
    assert found("The romance of parisology") == []


def test_the_first_word_of_a_sentence_is_no_name_for_its_capital():
    assert found("Running is fun. Then we ate.") == []


def test_products_events_titles_and_addresses():
    text = 'In the film "Up" nobody had an iPhone at the Super Bowl, see https://example.com/a?b=1.'
    kinds = dict(found(text))
    assert kinds["Up"] == "TITLE"
    assert kinds["iPhone"] == "COMMERCIAL_ITEM"
    assert kinds["Super Bowl"] == "EVENT"
    assert kinds["https://example.com/a?b=1"] == "OTHER"


def test_a_shouted_sentence_is_not_all_names():
    assert [kind for _, kind in found("PLEASE DO NOT CALL ME AGAIN EVER")] == []


def test_a_language_without_rules_finds_nothing():
    assert found("東京で会いましょう", "ja") == []


spans = st.tuples(
    st.integers(0, 30), st.integers(1, 10), st.sampled_from(["DATE", "OTHER"]), st.sampled_from([0.5, 0.9, 0.98])
).map(lambda s: (s[0], s[0] + s[1], s[2], s[3]))


@given(st.lists(spans, max_size=12))
def test_of_overlapping_spans_one_stays(drawn: list[tuple[int, int, str, float]]):
    kept = disjoint(drawn)
    assert set(kept) <= set(drawn)
    assert all(left[1] <= right[0] for left, right in pairwise(kept))
    if drawn:
        assert kept
