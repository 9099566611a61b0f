"""The table of faults is complete, says what DESIGN wants of each, and never lets a lost Start pass for a failure."""

from __future__ import annotations

import builtins
import inspect
import socket
import ssl
from typing import Any

import aiohttp
import botocore.exceptions
import botocore.parsers
import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from runner.aws import classify, classify_failed
from runner.aws.codes import CODES, EXCEPTIONS
from runner.aws.faults import MESSAGE_CHARACTERS_MAX, classify_response, starts_job
from runner.catalogue import FAMILIES
from runner.model import Fault, FaultKind, Scope

START = "StartSentimentDetectionJob"
LIST = "ListSentimentDetectionJobs"
DESCRIBE = "DescribeSentimentDetectionJob"
STOP = "StopSentimentDetectionJob"

CALLED: dict[str, tuple[str, ...]] = {
    "comprehend": tuple(
        sorted(
            {
                operation
                for row in FAMILIES.values()
                for operation in (row.start, row.list, row.describe, row.stop)
                if operation is not None
            }
        )
    ),
    "s3": ("PutObject", "ListObjectsV2", "DeleteObjects", "HeadBucket", "CreateBucket"),
    "sts": ("GetCallerIdentity", "AssumeRole"),
}
OPERATIONS = tuple(operation for operations in CALLED.values() for operation in operations)


def refused(code: str, message: str = "", *, operation: str = START, status: int = 400, **members: Any) -> Fault:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **members,
    }
    return classify(ClientError(response, operation), operation=operation)


def declared_errors() -> list[tuple[str, str]]:
    """Every (operation, error code) that botocore's models declare for the calls we make."""
    session = botocore.session.Session()
    models = {service: session.get_service_model(service) for service in CALLED}
    return [
        (operation, shape.metadata.get("error", {}).get("code", shape.name))
        for service, operations in CALLED.items()
        for operation in operations
        for shape in models[service].operation_model(operation).error_shapes
    ]


def test_every_error_that_a_called_operation_declares_has_a_rule() -> None:
    pairs = declared_errors()
    assert len(pairs) > 100, "the models declare far more than that: the enumeration is broken"
    assert {code for _, code in pairs} <= set(CODES)
    assert [pair for pair in pairs if refused(pair[1], operation=pair[0]).kind is FaultKind.UNKNOWN] == []


def test_every_error_shape_that_the_models_know_has_a_rule() -> None:
    """Also those not declared for our operations: services answer with undeclared ones (COMPREHEND.md section 1.7)."""
    model = botocore.session.Session().get_service_model("comprehend")
    shapes = [model.shape_for(name) for name in model.shape_names]
    assert {shape.name for shape in shapes if shape.metadata.get("exception")} <= set(CODES)


