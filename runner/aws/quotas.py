"""What an account may do in a region, as Service Quotas tells it: one short question, asked before a run is planned.

Facts (COMPREHEND.md section 2.3, and public dumps of the quotas): active jobs are told apart by their codes, since
their names vary between editions (`DetectEntities max active jobs`, `StartEntitiesDetectionJob max active jobs`);
rates are named `<Operation> throttle limit in transactions per second`. List and Describe have a quota each, and a
lane keeps to the smaller one for both.

The answer is worth a few seconds and no more: whatever stands in its way is a Fault, and no reason to fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from runner.aws.connection import is_amazon, unconnected_client
from runner.aws.faults import classify
from runner.catalogue import FAMILIES
from runner.model import Fault, FaultKind, LaneSpec, Quotas, Scope

WITHIN_S: Final = 5.0
PAGES_MAX: Final = 20
PAGE_QUOTAS: Final = 100
"""The most that Service Quotas gives in one page."""
ACTION: Final = "servicequotas:ListServiceQuotas"
URL_VARIABLE: Final = "AWS_ENDPOINT_URL_SERVICE_QUOTAS"

ACTIVE_JOBS: Final = {
    "L-7AC96081": "DominantLanguageDetection",
    "L-2B8ECCAB": "EntitiesDetection",
    "L-BFFD1421": "KeyPhrasesDetection",
    "L-32ABBB12": "SentimentDetection",
    "L-358FBC4F": "TargetedSentimentDetection",
    "L-D88E2B98": "PiiEntitiesDetection",
    "L-471B41D6": "EventsDetection",
    "L-F2BED405": "TopicsDetection",
    "L-E65FE76A": "DocumentClassification",
}
"""Quota code -> the operation whose active jobs it limits."""
_RATE: Final = re.compile(r"(Start|Stop|List|Describe)(\w+?)Jobs? throttle limit in transactions per second")
_STEMS: Final = frozenset(row.stem for row in FAMILIES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuotas:
    """An account's own numbers in one region, by operation; what it does not tell is not in them."""

    active_jobs: Mapping[str, float] = field(default_factory=dict)
    start_per_s: Mapping[str, float] = field(default_factory=dict)
    read_per_s: Mapping[str, float] = field(default_factory=dict)
    stop_per_s: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def among(cls, quotas: Quotas) -> AccountQuotas:
        """Those that an account said once, and that a lane counted on."""
        return cls(
            active_jobs=quotas.active_jobs.account_says,
            start_per_s=quotas.start_per_s.account_says,
            read_per_s=quotas.read_per_s.account_says,
            stop_per_s=quotas.stop_per_s.account_says,
        )

    def filling(self, quotas: Quotas) -> Quotas:
        """A lane's quotas with these wherever the manifest says nothing."""
        return Quotas(
            active_jobs=quotas.active_jobs.observing(self.active_jobs),
            start_per_s=quotas.start_per_s.observing(self.start_per_s),
            read_per_s=quotas.read_per_s.observing(self.read_per_s),
            stop_per_s=quotas.stop_per_s.observing(self.stop_per_s),
            reserve_slots=quotas.reserve_slots,
        )

    def __bool__(self) -> bool:
        return bool(self.active_jobs or self.start_per_s or self.read_per_s or self.stop_per_s)


def account_quotas(listed: Iterable[Mapping[str, Any]]) -> AccountQuotas:
    """What the `Quotas` of a ListServiceQuotas answer say of jobs. Numbers that make no sense are passed over."""
    active: dict[str, float] = {}
    rates: dict[str, dict[str, float]] = {"Start": {}, "Stop": {}, "Read": {}}
    for quota in listed:
        value = quota.get("Value")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
            continue
        stem = ACTIVE_JOBS.get(str(quota.get("QuotaCode")))
        if stem is not None:
            active[stem] = int(value)
        elif (match := _RATE.fullmatch(str(quota.get("QuotaName")))) and match[2] in _STEMS:
            of_call = rates.get(match[1], rates["Read"])
            of_call[match[2]] = min(float(value), of_call.get(match[2], float("inf")))
    return AccountQuotas(
        active_jobs=active, start_per_s=rates["Start"], read_per_s=rates["Read"], stop_per_s=rates["Stop"]
    )


async def read_quotas(lane: LaneSpec, environment: Mapping[str, str]) -> AccountQuotas | Fault | None:
    """The account's quotas in a lane's region, or the Fault that stood in the way; None: there is nobody to ask.

    Only lanes of kind `aws` have an account; one whose Comprehend is not Amazon's is asked only where
    `AWS_ENDPOINT_URL_SERVICE_QUOTAS` says, never at Amazon's. Raises nothing, and takes `WITHIN_S` at most.
    """
    named = bool(environment.get(URL_VARIABLE))
    comprehend = lane.endpoint_url("comprehend")
    if lane.kind != "aws" or (comprehend is not None and not is_amazon(comprehend) and not named):
        return None
    try:
        with anyio.fail_after(WITHIN_S):
            async with unconnected_client(lane, "service-quotas") as client:
                if not named and not is_amazon(client.meta.endpoint_url):
                    return None
                return account_quotas(await _listed(client))
    except TimeoutError:
        message = f"no answer within {WITHIN_S:.0f} s"
        return Fault(kind=FaultKind.TRANSIENT, scope=Scope.CALL, code="TIMEOUT", message=message)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run can do without
        return classify(error, operation="ListServiceQuotas", profile=lane.profile)


async def _listed(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"ServiceCode": "comprehend", "MaxResults": PAGE_QUOTAS}
    for _ in range(PAGES_MAX):
        page = await client.list_service_quotas(**parameters)
        found += page.get("Quotas", ())
        if not page.get("NextToken"):
            break
        parameters["NextToken"] = page["NextToken"]
    return found
