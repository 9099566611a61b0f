"""`runner doctor --probe`: say what it will do and cost, ask, do it, tell what was found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runner.cli import options
from runner.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER, LimitError

if TYPE_CHECKING:
    from runner.compose.doctoring import Fact
    from runner.model import Manifest

STYLES: Final = {"ok": "green", "wrong": "bold red", "unknown": "yellow"}


def probe_lanes(manifest: Manifest, *, yes: bool, json_: bool) -> int:
    """Probe the lanes of a manifest; 2 if a job could not be begun, or a run there would not be safe."""
    from dataclasses import asdict
    from functools import partial

    import anyio

    from runner.cli.live import interruptible
    from runner.cli.terminal import emit_json, talk
    from runner.compose.doctoring import probe

    talk().print(_intention(manifest), soft_wrap=not talk().is_terminal)
    _agree(manifest, yes=yes)
    with interruptible(), _progress() as tell:
        try:
            found = anyio.run(partial(probe, manifest, tell))
        except KeyboardInterrupt:
            talk().print("Interrupted; what it had put is deleted, jobs that it had started go on (JobName probe-…)")
            return EXIT_INTERRUPTED
    if json_:
        emit_json({"facts": [asdict(fact) for fact in found]})
    else:
        _show(found)
    return EXIT_USER if any(fact.level == "wrong" for fact in found) else EXIT_DONE


def _intention(manifest: Manifest) -> str:
    from runner.compose.doctoring import JOBS_MAX, probe_cost
    from runner.telemetry.words import counted

    names = ", ".join(lane.name for lane in manifest.lanes)
    if manifest.embedded:
        return f"Probing {names}: up to {JOBS_MAX} tiny sentiment jobs on an endpoint of its own; no cost (embedded)."
    units = counted(probe_cost(manifest, len(manifest.lanes)).units.upper, "unit")
    return (
        f"Probing {names}: on each lane up to {JOBS_MAX} sentiment jobs of seven lines at the most, named probe-…, and "
        "three small objects below its `staging`; objects and outputs are deleted afterwards. "
        f"{units} at the most, {_price(manifest)}; on AWS this takes ten to twenty minutes."
    )


def _price(manifest: Manifest) -> str:
    from runner.compose.doctoring import probe_cost
    from runner.planning.plan import usd_text

    cost = probe_cost(manifest, len(manifest.lanes))
    if cost.usd is None:
        return "at a price that is not known"
    return f"up to {usd_text(cost.usd)}" + (f" (prices as of {cost.as_of})" if cost.as_of else "")


def _agree(manifest: Manifest, *, yes: bool) -> None:
    """Ask on a terminal, refuse elsewhere, unless it was agreed to or costs nothing."""
    if yes or manifest.embedded:
        return
    if options.interactive():
        sys.stderr.write("Go on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return
    raise LimitError(f"the probe may cost {_price(manifest)}, and nobody agreed to that", hint="say `--yes`")


@contextmanager
def _progress() -> Iterator[Callable[[str, str], None]]:
    """What to tell of the lanes: on a terminal in one line that changes, elsewhere in lines of their own."""
    from rich.text import Text

    from runner.cli.terminal import talk, visible

    screen, latest = talk(), dict[str, str]()
    if not screen.is_terminal:

        def line(lane: str, what: str) -> None:
            if latest.get(lane) != what:
                latest[lane] = what
                screen.print(visible(f"{lane}: {what}"), soft_wrap=True)

        yield line
        return
    with screen.status("") as status:

        def change(lane: str, what: str) -> None:
            latest[lane] = what
            status.update(Text(visible("; ".join(f"{name}: {told}" for name, told in latest.items()))))

        yield change


def _show(found: list[Fact]) -> None:
    from rich.text import Text

    from runner.cli.terminal import data, talk, visible

    screen, place = data(), ""
    for fact in found:
        if fact.place != place:
            place = fact.place
            screen.print(Text(visible(place), style="bold"))
        told = f"{visible(fact.subject)}: {visible(fact.message)}"
        screen.print(
            Text.assemble("  ", (f"{fact.level:<8}", STYLES[fact.level]), told), soft_wrap=not screen.is_terminal
        )
        screen.print(Text(f"          → {visible(fact.so)}"), soft_wrap=not screen.is_terminal)
    counts = {level: sum(fact.level == level for fact in found) for level in STYLES}
    talk().print(", ".join(f"{count} {level}" for level, count in counts.items()))
