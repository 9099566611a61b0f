"""Every failure of Amazon's side becomes a Fault here, and nowhere else.

Rules
1. One table (`CODES`) maps error codes to (kind, scope, hint); a second one (`EXCEPTIONS`) does so for exceptions that
   carry no code. A code that no table knows is UNKNOWN and reaches the lane: it parks work, it never closes documents.
2. What makes Start different is one question: may the call have taken effect? Rules marked `lost` say "no answer, or
   an answer that leaves it open"; for a Start they become UNANSWERED, for every other call they stay TRANSIENT,
   because everything else that we call can simply be repeated.
3. Only REJECTED with batch scope lets documents be closed, so it is given only where a Start was refused for its
   input. The same code on a call that looks or stops reaches that call alone.
4. Messages are cut to one line and scrubbed: no access keys, signatures, tokens, or passwords in URLs.

Sources: COMPREHEND.md sections 1.7 and 5.2, botocore's models and its own lists of retryable codes (the tests hold
both tables to them), and S3's documented error codes.

This file knows neither manifests nor networks. botocore is recognised by class name, so that importing it is cheap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from runner.model import Fault, FaultKind, Scope

MESSAGE_CHARACTERS_MAX: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a code means. `lost`: the call may have taken effect although it failed (see rule 2 of this module)."""

    kind: FaultKind
    scope: Scope
    hint: str | None = None
    lost: bool = False


def _denied(hint: str) -> Rule:
    return Rule(kind=FaultKind.DENIED, scope=Scope.LANE, hint=hint)


_THROTTLED = Rule(kind=FaultKind.THROTTLED, scope=Scope.CALL)
_NO_SLOT = Rule(kind=FaultKind.NO_SLOT, scope=Scope.CALL)
_LOST = Rule(kind=FaultKind.TRANSIENT, scope=Scope.CALL, lost=True)
_NOT_SENT = Rule(
    kind=FaultKind.TRANSIENT,
    scope=Scope.CALL,
    hint="if it stays, check the network, the proxy settings, and the lane's `region` and `endpoint_urls`",
)
_AGAIN = Rule(kind=FaultKind.TRANSIENT, scope=Scope.CALL)
_REJECTED = Rule(kind=FaultKind.REJECTED, scope=Scope.BATCH)
_NOT_FOUND = Rule(kind=FaultKind.NOT_FOUND, scope=Scope.CALL)
_CORRUPT = Rule(kind=FaultKind.CORRUPT, scope=Scope.CALL, lost=True)
_UNKNOWN = Rule(kind=FaultKind.UNKNOWN, scope=Scope.LANE)
_CLOSED = Rule(
    kind=FaultKind.CLOSED,
    scope=Scope.LANE,
    hint="this account cannot use the family any more; take it out of `analyses`, or use a lane of another account",
)

_PERMISSION = _denied(
    "allow the lane's identity this call (a Start also needs iam:PassRole on `data_access_role`), then run again"
)
_CREDENTIALS = _denied(
    "check the access key that the lane's `profile` (or the environment) names: `aws sts get-caller-identity{profile}`"
)
_EXPIRED = _denied("renew the credentials (`aws sso login{profile}`, or whatever made them), then run again")
_PROFILE = _denied("check the lane's `profile` and ~/.aws/config; `aws configure list-profiles` names what exists")
_ROLE = _denied("check the lane's `assume_role` and `external_id`, and that the role trusts the lane's identity")
_CLOCK = _denied("this machine's clock is off by minutes: set it (NTP), then run again")
_ACCOUNT = _denied("the account cannot use this service or region: enable it in the AWS console, or change the lane")
_KMS = _denied("check the lane's `kms` keys: they must exist in its region, be enabled, and allow both identities")
_BUCKET = _denied("check the bucket in the lane's `staging`: it must exist, in the lane's `region`")
_MODEL = _denied("check the ARN under `classifier` or `recognizer`: it must exist in the lane's region and be trained")
_TAGS = _denied("the lane's `tags` are too many: a job takes 50")
_QUOTA = _denied("the account's quota is used up: free or raise it, then run again")
_REQUEST = _denied("the endpoint refuses the form of the request: check the lane's ARNs, keys, tags and `region`")
_ENDPOINT = _denied("the endpoint does not know this call: check the lane's `endpoint` and `endpoint_urls`")
_REGION = _denied("check the lane's `region`: the service must be offered there")
_TLS = _denied("the server's certificate is not trusted: check AWS_CA_BUNDLE, proxies, and the lane's `endpoint_urls`")
_DISK = _denied("the endpoint has no room left: free space on its disk, then run again")
_ARCHIVED = _denied("an object lies in an archive tier: restore it, then run again")
_LOCAL = Rule(
    kind=FaultKind.DENIED,
    scope=Scope.RUN,
    hint="a file of the run directory cannot be read: check that it is complete and readable",
)


