"""`runner doctor`: check everything that a run needs before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from runner.cli import options
from runner.cli.help import Command
from runner.errors import EXIT_DONE, EXIT_USER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.compose.doctoring import Finding

ABOUT: Final = """
Check everything that a run of a manifest needs, before anything is spent: this machine's disk and packages, the
sources; and of each remote lane credentials, hosts, clock, bucket, staging (a tiny object is put and deleted),
Comprehend's answers and free slots, the data access role, rights, keys, network, quotas. Each line is ok, wrong
(with what mends it), or unknown: not to be found out with these rights.

With --policies, print the IAM policies that the manifest needs and check nothing. With --probe, run a few tiny jobs
on each lane instead (less than a cent each on AWS) and tell how its service behaves where nobody says.

Exit codes: 0 nothing is wrong; 2 something is; 4 nobody agreed to what --probe costs.
"""
POLICY_NAMES: Final = {
    "caller": "the policy for whoever runs this",
    "role": "the policy of the data access role",
    "trust": "the trust policy of the data access role (trust.json)",
}


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "doctor", cls=Command, rich_help_panel=group, short_help="check all that a run needs, spend nothing", help=ABOUT
    )(doctor)


def doctor(
    manifest: options.ManifestPath,
    *,
    run_dir: options.RunDir = None,
    lane: options.Lane = None,
    set_: options.Set = None,
    policies: Annotated[bool, typer.Option("--policies", help="print the IAM policies, as JSON, and end")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="run a few tiny jobs on each lane, and tell how its service behaves")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="agree to what --probe costs without being asked")] = False,
    json_: options.Json = False,
) -> int:
    """Look at everything; the exit code says whether something is wrong."""
    from dataclasses import asdict, replace

    from runner.cli.terminal import emit_json
    from runner.compose.doctoring import examine, policies as policies_of

    loaded = options.load(manifest, set_, lane)
    if lane is not None:
        loaded = replace(loaded, lanes=tuple(spec for spec in loaded.lanes if spec.name == lane))
    if probe:
        from runner.cli.probe import probe_lanes

        return probe_lanes(loaded, yes=yes, json_=json_)
    needed = policies_of(loaded)
    if policies:
        emit_json(needed)
        return EXIT_DONE
    findings = examine(loaded, _nearest_folder(run_dir or options.RUNS / loaded.name))
    if json_:
        all_of_them = list(findings)
        emit_json({"findings": [asdict(finding) for finding in all_of_them], "policies": needed})
    else:
        all_of_them = _told(findings)
        _tell_policies(all_of_them, needed)
    return EXIT_USER if any(finding.level == "wrong" for finding in all_of_them) else EXIT_DONE


def _nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there already."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _told(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding as it is made, below a heading per place."""
    from rich.text import Text

    from runner.cli.terminal import data, nearby, visible

    screen, place, told = data(), "", []
    styles = {"ok": "green", "wrong": "bold red", "unknown": "yellow"}
    for finding in findings:
        if finding.place != place:
            place = finding.place
            screen.print(Text(visible(place), style="bold"))
        subject, message = visible(finding.subject), visible(nearby(finding.message))
        line = Text.assemble("  ", (f"{finding.level:<8}", styles[finding.level]), f"{subject}: {message}")
        screen.print(line, soft_wrap=not screen.is_terminal)
        if finding.fix:
            screen.print(Text(f"          → {visible(nearby(finding.fix))}"), soft_wrap=not screen.is_terminal)
        told.append(finding)
    return told


def _tell_policies(findings: list[Finding], needed: dict[str, dict[str, dict[str, object]]]) -> None:
    """The policies that would mend what is wrong, to be pasted; then the count."""
    import json

    from runner.cli.terminal import data, talk

    screen = data()
    wanted = dict.fromkeys(
        (finding.place, finding.policy) for finding in findings if finding.policy and finding.level == "wrong"
    )
    for place, name in wanted:
        assert name is not None
        screen.print(f"\n{place}: {POLICY_NAMES[name]}\n{json.dumps(needed[place][name], indent=2)}", soft_wrap=True)
    counts = {level: sum(finding.level == level for finding in findings) for level in ("ok", "wrong", "unknown")}
    talk().print(", ".join(f"{count} {level}" for level, count in counts.items()))