def test_every_code_that_botocore_would_retry_has_a_rule() -> None:
    from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

    throttled = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    transient = set(TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    assert throttled
    assert transient
    assert {code: refused(code, operation=LIST).kind for code in throttled} == dict.fromkeys(
        throttled, FaultKind.THROTTLED
    )
    assert {refused(code, operation=LIST).kind for code in transient - throttled} == {FaultKind.TRANSIENT}


def test_the_documented_common_errors_have_rules() -> None:
    """AWS's list of errors common to all services, which no model declares."""
    common = [
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InternalFailure",
        "MalformedHttpRequestException",
        "NotAuthorized",
        "OptInRequired",
        "RequestAbortedException",
        "RequestEntityTooLargeException",
        "RequestExpired",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ThrottlingException",
        "UnrecognizedClientException",
        "UnknownOperationException",
        "ValidationError",
    ]
    assert [code for code in common if code not in CODES] == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_a_refused_start_or_upload_may_close_documents(operation: str) -> None:
    """A code with batch scope closes documents; no call that looks, stops, or checks may ever do that."""
    for code in CODES:
        fault = refused(code, operation=operation)
        if fault.scope in {Scope.BATCH, Scope.DOCUMENT}:
            assert starts_job(operation) or operation == "PutObject", (operation, code)
            assert fault.kind is FaultKind.REJECTED


@pytest.mark.parametrize("operation", [row.start for row in FAMILIES.values()])
def test_no_code_makes_a_start_transient_that_may_have_been_accepted(operation: str) -> None:
    for code in ("InternalServerException", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "500", "504"):
        assert refused(code, operation=operation).kind is FaultKind.UNANSWERED
        assert refused(code, operation=DESCRIBE).kind is FaultKind.TRANSIENT
        assert refused(code, operation="PutObject").kind is FaultKind.TRANSIENT
    assert refused("ResourceInUseException", operation=operation).kind is FaultKind.UNANSWERED


SLOT_MESSAGE = "ACTIVE_JOB_COUNT_LIMIT_EXCEEDED: Active job limit for this account is 10. Please retry later."


@pytest.mark.parametrize(
    ("operation", "code", "status", "message", "expected"),
    [
        (START, "ThrottlingException", 429, "Rate exceeded", (FaultKind.THROTTLED, Scope.CALL)),
        (START, "ThrottlingException", 400, "Rate exceeded", (FaultKind.THROTTLED, Scope.CALL)),
        (START, "TooManyRequestsException", 400, SLOT_MESSAGE, (FaultKind.NO_SLOT, Scope.CALL)),
        (START, "TooManyRequestsException", 400, "Too many requests", (FaultKind.THROTTLED, Scope.CALL)),
        (LIST, "TooManyRequestsException", 400, SLOT_MESSAGE, (FaultKind.THROTTLED, Scope.CALL)),
        (START, "InvalidRequestException", 400, "The request is invalid", (FaultKind.REJECTED, Scope.BATCH)),
        (START, "InvalidRequestException", 400, "The role cannot be assumed", (FaultKind.DENIED, Scope.LANE)),
        (START, "InvalidRequestException", 400, "NO_READ_ACCESS_TO_INPUT: no", (FaultKind.DENIED, Scope.LANE)),
        (STOP, "InvalidRequestException", 400, "The job has ended", (FaultKind.REJECTED, Scope.CALL)),
        (DESCRIBE, "JobNotFoundException", 400, "", (FaultKind.NOT_FOUND, Scope.CALL)),
        (DESCRIBE, "ResourceNotFoundException", 400, "", (FaultKind.NOT_FOUND, Scope.CALL)),
        (START, "ResourceNotFoundException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        (START, "KmsKeyValidationException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        (START, "AccessDeniedException", 400, "is not authorized to perform", (FaultKind.DENIED, Scope.LANE)),
        (START, "ExpiredTokenException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        (START, "UnrecognizedClientException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        (START, "SomethingNewException", 400, "", (FaultKind.UNKNOWN, Scope.LANE)),
        (START, "SomethingNewException", 503, "", (FaultKind.UNANSWERED, Scope.CALL)),
        (LIST, "SomethingNewException", 503, "", (FaultKind.TRANSIENT, Scope.CALL)),
        (LIST, "SomethingNewException", 429, "", (FaultKind.THROTTLED, Scope.CALL)),
        (LIST, "", 403, "", (FaultKind.DENIED, Scope.LANE)),
        ("PutObject", "SlowDown", 503, "", (FaultKind.THROTTLED, Scope.CALL)),
        ("PutObject", "EntityTooLarge", 400, "", (FaultKind.REJECTED, Scope.BATCH)),
        ("PutObject", "NoSuchBucket", 404, "", (FaultKind.DENIED, Scope.LANE)),
        ("PutObject", "AccessDenied", 403, "not allowed to use the KMS key", (FaultKind.DENIED, Scope.LANE)),
        ("PutObject", "KMS.DisabledException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        ("PutObject", "KMS.NeverSeenException", 400, "", (FaultKind.DENIED, Scope.LANE)),
        ("PutObject", "InsufficientStorage", 507, "", (FaultKind.DENIED, Scope.LANE)),
        ("GetObject", "NoSuchKey", 404, "", (FaultKind.NOT_FOUND, Scope.CALL)),
        ("GetObject", "404", 404, "Not Found", (FaultKind.NOT_FOUND, Scope.CALL)),
        ("HeadBucket", "404", 404, "Not Found", (FaultKind.DENIED, Scope.LANE)),
        ("HeadBucket", "403", 403, "Forbidden", (FaultKind.DENIED, Scope.LANE)),
    ],
)
def test_codes_mean_what_design_says(
    operation: str, code: str, status: int, message: str, expected: tuple[FaultKind, Scope]
) -> None:
    fault = refused(code, message, operation=operation, status=status)
    assert (fault.kind, fault.scope) == expected


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("InvalidSignatureException", "Signature expired: 20261120T1 is now earlier than 20261120T2", "clock"),
        ("InvalidSignatureException", "The request signature we calculated does not match", "access key"),
        ("AccessDeniedException", "no identity-based policy allows the action", "iam:PassRole"),
        ("KmsKeyValidationException", "", "`kms`"),
        ("ResourceNotFoundException", "", "`classifier`"),
        ("ExpiredTokenException", "", "aws sso login"),
    ],
)
def test_hints_name_what_to_mend(code: str, message: str, words: str) -> None:
    assert words in (refused(code, message).hint or "")


def test_every_denial_has_a_hint() -> None:
    denials = [
        fault
        for operation in OPERATIONS
        for fault in (refused(code, operation=operation) for code in CODES)
        if fault.kind in {FaultKind.DENIED, FaultKind.CLOSED}
    ]
    assert denials
    assert all(fault.hint for fault in denials)


def test_the_profile_is_named_where_a_command_needs_it() -> None:
    error = ClientError({"Error": {"Code": "ExpiredToken", "Message": ""}}, LIST)
    assert "`aws sso login --profile work`" in (classify(error, operation=LIST, profile="work").hint or "")
    assert "{profile}" not in (classify(error, operation=LIST).hint or "")


@pytest.mark.parametrize("family", ["topics", "events"])
@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "InvalidRequestException",
        "ValidationException",
        "OptInRequired",
        "ResourceUnavailableException",
        "UnsupportedOperationException",
        "Odd",
    ],
)
@pytest.mark.parametrize(
    "message",
    [
        "This feature is no longer available to new customers.",
        "The operation is not available to this account",
        "Amazon Comprehend topic modeling is only available to existing customers",
        "Your account is not eligible to use this operation",
        "Event detection has been discontinued. See the Comprehend availability change page.",
        "The API reached end-of-support on 2026-04-30",
        "The feature is not enabled for your account",
    ],
)
def test_a_family_closed_to_the_account_is_told_from_a_missing_permission(family: str, code: str, message: str) -> None:
    assert refused(code, message, operation=FAMILIES[family].start).kind is FaultKind.CLOSED
    assert refused(code, message, operation=START).kind is not FaultKind.CLOSED


