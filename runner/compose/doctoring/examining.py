"""The whole examination of a manifest: the machine, then each lane; and the policies of its lanes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.compose.doctoring.findings import Finding, Services
from runner.compose.doctoring.lanes import lane_findings
from runner.compose.doctoring.machine import machine_findings
from runner.compose.doctoring.policies import caller_policy, role_policy, trust_policy
from runner.model import Manifest


def examine(manifest: Manifest, folder: Path) -> Iterator[Finding]:
    """Look at this machine and every remote lane, one finding after the other; runs would be kept below `folder`.

    Puts a tiny object under each `staging` and deletes it again. Starts nothing, and costs nothing to speak of.
    """
    yield from machine_findings(manifest, folder)
    for lane in manifest.lanes:
        if lane.remote:
            yield from lane_findings(manifest, Services(lane), time.time)
        else:
            message = "the run brings its own local Comprehend; there is nothing to ask"
            yield Finding(place=lane.name, subject="lane", level="ok", message=message)


def policies(manifest: Manifest) -> dict[str, dict[str, dict[str, Any]]]:
    """Per remote lane, the policies it needs: `caller` (whoever runs the runner), `role` and `trust` (of the role)."""
    return {
        lane.name: {"caller": caller_policy(manifest, lane), "role": role_policy(lane), "trust": trust_policy()}
        for lane in manifest.lanes
        if lane.remote
    }
