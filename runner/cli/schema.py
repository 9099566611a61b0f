"""`runner schema`: the manifest's JSON Schema, for editors."""

from __future__ import annotations

from typing import Final

import typer

from runner.cli.help import Command
from runner.errors import EXIT_DONE

ABOUT: Final = """
Print the JSON Schema of manifests, with which editors complete keys and say what each is for. Keep it
beside a manifest, `runner schema > schema.json`, and begin the manifest with the line
`# yaml-language-server: $schema=schema.json`.

`runner check` finds far more than a schema can say.
"""


def register(app: typer.Typer, group: str) -> None:
    """Add the command."""
    app.command(
        "schema", cls=Command, rich_help_panel=group, short_help="print the JSON Schema of manifests", help=ABOUT
    )(schema)


def schema() -> int:
    """Print the schema."""
    from runner.cli.terminal import emit_json
    from runner.manifest import json_schema

    emit_json(json_schema())
    return EXIT_DONE
