"""What a Start says about the answers it wants, and how answers are made to fit it; pure.

Owns the choice of types, and masking. An analyzer knows none of this: it gives all it finds, and so does a
user's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Analyze", "Options", "fitted", "options_of", "redacted"]

Analyze = Callable[[str, str | None], dict[str, Any]]

_BLANKS: Final = re.compile(r"\s")


class Options(msgspec.Struct, frozen=True):
    """`types` are those of PII or of events that are wanted, None for all.

    `redact` asks for the text instead of rows: with `mask` for each character of a find, or, where it is None,
    the find's type. `mask_blanks` is whether the blanks inside a find are masked too: the service's pages show
    both (COMPREHEND.md section 3.5).
    """

    types: tuple[str, ...] | None = None
    redact: bool = False
    mask: str | None = None
    mask_blanks: bool = False
    topics: int = 10


def options_of(request: Mapping[str, Any], *, blanks: Literal["keep", "mask"] = "keep") -> Options:
    """The options in the members of a Start."""
    if "TargetEventTypes" in request:
        return Options(types=tuple(request["TargetEventTypes"]))
    if request.get("Mode") != "ONLY_REDACTION":
        return Options(topics=request.get("NumberOfTopics") or Options().topics)
    redaction = request.get("RedactionConfig") or {}
    types = tuple(redaction.get("PiiEntityTypes") or ("ALL",))
    return Options(
        types=None if "ALL" in types else types,
        redact=True,
        mask=(redaction.get("MaskCharacter") or "*") if redaction.get("MaskMode") == "MASK" else None,
        mask_blanks=blanks == "mask",
    )


def fitted(family: str, analyze: Analyze, options: Options) -> Analyze:
    """`analyze`, with only those answers that `options` want; itself where they want all."""
    if options.types is None:
        return analyze
    wanted = frozenset(options.types)
    choose = {"pii_entities": _chosen_entities, "events": _chosen_events}.get(family)
    if choose is None:
        return analyze
    return lambda text, language: choose(analyze(text, language), wanted)


def redacted(text: str, entities: list[dict[str, Any]], options: Options) -> str:
    """`text` without what was found in it; `entities` may overlap and come in any order."""
    parts: list[str] = []
    at = 0
    for entity in sorted(entities, key=lambda found: (found["BeginOffset"], -found["EndOffset"])):
        begin, end = max(at, entity["BeginOffset"]), entity["EndOffset"]
        if begin >= end:
            continue
        parts += [text[at:begin], _masked(text[begin:end], entity["Type"], options)]
        at = end
    return "".join([*parts, text[at:]])


def _masked(found: str, kind: str, options: Options) -> str:
    if options.mask is None:
        return f"[{kind}]"
    if options.mask_blanks:
        return options.mask * len(found)
    return "".join(char if _BLANKS.match(char) else options.mask for char in found)


def _chosen_entities(payload: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    return {**payload, "Entities": [entity for entity in payload["Entities"] if entity["Type"] in wanted]}


def _chosen_events(payload: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    """The wanted events, and of the entities those that take part in them, counted anew."""
    events = [event for event in payload["Events"] if event["Type"] in wanted]
    used = sorted({argument["EntityIndex"] for event in events for argument in event["Arguments"]})
    place = {old: new for new, old in enumerate(used)}
    return {
        "Entities": [payload["Entities"][index] for index in used],
        "Events": [
            {**event, "Arguments": [{**each, "EntityIndex": place[each["EntityIndex"]]} for each in event["Arguments"]]}
            for event in events
        ],
    }
