"""Key phrases: noun phrases as the service cuts them, and the tagger behind the English ones."""

from __future__ import annotations

import warnings

import pytest

from runner.endpoint import analyzers
from runner.endpoint.analyzers.tagger import Tagger
from runner.endpoint.analyzers.tokens import sentences

ANALYZE = analyzers.load("key_phrases")


def phrases(text: str, language: str = "en") -> list[str]:
    return [row["Text"] for row in ANALYZE(text, language)["KeyPhrases"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The new electric car has an impressive battery range.",
            ["The new electric car", "an impressive battery range"],
        ),
        ("I love the camera.", ["the camera"]),
        ("The company's appeal fell sharply last year.", ["The company's appeal", "last year"]),
        ("Machine learning models cost $5 million.", ["Machine learning models", "$5 million"]),
        ("It's late and they didn't like it.", []),
        ("", []),
    ],
)
def test_english_noun_phrases(text: str, expected: list[str]):
    assert phrases(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "de",
            "Das neue Auto hat eine beeindruckende Reichweite.",
            ["Das neue Auto", "eine beeindruckende Reichweite"],
        ),
        (
            "es",
            "El coche eléctrico tiene una batería impresionante.",
            ["El coche eléctrico", "una batería impresionante"],
        ),
        (
            "fr",
            "La voiture électrique plaît à l'entreprise de Paris.",
            ["La voiture électrique", "l'entreprise de Paris"],
        ),
        (
            "it",
            "La macchina elettrica ha un'autonomia impressionante.",
            ["La macchina elettrica", "un'autonomia impressionante"],
        ),
        ("pt", "O carro elétrico tem uma bateria impressionante.", ["O carro elétrico", "uma bateria impressionante"]),
    ],
)
def test_determiners_and_endings_carry_the_other_languages(language: str, text: str, expected: list[str]):
    assert phrases(text, language) == expected


def test_the_tagger_gives_textblobs_tags():
    """It is Brill's algorithm over the same files, only quicker: every tag must agree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TextBlob leaves its files to the garbage collector
        from textblob._text import find_tags
        from textblob.en import lexicon

        text = (
            "The quick brown foxes were running over 12 lazy dogs' backs. I have been told that she'll arrive by U.S. "
            "mail, but nobody unfriendly blogged about it! Mr. Smithson gives the giving tree an unbelievable look; "
            "what would happen if they had not made it as such? 3.5% more so-called zorbification was expected."
        )
        tagger = Tagger()
        for sentence in sentences(text):
            words = [token.word for token in sentence]
            theirs = find_tags(words, lexicon=lexicon, morphology=lexicon.morphology, context=lexicon.context)
            assert tagger.tag(words) == [tag for _, tag in theirs]


def test_words_are_cut_as_the_treebank_cuts_them():
    cut = [
        [token.word for token in sentence] for sentence in sentences("Mr. Oz didn't stop. \"Go!\" it's Bob's U.S. car")
    ]
    assert cut == [
        ["Mr.", "Oz", "did", "n't", "stop", ".", '"'],
        ["Go", "!", '"'],
        ["it", "'s", "Bob", "'s", "U.S.", "car"],
    ]
