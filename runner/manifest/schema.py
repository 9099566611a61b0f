"""The manifest's keys (version 1): every key there is, and what it takes.

Only shapes of single values are decided here; how values go together is `checks`' business, and what they mean to
the rest of the program `build`'s. Keys and values of later work are known and refused, never ignored.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import PlainValidator

from runner.manifest import values as is_
from runner.manifest.problems import Wrong, found
from runner.manifest.schema_lanes import LaneSection
from runner.manifest.schema_run import OutputSection, PolicySection, PricesSection
from runner.manifest.schema_work import AnalysisSection, CorpusSection
from runner.manifest.section import Section

VERSION: Final = 1


def _version(value: object) -> int:
    if value != VERSION or isinstance(value, bool):
        raise Wrong(f"this program reads manifests of version {VERSION}, found {found(value)}")
    return VERSION


class ManifestFile(Section):
    """A manifest, after `extends`, `--set` and `${}`."""

    version: Annotated[int, PlainValidator(_version, json_schema_input_type=Literal[VERSION])]
    """Of the manifest's keys."""
    name: Annotated[str, is_.NAME]
    """What the run is called: the folder below `runs/`."""
    extends: Annotated[str | None, is_.TEXT] = None
    """A manifest that this one is laid over."""
    lanes: list[LaneSection] | None = None
    """Where jobs run; one embedded lane, if left out."""
    corpora: list[CorpusSection]
    """What is read."""
    analyses: list[AnalysisSection]
    """What is found out about it."""
    policy: PolicySection = PolicySection()
    """How the run behaves when things go wrong or cost money."""
    output: OutputSection = OutputSection()
    """The form of the results."""
    prices: PricesSection = PricesSection()
    """What things cost, where the list prices do not hold."""
