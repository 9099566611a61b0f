"""The whole way, held to a plain model: survey's ledgers and parts, two rounds of jobs, collect, repair, merge, verify.

Two segments share lines (identical texts are staged once, so one has parts of the other's); their documents fall into
three pools (English, German, and languages that nothing takes but dominant language), some are too long for sentiment,
some are split for entities, some no job sees. A service of a few lines answers, forgets, fails, doubles and shuffles;
what it left open is repaired once; whole jobs are given up. The model is a loop over documents with the rules of the
contract, and knows nothing of parts, spools or blocks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from runner.model import (
    AnalysisSpec,
    CollectPart,
    Document,
    GivenUp,
    Ledger,
    MergeSegment,
    MergeTask,
    PartId,
    Piece,
    RepairTask,
    SpoolRef,
)
from runner.planning.fates import closing
from runner.results import VerifyTask, gather_repair, merge_segments, verify_corpus

WORDS = ("Ana", "went", "Zoë", "😀", "to", "Łódź", "a")
ENTITIES_BYTES, SENTIMENT_BYTES, ALL_BYTES = 16, 24, 1_000
CLASSES = (ENTITIES_BYTES, SENTIMENT_BYTES, ALL_BYTES)
TAKEN = frozenset({"en", "de"})
PASSING, FINAL = "INTERNAL_SERVER_ERROR", "DOCUMENT_SIZE_EXCEEDED"
ROUND_FATES = ("ok", "ok", "ok", "doubled", "beside an error", PASSING, FINAL, "none")

ANALYSES = (
    AnalysisSpec(
        name="mood",
        family="sentiment",
        corpora=("reviews",),
        document_bytes_max=SENTIMENT_BYTES,
        languages=TAKEN,
        oversize="error",
    ),
    AnalysisSpec(
        name="entities",
        family="entities",
        corpora=("reviews",),
        document_bytes_max=ENTITIES_BYTES,
        languages=TAKEN,
        oversize="split",
    ),
    AnalysisSpec(
        name="tongue",
        family="dominant_language",
        corpora=("reviews",),
        document_bytes_max=ALL_BYTES,
        languages=None,
    ),
)

documents = st.tuples(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(tuple),
    st.sampled_from(["en", "en", "de", "xx", None]),
    st.sampled_from([None, None, None, None, "EMPTY", "UNDECODABLE"]),
)


@dataclass
class Part:
    pool: str
    bytes_max: int
    split: bool
    texts: list[str] = field(default_factory=list)

    def holds(self, pool: str, bytes_max: int, *, split: bool) -> bool:
        return (self.pool, self.bytes_max, self.split) == (pool, bytes_max, split)


@dataclass
class Survey:
    """Stages texts once each, as the survey does, and keeps where they are."""

    parts: dict[PartId, Part] = field(default_factory=dict)
    lines: dict[tuple[str, str, bool], tuple[PartId, int]] = field(default_factory=dict)

    def line(self, world: Any, segment: int, pool: str, text: str, *, split: bool) -> tuple[PartId, int]:
        """Where a text lies; staged in a part of this segment if it lies nowhere yet."""
        key = (pool, text, split)
        if key not in self.lines:
            size = next(limit for limit in CLASSES if len(text.encode()) <= limit)
            own = [part for part in self.parts if part.startswith(world.segment(segment))]
            part = next((each for each in own if self.parts[each].holds(pool, size, split=split)), None)
            if part is None:
                part = world.part(len(own), segment)
                self.parts[part] = Part(pool, size, split)
            self.parts[part].texts.append(text)
            self.lines[key] = (part, len(self.parts[part].texts) - 1)
        return self.lines[key]

    def reads(self, analysis: AnalysisSpec, part: PartId) -> bool:
        found = self.parts[part]
        if analysis.row.takes_language and found.pool not in TAKEN:
            return False
        if found.split:
            return analysis.oversize == "split"
        return found.bytes_max <= analysis.document_bytes_max


def spans_in(text: str) -> list[dict[str, Any]]:
    found, at = [], 0
    for word in text.split(" "):
        if word[0].isupper():
            found.append({"BeginOffset": at, "EndOffset": at + len(word), "Score": 0.5, "Text": word, "Type": "X"})
        at += len(word) + 1
    return found


def answer(family: str, text: str) -> dict[str, Any]:
    """What the service says of a text."""
    if family == "entities":
        return {"Entities": spans_in(text)}
    if family == "dominant_language":
        return {"Languages": [{"LanguageCode": "en", "Score": len(text) / 64}]}
    scores = {"Mixed": 0.0, "Negative": 1 - len(text) / 64, "Neutral": 0.0, "Positive": len(text) / 64}
    return {"Sentiment": "POSITIVE", "SentimentScore": scores}


def cut(words: tuple[str, ...]) -> list[tuple[int, int, int, int]]:
    """(begin, core begin, core end, end) of pieces: two words each, and one more of either neighbour."""
    starts = [sum(len(word) + 1 for word in words[:n]) for n in range(len(words) + 1)]
    length = starts[-1] - 1
    bounds = []
    for first in range(0, len(words), 2):
        last = min(first + 2, len(words))
        core_end = length if last == len(words) else starts[last]
        end = min(length, starts[min(last + 1, len(words))] - 1)
        bounds.append((starts[max(0, first - 1)], starts[first], core_end, end))
    return bounds


def survey(world: Any, segments: list[list[Any]]) -> tuple[Survey, list[Ledger], dict[str, Any]]:
    """Ledgers of the documents, and what each document is, by id."""
    staged, ledgers, described = Survey(), [], {}
    for number, of_segment in enumerate(segments):
        parts: dict[PartId, int] = {}
        entries = []
        for place, (words, language, fate) in enumerate(of_segment):
            text = "" if fate else " ".join(words)
            fields: dict[str, Any] = {}
            if fate is None:
                pool = language if language in TAKEN else "rest"
                part, line = staged.line(world, number, pool, text, split=False)
                fields = {"part": parts.setdefault(part, len(parts)), "line": line}
                if len(text.encode()) > ENTITIES_BYTES and pool in TAKEN:
                    pieces = []
                    for begin, core_begin, core_end, end in cut(words):
                        part, line = staged.line(world, number, pool, text[begin:end], split=True)
                        index = parts.setdefault(part, len(parts))
                        pieces.append(
                            Piece(part=index, line=line, begin=begin, core_begin=core_begin, core_end=core_end, end=end)
                        )
                    fields["pieces"] = ((ENTITIES_BYTES, tuple(pieces)),)
            name = f"{number}/{place}"
            entries.append(
                Document(
                    id=name,
                    source=0,
                    position=place,
                    size=len(text.encode()),
                    characters=len(text),
                    language=language,
                    fate=fate,
                    **fields,
                )
            )
            described[name] = (words, text, entries[-1])
        ledger = Ledger(segment=world.segment(number), corpus="reviews", parts=tuple(parts), documents=tuple(entries))
        ledgers.append(world.write_ledger(ledger))
    for part, facts in staged.parts.items():
        world.write_part(part, facts.texts)
    return staged, ledgers, described


class Service:
    """Runs jobs: what becomes of a text in a round is drawn once, and remembered for the model."""

    def __init__(self, chance: Any) -> None:
        self.chance = chance
        self.fates: dict[tuple[str, str, str, bool, int], str] = {}

    def rows(
        self, analysis: AnalysisSpec, pool: str, part: PartId, *, texts: list[tuple[str, bool]], turn: int
    ) -> list[dict[str, Any]]:
        """The rows of one part in a round; `texts` are (text, whether it is a piece)."""
        rows = []
        for line, (text, split) in enumerate(texts):
            fate = self.chance.choice(ROUND_FATES)
            self.fates[analysis.name, pool, text, split, turn] = fate
            head = {"File": f"{part}.txt", "Line": line}
            error = {"ErrorCode": fate if fate in {PASSING, FINAL} else PASSING, "ErrorMessage": f"round {turn}"}
            good = head | answer(analysis.family, text)
            if fate in {"ok", "doubled", "beside an error"}:
                rows.append(good)
            if fate == "doubled":
                rows.append(good)
            if fate in {"beside an error", PASSING, FINAL}:
                rows.append(head | error)
        self.chance.shuffle(rows)
        return rows


def run_jobs(world: Any, staged: Survey, service: Service) -> tuple[list[tuple[str, str]], list[GivenUp]]:
    """Every analysis of every pool: a job, perhaps given up; and a repair of what it left open."""
    spools, given_up = [], []
    serial = 0
    for analysis in ANALYSES:
        for pool in ("en", "de", "rest"):
            names = [p for p in sorted(staged.parts) if staged.parts[p].pool == pool and staged.reads(analysis, p)]
            if not names:
                continue
            if service.chance.random() < 0.1:
                given_up += [GivenUp(analysis=analysis.name, part=p, code="JOB_FAILED", message="no") for p in names]
                continue
            parts, rows = [], []
            for name in names:
                facts = staged.parts[name]
                path = str(world.directory / "parts" / f"{name}.txt")
                parts.append(CollectPart(id=name, path=path, lines=len(facts.texts)))
                texts = [(text, facts.split) for text in facts.texts]
                rows += service.rows(analysis, pool, name, texts=texts, turn=1)
            service.chance.shuffle(rows)
            first = f"{analysis.name}-{pool}-1"
            report = world.collect(analysis.family, parts, rows, name=first, memory_bytes_max=300)
            spools.append((analysis.name, first))
            if report.repairable:
                serial += 1
                task = RepairTask(
                    serial=serial, spools=((world.spool(first), tuple(parts)),), directory=str(world.directory)
                )
                repair = gather_repair(task)
                assert repair.lines == report.repairable
                part = world.repair_part(repair)
                texts = lines_sent(staged, service, analysis, pool, names)
                second = f"{analysis.name}-{pool}-2"
                world.collect(
                    analysis.family,
                    [part],
                    service.rows(analysis, pool, part.id, texts=texts, turn=2),
                    name=second,
                )
                spools.append((analysis.name, second))
    return spools, given_up


def lines_sent(
    staged: Survey, service: Service, analysis: AnalysisSpec, pool: str, names: list[PartId]
) -> list[tuple[str, bool]]:
    """The texts that a repair must hold, in its order: by part, then line."""
    return [
        (text, staged.parts[name].split)
        for name in names
        for text in staged.parts[name].texts
        if service.fates[analysis.name, pool, text, staged.parts[name].split, 1] in {PASSING, "none"}
    ]


def expected_line(words: tuple[str, ...], text: str, document: Document, service: Service) -> str:
    """The contract, plainly."""
    outcome, problems, results = {}, [], {}
    for analysis in ANALYSES:
        closed = closing(
            analysis, fate=document.fate, message=None, size=len(text.encode()), language=document.language
        )
        if closed is not None:
            ending, problem = closed.outcome, (closed.code, closed.message, "runner")
        else:
            ending, problem = "ok", None
            split = len(text.encode()) > analysis.document_bytes_max
            sent = [text[begin:end] for begin, _, _, end in cut(words)] if split else [text]
            problem = next(filter(None, (fault(service, analysis, document, each, split=split) for each in sent)), None)
            ending = "ok" if problem is None else "error"
        outcome[analysis.name] = ending
        results[analysis.name] = None
        if problem is None:
            value = answer(analysis.family, text)
            results[analysis.name] = value if len(value) > 1 else next(iter(value.values()))
        else:
            code, message, by = problem
            problems.append({"analysis": analysis.name, "code": code, "message": message, "by": by})
    line = {"corpus": "reviews", "id": document.id, "language": document.language}
    line |= {"outcome": outcome, "problems": problems} | results
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def fault(
    service: Service, analysis: AnalysisSpec, document: Document, text: str, *, split: bool
) -> tuple[str, str, str] | None:
    """The problem of one line, or None."""
    pool = document.language if document.language in TAKEN else "rest"
    first = service.fates.get((analysis.name, pool, text, split, 1))
    second = service.fates.get((analysis.name, pool, text, split, 2), "none")
    good = {"ok", "doubled", "beside an error"}
    if first is None:
        return "JOB_FAILED", "no", "runner"
    if first in good or (second in good and first != FINAL):
        return None
    if first in {PASSING, FINAL}:
        return first, "round 1", "service"
    if second in {PASSING, FINAL}:
        return second, "round 2", "service"
    return "NO_RESULT", "the service gave no row for this document", "runner"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    segments=st.lists(st.lists(documents, max_size=7), min_size=2, max_size=2),
    chance=st.randoms(use_true_random=False),
    file_bytes_max=st.sampled_from([1, 700, 10**9]),
)  # fmt: skip
def test_segments_merge_to_their_ledgers_order_and_equal_the_model(
    tmp_path_factory: Any, kit: Any, segments: list[list[Any]], chance: Any, file_bytes_max: int
) -> None:
    world = kit.world(tmp_path_factory.mktemp("world"))
    staged, ledgers, described = survey(world, segments)
    service = Service(chance)
    spools, given_up = run_jobs(world, staged, service)

    task = MergeTask(
        corpus="reviews",
        analyses=ANALYSES,
        segments=tuple(
            MergeSegment(
                id=ledger.segment,
                spools=tuple(SpoolRef(analysis=name, path=world.spool(spool)) for name, spool in spools),
                given_up=tuple(given_up),
            )
            for ledger in ledgers
        ),
        directory=str(world.directory),
        results_directory=str(world.results),
        file=0,
        end=0,
        file_bytes_max=file_bytes_max,
    )
    report = merge_segments(task)

    expected = [expected_line(*described[document.id], service) for ledger in ledgers for document in ledger.documents]
    files = sorted((world.results / "reviews").glob("*.jsonl"))
    assert b"".join(path.read_bytes() for path in files).decode() == "".join(expected)
    assert [merged.lines for merged in report.segments] == [len(ledger.documents) for ledger in ledgers]
    assert world.leavings() == []
    counted = sum(tally.documents for merged in report.segments for tally in merged.tallies)
    assert counted == len(ANALYSES) * sum(len(ledger.documents) for ledger in ledgers)

    verified = verify_corpus(
        VerifyTask(
            corpus="reviews",
            analyses=ANALYSES,
            segments=tuple((merged.id, merged.file, merged.end) for merged in report.segments),
            directory=str(world.directory),
            results_directory=str(world.results),
        )
    )
    assert verified.findings == ()
    assert verified.documents == len(described)
