"""Sentiment: the four classes, and what makes a text neutral or mixed."""

from __future__ import annotations

import pytest

from runner.endpoint import analyzers

ANALYZE = analyzers.load("sentiment")


def sentiment(text: str) -> str:
    return str(ANALYZE(text, "en")["Sentiment"])


@pytest.mark.parametrize(
    "text",
    [
        "I love this phone.",
        "The package arrived on time and works perfectly.",
        "A great, moving, wonderful film.",
        "😀",
    ],
)
def test_praise_is_positive(text: str):
    assert sentiment(text) == "POSITIVE"


@pytest.mark.parametrize(
    "text",
    ["Worst purchase ever", "The battery died after two days and support was useless.", "A dull, lifeless mess."],
)
def test_blame_is_negative(text: str):
    assert sentiment(text) == "NEGATIVE"


@pytest.mark.parametrize("text", ["", "The meeting is at 5pm on Tuesday.", "The invoice number is 4711."])
def test_statements_without_opinion_are_neutral(text: str):
    assert sentiment(text) == "NEUTRAL"


def test_opposite_clauses_in_contrast_are_mixed():
    assert sentiment("The camera is great but the battery is terrible.") == "MIXED"


def test_a_long_review_that_also_blames_is_not_mixed():
    review = "A wonderful film with a superb cast, funny and warm. " * 20
    assert sentiment(review + "Sadly the ending is terrible.") == "POSITIVE"


def test_a_negation_turns_the_word_round():
    plain, negated = (ANALYZE(text, "en")["SentimentScore"] for text in ("I am happy", "I am not happy"))
    assert negated["Positive"] < plain["Positive"]


def test_the_typographic_apostrophe_negates_too():
    assert ANALYZE("I don’t like it", "en") == ANALYZE("I don't like it", "en")
