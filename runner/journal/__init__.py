"""Adapter: the durable list of events, in SQLite, and the directory of a run with its locks."""

from runner.journal.codec import decode, encode
from runner.journal.journal import Journal
from runner.journal.locks import Holder, RunLock, hold_worker_lock, holder_of
from runner.journal.rundir import RunDirectory
from runner.journal.runs import find_runs, new_run_id, point_latest, resolve_run

__all__ = [
    "Holder",
    "Journal",
    "RunDirectory",
    "RunLock",
    "decode",
    "encode",
    "find_runs",
    "hold_worker_lock",
    "holder_of",
    "new_run_id",
    "point_latest",
    "resolve_run",
]
