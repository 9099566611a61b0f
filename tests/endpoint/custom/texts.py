"""Small training data, made of sentences that follow rules a model can find."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FIRST = ("Anna", "Bruno", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Luca")
_LAST = ("Meyer", "Okafor", "Silva", "Tanaka", "Vogel", "Weiss", "Young", "Zhao", "Novak", "Lindt", "Ürün", "Köhler")
_ABOUT_PEOPLE = (
    ("ENGINEER", "Our engineer {} mended the pump on Monday."),
    ("ENGINEER", "On Friday engineer {} measured the bridge."),
    ("MANAGER", "The manager {} signed the contract."),
    ("MANAGER", "Yesterday manager {} left for Rome."),
    (None, "It rained all day in the valley near {}."),
)
_WORDS = {
    "sport": ("goal", "match", "referee", "striker", "league", "season"),
    "money": ("bank", "interest", "shares", "bond", "dividend", "season"),
    "weather": ("rain", "storm", "cloud", "sunshine", "forecast", "season"),
}
_FILLER = ("the", "a", "was", "today", "again", "after", "before", "said", "people", "new", "old", "very")


def as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def sentence(dice: random.Random, *topics: str) -> str:
    words = [dice.choice(_WORDS[topic]) for topic in topics for _ in range(4)] + dice.choices(_FILLER, k=6)
    dice.shuffle(words)
    return " ".join(words)


def topical(count: int = 60, topics: Sequence[str] = ("sport", "money")) -> list[tuple[str, str]]:
    """(label, text) pairs, so many of each topic."""
    dice = random.Random(11)
    return [(topic, sentence(dice, topic)) for _ in range(count) for topic in topics]


@dataclass
class People:
    """Documents, one a line, and annotations of the people in them."""

    lines: list[str]
    annotations: list[tuple[str, int, int, int, str]]

    def documents(self) -> bytes:
        return "\n".join(self.lines).encode()

    def table(self) -> bytes:
        return as_csv([("File", "Line", "Begin Offset", "End Offset", "Type"), *self.annotations])


def annotated(count: int = 240) -> People:
    """So many sentences about people, one in five of them about somebody who is neither."""
    dice = random.Random(7)
    lines, annotations = [], []
    for number in range(count):
        kind, pattern = dice.choice(_ABOUT_PEOPLE)
        name = f"{dice.choice(_FIRST)} {dice.choice(_LAST)}"
        lines.append(pattern.format(name))
        if kind:
            begin = lines[-1].index(name)
            annotations.append(("docs.txt", number, begin, begin + len(name), kind))
    return People(lines, annotations)