def test_a_plain_denial_of_a_closing_family_stays_a_denial() -> None:
    message = "User: arn:aws:iam::1:user/x is not authorized to perform: comprehend:StartTopicsDetectionJob"
    assert refused("AccessDeniedException", message, operation="StartTopicsDetectionJob").kind is FaultKind.DENIED


def test_a_failure_inside_a_credential_fetch_is_about_credentials_not_about_the_job() -> None:
    """The exception names the call that failed; the Start it was made for was never sent."""
    lost = ClientError({"Error": {"Code": "InternalFailure", "Message": ""}}, "AssumeRole")
    assert classify(lost, operation=START).kind is FaultKind.TRANSIENT
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "may not assume"}}, "AssumeRole")
    assert "assume_role" in (classify(denied, operation=START).hint or "")
    portal = ClientError({"Error": {"Code": "UnauthorizedException", "Message": "expired"}}, "GetRoleCredentials")
    assert "aws sso login" in (classify(portal, operation=START).hint or "")


# --- exceptions without a code -----------------------------------------------------------------------------------


def made(name: str, **kwargs: Any) -> BotoCoreError:
    """An exception of botocore, whatever its message wants filled in."""

    class Anything(dict[str, Any]):
        def __missing__(self, key: str) -> str:
            return "x"

    cls = getattr(botocore.exceptions, name)
    error: BotoCoreError = cls.__new__(cls)
    Exception.__init__(error, cls.fmt.format_map(Anything(kwargs)) if hasattr(cls, "fmt") else name)
    error.kwargs = kwargs
    return error


