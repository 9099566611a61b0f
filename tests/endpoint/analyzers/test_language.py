"""Dominant language: the service's codes, short texts, and texts that CLD2 refuses."""

from __future__ import annotations

import pytest

from runner.endpoint import analyzers
from runner.endpoint.analyzers import language

DETECT = analyzers.load("dominant_language")


def codes(text: str) -> list[str]:
    return [row["LanguageCode"] for row in DETECT(text, None)["Languages"]]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ar", "وصل الطرد متأخرا جدا"),
        ("de", "Wo ist der nächste Bahnhof?"),
        ("en", "Great value for the money"),
        ("es", "Me gusta mucho este restaurante"),
        ("fr", "Le colis est arrivé en retard"),
        ("hi", "पैकेज बहुत देर से आया"),
        ("it", "La cena era buonissima ma cara"),
        ("ja", "東京駅はどこですか"),
        ("ko", "소포가 너무 늦게 도착했어요"),
        ("pt", "muito obrigado pela ajuda"),
        ("zh", "包裹到得太晚了,请退款给我"),
        ("zh-TW", "包裹到得太晚了,請退款給我"),
        ("uk", "Посилка прийшла надто пізно"),
        ("ru", "Посылка пришла слишком поздно"),
        ("he", "החבילה הגיעה מאוחר מדי"),
        ("el", "Το δέμα έφτασε πολύ αργά"),
    ],
)
def test_short_texts_are_told_apart(code: str, text: str):
    assert codes(text) == [code]


def test_controls_and_noncharacters_do_not_hide_the_language():
    """CLD2 takes them for broken UTF-8 and raises."""
    assert codes("The parcel\x00 came\x85 far too\ufffe late, and it was broken\x01.")[0] == "en"


def test_a_long_text_in_two_languages_names_both():
    english = "The parcel came late and the box was broken when I opened it. " * 6
    french = "Le colis est arrivé en retard et la boîte était cassée quand je l'ai ouverte. " * 5
    assert set(codes(english + french)) == {"en", "fr"}


@pytest.mark.parametrize("text", ["", "  ", "12345", "?!", "😀"])
def test_a_text_without_letters_has_no_language(text: str):
    assert codes(text) == []


@pytest.mark.parametrize("text", ["A", "ok", "é", "Ж", "字", "あ"])
def test_a_text_with_letters_has_one(text: str):
    assert codes(text)


def test_a_rare_language_is_believed_only_where_the_model_is_unsure():
    assert language.agreed({"es": 0.9, "pt": 0.1}, "gn", sure=True) == "es"
    assert language.agreed({"es": 0.4, "pt": 0.3}, "gn", sure=True) == "gn"
    assert language.agreed({"es": 0.9, "pt": 0.1}, "hr", sure=True) == "hr"


def test_english_is_a_weak_vote_because_cld2_gives_it_too_easily():
    assert language.agreed({"es": 0.8, "en": 0.2}, "en", sure=True) == "es"
    assert language.agreed({"es": 0.8, "pt": 0.2}, "pt", sure=True) == "pt"
