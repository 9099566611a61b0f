"""Key phrases: noun phrases with their determiner, as the service cuts them ("the new electric car").

English is tagged (`tagger.py`) and its noun phrases are read off the tags by one expression; the other
languages go by their determiners, prepositions and endings (`phrase_rules.py`). Owns the shape of the answer and
the choice by language; knows nothing of entities.

Scores say how a phrase was found, not a probability: the service's range, the same for the same text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.endpoint.analyzers import known_names, phrase_rules
from runner.endpoint.analyzers.tagger import Tagger
from runner.endpoint.analyzers.tokens import sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runner.endpoint.analyzers import Analyzer
    from runner.endpoint.analyzers.tokens import Token

# One letter per tag, so that a place in the string of letters is a place in the sentence.
_LETTER = {
    **dict.fromkeys(("DT", "PDT", "PRP$", "WP$"), "D"),
    **dict.fromkeys(("JJ", "JJR", "JJS"), "J"),
    **dict.fromkeys(("RB", "RBR", "RBS"), "r"),
    **dict.fromkeys(("NN", "NNS", "NNP", "NNPS", "FW"), "N"),
    **dict.fromkeys(("VB", "VBD", "VBP", "VBZ", "MD"), "V"),
    "VBN": "B",
    "VBG": "G",
    "CD": "C",
    "POS": "P",
    "$": "S",
    "£": "S",
    "#": "S",
    "PRP": "I",
}
# "the very impressive battery's range", "$5 million". Bounded, so that a sentence of nothing but
# articles is not tried from each of them to its end.
_PHRASE = re.compile(
    r"D{0,3}(?:(?:(?<=D)r|R)(?=[JBC])|[JBC]|S(?=C)|(?<=[DJ])G(?=[JNC])|N{1,8}P){0,12}N+"
    r"|S?C+"
)
_CURRENCIES = frozenset("$£€¥")
_SUBJECTS = frozenset({"i", "we", "they", "you", "he", "she", "it", "who"})
_STARTERS = frozenset({"DT", "PRP$", "PRP", "TO", "RB", "IN"})
# Adverbs that may open a phrase: "very good food", but "fell sharply | last year".
_DEGREES = frozenset({"very", "so", "too", "really", "extremely", "highly", "quite", "rather", "most", "more", "less"})
# After these a participle is a verb: "has created | jobs".
_AUXILIARIES = frozenset(
    {"be", "been", "being", "am", "is", "are", "was", "were", "has", "have", "had", "having", "get", "got", "'s", "'re"}
)
# Gerunds that are nouns before they are verbs: "machine learning models".
_NOUNS_IN_ING = known_names.words(
    "learning processing building training marketing banking engineering programming manufacturing computing gaming "
    "streaming shopping housing funding hiring testing advertising accounting trading publishing recording warning "
    "meeting feeling beginning ending opening setting parking swimming dining living heating cooling charging pricing "
    "clothing painting writing reading cooking cleaning lighting wedding evening morning thing something nothing "
    "anything"
)
# What the tagger takes for nouns and no reader would.
_NEVER = frozenset({"i", "me", "ok", "okay", "oh", "lol", "etc", "yes", "no", "please", "thanks", "hello", "hi"})
_HEADLESS = frozenset({"one", "ones", "lot", "lots", "thing", "things", "way", "bit", "kind", "sort"})
_LONGEST_PHRASE = 12


def load() -> Analyzer:
    """Load the tagger's lexicon (0.1 s) and return the analyzer."""
    tagger = Tagger()

    def analyze(text: str, language: str | None, /) -> dict[str, object]:
        found = _english(text, tagger) if language in {None, "en"} else phrase_rules.phrases(text, language)
        return {
            "KeyPhrases": [
                {"BeginOffset": begin, "EndOffset": end, "Score": score, "Text": text[begin:end]}
                for begin, end, score in found
            ]
        }

    return analyze


def _english(text: str, tagger: Tagger) -> Iterator[tuple[int, int, float]]:
    for sentence in sentences(text):
        letters = _letters(sentence, tagger)
        for match in _PHRASE.finditer(letters):
            tokens = sentence[match.start() : match.end()][-_LONGEST_PHRASE:]
            if _worth_saying(tokens):
                yield tokens[0].begin, tokens[-1].end, _score(tokens, tagger)


def _letters(sentence: Sequence[Token], tagger: Tagger) -> str:
    words = [token.word for token in sentence]
    tags = tagger.tag(words)
    letters = []
    for i, (word, tag) in enumerate(zip(words, tags, strict=True)):
        letters.append(_letter(word, tag, words[i - 1] if i else "", tags[i + 1] if i + 1 < len(tags) else ""))
    return "".join(letters)


def _letter(word: str, tag: str, before: str, after_tag: str) -> str:
    first = word[0]
    if not (first.isalnum() or word in {"'s", "’s"}):
        return "S" if word in _CURRENCIES else "x"
    lower = word.lower()
    if lower in _NEVER:
        return "x"
    if word in {"'s", "’s"}:
        # "John's car", but "it's late": a pronoun owns with a word of its own.
        return "x" if before.lower() in _SUBJECTS or before.lower() in {"that", "there", "what", "here"} else "P"
    if tag in {"NN", "VBP"} and before.lower() in _SUBJECTS and after_tag in _STARTERS:
        return "V"  # "I love the camera": the lexicon calls love a noun
    if tag in {"VBG", "VBN"} and before.lower() in _AUXILIARIES:
        return "V"
    if lower in _NOUNS_IN_ING:
        return "N"
    letter = _LETTER.get(tag, "x")
    return "R" if letter == "r" and lower in _DEGREES else letter


def _worth_saying(tokens: Sequence[Token]) -> bool:
    last = tokens[-1].word.lower()
    if len(tokens) == 1:
        return len(last) > 1 and last not in _HEADLESS and any(c.isalnum() for c in last)
    return True


def _score(tokens: Sequence[Token], tagger: Tagger) -> float:
    unknown = sum(1 for token in tokens if tagger.knows(token.word) is None)
    score = 0.99 if len(tokens) > 1 else 0.95
    return round(max(0.6, score - 0.06 * unknown), 6)
