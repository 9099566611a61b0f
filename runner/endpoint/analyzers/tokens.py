"""Words with their offsets, and where sentences end, for languages that part words by blanks.

Owns the one notion of a token that the English tagger and the entity rules share: Penn Treebank's words
(`did|n't`, `Amazon|'s`), abbreviations and numbers in one piece. Knows nothing of what a token means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# A run of letters keeps its combining marks: "e" + U+0301 is one letter to a reader.
_LETTERS = r"[^\W_\u0300-\u036f]\w*(?:[\u0300-\u036f]+\w*)*"
_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Mt|Gen|Col|Lt|Sgt|Capt|Sen|Rep|Gov|Rev|Hon|Inc|Corp|Ltd|Co|Bros|vs|etc|No|Fig|"
    "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|Ave|Blvd|approx|dept|est"
)
_CLITICS = "s|m|d|re|ve|ll|S"
_ADDRESSES = r"""
      (?:https?://|www\.)[^\s<>"']{1,2000}               # an address is one word
    | [\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}
    | [@\#]\w+ |
"""
_PLAIN = rf"""
      (?:[^\W\d_]\.){{2,}}                               # U.S., e.g.
    | (?:{_ABBREVIATIONS})\.(?=\s|$|[,;:])
    | \d+(?:[.,:/]\d+)*(?:st|nd|rd|th|s)?\b
    | {_LETTERS}(?:(?:[-&.](?=[^\W_])|['’](?=[^\W_])(?!(?:{_CLITICS})\b)){_LETTERS})*
    | ['’](?:{_CLITICS})\b
    | \.\.+ | [^\w\s] | _+
"""
_TOKEN = re.compile(_PLAIN, re.VERBOSE)
_TOKEN_OR_ADDRESS = re.compile(_ADDRESSES + _PLAIN, re.VERBOSE)
_NEGATION = ("n't", "n’t")  # did|n't
_NEGATION_LENGTH = 3
_ENDS = frozenset({".", "!", "?", "…", "。", "...", ".."})
_CLOSERS = frozenset({'"', "'", "”", "’", ")", "]", "»"})
# The tagger looks three words to either side; cutting a sentence that never ends costs it nothing.
_LONGEST_SENTENCE = 400


class Token(NamedTuple):
    """One word or mark: `text[begin:end] == word`."""

    word: str
    begin: int
    end: int


def sentences(text: str) -> Iterator[list[Token]]:
    """Cut `text` into sentences of at least one token; a blank line ends one too."""
    sentence: list[Token] = []
    ended = False
    last = 0
    has_addresses = "@" in text or "#" in text or "://" in text or "www." in text
    for match in (_TOKEN_OR_ADDRESS if has_addresses else _TOKEN).finditer(text):
        word = match[0]
        begin, end = match.span()
        closes = word in _ENDS or (ended and word in _CLOSERS)
        gap = begin - last
        broken = gap > 1 and text.count("\n", last, begin) > 1
        if sentence and not closes and (ended or broken or len(sentence) >= _LONGEST_SENTENCE):
            yield sentence
            sentence = []
        if word.endswith(_NEGATION) and len(word) > _NEGATION_LENGTH:
            sentence.append(Token(word[:-_NEGATION_LENGTH], begin, end - _NEGATION_LENGTH))
            word, begin = word[-_NEGATION_LENGTH:], end - _NEGATION_LENGTH
        sentence.append(Token(word, begin, end))
        ended = closes
        last = end
    if sentence:
        yield sentence
