"""Looking up a column by its name, and what to say where it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from runner.errors import SourceError

NAMES_SHOWN_MAX: Final = 20


def column_of(corpus: str, path: str, names: Sequence[str], wanted: str, role: str) -> str:
    """The name, if there is one column of it. Raises SourceError, with the names there are, if there is none or two."""
    count = names.count(wanted)
    if count == 1:
        return wanted
    if count:
        raise SourceError(
            corpus, f"{path} has {count} columns named {wanted!r}, which `{role}` names", hint="rename one of them"
        )
    nearest = get_close_matches(wanted, names, n=1)
    shown = ", ".join(names[:NAMES_SHOWN_MAX]) + (", …" if len(names) > NAMES_SHOWN_MAX else "")
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    raise SourceError(
        corpus, f"{path} has no column {wanted!r}, which `{role}` names", hint=f"{hint}its columns are: {shown}"
    )
