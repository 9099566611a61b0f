"""Corpora made on the spot, surveyed, and read back from what the survey left on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.catalogue import FAMILIES
from runner.corpus import list_corpus, ranges
from runner.model import (
    AnalysisSpec,
    CorpusSpec,
    Document,
    Format,
    LanguageRule,
    Ledger,
    PartId,
    SegmentFacts,
    SegmentId,
    SourceRange,
    SurveyReport,
    SurveyTask,
)
from runner.survey import survey_range


@dataclass(frozen=True)
class Surveyed:
    """What a survey reported and left below `directory`."""

    reports: tuple[SurveyReport, ...]
    directory: Path

    @property
    def segments(self) -> list[SegmentFacts]:
        return [segment for report in self.reports for segment in report.segments]

    def ledger(self, segment: SegmentId) -> Ledger:
        return msgspec.msgpack.decode((self.directory / "ledger" / f"{segment}.msgpack").read_bytes(), type=Ledger)

    def part(self, part: PartId) -> list[str]:
        text = (self.directory / "parts" / f"{part}.txt").read_bytes()
        assert text.endswith(b"\n")
        return text.decode()[:-1].split("\n")

    @property
    def documents(self) -> list[Document]:
        return [document for segment in self.segments for document in self.ledger(segment.id).documents]

    @property
    def lines(self) -> list[str | None]:
        """Per document the line that stands for it in a part, None if it has none."""
        found: list[str | None] = []
        for segment in self.segments:
            ledger = self.ledger(segment.id)
            parts = [self.part(part) for part in ledger.parts]
            found += [
                parts[document.part][document.line] if document.part >= 0 else None for document in ledger.documents
            ]
        return found

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
        }


def _analysis(family: str, **fields: Any) -> AnalysisSpec:
    row = FAMILIES[family]
    defaults = {
        "name": family,
        "corpora": ("c",),
        "document_bytes_max": row.document_bytes_max,
        "languages": row.languages,
    }
    return AnalysisSpec(family=family, **{**defaults, **fields})


@pytest.fixture
def analysis() -> Callable[..., AnalysisSpec]:
    """An analysis as the manifest makes it: analysis("sentiment", document_bytes_max=…)."""
    return _analysis


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., SurveyTask]:
    """A task for one range of a corpus: task(corpus, source_range, analyses=…, undecodable=…, documents_max=…)."""

    def make(corpus: CorpusSpec, source_range: SourceRange, **fields: Any) -> SurveyTask:
        defaults: dict[str, Any] = {
            "corpus_index": 0,
            "analyses": (_analysis("sentiment"), _analysis("entities")),
            "undecodable": "error",
            "directory": str(tmp_path / "run"),
        }
        return SurveyTask(corpus=corpus, source_range=source_range, **{**defaults, **fields})

    return make


@pytest.fixture
def survey(tmp_path: Path, task: Callable[..., SurveyTask]) -> Callable[..., Surveyed]:
    """Write files and survey them: survey({"a.txt": b"…"} or b"…", "lines", language="en", analyses=…, id=…)."""

    def run(
        data: bytes | dict[str, bytes],
        form: Format = "lines",
        *,
        language: str | LanguageRule | None = "en",
        into: str = "run",
        folder: str = "source",
        text: tuple[str, ...] = (),
        encoding: str = "utf-8",
        **fields: Any,
    ) -> Surveyed:
        source = tmp_path / folder
        source.mkdir(exist_ok=True)
        for name, content in ({"x.txt": data} if isinstance(data, bytes) else data).items():
            (source / name).write_bytes(content)
        rule = LanguageRule(kind="fixed", code=language) if isinstance(language, str) else language
        corpus = CorpusSpec(name="c", sources=(str(source),), format=form, language=rule, text=text, encoding=encoding)
        directory = tmp_path / into
        reports = [
            survey_range(task(corpus, source_range, directory=str(directory), **fields))
            for source_range in ranges(corpus, list_corpus(corpus))
        ]
        return Surveyed(tuple(reports), directory)

    return run
