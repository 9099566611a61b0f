"""JSON 1.1 as Comprehend speaks it: errors with their HTTP status, bodies, the service model they come from.

Owns the wire form. Knows nothing of jobs. The model is botocore's data file, read as data: importing botocore
would cost more than starting the endpoint.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from runner.errors import MachineError

__all__ = ["BODY_MAX", "CONTENT_TYPE", "TARGET_PREFIX", "ApiError", "decode_body", "encode", "service_model"]

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
TARGET_PREFIX: Final = "Comprehend_20171127."
BODY_MAX: Final = 1024 * 1024

encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode

# Errors that the model declares carry `Message`; the common ones of AWS's JSON services carry `message`.
_COMMON: Final = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "SerializationException",
        "ServiceUnavailable",
        "ThrottlingException",
        "UnknownOperationException",
        "ValidationException",
    }
)


class ApiError(Exception):
    """An answer that is an error: AWS's code, its message, its HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> bytes:
        """The body of the answer."""
        return encode({"__type": self.code, "message" if self.code in _COMMON else "Message": self.message})


def decode_body(body: bytes) -> dict[str, Any]:
    """A request's members; SerializationException for what is no JSON object."""
    try:
        value = _decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ApiError("SerializationException", "The request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "Start of structure or map found where not expected.")
    return value


@cache
def service_model() -> dict[str, Any]:
    """Botocore's model of Comprehend: `operations` and `shapes`."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:  # pragma: no cover - botocore is in the base install
        raise MachineError("botocore is missing, and with it Comprehend's service model", hint="reinstall the package")
    directory = Path(spec.origin).parent / "data" / "comprehend" / "2017-11-27"
    packed = directory / "service-2.json.gz"
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else (directory / "service-2.json").read_bytes()
    model: dict[str, Any] = _decode(raw)
    return model
