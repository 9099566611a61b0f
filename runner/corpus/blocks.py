"""What readers give out: blocks of consecutive documents, kept as columns.

Columns, because at a microsecond per document the loops must run inside C: whole columns are decoded, measured and
written at once. Texts are as read (line breaks inside a document are still there), hold no surrogates, and can
therefore always be encoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# The codes of DESIGN 5.5 that reading can find; `runner.planning.fates` has the same words and all the others.
UNDECODABLE: Final = "UNDECODABLE"
BAD_ROW: Final = "BAD_ROW"
INPUT_CHANGED: Final = "INPUT_CHANGED"

CHANGED_MESSAGE: Final = "the file changed after it was listed and before it was read"


class Trouble(NamedTuple):
    """Why a document has no text: a code, and a message without document text, ids, times or paths."""

    code: str
    message: str


class Encoded(NamedTuple):
    """A column of texts in UTF-8, none of which holds a line feed."""

    lines: Sequence[bytes]
    joined: bytes | memoryview
    """The lines with one line feed between each two."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Encoded:
        """Texts without line feeds, encoded."""
        lines = list(map(str.encode, texts))
        return cls(lines, b"\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive documents in input order; all columns are of one length.

    `sources` are places in the corpus's listing, `positions` count the documents of one source from zero. `troubles`
    has the documents (by row of the block) that could not be read; their text is empty. `encoded` has the texts once
    more, where they were read as UTF-8 and just so. `fields` has the JSON object text of the corpus's `keep` columns,
    `languages` what stands where a language rule of kind `field` looks; None if the corpus asks for no such thing.
    """

    ids: Sequence[str]
    sources: Sequence[int]
    positions: Sequence[int]
    texts: Sequence[str]
    encoded: Encoded | None = None
    troubles: Mapping[int, Trouble] = field(default_factory=dict)
    fields: Sequence[bytes] | None = None
    languages: Sequence[str | None] | None = None