# Only a bug of ours, or of botocore's own data, can raise these: unknown to the table on purpose.
OWN_MISTAKES = frozenset(
    [
        "BotoCoreError",
        "AliasConflictParameterError",
        "ApiVersionNotFoundError",
        "AwsChunkedWrapperError",
        "CapacityNotAvailableError",
        "DataNotFoundError",
        "EventStreamError",
        "InvalidChecksumConfigError",
        "InvalidDefaultsMode",
        "InvalidEndpointDiscoveryConfigurationError",
        "InvalidExpressionError",
        "InvalidIMDSEndpointError",
        "InvalidIMDSEndpointModeError",
        "InvalidMaxRetryAttemptsError",
        "InvalidProxiesConfigError",
        "InvalidRetryConfigurationError",
        "InvalidRetryModeError",
        "InvalidS3AddressingStyleError",
        "InvalidS3UsEast1RegionalEndpointConfigError",
        "InvalidSTSRegionalEndpointsConfigError",
        "MD5UnavailableError",
        "MissingDependencyException",
        "MissingParametersError",
        "MissingServiceIdError",
        "OperationNotPageableError",
        "PaginationError",
        "StubAssertionError",
        "StubResponseError",
        "UnStubbedResponseError",
        "UndefinedModelAttributeError",
        "UnknownClientMethodError",
        "UnknownServiceError",
        "UnknownServiceStyle",
        "UnknownSignatureVersionError",
        "UnseekableStreamError",
        "UnsupportedOutpostResourceError",
        "UnsupportedS3AccesspointConfigurationError",
        "UnsupportedS3ArnError",
        "UnsupportedS3ConfigurationError",
        "UnsupportedS3ControlArnError",
        "UnsupportedS3ControlConfigurationError",
        "UnsupportedServiceProtocolsError",
        "UnsupportedSignatureVersionError",
        "WaiterConfigError",
        "WaiterError",
        "ImminentRemovalWarning",
        "UnsupportedTLSVersionWarning",
        "ClientError",
        "UnknownEndpointResolutionBuiltInName",
    ]
)


def test_every_exception_of_botocore_is_in_the_table_or_known_to_be_our_own_mistake() -> None:
    classes = {
        name
        for name, cls in inspect.getmembers(botocore.exceptions, inspect.isclass)
        if issubclass(cls, Exception) and cls.__module__.startswith("botocore")
    }
    unknown = {name for name in classes - {"ClientError", "EventStreamError"} if is_unknown(name)}
    assert unknown - OWN_MISTAKES == set(), "give these a rule"
    assert OWN_MISTAKES - classes == set(), "botocore has these no longer"


def is_unknown(name: str) -> bool:
    return classify(made(name), operation=LIST).kind is FaultKind.UNKNOWN


def test_the_table_names_only_exceptions_that_exist() -> None:
    homes = (botocore.exceptions, botocore.parsers, aiohttp, ssl, socket, builtins)
    assert [name for name in EXCEPTIONS if not any(hasattr(home, name) for home in homes)] == []


