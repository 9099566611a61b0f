"""Languages that their script gives away, for texts too short for statistics.

Owns which letters belong to which language. Says nothing (None) where a script is shared and nothing in the text
tells its languages apart.
"""

from __future__ import annotations

import re

# Scripts of (nearly) one language each, and what else is written in them: none that the service names.
_OF_ONE = tuple(
    (re.compile(f"[{letters}]"), code)
    for letters, code in (
        ("\u3041-\u30fa\u30fd-\u30ff\uff66-\uff9d", "ja"),
        ("\u1100-\u11ff\uac00-\ud7af", "ko"),
        ("\u0e01-\u0e5b", "th"),
        ("\u0370-\u03ff\u1f00-\u1fff", "el"),
        ("\u0531-\u058f", "hy"),
        ("\u10a0-\u10ff", "ka"),
        ("\u0b80-\u0bff", "ta"),
        ("\u0c00-\u0c7f", "te"),
        ("\u0c80-\u0cff", "kn"),
        ("\u0d00-\u0d7f", "ml"),
        ("\u0a80-\u0aff", "gu"),
        ("\u0a00-\u0a7f", "pa"),
        ("\u0d80-\u0dff", "si"),
        ("\u1780-\u17ff", "km"),
        ("\u0e80-\u0eff", "lo"),
        ("\u1000-\u109f", "my"),
    )
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_ARABIC = re.compile("[\u0600-\u06ff]")
_HEBREW = re.compile("[\u0590-\u05ff]")
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef]")
_PERSIAN = re.compile("[پچژگکی]")
_URDU = re.compile("[ٹڈڑںےھہ]")
_SURE, _LIKELY, _UNDECIDED = 0.99, 0.8, 0.6

# Cyrillic without a letter or a word that decides: Russian, unless statistics say one of these.
UNDECIDED_CYRILLIC = ("ru", _UNDECIDED)
LIKE_RUSSIAN = frozenset({"be", "bg", "uk"})


def is_latin(text: str) -> bool:
    """Whether most letters are Latin ones."""
    latin = len(_LATIN.findall(text))
    return latin * 2 > sum(map(str.isalpha, text))


def language(text: str) -> tuple[str, float] | None:
    """(code, score) of the language that the script of most letters says, if it says one."""
    letters = sum(map(str.isalpha, text))
    if not letters or text.isascii():
        return None
    for script, code in _OF_ONE:
        # Japanese mixes its kana with Han; a third of kana is Japanese for sure, and a single one likely.
        count = len(script.findall(text))
        if count * (5 if code == "ja" else 2) > letters:
            return code, _SURE
    if len(_HAN.findall(text)) * 2 > letters:
        return chinese(text)
    for script, decide in (
        (_CYRILLIC, _cyrillic),
        (_DEVANAGARI, _devanagari),
        (_ARABIC, _arabic),
        (_HEBREW, _hebrew),
    ):
        if len(script.findall(text)) * 2 > letters:
            return decide(text)
    return None


def chinese(text: str) -> tuple[str, float]:
    """Simplified or traditional, and how surely."""
    # A character that only one of the two national encodings has belongs to that way of writing.
    simple = traditional = 0
    for char in _HAN.findall(text):
        in_gb, in_big5 = _encodes(char, "gb2312"), _encodes(char, "big5")
        simple += in_gb and not in_big5
        traditional += in_big5 and not in_gb
    if traditional > simple:
        return "zh-TW", _SURE
    return "zh", _SURE if simple else _LIKELY


def _encodes(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _cyrillic(text: str) -> tuple[str, float] | None:
    lower = text.lower()
    for letters, code in (
        ("ђћџ", "sr"),
        ("љњј", "sr"),
        ("ў", "be"),
        ("їєґ", "uk"),
        ("ѓќѕ", "mk"),
        ("әңөүұһғқ", "kk"),
    ):
        if any(letter in lower for letter in letters):
            return None if code in {"sr", "kk", "mk"} else (code, _SURE)
    if "ы" in lower or "э" in lower or "ё" in lower:
        return ("be", _LIKELY) if "і" in lower else ("ru", _SURE)
    if "і" in lower:
        return "uk", _SURE
    words = set(re.findall(r"\w+", lower))
    if words & {"да", "се", "са", "от", "със", "във", "което", "които", "ще", "е"} and "ъ" in lower:
        return "bg", _LIKELY
    russian, ukrainian = len(words & _RUSSIAN), len(words & _UKRAINIAN)
    if russian == ukrainian:
        return UNDECIDED_CYRILLIC
    return ("uk" if ukrainian > russian else "ru"), _LIKELY


_UKRAINIAN = frozenset(
    {"та", "що", "від", "або", "має", "як", "бути", "й", "про", "його", "усіх", "кожна", "кожен", "яка"}
)
_UKRAINIAN = frozenset(
    {"та", "що", "від", "або", "має", "як", "бути", "й", "про", "його", "усіх", "кожна", "кожен", "яка"}
)
_RUSSIAN = frozenset({"и", "что", "как", "или", "быть", "имеет", "это", "его", "все", "только", "каждый", "право"})


def _devanagari(text: str) -> tuple[str, float] | None:
    words = set(re.findall(r"[\u0900-\u097f]+", text))
    hindi = len(words & _HINDI)
    others = {
        "mr": len(words & _MARATHI) + text.count("ळ"),
        "ne": len(words & _NEPALI) + sum(word.endswith(("हरू", "लाई", "को")) and len(word) > 3 for word in words),
    }
    code = max(others, key=lambda name: others[name])
    if others[code] > hindi:
        return code, _LIKELY
    return "hi", _SURE if hindi else _LIKELY


_HINDI = frozenset({
    "है", "हैं", "के", "का", "की", "को", "में", "और", "से", "पर", "यह", "वह", "हो", "कि", "ने", "या", "भी", "किसी", "नहीं", "एक",
    "तथा", "लिए", "अपने", "अपनी", "प्रत्येक", "होगा", "उस", "इस", "जो", "तो", "था", "थी", "थे", "कर", "मैं", "हम", "आप", "क्या",
})  # fmt: skip
_MARATHI = frozenset({"आहे", "आहेत", "आणि", "नाही", "मी", "तो", "ती", "ते", "हा", "ही", "हे", "व", "किंवा", "होते", "केले"})
_NEPALI = frozenset({"छ", "छन्", "हो", "र", "मा", "लाई", "ले", "भएको", "गर्न", "हुने", "प्रत्येक", "व्यक्तिलाई", "छैन", "तथा"})


def _arabic(text: str) -> tuple[str, float] | None:
    if _URDU.search(text):
        return "ur", _LIKELY
    if _PERSIAN.search(text):
        return None
    return "ar", _LIKELY


def _hebrew(text: str) -> tuple[str, float] | None:
    return None if "װ" in text or "ײ" in text or "אַ" in text else ("he", _LIKELY)
