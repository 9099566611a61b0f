"""Large batches of text analysis through Amazon Comprehend's asynchronous jobs.

    from runner import load_manifest, plan, run

    outcome = await run(load_manifest("tickets.yaml"), budget_usd=20)

`runner.library` says what these take and raise; `runner.testing` has a local Comprehend for tests of one's own.
"""

from importlib import import_module

__version__ = "0.1.0"

_LIBRARY = frozenset(
    {
        "Event",
        "Manifest",
        "Outcome",
        "Plan",
        "load_manifest",
        "plan",
        "read_results",
        "report",
        "run",
        "status",
        "verify",
    }
)


def __getattr__(name: str) -> object:
    # Imported when asked for: `--help` and worker processes do without the whole house. Types are in `__init__.pyi`.
    if name in _LIBRARY:
        return getattr(import_module("runner.library"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
