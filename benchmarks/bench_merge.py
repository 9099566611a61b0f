"""Collect and merge: MB/s per core and peak memory, from shuffled output archives to ordered, fsynced JSONL.

    python -m benchmarks merge                        # 50,000 documents, all ways, under a minute
    python -m benchmarks merge --documents 1000000 --ways ours,duckdb,inflate

Makes ledgers, parts, and one shuffled `output.tar.gz` per analysis (four of them), then times, in a process of its own
and on one core: `collect` for each archive, `merge_segments` for all segments. Beside it, each also in its own process,
what `merge_peers` has: DuckDB and polars (all cores, all the memory they want), `tarfile` and `json`, and bare
inflation. MB are inflated megabytes of the archives. `--keep DIR` keeps the input for next time; making that of a
million documents takes minutes and 2 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import msgspec

from benchmarks.merge_peers import FAMILIES, IDS, LIBRARIES, TEXTS, WAYS, open_gzip
from runner.model import (
    AnalysisSpec,
    CollectPart,
    CollectTask,
    Document,
    JobKey,
    LaneSpec,
    Ledger,
    MergeSegment,
    MergeTask,
    PartId,
    SegmentId,
    SpoolRef,
    part_id,
    segment_id,
)
from runner.results import collect, merge_segments

SEGMENT_DOCUMENTS = 5_000
SEGMENTS_PER_TASK = 20
TEXT = "the ship sailed slowly from Lisbon toward Café Ribeira and Ana met Müller there before winter came again"
WORDS = tuple(TEXT.split(" "))
LANE = LaneSpec(name="bench", kind="embedded")


def main() -> None:
    """Generate, then measure each way in its own process and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--memory-mb", type=int, default=24, help="what collect may hold before it goes to a file")
    parser.add_argument("--keep", type=Path, help="a folder for the input, made if it is not there")
    parser.add_argument("--ways", default=",".join(("ours", *WAYS)), help="which, in what order (default: all)")
    parser.add_argument(
        "--repeat", type=int, default=1, help="do all ways so often, in turn; the table has each one's best"
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.keep, options.measure, memory_bytes_max=options.memory_mb << 20)))
        return
    ways = options.ways.split(",")
    if unknown := set(ways) - {"ours", *WAYS}:
        parser.error(f"--ways: no {', '.join(sorted(unknown))}; there are ours, {', '.join(WAYS)}")
    with tempfile.TemporaryDirectory(prefix="bench-merge-") as temporary:
        folder = options.keep or Path(temporary) / "input"
        if not folder.exists():
            generate(folder, options.documents)
        rounds = [{way: measured(way, folder, options.memory_mb) for way in ways} for _ in range(options.repeat)]
    print_table(ways, rounds)


def measured(way: str, folder: Path, memory_mb: int) -> dict[str, float]:
    """What a process of its own says of one way."""
    command = [sys.executable, "-m", "benchmarks", "merge", "--measure", way, "--keep", str(folder)]
    found = subprocess.run([*command, "--memory-mb", str(memory_mb)], check=True, stdout=subprocess.PIPE)
    values: dict[str, float] = json.loads(found.stdout)
    return values


def print_table(ways: list[str], rounds: list[dict[str, dict[str, float]]]) -> None:
    """Each way's round of the least CPU time."""
    print("way            MB inflated   wall s    CPU s  MB per core-second   peak MB  (of it imports)")
    for way in ways:
        best = min((each[way] for each in rounds), key=lambda found: found["cpu"])
        print(
            f"{way:<14} {best['mb']:>11.1f} {best['wall']:>8.2f} {best['cpu']:>8.2f} {best['mb'] / best['cpu']:>19.1f} "
            f"{best['peak_mb']:>9.0f}  ({best['base_mb']:.0f})"
            + (f"  collect {best['collect']:.2f} s CPU, merge {best['merge']:.2f}" if "merge" in best else "")
        )