def _each(rule: Rule, codes: str) -> dict[str, Rule]:
    return dict.fromkeys(codes.split(), rule)


CODES: Final[Mapping[str, Rule]] = {
    **_each(
        _THROTTLED,
        "Throttling ThrottlingException ThrottledException RequestThrottledException RequestThrottled"
        " ProvisionedThroughputExceededException RequestLimitExceeded BandwidthLimitExceeded LimitExceededException"
        " PriorRequestNotComplete TransactionInProgressException EC2ThrottledException TooManyRequestsException"
        " TooManyRequests SlowDown Slowdown KMS.ThrottlingException 429",
    ),
    **_each(
        _LOST,
        "InternalServerException InternalServerError InternalFailure InternalError InternalException"
        " ServiceUnavailable ServiceUnavailableException RequestTimeout RequestTimeoutException KMS.InternalException"
        " KMS.KeyUnavailableException KMS.DependencyTimeoutException ResourceInUseException RequestAbortedException 408 500 502 503 504",
    ),
    **_each(
        _AGAIN,
        "BadDigest IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch OperationAborted"
        " ConditionalRequestConflict ConcurrentModificationException TemporaryRedirect 307",
    ),
    **_each(
        _PERMISSION,
        "AccessDenied AccessDeniedException UnauthorizedOperation UnauthorizedException NotAuthorized Forbidden"
        " ForbiddenException AccountProblem AllAccessDisabled InvalidPayer 401 403",
    ),
    **_each(
        _CREDENTIALS,
        "UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId InvalidSecurity MissingAuthenticationToken"
        " MissingAuthenticationTokenException MissingSecurityHeader IncompleteSignature IncompleteSignatureException"
        " InvalidSignatureException SignatureDoesNotMatch AuthFailure InvalidToken UnauthorizedClientException",
    ),
    **_each(
        _EXPIRED,
        "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired InvalidGrantException",
    ),
    **_each(_CLOCK, "RequestTimeTooSkewed RequestInTheFuture"),
    **_each(
        _ACCOUNT,
        "OptInRequired SubscriptionRequiredException NotSignedUp PendingVerification RegionDisabledException",
    ),
    **_each(_ROLE, "MalformedPolicyDocument MalformedPolicyDocumentException"),
    **_each(_ROLE, "PackedPolicyTooLarge PackedPolicyTooLargeException"),
    **_each(_KMS, "KmsKeyValidationException EncryptionTypeMismatch"),
    **_each(_MODEL, "ResourceNotFoundException ResourceUnavailableException"),
    **_each(_TAGS, "TooManyTagsException TooManyTagKeysException"),
    **_each(_QUOTA, "ResourceLimitExceededException ServiceQuotaExceededException QuotaExceeded"),
    **_each(_DISK, "InsufficientStorage InsufficientCapacity 507"),
    **_each(
        _BUCKET,
        "NoSuchBucket InvalidBucketName InvalidBucketState PermanentRedirect MovedPermanently BucketAlreadyExists"
        " AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidLocationConstraint 301",
    ),
    **_each(
        _REQUEST,
        "ValidationException ValidationError InvalidParameterValue InvalidParameterValueException"
        " InvalidParameterCombination InvalidQueryParameter MalformedQueryString MissingParameter"
        " SerializationException InvalidRequest InvalidArgument InvalidDigest MalformedXML"
        " InvalidEncryptionAlgorithmError MissingContentLength InvalidWriteOffset TooManyParts"
        " MalformedHttpRequestException",
    ),
    **_each(
        _ENDPOINT,
        "UnknownOperationException UnknownOperation InvalidAction NotImplemented MethodNotAllowed"
        " UnsupportedOperation UnsupportedOperationException 405 501",
    ),
    **_each(_ARCHIVED, "InvalidObjectState ObjectNotInActiveTierError"),
    **_each(
        _REJECTED,
        "InvalidRequestException UnsupportedLanguageException TextSizeLimitExceededException"
        " BatchSizeLimitExceededException EntityTooLarge EntityTooSmall KeyTooLongError MaxMessageLengthExceeded"
        " RequestEntityTooLargeException 413",
    ),
    **_each(_REJECTED, "InvalidFilterException BucketAlreadyOwnedByYou PreconditionFailed 412"),
    **_each(_NOT_FOUND, "JobNotFoundException NoSuchKey NoSuchVersion NoSuchUpload"),
}

