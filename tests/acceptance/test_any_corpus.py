"""Whole runs over random manifests and corpora, held line by line to the plain model in `rules`.

The embedded lane without its processes: one endpoint serves all tests, and threads do the work of worker processes.
Segments, ranges and reads are made small in most tests, so that a few documents reach over many of them.

`ANY_CORPUS_SEEDS=1000-1200` tries others than the usual seeds.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import yaml

from runner.compose.capabilities import embedded_languages
from runner.compose.embedded import EmbeddedOptions, Ready
from runner.compose.inspecting import verify
from runner.compose.running import Hooks, Outcome, RunOptions, run_manifest
from runner.corpus import RangeReader
from runner.endpoint import analyzers
from runner.journal import RunDirectory
from runner.manifest import load_manifest
from tests.acceptance.corpora import Corpora, Corpus
from tests.acceptance.house import Endpoint, ThreadPool, serving
from tests.acceptance.rules import Expected, ending, is_split

FIRST, _, LAST = os.environ.get("ANY_CORPUS_SEEDS", "0-14").partition("-")
SEEDS: Final = range(int(FIRST), int(LAST) + 1)
NEUTRAL: Final = {
    "Sentiment": "NEUTRAL",
    "SentimentScore": {"Mixed": 0.0, "Negative": 0.0, "Neutral": 0.0, "Positive": 0.0},
}
"""What the no-op endpoint finds every text to be; otherwise it finds nothing."""
HEAD: Final = ["corpus", "id", "language", "outcome", "problems"]


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Endpoint]]:
    """One endpoint with real analyzers, one that finds nothing."""
    base = tmp_path_factory.mktemp("serve")
    with serving(base / "default") as real, serving(base / "noop", "--analyzers", "noop") as idle:
        yield {"default": real, "noop": idle}


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch, endpoints: dict[str, Endpoint]) -> None:
    """Threads for worker processes, and the endpoints that run already for those that would be started."""

    @asynccontextmanager
    async def started(options: EmbeddedOptions) -> AsyncIterator[Ready]:
        url = endpoints[options.analyzers].url
        yield Ready(endpoint_url=url, incarnation="one", analyzers={})

    monkeypatch.setattr("runner.compose.lanes.embedded_endpoint", started)
    monkeypatch.setattr("runner.compose.running.WorkerPool", ThreadPool)


def make_small(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Segments, ranges and reads of a few documents or bytes, or as they are."""
    draw = random.Random(seed)
    for module, name, few in (
        ("survey.surveying", "SEGMENT_DOCUMENTS_MAX", [1, 4, 30]),
        ("survey.surveying", "SEGMENT_BYTES_MAX", [50, 3_000]),
        ("corpus.ranges", "RANGE_FILES_MAX", [1, 2]),
        ("corpus.ranges", "ROW_RANGE_BYTES_MAX", [1, 5_000]),
        ("corpus.files", "BLOCK_DOCUMENTS_MAX", [1, 3]),
    ):
        if draw.random() < 0.5:
            monkeypatch.setattr(import_module(f"runner.{module}"), name, draw.choice(few))
    if draw.random() < 0.7:
        monkeypatch.setitem(RangeReader.__init__.__kwdefaults__, "chunk_bytes", draw.choice([1, 7, 64]))


def run(root: Path, corpora: Corpora, kind: str) -> Outcome:
    """Carry the manifest out, or look at it once more."""
    path = root / "m.yaml"
    path.write_text(yaml.safe_dump(corpora.manifest, allow_unicode=True), encoding="utf-8")
    manifest = load_manifest(path, languages=embedded_languages())
    options = RunOptions(run_dir=root / "run dir", workers=2, analyzers=kind)  # type: ignore[arg-type]
    return anyio.run(run_manifest, manifest, options, Hooks())


