"""Which columns of some rows hold the text, the id and the language, and which language some texts are in. Guesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runner.catalogue import ALL_LANGUAGES
from runner.errors import MachineError
from runner.manifest.languages import normalised

TEXT_NAMES: Final = ("text", "body", "content", "review", "comment", "message", "description", "document", "tweet")
ID_NAMES: Final = ("id", "_id", "uuid", "uid", "key", "guid")
LANGUAGE_NAMES: Final = ("language", "lang", "locale", "language_code")
NAMED_FACTOR: Final = 4.0
"""How much longer the texts of a nameless column must be than those of one that is called `text`."""
MOST: Final = 0.95
"""The share of texts in one language from which on the others are taken for mistakes of the detector."""
WORTH_NAMING: Final = 0.05

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What columns hold; None where none seems to."""

    text: str | None = None
    id: str | None = None
    language: str | None = None
    names: tuple[str, ...] = ()


def columns_of(rows: Sequence[Row]) -> Columns:
    """A guess from some rows."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    language = next((name for name in names if _leaf(name) in LANGUAGE_NAMES and _is_language(rows, name)), None)
    identity = next((name for name in names if _is_id(rows, name)), None)
    lengths = {name: _weight(rows, name) for name in names if name not in {language, identity}}
    text = max(lengths, key=lambda name: lengths[name], default=None)
    if text is None or not lengths[text]:
        text = None
    return Columns(text=text, id=identity, language=language, names=names)


def language_of(texts: Sequence[str]) -> str | tuple[str, ...] | None:
    """The language of most of some texts, or all that are frequent; None if there is no detector, or it is not sure."""
    from runner.survey.detecting import load

    try:
        detector = load()
    except MachineError:
        return None
    found = Counter(detector.sure(text) for text in texts if text.strip())
    known = {code: count for code, count in found.most_common() if code in ALL_LANGUAGES}
    total = sum(count for code, count in found.items() if code is not None)
    if not known:
        return None
    first = next(iter(known))
    if known[first] >= MOST * total:
        return first
    codes = tuple(code for code, count in known.items() if count >= WORTH_NAMING * total)
    return codes if len(codes) > 1 else first


def _leaf(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _weight(rows: Sequence[Row], name: str) -> float:
    """The mean length of a column's texts, more if its name says that it holds texts."""
    texts = [value for row in rows if isinstance(value := row.get(name), str)]
    mean = sum(map(len, texts)) / len(rows) if rows else 0.0
    return mean * NAMED_FACTOR if _leaf(name) in TEXT_NAMES else mean


def _is_id(rows: Sequence[Row], name: str) -> bool:
    leaf = _leaf(name)
    if leaf not in ID_NAMES and not leaf.endswith(("_id", "-id", "_key")):
        return False
    values = [row.get(name) for row in rows]
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _is_language(rows: Sequence[Row], name: str) -> bool:
    values = [value for row in rows if isinstance(value := row.get(name), str)]
    return bool(values) and all(normalised(value) or len(value) <= len("zh-Hant") for value in values)
