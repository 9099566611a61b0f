"""Folding: every character on which any known reader breaks lines becomes one space (DESIGN 3, Survey).

One code point for one, so that the service's offsets, which count code points, are valid in the original text too.
A character is replaced only if it occurs: asking for it costs a memchr over the text, replacing copies it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from runner.corpus import Encoded

Folds = tuple[tuple[int, str], ...]
"""(offset in code points, the character that stood there), for each that folding replaced."""

LINE_BREAKS: Final = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

_BREAKS_BUT_LF: Final = LINE_BREAKS.removeprefix("\n")
_breaks: Final = re.compile(f"[{LINE_BREAKS}]").finditer


def fold(text: str) -> str:
    """The text on one line."""
    return _replaced(text, LINE_BREAKS)


def folds_of(text: str) -> Folds:
    """What folding replaces in a text."""
    return tuple([(found.start(), found.group()) for found in _breaks(text)])


def fold_all(texts: Sequence[str], encoded: Encoded | None = None) -> tuple[Sequence[str], Encoded]:
    """The texts, at least one, each on one line; and the same in UTF-8, which may be known. They hold no surrogates."""
    if encoded is None and any("\n" in text for text in texts):
        texts = [text.replace("\n", " ") for text in texts]
    # No text holds a line feed by now, so whatever else is to be folded is found in all of them at once.
    joined = "\n".join(texts)
    folded = _replaced(joined, _BREAKS_BUT_LF)
    if folded is not joined:
        texts, encoded = folded.split("\n"), None
    return texts, encoded or Encoded.of(texts)


def _replaced(text: str, characters: str) -> str:
    for character in characters:
        if character in text:
            text = text.replace(character, " ")
    return text
