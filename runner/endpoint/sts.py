"""The one question that clients ask of STS: who am I? Query protocol in, XML out; pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

__all__ = ["StsError", "answer"]

_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"


class StsError(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str, *, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def document(self, request_id: str) -> bytes:
        """The error as STS says it."""
        return _document(
            "ErrorResponse",
            f"<Error><Type>Sender</Type><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
            f"</Error><RequestId>{request_id}</RequestId>",
        )


def answer(body: bytes, *, account: str, request_id: str) -> bytes:
    """The answer to one request; raises StsError for everything but GetCallerIdentity."""
    action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    if action != "GetCallerIdentity":
        raise StsError("InvalidAction", f"This endpoint does not serve {action!r}", status=400)
    return _document(
        "GetCallerIdentityResponse",
        f"<GetCallerIdentityResult><Arn>arn:aws:iam::{account}:root</Arn><UserId>{account}</UserId>"
        f"<Account>{account}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>",
    )


def _document(root: str, inner: str) -> bytes:
    return f'<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()
