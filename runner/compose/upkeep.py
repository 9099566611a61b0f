"""What a crash may leave behind, put right before a run goes on (DESIGN section 3, Merging: "On start").

Everything here is derived from the journal: files that no event speaks of are deleted, results that are shorter than
the journal says are refused loudly. What is longer is cut back by the next merge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from runner.compose.opening import finished_run
from runner.core.run import Run
from runner.core.states import State
from runner.errors import RunDirectoryError
from runner.journal import RunDirectory
from runner.model import Compression, Manifest
from runner.results import result_path
from runner.results.reuse import discard_reused
from runner.storage.atomic import make_directory, replacing

OWNER_NAME: Final = ".run"
"""In a results folder outside the run directory: the id of the run whose results they are."""


def tidy(directory: RunDirectory, run: Run, manifest: Manifest) -> None:
    """Delete temporary files, and ledgers, parts and spool files without their event; check the results' lengths.

    Raises RunDirectoryError if a result file is shorter than the journal says.
    """
    results = directory.results(manifest.output)
    for folder in (directory.ledgers, directory.parts, directory.spools, results, *_corpora(results, manifest)):
        for leftover in folder.glob("*.tmp") if folder.is_dir() else ():
            leftover.unlink(missing_ok=True)
    _tidy_spools(directory, run)
    if run.books.closed:
        discard_reused(directory.root)
    if run.survey_finished:
        _tidy_parts(directory, run)
        _tidy_ledgers(directory, run)
    for corpus in manifest.corpora:
        if corpus.name in run.books.corpora:
            _check_results(results, run, corpus.name, manifest.output.compression)


def claim_results(directory: RunDirectory, run_id: str, manifest: Manifest) -> None:
    """Make a results folder outside the run directory this run's own, before anything is written there.

    Two runs with one folder would overwrite each other's files. Raises RunDirectoryError if it is another run's.
    """
    results = directory.results(manifest.output)
    if results.is_relative_to(directory.root):
        return
    owner = results / OWNER_NAME
    held_by = owner.read_text().strip() if owner.exists() else finished_run(results)
    if held_by is not None and held_by != run_id:
        raise RunDirectoryError(
            str(results),
            f"it holds results of run {held_by}",
            hint="move them away, or name another `output.directory`",
        )
    make_directory(results)
    with replacing(owner) as file:
        file.write(f"{run_id}\n".encode())


def _corpora(results: Path, manifest: Manifest) -> list[Path]:
    return [results / corpus.name for corpus in manifest.corpora]


def _tidy_spools(directory: RunDirectory, run: Run) -> None:
    needed = {
        directory.spool(key, record.generation).name
        for key, record in run.jobs.items()
        if record.state is State.COLLECTED and (run.books.needs_spool(key) or not record.settled)
    }
    for path in directory.spools.iterdir():
        if path.name not in needed:
            path.unlink()


def _tidy_parts(directory: RunDirectory, run: Run) -> None:
    known = {part.id for record in run.books.segments() for part in record.facts.parts}
    known |= {part for batch in run.batches.values() for part in batch.parts}
    for path in directory.parts.iterdir():
        if path.name.partition(".")[0] not in known:
            path.unlink()


def _tidy_ledgers(directory: RunDirectory, run: Run) -> None:
    known = {facts.id for facts in run.books.surveyed()}
    for path in directory.ledgers.glob("*.msgpack"):
        if path.stem not in known:
            path.unlink()


def _check_results(results: Path, run: Run, corpus: str, compression: Compression) -> None:
    book = run.books.corpora[corpus]
    ends: dict[int, int] = {}
    for record in book.segments:
        # A file that is to be written anew may have been, without the event: it is then as whole as the old one was.
        if record.merged is not None and record.merged.file not in book.dirty:
            ends[record.merged.file] = record.merged.end
    for file, end in ends.items():
        path = result_path(str(results), corpus, file, compression)
        size = path.stat().st_size if path.exists() else 0
        if size < end:
            raise RunDirectoryError(
                str(path),
                f"it has {size} bytes, and the journal says that {end} were written",
                hint="restore the file, or begin a new run with another --run-dir",
            )
