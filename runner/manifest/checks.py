"""How a manifest's values go together: names, references, and what one key demands of another.

Everything here reads plain data that may be wrong in any way, so that all problems are told at once: what has not the
right shape is the schema's to report, and is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from runner.manifest.check_analyses import ANALYSIS_RULES
from runner.manifest.check_corpora import CORPUS_RULES
from runner.manifest.check_lanes import check_lanes
from runner.manifest.outline import Outline, known_corpora, name_of, readers, references
from runner.manifest.problems import found, listed, nearest
from runner.manifest.tree import NAMED_LISTS, Location, Report
from runner.manifest.values import LATER

_HINTS_MAX: Final = 20
"""Looking for the nearest of thousands of names takes its time; whoever errs more often errs in the same way."""


def check(data: object, report: Report) -> None:
    """Report everything that does not go together."""
    if not isinstance(data, dict):
        return
    outline = Outline.of(data)
    for rule in _RULES:
        rule(outline, report)
    _check_lists(data, report)
    _check_prices(data.get("prices"), report)
    _check_reuse(data, outline, report)


def _check_lists(data: Mapping[str, object], report: Report) -> None:
    for key in NAMED_LISTS:
        if data.get(key) == []:
            hint = "leave the key out for one embedded lane" if key == "lanes" else None
            report.add((key,), "expected at least one in the list", hint=hint)


def _check_names(outline: Outline, report: Report) -> None:
    for key, items in (("lanes", outline.lanes), ("corpora", outline.corpora), ("analyses", outline.analyses)):
        first: dict[str, int] = {}
        for index, item in items:
            name = name_of(item)
            if isinstance(name, str) and first.setdefault(name, index) != index:
                at = report.line((key, first[name]))
                hint = "give it a `name` of its own" if key == "analyses" and "name" not in item else None
                report.add((key, index, "name"), f"the name {found(name)} is taken", hint=hint or f"by the one at {at}")


def _check_references(outline: Outline, report: Report) -> None:
    if not outline.named:
        return
    known = dict.fromkeys(known_corpora(outline))
    unknown = [(location, name) for location, _, name in references(outline) if name not in known]
    for number, (location, name) in enumerate(unknown):
        valid = f"; there are {listed(known)}" if known else ""
        hint = nearest(name, known) if number < _HINTS_MAX else None
        report.add(location, f"no corpus is called {found(name)}{valid}", hint=hint)


def _check_readers(outline: Outline, report: Report) -> None:
    reading = readers(outline)
    if not outline.named or not outline.analyses or any(name not in reading for _, _, name in references(outline)):
        # A misspelt name is reported as such.
        return
    for index, item in outline.corpora:
        name = item.get("name")
        if isinstance(name, str) and not reading[name]:
            report.add(("corpora", index), "no analysis reads it", hint="name it in an analysis, or leave it out")


def _check_reuse(data: Mapping[str, object], outline: Outline, report: Report) -> None:
    policy, output = data.get("policy"), data.get("output")
    reuse = policy.get("reuse") if isinstance(policy, dict) else None
    if isinstance(output, dict) and output.get("emit") == "changed" and reuse is None:
        hint = "name a folder in policy.reuse, as in `reuse: {from: answers}`"
        report.add(("output", "emit"), "what has changed is known only with policy.reuse", hint=hint)
    for index, item in outline.corpora:
        rule = item.get("language")
        if reuse is not None and isinstance(rule, dict) and "from" in rule:
            message = f"with policy.reuse, a language from results is {LATER}"
            report.add(("corpora", index, "language"), message, hint="name it, detect it, or leave policy.reuse out")


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
    _check_readers,
    *CORPUS_RULES,
    *ANALYSIS_RULES,
    check_lanes,
)
