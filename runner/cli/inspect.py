"""`runner status`, `verify` and `why`: reading a run, also while another process drives it."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.cli.usage import UsageError
from runner.errors import EXIT_DONE, EXIT_ERRORS, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from runner.compose.inspecting import Status
    from runner.journal import RunDirectory

STATUS_VERSION: Final = 1
"""Of `status --json`; a key may be added within a version, none renamed or removed."""
WATCH_EVERY_S: Final = 1.0
STATUS: Final = "Show where a run stands, from its journal, also while another process drives it."
VERIFY: Final = """
Re-check a run's books and files offline: every document in its line, in order, each payload as it was collected, each
file as run.json says.

Exit codes: 0 every document is accounted for; 3 not all are.
"""
WHY: Final = (
    "Show where a document's results came from: segment, parts, jobs, remote ids, attempts, timings and faults."
)


def register(app: typer.Typer, group: str) -> None:
    """Add the commands."""
    command = partial(app.command, cls=Command, rich_help_panel=group)
    command("status", short_help="show where a run stands", help=STATUS)(status)
    command("verify", short_help="re-check its books and files, offline", help=VERIFY)(verify)
    command("why", short_help="show where a document's results came from", help=WHY)(why)


def status(
    run_dir: options.OptionalRunPath = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="keep showing it for as long as somebody drives it")] = False,
    json_: options.Json = False,
) -> int:
    """Show where a run stands."""
    from runner.cli.render import status_view
    from runner.cli.terminal import data, emit_json
    from runner.compose import inspecting

    if watch and json_:
        raise UsageError("--watch is for people and --json for programs", hint="choose one of them")
    directory = options.find(run_dir)
    if watch:
        return _watch(directory)
    found = inspecting.status(directory)
    if json_:
        emit_json(status_json(found))
    else:
        data().print(status_view(found))
    return EXIT_DONE


def _watch(directory: RunDirectory) -> int:
    from rich.live import Live

    from runner.cli.render import status_view
    from runner.cli.terminal import data
    from runner.compose import inspecting

    found = inspecting.status(directory)
    try:
        with Live(status_view(found), console=data(), auto_refresh=False) as live:
            while found.phase != "finished" and found.runner is not None:
                time.sleep(WATCH_EVERY_S)
                found = inspecting.status(directory)
                live.update(status_view(found), refresh=True)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_DONE


def verify(run_dir: options.OptionalRunPath = None) -> int:
    """Re-check books and files, and say what was found."""
    from runner.cli.render import verification_view
    from runner.cli.terminal import data
    from runner.compose import inspecting

    found = inspecting.verify(options.find(run_dir))
    data().print(verification_view(found))
    return EXIT_DONE if found.accounted_for else EXIT_ERRORS


def why(
    run_dir: options.RunPath,
    corpus: Annotated[str, typer.Argument(help="the name of the corpus")],
    id: Annotated[str, typer.Argument(help="the document's id, as in its result line")],  # noqa: A002 - its name
) -> int:
    """Show where a document's results came from; ids need not be unique."""
    from runner.cli.render import why_view
    from runner.cli.terminal import data
    from runner.compose import inspecting

    for found in inspecting.why(options.find(run_dir), corpus, id):
        data().print(why_view(found))
    return EXIT_DONE


def status_json(status: Status) -> dict[str, Any]:
    """A status for programs: the keys are always the same, in the same order."""
    return {
        "status_version": STATUS_VERSION,
        "run_id": status.run_id,
        "name": status.name,
        "directory": str(status.directory),
        "began": status.began,
        "phase": status.phase,
        "exit_code": status.exit_code,
        "runner": status.runner,
        "lanes": [{"lane": lane, "engine": engine, "account": account} for lane, engine, _, account in status.engines],
        "usd": status.usd,
        "usd_so_far": status.snapshot.usd,
        "jobs": status.jobs,
        "operations": [asdict(view) for view in status.snapshot.stations],
        "summary": asdict(status.summary),
        "parked": [
            {
                "lane": park.lane or None,
                "operation": park.operation or None,
                "code": park.fault.code,
                "message": park.fault.message,
                "hint": park.fault.hint,
            }
            for park in status.parks
        ],
    }
