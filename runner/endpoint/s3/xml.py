"""S3's XML: small documents written from nested values, and the three that clients send.

Pure. Knows nothing of requests or storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from runner.endpoint.s3.errors import S3Error

__all__ = ["BODY_MAX", "Written", "document", "parse"]

BODY_MAX: Final = 4 * 1024 * 1024  # ten thousand parts, or a thousand keys of a kilobyte, fit in this

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


class Written(str):
    """XML that is written already: it stands for its whole element."""

    __slots__ = ()


def document(root: str, content: Mapping[str, Any], *, namespace: bool = True) -> bytes:
    """One document: mappings nest, sequences repeat their element, None is left out, True is `true`."""
    attribute = f' xmlns="{_NAMESPACE}"' if namespace else ""
    return f"{_HEAD}<{root}{attribute}>{_inner(content)}</{root}>".encode()


def parse(body: bytes) -> ET.Element:
    """The root element of what a client sent, with namespaces cut from the names; MalformedXML otherwise."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - bounded by BODY_MAX; expat limits what entities may amplify
    except ET.ParseError as error:
        raise S3Error("MalformedXML") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _inner(content: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in content.items() if value is not None)


def _element(name: str, value: Any) -> str:
    if isinstance(value, Written):
        return value
    if isinstance(value, Mapping):
        return f"<{name}>{_inner(value)}</{name}>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"