@pytest.mark.parametrize("seed", SEEDS)
def test_every_document_comes_to_what_the_rules_say(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "noop" if seed % 3 == 0 else "default"
    corpora = Corpora(seed, tmp_path, long=kind == "noop")
    if kind == "default":
        make_small(monkeypatch, seed)

    outcome = run(tmp_path, corpora, kind)

    assert outcome.ended == "finished"
    assert outcome.exit_code == corpora.exit_code
    for corpus in corpora.corpora:
        files = result_files(outcome, corpus)
        assert all(len(content) >= corpora.file_bytes_max for content in files[:-1])
        lines = b"".join(files).split(b"\n")
        assert lines.pop() == b""
        assert [json.loads(line)["id"] for line in lines] == [expected.id for expected in corpus.documents]
        for line, expected in zip(lines, corpus.documents, strict=True):
            check_line(line, corpora, corpus, expected, kind)
    check_books(outcome, corpora)
    before = [result_files(outcome, corpus) for corpus in corpora.corpora]
    assert run(tmp_path, corpora, kind).resumed, "the same command once more only tells how it went"
    assert [result_files(outcome, corpus) for corpus in corpora.corpora] == before


def result_files(outcome: Outcome, corpus: Corpus) -> list[bytes]:
    names = [f"{number:05d}.jsonl" for number in range(len(list((outcome.results / corpus.name).iterdir())))]
    return [(outcome.results / corpus.name / name).read_bytes() for name in names]


def check_line(line: bytes, corpora: Corpora, corpus: Corpus, expected: Expected, kind: str) -> None:
    """A line has the contract's form, and says what the model says."""
    row = json.loads(line)
    analyses = corpora.analyses_of(corpus)
    names = [analysis["name"] for analysis in analyses]
    endings = [ending(analysis, corpora.language_of(corpus), expected) for analysis in analyses]
    assert list(row) == [*HEAD, *names]
    assert row["language"] == corpora.language_of(corpus)
    assert list(row["outcome"].items()) == [(name, outcome) for name, (outcome, _) in zip(names, endings, strict=True)]
    assert [(each["analysis"], each["code"], each["by"]) for each in row["problems"]] == [
        (name, code, "runner") for name, (_, code) in zip(names, endings, strict=True) if code
    ]
    assert all(list(each) == ["analysis", "code", "message", "by"] and each["message"] for each in row["problems"])
    head = json.dumps({key: row[key] for key in HEAD}, ensure_ascii=False, separators=(",", ":"))
    assert line.decode().startswith(head[:-1]), "UTF-8, no spaces, nothing escaped that need not be"
    for analysis, (outcome, _) in zip(analyses, endings, strict=True):
        payload = row[analysis["name"]]
        assert (payload is None) == (outcome != "ok")
        if payload is not None and expected.text is not None:
            if is_split(analysis, expected) and analysis["family"] == "sentiment":
                scores = payload["SentimentScore"]
                assert payload["Sentiment"].capitalize() == max(scores, key=lambda name: scores[name])
                assert sum(scores.values()) == pytest.approx(0.0 if kind == "noop" else 1.0, abs=1e-4)
                continue
            assert payload == answer(kind, analysis["family"], row["language"], expected.text)
            for span in payload if isinstance(payload, list) else []:
                if "BeginOffset" in span:
                    assert expected.text[span["BeginOffset"] : span["EndOffset"]] == span["Text"]


load = cache(analyzers.load)


def answer(kind: str, family: str, language: str | None, text: str) -> Any:
    """What an endpoint says of a text, as the contract writes it: of one member, its value."""
    if kind == "noop":
        return NEUTRAL if family == "sentiment" else []
    row = load(family)(text, None if family == "dominant_language" else language)
    return next(iter(row.values())) if len(row) == 1 else row


def check_books(done: Outcome, corpora: Corpora) -> None:
    """`verify` finds nothing, and the summary counts what the model counts."""
    found = verify(RunDirectory.at(done.directory))
    assert found.accounted_for, [finding for report in found.reports for finding in report.findings]
    endings = [outcome for outcome, _ in corpora.endings]
    summary = done.summary
    assert summary.documents == summary.written == sum(len(corpus.documents) for corpus in corpora.corpora)
    assert (summary.ok, summary.skipped, summary.errors) == tuple(map(endings.count, ("ok", "skipped", "error")))
    told = json.loads((done.results / "run.json").read_bytes())
    assert told["exit_code"] == corpora.exit_code
    assert sorted(file["name"] for file in told["files"]) == sorted(
        f"{path.parent.name}/{path.name}" for path in done.results.glob("*/*")
    )
