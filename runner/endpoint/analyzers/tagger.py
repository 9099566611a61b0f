"""Parts of speech for English: Brill's tagger over the lexicon and rules inside the textblob wheel.

Owns the tagging alone, and gives the same tags as `textblob.en`'s `find_tags` (a test compares them), several
times as fast: TextBlob tries all 284 context rules on each word; here what follows from a word and the tags beside
it is worked out once. TextBlob's files are read without importing the package, which would load NLTK (0.7 s).

The data is Eric Brill's (MIT licence), the tables as TextBlob (MIT) ships them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBER = re.compile(r"^[0-9\-\,\.\:\/\%\$]+$")
_EDGE = "STAART"
_ANY = "*"
# A rule of morphology: (needs this tag or "", command, argument, the new tag).
_Morph = tuple[str, str, str, str]
# A rule of context: (the new tag, command, argument, argument).
_Rule = tuple[str, str, str, str]
_MORPH_COMMANDS = frozenset(
    {"char", "haspref", "hassuf", "addpref", "addsuf", "deletepref", "deletesuf", "goodleft", "goodright"}
)
# What the word itself and the tags beside it decide.
_NEAR = frozenset({"prevtag", "nexttag", "surroundtag", "curwd", "wdnexttag", "wdprevtag"})
_REMEMBERED = 1 << 16


class Tagger:
    """Tags the words of one sentence with the Penn Treebank's parts of speech."""

    def __init__(self) -> None:
        folder = _data_folder()
        self._lexicon = _lexicon(folder / "en-lexicon.txt")
        self._morphology = list(_morphology(folder / "en-morphology.txt"))
        self._context = _context(folder / "en-context.txt")
        self._neighbours = frozenset(arg for _, cmd, arg, _ in self._morphology if cmd in {"goodleft", "goodright"})
        # Whatever is remembered follows from the word and its neighbours alone.
        self._guess = lru_cache(maxsize=_REMEMBERED)(self._guess_unknown)
        self._plan = lru_cache(maxsize=_REMEMBERED)(self._plan_for)
        # The words that rules name as the current one.
        self._keyed = frozenset(
            {"curwd": x, "wdnexttag": x, "wdprevtag": y}.get(command, "")
            for rules in self._context.values()
            for _, command, x, y in rules
        )

    def tag(self, words: Sequence[str]) -> list[str]:
        """Tags of `words`, one each; `words` is one sentence, whose first word may be capitalised."""
        return self._by_context(words, [self._by_word(words, i) for i in range(len(words))])

    def knows(self, word: str) -> str | None:
        """The commonest tag of a word in the lexicon, None for an unknown one."""
        return self._lexicon.get(word)

    def is_common(self, word: str) -> bool:
        """Whether a lower-case word is in the lexicon as anything but a name."""
        return self._lexicon.get(word, "NNP") not in {"NNP", "NNPS"}

    def _by_word(self, words: Sequence[str], i: int) -> str:
        word = words[i]
        tag = self._lexicon.get(word)
        if tag is None and i == 0:
            tag = self._lexicon.get(word.lower())
        if tag is not None:
            return tag
        if word.istitle():
            return "NNP"
        if _NUMBER.match(word) is not None:
            return "CD"
        near = self._neighbours
        before = words[i - 1] if i and words[i - 1] in near else ""
        after = words[i + 1] if i + 1 < len(words) and words[i + 1] in near else ""
        return self._guess(word, before, after)

    def _guess_unknown(self, word: str, before: str, after: str) -> str:
        tag = "NN"
        for needs, command, arg, new in self._morphology:
            if (not needs or needs == tag) and _fits(self._lexicon, command, arg, word, before, after):
                tag = new
        return tag

    def _by_context(self, words: Sequence[str], tags: list[str]) -> list[str]:
        # Three empty places at either end: the rules look that far.
        edge = [_EDGE] * 3
        w = [*edge, *words, *edge]
        t = [*edge, *tags, *edge]
        plan, keyed = self._plan, self._keyed
        for i in range(3, len(w) - 3):
            word = w[i]
            undecided, t_new = plan(t[i], word if word in keyed else "", t[i - 1], t[i + 1])
            for new, command, x, y in undecided:
                if _applies(command, x, y, w, t, i):
                    t_new = new
                    break
            t[i] = t_new
        return t[3:-3]

    def _plan_for(self, tag: str, word: str, before: str, after: str) -> tuple[tuple[_Rule, ...], str]:
        """Rules that words or farther tags must decide, and the tag if none of them fits.

        The rules of a tag are tried against the tag the word came with, and the last that fits holds.
        """
        undecided: list[_Rule] = []
        w, t = ["", word, ""], [before, tag, after]
        for rule in self._context.get(tag, self._context[_ANY]):
            new, command, x, y = rule
            if command not in _NEAR:
                undecided.append(rule)
            elif _applies(command, x, y, w, t, 1):
                return tuple(undecided), new
        return tuple(undecided), tag


