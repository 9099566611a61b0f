"""How a manifest's values go together: names, references, and what one key demands of another.

Everything here reads plain data that may be wrong in any way, so that all problems are told at once: what has not the
right shape is the schema's to report, and is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from runner.catalogue import FAMILIES
from runner.manifest.problems import found, listed, nearest
from runner.manifest.tree import NAMED_LISTS, Location, Report
from runner.manifest.values import LATER

Item = Mapping[str, object]

_WHOLE_FORMATS: Final = ("files", "lines")
_REMOTE_NEEDS: Final = {
    "region": "for example us-east-1",
    "staging": "s3://<bucket>/<prefix>/, where inputs and outputs of jobs are kept",
    "data_access_role": "arn:aws:iam::<account>:role/<name>, with which the service reads and writes there",
}
_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "mode": ("pii_entities",),
    "types": ("pii_entities", "events"),
    "mask": ("pii_entities",),
    "topics": ("topics",),
    "classifier": ("classification",),
    "recognizer": ("custom_entities",),
}
"""Which families take a parameter."""
_HINTS_MAX: Final = 20
"""Looking for the nearest of thousands of names takes its time; whoever errs more often errs in the same way."""
_SLOTS_DEFAULT: Final = 10


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


def check(data: object, report: Report) -> None:
    """Report everything that does not go together."""
    if not isinstance(data, dict):
        return
    outline = Outline.of(data)
    for rule in _RULES:
        rule(outline, report)
    _check_lists(data, report)
    _check_prices(data.get("prices"), report)


def _check_lists(data: Mapping[str, object], report: Report) -> None:
    for key in NAMED_LISTS:
        if data.get(key) == []:
            hint = "leave the key out for one embedded lane" if key == "lanes" else None
            report.add((key,), "expected at least one in the list", hint=hint)


def name_of(item: Item) -> object:
    """What an item is called; an analysis without a name as its family."""
    return item.get("name", item.get("family"))


def _check_names(outline: Outline, report: Report) -> None:
    for key, items in (("lanes", outline.lanes), ("corpora", outline.corpora), ("analyses", outline.analyses)):
        first: dict[str, int] = {}
        for index, item in items:
            name = name_of(item)
            if isinstance(name, str) and first.setdefault(name, index) != index:
                at = report.line((key, first[name]))
                hint = "give it a `name` of its own" if key == "analyses" and "name" not in item else None
                report.add((key, index, "name"), f"the name {found(name)} is taken", hint=hint or f"by the one at {at}")


def _known_corpora(outline: Outline) -> list[str]:
    return list(dict.fromkeys(name for _, item in outline.corpora if isinstance(name := item.get("name"), str)))


def _check_references(outline: Outline, report: Report) -> None:
    if not outline.named:
        return
    known = dict.fromkeys(_known_corpora(outline))
    unknown = [(location, name) for location, _, name in _references(outline) if name not in known]
    for number, (location, name) in enumerate(unknown):
        valid = f"; there are {listed(known)}" if known else ""
        hint = nearest(name, known) if number < _HINTS_MAX else None
        report.add(location, f"no corpus is called {found(name)}{valid}", hint=hint)


def _references(outline: Outline) -> Iterator[tuple[Location, Item, str]]:
    """Every name under an analysis's `corpora`, with its location and the analysis."""
    for index, item in outline.analyses:
        location: Location = ("analyses", index, "corpora")
        written = item.get("corpora")
        if isinstance(written, list):
            pairs = [((*location, position), name) for position, name in enumerate(written)]
        else:
            pairs = [(location, written)]
        for where, name in pairs:
            if isinstance(name, str) and name.strip():
                yield where, item, name


def _readers(outline: Outline) -> dict[str, list[Item]]:
    """Per corpus, the analyses that read it, as far as both can be made out."""
    readers: dict[str, list[Item]] = {name: [] for name in _known_corpora(outline)}
    for _, item, name in _references(outline):
        if name in readers:
            readers[name].append(item)
    for _, item in outline.analyses:
        if "corpora" not in item:
            for corpus in readers.values():
                corpus.append(item)
    return readers


def _check_languages(outline: Outline, report: Report) -> None:
    readers = _readers(outline)
    for index, item in outline.corpora:
        name = item.get("name")
        if not isinstance(name, str) or "language" in item:
            continue
        rows = [FAMILIES.get(str(reader.get("family"))) for reader in readers[name]]
        needing = [row.name for row in rows if row is not None and row.takes_language]
        if needing:
            families = listed(dict.fromkeys(needing))
            takes = "take" if len(set(needing)) > 1 else "takes"
            message = f"missing: {families} {takes} documents of one language"
            report.add(("corpora", index, "language"), message, hint="a code such as en")


def _check_readers(outline: Outline, report: Report) -> None:
    readers = _readers(outline)
    if not outline.named or not outline.analyses or any(name not in readers for _, _, name in _references(outline)):
        # A misspelt name is reported as such.
        return
    for index, item in outline.corpora:
        name = item.get("name")
        if isinstance(name, str) and not readers[name]:
            report.add(("corpora", index), "no analysis reads it", hint="name it in an analysis, or leave it out")


