"""The two consoles: stdout is data, stderr is talk. `NO_COLOR` and pipes are honoured by rich."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console


def talk() -> Console:
    """Where people are spoken to."""
    return Console(stderr=True, soft_wrap=False)


def data() -> Console:
    """Where tables go that were asked for; lines are not cut to a width when nobody watches."""
    return Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 160)


def emit_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
