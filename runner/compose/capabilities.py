"""What the embedded engine can do, known without starting it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.catalogue import FAMILIES
from runner.endpoint.analyzers import ANALYZERS, plugins

NOOP_VERSION: Final = "noop-1"


def embedded_languages() -> Mapping[str, frozenset[str] | None]:
    """The languages that each family takes on an embedded lane; None: any."""
    return {family: info.languages for family, info in ANALYZERS.items()}


def embedded_versions(analyzers: str) -> Mapping[str, str]:
    """The versions of what an embedded endpoint will answer with, by family; `noop` is for measuring."""
    if analyzers == "noop":
        return dict.fromkeys(FAMILIES, NOOP_VERSION)
    return {family: info.version for family, info in plugins.registry({}).items()}
