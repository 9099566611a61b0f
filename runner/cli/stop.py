"""`runner cancel` and `runner retry`: stopping what was bought, and opening again what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from runner.cli import options
from runner.cli.parser import Command, Parser
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED


def _cancel_arguments(parser: Parser) -> None:
    options.run_dir_argument(parser)
    options.workers(parser)


def cancel(*, run_dir: Path, workers: int | None) -> int:
    """Cancel, and say what was stopped, what goes on, and what that costs."""
    from functools import partial

    import anyio

    from runner.cli.live import interruptible
    from runner.cli.render import cancelled_lines
    from runner.cli.terminal import talk
    from runner.compose.stopping import cancel_run

    say = talk().print
    work = partial(cancel_run, options.find(run_dir), workers=options.worker_count(workers), say=say)
    with interruptible():
        try:
            found = anyio.run(work)
        except KeyboardInterrupt:
            say(f"Interrupted; some jobs may go on. `runner cancel {run_dir}` goes on from here")
            return EXIT_INTERRUPTED
    for line in cancelled_lines(found):
        sys.stdout.write(line + "\n")
    return EXIT_DONE


def _retry_arguments(parser: Parser) -> None:
    options.run_dir_argument(parser)
    parser.values("--analysis", "NAME", "only errors of this analysis; repeatable")
    parser.values("--code", "CODE", "only errors of this code, such as JOB_FAILED; repeatable")


def retry(*, run_dir: Path, analysis: Sequence[str], code: Sequence[str]) -> int:
    """Open errors again, and say which."""
    from runner.cli.render import retried_lines
    from runner.compose.retrying import retry as reopen

    for line in retried_lines(reopen(options.find(run_dir), analyses=analysis, codes=code)):
        sys.stdout.write(line + "\n")
    return EXIT_DONE


CANCEL: Final = Command(
    name="cancel",
    summary="stop its jobs, collect what they wrote",
    details="""
    Stop what can be stopped, name what cannot and what it costs, collect what was written. A runner at work on
    it does this itself and ends with exit code 5. What was not collected stays open: a later `run` goes on with
    it.
    """,
    arguments=_cancel_arguments,
    carry_out=cancel,
)
RETRY: Final = Command(
    name="retry",
    summary="open documents that ended as errors again",
    details="""
    Open documents that ended as errors again; the next `runner run` answers them and writes the files concerned
    anew. Errors that no job could answer (a row that is no JSON, say) stay as they are.
    """,
    arguments=_retry_arguments,
    carry_out=retry,
)
