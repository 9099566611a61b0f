"""The documents of one segment while it fills: columns, and what few documents have by their rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.corpus import Trouble
from runner.survey.folding import Folds
from runner.survey.gathered import Gathered
from runner.survey.measuring import Measured


@dataclass(slots=True)
class Columns:
    """Documents being gathered; `documents` and `size` say how many and how many bytes of folded text so far."""

    documents: int = 0
    size: int = 0
    ids: list[str] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    languages: list[str | None] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    fields: list[bytes] = field(default_factory=list)
    """Empty, unless the corpus keeps some."""
    fates: dict[int, Trouble] = field(default_factory=dict)
    folds: dict[int, Folds] = field(default_factory=dict)
    text: Gathered = field(default_factory=Gathered)
    """What would be sent, in UTF-8."""

    def extend(self, measured: Measured, begin: int, end: int) -> None:
        """Append the documents [begin, end) of a measured block."""
        sizes = measured.sizes[begin:end]
        size = sum(sizes)
        first = sum(measured.sizes[:begin]) + begin
        self.text.add(memoryview(measured.text)[first : first + size + end - begin - 1], end - begin)
        self.ids += measured.ids[begin:end]
        self.sources += measured.sources[begin:end]
        self.positions += measured.positions[begin:end]
        self.sizes += sizes
        self.characters += measured.characters[begin:end]
        self.languages += measured.languages[begin:end]
        self.digests += measured.digests[begin:end]
        if measured.fields is not None:
            self.fields += measured.fields[begin:end]
        shift = self.documents - begin
        self.fates.update((row + shift, fate) for row, fate in measured.fates.items() if begin <= row < end)
        self.folds.update((row + shift, folds) for row, folds in measured.folds.items() if begin <= row < end)
        self.documents += end - begin
        self.size += size
