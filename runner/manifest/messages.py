"""What the schema finds, in our own sentences: what was found, what is valid, which name is nearest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from runner.manifest.problems import PROBLEMS_MAX, Wrong, Wrongs, found, listed, nearest
from runner.manifest.schema import ManifestFile
from runner.manifest.schema_lanes import (
    FAMILY_NAMES,
    EndpointUrls,
    KmsSection,
    LaneSection,
    QuotasSection,
    VpcSection,
)
from runner.manifest.schema_run import (
    OutputSection,
    PolicySection,
    PriceSection,
    PricesSection,
    TierSection,
    TolerateSection,
)
from runner.manifest.schema_work import (
    AnalysisSection,
    ClassifierSection,
    CorpusSection,
    CsvSection,
    RecognizerSection,
)
from runner.manifest.section import Section
from runner.manifest.tree import Location, Report

_ITEM: Final = "*"
_SECTIONS: Final[Mapping[tuple[str, ...], type[Section]]] = {
    (): ManifestFile,
    ("lanes", _ITEM): LaneSection,
    ("lanes", _ITEM, "kms"): KmsSection,
    ("lanes", _ITEM, "vpc"): VpcSection,
    ("lanes", _ITEM, "endpoint_urls"): EndpointUrls,
    ("lanes", _ITEM, "quotas"): QuotasSection,
    ("corpora", _ITEM): CorpusSection,
    ("corpora", _ITEM, "csv"): CsvSection,
    ("analyses", _ITEM): AnalysisSection,
    ("analyses", _ITEM, "classifier"): ClassifierSection,
    ("analyses", _ITEM, "recognizer"): RecognizerSection,
    ("policy",): PolicySection,
    ("policy", "tolerate"): TolerateSection,
    ("output",): OutputSection,
    ("prices",): PricesSection,
    **{("prices", family): PriceSection for family in PricesSection.model_fields if family != "as_of"},
    **{("prices", family, "tiers", _ITEM): TierSection for family in PricesSection.model_fields if family != "as_of"},
}
"""Which keys are valid where; `*` stands for any item of a list."""

_MISSING: Final[Mapping[tuple[str, ...], str]] = {
    ("version",): "write `version: 1`",
    ("name",): "it names the folder of the runs",
    ("corpora",): "at least one, each with name and source",
    ("analyses",): "at least one, for example `- sentiment`",
    ("lanes", _ITEM, "name"): "a lower-case letter, then a-z, 0-9, _ and -",
    ("lanes", _ITEM, "vpc", "subnets"): "a list of ids as in subnet-0a1b2c3d",
    ("lanes", _ITEM, "vpc", "security_groups"): "a list of ids as in sg-0a1b2c3d",
    ("corpora", _ITEM, "name"): "a lower-case letter, then a-z, 0-9, _ and -",
    ("corpora", _ITEM, "source"): "a file, a folder or a pattern; or a list of them",
    ("analyses", _ITEM, "family"): f"one of {listed(FAMILY_NAMES)}",
    **{
        ("prices", family, "tiers", _ITEM, "usd_per_unit"): "USD per unit of 100 characters"
        for family in PricesSection.model_fields
        if family != "as_of"
    },
}


def validated(data: object, report: Report) -> ManifestFile | None:
    """The manifest's sections; None if something is wrong, which is then in the report."""
    try:
        return ManifestFile.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False)[:PROBLEMS_MAX]:
            _tell(dict(detail), report)
        return None


def _tell(detail: dict[str, Any], report: Report) -> None:
    location: Location = detail["loc"]
    value = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            _unknown_key(location, report)
        case "missing":
            report.add(location, "missing", hint=_MISSING.get(_shape(location)))
        case "value_error":
            _wrong(detail["ctx"]["error"], location, report)
        case "model_type" | "dict_type" | "model_attributes_type":
            report.add(location, f"expected a mapping, found {found(value)}", hint=_keys_of(location))
        case "list_type":
            report.add(location, f"expected a list, found {found(value)}")
        case _:
            report.add(location, f"{found(value)} cannot be used here")


def _wrong(error: Exception, location: Location, report: Report) -> None:
    for part in error.parts if isinstance(error, Wrongs) else (error,):
        if isinstance(part, Wrong):
            report.add((*location, *part.inside), part.message, hint=part.hint, at_key=part.at_key)
        else:
            report.add(location, str(part))


def _shape(location: Location) -> tuple[str, ...]:
    return tuple(_ITEM if isinstance(step, int) else step for step in location)


def _section(location: Location) -> type[BaseModel] | None:
    return _SECTIONS.get(_shape(location))


def _keys_of(location: Location) -> str | None:
    section = _section(location)
    return f"its keys are {listed(section.model_fields)}" if section else None


def _unknown_key(location: Location, report: Report) -> None:
    name = str(location[-1])
    section = _section(location[:-1])
    keys = list(section.model_fields) if section else []
    hint = nearest(name, keys) or _elsewhere(name)
    report.add(
        location,
        f"unknown key {found(name)}; valid {'are' if len(keys) > 1 else 'is'} {listed(keys)}",
        hint=hint,
        at_key=True,
    )


def _elsewhere(name: str) -> str | None:
    for path, section in _SECTIONS.items():
        if name in section.model_fields and path:
            where = ".".join(path).replace(f".{_ITEM}", "[]")
            return f"{name} is a key of {where}"
    return None
