"""Analyzers that find nothing: what a job costs without its NLP, and texts whose answers do not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.endpoint.analyzers import Analyzer


def load_dominant_language() -> Analyzer:
    """Finds no language."""

    def analyze(_text: str, _language: str | None, /) -> dict[str, object]:
        return {"Languages": []}

    return analyze


def load_entities() -> Analyzer:
    """Finds no entities."""

    def analyze(_text: str, _language: str | None, /) -> dict[str, object]:
        return {"Entities": []}

    return analyze


def load_key_phrases() -> Analyzer:
    """Finds no key phrases."""

    def analyze(_text: str, _language: str | None, /) -> dict[str, object]:
        return {"KeyPhrases": []}

    return analyze


def load_sentiment() -> Analyzer:
    """Finds every text neutral, and is certain of it."""

    def analyze(_text: str, _language: str | None, /) -> dict[str, object]:
        scores = {"Mixed": 0.0, "Negative": 0.0, "Neutral": 1.0, "Positive": 0.0}
        return {"Sentiment": "NEUTRAL", "SentimentScore": scores}

    return analyze
