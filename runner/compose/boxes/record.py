"""What a lane's bucket keeps of a run: enough for a box that has nothing else to take it up.

    <staging>/by-identity/<identity digest>     the pointer: which run is under way, and who drives it
    <staging>/<run id>/record/plan.jsonl        every planned batch and job, as the journal has them
    <staging>/<run id>/record/run.json          the run, its form, its survey's seals, its lanes; written last
    <staging>/<run id>/record/late/             what was planned later, in order, with the lines that it sends; models
    <staging>/<run id>/record/intents/          <job>-<generation>@<ms>: a Start of it was about to be made on this lane

Facts only: texts lie there no more than in the staged inputs. This file makes and reads the bytes; it calls nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from runner.core import events as e
from runner.core.run import Run
from runner.errors import RunDirectoryError
from runner.journal import RunDirectory, codec
from runner.model import JobKey

FORMAT: Final = 1
INTENTS: Final = "intents/"
_AT: Final = "@"
PLANNING: Final = (e.BatchPlanned, e.JobPlanned, e.JobCut, e.LanguagesRouted, e.TrainingIntended)
"""Facts that a fresh box needs: what there is to be bought. What became of it, the service and its outputs tell."""


def intent_key(job: JobKey, generation: int, at: float) -> str:
    """What says below `intents/` that a Start was about to be made, at a time in seconds since the epoch."""
    return f"{job}-{generation}{_AT}{at * 1e3:.0f}"


def read_intent(key: str) -> tuple[JobKey, int, float] | None:
    """Job, generation and time of an intent; None if the key is no such thing."""
    name, _, ms = key.partition(_AT)
    job, _, generation = name.rpartition("-")
    if not (job and generation.isdecimal() and (ms.isdecimal() or not ms)):
        return None
    return JobKey(job), int(generation), float(ms or 0) / 1e3


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What the survey of one corpus came to: two boxes with one seal sent, or would send, the same bytes."""

    corpus: str
    documents: int
    digest: str


class KeptLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane on which jobs of the run may have been started."""

    name: str
    endpoint: str
    account: str
    region: str
    staging: str
    job_name_prefix: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`run.json` of a record."""

    format: int
    run: str
    version: str
    began_at: float
    identity_digest: str
    form: str
    seals: tuple[Seal, ...]
    lanes: tuple[KeptLane, ...]


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Which run of an identity is under way, and the box that drives it; `held`: or does not any more."""

    run: str
    box: str
    host: str
    pid: int
    held: bool
    since: str


def pointer_uri(staging: str, identity: str) -> str:
    """Where the pointer of an identity lies."""
    return f"{staging}by-identity/{identity}"


def record_uri(staging: str, run_id: str) -> str:
    """The folder of a run's record."""
    return f"{staging}{run_id}/record/"


def seals(run: Run, directory: RunDirectory) -> tuple[Seal, ...]:
    """The seal of every corpus: of what the survey found out, and of every line that it cut.

    Raises FileNotFoundError if a part is gone (`clean`). Reads all parts: not for the event loop.
    """
    found = []
    for corpus, book in run.books.corpora.items():
        digest = blake2b(digest_size=20)
        for record in book.segments:
            digest.update(msgspec.json.encode(record.facts))
            for part in record.facts.parts:
                _add_file(digest, directory.part(part.id))
        documents = sum(record.facts.documents for record in book.segments)
        found.append(Seal(corpus=corpus, documents=documents, digest=digest.hexdigest()))
    return tuple(found)


def _add_file(digest: blake2b, path: Path) -> None:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    digest.update(b"\0")


def split_plan(events: Iterable[e.Event]) -> tuple[list[e.Event], list[e.Event]]:
    """Of a journal's facts, those that plan batches and jobs: of the survey's plan, and later ones."""
    plan: list[e.Event] = []
    late: list[e.Event] = []
    into = plan
    for event in events:
        if isinstance(event, PLANNING):
            into.append(event)
        elif isinstance(event, e.PlanFinished):
            into = late
    return plan, late


def write_rows(events: Iterable[e.Event]) -> bytes:
    """Facts as lines of [kind, payload]."""
    return b"".join(msgspec.json.encode(codec.encode(event)) + b"\n" for event in events)


def read_rows(data: bytes, *, where: str) -> list[e.Event]:
    """What `write_rows` wrote. Raises RunDirectoryError if it cannot be read."""
    try:
        rows = [msgspec.json.decode(line, type=tuple[str, str]) for line in data.splitlines()]
    except msgspec.MsgspecError as error:
        raise _damaged(where, error) from error
    return [codec.decode(kind, payload, directory=where) for kind, payload in rows]


def read_kept(data: bytes, *, where: str) -> Kept:
    """A record's `run.json`. Raises RunDirectoryError if it is damaged, or of a later version."""
    try:
        kept = msgspec.json.decode(data, type=Kept)
    except msgspec.MsgspecError as error:
        raise _damaged(where, error) from error
    if kept.format != FORMAT:
        raise RunDirectoryError(
            where, f"the record has format {kept.format}, this version knows {FORMAT}", hint="use the later version"
        )
    return kept


def read_pointer(data: bytes, *, where: str) -> Pointer:
    """A pointer. Raises RunDirectoryError if it is damaged."""
    try:
        return msgspec.json.decode(data, type=Pointer)
    except msgspec.MsgspecError as error:
        raise _damaged(where, error) from error


def _damaged(where: str, error: Exception) -> RunDirectoryError:
    return RunDirectoryError(
        where, f"it is damaged: {error}", hint="`--again` begins a new run, which buys everything anew"
    )
