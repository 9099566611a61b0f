"""A small world for the results room: a run directory, archives as a service writes them, and the tasks on them."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.model import (
    AnalysisSpec,
    CollectPart,
    CollectReport,
    CollectTask,
    Document,
    GivenUp,
    JobKey,
    LaneSpec,
    Ledger,
    MergeReport,
    MergeSegment,
    MergeTask,
    PartId,
    RepairReport,
    SegmentId,
    SpoolRef,
    part_id,
    segment_id,
)
from runner.results import collect, merge_segments
from runner.results.spool import SpoolReader

LANE = LaneSpec(name="lane", kind="embedded")
ENGLISH = frozenset({"en"})


class World:
    """A run directory, and what one does in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.results = directory / "results"
        self.objects: dict[str, bytes] = {}
        for name in ("ledger", "parts", "spool"):
            (directory / name).mkdir()

    def segment(self, number: int = 0) -> SegmentId:
        return segment_id(0, 0, number)

    def part(self, number: int = 0, segment: int = 0) -> PartId:
        return part_id(self.segment(segment), number)

    def write_part(self, part: PartId, texts: Sequence[str]) -> CollectPart:
        path = self.directory / "parts" / f"{part}.txt"
        path.write_bytes("".join(f"{text}\n" for text in texts).encode())
        return CollectPart(id=part, path=str(path), lines=len(texts))

    def repair_part(self, report: RepairReport) -> CollectPart:
        path = self.directory / "parts" / f"{report.part}.txt"
        return CollectPart(id=report.part, path=str(path), lines=report.lines, map_path=str(path.with_suffix(".map")))

    def write_ledger(self, ledger: Ledger) -> Ledger:
        path = self.directory / "ledger" / f"{ledger.segment}.msgpack"
        path.write_bytes(msgspec.msgpack.encode(ledger))
        return ledger

    def simple_segment(self, texts: Sequence[str], number: int = 0, corpus: str = "reviews") -> CollectPart:
        """A segment of documents in English, one part, one line each."""
        part = self.part(0, number)
        self.write_ledger(
            Ledger(
                segment=self.segment(number),
                corpus=corpus,
                parts=(part,),
                documents=tuple(document(f"{number}/{line}", text, line=line) for line, text in enumerate(texts)),
            )
        )
        return self.write_part(part, texts)

    def open_object(self, lane: LaneSpec, uri: str) -> io.BytesIO:
        assert lane == LANE
        return io.BytesIO(self.objects[uri])

    def spool(self, name: str) -> str:
        return str(self.directory / "spool" / name)

    def collect(
        self,
        family: str,
        parts: Sequence[CollectPart],
        output: bytes | Iterable[dict[str, Any]],
        *,
        name: str | None = None,
        **options: Any,
    ) -> CollectReport:
        """Collect an archive (or rows, put into one) into the spool `name` (the family's, left out)."""
        uri = f"s3://bucket/{name or family}/output.tar.gz"
        self.objects[uri] = output if isinstance(output, bytes) else archive(output)
        task = CollectTask(
            job=JobKey(name or family),
            generation=1,
            family=family,
            lane=LANE,
            output_uri=uri,
            parts=tuple(parts),
            spool_path=self.spool(name or family),
            **options,
        )
        return collect(task, open_object=self.open_object)

    def spools(self) -> list[str]:
        """The names in the spool folder, leavings of unfinished work included."""
        return sorted(path.name for path in (self.directory / "spool").iterdir())

    def entries(self, name: str, part: PartId) -> list[bytes]:
        with SpoolReader(self.spool(name)) as spool:
            return spool.entries(part)

    def merge(
        self,
        analyses: Sequence[AnalysisSpec],
        segments: Sequence[int] = (0,),
        spools: Sequence[tuple[str, str]] | None = None,
        given_up: Sequence[GivenUp] = (),
        **options: Any,
    ) -> MergeReport:
        """Merge segments; `spools` are (analysis, name), left out one per analysis of its name."""
        if spools is None:
            spools = [(analysis.name, analysis.name) for analysis in analyses]
        task = MergeTask(
            corpus="reviews",
            analyses=tuple(analyses),
            segments=tuple(
                MergeSegment(
                    id=self.segment(number),
                    spools=tuple(SpoolRef(analysis=analysis, path=self.spool(name)) for analysis, name in spools),
                    given_up=tuple(given_up),
                )
                for number in segments
            ),
            directory=str(self.directory),
            results_directory=str(self.results),
            **{"file": 0, "end": 0, "file_bytes_max": 512_000_000} | options,
        )
        return merge_segments(task)

    def result(self, file: int = 0, corpus: str = "reviews") -> bytes:
        return (self.results / corpus / f"{file:05d}.jsonl").read_bytes()

    def lines(self, corpus: str = "reviews") -> list[dict[str, Any]]:
        files = sorted((self.results / corpus).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_bytes().split(b"\n")[:-1]]

    def leavings(self) -> list[str]:
        """Files that a crash must not leave behind."""
        return [f"{folder}/{name}" for folder, _, names in os.walk(self.directory) for name in names if ".tmp" in name]


