"""Kinds of work: what is parked together, and whose failures are counted together.

Starts, looks and Stops are kinds of their own: a refused Start must not put the jobs that run out of sight.
"""

from __future__ import annotations

from typing import Final

from runner.core import commands as c

Kind = tuple[str, str]
"""(lane, operation or one of the names below); the lane is empty for local work."""

STAGING: Final = "staging"
COLLECTING: Final = "collecting"
RESULTS: Final = "results"


def watching(operation: str) -> str:
    """List and Describe."""
    return f"{operation}/watch"


def stopping(operation: str) -> str:
    """Stop."""
    return f"{operation}/stop"


def work_of(command: c.Command) -> Kind:
    """The kind of work that a command is."""
    match command:
        case c.StageBatch(lane=lane):
            return lane, STAGING
        case c.CollectJob(lane=lane) | c.CheckByPrefix(lane=lane):
            return lane, COLLECTING
        case c.GatherRepair() | c.RouteLanguages() | c.CutJob() | c.MergeSegments() | c.PatchFile() | c.ReleaseSpools():
            return "", RESULTS
        case c.StartJob(lane=lane, operation=operation):
            return lane, operation
        case c.StopJob(lane=lane, operation=operation):
            return lane, stopping(operation)
        case c.CheckByName() | c.Sweep() | c.CountSlots() | c.DescribeJob():
            return command.lane, watching(command.operation)
