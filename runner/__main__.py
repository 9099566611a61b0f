"""`python -m runner` and the console scripts. Imports nothing heavy: worker processes load this file too."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    from runner.cli.app import run_app

    return run_app(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
