"""Offsets count code points and always fit their text, whatever the text; time is linear in it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings, strategies as st

from runner.endpoint import analyzers
from runner.endpoint.options import Options, redacted

if TYPE_CHECKING:
    from runner.endpoint.analyzers import Analyzer

LANGUAGES = ("de", "en", "es", "fr", "it", "pt")
PIECES = (
    "Mr. John Smith", "New York", "Amazon's", "didn't", "3 May 2021", "$5 million", "20 %", "am 3. März",
    "el perro", "l’été", "😀", "👩‍👩‍👧", "e\u0301", "漢字", "कि",
    "\x00", "\x85", "\u2028", "\n\n", "\t", "...", "!", "'s", "@", "#x",
    "www.", "http://a.b/c", "a@b.cd", "Bank of", "U.S.", "film “Up”", "İ", "ß", "ﬁ", "\ufeff", "\U0010ffff",
)  # fmt: skip
NEWS = (
    "Amazon", "acquired", "Whole Foods", "for $5 million", "merged with", "John Smith", "resigned as CEO", "IPO",
    "he", "it", "was bought by", ".", "bankruptcy", "in 2019", "3-for-1 stock split", "great", "but terrible",
    "the battery",
)  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
)


@pytest.fixture(scope="module")
def entities() -> Analyzer:
    return analyzers.load("entities")


@pytest.fixture(scope="module")
def pii() -> Analyzer:
    return analyzers.load("pii_entities")


@pytest.fixture(scope="module")
def targeted() -> Analyzer:
    return analyzers.load("targeted_sentiment")


@pytest.fixture(scope="module")
def events() -> Analyzer:
    return analyzers.load("events")


@pytest.fixture(scope="module")
def key_phrases() -> Analyzer:
    return analyzers.load("key_phrases")


@settings(max_examples=300, deadline=None)
@given(text=texts, language=st.sampled_from(LANGUAGES))
@example(text="I didn't", language="en")
@example(text="İİ New York", language="en")
def test_entities_fit_their_text_and_do_not_overlap(entities: Analyzer, text: str, language: str):
    rows = entities(text, language)["Entities"]
    check(text, rows)
    assert {row["Type"] for row in rows} <= {
        "PERSON", "LOCATION", "ORGANIZATION", "DATE", "QUANTITY", "COMMERCIAL_ITEM", "EVENT", "TITLE", "OTHER",
    }  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(text=texts, language=st.sampled_from(LANGUAGES))
def test_key_phrases_fit_their_text_and_do_not_overlap(key_phrases: Analyzer, text: str, language: str):
    check(text, key_phrases(text, language)["KeyPhrases"])


def check(text: str, rows: list[dict[str, object]]) -> None:
    for row in rows:
        assert 0 <= row["BeginOffset"] < row["EndOffset"] <= len(text)
        assert text[row["BeginOffset"] : row["EndOffset"]] == row["Text"]
        assert row["Text"] == row["Text"].strip()
        assert 0 < row["Score"] <= 1
        assert row["Score"] == round(row["Score"], 6)
    assert all(left["EndOffset"] <= right["BeginOffset"] for left, right in pairwise(rows))


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_sentiment_scores_are_a_distribution_and_the_label_its_largest(text: str):
    answer = SENTIMENT(text, "en")
    scores = answer["SentimentScore"]
    assert list(scores) == ["Mixed", "Negative", "Neutral", "Positive"]
    assert sum(scores.values()) == pytest.approx(1, abs=1e-9)
    assert all(0 <= score <= 1 for score in scores.values())
    assert scores[answer["Sentiment"].capitalize()] == max(scores.values())


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_languages_come_surest_first(text: str):
    rows = LANGUAGE(text, None)["Languages"]
    assert all(0 < row["Score"] <= 1 for row in rows)
    assert all(left["Score"] >= right["Score"] for left, right in pairwise(rows))


@settings(max_examples=150, deadline=None)
@given(text=texts, language=st.sampled_from(["en", "es"]))
@example(text="password #", language="en")
def test_personal_data_fits_its_text_and_does_not_overlap(pii: Analyzer, text: str, language: str):
    rows = pii(text, language)["Entities"]
    assert all(list(row) == ["BeginOffset", "EndOffset", "Score", "Type"] for row in rows)
    check(text, [{**row, "Text": text[row["BeginOffset"] : row["EndOffset"]]} for row in rows])
    redacted(text, rows, Options(mask="*"))


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(texts, st.lists(st.sampled_from(NEWS), max_size=20).map(" ".join)))
def test_mentions_fit_their_text(targeted: Analyzer, events: Analyzer, text: str):
    answer = events(text, "en")
    entities = [*targeted(text, "en")["Entities"], *answer["Entities"]]
    for entity in entities:
        mentions = entity["Mentions"]
        assert mentions
        assert all(0 <= index < len(mentions) for index in entity.get("DescriptiveMentionIndex", ()))
        check(text, [{name: row[name] for name in ("BeginOffset", "EndOffset", "Text", "Score")} for row in mentions])
    for event in answer["Events"]:
        assert event["Arguments"]
        assert all(0 <= each["EntityIndex"] < len(answer["Entities"]) for each in event["Arguments"])
        check(
            text,
            [{name: row[name] for name in ("BeginOffset", "EndOffset", "Text", "Score")} for row in event["Triggers"]],
        )


@pytest.mark.parametrize("family", ["pii_entities", "targeted_sentiment", "events"])
@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "Bo Li ",
        "1 ",
        "12 Main ",
        "a@",
        "😀",
        "Calle A ",
        "password ",
        "::",
        "IPO ",
        "it was bad. ",
        "A1B2 ",
        "(((",
    ],
)
@pytest.mark.timeout(30)
def test_texts_as_long_as_a_document_may_be_are_answered(
    pii: Analyzer, targeted: Analyzer, events: Analyzer, family: str, unit: str
):
    """One kind of text that a rule of quadratic time would take for ever: the timeout is the only clock here."""
    analyze = {"pii_entities": pii, "targeted_sentiment": targeted, "events": events}[family]
    length = 100_000 if family == "pii_entities" else 10_000
    assert analyze(unit * (length // len(unit)), "es" if unit == "Calle A " and family == "pii_entities" else "en")


SENTIMENT = analyzers.load("sentiment")
LANGUAGE = analyzers.load("dominant_language")


@pytest.mark.parametrize("family", ["dominant_language", "entities", "key_phrases", "sentiment"])
@pytest.mark.parametrize(
    "unit",
    ["a", "A ", "John ", "1,", ".", "a@", "a.", "'", "an't ", "x-", "😀", "e\u0301", "漢", "\x00", "www.", 'film "',
     "the ", "big ", "5 of ", "New York ", "Bank of ", "12:", "19-", "good but bad ", "Der große Hund. "],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_long_texts_of_one_kind_are_answered(family: str, unit: str):
    """Texts that would take a rule of quadratic time for ever: the timeout is the only clock here."""
    analyze = analyzers.load(family) if family not in LOADED else LOADED[family]
    LOADED[family] = analyze
    text = unit * (200_000 // len(unit))
    payload = analyze(text, "en")
    for spans in payload.values():
        for span in spans if isinstance(spans, list) else ():
            if "BeginOffset" in span:
                assert text[span["BeginOffset"] : span["EndOffset"]] == span["Text"]


LOADED: dict[str, Analyzer] = {"sentiment": SENTIMENT, "dominant_language": LANGUAGE}
