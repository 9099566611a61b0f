"""Every failure of Amazon's side becomes a Fault here, and nowhere else.

Rules
1. One table (`codes.py`) maps codes and exceptions to (kind, scope, hint); here is only what a code alone cannot say.
   A code that it does not know is UNKNOWN and reaches the lane: it parks work, it never closes documents.
2. What makes Start different is one question: may the call have taken effect? Rules marked `lost` say "no answer, or
   an answer that leaves it open"; for a Start they become UNANSWERED, for every other call they stay TRANSIENT,
   because everything else that we call can simply be repeated.
3. Only REJECTED with batch scope lets documents be closed, so it is given only where a Start was refused for its
   input. The same code on a call that looks or stops reaches that call alone.
4. Messages are cut to one line and scrubbed: no access keys, signatures, tokens, or passwords in URLs.

This file knows neither manifests nor networks. botocore is recognised by class name, so that importing it is cheap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runner.aws import codes
from runner.model import Fault, FaultKind, Scope

MESSAGE_CHARACTERS_MAX: Final = 600

_START: Final = re.compile(r"^Start\w+Job$")
_CLOSED_STARTS: Final = frozenset({"StartTopicsDetectionJob", "StartEventsDetectionJob"})
_CREDENTIAL_CALLS: Final = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken", "GetSessionToken"}
)
# No account that refuses a closed family was ever seen (COMPREHEND.md section 7.9), hence several wordings.
_CLOSED_WORDS: Final = re.compile(
    r"(new|existing) (customers?|accounts?)\b|no longer (be )?(available|open|offered|supported|accept\w*|onboard\w*)"
    r"|closed (to|for)|availability[- ]change|discontinued|deprecated|retired|sunset|end[- ]of[- ](support|life)"
    r"|not (currently )?(available|enabled|supported|offered|allow-?listed) (to|for|in|on) (this|the|your|new) account"
    r"|account (is not|isn't|has not been|was not) (eligible|enabled|allow-?listed|onboarded)",
    re.IGNORECASE,
)
_SLOT_WORDS: Final = re.compile(r"ACTIVE_JOB_COUNT|active job", re.IGNORECASE)
_CLOCK_WORDS: Final = re.compile(r"signature (expired|not yet current)", re.IGNORECASE)
# A refusal that is about the lane must not close documents: these words turn REJECTED into DENIED.
_LANE_WORDS: Final = re.compile(
    r"\b(roles?|access|permissions?|authori[sz]ed|assumed?|bucket|region|kms|key id|vpc|subnets?|security groups?"
    r"|trust|arn|tags?|account|jobname|clientrequesttoken)\b",
    re.IGNORECASE,
)
_KMS_WORDS: Final = re.compile(r"(?<![a-z0-9])kms(?![a-z0-9])", re.IGNORECASE)
_FAILED_CODE: Final = re.compile(r"^\s*([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\s*:?\s*(.*)$", re.DOTALL)
_INTERNAL_WORDS: Final = re.compile(r"internal (server |service )?(error|failure)", re.IGNORECASE)

_SECRETS: Final = (
    # botocore quotes answers that it cannot parse, and an answer may hold credentials.
    (re.compile(r"((?:invalid XML|parse response).*?(?:may succeed|$)).*", re.DOTALL), r"\1"),
    (re.compile(r"(The Canonical String|The String-to-Sign|Canonical Request)\b.*", re.DOTALL | re.IGNORECASE), ""),
    (re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}"), "****"),
    (
        re.compile(
            r"(?i)(security-?token|session-?token|access-?key(?:-?id)?|secret[\w-]*|signature|credential|password)"
            r"(['\"]?\s*[=:]\s*['\"]?)[^\s&,'\"]+"
        ),
        r"\1\2****",
    ),
    (re.compile(r"(?i)(\w+://)[^\s/@]+@"), r"\1"),
)


def classify(error: Exception, *, operation: str, profile: str | None = None) -> Fault:
    """The fault behind an exception that a call raised.

    `operation` is the call's name in the service's model (`StartSentimentDetectionJob`, `PutObject`); `profile` is
    named in hints. Takes any exception; what it does not know becomes UNKNOWN with lane scope, or UNANSWERED if a
    Start may have been accepted.
    """
    response = getattr(error, "response", None)
    if isinstance(response, Mapping) and isinstance(response.get("Error"), Mapping):
        # An error inside a credential fetch carries the name of that call, and then ours was never sent.
        actual = str(getattr(error, "operation_name", None) or operation)
        actual = actual if actual in _CREDENTIAL_CALLS else operation
        return classify_response(response, operation=actual, profile=profile)
    return _of_exception(error, operation, profile)


def classify_response(response: Mapping[str, Any], *, operation: str, profile: str | None = None) -> Fault:
    """The fault behind a parsed error answer: {"Error": {"Code", "Message"}, "ResponseMetadata": …}.

    The code may also be the name of an exception, as the errors of `runner.storage` carry it.
    """
    error: Mapping[str, Any] = response["Error"]
    code = str(error.get("Code") or "")
    message = str(error.get("Message") or response.get("Message") or response.get("message") or "")
    reason = response.get("Reason") or ""
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    rule = codes.CODES.get(code) or (codes.KMS if code.startswith("KMS.") else None) or codes.EXCEPTIONS.get(code)
    rule = rule or codes.STATUSES.get(status) or codes.UNKNOWN
    rule = _refine(rule, code, f"{reason} {message}", operation)
    text = f"{message} ({reason})" if reason and str(reason) not in message else message
    return _fault(rule, code or f"HTTP {status}", text, operation, profile)


def classify_failed(message: str | None) -> Fault:
    """The fault behind a FAILED job, from its Message (`CODE: sentence`); codes without a rule are UNKNOWN."""
    text = clean(message or "the job failed and the service gave no reason")
    match = _FAILED_CODE.match(text)
    code, sentence = (match[1], match[2]) if match else ("JOB_FAILED", text)
    rule = codes.FAILED.get(code)
    if rule is None and _KMS_WORDS.search(text):
        rule = codes.KMS
    if rule is None and _INTERNAL_WORDS.search(text):
        rule = codes.FAILED["INTERNAL_SERVER_ERROR"]
    rule = rule or codes.UNKNOWN
    return Fault(kind=rule.kind, scope=rule.scope, code=code, message=sentence, hint=rule.hint)


def starts_job(operation: str) -> bool:
    """Whether the operation buys a job, so that a lost answer must not be taken for a failure."""
    return _START.match(operation) is not None


def clean(text: str) -> str:
    """The text on one line, scrubbed of anything that could be a secret, cut to `MESSAGE_CHARACTERS_MAX`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CHARACTERS_MAX else line[: MESSAGE_CHARACTERS_MAX - 1] + "…"


