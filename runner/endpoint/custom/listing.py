"""One page of a List of models, or of their names; pure over a shelf of models.

The orders are those that the service model states for each kind; a List without a time filter goes from the newest
model to the oldest. NextToken holds a place in the order, so models that change, come or go between pages are neither
skipped nor shown twice.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from runner.endpoint.protocol import ApiError, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.endpoint.custom.book import Model, ModelRecord
    from runner.endpoint.custom.kinds import Kind

__all__ = ["list_models", "list_names"]

_PAGE_DEFAULT: Final = 100


def list_models(kind: Kind, members: Mapping[str, Any], shelf: Sequence[Model]) -> bytes:
    """The answer to List: `shelf` is all of the kind, oldest first."""
    chosen = [(name, value) for name, value in (members.get("Filter") or {}).items() if value is not None]
    if len(chosen) > 1:
        raise ApiError(
            "InvalidFilterException", "The filter specified for the operation is invalid. Specify a different filter."
        )
    name, value = chosen[0] if chosen else ("", None)
    direction = 1 if name == kind.oldest_first_filter else -1
    fitting = [each for each in shelf if _passes(each.record, name, value, kind)]
    ordered = {str(each.record.seq): each for each in sorted(fitting, key=lambda each: direction * each.record.seq)}
    after = _place(members, f"{kind.name} {name}={value}")
    if after is not None:
        passed = direction * int(after)
        ordered = {at: each for at, each in ordered.items() if direction * each.record.seq > passed}
    return _page(f"{kind.properties}List", ordered, members, f"{kind.name} {name}={value}")


def list_names(kind: Kind, members: Mapping[str, Any], shelf: Sequence[Model]) -> bytes:
    """The answer to List…Summaries: the names in their order, each with its newest version."""
    newest: dict[str, Model] = {}
    counts: dict[str, int] = {}
    for each in shelf:
        newest[each.record.name] = each
        counts[each.record.name] = counts.get(each.record.name, 0) + 1
    after = _place(members, f"{kind.name} names")
    summaries = {
        name: {
            kind.name_member: name,
            "NumberOfVersions": counts[name],
            "LatestVersionCreatedAt": newest[name].record.submitted,
            **({"LatestVersionName": version} if (version := newest[name].record.version) else {}),
            "LatestVersionStatus": newest[name].record.status,
        }
        for name in sorted(newest)
        if after is None or name > after
    }
    return _page(f"{kind.stem}SummariesList", summaries, members, f"{kind.name} names")


def _page(member: str, rest: Mapping[str, Any], members: Mapping[str, Any], purpose: str) -> bytes:
    limit = members.get("MaxResults", _PAGE_DEFAULT)
    shown = list(rest)[:limit]
    found = [rest[place] for place in shown]
    answer: dict[str, Any] = {member: [each if isinstance(each, dict) else each.properties() for each in found]}
    if len(rest) > limit:
        answer["NextToken"] = base64.urlsafe_b64encode(f"{purpose}\n{shown[-1]}".encode()).decode()
    return encode(answer)


def _passes(record: ModelRecord, name: str, value: Any, kind: Kind) -> bool:
    if name == kind.name_member:
        return bool(record.name == value)
    match name:
        case "Status":
            return bool(record.status == value)
        case "SubmitTimeBefore":
            return bool(record.submitted < value)
        case "SubmitTimeAfter":
            return bool(record.submitted > value)
        case _:
            return True


def _place(members: Mapping[str, Any], purpose: str) -> str | None:
    """Where the last page ended; refused for a token of another operation or filter."""
    token = members.get("NextToken")
    if token is None:
        return None
    try:
        made_for, _, place = base64.b64decode(token, altchars=b"-_", validate=True).decode().rpartition("\n")
    except (binascii.Error, ValueError):
        made_for = place = ""
    if made_for != purpose:
        raise ApiError(
            "InvalidRequestException", "The NextToken is not one that this operation returned for this filter"
        )
    return place
