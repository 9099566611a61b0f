"""A manifest's lists as they can be made out, whatever is wrong with them; for the rules on how values go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.manifest.overrides import DEFAULT_LANE
from runner.manifest.tree import NAMED_LISTS, Location

Item = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Outline:
    """The items of the three lists that are mappings, with their indices; analyses in their long form.

    `named` says whether the names of all corpora are known.
    """

    lanes: tuple[tuple[int, Item], ...]
    corpora: tuple[tuple[int, Item], ...]
    analyses: tuple[tuple[int, Item], ...]
    named: bool

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Outline:
        """What can be made out of a manifest's data."""
        lanes, corpora, analyses = (tuple(_items(data.get(key))) for key in NAMED_LISTS)
        written = data.get("corpora")
        named = [item for _, item in corpora if isinstance(item.get("name"), str)]
        return cls(lanes, corpora, analyses, isinstance(written, list) and len(named) == len(written))


def _items(value: object) -> Iterator[tuple[int, Item]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, {key: entry for key, entry in item.items() if entry is not None}
        elif isinstance(item, str):
            yield index, {"family": item}


def name_of(item: Item) -> object:
    """What an item is called; an analysis without a name as its family."""
    return item.get("name", item.get("family"))


def is_remote(lane: Item) -> bool | None:
    """Whether jobs on a lane may cost money; None if its endpoint says nothing that can be understood."""
    endpoint = lane.get("endpoint", "embedded")
    if endpoint == "embedded":
        return False
    return True if endpoint == "aws" or (isinstance(endpoint, str) and "://" in endpoint) else None


def known_corpora(outline: Outline) -> list[str]:
    """The names of the corpora."""
    return list(dict.fromkeys(name for _, item in outline.corpora if isinstance(name := item.get("name"), str)))


def known_lanes(outline: Outline) -> list[str]:
    """The names of the lanes; without any, that of the one there is."""
    names = dict.fromkeys(name for _, item in outline.lanes if isinstance(name := item.get("name"), str))
    return list(names) if outline.lanes else [DEFAULT_LANE]


def names_at(location: Location, written: object) -> Iterator[tuple[Location, str]]:
    """Every name under a key that takes one or a list, with its location."""
    if isinstance(written, list):
        pairs = [((*location, position), name) for position, name in enumerate(written)]
    else:
        pairs = [(location, written)]
    for where, name in pairs:
        if isinstance(name, str) and name.strip():
            yield where, name


def references(outline: Outline) -> Iterator[tuple[Location, Item, str]]:
    """Every name under an analysis's `corpora`, with its location and the analysis."""
    for index, item in outline.analyses:
        for where, name in names_at(("analyses", index, "corpora"), item.get("corpora")):
            yield where, item, name


def readers(outline: Outline) -> dict[str, list[Item]]:
    """Per corpus, the analyses that read it, as far as both can be made out."""
    reading: dict[str, list[Item]] = {name: [] for name in known_corpora(outline)}
    for _, item, name in references(outline):
        if name in reading:
            reading[name].append(item)
    for _, item in outline.analyses:
        if "corpora" not in item:
            for corpus in reading.values():
                corpus.append(item)
    return reading
