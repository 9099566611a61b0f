"""Identical texts are sent once: finds lines that several documents share, in a finished survey, and keeps one of each.

The line of the first document in input order stays; the others' leave their parts, and their ledgers name the first.
What other segments refer to stands in parts of its own, so that a segment's merge reads few lines for those it shares.
Everything follows from the digests of the ranges, whatever workers made them and in whatever order.

The files are written below `shared/` in the run directory, and put in place by `put_shared_in_place` once their facts
are durable; until then the old ones stand, and the search can be repeated. Memory: some 200 MB while two million lines
are compared at a time, whatever the corpus; what is found lies in a SQLite file.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.model import SegmentFacts, SharedSegment, ShareReport, ShareTask, Tally
from runner.storage.atomic import make_directory, replacing_all, sync_directory
from runner.survey.aliases import Aliases
from runner.survey.digests import PartDigests, read_digests
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.rewriting import rewrite
from runner.survey.segments import LEDGER_DIRECTORY, PARTS_DIRECTORY

SHARED_DIRECTORY: Final = "shared"
LINES_AT_ONCE: Final = 2_000_000
"""Lines whose digests are held in memory at a time; of more, those with one remainder after the other."""
SEGMENTS_AT_ONCE: Final = 64


def find_shared(task: ShareTask) -> ShareReport:
    """Find identical lines and write what changes below `shared/`; what an earlier attempt left there is deleted."""
    aside = Path(task.directory) / SHARED_DIRECTORY
    shutil.rmtree(aside, ignore_errors=True)
    lines = sum(os.path.getsize(path) for path in task.ranges) // DIGEST_BYTES  # noqa: PTH202 - paths are strings here
    buckets = max(1, -(-lines // LINES_AT_ONCE))
    repeated = (_repeated(task.ranges, bucket, buckets) for bucket in range(buckets))
    found = [numbers for numbers in repeated if numbers]
    if not found:
        return ShareReport(segments=())
    for folder in (LEDGER_DIRECTORY, PARTS_DIRECTORY):
        make_directory(aside / folder)
    with closing(Aliases(aside / "lines.db")) as aliases:
        for numbers in found:
            _resolve(task.ranges, numbers, aliases)
        aliases.close_book()
        return ShareReport(segments=tuple(_rewritten(task, aside, aliases)))


def revised(facts: SegmentFacts, change: SharedSegment) -> SegmentFacts:
    """What is to be known of a segment that shares lines."""
    new = {part.id: part for part in change.parts}
    old = [part.id for part in facts.parts]
    parts = [new.get(part.id, part) for part in facts.parts if part.id not in change.dropped]
    parts += [part for part in change.parts if part.id not in old]
    return replace(
        facts,
        ledger_digest=change.ledger_digest,
        parts=tuple(parts),
        foreign_parts=change.foreign_parts,
        tallies=(*_without(facts.tallies, change.tallies), *change.tallies),
    )


def put_shared_in_place(directory: Path) -> None:
    """Put what `find_shared` wrote in place, and delete what was needed for the search; repeated after a crash."""
    aside = directory / SHARED_DIRECTORY
    for folder in (PARTS_DIRECTORY, LEDGER_DIRECTORY):
        if not (aside / folder).is_dir():
            continue
        for path in (aside / folder).iterdir():
            path.replace(directory / folder / path.name)
        sync_directory(directory / folder)
    for path in (directory / LEDGER_DIRECTORY).glob("*.digests"):
        path.unlink()
    shutil.rmtree(aside, ignore_errors=True)


def discard_shared(directory: Path) -> None:
    """Delete what a search left whose facts were never recorded."""
    shutil.rmtree(directory / SHARED_DIRECTORY, ignore_errors=True)


def _numbers(part: PartDigests, bucket: int, buckets: int) -> list[int]:
    numbers = part.numbers()
    return numbers if buckets == 1 else [number for number in numbers if number % buckets == bucket]


def _repeated(ranges: Sequence[str], bucket: int, buckets: int) -> set[int]:
    """The numbers of one bucket that occur more than once. Nearly always there are none, and one set tells so."""
    seen: set[int] = set()
    count = 0
    for path in ranges:
        for part in read_digests(path).parts():
            numbers = _numbers(part, bucket, buckets)
            seen.update(numbers)
            count += len(numbers)
    if len(seen) == count:
        return set()
    seen.clear()
    repeated: set[int] = set()
    for path in ranges:
        for part in read_digests(path).parts():
            numbers = _numbers(part, bucket, buckets)
            fresh = set(numbers)
            if len(fresh) < len(numbers):
                repeated.update(number for number, times in Counter(numbers).items() if times > 1)
            repeated |= seen & fresh
            seen |= fresh
    return repeated


def _resolve(ranges: Sequence[str], repeated: set[int], aliases: Aliases) -> None:
    """Note for each line that is alike an earlier one, which that is."""
    owners: dict[tuple[object, ...], tuple[str, int]] = {}
    for path in ranges:
        held = read_digests(path)
        aliases.parts.update((segment.segment, segment.parts) for segment in held.segments)
        for part in held.parts():
            kind = (held.group, part.pool, part.line_bytes_max, part.split_bytes)
            found: list[tuple[int, str, int]] = []
            for line, number in enumerate(part.numbers()):
                if number in repeated:
                    owner = owners.setdefault((*kind, part.digest(line)), (part.part, line))
                    if owner != (part.part, line):
                        found.append((line, *owner))
            aliases.add(part.part, found)


def _rewritten(task: ShareTask, aside: Path, aliases: Aliases) -> Iterable[SharedSegment]:
    """Every segment that changes, written anew below `aside`."""
    analyses = dict(task.analyses)
    directory = Path(task.directory)
    written = 0
    with replacing_all() as files:
        for path in task.ranges:
            held = read_digests(path)
            for segment in held.segments:
                if not aliases.concerns(segment.segment):
                    continue
                yield rewrite(
                    segment, held.corpus, analyses[held.corpus], aliases, files=files, source=directory, target=aside
                )
                written += 1
                if written % SEGMENTS_AT_ONCE == 0:
                    files.put_in_place()


def _without(tallies: Sequence[Tally], shared: Sequence[Tally]) -> list[Tally]:
    """What is sent, less what is answered by lines of other documents."""
    less = {(each.analysis, each.language): each for each in shared}
    left: list[Tally] = []
    for tally in tallies:
        other = less.get((tally.analysis, tally.language))
        if tally.outcome == "sent" and not tally.code and other is not None:
            tally = replace(  # noqa: PLW2901
                tally,
                documents=tally.documents - other.documents,
                bytes=tally.bytes - other.bytes,
                units=tally.units - other.units,
            )
        if tally.documents or tally.units:
            left.append(tally)
    return left
