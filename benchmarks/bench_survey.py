"""Survey: MB/s per core and peak memory per input format, beside the bare library that reads the same file.

    python -m benchmarks survey --megabytes 64

Makes one file per format with the same texts, then, each in a process of its own and on one core, reads it: `bare` is
the least that a program could do (iterate over lines, decode rows, take one column), `reader` our blocks of documents
(text, ids, positions, faults), `count` the counting of lines before large files are cut, `survey` the whole survey
(folding, digests, parts and ledgers on disk, fsynced; the language is fixed, so none is detected). For lines also
`detector`, the bare language detector asked about each text, and `detect`, the survey with `language: auto`; and the
survey by one and by two processes, which must leave the same bytes (`one`, `two`, on all cores; only with `--way`). MB
are megabytes of the file as it lies on disk, warm in the page cache; `peak` is the resident memory of the process; the
CPU is that of its children too.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.survey_peers import BARE, detect
from runner.corpus import RangeReader, count_range, list_corpus, needs_position, ranges
from runner.corpus.parquet import arrow
from runner.model import AnalysisSpec, CorpusSpec, Format, LanguageRule, SourceRange, SurveyTask
from runner.survey import survey_range

TEXT = "the ship sailed slowly from Lisbon toward Café Ribeira and Ana met Müller there before winter came"
WORDS = tuple(TEXT.split(" "))
FORMS: dict[str, Format] = {
    "lines": "lines",
    "lines.gz": "lines",
    "jsonl": "jsonl",
    "csv": "csv",
    "parquet": "parquet",
    "files": "files",
}
WAYS = ("bare", "reader", "count", "survey", "detector", "detect", "one", "two")
OF_LINES = ("detector", "detect")
OF_WORKERS = {"one": 1, "two": 2}
ENGLISH = LanguageRule(kind="fixed", code="en")
FILE_BYTES = 20_000


def main() -> None:
    """Generate, then measure each way of each format in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=40, help="of text")
    parser.add_argument("--words", type=int, default=24, help="of a document, on average (5.9 bytes each)")
    parser.add_argument("--keep", type=Path, help="a folder for the input, made if it is not there")
    parser.add_argument("--only", choices=FORMS)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.keep, *options.measure)
        return
    with tempfile.TemporaryDirectory(prefix="bench-survey-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "benchmarks.bench_survey"]
        generate(folder, options.megabytes * 1_000_000, options.words)
        for name in (options.only,) if options.only else FORMS:
            for way in (options.way,) if options.way else WAYS:
                if options.way or measured_unasked(name, way):
                    subprocess.run([*command, "--keep", folder, "--measure", name, way], check=True)


def measured_unasked(name: str, way: str) -> bool:
    """Whether a way is of interest for a format."""
    if way == "count":
        return name in {"lines", "jsonl"}
    return way not in OF_WORKERS and (name == "lines" or way not in OF_LINES)


def texts(size: int, words: int) -> Iterator[str]:
    """Texts of about so many words each, the same ones for the same size."""
    chance = random.Random(20)
    while size > 0:
        text = " ".join(chance.choices(WORDS, k=chance.randint(words // 3, words * 5 // 3)))
        size -= len(text.encode()) + 1
        yield text


def generate(folder: Path, size: int, words: int) -> None:
    """One source per format, unless it is there."""
    if (folder / "lines.txt").exists():
        return
    rows = list(texts(size, words))
    plain = "".join(f"{text}\n" for text in rows)
    (folder / "lines.gz").write_bytes(gzip.compress(plain.encode(), 6))
    with (folder / "jsonl.jsonl").open("w") as out:
        out.writelines(
            json.dumps({"id": f"row-{n}", "stars": n % 5, "text": text}, ensure_ascii=False) + "\n"
            for n, text in enumerate(rows)
        )
    with (folder / "csv.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("id", "stars", "text"))
        writer.writerows((f"row-{n}", n % 5, text) for n, text in enumerate(rows))
    (folder / "files").mkdir()
    for number in range(0, len(plain), FILE_BYTES):
        (folder / "files" / f"{number:012}.txt").write_text(plain[number : number + FILE_BYTES])
    pa = arrow()
    columns = {"id": [f"row-{n}" for n in range(len(rows))], "stars": [n % 5 for n in range(len(rows))], "text": rows}
    pa.parquet.write_table(pa.table(columns), folder / "parquet.parquet", row_group_size=50_000)
    (folder / "lines.txt").write_text(plain)


def source(folder: Path, name: str) -> Path:
    """The file or folder of a format."""
    return folder / {"lines": "lines.txt", "jsonl": "jsonl.jsonl", "csv": "csv.csv", "parquet": "parquet.parquet"}.get(
        name, name
    )


def measure(folder: Path, name: str, way: str) -> None:
    """Do it one way and print a line."""
    if way not in OF_WORKERS:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    path = source(folder, name)
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    spec = CorpusSpec(
        name="bench",
        sources=(str(path),),
        format=FORMS[name],
        id="id" if name in {"jsonl", "csv", "parquet"} else None,
        language=LanguageRule(kind="auto") if way == "detect" else ENGLISH,
    )
    with tempfile.TemporaryDirectory(prefix="bench-survey-") as temporary:
        work: Callable[[], int] = {
            "bare": lambda: BARE[name](path),
            "reader": lambda: read(spec),
            "count": lambda: sum(count_range(spec, each) or 0 for each in ranges(spec, list_corpus(spec))),
            "survey": lambda: survey(spec, temporary),
            "detector": lambda: detect(path),
            "detect": lambda: survey(spec, temporary),
            "one": lambda: survey_by(1, spec, temporary),
            "two": lambda: survey_by(2, spec, temporary),
        }[way]
        warm(path)
        if name == "parquet":
            arrow()
        before = peak_mb()
        wall, cpu = time.perf_counter(), cpu_seconds()
        documents = work()
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
        if way in OF_WORKERS:
            print(f"bytes left by {way}: {digest_of(Path(temporary))}")
    print(
        f"{name:9} {way:7} {documents:8} documents, {size / 1e6:6.1f} MB in {wall:6.2f} s ({cpu:5.2f} s CPU): "
        f"{size / 1e6 / cpu:7.1f} MB per core-second, peak {peak_mb():6.1f} MB (before: {before:.1f})",
        flush=True,
    )


def placed(spec: CorpusSpec) -> Iterator[SourceRange]:
    """The ranges of a corpus, those that need it with their first position."""
    position = 0
    for each in ranges(spec, list_corpus(spec)):
        begun = replace(each, position=position) if needs_position(spec, each) else each
        if each.end is not None and spec.format != "parquet":
            position = (begun.position or 0) + (count_range(spec, each) or 0)
        yield begun


def read(spec: CorpusSpec) -> int:
    """Our reader: blocks, thrown away."""
    return sum(
        len(block.ids) for each in placed(spec) for block in RangeReader(spec, each, undecodable="error").blocks()
    )


def survey(spec: CorpusSpec, directory: str) -> int:
    """The whole survey, one range after the other."""
    return sum(map(partial(survey_one, spec, directory), placed(spec)))


def survey_by(workers: int, spec: CorpusSpec, directory: str) -> int:
    """The same by some processes."""
    with ProcessPoolExecutor(workers) as pool:
        return sum(pool.map(partial(survey_one, spec, directory), placed(spec)))


def survey_one(spec: CorpusSpec, directory: str, source_range: SourceRange) -> int:
    """One range: how many documents it has."""
    analysis = AnalysisSpec(
        name="sentiment", family="sentiment", corpora=("bench",), document_bytes_max=5000, languages=None
    )
    task = SurveyTask(
        corpus=spec,
        corpus_index=0,
        source_range=source_range,
        analyses=(analysis,),
        undecodable="error",
        directory=directory,
    )
    return survey_range(task).documents


def digest_of(directory: Path) -> str:
    """What files of a directory are called and hold."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(directory)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def warm(path: Path) -> None:
    """Bring a source into the page cache."""
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while stream.read(1 << 20):
                pass


def cpu_seconds() -> float:
    """Of this process, and of those that it started and that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def peak_mb() -> float:
    """The largest resident size so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    return 0.0


if __name__ == "__main__":
    main()
