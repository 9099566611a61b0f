"""Collect and merge: MB/s per core and peak memory, from shuffled output archives to ordered, fsynced JSONL.

    python benchmarks/bench_merge.py --documents 100000

Makes ledgers, parts, and one shuffled `output.tar.gz` per analysis (four of them), then times in a process of its own,
on one core: `collect` for each archive, `merge_segments` for all segments. Beside it, also each in its own process,
the limit (inflating the same archives, nothing else) and the plain way (tarfile, json, a dict in memory). MB are
inflated megabytes of the archives. `--only ours` leaves the others out; `--keep DIR` keeps the input for next time.
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
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from isal import igzip

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

FAMILIES = ("dominant_language", "entities", "key_phrases", "sentiment")
SEGMENT_DOCUMENTS = 5_000
SEGMENTS_PER_TASK = 20
WAYS = ("ours", "inflate", "plain")
TEXT = "the ship sailed slowly from Lisbon toward Café Ribeira and Ana met Müller there before winter came again"
WORDS = tuple(TEXT.split(" "))
LANE = LaneSpec(name="bench", kind="embedded")


def main() -> None:
    """Generate, then measure each way in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--memory-mb", type=int, default=24, help="what collect may hold before it goes to a file")
    parser.add_argument("--keep", type=Path, help="a folder for the input, made if it is not there")
    parser.add_argument("--only", choices=WAYS)
    parser.add_argument("--profile", action="store_true", help="cProfile of ours, by own time")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.keep, options.measure, memory_bytes_max=options.memory_mb << 20, profile=options.profile)
        return
    with tempfile.TemporaryDirectory(prefix="bench-merge-") as temporary:
        folder = options.keep or Path(temporary) / "input"
        if not folder.exists():
            generate(folder, options.documents)
        for way in (options.only,) if options.only else WAYS:
            arguments = [sys.executable, __file__, "--keep", str(folder), "--measure", way]
            arguments += ["--memory-mb", str(options.memory_mb), *(["--profile"] if options.profile else [])]
            subprocess.run(arguments, check=True)


def generate(folder: Path, documents: int) -> None:
    """Ledgers, parts and archives of synthetic documents; the same for the same number."""
    chance = random.Random(20)
    for name in ("ledger", "parts", "archives"):
        (folder / name).mkdir(parents=True)
    rows: dict[str, list[bytes]] = {family: [] for family in FAMILIES}
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
        for line, text in enumerate(texts):
            for family in FAMILIES:
                rows[family].append(row(chance, family, f"{part}.txt", line, text))
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
    with tempfile.TemporaryFile() as plain:
        plain.writelines(each + b"\n" for each in rows)
        member = tarfile.TarInfo("output")
        member.size = plain.tell()
        plain.seek(0)
        with open_gzip(path, "wb") as zipped, tarfile.open(fileobj=zipped, mode="w|") as archive:
            archive.addfile(member, plain)


def open_gzip(path: Path, mode: str) -> BinaryIO:
    """A gzip file, by isal."""
    file: BinaryIO = igzip.open(path, mode)  # type: ignore[no-untyped-call]
    return file


def segments_of(folder: Path) -> list[SegmentId]:
    """The segments generated, in order."""
    return [SegmentId(path.stem) for path in sorted((folder / "ledger").iterdir())]


def measure(folder: Path, way: str, *, memory_bytes_max: int, profile: bool) -> None:
    """Do it one way and print a line (and, for ours, one per stage)."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    base_mb = peak_mb()
    with tempfile.TemporaryDirectory(prefix="bench-merge-", dir=folder.parent) as temporary:
        wall, cpu = time.perf_counter(), time.process_time()
        if way == "ours":
            way_of_ours = profiled if profile else ours
            size = way_of_ours(folder, Path(temporary), memory_bytes_max)
        else:
            size = inflate(folder) if way == "inflate" else plain_way(folder, Path(temporary))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{way:8} {size / 1e6:9.1f} MB in {wall:7.2f} s ({cpu:7.2f} s CPU): {size / 1e6 / wall:7.1f} MB/s, "
        f"{size / 1e6 / cpu:7.1f} MB per core-second, peak {peak_mb():6.1f} MB (before: {base_mb:.1f})",
        flush=True,
    )


def ours(folder: Path, work: Path, memory_bytes_max: int) -> int:
    """Collect every archive, then merge every segment; the inflated bytes read."""
    segments = segments_of(folder)
    started = time.perf_counter()
    size = 0
    for family in FAMILIES:
        at = time.perf_counter()
        report = collect(collect_task(folder, work, family, segments, memory_bytes_max), open_object=open_local)
        took = time.perf_counter() - at
        print(f"  collect {family:18} {report.bytes / 1e6:8.1f} MB {report.bytes / 1e6 / took:7.1f} MB/s")
        size += report.bytes
    merging = time.perf_counter()
    merge_all(folder, work, segments)
    now = time.perf_counter()
    print(f"  collect {merging - started:.2f} s, merge {now - merging:.2f} s, {peak_mb():.1f} MB")
    return size


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


def profiled(folder: Path, work: Path, memory_bytes_max: int) -> int:
    """Ours under cProfile."""
    import cProfile
    import pstats

    with cProfile.Profile() as profile:
        size = ours(folder, work, memory_bytes_max)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return size


def inflate(folder: Path) -> int:
    """Inflate every archive and do nothing with it: the limit."""
    size = 0
    for family in FAMILIES:
        with open_gzip(folder / "archives" / f"{family}.tar.gz", "rb") as file:
            while data := file.read(1 << 20):
                size += len(data)
    return size


def plain_way(folder: Path, work: Path) -> int:
    """The standard library, rows held in memory until their document's turn."""
    held: dict[tuple[str, int], dict[str, object]] = {}
    size = 0
    for family in FAMILIES:
        for line in archive_lines(folder / "archives" / f"{family}.tar.gz"):
            size += len(line)
            found = json.loads(line)
            key = (found.pop("File"), found.pop("Line"))
            held.setdefault(key, {})[family] = found
    with (work / "plain.jsonl").open("w", encoding="utf-8") as file:
        for segment in segments_of(folder):
            ledger = msgspec.msgpack.decode((folder / "ledger" / f"{segment}.msgpack").read_bytes(), type=Ledger)
            for document in ledger.documents:
                results = held.pop((f"{ledger.parts[0]}.txt", document.line))
                file.write(json.dumps({"id": document.id, **results}, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return size


def archive_lines(path: Path) -> Iterator[bytes]:
    """The lines of an archive's only member."""
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            yield from file


def peak_mb() -> float:
    """This process's peak resident memory since it began (getrusage would count its parent's)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
