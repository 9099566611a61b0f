"""The two consoles: stdout is data, stderr is talk. `NO_COLOR` and pipes are honoured by rich."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

PIPE_WIDTH = 120
"""Columns of a table when nobody's terminal says how many there are."""


def talk() -> Console:
    """Where people are spoken to."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def data() -> Console:
    """Where tables go that were asked for."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