def document(name: str, text: str, **fields: Any) -> Document:
    """A document of the ledger, in English, whose line lies in the ledger's first part."""
    given: dict[str, Any] = {"language": "en", "part": 0, "line": 0, "source": 0, "position": 0}
    return Document(id=name, size=len(text.encode()), characters=len(text), **(given | fields))


def analysis(family: str, name: str | None = None, **fields: Any) -> AnalysisSpec:
    given: dict[str, Any] = {"corpora": ("reviews",), "document_bytes_max": 5_120, "languages": ENGLISH}
    return AnalysisSpec(name=name or family, family=family, **(given | fields))


def archive(
    rows: Iterable[dict[str, Any]] | bytes, *, members: Sequence[str] = ("output",), style: Any = (",", ":")
) -> bytes:
    """A tar.gz as the service writes it; the rows (or bytes as they are) in the first member, the others are empty."""
    data = rows if isinstance(rows, bytes) else lines_of(rows, style)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for number, name in enumerate(members):
            member = tarfile.TarInfo(name)
            member.size = 0 if number else len(data)
            tar.addfile(member, io.BytesIO(b"" if number else data))
    return file.getvalue()


def lines_of(rows: Iterable[dict[str, Any]], style: Any = (",", ":")) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, separators=style) + "\n" for row in rows).encode()


def sentiment_row(part: PartId, line: int, label: str = "POSITIVE") -> dict[str, Any]:
    scores = {"Mixed": 0.0, "Negative": 0.125, "Neutral": 0.25, "Positive": 0.625}
    return {"File": f"{part}.txt", "Line": line, "Sentiment": label, "SentimentScore": scores}


def entities_row(part: PartId, line: int, text: str, *words: str) -> dict[str, Any]:
    """A row that names the first place of each word in the text."""
    spans = [
        {"BeginOffset": (at := text.index(word)), "EndOffset": at + len(word), "Score": 0.5, "Text": word, "Type": "X"}
        for word in words
    ]
    return {"Entities": spans, "File": f"{part}.txt", "Line": line}


def error_row(
    part: PartId, line: int, code: str = "DOCUMENT_SIZE_EXCEEDED", message: str = "too big"
) -> dict[str, Any]:
    return {"File": f"{part}.txt", "Line": line, "ErrorCode": code, "ErrorMessage": message}


class Kit:
    """The helpers above, since test files cannot import one another here."""

    lane = LANE
    document = staticmethod(document)
    analysis = staticmethod(analysis)
    archive = staticmethod(archive)
    lines_of = staticmethod(lines_of)
    sentiment_row = staticmethod(sentiment_row)
    entities_row = staticmethod(entities_row)
    error_row = staticmethod(error_row)
    world = World


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
