"""The times that requests are signed with, held against the endpoint's clock, as each service does; pure.

Signatures themselves are not verified. The sentences are AWS's (Signature Version 4's troubleshooting pages, and
S3's list of error codes).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

__all__ = ["COMPREHEND_SKEW_S", "S3_SKEW_S", "aws_date", "skew_complaint", "too_far"]

COMPREHEND_SKEW_S: Final = 300.0
S3_SKEW_S: Final = 900.0
_FORM: Final = "%Y%m%dT%H%M%SZ"


def too_far(signed: str, now: float, allowed_s: float) -> bool:
    """Whether X-Amz-Date is further from `now` (epoch seconds) than allowed; never for what is no date."""
    at = _epoch(signed)
    return at is not None and abs(now - at) > allowed_s


def skew_complaint(signed: str, now: float) -> str:
    """What the services other than S3 say of such a request."""
    minutes = int(COMPREHEND_SKEW_S // 60)
    server = datetime.fromtimestamp(now, UTC)
    if (_epoch(signed) or 0.0) < now:
        bound = server - timedelta(minutes=minutes)
        return f"Signature expired: {signed} is now earlier than {bound:{_FORM}} ({server:{_FORM}} - {minutes} min.)"
    bound = server + timedelta(minutes=minutes)
    return (
        f"Signature not yet current: {signed} is still later than {bound:{_FORM}} ({server:{_FORM}} + {minutes} min.)"
    )


def aws_date(now: float) -> str:
    """Epoch seconds as X-Amz-Date writes them."""
    return f"{datetime.fromtimestamp(now, UTC):{_FORM}}"


@lru_cache(maxsize=64)
def _epoch(signed: str) -> float | None:
    try:
        return datetime.strptime(signed, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
