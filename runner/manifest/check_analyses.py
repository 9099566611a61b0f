"""What the parameters of analyses demand: of the family, of one another, of lanes. Reads data that may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from runner.catalogue import FAMILIES
from runner.manifest.outline import Item, Outline, is_remote, name_of, names_at, readers
from runner.manifest.parameters import EVENT_TYPES, PARAMETERS, SPLITTABLE, arn_of, arn_region
from runner.manifest.problems import found, listed
from runner.manifest.tree import Location, Report

_REQUIRED: Final = {
    "events": ("types", f"a list of {listed(EVENT_TYPES, 'or')}"),
    "classification": ("classifier", "the ARN of a classifier or flywheel, or {train: FILE}"),
    "custom_entities": ("recognizer", "the ARN of a recognizer or flywheel, or what it is trained with"),
}
_MODELS: Final = {"classification": "classifier", "custom_entities": "recognizer"}
_OF_TRAINING: Final = {
    "classifier": ("train", "mode", "delimiter", "language"),
    "recognizer": ("documents", "entity_list", "annotations", "language"),
}
"""The keys that say with what a model is trained, that which must be there first."""


def _known(outline: Outline) -> Iterator[tuple[int, Item, str]]:
    """The analyses whose family is one that this version can do."""
    for index, item in outline.analyses:
        row = FAMILIES.get(str(item.get("family")))
        if row is not None and row.available:
            yield index, item, row.name


def _check_parameters(outline: Outline, report: Report) -> None:
    for index, item in outline.analyses:
        family = str(item.get("family"))
        for key, families in PARAMETERS.items():
            if key in item and family in FAMILIES and family not in families:
                message = f"{family} takes no {key}; {listed(families)} {'do' if len(families) > 1 else 'does'}"
                report.add(("analyses", index, key), message, at_key=True)
    for index, item, family in _known(outline):
        key, hint = _REQUIRED.get(family, ("", ""))
        if key and key not in item:
            report.add(("analyses", index, key), f"missing: {family} needs it", hint=hint)


def _check_redaction(outline: Outline, report: Report) -> None:
    for index, item, family in _known(outline):
        if family == "pii_entities" and item.get("mode", "offsets") == "offsets":
            for key in ("types", "mask"):
                if key in item:
                    message = "is of use with mode redaction or both; offsets are told of every type"
                    report.add(("analyses", index, key), message, at_key=True)


def _check_oversize(outline: Outline, report: Report) -> None:
    for index, item, family in _known(outline):
        if item.get("oversize") == "split" and family not in SPLITTABLE:
            message = f"documents of {family} cannot be split: what it says of pieces is not what it says of the whole"
            report.add(("analyses", index, "oversize"), message, hint="skip, or error")


def _check_models(outline: Outline, report: Report) -> None:
    for index, item, family in _known(outline):
        key = _MODELS.get(family, "")
        model, location = item.get(key), ("analyses", index, key)
        if isinstance(model, dict):
            written = {name: value for name, value in model.items() if value is not None}
            if "arn" in written:
                _check_trained(written, key, report, location)
            else:
                _check_training(written, key, report, location)
        if (arn := arn_of(model)) is not None:
            _check_place(arn, item, outline, report, location)


def _check_trained(model: Item, key: str, report: Report, location: Location) -> None:
    for name in _OF_TRAINING[key]:
        if name in model:
            message = "a model with an ARN is trained already"
            report.add((*location, name), message, hint="leave it out", at_key=True)


def _check_training(model: Item, key: str, report: Report, location: Location) -> None:
    first = _OF_TRAINING[key][0]
    if first not in model:
        report.add((*location, first), "missing", hint="or the ARN of a model in place of the mapping")
    if "delimiter" in model and model.get("mode") != "multi_label":
        report.add((*location, "delimiter"), "is of use with mode multi_label only", at_key=True)
    if key == "recognizer":
        named = [name for name in ("entity_list", "annotations") if name in model]
        if not named:
            report.add((*location, "entity_list"), "missing: entity_list or annotations")
        elif len(named) > 1:
            report.add((*location, named[-1]), "entity_list and annotations at once; keep one of them", at_key=True)


def _check_place(arn: str, item: Item, outline: Outline, report: Report, location: Location) -> None:
    """A model is of use where it is: in one region, and not on an embedded lane."""
    lanes = _lanes_of(item, outline)
    if not outline.lanes or any(is_remote(lane) is False for lane in lanes):
        report.add(location, "is a model in an AWS account, and the embedded lane has none")
        return
    region = arn_region(arn)
    for lane in lanes:
        if is_remote(lane) and isinstance(lane.get("region"), str) and lane["region"] != region:
            message = f"is a model in {region}, and lane {found(name_of(lane))} is in {lane['region']}"
            hint = "a model in that region, or `lanes` on the corpus for those that may do its jobs"
            report.add(location, message, hint=hint)


def _lanes_of(item: Item, outline: Outline) -> list[Item]:
    """The lanes that may do the jobs of an analysis."""
    names = {name for name, reading in readers(outline).items() if any(reader is item for reader in reading)}
    chosen: set[str] = set()
    for _, corpus in outline.corpora:
        if str(corpus.get("name")) in names:
            if "lanes" not in corpus:
                return [lane for _, lane in outline.lanes]
            chosen.update(name for _, name in names_at((), corpus["lanes"]))
    return [lane for _, lane in outline.lanes if str(lane.get("name")) in chosen]


ANALYSIS_RULES: Final[tuple[Callable[[Outline, Report], None], ...]] = (
    _check_parameters,
    _check_redaction,
    _check_oversize,
    _check_models,
)
