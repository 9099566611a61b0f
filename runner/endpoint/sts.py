"""The questions that clients ask of STS: who am I, and may I be this role? Query protocol in, XML out; pure.

Any caller is the account's root, and may be any role that it names: nobody is who they say here.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

__all__ = ["StsError", "action_of", "answer"]

_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE: Final = re.compile(r"arn:aws(?:-[^:]+)?:iam::(\d{12}):role/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)", re.ASCII)
_SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_LIFE_DEFAULT_S: Final = 3600
_LIFE_S: Final = range(900, 43201)


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


def action_of(body: bytes) -> str:
    """The name of the operation that is asked for."""
    return _parameters(body).get("Action", "")


def answer(body: bytes, *, account: str, request_id: str, now: float) -> bytes:
    """The answer to one request; raises StsError for what is refused or not served."""
    asked = _parameters(body)
    action = asked.get("Action", "")
    if action == "GetCallerIdentity":
        result = f"<Arn>arn:aws:iam::{account}:root</Arn><UserId>{account}</UserId><Account>{account}</Account>"
    elif action == "AssumeRole":
        result = _assumed(asked, now)
    else:
        raise StsError("InvalidAction", f"This endpoint does not serve {action!r}", status=400)
    return _document(
        f"{action}Response",
        f"<{action}Result>{result}</{action}Result>"
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>",
    )


def _assumed(asked: dict[str, str], now: float) -> str:
    role, session = asked.get("RoleArn", ""), asked.get("RoleSessionName", "")
    found = _ROLE.fullmatch(role)
    if found is None:
        raise StsError("ValidationError", f"{role} is invalid", status=400)
    if not _SESSION.fullmatch(session):
        raise StsError("ValidationError", f"The role session name {session!r} is invalid", status=400)
    life = asked.get("DurationSeconds", str(_LIFE_DEFAULT_S))
    if not life.isascii() or not life.isdigit() or int(life[:6]) not in _LIFE_S:
        raise StsError("ValidationError", f"DurationSeconds {life[:20]} is not within 900 and 43200", status=400)
    digest = hashlib.sha256(f"{role} {session}".encode()).hexdigest()
    identity = f"AROA{digest[:17].upper()}"
    ends = datetime.fromtimestamp(int(now) + int(life), UTC)
    return (
        f"<AssumedRoleUser><AssumedRoleId>{identity}:{session}</AssumedRoleId>"
        f"<Arn>arn:aws:sts::{found[1]}:assumed-role/{found[2]}/{session}</Arn></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>ASIA{digest[20:36].upper()}</AccessKeyId>"
        f"<SecretAccessKey>{digest[:40]}</SecretAccessKey><SessionToken>{digest}</SessionToken>"
        f"<Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
    )


def _parameters(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _document(root: str, inner: str) -> bytes:
    return f'<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()
