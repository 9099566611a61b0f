"""What S3 answers to the reading of sources, as the user's: which bucket, what is wrong, what to do about it."""

from __future__ import annotations

from typing import Final

from runner.errors import ServiceError, SourceError
from runner.storage.s3 import parse_uri

_REFUSED: Final = frozenset({"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"})
_CREDENTIALS: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
    }
)
_REGION: Final = frozenset(
    {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "Redirect"}
)
_UNREACHABLE: Final = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "ReadTimeoutError",
        "IncompleteBody",
        "ProxyConnectionError",
        "SSLError",
    }
)


def told(corpus: str, uri: str, error: ServiceError) -> SourceError:
    """The error of a corpus whose source in S3 cannot be listed or read."""
    bucket, _ = parse_uri(uri)
    code = error.code
    detail = error.detail.removeprefix(f"{uri}: ")
    if code in _REFUSED:
        what = f"no permission to read {uri} ({code}: {detail})"
        hint = (
            f"allow s3:ListBucket on {bucket} and s3:GetObject on its objects (and kms:Decrypt where they are "
            "encrypted with a key), or name other credentials in the corpus's `profile`"
        )
    elif code in {"NoSuchBucket", "404"}:
        what, hint = f"there is no bucket {bucket} for {uri}", "check the name, and whose account it is in"
    elif code in _CREDENTIALS:
        what = f"{uri} cannot be read with these credentials ({code}: {detail})"
        hint = "log in, set AWS_PROFILE, or name credentials in the corpus's `profile`; then run again"
    elif code == "ProfileNotFound":
        what, hint = f"{uri}: {detail}", "see `aws configure list-profiles`; the corpus's `profile` names one of them"
    elif code in _REGION:
        where = _region(error)
        what = f"the bucket {bucket} is in {where or 'another region'}, and could not be followed there ({code})"
        hint = f"set AWS_REGION={where or '<its region>'}, or `region` in the profile that the corpus names"
    elif code == "InvalidObjectState":
        what, hint = f"{uri} is in an archive storage class", "restore it first, or leave it out of `source`"
    elif code in _UNREACHABLE:
        what = f"{uri} could not be reached ({detail})"
        hint = "check the network, and AWS_ENDPOINT_URL if it is set; then run again"
    else:
        what, hint = f"{uri} cannot be read ({code}: {detail})", "mend what S3 says, and run again"
    return SourceError(corpus, what, hint=hint)


def _region(error: ServiceError) -> str:
    """The region that S3's refusal names, in a header or in its body."""
    response = getattr(error.__cause__, "response", None)
    if not isinstance(response, dict):
        return ""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region") or "")
