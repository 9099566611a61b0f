"""The table of faults: what each error code means for the work. Data alone; `faults.py` applies it.

Three parts, by where a failure shows: `CODES` (an error answer), `EXCEPTIONS` (no answer, or none that can be read) and
`FAILED` (a job that ended so). Each rule says what can be done, how far it reaches, and what its user should mend.

Sources: COMPREHEND.md sections 1.7 and 5.2, botocore's models and its own lists of retryable codes (the tests hold the
table to them), and S3's documented error codes. Hints may contain `{profile}`, filled in as ` --profile NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runner.model import FaultKind, Scope


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
NO_SLOT = Rule(kind=FaultKind.NO_SLOT, scope=Scope.CALL)
LOST = Rule(kind=FaultKind.TRANSIENT, scope=Scope.CALL, lost=True)
NOT_SENT = Rule(
    kind=FaultKind.TRANSIENT,
    scope=Scope.CALL,
    hint="if it stays, check the network, the proxy settings, and the lane's `region` and `endpoint_urls`",
)
_AGAIN = Rule(kind=FaultKind.TRANSIENT, scope=Scope.CALL)
REJECTED = Rule(kind=FaultKind.REJECTED, scope=Scope.BATCH)
NOT_FOUND = Rule(kind=FaultKind.NOT_FOUND, scope=Scope.CALL)
_CORRUPT = Rule(kind=FaultKind.CORRUPT, scope=Scope.CALL, lost=True)
UNKNOWN = Rule(kind=FaultKind.UNKNOWN, scope=Scope.LANE)
CLOSED = Rule(
    kind=FaultKind.CLOSED,
    scope=Scope.LANE,
    hint="this account cannot use the family any more; take it out of `analyses`, or use a lane of another account",
)

PERMISSION = _denied(
    "allow the lane's identity this call (a Start also needs iam:PassRole on `data_access_role`), then run again"
)
CREDENTIALS = _denied(
    "check the access key that the lane's `profile` (or the environment) names: `aws sts get-caller-identity{profile}`"
)
EXPIRED = _denied("renew the credentials (`aws sso login{profile}`, or whatever made them), then run again")
_PROFILE = _denied("check the lane's `profile` and ~/.aws/config; `aws configure list-profiles` names what exists")
ROLE = _denied("check the lane's `assume_role` and `external_id`, and that the role trusts the lane's identity")
CLOCK = _denied("this machine's clock is off by minutes: set it (NTP), then run again")
_ACCOUNT = _denied("the account cannot use this service or region: enable it in the AWS console, or change the lane")
KMS = _denied("check the lane's `kms` keys: they must exist in its region, be enabled, and allow both identities")
BUCKET = _denied("check the bucket in the lane's `staging`: it must exist, in the lane's `region`")
_MODEL = _denied("check the ARN under `classifier` or `recognizer`: it must exist in the lane's region and be trained")
_TAGS = _denied("the lane's `tags` are too many: a job takes 50")
_QUOTA = _denied("the account's quota is used up: free or raise it, then run again")
REQUEST = _denied("the endpoint refuses the form of the request: check the lane's ARNs, keys, tags and `region`")
_ENDPOINT = _denied("the endpoint does not know this call: check the lane's `endpoint` and `endpoint_urls`")
_REGION = _denied("check the lane's `region`: the service must be offered there")
TLS = _denied("the server's certificate is not trusted: check AWS_CA_BUNDLE, proxies, and the lane's `endpoint_urls`")
_DISK = _denied("the endpoint has no room left: free space on its disk, then run again")
_ARCHIVED = _denied("an object lies in an archive tier: restore it, then run again")
LOCAL = Rule(
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
        LOST,
        "InternalServerException InternalServerError InternalFailure InternalError InternalException"
        " ServiceUnavailable ServiceUnavailableException RequestTimeout RequestTimeoutException KMS.InternalException"
        " KMS.KeyUnavailableException KMS.DependencyTimeoutException ResourceInUseException"
        " RequestAbortedException 408 500 502 503 504",
    ),
    **_each(
        _AGAIN,
        "BadDigest IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch OperationAborted"
        " ConditionalRequestConflict ConcurrentModificationException TemporaryRedirect 307",
    ),
    **_each(
        PERMISSION,
        "AccessDenied AccessDeniedException UnauthorizedOperation UnauthorizedException NotAuthorized Forbidden"
        " ForbiddenException AccountProblem AllAccessDisabled InvalidPayer 401 403",
    ),
    **_each(
        CREDENTIALS,
        "UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId InvalidSecurity MissingAuthenticationToken"
        " MissingAuthenticationTokenException MissingSecurityHeader IncompleteSignature IncompleteSignatureException"
        " InvalidSignatureException SignatureDoesNotMatch AuthFailure InvalidToken UnauthorizedClientException",
    ),
    **_each(
        EXPIRED,
        "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired InvalidGrantException",
    ),
    **_each(CLOCK, "RequestTimeTooSkewed RequestInTheFuture"),
    **_each(
        _ACCOUNT,
        "OptInRequired SubscriptionRequiredException NotSignedUp PendingVerification RegionDisabledException",
    ),
    **_each(ROLE, "MalformedPolicyDocument MalformedPolicyDocumentException"),
    **_each(ROLE, "PackedPolicyTooLarge PackedPolicyTooLargeException"),
    **_each(KMS, "KmsKeyValidationException EncryptionTypeMismatch"),
    **_each(_MODEL, "ResourceNotFoundException ResourceUnavailableException"),
    **_each(_TAGS, "TooManyTagsException TooManyTagKeysException"),
    **_each(_QUOTA, "ResourceLimitExceededException ServiceQuotaExceededException QuotaExceeded"),
    **_each(_DISK, "InsufficientStorage InsufficientCapacity 507"),
    **_each(
        BUCKET,
        "NoSuchBucket InvalidBucketName InvalidBucketState PermanentRedirect MovedPermanently BucketAlreadyExists"
        " AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidLocationConstraint 301",
    ),
    **_each(
        REQUEST,
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
        REJECTED,
        "InvalidRequestException UnsupportedLanguageException TextSizeLimitExceededException"
        " BatchSizeLimitExceededException EntityTooLarge EntityTooSmall KeyTooLongError MaxMessageLengthExceeded"
        " RequestEntityTooLargeException 413",
    ),
    **_each(REJECTED, "InvalidFilterException BucketAlreadyOwnedByYou PreconditionFailed 412"),
    **_each(NOT_FOUND, "JobNotFoundException NoSuchKey NoSuchVersion NoSuchUpload"),
}

STATUSES: Final = _each(_THROTTLED, "429") | _each(LOST, "408 500 502 503 504") | _each(PERMISSION, "401 403")
"""What a status says when the code says nothing; any other: unknown."""

EXCEPTIONS: Final[Mapping[str, Rule]] = {
    # Looked up along the class's ancestors, nearest first, so that a new subclass is judged as its parent.
    **_each(NOT_SENT, "ClientConnectorError gaierror ConnectTimeoutError ProxyConnectionError SSLError"),
    **_each(
        LOST,
        "EndpointConnectionError ConnectionClosedError ReadTimeoutError ConnectionError HTTPClientError"
        " ResponseStreamingError IncompleteReadError ResponseParserError ClientError TimeoutError",
    ),
    **_each(TLS, "ClientConnectorCertificateError SSLCertVerificationError"),
    **_each(
        CREDENTIALS,
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError MetadataRetrievalError NoAuthTokenError"
        " UnknownCredentialError",
    ),
    **_each(
        EXPIRED,
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
    **_each(REQUEST, "ParamValidationError ValidationError InvalidHostLabelError InvalidDNSNameError"),
    **_each(_CORRUPT, "ChecksumError FlexibleChecksumError"),
    **_each(LOCAL, "OSError"),
    **_each(UNKNOWN, "BotoCoreError Exception"),
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
        REJECTED,
        "DOCUMENT_SIZE_EXCEEDED TEXT_SIZE_LIMIT_EXCEEDED UNSUPPORTED_ENCODING UNSUPPORTED_DOC_TYPE"
        " PAGE_LIMIT_EXCEEDED INVALID_DOCUMENT",
    ),
}
"""What the Message of a FAILED job means, by the code before its colon."""

STALE_CREDENTIALS: Final = frozenset(
    code for code, rule in (*CODES.items(), *EXCEPTIONS.items()) if rule in (EXPIRED, CREDENTIALS)
)
"""Codes that other credentials can mend: before the next call they are looked for anew."""
