"""`policy.duplicate_ids: stop`: a run whose corpora have ids that occur twice ends before the gate."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from runner.compose.disks import full_disk_told
from runner.corpus import read_listing
from runner.errors import SourceError
from runner.journal import RunDirectory
from runner.model import Manifest, SegmentFacts
from runner.survey import Duplicate, find_duplicates

TOLD_MAX: Final = 3


def refuse_duplicates(directory: RunDirectory, manifest: Manifest, segments: Iterable[SegmentFacts]) -> None:
    """Raise SourceError for the first corpus with an id that occurs twice, naming a few with both their places."""
    by_corpus: dict[str, list[Path]] = {corpus.name: [] for corpus in manifest.corpora}
    for facts in sorted(segments, key=lambda facts: facts.id):
        by_corpus[facts.corpus].append(directory.ledger(facts.id))
    for corpus, ledgers in by_corpus.items():
        with full_disk_told():
            found = find_duplicates(ledgers, directory.ledgers, told=TOLD_MAX + 1)
        if found:
            raise _refusal(directory, corpus, found)


def _refusal(directory: RunDirectory, corpus: str, found: tuple[Duplicate, ...]) -> SourceError:
    wanted = {place.source for each in found for place in (each.first, each.second)}
    paths: dict[int, str] = {}
    for index, file in enumerate(itertools.islice(read_listing(directory.listing(corpus)), max(wanted) + 1)):
        if index in wanted:
            paths[index] = file.path
    told = [
        f"{each.id!r} in {paths[each.first.source]} at position {each.first.position}"
        f" and in {paths[each.second.source]} at position {each.second.position}"
        for each in found[:TOLD_MAX]
    ]
    more = "; and others" if len(found) > TOLD_MAX else ""
    return SourceError(
        corpus,
        f"ids occur more than once (positions count from zero): {'; '.join(told)}{more}",
        hint="make them unique, take `id` from another column, or set policy.duplicate_ids: keep",
    )