@pytest.mark.parametrize(
    "name",
    [name for name, cls in inspect.getmembers(botocore.exceptions, inspect.isclass) if issubclass(cls, BotoCoreError)],
)
def test_no_exception_makes_a_start_fail_for_good_unless_it_was_surely_not_sent(name: str) -> None:
    """For a Start, a doubt is UNANSWERED: reconciling is cheap, a second job is not."""
    kind = classify(made(name), operation=START).kind
    assert kind in {FaultKind.UNANSWERED, FaultKind.DENIED, FaultKind.TRANSIENT}
    if kind is FaultKind.TRANSIENT:
        assert name in {"ConnectTimeoutError", "ProxyConnectionError", "SSLError"}


def connection_key() -> Any:
    from aiohttp.client_reqrep import ConnectionKey

    return ConnectionKey("host", 443, True, True, None, None, None)


def test_a_connection_that_was_never_made_is_told_from_one_that_broke() -> None:
    """aiobotocore gives both the same name; the exception inside decides."""
    refused_inside = aiohttp.ClientConnectorError(connection_key(), ConnectionRefusedError(111, "refused"))
    name_inside = aiohttp.ClientConnectorDNSError(connection_key(), socket.gaierror(-2, "unknown"))
    reset_inside = aiohttp.ClientOSError(104, "Connection reset by peer")
    for inner, kind in (
        (refused_inside, FaultKind.TRANSIENT),
        (name_inside, FaultKind.TRANSIENT),
        (socket.gaierror(-3, "try again"), FaultKind.TRANSIENT),
        (reset_inside, FaultKind.UNANSWERED),
        (None, FaultKind.UNANSWERED),
    ):
        error = made("EndpointConnectionError", endpoint_url="https://host", error=inner)
        assert classify(error, operation=START).kind is kind
        assert classify(error, operation=LIST).kind is FaultKind.TRANSIENT


def test_an_untrusted_certificate_is_the_users_to_mend() -> None:
    inner = aiohttp.ClientConnectorCertificateError(connection_key(), ssl.SSLCertVerificationError("self-signed"))
    fault = classify(made("SSLError", endpoint_url="https://host", error=inner), operation=START)
    assert (fault.kind, fault.scope) == (FaultKind.DENIED, Scope.LANE)
    assert "AWS_CA_BUNDLE" in (fault.hint or "")


@pytest.mark.parametrize(
    "error",
    [
        botocore.parsers.ResponseParserError("garbled"),
        aiohttp.ClientPayloadError("half an answer"),
        TimeoutError(),
        ConnectionResetError(104, "reset"),
        AttributeError("'list' object has no attribute 'get'"),
    ],
)
def test_whatever_else_happens_after_sending_leaves_a_start_unanswered(error: Exception) -> None:
    assert classify(error, operation=START).kind is FaultKind.UNANSWERED


def test_a_strange_exception_of_a_look_is_unknown_and_parks() -> None:
    fault = classify(AttributeError("odd"), operation=LIST)
    assert (fault.kind, fault.scope, fault.code) == (FaultKind.UNKNOWN, Scope.LANE, "AttributeError")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EndpointConnectionError", FaultKind.TRANSIENT),
        ("IncompleteReadError", FaultKind.TRANSIENT),
        ("IncompleteBody", FaultKind.TRANSIENT),
        ("ReadTimeoutError", FaultKind.TRANSIENT),
        ("NoCredentialsError", FaultKind.DENIED),
        ("NoSuchKey", FaultKind.NOT_FOUND),
    ],
)
def test_the_codes_of_storage_errors_are_understood(name: str, kind: FaultKind) -> None:
    """Worker processes report S3's code, or the name of the exception where there was none."""
    response = {"Error": {"Code": name, "Message": "s3://b/k: broke off"}}
    assert classify_response(response, operation="GetObject").kind is kind


