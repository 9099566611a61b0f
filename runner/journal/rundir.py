"""The directory of one run: what lies where, making it, and refusing what is not one.

Names are the contract between rooms (DESIGN section 5.3) and are made here only. Knows no file's contents.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from runner.errors import RunDirectoryError
from runner.journal.files import fsync_directory
from runner.journal.locks import LOCK_NAME, WORKERS_LOCK_NAME, RunLock
from runner.model import JobKey, OutputSpec, PartId, SegmentId

MODE: Final = 0o700
JOURNAL_NAME: Final = "journal.db"
FOLDERS: Final = ("ledger", "parts", "spool", "topics")
"""Made with the directory; the results' folder is where the manifest says, and made by whoever writes there."""

_OURS: Final = frozenset(
    {*FOLDERS, LOCK_NAME, WORKERS_LOCK_NAME, "endpoint", "log.jsonl", "plan.json", "report.html", "results"}
)


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths below `root`, which is absolute. Having the value says nothing about what exists."""

    root: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Self:
        """The run directory at a path, relative to the current folder; nothing is looked at."""
        return cls(Path(path).absolute())

    def __str__(self) -> str:
        return str(self.root)

    # --- what lies where ------------------------------------------------------------------------------------

    @property
    def journal_path(self) -> Path:
        """The journal (`Journal.open`)."""
        return self.root / JOURNAL_NAME

    @property
    def plan_path(self) -> Path:
        """The plan as JSON, for people and programs."""
        return self.root / "plan.json"

    @property
    def log_path(self) -> Path:
        """The log, one JSON object per line."""
        return self.root / "log.jsonl"

    @property
    def report_path(self) -> Path:
        """The report, one HTML file."""
        return self.root / "report.html"

    @property
    def ledgers(self) -> Path:
        """Ledgers and listings."""
        return self.root / "ledger"

    @property
    def parts(self) -> Path:
        """The lines that jobs read, kept once."""
        return self.root / "parts"

    @property
    def spools(self) -> Path:
        """What jobs answered, until it is merged."""
        return self.root / "spool"

    @property
    def topics(self) -> Path:
        """Topic terms: `<corpus>.<analysis>.jsonl`."""
        return self.root / "topics"

    @property
    def endpoint(self) -> Path:
        """The data of the embedded endpoint."""
        return self.root / "endpoint"

    def ledger(self, segment: SegmentId) -> Path:
        """The ledger of one segment."""
        return self.ledgers / f"{segment}.msgpack"

    def listing(self, corpus: str) -> Path:
        """The listing of one corpus's sources."""
        return self.ledgers / f"{corpus}.listing"

    def part(self, part: PartId) -> Path:
        """One part's text."""
        return self.parts / f"{part}.txt"

    def part_map(self, part: PartId) -> Path:
        """Of a repair part: per line, the (part, line) it was taken from."""
        return self.parts / f"{part}.map"

    def spool(self, job: JobKey, generation: int) -> Path:
        """What one generation answered."""
        return self.spools / f"{job}-{generation}.spool"

    def topic_terms(self, corpus: str, analysis: str) -> Path:
        """The terms of the topics that one analysis found in one corpus."""
        return self.topics / f"{corpus}.{analysis}.jsonl"

    def results(self, output: OutputSpec) -> Path:
        """Where results are written: `output.directory`, relative to the run directory or absolute.

        Those that are for S3 are written to `results` first, and copied when they are whole.
        """
        return self.root / ("results" if output.published else output.directory)

    # --- making and checking --------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether there is a journal: before that, nothing has happened in it."""
        return self.journal_path.exists()

    def create(self) -> None:
        """Make the directory and its folders, readable by the owner alone; one of ours is left as it is.

        Raises:
            RunDirectoryError: it exists and holds other things, or cannot be made.
        """
        try:
            self.root.mkdir(mode=MODE, parents=True, exist_ok=True)
            self._refuse_foreign()
            if not self.begun:
                self.root.chmod(MODE)  # an empty one that the user made, or a bent umask
            (self.root / LOCK_NAME).touch(mode=0o600)  # first of all: it says that the rest is ours
            for folder in FOLDERS:
                (self.root / folder).mkdir(exist_ok=True)
            fsync_directory(self.root)
            fsync_directory(self.root.parent)
        except OSError as error:
            raise RunDirectoryError(
                str(self.root),
                f"the run directory cannot be made: {error.strerror}",
                hint="check the folder above it, or name another place with --run-dir",
            ) from error

    def require(self) -> None:
        """Refuse a directory in which no run has begun.

        Raises:
            RunDirectoryError: there is no directory, or no journal in it.
        """
        if not self.root.is_dir():
            raise RunDirectoryError(str(self.root), "there is no such directory", hint="name the directory of a run")
        if not self.begun:
            raise RunDirectoryError(
                str(self.root),
                f"it is not a run directory: there is no {JOURNAL_NAME} in it",
                hint="run directories are `runs/<name>/<run id>` and `runs/<name>/latest`",
            )

    def acquire(self, *, wait_s: float = 0.0) -> RunLock:
        """Take the right to work in it, waiting up to `wait_s` seconds; see `RunLock`.

        Raises:
            RunDirectoryError: another runner has it; says which process, where, and since when.
        """
        return RunLock.acquire(self.root, wait_s=wait_s)

    def _refuse_foreign(self) -> None:
        if self.begun:
            return
        # A run that was killed before its journal was made leaves its lock, and of the rest only what we know.
        names = {entry.name for entry in self.root.iterdir() if not entry.name.startswith(f"{JOURNAL_NAME}.")}
        if not names or (LOCK_NAME in names and names <= _OURS):
            return
        shown = min(names - _OURS or names)
        raise RunDirectoryError(
            str(self.root),
            f"it is not empty and not a run directory (it holds {shown}, and no {JOURNAL_NAME})",
            hint="name an empty or a new directory with --run-dir",
        )
