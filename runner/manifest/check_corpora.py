"""What the keys of corpora demand of one another, of analyses and of lanes. Reads plain data that may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from runner.catalogue import FAMILIES
from runner.manifest.outline import Item, Outline, known_lanes, name_of, names_at, readers
from runner.manifest.problems import found, listed, nearest
from runner.manifest.tree import Report

_WHOLE: Final = {"files": "a file", "lines": "a line"}
"""Formats without rows, and what is a document in them."""
_ROWS: Final = ("jsonl", "csv", "parquet")
_OF_ROWS: Final = ("text", "id", "keep", "where")


def _format(item: Item) -> str:
    return str(item.get("format", "files"))


def _check_languages(outline: Outline, report: Report) -> None:
    reading = readers(outline)
    for index, item in outline.corpora:
        name, kind = item.get("name"), _format(item)
        rule = item.get("language")
        if isinstance(rule, dict) and "field" in rule and kind in _WHOLE:
            message = f"format {kind} has no fields: {_WHOLE[kind]} is a document as a whole"
            report.add(("corpora", index, "language"), message, hint="a code such as en, or auto")
        if isinstance(rule, dict) and isinstance(rule.get("from"), str):
            _check_teller(index, rule["from"], reading.get(str(name), []), report)
        if not isinstance(name, str) or rule is not None:
            continue
        rows = [FAMILIES.get(str(reader.get("family"))) for reader in reading[name]]
        needing = [row.name for row in rows if row is not None and row.takes_language]
        if needing:
            families = listed(dict.fromkeys(needing))
            takes = "take" if len(set(needing)) > 1 else "takes"
            message = f"missing: {families} {takes} documents of one language"
            report.add(("corpora", index, "language"), message, hint="a code such as en, or auto")


def _check_teller(index: int, told_by: str, reading: Sequence[Item], report: Report) -> None:
    """What tells the languages of a corpus is an analysis of it that finds languages."""
    tellers = [str(name_of(item)) for item in reading if item.get("family") == "dominant_language"]
    if told_by not in tellers:
        message = f"{found(told_by)} is no analysis of family dominant_language that reads this corpus"
        hint = f"there is {listed(tellers)}" if tellers else "add dominant_language to `analyses`"
        report.add(("corpora", index, "language", "from"), message, hint=hint)


def _check_formats(outline: Outline, report: Report) -> None:
    for index, item in outline.corpora:
        kind = _format(item)
        if kind in _ROWS and "text" not in item:
            hint = "the path of the text in a row, for example body"
            report.add(("corpora", index, "text"), f"missing: format {kind} needs it", hint=hint)
        for key, message, instead in _foreign(kind, item):
            report.add(("corpora", index, key), message, hint=instead, at_key=True)


def _foreign(kind: str, item: Item) -> list[tuple[str, str, str | None]]:
    """The keys that a format does not take: (key, message, hint)."""
    foreign: list[tuple[str, str, str | None]] = []
    if kind in _WHOLE:
        what, hint = _WHOLE[kind], f"for rows: format {listed(_ROWS, 'or')}"
        message = f"format {kind} takes no {{}}: {what} is a document as a whole"
        foreign += [(key, message.format(key), hint) for key in _OF_ROWS if key in item]
    if kind in {*_WHOLE, *_ROWS} and kind != "csv" and "csv" in item:
        foreign.append(("csv", f"format {kind} takes no csv", "for CSV files: format csv"))
    if kind == "parquet" and "encoding" in item:
        foreign.append(("encoding", "format parquet takes no encoding: its texts are UTF-8", None))
    return foreign


def _check_profiles(outline: Outline, report: Report) -> None:
    for index, item in outline.corpora:
        sources = item.get("source")
        texts = sources if isinstance(sources, list) else [sources]
        local = all(isinstance(text, str) and "://" not in text for text in texts)
        if "profile" in item and local:
            message = "is of use with sources in S3 only, and there are none"
            report.add(("corpora", index, "profile"), message, at_key=True)


def _check_lanes(outline: Outline, report: Report) -> None:
    known = known_lanes(outline)
    for index, item in outline.corpora:
        for location, name in names_at(("corpora", index, "lanes"), item.get("lanes")):
            if name not in known:
                message = f"no lane is called {found(name)}; there {'are' if len(known) > 1 else 'is'} {listed(known)}"
                report.add(location, message, hint=nearest(name, known))


CORPUS_RULES: Final[tuple[Callable[[Outline, Report], None], ...]] = (
    _check_languages,
    _check_formats,
    _check_profiles,
    _check_lanes,
)
