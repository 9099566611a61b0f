"""What the embedded engine can do, known without starting it."""

from __future__ import annotations

from collections.abc import Mapping

from runner.endpoint.analyzers import ANALYZERS


def embedded_languages() -> Mapping[str, frozenset[str] | None]:
    """The languages that each family takes on an embedded lane; None: any."""
    return {family: info.languages for family, info in ANALYZERS.items()}
