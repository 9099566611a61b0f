"""`runner status`, `verify` and `why`: reading a run, also while another process drives it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from runner.cli import options
from runner.errors import EXIT_DONE, EXIT_ERRORS

WATCH_EVERY_S = 1.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("verify")(verify)
    app.command("why")(why)


def status(
    run_dir: options.OptionalRunPath = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing until it is finished.")] = False,
    json_: options.Json = False,
) -> int:
    """Where a run stands, from its journal. Without RUN_DIR: the latest below `runs`."""
    from rich.live import Live

    from runner.cli.render import status_view
    from runner.cli.terminal import data, emit_json
    from runner.compose import inspecting

    directory = options.find(run_dir)
    found = inspecting.status(directory)
    if json_:
        emit_json({"status_version": inspecting.STATUS_VERSION, **_plain(asdict(found))})
    elif not watch:
        data().print(status_view(found))
    else:
        with Live(status_view(found), console=data(), auto_refresh=False) as live:
            while found.phase != "finished" and found.runner is not None:
                time.sleep(WATCH_EVERY_S)
                found = inspecting.status(directory)
                live.update(status_view(found), refresh=True)
    return EXIT_DONE


def verify(run_dir: options.OptionalRunPath = None) -> int:
    """Re-check a run's books and files offline. Exits 0 only when every document is accounted for, else 3."""
    from runner.cli.render import verification_view
    from runner.cli.terminal import data
    from runner.compose import inspecting

    found = inspecting.verify(options.find(run_dir))
    data().print(verification_view(found))
    return EXIT_DONE if found.accounted_for else EXIT_ERRORS


def why(
    run_dir: options.RunPath,
    corpus: Annotated[str, typer.Argument(help="The corpus.", show_default=False)],
    document_id: Annotated[str, typer.Argument(metavar="ID", help="The document's id.", show_default=False)],
) -> int:
    """Where a document's results came from: segment, parts, jobs, remote ids, attempts, timings, faults."""
    from runner.cli.render import why_view
    from runner.cli.terminal import data
    from runner.compose import inspecting

    for found in inspecting.why(options.find(run_dir), corpus, document_id):
        data().print(why_view(found))
    return EXIT_DONE


def _plain(value: Any) -> Any:
    """Values as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