_STATUSES: Final = _each(_THROTTLED, "429") | _each(_LOST, "408 500 502 503 504") | _each(_PERMISSION, "401 403")
"""What a status says when the code says nothing; any other: unknown."""

EXCEPTIONS: Final[Mapping[str, Rule]] = {
    # Looked up along the class's ancestors, nearest first, so that a new subclass is judged as its parent.
    **_each(_NOT_SENT, "ClientConnectorError gaierror ConnectTimeoutError ProxyConnectionError SSLError"),
    **_each(
        _LOST,
        "EndpointConnectionError ConnectionClosedError ReadTimeoutError ConnectionError HTTPClientError"
        " ResponseStreamingError IncompleteReadError ResponseParserError ClientError TimeoutError",
    ),
    **_each(_TLS, "ClientConnectorCertificateError SSLCertVerificationError"),
    **_each(
        _CREDENTIALS,
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError MetadataRetrievalError NoAuthTokenError"
        " UnknownCredentialError",
    ),
    **_each(
        _EXPIRED,
        "UnauthorizedSSOTokenError SSOTokenLoadError SSOError TokenRetrievalError RefreshWithMFAUnsupportedError",
    ),
    **_each(_PROFILE, "ProfileNotFound ConfigNotFound ConfigParseError InvalidConfigError InfiniteLoopConfigError"),
    **_each(
        _REGION,
        "NoRegionError UnknownRegionError InvalidRegionError ServiceNotInRegionError UnknownEndpointError"
        " UnknownFIPSEndpointError EndpointVariantError",
    ),
    **_each(
        _ENDPOINT,
        "EndpointProviderError EndpointResolutionError InvalidEndpointConfigurationError BaseEndpointResolverError",
    ),
    **_each(_REQUEST, "ParamValidationError ValidationError InvalidHostLabelError InvalidDNSNameError"),
    **_each(_CORRUPT, "ChecksumError FlexibleChecksumError"),
    **_each(_LOCAL, "OSError"),
    **_each(_UNKNOWN, "BotoCoreError Exception"),
}

FAILED: Final[Mapping[str, Rule]] = {
    "NO_READ_ACCESS_TO_INPUT": _denied("let `data_access_role` read (s3:GetObject, s3:ListBucket) below `staging`"),
    "NO_WRITE_ACCESS_TO_OUTPUT": _denied(
        "let `data_access_role` write (s3:PutObject) below `staging`, and use the key `kms.output` if there is one"
    ),
    "NOT_ENOUGH_ACCESS_TO_VPC": _denied("let `data_access_role` describe and use the lane's `vpc` (ec2 permissions)"),
    "TEXTRACT_ACCESS_DENIED": _denied("let `data_access_role` use Textract"),
    "INTERNAL_SERVER_ERROR": Rule(kind=FaultKind.TRANSIENT, scope=Scope.BATCH),
    # The codes that the service documents for documents themselves (error rows, InvalidRequestDetailReason).
    **_each(
        _REJECTED,
        "DOCUMENT_SIZE_EXCEEDED TEXT_SIZE_LIMIT_EXCEEDED UNSUPPORTED_ENCODING UNSUPPORTED_DOC_TYPE"
        " PAGE_LIMIT_EXCEEDED INVALID_DOCUMENT",
    ),
}
"""What the Message of a FAILED job means, by the code before its colon."""

