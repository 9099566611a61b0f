"""The lists behind the entity rules: people from Faker, countries, cities and calendars from Babel, and our own.

Owns how the lists are read and joined, one set per language. Only the modules of the locales needed are
imported, never a Faker() object. Knows nothing of texts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from runner.endpoint.analyzers import known_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Locales whose people are looked for in a text of the language; English texts name people of all countries.
_PEOPLE = {
    "de": ("de_DE", "de_AT", "de_CH", "en_US"),
    "en": ("en_US", "en_GB", "en_IN", "en_IE", "en_NZ", "de_DE", "es_ES", "fr_FR", "it_IT"),
    "es": ("es_ES", "es_MX", "es_AR", "es_CO", "en_US"),
    "fr": ("fr_FR", "fr_CA", "fr_BE", "en_US"),
    "it": ("it_IT", "it_CH", "en_US"),
    "pt": ("pt_PT", "pt_BR", "en_US"),
}
# Where a locale of Faker's lists real places, and under which names.
_PLACES = {
    "de": (("de_DE", ("cities", "states")), ("de_AT", ("states",)), ("de_CH", ("cantons",))),
    "en": (("en_US", ("states",)), ("en_GB", ("counties",)), ("en_IN", ("states",))),
    "es": (("es_ES", ("states", "regions")), ("es_MX", ("states",)), ("es_AR", ("provinces",))),
    "fr": (("fr_FR", ("regions", "departments")),),
    "it": (("it_IT", ("states",)),),
    "pt": (("pt_PT", ("distritos", "concelhos")), ("pt_BR", ("estados",))),
}
# Places that are words first, in any of the six languages.
_NOT_PLACES = known_names.words(
    "world Mayo Reunion Center Jersey Jordan Chad Male Niger Nice Bar Central Mary Sark Mold Bath Reading Essen Rom "
    "Sal Oran Wake Midway Easter Christmas Rio Man Are Same Weil Horn Wolf Buch Linden Tours Troy Union Orange Lot "
    "Nord Mer Eure Cher Var"
)
# What speaks for a place even so: too common a place to leave out.
_YET_PLACES = {"de": frozenset({"Essen", "Rom"}), "en": frozenset({"Jordan", "Chad", "Niger", "Jersey"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gazetteer:
    """One language's lists; every name as it is written in running text."""

    first_names: frozenset[str]
    last_names: frozenset[str]
    places: frozenset[str]
    organizations: frozenset[str]
    products: frozenset[str]
    events: frozenset[str]
    peoples: frozenset[str]
    months: tuple[str, ...]
    days: tuple[str, ...]
    currencies: tuple[str, ...]


def gazetteer(language: str) -> Gazetteer:
    """Read the lists for one of de, en, es, fr, it, pt (0.1 to 0.5 s, the first time in a process)."""
    locale = _locale(language)
    first, last = _people(language)
    return Gazetteer(
        first_names=first,
        last_names=last,
        places=_places(language),
        organizations=known_names.names(known_names.ORGANIZATIONS),
        products=known_names.names(known_names.PRODUCTS),
        events=known_names.names(known_names.EVENTS),
        peoples=known_names.names(known_names.PEOPLES) if language == "en" else frozenset(),
        months=_calendar(locale.months),
        days=_calendar(locale.days),
        currencies=_currencies(locale),
    )


def _locale(language: str) -> _Locale:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from babel import Locale

    return cast("_Locale", Locale.parse(language))


def _provider(kind: str, locale: str) -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = import_module(f"faker.providers.{kind}.{locale}")
        except ModuleNotFoundError as missing:
            if missing.name == "faker":
                raise
            return {}
    return dict(vars(module.Provider))


def street_suffixes() -> frozenset[str]:
    """How American streets end: Street, Avenue, ..."""
    return frozenset(_strings(_provider("address", "en_US").get("street_suffixes", ())))


def states() -> frozenset[str]:
    """The American states by name."""
    return frozenset(_strings(_provider("address", "en_US").get("states", ())))


def _people(language: str) -> tuple[frozenset[str], frozenset[str]]:
    first: set[str] = set()
    last: set[str] = set()
    for locale in _PEOPLE[language]:
        for attribute, listed in _provider("person", locale).items():
            if attribute.startswith("first_names"):
                first.update(_strings(listed))
            elif attribute.startswith("last_names"):
                last.update(_strings(listed))
    return frozenset(filter(_is_name, first)), frozenset(filter(_is_name, last))


def _is_name(name: str) -> bool:
    return len(name) > 1 and name[0].isupper() and not name.isupper()


def _places(language: str) -> frozenset[str]:
    found = set(known_names.names(known_names.PLACES))
    locale = _locale(language)
    for code, name in locale.territories.items():
        if code.isalpha():
            found.update(_variants(name))
        elif code not in {"001", "419"}:
            found.add(name)
    english = {key.rpartition("/")[2].replace("_", " ") for tz in _PEOPLE for key in _locale(tz).time_zones}
    found.update(english if language == "en" else (str(zone.get("city", "")) for zone in locale.time_zones.values()))
    for faker_locale, attributes in _PLACES[language]:
        listed = _provider("address", faker_locale)
        for attribute in attributes:
            found.update(_strings(listed.get(attribute, ())))
    not_places = _NOT_PLACES - _YET_PLACES.get(language, frozenset())
    return frozenset(name for name in found - not_places if len(name) > 1 and name[0].isupper() and "/" not in name)


def _variants(name: str) -> Iterator[str]:
    # "Myanmar (Burma)", "Hong Kong SAR China", "Bosnia & Herzegovina": the part that people write.
    short = name.partition(" (")[0]
    yield short
    if "&" in short:
        yield short.replace("&", "and")
    if "SAR" in short:
        yield short.partition(" SAR")[0]


def _strings(listed: object) -> Iterator[str]:
    if isinstance(listed, str):
        yield listed
    elif isinstance(listed, (tuple, list, dict)):
        for one in listed:  # pairs ("01", "Ain") of French departments give both; codes are dropped later
            yield from _strings(one)


def _calendar(names: dict[str, dict[str, dict[int, str]]]) -> tuple[str, ...]:
    found = {name.rstrip(".") for width in ("wide", "abbreviated") for name in names["format"][width].values()}
    return tuple(sorted(found, key=lambda name: (-len(name), name)))


def _currencies(locale: _Locale) -> tuple[str, ...]:
    codes = ("USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "BRL", "MXN", "CAD", "AUD", "RUB", "KRW", "SEK")
    return tuple(code for code in codes if code in locale.currencies)


class _Locale:
    """The slice of babel.Locale that is read here."""

    territories: dict[str, str]
    months: dict[str, dict[str, dict[int, str]]]
    days: dict[str, dict[str, dict[int, str]]]
    time_zones: dict[str, dict[str, str]]
    currencies: dict[str, str]


def only(names: Iterable[str], *, words: int) -> frozenset[str]:
    """Those names that are made of exactly so many words."""
    return frozenset(name for name in names if len(name.split()) == words)