def _refine(rule: codes.Rule, code: str, message: str, operation: str) -> codes.Rule:
    """The rule for this very operation and message: what a code alone cannot say."""
    if operation in _CREDENTIAL_CALLS:
        if rule is not codes.PERMISSION:
            return rule
        return codes.ROLE if operation == "AssumeRole" else codes.EXPIRED
    if operation in _CLOSED_STARTS and not rule.lost and _CLOSED_WORDS.search(message):
        return codes.CLOSED
    if code.startswith("TooManyRequests") and starts_job(operation) and _SLOT_WORDS.search(message):
        return codes.NO_SLOT
    if rule is codes.CREDENTIALS and _CLOCK_WORDS.search(message):
        return codes.CLOCK
    if rule is codes.PERMISSION and _KMS_WORDS.search(message):
        return codes.KMS
    if rule is codes.REJECTED and code == "InvalidRequestException" and starts_job(operation):
        return _refused_start(message)
    if code in {"ResourceNotFoundException", "404"} and not starts_job(operation):
        return codes.BUCKET if operation == "HeadBucket" else codes.NOT_FOUND
    return rule


def _refused_start(message: str) -> codes.Rule:
    match = _FAILED_CODE.match(message.strip())
    if match and match[1] in codes.FAILED:
        return codes.FAILED[match[1]]
    return codes.REQUEST if _LANE_WORDS.search(message) else codes.REJECTED


def _of_exception(error: Exception, operation: str, profile: str | None) -> Fault:
    rule = _rule_of_class(error)
    # aiobotocore says EndpointConnectionError both for "could not connect" and for "reset while waiting": the
    # exception inside tells them apart, and for a Start the difference is a job.
    inner = getattr(error, "kwargs", {}).get("error") if isinstance(getattr(error, "kwargs", None), dict) else None
    if isinstance(inner, Exception) and rule in {codes.LOST, codes.NOT_SENT}:
        nearer = _rule_of_class(inner)
        rule = nearer if nearer in {codes.NOT_SENT, codes.TLS} else rule
    if isinstance(error, OSError) and not error.filename and rule is codes.LOCAL:
        rule = codes.LOST  # a socket's error, not a file's
    if rule is codes.UNKNOWN and "still expired" in str(error):
        rule = codes.EXPIRED
    if rule is codes.UNKNOWN and starts_job(operation):
        rule = codes.LOST  # nobody knows how far it came
    return _fault(rule, type(error).__name__, str(error) or type(error).__name__, operation, profile)


def _rule_of_class(error: Exception) -> codes.Rule:
    return next(
        (codes.EXCEPTIONS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in codes.EXCEPTIONS),
        codes.UNKNOWN,
    )


def _fault(rule: codes.Rule, code: str, message: str, operation: str, profile: str | None) -> Fault:
    kind, scope = rule.kind, rule.scope
    if starts_job(operation):
        kind = FaultKind.UNANSWERED if rule.lost else kind
    elif kind is FaultKind.REJECTED and operation != "PutObject":
        scope = Scope.CALL
    hint = rule.hint.replace("{profile}", f" --profile {profile}" if profile else "") if rule.hint else None
    return Fault(kind=kind, scope=scope, code=code, message=clean(message), hint=hint)
