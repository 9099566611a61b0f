"""A user's own analyzers in the place of ours: by an entry point of a package, or by an import path.

Owns finding them, what is known of them (languages, version), and holding their answers to the protocol. Knows
nothing of jobs.

A plugin is a function without arguments that returns an `Analyzer`. It may carry two attributes: `languages`, the
codes it takes (any, if there is none), and `version`; where that is missing, the version of its distribution or
the `__version__` of its module, and at last a digest of its source file. So results name what made them, and
another version is noticed.

    [project.entry-points."comprehend_runner.analyzers"]
    sentiment = "my_package.sentiment:load"
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint import analyzers
from runner.endpoint.analyzers import AnalyzerInfo
from runner.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    from runner.endpoint.analyzers import Analyzer

__all__ = ["GROUP", "PluginError", "load", "parsed", "registry"]

GROUP: Final = "comprehend_runner.analyzers"
REPLACEABLE: Final = (
    "dominant_language", "entities", "events", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment",
)  # fmt: skip
_VALID: Final = "such as sentiment=my_module:load"


class PluginError(UserError):
    """A user's analyzer has failed, or its answer is none."""


def parsed(texts: Iterable[str]) -> dict[str, str]:
    """Family -> `module:function`, of texts like `sentiment=my_module:load`; UserError says what is wrong."""
    found: dict[str, str] = {}
    for text in texts:
        family, equals, address = text.partition("=")
        module, colon, function = address.partition(":")
        if not (equals and colon and module and function.isidentifier()):
            raise UserError(f"{text!r} names no analyzer", hint=f"valid: FAMILY=MODULE:FUNCTION, {_VALID}")
        _check_family(family, text)
        if found.get(family, address) != address:
            raise UserError(f"{family} has two analyzers: {found[family]} and {address}")
        found[family] = address
    return found


def registry(chosen: Mapping[str, str]) -> dict[str, AnalyzerInfo]:
    """Every family's analyzer: ours, those of installed packages in their place, the chosen ones before all.

    Imports the plugins, in order to know them; raises UserError for one that cannot be.
    """
    found = dict(analyzers.ANALYZERS)
    for family, (address, version) in _installed().items():
        if family not in chosen:
            found[family] = _info(family, address, version)
    for family, address in chosen.items():
        found[family] = _info(family, address, None)
    return found


def load(family: str, address: str, empty: Mapping[str, Any]) -> Analyzer:
    """The analyzer that `address` makes, held to the members of `empty`; PluginError where it fails."""
    maker = _maker(family, address)[1]
    try:
        analyze = maker()
    except Exception as error:
        raise PluginError(f"the analyzer {address} of {family} could not be loaded: {_said(error)}") from error
    if not callable(analyze):
        raise PluginError(f"the analyzer {address} of {family} is no function but {type(analyze).__name__}")
    members = frozenset(empty)

    def checked(text: str, language: str | None, /) -> dict[str, object]:
        try:
            answer = analyze(text, language)
        except Exception as error:
            # The type alone: what an analyzer says may quote the document.
            raise PluginError(f"the analyzer {address} of {family} raised {type(error).__name__}") from error
        problem = _problem(answer, members, text)
        if problem:
            raise PluginError(f"the analyzer {address} of {family} {problem}")
        return dict(sorted(answer.items()))

    return checked


def _problem(answer: object, members: frozenset[str], text: str) -> str | None:
    if not isinstance(answer, dict) or answer.keys() != members:
        return f"must answer with a mapping of {', '.join(sorted(members))}"
    for name, rows in answer.items():
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict):
                return f"must answer with mappings in {name}"
            if "BeginOffset" in row and not _fits(row, text):
                return f"gave offsets in {name} that do not fit the text"
    return None


def _fits(row: Mapping[str, Any], text: str) -> bool:
    begin, end = row["BeginOffset"], row.get("EndOffset")
    if not (isinstance(begin, int) and isinstance(end, int) and 0 <= begin < end <= len(text)):
        return False
    return "Text" not in row or row["Text"] == text[begin:end]


def _installed() -> dict[str, tuple[str, str]]:
    """Family -> address and version of what installed packages offer."""
    found: dict[str, tuple[str, str]] = {}
    for entry in entry_points(group=GROUP):
        where = f"the entry point {entry.name} = {entry.value}"
        _check_family(entry.name, where)
        if entry.name in found:
            raise UserError(
                f"two installed packages offer an analyzer of {entry.name}: {found[entry.name][0]} and {entry.value}",
                hint=f"uninstall one, or choose: --analyzer {entry.name}={entry.value}",
            )
        version = f"{entry.dist.name}-{entry.dist.version}" if entry.dist is not None else ""
        found[entry.name] = (entry.value, version)
    return found


def _check_family(family: str, where: str) -> None:
    if family not in REPLACEABLE:
        raise UserError(
            f"{where}: no analyzer can be given for {family!r}", hint=f"valid families: {', '.join(REPLACEABLE)}"
        )


def _info(family: str, address: str, version: str | None) -> AnalyzerInfo:
    module, maker = _maker(family, address)
    languages = getattr(maker, "languages", None)
    own = getattr(maker, "version", None) or version or getattr(module, "__version__", None) or _digest(module)
    return AnalyzerInfo(
        name=family,
        version=f"{address}@{own}",
        languages=None if languages is None else frozenset(languages),
        load=address,
        external=True,
    )


def _maker(family: str, address: str) -> tuple[ModuleType, Callable[[], Analyzer]]:
    module_name, _, function = address.partition(":")
    here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if here not in sys.path:  # where a user's own module lies; a program's scripts do not look there by themselves
        sys.path.append(here)
    try:
        module = import_module(module_name)
    except Exception as error:
        raise PluginError(
            f"the analyzer {address} of {family} cannot be imported: {_said(error)}",
            hint=f"valid: FAMILY=MODULE:FUNCTION, {_VALID}; MODULE is looked for in the current folder too",
        ) from error
    maker = getattr(module, function, None)
    if not callable(maker):
        raise PluginError(f"the module {module_name} has no function {function}, which is to make an analyzer")
    return module, maker


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _digest(module: ModuleType) -> str:
    if module.__file__ is None:
        return "unversioned"
    return f"sha256:{hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()[:12]}"