def _check_text(outline: Outline, report: Report) -> None:
    for index, item in outline.corpora:
        kind = item.get("format", "files")
        if kind == "jsonl" and "text" not in item:
            hint = "the path of the text in a row, for example body"
            report.add(("corpora", index, "text"), f"missing: format {kind} needs it", hint=hint)
        if kind in _WHOLE_FORMATS:
            what = "a file" if kind == "files" else "a line"
            for key in ("text", "id"):
                if key in item:
                    message = f"format {kind} takes no {key}: {what} is a document as a whole"
                    report.add(("corpora", index, key), message, hint="for rows with keys: format jsonl", at_key=True)


def _check_parameters(outline: Outline, report: Report) -> None:
    for index, item in outline.analyses:
        family = item.get("family")
        for key, families in _PARAMETERS.items():
            if key in item and family in FAMILIES and family not in families:
                message = f"{family} takes no {key}; {listed(families)} {'do' if len(families) > 1 else 'does'}"
                report.add(("analyses", index, key), message, at_key=True)


def is_remote(lane: Item) -> bool | None:
    """Whether jobs on a lane may cost money; None if its endpoint says nothing that can be understood."""
    endpoint = lane.get("endpoint", "embedded")
    if endpoint == "embedded":
        return False
    return True if endpoint == "aws" or (isinstance(endpoint, str) and "://" in endpoint) else None


def _check_lanes(outline: Outline, report: Report) -> None:
    kinds = {is_remote(lane) for _, lane in outline.lanes}
    if {True, False} <= kinds:
        index = next(index for index, lane in outline.lanes if is_remote(lane) is not is_remote(outline.lanes[0][1]))
        report.add(("lanes", index), "a run uses embedded or remote lanes, never both")
    elif len(outline.lanes) > 1:
        report.add(("lanes", outline.lanes[1][0]), f"several lanes are {LATER}; keep one of them")
    for index, lane in outline.lanes:
        if is_remote(lane):
            for key, hint in _REMOTE_NEEDS.items():
                if key not in lane:
                    message = f"missing: a lane with endpoint {found(lane['endpoint'])} needs it"
                    report.add(("lanes", index, key), message, hint=hint)
        if "external_id" in lane and "assume_role" not in lane:
            report.add(("lanes", index, "external_id"), "is of use with assume_role only", at_key=True)
        _check_quotas(("lanes", index, "quotas"), lane.get("quotas"), report, shared=is_remote(lane) is not False)


def _check_quotas(location: Location, quotas: object, report: Report, *, shared: bool) -> None:
    if not isinstance(quotas, dict):
        return
    for key, value in quotas.items():
        if isinstance(value, dict):
            _check_shared_operations((*location, key), value, report)
    active, reserved = quotas.get("active_jobs", _SLOTS_DEFAULT), quotas.get("reserve_slots")
    # On an embedded lane there is nobody to leave slots to, and the key is of no consequence.
    for family in FAMILIES if shared else ():
        slots, kept = _quota_of(active, family, _SLOTS_DEFAULT), _quota_of(reserved, family, 0)
        if slots is not None and kept is not None and kept >= slots > 0:
            message = f"{kept} of {slots} active jobs are left to others, so that none could start"
            report.add((*location, "reserve_slots"), message)
            return


def _quota_of(value: object, family: str, default: int) -> int | None:
    number = value.get(family, default) if isinstance(value, dict) else value
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _check_shared_operations(location: Location, numbers: Mapping[str, object], report: Report) -> None:
    first: dict[str, str] = {}
    for family, number in numbers.items():
        row = FAMILIES.get(family)
        if row is None:
            continue
        other = first.setdefault(row.stem, family)
        if number != numbers[other]:
            message = f"{family} and {other} are one operation of the service, so they have one number"
            report.add((*location, family), message)


def _check_prices(prices: object, report: Report) -> None:
    for family, price in prices.items() if isinstance(prices, dict) else ():
        tiers = price.get("tiers") if isinstance(price, dict) else None
        if isinstance(tiers, list):
            _check_tiers(("prices", str(family), "tiers"), tiers, report)


def _check_tiers(location: Location, tiers: list[object], report: Report) -> None:
    if not tiers:
        report.add(location, "expected at least one tier")
    below = 0
    for index, tier in enumerate(tiers):
        if not isinstance(tier, dict):
            continue
        top = tier.get("up_to")
        last = index == len(tiers) - 1
        if last and top is not None:
            report.add((*location, index, "up_to"), "the last tier has no end; leave up_to out")
        elif not last and top is None:
            report.add((*location, index, "up_to"), "missing: only the last tier has no end")
        elif isinstance(top, int) and not isinstance(top, bool):
            if 0 < top <= below:
                report.add((*location, index, "up_to"), f"tiers ascend; the one before goes up to {below}")
            below = max(below, top)


_RULES: Final[tuple[Callable[[Outline, Report], None], ...]] = (
    _check_names,
    _check_references,
    _check_languages,
    _check_readers,
    _check_text,
    _check_parameters,
    _check_lanes,
)
