"""What faults can do: one row per effect, with the words in which each service says it. Pure.

`runner serve --list-faults` prints this table. A further fault is a further row here, and, unless it is a refusal or
concerns a job's life, a line in `app.py` or the executor where it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["EFFECTS", "Effect", "Reach", "Refusal", "table"]

Reach = Literal["request", "job", "clock"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer: code, message, HTTP status. S3's own sentence and status go with its code where None."""

    code: str
    message: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing that a rule can do.

    `reach` says what it concerns: one request, a job for the rest of its life, or the endpoint's clock.
    Refusals have the answer of each service; `failure` is the Message that a job FAILS with.
    """

    about: str
    reach: Reach = "request"
    comprehend: Refusal | None = None
    s3: Refusal | None = None
    sts: Refusal | None = None
    failure: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether it is an answer that is an error."""
        return self.comprehend is not None


_EXPIRED = "The security token included in the request is expired"
_ROLE = "The provided data access role does not have"

EFFECTS: Final[dict[str, Effect]] = {
    "throttle": Effect(
        about="429 ThrottlingException; S3: 503 SlowDown",
        comprehend=Refusal("ThrottlingException", "Rate exceeded", 429),
        s3=Refusal("SlowDown"),
        sts=Refusal("Throttling", "Rate exceeded", 400),
    ),
    "slow_down": Effect(
        about="the same, by S3's name",
        comprehend=Refusal("ThrottlingException", "Rate exceeded", 429),
        s3=Refusal("SlowDown"),
        sts=Refusal("Throttling", "Rate exceeded", 400),
    ),
    "no_slot": Effect(
        about="400 TooManyRequestsException: as if strangers held every slot",
        comprehend=Refusal(
            "TooManyRequestsException",
            "ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit for this account is 10.",
            400,
        ),
        s3=Refusal("SlowDown"),
        sts=Refusal("Throttling", "Rate exceeded", 400),
    ),
    "server_error": Effect(
        about="500 InternalServerException; S3: 500 InternalError",
        comprehend=Refusal("InternalServerException", "An internal server error occurred. Retry your request.", 500),
        s3=Refusal("InternalError"),
        sts=Refusal("InternalFailure", "We encountered an internal error. Please try again.", 500),
    ),
    "unavailable": Effect(
        about="503 ServiceUnavailable",
        comprehend=Refusal("ServiceUnavailable", "The service is unavailable. Please try again.", 503),
        s3=Refusal("ServiceUnavailable", "Service is unable to handle request.", 503),
        sts=Refusal("ServiceUnavailable", "The service is unavailable. Please try again.", 503),
    ),
    "expired_token": Effect(
        about="ExpiredTokenException: the credentials have run out",
        comprehend=Refusal("ExpiredTokenException", _EXPIRED, 400),
        s3=Refusal("ExpiredToken"),
        sts=Refusal("ExpiredToken", _EXPIRED, 403),
    ),
    "access_denied": Effect(
        about="AccessDeniedException: the caller may not",
        comprehend=Refusal("AccessDeniedException", "User is not authorized to perform this operation", 400),
        s3=Refusal("AccessDenied"),
        sts=Refusal("AccessDenied", "Access denied", 403),
    ),
    "kms_refused": Effect(
        about="KmsKeyValidationException; S3: KMS.DisabledException",
        comprehend=Refusal(
            "KmsKeyValidationException",
            "The KMS customer managed key (CMK) entered cannot be validated. Verify the key and re-enter it.",
            400,
        ),
        s3=Refusal("KMS.DisabledException", "The request was rejected because the KMS key is disabled.", 400),
        sts=Refusal("AccessDenied", "Access denied", 403),
    ),
    "family_closed": Effect(
        about="as topics and events may answer an account that is new to them (the wording is not documented)",
        comprehend=Refusal(
            "AccessDeniedException",
            "This feature of Amazon Comprehend is no longer available to new customers.",
            400,
        ),
        s3=Refusal("AccessDenied"),
        sts=Refusal("AccessDenied", "Access denied", 403),
    ),
    "error": Effect(about="`status` (500), `code`, `message` as given"),
    "delay": Effect(about="`delay_s`, then as if nothing had happened"),
    "slow": Effect(about="S3 bodies, up or down, at `bytes_per_s`"),
    "drop": Effect(about="the connection ends before anything is done"),
    "reset": Effect(about="the same, by a reset (RST)"),
    "refuse": Effect(about="every connection is reset, and for `for_s` seconds (1) none can be made"),
    "answer_lost": Effect(about="it is done, and the connection ends before the answer"),
    "answer_cut": Effect(about="it is done, and the connection ends in the answer, after `share` (0.5) of its body"),
    "job_failed": Effect(
        about="FAILED with `message`, `after_s` after its work began",
        reach="job",
        failure="INTERNAL_SERVER_ERROR: An internal server error occurred.",
    ),
    "no_read_access": Effect(
        about="FAILED, as without access to the input",
        reach="job",
        failure=f"NO_READ_ACCESS_TO_INPUT: {_ROLE} proper access to the input data.",
    ),
    "no_write_access": Effect(
        about="FAILED, as without access to the output or its KMS key",
        reach="job",
        failure=f"NO_WRITE_ACCESS_TO_OUTPUT: {_ROLE} write access to the output S3 URI or it does not have access to "
        "the output S3 KMS Key.",
    ),
    "no_vpc_access": Effect(
        about="FAILED, as without access to the VPC",
        reach="job",
        failure=f"NOT_ENOUGH_ACCESS_TO_VPC: {_ROLE} ec2:DescribeSecurityGroups permission.",
    ),
    "job_stuck": Effect(about="IN_PROGRESS until it is stopped", reach="job"),
    "stop_late": Effect(about="a Stop comes too late: STOP_REQUESTED, then COMPLETED with all rows", reach="job"),
    "archive_truncated": Effect(about="only the first `share` (0.5) of each output object is there", reach="job"),
    "archive_corrupt": Effect(about="some bytes in the middle of each output object are wrong", reach="job"),
    "rows_missing": Effect(about="`share` (0.5) of the rows is left out, chosen by `seed`", reach="job"),
    "rows_doubled": Effect(about="`share` of the rows comes twice", reach="job"),
    "rows_altered": Effect(about="`share` of the rows bears another row's answer", reach="job"),
    "rows_unordered": Effect(about="`share` of the rows changes places, chosen by `seed`", reach="job"),
    "clock_skew": Effect(
        about="while in force, the endpoint's clock (Date, SubmitTime, LastModified) is `skew_s` ahead; what was "
        "signed more than 5 minutes (S3: 15) off it is refused, as always",
        reach="clock",
    ),
}
"""What a rule's `do` can be."""


def table() -> str:
    """The effects as a text for people."""
    width = max(map(len, EFFECTS))
    return "\n".join(f"{name:<{width}}  {effect.about}" for name, effect in EFFECTS.items())
