"""Events as (kind, payload) and back: the journal's written form, apart from where it is written.

The kind is the event's class name, the payload its fields as compact JSON, decoded by their annotations. A newer
reader fills fields that an older writer did not know with their defaults; an older reader ignores fields that it does
not know, and refuses kinds that it does not know: a fact that cannot be folded must not be skipped.

This file knows nothing of SQLite.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from runner.core.events import DURABLE_EVENTS, Event
from runner.errors import InternalError, RunDirectoryError

KINDS: Final[Mapping[str, type[Event]]] = {event.__name__: event for event in DURABLE_EVENTS}
"""What a journal may hold, by kind."""


@functools.cache
def _decoder(kind: str) -> msgspec.json.Decoder[Event]:
    # Built when the first event of its kind comes: building all of them would cost `--help` some milliseconds.
    return msgspec.json.Decoder(KINDS[kind])


def encode(event: Event) -> tuple[str, str]:
    """The kind and the payload of a durable event.

    What is written is read back at once and compared: JSON has no NaN, and a list where a tuple belongs would come back
    as another value than the one this process folds. That costs a few microseconds beside a commit's 250.

    Raises:
        InternalError: the event would not come back as it is, or is no durable one.
    """
    kind = type(event).__name__
    try:
        payload = _dumps(event)
        returned = _loads(payload, kind)
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InternalError(f"{kind} cannot be kept in the journal: {error}") from error
    if returned != event:
        raise InternalError(f"{kind} would come back from the journal as another value: {returned} instead of {event}")
    return kind, payload


def reader_of(kind: str) -> Callable[[bytes], Event] | None:
    """What reads the payloads of a kind, as `encode` wrote nearly all of them; None for an unknown kind.

    It raises msgspec.MsgspecError for the others: `decode` reads them, or says what is wrong.
    """
    return _decoder(kind).decode if kind in KINDS else None


def decode(kind: str, payload: str | bytes, *, directory: str) -> Event:
    """The event of one row; `directory` is where the journal lies, for messages.

    Raises:
        RunDirectoryError: the kind is unknown, or the payload is not what its kind holds.
    """
    if kind not in KINDS:
        raise RunDirectoryError(
            directory,
            f"the journal holds a fact of kind {kind}, which this version does not know: written by a newer version",
            hint="use the version that wrote it, or a later one",
        )
    try:
        return _loads(payload, kind)
    except (ValueError, msgspec.MsgspecError) as error:
        # Without the payload: it is no document text, but it may be long, and of a damaged file anything.
        raise RunDirectoryError(
            directory,
            f"the journal holds a {kind} that this version cannot read: {error}",
            hint="use the version that wrote it; if that is this one, the journal is damaged: restore it from a copy",
        ) from error


def _dumps(event: Event) -> str:
    try:
        return msgspec.json.encode(event).decode()
    except UnicodeEncodeError:
        # File names that are no UTF-8 reach us with lone surrogates (PEP 383), and messages quote them. msgspec
        # cannot write those; escaped, they are JSON, and ASCII.
        return json.dumps(msgspec.to_builtins(event), separators=(",", ":"), allow_nan=False)


def _loads(payload: str | bytes, kind: str) -> Event:
    try:
        return _decoder(kind).decode(payload)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Escaped lone surrogates, or no JSON at all: the standard library tells the one from the other.
        return msgspec.convert(json.loads(payload), type=KINDS[kind])
