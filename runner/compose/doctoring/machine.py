"""What a run needs of this machine: a disk for its journal, room, packages, sources that are there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from runner.compose.doctoring.findings import Finding
from runner.compose.models.data import with_training_data
from runner.corpus.inflating import zstd
from runner.corpus.patterns import first_wildcard, has_wildcard, split_pattern
from runner.errors import MachineError, ServiceError, UserError
from runner.manifest.detector import detector_version
from runner.model import CorpusSpec, Manifest
from runner.storage.sources import list_source

SPACE_MIN_BYTES: Final = 1_000_000_000
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "drvfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
        "gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf",
    }
)  # fmt: skip
"""On which SQLite's write-ahead log, or its locks, are not to be relied upon."""
_MOUNTS: Final = Path("/proc/self/mounts")


def machine_findings(manifest: Manifest, folder: Path) -> Iterator[Finding]:
    """The findings on this machine; runs would be kept below `folder`."""
    yield from _file_system(folder)
    yield _space(manifest, folder)
    yield from _packages(manifest)
    for corpus in manifest.corpora:
        yield from _sources(corpus)
    yield from _training_data(manifest)


def _found(
    subject: str, message: str, *, wrong: bool = False, fix: str | None = None, place: str = "machine"
) -> Finding:
    return Finding(place=place, subject=subject, level="wrong" if wrong else "ok", message=message, fix=fix)


def _file_system(folder: Path) -> Iterator[Finding]:
    kind = file_system_of(folder)
    elsewhere = "name a folder on a local disk with --run-dir, or start from one"
    if kind in NETWORK_FILE_SYSTEMS:
        yield _found("file system", f"{folder} is on {kind}, a network file system", wrong=True, fix=elsewhere)
        return
    fault = _try_disk(folder)
    if fault is not None:
        yield _found("file system", f"{folder}: {fault}", wrong=True, fix=elsewhere)
        return
    named = f" ({kind})" if kind else ""
    yield _found("file system", f"{folder}{named} takes a write-ahead log, renames and fsync")


def file_system_of(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """The type of the file system that a folder is on, as the kernel calls it; None if it does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    target, best, kind = str(folder.resolve()), "", None
    for line in lines:
        _, point, name, *_ = [*line.split(), "", "", ""]
        point = point.replace("\\040", " ").rstrip("/")
        if (target == point or target.startswith(f"{point}/")) and len(point) >= len(best):
            best, kind = point, name
    return kind


def _try_disk(folder: Path) -> str | None:
    """What goes wrong when the journal's own operations are tried; None if nothing does."""
    try:
        with TemporaryDirectory(prefix=".doctor-", dir=folder) as scratch:
            _try_journal(Path(scratch) / "journal.db")
            made, renamed = Path(scratch) / "a.tmp", Path(scratch) / "a"
            with made.open("wb") as file:
                file.write(b"x")
                file.flush()
                os.fsync(file.fileno())
            made.replace(renamed)
            handle = os.open(scratch, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        return error.strerror or str(error)
    except sqlite3.Error as error:
        return f"SQLite: {error}"
    return None


def _try_journal(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"the write-ahead log is refused, the mode stays {mode}")
        connection.execute("CREATE TABLE facts (fact TEXT)")
        connection.execute("INSERT INTO facts VALUES ('x')")
        connection.commit()
    finally:
        connection.close()


def _space(manifest: Manifest, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:,.1f} GB are free in {folder}"
    spool = manifest.policy.spool_budget_bytes
    if free < SPACE_MIN_BYTES:
        return _found("disk space", told, wrong=True, fix="free some space, or name a folder elsewhere with --run-dir")
    if free < spool:
        return Finding(
            place="machine",
            subject="disk space",
            level="unknown",
            message=f"{told}, less than the {spool / 1e9:,.1f} GB of policy.spool_budget, which large runs may fill",
            fix="free some space, or set policy.spool_budget lower",
        )
    return _found("disk space", told)


def _packages(manifest: Manifest) -> Iterator[Finding]:
    if any(corpus.language is not None and corpus.language.kind in {"auto", "detect"} for corpus in manifest.corpora):
        try:
            yield _found("detector", f"languages are detected by {detector_version()}")
        except MachineError as error:
            yield _found("detector", error.message, wrong=True, fix=error.hint)
    if any(corpus.format == "parquet" for corpus in manifest.corpora) and find_spec("pyarrow") is None:
        fix = "pip install 'comprehend-runner[parquet]'"
        yield _found("parquet", "the package that reads Parquet is missing", wrong=True, fix=fix)
    if manifest.output.compression == "zstd":
        try:
            zstd("output.compression is zstd")
        except MachineError as error:
            yield _found("zstd", error.message, wrong=True, fix=error.hint)
    if manifest.embedded and find_spec("aiohttp") is None:
        fix = "pip install 'comprehend-runner[local]'"
        yield _found("local endpoint", "the packages of the embedded lane are missing", wrong=True, fix=fix)


def _sources(corpus: CorpusSpec) -> Iterator[Finding]:
    missing = 0
    for source in corpus.sources:
        fault = _fault_of_object(corpus, source) if source.startswith("s3://") else _fault_of_path(source)
        if fault is not None:
            missing += 1
            message = f"corpus {corpus.name}: {source}: {fault}"
            yield _found("sources", message, wrong=True, fix="correct `source`, or its `profile`", place="corpora")
    if not missing:
        yield _found("sources", f"corpus {corpus.name}: what is named is there", place="corpora")


def _fault_of_path(source: str) -> str | None:
    fixed = _fixed(source)
    return None if Path(fixed).exists() else f"there is no {fixed}"


def _fault_of_object(corpus: CorpusSpec, source: str) -> str | None:
    """What is wrong with a source in S3, by a look at its first object; None if nothing is."""
    fixed = source[: first_wildcard(source)] if has_wildcard(source) else source
    try:
        first = next(list_source(corpus.profile, fixed), None)
    except ServiceError as error:
        return f"{error.code}: {error.detail.removeprefix(f'{fixed}: ')}"
    return None if first is not None else f"nothing lies below {fixed}"


def _fixed(source: str) -> str:
    """The part of a source before its first wildcard."""
    return split_pattern(source)[0] if has_wildcard(source) and not Path(source).exists() else source


def _training_data(manifest: Manifest) -> Iterator[Finding]:
    """The data of each model that a run would train, read as a run would."""
    for analysis in manifest.analyses:
        if analysis.model is None or not analysis.model.trained:
            continue
        try:
            (read,) = with_training_data(replace(manifest, analyses=(analysis,))).analyses
        except UserError as error:
            yield _found("training data", error.message, wrong=True, fix=error.hint or "mend the data", place="corpora")
        else:
            count = read.model.samples if read.model else 0
            yield _found("training data", f"analysis {analysis.name}: {count:,} documents", place="corpora")
