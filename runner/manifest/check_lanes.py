"""What the keys of lanes demand of one another. Reads plain data that may be wrong in any way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.catalogue import FAMILIES
from runner.manifest.outline import Outline, is_remote
from runner.manifest.problems import found
from runner.manifest.tree import Location, Report

_REMOTE_NEEDS: Final = {
    "region": "for example us-east-1",
    "staging": "s3://<bucket>/<prefix>/, where inputs and outputs of jobs are kept",
    "data_access_role": "arn:aws:iam::<account>:role/<name>, with which the service reads and writes there",
}
_PLACE: Final = ("endpoint", "region", "account", "profile", "assume_role", "endpoint_urls")
"""What says which account and region a lane is in."""
_SLOTS_DEFAULT: Final = 10


def check_lanes(outline: Outline, report: Report) -> None:
    """What lanes need, and what they are to one another."""
    kinds = {is_remote(lane) for _, lane in outline.lanes}
    if {True, False} <= kinds:
        index = next(index for index, lane in outline.lanes if is_remote(lane) is not is_remote(outline.lanes[0][1]))
        report.add(("lanes", index), "a run uses embedded or remote lanes, never both")
    elif len(outline.lanes) > 1 and kinds == {False}:
        report.add(("lanes", outline.lanes[1][0]), "a run has one embedded lane; keep one of them")
    _check_twins(outline, report)
    for index, lane in outline.lanes:
        if is_remote(lane):
            for key, hint in _REMOTE_NEEDS.items():
                if key not in lane:
                    message = f"missing: a lane with endpoint {found(lane['endpoint'])} needs it"
                    report.add(("lanes", index, key), message, hint=hint)
        if "external_id" in lane and "assume_role" not in lane:
            report.add(("lanes", index, "external_id"), "is of use with assume_role only", at_key=True)
        _check_quotas(("lanes", index, "quotas"), lane.get("quotas"), report, shared=is_remote(lane) is not False)


def _check_quotas(location: Location, quotas: object, report: Report, *, shared: bool) -> None:
    if not isinstance(quotas, dict):
        return
    for key, value in quotas.items():
        if isinstance(value, dict):
            _check_shared_operations((*location, key), value, report)
    active, reserved = quotas.get("active_jobs", _SLOTS_DEFAULT), quotas.get("reserve_slots")
    # On an embedded lane there is nobody to leave slots to, and the key is of no consequence.
    for family in FAMILIES if shared else ():
        slots, kept = _quota_of(active, family, _SLOTS_DEFAULT), _quota_of(reserved, family, 0)
        if slots is not None and kept is not None and kept >= slots > 0:
            message = f"{kept} of {slots} active jobs are left to others, so that none could start"
            report.add((*location, "reserve_slots"), message)
            return


def _quota_of(value: object, family: str, default: int) -> int | None:
    number = value.get(family, default) if isinstance(value, dict) else value
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _check_shared_operations(location: Location, numbers: Mapping[str, object], report: Report) -> None:
    first: dict[str, str] = {}
    for family, number in numbers.items():
        row = FAMILIES.get(family)
        if row is None:
            continue
        other = first.setdefault(row.stem, family)
        if number != numbers[other]:
            message = f"{family} and {other} are one operation of the service, so they have one number"
            report.add((*location, family), message)


def _check_twins(outline: Outline, report: Report) -> None:
    """Two lanes into one account and region would each count on slots and calls that there are once."""
    first: dict[str, int] = {}
    for index, lane in outline.lanes:
        if is_remote(lane):
            place = repr([lane.get(key) for key in _PLACE])
            if first.setdefault(place, index) != index:
                other = found(outline.lanes[first[place]][1].get("name"))
                message = f"is the same account and region as {other}, and quotas are per account and region"
                report.add(("lanes", index), message, hint="keep one of them")
