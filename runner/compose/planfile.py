"""A plan as a file: what `plan --out` writes, `plan.json` keeps, and `run --plan` holds a run to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from runner.compose.opening import OpenRun
from runner.compose.quotas import counted
from runner.errors import LimitError, UserError
from runner.manifest import identity_digest
from runner.planning.disk import disk_use
from runner.planning.plan import Plan

CENT_USD: Final = 0.005
HINT: Final = "`runner plan MANIFEST --out FILE` writes one"


def document(opened: OpenRun, plan: Plan) -> dict[str, object]:
    """The plan's own document, the quotas it counts on, the disk it needs, and what it was made of.

    That is the run's identity and the digests of its listings.
    """
    listings = {corpus: taken.digest for corpus, taken in opened.run.listings.items()}
    disk = asdict(disk_use(opened.manifest, plan))
    quotas = [
        {"lane": lane, "operation": operation, "active_jobs": slots, "quota": source}
        for lane, operation, slots, source in counted(opened.manifest)
    ]
    identity = identity_digest(opened.manifest)
    return {**plan.to_json(), "quotas": quotas, "disk": disk, "identity": identity, "listings": listings}


def require_same(path: Path, now: Mapping[str, Any]) -> None:
    """Refuse to go on if a plan made earlier is not the plan of now.

    Raises LimitError that says what moved: the identity, the sources of a corpus, or the price. UserError if the file
    cannot be read or is no plan.
    """
    moved = list(_moved(_read(path), now))
    if moved:
        raise LimitError(
            f"{path}: the plan no longer holds: " + "; ".join(moved),
            hint="make it anew with `runner plan MANIFEST --out FILE`, and look at it",
        )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: the plan cannot be read: {error.strerror}", hint=HINT) from error
    except ValueError as error:
        raise UserError(f"{path}: this is not a plan", hint=HINT) from error
    if not isinstance(found, dict) or not {"identity", "listings", "totals"} <= found.keys():
        raise UserError(f"{path}: this is not a plan", hint=HINT)
    return found


def _moved(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if then["identity"] != now["identity"]:
        yield "the manifest now asks for something else"
    for corpus, digest in now["listings"].items():
        if then["listings"].get(corpus) != digest:
            yield f"the sources of {corpus} have changed"
    before, after = then["totals"].get("usd"), now["totals"]["usd"]
    if (before is None) != (after is None) or (before is not None and abs(before - after) >= CENT_USD):
        yield f"the price was {_usd(before)} and is {_usd(after)}"


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:,.2f} USD"
