"""Results for S3: written locally as all results are, and copied as whole files once the run is finished.

`run.json` goes up last, and is written locally only after that: a run is complete when both are there. Whatever ends a
run in between, the next one copies what is missing or differs, by size and sha256. A folder belongs to one run, whose
id its object `.run` holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.compose.upkeep import OWNER_NAME
from runner.errors import RunDirectoryError, ServiceError
from runner.model import Manifest, OutputSpec
from runner.results import result_files
from runner.results.summary import summary_bytes
from runner.storage.folder import S3Folder

SUMMARY_NAME: Final = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What `verify` finds of the copies. `unknown`: why they could not be looked at."""

    uri: str
    files: int = 0
    wrong: tuple[str, ...] = ()
    """Files that are missing there, or of another size."""
    unknown: str | None = None


def folder_of(manifest: Manifest) -> S3Folder | None:
    """The folder in S3 where the results go; None if they stay here. Raises ServiceError without credentials."""
    uri = manifest.output.published
    if uri is None:
        return None
    lane = None if manifest.embedded else manifest.lanes[0]
    return S3Folder(uri, lane, key=lane.kms.output if lane else None)


def require_free(manifest: Manifest, began_with: OutputSpec, run_id: str) -> None:
    """Look whether the folder can be this run's; nothing is put there.

    Raises RunDirectoryError if it is another run's, or if this run began with another one; ServiceError if it cannot be
    looked at.
    """
    uri = manifest.output.published
    if uri != began_with.published:
        raise RunDirectoryError(
            uri or "the results",
            f"this run began with results that go to {began_with.published or 'its own directory'}",
            hint="put `output.directory` back as it was, or begin a new run with another --run-dir",
        )
    folder = folder_of(manifest)
    if folder is None:
        return
    held_by = _holder(folder)
    if held_by not in (None, run_id):
        raise RunDirectoryError(
            folder.uri,
            f"it holds results of run {held_by}",
            hint="move them away, or name another `output.directory`",
        )


def claim(manifest: Manifest, run_id: str) -> None:
    """Make the folder this run's own; a `run.json` of earlier is taken away, since what is to come is not whole yet."""
    folder = folder_of(manifest)
    if folder is not None:
        folder.put(OWNER_NAME, f"{run_id}\n".encode())
        folder.delete(SUMMARY_NAME)


def publish(manifest: Manifest, results: Path, summary: dict[str, object]) -> None:
    """Copy every file that is not there yet as it is here, and the summary last. Raises ServiceError."""
    folder = folder_of(manifest)
    if folder is None:
        return
    for path in _files(manifest, results):
        name = path.relative_to(results).as_posix()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if folder.look(name) != (path.stat().st_size, digest):
            folder.put_file(name, path, digest)
    folder.put(SUMMARY_NAME, summary_bytes(summary))


def look_at_copies(manifest: Manifest, results: Path) -> Published | None:
    """Whether the copies of a finished run's files are in S3, by their sizes; None if none should be."""
    uri = manifest.output.published
    if uri is None:
        return None
    try:
        folder = folder_of(manifest)
        assert folder is not None, "there is a URI"
        files = [*_files(manifest, results), results / SUMMARY_NAME]
        wrong = []
        for path in files:
            name = path.relative_to(results).as_posix()
            found = folder.look(name)
            if found is None or found[0] != path.stat().st_size:
                wrong.append(name)
    except ServiceError as error:
        return Published(uri=uri, unknown=str(error))
    return Published(uri=uri, files=len(files), wrong=tuple(wrong))


def _files(manifest: Manifest, results: Path) -> Iterator[Path]:
    for corpus in manifest.corpora:
        yield from result_files(str(results), corpus.name)
        yield results / f"{corpus.name}.schema.json"


def _holder(folder: S3Folder) -> str | None:
    """The id of the run whose folder it is."""
    owner = folder.get(OWNER_NAME)
    if owner is not None:
        return owner.decode(errors="replace").strip()
    try:
        summary = json.loads(folder.get(SUMMARY_NAME) or b"null")
    except ValueError:
        return "(its run.json cannot be read)"
    return str(summary.get("run")) if isinstance(summary, dict) else None
