"""Languages that an analysis tells: decided per document by its answers, and the lines gathered by them.

What is decided lies beside a segment's ledger, in `ledger/<segment>.languages`: msgpack, a code or nil per document, in
the ledger's order. It follows from the payloads that were accepted, so that a repeated task writes the same bytes.

Of each part whose lines wait for a language there is then one part per language that some analysis takes, with a map as
those of repairs have: answers land in the blocks of the part that the survey wrote, and nothing is cut again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import msgspec

from runner.catalogue import ALL_LANGUAGES, units
from runner.model import (
    AnalysisSpec,
    Document,
    Ledger,
    MergeSegment,
    PartFacts,
    PartId,
    RouteReport,
    RouteTask,
    routed_part_id,
    segment_of,
)
from runner.planning.fates import closing
from runner.results.linemaps import LineMap
from runner.results.loading import Spools, load_answers
from runner.results.merge import Answers, outcome_of
from runner.results.partfiles import languages_path, map_path, part_path, read_ledger
from runner.results.pieces import lines_of
from runner.results.repair import texts_of
from runner.storage.atomic import Replacements, replacing_all

SCORE_MIN: Final = 0.5
"""A language counts if it is likelier than all others together."""

_Wanted = dict[PartId, dict[str, list[int]]]
"""Per part of the survey and language, the lines that are read in it."""


class _Told(msgspec.Struct, frozen=True):
    """One language of a row of dominant_language."""

    LanguageCode: str
    Score: float


_decode: Final = msgspec.json.Decoder(list[_Told]).decode


def route_segments(task: RouteTask) -> RouteReport:
    """Decide the languages of the documents of some segments, and write the parts that follow; done twice, the same.

    Raises RunDirectoryError if a ledger, a spool or a part is missing or damaged.
    """
    analyses = dict(task.analyses)
    known = {facts.id: facts for facts in task.parts}
    parts: list[tuple[PartId, PartFacts]] = []
    with Spools() as spools, replacing_all() as files:
        for segment in task.segments:
            ledger = read_ledger(task.directory, segment.id)
            readers = analyses[ledger.corpus]
            decided = _decided(ledger, task.analysis, segment, spools)
            with files.open(languages_path(task.directory, segment.id)) as file:
                file.write(msgspec.msgpack.encode(decided))
            for original, by_language in _wanted(ledger, decided, readers).items():
                told = tuple(analysis.name for analysis in readers if not analysis.row.takes_language)
                facts = replace(known[original], answered=(*known[original].answered, *told))
                parts += _write_parts(files, task.directory, facts, by_language)
    return RouteReport(parts=tuple(parts))


def language_told(payload: bytes) -> str | None:
    """The language that a payload of dominant_language gives the highest score, under the service's code.

    None if it gives none, or none a score that counts. Of equal scores the first code in the alphabet counts.
    """
    told = max(_decode(payload), key=lambda each: (each.Score, [-ord(c) for c in each.LanguageCode]), default=None)
    return _coded(told.LanguageCode) if told is not None and told.Score >= SCORE_MIN else None


@lru_cache(maxsize=1024)
def _coded(code: str) -> str:
    from runner.manifest.languages import normalised  # with all of pydantic, which other work does not need

    return normalised(code) or code


def _decided(ledger: Ledger, analysis: AnalysisSpec, segment: MergeSegment, spools: Spools) -> list[str | None]:
    """The language of each document: told by the analysis, None where it has no answer."""
    (answers,) = load_answers(ledger, [analysis], segment, spools)
    return [_language(document, analysis, answers, ledger) for document in ledger.documents]


def _language(document: Document, analysis: AnalysisSpec, answers: Answers, ledger: Ledger) -> str | None:
    outcome = outcome_of(document, analysis, answers, ledger.parts)
    return language_told(outcome.payload) if outcome.outcome == "ok" else None


def _wanted(ledger: Ledger, decided: Sequence[str | None], readers: Sequence[AnalysisSpec]) -> _Wanted:
    """The lines of the segment's own parts that are to be read, by language.

    A line of another segment's part is gathered there: the text that stands in it has the same answer everywhere.
    """
    wanted: defaultdict[PartId, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    asking = [analysis for analysis in readers if analysis.row.takes_language]
    for document, language in zip(ledger.documents, decided, strict=True):
        if language not in ALL_LANGUAGES or document.fate is not None:
            continue
        for analysis in asking:
            if closing(analysis, fate=None, message=None, size=document.size, language=language) is None:
                for part, line in lines_of(document, analysis):
                    if segment_of(ledger.parts[part]) == ledger.segment:
                        wanted[ledger.parts[part]][language].add(line)
    return {
        part: {language: sorted(wanted[part][language]) for language in sorted(wanted[part])} for part in sorted(wanted)
    }


def _write_parts(
    files: Replacements, directory: str, original: PartFacts, wanted: Mapping[str, Sequence[int]]
) -> Iterator[tuple[PartId, PartFacts]]:
    """One part per language with lines of `original`, each after its map."""
    for language, lines in wanted.items():
        part = routed_part_id(original.id, language)
        path = part_path(directory, part)
        line_map = LineMap()
        line_map.add(original.id, lines)
        with files.open(map_path(path)) as file:
            file.write(line_map.packed())
        texts = texts_of(part_path(directory, original.id), lines)
        with files.open(path) as file:
            size = file.write(b"\n".join([*texts, b""]))
        counted = sum(units(len(text.decode())) for text in texts)
        facts = replace(original, id=part, pool=language, lines=len(lines), bytes=size, units=counted, digest="")
        yield original.id, facts
