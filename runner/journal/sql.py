"""The journal's SQL, read from the package's `.sql` files: named queries and numbered migrations.

Knows how those files are written, and nothing of connections.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

_HEADER = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema: from version `number - 1` to `number`."""

    number: int
    script: str

    def transaction(self) -> str:
        """The script and the record that it ran, which are one transaction: a crash leaves both or neither."""
        return f"BEGIN IMMEDIATE;\n{self.script}\nPRAGMA user_version = {self.number};\nCOMMIT;"


@functools.cache
def queries() -> Mapping[str, str]:
    """Name -> statement, from `queries.sql`."""
    text = (resources.files(__package__) / "queries.sql").read_text("utf-8")
    _preface, *blocks = _HEADER.split(text)
    return dict(zip(blocks[::2], map(str.strip, blocks[1::2]), strict=True))


@functools.cache
def migrations() -> Sequence[Migration]:
    """All migrations in order, from `migrations/0001.sql` on, without a gap."""
    folder = resources.files(__package__) / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    steps = [Migration(number=int(file.name.removesuffix(".sql")), script=file.read_text("utf-8")) for file in files]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1)), "migrations are numbered without a gap"
    return tuple(steps)