def generate(folder: Path, documents: int) -> None:
    """Ledgers, parts and archives of synthetic documents; the same for the same number."""
    chance = random.Random(20)
    for name in ("ledger", "parts", "archives"):
        (folder / name).mkdir(parents=True)
    rows: dict[str, list[bytes]] = {family: [] for family in FAMILIES}
    ids, sent = (folder / IDS).open("w"), (folder / TEXTS).open("w")
    for number in range(-(-documents // SEGMENT_DOCUMENTS)):
        segment = segment_id(0, 0, number)
        part = part_id(segment, 0)
        count = min(SEGMENT_DOCUMENTS, documents - number * SEGMENT_DOCUMENTS)
        texts = [" ".join(chance.choices(WORDS, k=chance.randint(8, 30))) for _ in range(count)]
        (folder / "parts" / f"{part}.txt").write_bytes("".join(f"{text}\n" for text in texts).encode())
        entries = tuple(
            Document(
                id=f"document-{number * SEGMENT_DOCUMENTS + line:09d}",
                source=0,
                position=line,
                size=len(text.encode()),
                characters=len(text),
                language="en",
                part=0,
                line=line,
            )
            for line, text in enumerate(texts)
        )
        ledger = Ledger(segment=segment, corpus="bench", parts=(part,), documents=entries)
        (folder / "ledger" / f"{segment}.msgpack").write_bytes(msgspec.msgpack.encode(ledger))
        for document in entries:
            n = number * SEGMENT_DOCUMENTS + document.line
            ids.write(json.dumps({"id": document.id, "n": n, "File": f"{part}.txt", "Line": document.line}) + "\n")
        for line, text in enumerate(texts):
            sent.write(json.dumps({"File": f"{part}.txt", "Line": line, "text": text}) + "\n")
            for family in FAMILIES:
                rows[family].append(row(chance, family, f"{part}.txt", line, text))
    ids.close()
    sent.close()
    for family in FAMILIES:
        chance.shuffle(rows[family])
        write_archive(folder / "archives" / f"{family}.tar.gz", rows.pop(family))


def row(chance: random.Random, family: str, file: str, line: int, text: str) -> bytes:
    """One row as the service writes it (keys sorted, spaces after separators)."""
    value: dict[str, object]
    if family == "dominant_language":
        value = {"Languages": [{"LanguageCode": "en", "Score": chance.random()}]}
    elif family == "sentiment":
        scores = {name: chance.random() for name in ("Mixed", "Negative", "Neutral", "Positive")}
        value = {"Sentiment": max(scores, key=scores.__getitem__).upper(), "SentimentScore": scores}
    else:
        member = "Entities" if family == "entities" else "KeyPhrases"
        value = {member: [span(chance, family, text) for _ in range(chance.randint(0, 6))]}
    return json.dumps(value | {"File": file, "Line": line}, ensure_ascii=False, sort_keys=True).encode()


def span(chance: random.Random, family: str, text: str) -> dict[str, object]:
    """A stretch of the text, as a row names it."""
    begin = chance.randrange(len(text) - 8)
    end = begin + chance.randint(3, 8)
    found = {"BeginOffset": begin, "EndOffset": end, "Score": chance.random(), "Text": text[begin:end]}
    return found | ({"Type": "LOCATION"} if family == "entities" else {})


def write_archive(path: Path, rows: list[bytes]) -> None:
    """A tar.gz with one member `output`."""
    with tempfile.TemporaryFile(dir=path.parent) as plain:
        plain.writelines(each + b"\n" for each in rows)
        member = tarfile.TarInfo("output")
        member.size = plain.tell()
        plain.seek(0)
        with open_gzip(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:
            archive.addfile(member, plain)


def segments_of(folder: Path) -> list[SegmentId]:
    """The segments generated, in order."""
    return [SegmentId(path.stem) for path in sorted((folder / "ledger").iterdir())]


def measure(folder: Path, way: str, *, memory_bytes_max: int) -> dict[str, float]:
    """Do it one way: megabytes, seconds, and peak memory."""
    if way == "ours":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for module in LIBRARIES.get(way, ()):
        import_module(module)
    found = {"base_mb": peak_mb()}
    with tempfile.TemporaryDirectory(prefix="bench-merge-", dir=folder.parent) as temporary:
        work = Path(temporary)
        segments = segments_of(folder)
        tasks = [collect_task(folder, work, family, segments, memory_bytes_max) for family in FAMILIES]
        wall, cpu = time.perf_counter(), time.process_time()
        if way == "ours":
            size = sum(collect(task, open_object=open_local).bytes for task in tasks)
            found["collect"] = time.process_time() - cpu
            merge_all(folder, work, segments)
            found["merge"] = time.process_time() - cpu - found["collect"]
        else:
            size = WAYS[way](folder, work)
        found |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return found | {"mb": size / 1e6, "peak_mb": peak_mb()}


def collect_task(
    folder: Path, work: Path, family: str, segments: list[SegmentId], memory_bytes_max: int
) -> CollectTask:
    """The collection of one archive."""
    parts = [part_id(segment, 0) for segment in segments]
    return CollectTask(
        job=JobKey(family),
        generation=1,
        family=family,
        lane=LANE,
        output_uri=str(folder / "archives" / f"{family}.tar.gz"),
        parts=tuple(collect_part(folder, part) for part in parts),
        spool_path=str(work / f"{family}.spool"),
        memory_bytes_max=memory_bytes_max,
    )


def collect_part(folder: Path, part: PartId) -> CollectPart:
    """A part as it was staged."""
    path = folder / "parts" / f"{part}.txt"
    return CollectPart(id=part, path=str(path), lines=path.read_bytes().count(b"\n"))


def open_local(_: LaneSpec, uri: str) -> BinaryIO:
    """Stands for S3."""
    return Path(uri).open("rb")


def merge_all(folder: Path, work: Path, segments: list[SegmentId]) -> None:
    """Merge all segments, a task of some at a time."""
    spools = tuple(SpoolRef(analysis=family, path=str(work / f"{family}.spool")) for family in FAMILIES)
    analyses = tuple(
        AnalysisSpec(
            name=family, family=family, corpora=("bench",), document_bytes_max=5_120, languages=frozenset({"en"})
        )
        for family in FAMILIES
    )
    file = end = 0
    for start in range(0, len(segments), SEGMENTS_PER_TASK):
        report = merge_segments(
            MergeTask(
                corpus="bench",
                analyses=analyses,
                segments=tuple(
                    MergeSegment(id=each, spools=spools) for each in segments[start : start + SEGMENTS_PER_TASK]
                ),
                directory=str(folder),
                results_directory=str(work / "results"),
                file=file,
                end=end,
                file_bytes_max=512_000_000,
            )
        )
        file, end = report.segments[-1].file, report.segments[-1].end


def peak_mb() -> float:
    """This process's peak resident memory since it began (getrusage would count its parent's)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