def test_a_local_file_that_cannot_be_read_concerns_the_run() -> None:
    fault = classify(FileNotFoundError(2, "No such file", "/run/parts/a.txt"), operation="PutObject")
    assert (fault.kind, fault.scope) == (FaultKind.DENIED, Scope.RUN)


# --- FAILED jobs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "kind", "scope"),
    [
        (
            "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data.",
            "NO_READ_ACCESS_TO_INPUT",
            FaultKind.DENIED,
            Scope.LANE,
        ),
        (
            "NO_WRITE_ACCESS_TO_OUTPUT: The role does not have write access to the output S3 URI",
            "NO_WRITE_ACCESS_TO_OUTPUT",
            FaultKind.DENIED,
            Scope.LANE,
        ),
        ("NOT_ENOUGH_ACCESS_TO_VPC: no ec2", "NOT_ENOUGH_ACCESS_TO_VPC", FaultKind.DENIED, Scope.LANE),
        ("KMS_KEY_DISABLED: the key is disabled", "KMS_KEY_DISABLED", FaultKind.DENIED, Scope.LANE),
        ("INTERNAL_SERVER_ERROR: try again", "INTERNAL_SERVER_ERROR", FaultKind.TRANSIENT, Scope.BATCH),
        ("An internal server error occurred.", "JOB_FAILED", FaultKind.TRANSIENT, Scope.BATCH),
        ("DOCUMENT_SIZE_EXCEEDED: too long", "DOCUMENT_SIZE_EXCEEDED", FaultKind.REJECTED, Scope.BATCH),
        ("A_NEW_CODE: something", "A_NEW_CODE", FaultKind.UNKNOWN, Scope.LANE),
        ("something", "JOB_FAILED", FaultKind.UNKNOWN, Scope.LANE),
        ("", "JOB_FAILED", FaultKind.UNKNOWN, Scope.LANE),
        (None, "JOB_FAILED", FaultKind.UNKNOWN, Scope.LANE),
    ],
)
def test_the_message_of_a_failed_job_says_what_can_be_done(
    message: str | None, code: str, kind: FaultKind, scope: Scope
) -> None:
    fault = classify_failed(message)
    assert (fault.code, fault.kind, fault.scope) == (code, kind, scope)
    assert fault.message


# --- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("The access key AKIAIOSFODNN7EXAMPLE is unknown", "AKIAIOSFODNN7EXAMPLE"),
        ("x-amz-security-token:FwoGZXIvYXdzEBYaD end", "FwoGZXIvYXdzEBYaD"),
        ("does not match.\n\nThe Canonical String for this request should have been\n'POST\n/\ntoken:FwoGZ'", "FwoGZ"),
        ("GET https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c&X-Amz-Credential=ASIAX/2026", "0a1b2c"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
        ('{"SecretAccessKey": "wJalrXUtnFEMI"}', "wJalrXUtnFEMI"),
        ("Could not connect to http://user:hunter2@proxy:3128/", "hunter2"),
    ],
)
def test_no_secret_survives_in_a_message(text: str, secret: str) -> None:
    for fault in (refused("SignatureDoesNotMatch", text), classify(ValueError(text), operation=LIST)):
        assert secret not in fault.message
    assert secret not in classify_failed(text).message


def test_messages_are_one_line_and_bounded() -> None:
    fault = refused("InvalidRequestException", "line\n" * 1000)
    assert "\n" not in fault.message
    assert len(fault.message) == MESSAGE_CHARACTERS_MAX


def test_the_reason_beside_a_refusal_is_kept() -> None:
    fault = refused("InvalidRequestException", "The document is invalid", Reason="INVALID_DOCUMENT")
    assert fault.message == "The document is invalid (INVALID_DOCUMENT)"


def test_an_arn_in_a_message_stays_readable() -> None:
    arn = "arn:aws:iam::123456789012:role/ComprehendAccess"
    assert arn in refused("AccessDeniedException", f"not authorized to perform iam:PassRole on {arn}").message
