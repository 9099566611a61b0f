"""What gives an event away, and who takes part in it: triggers and roles per type, in English.

Owns the tables; types, roles and their meaning are those of the service's guide. Knows nothing of texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["RULES", "TITLES", "EventRule", "Role"]


@dataclass(frozen=True, slots=True)
class Role:
    """A part to play, by entities of `kinds` on one `side` of the trigger ("before", "after", "" is either)."""

    name: str
    kinds: tuple[str, ...]
    side: str = ""
    most: int = 1


@dataclass(frozen=True, slots=True)
class EventRule:
    """A type of event: what tells of it, and its roles in the order in which they are filled."""

    kind: str
    trigger: re.Pattern[str]
    roles: tuple[Role, ...]
    passive: re.Pattern[str] | None = None


_WHO: Final = ("ORGANIZATION", "PERSON")
_FIRMS: Final = ("ORGANIZATION",)
_MONEY: Final = ("MONETARY_VALUE",)
_DATE: Final = ("DATE",)
_PLACE: Final = ("LOCATION",)

_PURCHASE: Final = (
    Role("INVESTOR", _WHO, "before"),
    Role("INVESTEE", _WHO, "after"),
    Role("AMOUNT", _MONEY),
    Role("DATE", _DATE),
    Role("PLACE", _PLACE),
)
_OFFERING: Final = (
    Role("OFFEROR", _WHO, "before"),
    Role("OFFEREE", _WHO, "after"),
    Role("OFFERING_AMOUNT", _MONEY),
    Role("OFFERING_DATE", _DATE),
    Role("SHARE_QUANTITY", ("QUANTITY",)),
)


def _rule(kind: str, trigger: str, roles: tuple[Role, ...], passive: str = "") -> EventRule:
    return EventRule(
        kind,
        re.compile(rf"\b(?:{trigger})\b", re.IGNORECASE),
        roles,
        re.compile(rf"\b(?:{passive})\b", re.IGNORECASE) if passive else None,
    )


RULES: Final = (
    _rule(
        "BANKRUPTCY",
        r"bankruptcy|bankrupt|insolvency|insolvent|chapter (?:7|11|13)|went into administration|receivership",
        (Role("FILER", _WHO, "before"), Role("DATE", _DATE), Role("PLACE", _PLACE)),
    ),
    _rule(
        "EMPLOYMENT",
        r"hired|hires|appointed|appoints|fired|fires|laid off|resigned|resigns|retired|retires|stepp?(?:ed|s|ing) down|"
        r"promoted|named|joined as|joins as|dismissed|recruited|was employed|employs|appointment|resignation",
        (
            Role("EMPLOYEE", ("PERSON",)),
            Role("EMPLOYEE_TITLE", ("PERSON_TITLE",)),
            Role("EMPLOYER", _FIRMS),
            Role("START_DATE", _DATE),
        ),
    ),
    _rule(
        "CORPORATE_ACQUISITION",
        r"acquir(?:ed|es|e|ing)|acquisition|takeover|takes over|took over|taken over|bought out|buyout|"
        r"(?:agreed to )?buy(?:s|ing)?|bought|purchased",
        _PURCHASE,
        passive=r"(?:acquired|bought|bought out|purchased|taken over) by|acquisition by|takeover by",
    ),
    _rule(
        "INVESTMENT_GENERAL",
        r"invest(?:ed|s|ing|ment|ments)?|stake in|"
        r"led (?:a|the) (?:funding |investment )?round|funding round|raised|backed by",
        _PURCHASE,
        passive=r"backed by|investment from|raised",
    ),
    _rule(
        "CORPORATE_MERGER",
        r"merg(?:ed|es|e|ing)|merger|amalgamat(?:ed|ion)",
        (Role("PARTICIPANT", _FIRMS, most=4), Role("DATE", _DATE)),
    ),
    _rule("IPO", r"IPO|initial public offering|went public|go(?:es|ing)? public|public debut", _OFFERING),
    _rule("RIGHTS_ISSUE", r"rights? (?:issue|offering|offer)|subscription rights", _OFFERING),
    _rule("SECONDARY_OFFERING", r"secondary (?:public )?(?:offering|share sale)|follow-on offering", _OFFERING),
    _rule("SHELF_OFFERING", r"shelf (?:offering|registration|prospectus)", _OFFERING),
    _rule("TENDER_OFFERING", r"tender(?:ed)? (?:offer|offering|offers)|self-tender", _OFFERING),
    _rule(
        "STOCK_SPLIT",
        r"(?:reverse )?(?:stock|share) (?:split|subdivision|consolidation)|split its (?:stock|shares)",
        (Role("COMPANY", _FIRMS), Role("SPLIT_RATIO", ("RATIO",)), Role("DATE", _DATE)),
    ),
)
"""One rule per type."""

TITLES: Final = re.compile(
    r"\b(?:(?:vice|deputy|executive|senior|managing|interim|non-executive|chief|co-)[ -]?)*"
    r"(?:CEO|CFO|CTO|COO|CIO|CMO|chair(?:man|woman|person)?|president|director|manager|head coach|coach|founder|"
    r"treasurer|"
    r"(?:executive|financial|operating|technology|information|marketing) officer|general counsel|analyst|editor|"
    r"partner|secretary)\b",
    re.IGNORECASE,
)
"""What people are called by their work."""