_START: Final = re.compile(r"^Start\w+Job$")
_CLOSED_STARTS: Final = frozenset({"StartTopicsDetectionJob", "StartEventsDetectionJob"})
_CREDENTIAL_CALLS: Final = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken", "GetSessionToken"}
)
# No account that refuses a closed family was ever seen (COMPREHEND.md section 7.9), hence several wordings.
_CLOSED_WORDS: Final = re.compile(
    r"new customers|no longer (available|open|offered|supported|accept)|closed to|discontinued|end of (support|life)"
    r"|not available (to|for|in) (this|your|new) account",
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
    """The fault behind a parsed error answer: {"Error": {"Code", "Message"}, "ResponseMetadata": …}."""
    error: Mapping[str, Any] = response["Error"]
    code = str(error.get("Code") or "")
    message = str(error.get("Message") or response.get("Message") or response.get("message") or "")
    reason = response.get("Reason") or ""
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    rule = CODES.get(code) or (_KMS if code.startswith("KMS.") else None) or _STATUSES.get(status) or _UNKNOWN
    rule = _refine(rule, code, f"{reason} {message}", operation)
    text = f"{message} ({reason})" if reason and str(reason) not in message else message
    return _fault(rule, code or f"HTTP {status}", text, operation, profile)


def classify_failed(message: str | None) -> Fault:
    """The fault behind a FAILED job, from its Message (`CODE: sentence`); codes without a rule are UNKNOWN."""
    text = clean(message or "the job failed and the service gave no reason")
    match = _FAILED_CODE.match(text)
    code, sentence = (match[1], match[2]) if match else ("JOB_FAILED", text)
    rule = FAILED.get(code)
    if rule is None and _KMS_WORDS.search(text):
        rule = _KMS
    if rule is None and _INTERNAL_WORDS.search(text):
        rule = FAILED["INTERNAL_SERVER_ERROR"]
    rule = rule or _UNKNOWN
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


def _refine(rule: Rule, code: str, message: str, operation: str) -> Rule:
    """The rule for this very operation and message: what a code alone cannot say."""
    if operation in _CREDENTIAL_CALLS:
        return _ROLE if rule is _PERMISSION and operation == "AssumeRole" else _EXPIRED if rule is _PERMISSION else rule
    if operation in _CLOSED_STARTS and not rule.lost and _CLOSED_WORDS.search(message):
        return _CLOSED
    if code.startswith("TooManyRequests") and starts_job(operation) and _SLOT_WORDS.search(message):
        return _NO_SLOT
    if rule is _CREDENTIALS and _CLOCK_WORDS.search(message):
        return _CLOCK
    if rule is _PERMISSION and _KMS_WORDS.search(message):
        return _KMS
    if rule is _REJECTED and code == "InvalidRequestException" and starts_job(operation):
        return _refused_start(message)
    if code in {"ResourceNotFoundException", "404"} and not starts_job(operation):
        return _BUCKET if operation == "HeadBucket" else _NOT_FOUND
    return rule


def _refused_start(message: str) -> Rule:
    match = _FAILED_CODE.match(message.strip())
    if match and match[1] in FAILED:
        return FAILED[match[1]]
    return _REQUEST if _LANE_WORDS.search(message) else _REJECTED


def _of_exception(error: Exception, operation: str, profile: str | None) -> Fault:
    rule = _rule_of_class(error)
    # aiobotocore says EndpointConnectionError both for "could not connect" and for "reset while waiting": the
    # exception inside tells them apart, and for a Start the difference is a job.
    inner = getattr(error, "kwargs", {}).get("error") if isinstance(getattr(error, "kwargs", None), dict) else None
    if isinstance(inner, Exception) and rule in {_LOST, _NOT_SENT}:
        nearer = _rule_of_class(inner)
        rule = nearer if nearer in {_NOT_SENT, _TLS} else rule
    if isinstance(error, OSError) and not error.filename and rule is _LOCAL:
        rule = _LOST  # a socket's error, not a file's
    if rule is _UNKNOWN and "still expired" in str(error):
        rule = _EXPIRED
    if rule is _UNKNOWN and starts_job(operation):
        rule = _LOST  # nobody knows how far it came
    return _fault(rule, type(error).__name__, str(error) or type(error).__name__, operation, profile)


def _rule_of_class(error: Exception) -> Rule:
    return next((EXCEPTIONS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in EXCEPTIONS), _UNKNOWN)


def _fault(rule: Rule, code: str, message: str, operation: str, profile: str | None) -> Fault:
    kind, scope = rule.kind, rule.scope
    if starts_job(operation):
        kind = FaultKind.UNANSWERED if rule.lost else kind
    elif kind is FaultKind.REJECTED and operation != "PutObject":
        scope = Scope.CALL
    hint = rule.hint.replace("{profile}", f" --profile {profile}" if profile else "") if rule.hint else None
    return Fault(kind=kind, scope=scope, code=code, message=clean(message), hint=hint)
