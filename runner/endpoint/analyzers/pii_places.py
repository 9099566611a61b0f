"""Where and when: expressions for postal addresses, dates, times and ages, in English and Spanish.

Owns the expressions. The words for streets come from Faker's lists, the calendar from Babel's; every repetition is
bounded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runner.endpoint.analyzers import gazetteers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.endpoint.analyzers.gazetteers import Gazetteer

__all__ = ["addresses", "ages", "dates"]

_STREETS: Final = (
    "St|Ave|Rd|Blvd|Dr|Ln|Ct|Pl|Sq|Ter|Pkwy|Hwy|Cir|Close|Terrace|Crescent|Gardens|Mews|Lane|Row|Broadway|Trail|"
    "Highway|Expressway|Boulevard|Avenue|Street|Road|Drive|Court|Place|Square|Way|Parkway|Circle|Hill|Green|Walk|Wharf"
)
_WORD: Final = r"[A-Z0-9À-Þ][\w'’.-]{0,30}"
_CITY: Final = (
    r"(?:(?:St|Mt|Ft)\. )?[A-ZÀ-Þ][\w'’-]{1,30}(?: (?:de |del |la |upon |on |of )?[A-ZÀ-Þ][\w'’-]{1,30}){0,3}"
)
_UNIT: Final = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|No)\.? ?#?[\w-]{1,8}|,? #\d{1,6}[A-Z]?)"
_UK: Final = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
_CANADIAN: Final = r"[A-Z]\d[A-Z] \d[A-Z]\d"
_ZIP: Final = r"\d{5}(?:-\d{4})?"
_BREAK: Final = r"(?:,\s|\s|\n)\s?"
_BOX: Final = r"P\.?\s?O\.?\s?Box\s\d{1,7}"
_CLOCK: Final = (
    r"\d{1,2}:\d{2}(?::\d{2})?(?:\s?(?:[aApP][mM]\b|[aApP]\.[mM]\.))?|\d{1,2}\s?(?:[aApP][mM]\b|[aApP]\.[mM]\.)"
)
_NUMERIC: Final = (
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?"
    r"|\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})(?!\1?\d)|\d{4}/\d{2}/\d{2}"
)
_YEAR: Final = r"(?:19|20)\d{2}"


def addresses(language: str) -> re.Pattern[str]:
    """One expression for the addresses that people write in a language; American ones in every."""
    suffixes = {*gazetteers.street_suffixes(), *_STREETS.split("|")}
    street = "|".join(sorted(suffixes, key=lambda name: (-len(name), name)))
    states = "|".join(sorted((re.escape(name) for name in gazetteers.states()), key=lambda name: (-len(name), name)))
    state = rf"(?:[A-Z]{{2}}|{states})"
    tail = (
        rf"(?:{_BREAK}{_CITY},?\s(?:{state},?\s)?(?:{_ZIP}|{_CANADIAN}|{_UK})(?!\w)"
        rf"|{_BREAK}(?:{_UK}|{_ZIP})(?!\w)|,\s{_CITY},\s{state}(?!\w))"
    )
    american = (
        rf"\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?\s(?:(?:North|South|East|West|[NSEW]\.?)\s)?(?:{_WORD}\s){{1,4}}?"
        rf"(?:{street})\b\.?{_UNIT}?{tail}?"
        rf"|{_BOX}{tail}?"
        rf"|(?:PSC\s\d{{1,5}},\sBox\s\d{{1,5}}|Unit\s\d{{1,5}}\sBox\s\d{{1,5}}|US\w{{1,3}}\s{_WORD})"
        rf"{_BREAK}[AFD]PO\sA[AEP]\s{_ZIP}"
        rf"|(?:Flat|Studio|Apartment)\s\w{{1,5}},?\s\d{{1,5}}\w?\s(?:{_WORD}\s){{1,4}}?(?:{street})\b{tail}?"
    )
    if language != "es":
        return re.compile(rf"(?<![\w-])(?:{american})")
    spanish = (
        r"(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Pza\.?|Paseo|Pº|Camino|Carretera|Ronda|Glorieta|Alameda|Rambla|"
        r"Urbanización|Vía|Cuesta|Callejón|Pasaje|Acceso|Cañada|Via|Pasadizo)\s?(?:de\s|del\s)?(?:la\s|las\s|los\s|el\s)?"
        rf"(?:{_WORD}\s?(?:de\s|del\s|la\s|y\s)?){{1,5}}?(?:,?\s(?:n[.º°]{{0,2}}\s?)?\d{{1,4}}(?!\d))"
        r"(?:,?\s(?:Piso|Apt\.?|Puerta|Local|Bloque|Esc\.?)\s?\w{1,4}|,?\s\d{1,2}\s?[º°ª]\s?[A-Z]?)?"
        rf"(?:{_BREAK}(?:{_CITY},\s)?\d{{5}}(?!\d)(?:\s{_CITY})?|,\s{_CITY},\s\d{{5}}(?!\d))?"
    )
    return re.compile(rf"(?<![\w-])(?:{spanish}|{american})")


def dates(language: str, lists: Gazetteer) -> re.Pattern[str]:
    """One expression for calendar dates, days of the week and times of day."""
    months, days = _names(lists.months), _names(name for name in lists.days if len(name) > 2)
    if language == "es":
        worded = (
            rf"(?:(?i:{days})\.?,?\s)?\d{{1,2}}\sde\s(?i:{months})\b\.?(?:\s(?:de|del)\s\d{{4}})?"
            rf"|(?<!\w)(?i:{months})\s(?:de|del)\s\d{{4}}|(?i:lunes|martes|miércoles|jueves|viernes|sábado|domingo)"
            rf"|(?<=\ben\s){_YEAR}|hoy|ayer|anoche|pasado mañana|esta (?:mañana|tarde|noche)"
        )
    else:
        worded = (
            rf"(?:(?:{days})\.?,?\s)?(?:the\s)?\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?\s(?:{months})\b\.?(?:,?\s\d{{4}})?"
            rf"|(?:(?:{days})\.?,?\s)?(?:{months})\b\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?!:)(?:,?\s\d{{4}})?"
            rf"|(?:{months})\b\.?,?\s{_YEAR}"
            rf"|(?:{_names(name for name in lists.days if len(name) > 4)})s?"
            rf"|(?:(?<=\b[Ii]n\s)|(?<=\b[Ss]ince\s)){_YEAR}|the\s(?:19|20)\d0s"
            r"|(?i:today|tomorrow|yesterday|tonight|this (?:morning|afternoon|evening)|last night|noon|midnight)"
        )
    return re.compile(rf"(?<![\w/.:-])(?:{_NUMERIC}|{_CLOCK}|{worded})(?![\w%])")


def ages(language: str) -> re.Pattern[str]:
    """One expression for ages with their unit: "40 years" of "40 years old"."""
    if language == "es":
        return re.compile(
            r"(?i)\b(?:(?:tengo|tiene|tenía|cumplió|cumple|cumplo)\s(\d{1,3}\s(?:años|meses))|(\d{1,3}\s(?:años|meses))(?=\sde\sedad)"
            r"|(?<=\bde\s)(\d{1,3}\saños)\b)"
        )
    return re.compile(
        r"\b(\d{1,3}\s(?:years?|months?|weeks?|days?))(?=\s(?:old|of\sage)\b)|\b(\d{1,3}-(?:year|month|week|day))(?=s?-old)"
    )


def _names(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in names)
