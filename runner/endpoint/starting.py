"""What a Start must satisfy beyond the service model, and what is filled in; pure.

Owns the rules that botocore's model cannot state (COMPREHEND.md section 1.5). The codes are those that the model
declares for Start operations; the sentences are this endpoint's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runner.endpoint.protocol import ApiError
from runner.endpoint.tags import check_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.endpoint.families import Family

__all__ = ["EVENT_TYPES", "check_start", "filled_in", "fingerprint", "names_model"]

EVENT_TYPES: Final = frozenset({
    "BANKRUPTCY", "CORPORATE_ACQUISITION", "CORPORATE_MERGER", "EMPLOYMENT", "INVESTMENT_GENERAL", "IPO",
    "RIGHTS_ISSUE", "SECONDARY_OFFERING", "SHELF_OFFERING", "STOCK_SPLIT", "TENDER_OFFERING",
})  # fmt: skip

_SORTED: Final = msgspec.json.Encoder(order="sorted")


def check_start(family: Family, members: Mapping[str, Any], languages: Mapping[str, frozenset[str] | None]) -> None:
    """Raise the ApiError that refuses this Start, if one does.

    `languages` says per family which codes its analyzer takes, None for any; a family that is not in it has no
    analyzer here.
    """
    _check_models(family, members)
    _check_analyzer(family, members, languages)
    _check_reader(members)
    if members.get("Mode") == "ONLY_REDACTION" and "RedactionConfig" not in members:
        raise _invalid("RedactionConfig is required when Mode is ONLY_REDACTION")
    unknown = [name for name in members.get("TargetEventTypes", ()) if name not in EVENT_TYPES]
    if unknown:
        raise _invalid(f"{unknown[0]} is no event type; there are: {', '.join(sorted(EVENT_TYPES))}")
    check_tags(members.get("Tags", []))


def filled_in(family: Family, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members with what the service fills in, as Describe shows them."""
    config = {"InputFormat": "ONE_DOC_PER_LINE", **members["InputDataConfig"]}
    return {**(family.defaults or {}), **members, "InputDataConfig": config}


def names_model(family: Family, members: Mapping[str, Any]) -> bool:
    """Whether a Start is to use a custom model."""
    return any(name in members for name in family.models)


def fingerprint(members: Mapping[str, Any]) -> str:
    """The same for Starts that mean the same, whatever their tokens."""
    meant = {name: value for name, value in members.items() if name != "ClientRequestToken"}
    return hashlib.sha256(_SORTED.encode(meant)).hexdigest()


def _check_models(family: Family, members: Mapping[str, Any]) -> None:
    given = [name for name in family.models if name in members]
    if len(given) > 1:
        raise _invalid(f"Specify only one of {' and '.join(family.models)}")
    if family.needs_model and not given:
        raise _invalid(f"Specify one of {' and '.join(family.models)}")


def _check_analyzer(family: Family, members: Mapping[str, Any], languages: Mapping[str, frozenset[str] | None]) -> None:
    if names_model(family, members):  # which reads the language of its training, whatever the Start says
        return
    if family.name not in languages:
        raise _invalid(f"This local endpoint has no analyzer for {family.name}")
    taken = languages[family.name]
    code = members.get("LanguageCode")
    if family.takes_language and taken is not None and code not in taken:
        raise _invalid(
            f"The local analyzer of {family.name} does not take the language {code}; it takes: "
            f"{', '.join(sorted(taken))}"
        )


def _check_reader(members: Mapping[str, Any]) -> None:
    reader = members["InputDataConfig"].get("DocumentReaderConfig", {})
    if reader.get("DocumentReadAction") == "TEXTRACT_ANALYZE_DOCUMENT" and not reader.get("FeatureTypes"):
        raise _invalid("FeatureTypes is required when DocumentReadAction is TEXTRACT_ANALYZE_DOCUMENT")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)
