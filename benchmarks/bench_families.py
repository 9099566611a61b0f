"""All ten kinds of analysis over real texts: how each document ended, how right labels are, and whose words are told.

One manifest against `runner serve` with its real analyzers, which leaves out some rows on purpose: declarations of
human rights in 25 languages (detected), film reviews with a classifier trained on the other half, sentences with a
recognizer trained on messages, and speeches with topics. Afterwards every span in the results is held to the source
files: the text between its offsets must be the text that it gives, with line breaks read as spaces; and a redacted text
must be the source with exactly the spans that were found masked.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from runner.core import events as e
from runner.journal import Journal, RunDirectory
from runner.testing import LocalComprehend, running_endpoint

FOLDED: Final = dict.fromkeys(map(ord, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")
BUCKET: Final = "families"
EVENTS: Final = ["CORPORATE_ACQUISITION", "EMPLOYMENT", "INVESTMENT_GENERAL", "IPO"]
SPANS: Final = ("entities", "key_phrases", "targeted_sentiment", "events", "custom_entities")
NO_ROWS: Final = {"operation": "Start*Job", "do": "rows_missing", "share": 0.05, "seed": 1, "times": 8}
"""Eight jobs lack one row in twenty each."""


@dataclass
class Corpus:
    """Where the texts of a corpus come from, by the ids that result lines have."""

    root: Path
    lines: dict[str, list[str]] = field(default_factory=dict)

    def text(self, label: str) -> str:
        """The text of a document as it stands in its source."""
        if not self.lines:
            return (self.root / label).read_bytes().decode().removeprefix("\ufeff")
        name, _, position = label.rpartition(":")
        return self.lines[name][int(position)]


def furnish(data: Path, scratch: Path, documents: int) -> dict[str, Corpus]:
    """Half of the reviews beside a table of the other half, some of the sentences, and the recognizer's data."""
    held = scratch / "reviews"
    with (scratch / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for label in ("pos", "neg"):
            (held / label).mkdir(parents=True)
            paths = sorted((data / "movie_reviews" / label).iterdir())
            for number, path in enumerate(paths):
                if number % 2:
                    table.writerow([label, path.read_text("utf-8").translate(FOLDED)])
                elif number < documents:
                    (held / label / path.name).symlink_to(path)
    _recognizer_data(data / "wnut17", scratch)
    corpora = {"rights": Corpus(data / "udhr"), "reviews": Corpus(held), "speeches": Corpus(data / "inaugural")}
    sentences = Corpus(scratch)
    for path in sorted((data / "sentence_polarity").glob("rt-polarity.*")):
        lines = path.read_text("utf-8").split("\n")[:documents]
        (scratch / "sentences").mkdir(exist_ok=True)
        (scratch / "sentences" / path.name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sentences.lines[path.name] = lines
    return {**corpora, "sentences": sentences}


def _recognizer_data(source: Path, scratch: Path) -> None:
    """Messages of the WNUT training data, one a line, and where their people and places are."""
    documents: list[str] = []
    rows: list[tuple[str, int, int, int, str]] = []
    (path,) = (path for path in source.iterdir() if "train" in path.name)
    for block in re.split(r"\n[ \t\r]*\n", path.read_text("utf-8")):
        cells = [line.split("\t") for line in block.splitlines() if "\t" in line]
        text = ""
        spans: list[tuple[int, int, str]] = []
        for token, tag in ((cell[0], cell[-1].strip()) for cell in cells):
            begin = len(text) + bool(text)
            text = f"{text} {token}" if text else token
            kind = tag[2:].upper()
            if tag.startswith("B-"):
                spans.append((begin, len(text), kind))
            elif tag.startswith("I-") and spans:
                spans[-1] = (spans[-1][0], len(text), spans[-1][2])
        if text.strip():
            rows += [
                ("messages.txt", len(documents), begin, end, kind)
                for begin, end, kind in spans
                if kind in {"PERSON", "LOCATION"}
            ]
            documents.append(text)
    (scratch / "messages.txt").write_text("".join(f"{text}\n" for text in documents), encoding="utf-8")
    with (scratch / "spans.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("File", "Line", "Begin Offset", "End Offset", "Type"), *rows])


def manifest(data: Path, endpoint: LocalComprehend) -> dict[str, Any]:
    """The one manifest; paths are relative to the scratch folder, which it lies in."""
    quotas = {"active_jobs": 10, "start_per_s": 1000, "read_per_s": 1000, "stop_per_s": 1000}
    return {
        "version": 1,
        "name": "families",
        "lanes": [
            {
                "name": "near",
                "endpoint": endpoint.url,
                "region": endpoint.region,
                "staging": f"s3://{BUCKET}/",
                "data_access_role": endpoint.data_access_role,
                "quotas": quotas,
            }
        ],
        "corpora": [
            {"name": "rights", "source": f"{data}/udhr/*.txt", "format": "files", "language": "auto"},
            {"name": "reviews", "source": "reviews", "format": "files", "language": "en"},
            {"name": "sentences", "source": "sentences", "format": "lines", "language": "en"},
            {"name": "speeches", "source": f"{data}/inaugural/*.txt", "format": "files", "language": "en"},
        ],
        "analyses": [
            "dominant_language",
            "entities",
            "key_phrases",
            "sentiment",
            {"family": "pii_entities", "mode": "both"},
            {"family": "targeted_sentiment", "corpora": ["sentences"]},
            {"family": "events", "types": EVENTS, "corpora": ["speeches", "sentences"]},
            {"family": "topics", "corpora": ["speeches"], "topics": 10},
            {"family": "classification", "corpora": ["reviews"], "classifier": {"train": "labels.csv"}},
            {
                "family": "custom_entities",
                "corpora": ["sentences"],
                "recognizer": {"documents": "messages.txt", "annotations": "spans.csv"},
            },
        ],
        "policy": {"tolerate": {"errors": "10%"}},
    }


@dataclass
class Found:
    """What the results say."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    repaired: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    labels: Counter[bool] = field(default_factory=Counter)


def examine(run_dir: Path, corpora: dict[str, Corpus]) -> Found:
    """Read every result line beside its source, and the journal for what repairs answered."""
    found = Found()
    for name, corpus in corpora.items():
        for path in sorted((run_dir / "results" / name).glob("*.jsonl")):
            with path.open(encoding="utf-8") as file:
                for line in file:
                    _examine_line(json.loads(line), corpus, found)
    with Journal.open(RunDirectory.at(run_dir).journal_path, read_only=True) as journal:
        jobs = {}
        for _, event in journal.read():
            if isinstance(event, e.JobPlanned):
                jobs[event.job.key] = event.job
            elif isinstance(event, e.Collected) and jobs[event.job].repairs:
                found.repaired[jobs[event.job].analysis] += event.report.ok
    return found


def _examine_line(line: dict[str, Any], corpus: Corpus, found: Found) -> None:
    for analysis, outcome in line["outcome"].items():
        found.outcomes.setdefault(analysis, Counter())[outcome] += 1
    text = None
    for analysis in SPANS:
        for span in spans_of(line.get(analysis)):
            text = corpus.text(line["id"]).translate(FOLDED) if text is None else text
            found.spans[analysis] += 1
            found.wrong[analysis] += text[span["BeginOffset"] : span["EndOffset"]] != span["Text"]
    pii = line.get("pii_entities")
    if pii is not None:
        found.spans["pii_entities"] += len(pii["Entities"])
        found.wrong["pii_entities"] += masked(corpus.text(line["id"]), pii["Entities"]) != pii["RedactedText"]
    classes = line.get("classification")
    if classes is not None:
        best = max(classes, key=lambda each: each["Score"])
        found.labels[best["Name"] == line["id"].split("/")[0]] += 1


def spans_of(value: Any) -> Iterator[dict[str, Any]]:
    """Every stretch that a payload names with its text, at any depth."""
    if isinstance(value, dict):
        if {"BeginOffset", "EndOffset", "Text"} <= value.keys():
            yield value
        for member in value.values():
            yield from spans_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from spans_of(member)


def masked(text: str, entities: list[dict[str, Any]]) -> str:
    """The text with each stretch replaced by its type, worked out anew."""
    pieces, end = [], 0
    for entity in sorted(entities, key=lambda each: each["BeginOffset"]):
        pieces += [text[end : entity["BeginOffset"]], f"[{entity['Type']}]"]
        end = entity["EndOffset"]
    return "".join([*pieces, text[end:]])


def show(found: Found, seconds: float) -> None:
    """Print tables for the README."""
    print(f"\n{sum(map(Counter.total, found.outcomes.values())):,} pairs, {seconds:.0f} s\n")
    print("| analysis | ok | error | skipped | repaired | spans | wrong |\n|---|---:|---:|---:|---:|---:|---:|")
    for name, outcomes in found.outcomes.items():
        spans = f"{found.spans[name]:,} | {found.wrong[name]:,}" if name in found.spans else "· | ·"
        counts = " | ".join(f"{outcomes[each]:,}" for each in ("ok", "error", "skipped"))
        print(f"| {name} | {counts} | {found.repaired[name]:,} | {spans} |")
    right, total = found.labels[True], found.labels.total()
    print(f"\nclassification: {right:,} of {total:,} held-out reviews right, {right / total:.1%}")


def main() -> None:
    """Run, verify, examine and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    needed = "a folder with movie_reviews, sentence_polarity, inaugural, udhr, wnut17"
    parser.add_argument("--data", type=Path, required=True, help=needed)
    parser.add_argument(
        "--documents", type=int, default=1000, help="at most so many reviews and sentences of each label"
    )
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    with (
        tempfile.TemporaryDirectory(prefix="bench-families-") as folder,
        running_endpoint(Path(folder) / "serve") as endpoint,
    ):
        scratch, run_dir = Path(folder), Path(folder) / "run"
        corpora = furnish(data, scratch, arguments.documents)
        (scratch / "m.yaml").write_text(yaml.safe_dump(manifest(data, endpoint), sort_keys=False))
        for method, path, body in (("PUT", BUCKET, b""), ("POST", "_runner/faults", json.dumps([NO_ROWS]).encode())):
            request = urllib.request.Request(f"{endpoint.url}/{path}", body, method=method)
            urllib.request.urlopen(request, timeout=10).close()
        began = time.perf_counter()
        command = [sys.executable, "-m", "runner", "run", str(scratch / "m.yaml"), "--run-dir", str(run_dir), "--yes"]
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **keys})
        seconds = time.perf_counter() - began
        subprocess.run([sys.executable, "-m", "runner", "verify", str(run_dir)], check=True)
        show(examine(run_dir, corpora), seconds)


if __name__ == "__main__":
    main()