def _fits(lexicon: dict[str, str], command: str, x: str, word: str, before: str, after: str) -> bool:  # noqa: PLR0917 - hot, and private
    match command:
        case "char":
            return x in word
        case "haspref":
            return word.startswith(x)
        case "hassuf":
            return word.endswith(x)
        case "addpref":
            return x + word in lexicon
        case "addsuf":
            return word + x in lexicon
        case "deletepref":
            return word.startswith(x) and word[len(x) :] in lexicon
        case "deletesuf":
            return word.endswith(x) and word[: -len(x)] in lexicon
        case "goodleft":
            return x == after
        case _:
            return x == before


def _applies(command: str, x: str, y: str, w: list[str], t: list[str], i: int) -> bool:  # noqa: PLR0917 - hot, and private
    match command:
        case "prevtag":
            return x == t[i - 1]
        case "surroundtag":
            return x == t[i - 1] and y == t[i + 1]
        case "nexttag":
            return x == t[i + 1]
        case "wdnexttag":
            return x == w[i] and y == t[i + 1]
        case "prevwd":
            return x == w[i - 1]
        case "curwd":
            return x == w[i]
        case "wdprevtag":
            return x == t[i - 1] and y == w[i]
        case "rbigram":
            return x == w[i] and y == w[i + 1]
        case "lbigram":
            return x == w[i - 1] and y == w[i]
        case "prevbigram":
            return x == t[i - 2] and y == t[i - 1]
        case "nextbigram":
            return x == t[i + 1] and y == t[i + 2]
        case "prev1or2wd":
            return x in {w[i - 1], w[i - 2]}
        case "nextwd":
            return x == w[i + 1]
        case "prev1or2tag":
            return x in {t[i - 1], t[i - 2]}
        case "prev1or2or3tag":
            return x in {t[i - 1], t[i - 2], t[i - 3]}
        case "next1or2tag":
            return x in {t[i + 1], t[i + 2]}
        case "wdand2tagaft":
            return x == w[i] and y == t[i + 2]
        case "wdand2aft":
            return x == w[i] and y == w[i + 2]
        case "wdand2tagbfr":
            return x == t[i - 2] and y == w[i]
        case "prev2tag":
            return x == t[i - 2]
        case "next2tag":
            return x == t[i + 2]
        case _:
            return False


def _data_folder() -> Path:
    spec = find_spec("textblob")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'textblob'", name="textblob")
    return Path(spec.origin).parent / "en"


def _lines(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(";;;"):
            yield line.split()


def _lexicon(path: Path) -> dict[str, str]:
    return {fields[0]: fields[1] for fields in _lines(path) if len(fields) > 1}


def _morphology(path: Path) -> Iterator[_Morph]:
    for fields in _lines(path):
        if fields[1] in _MORPH_COMMANDS:  # ly hassuf 2 RB x
            yield "", fields[1], fields[0], fields[-2]
        else:  # NN s fhassuf 1 NNS x
            yield fields[0], fields[2].removeprefix("f"), fields[1], fields[-2]


def _context(path: Path) -> dict[str, tuple[_Rule, ...]]:
    """Rules by the tag they rewrite, the last first; those for any tag ("*") under every one and `_ANY`."""
    rules = [(f[0], (f[1], f[2].lower(), f[3], f[4] if len(f) > 4 else "")) for f in _lines(path)]
    rules.reverse()
    return {old: tuple(rule for of, rule in rules if of in {old, _ANY}) for old, _ in rules} | {
        _ANY: tuple(rule for of, rule in rules if of == _ANY)
    }
