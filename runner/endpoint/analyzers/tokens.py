"""Words with their offsets, and where sentences end, for languages that part words by blanks.

Owns the one notion of a token that the English tagger and the entity rules share: Penn Treebank's words
(`did|n't`, `Amazon|'s`), abbreviations and numbers in one piece. Knows nothing of what a token means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A run of letters keeps its combining marks: "e" + U+0301 is one letter to a reader.
_LETTERS = r"[^\W_\u0300-\u036f]\w*(?:[\u0300-\u036f]+\w*)*"
_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Mt|Gen|Col|Lt|Sgt|Capt|Sen|Rep|Gov|Rev|Hon|Inc|Corp|Ltd|Co|Bros|vs|etc|No|Fig|"
    "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|Ave|Blvd|approx|dept|est"
)
_TOKEN = re.compile(
    rf"""
      (?:https?://|www\.)[^\s<>"']{{1,2000}}             # an address is one word
    | [\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}}
    | [@\#]\w+
    | (?:[^\W\d_]\.){{2,}}                               # U.S., e.g.
    | (?:{_ABBREVIATIONS})\.(?=\s|$|[,;:])
    | \d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?\b
    | [^\W_]+?(?=n['’]t\b)                               # did|n't
    | n['’]t\b
    | ['’](?:s|m|d|re|ve|ll|S)\b
    | {_LETTERS}(?:[-&.'’](?=[^\W_])(?!['’](?:s|m|d|re|ve|ll|S|t)\b){_LETTERS})*
    | \.\.+ | [^\w\s] | _+
    """,
    re.VERBOSE,
)
_ENDS = frozenset({".", "!", "?", "…", "。", "...", ".."})
_CLOSERS = frozenset({'"', "'", "”", "’", ")", "]", "»"})
# The tagger looks three words to either side; cutting a sentence that never ends costs it nothing.
_LONGEST_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Token:
    """One word or mark: `text[begin:end] == word`."""

    word: str
    begin: int
    end: int


def sentences(text: str) -> Iterator[list[Token]]:
    """Cut `text` into sentences of at least one token; a blank line ends one too."""
    sentence: list[Token] = []
    ended = False
    last = 0
    for match in _TOKEN.finditer(text):
        word, begin = match.group(), match.start()
        closes = word in _ENDS or (ended and word in _CLOSERS)
        gap = begin - last
        broken = gap > 1 and text.count("\n", last, begin) > 1
        if sentence and not closes and (ended or broken or len(sentence) >= _LONGEST_SENTENCE):
            yield sentence
            sentence = []
        sentence.append(Token(word, begin, match.end()))
        ended = closes
        last = match.end()
    if sentence:
        yield sentence
