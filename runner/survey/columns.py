"""The documents of one segment while it fills: columns, in the order of `runner.model.Document`'s fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.survey.folding import Folds
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
    fates: list[str | None] = field(default_factory=list)
    messages: list[str | None] = field(default_factory=list)
    folds: list[Folds] = field(default_factory=list)
    fields: list[bytes | None] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    """What would be sent, in UTF-8."""

    def extend(self, measured: Measured, begin: int, end: int) -> None:
        """Append the documents [begin, end) of a measured block."""
        self.ids.extend(measured.ids[begin:end])
        self.sources.extend(measured.sources[begin:end])
        self.positions.extend(measured.positions[begin:end])
        self.sizes.extend(measured.sizes[begin:end])
        self.characters.extend(measured.characters[begin:end])
        self.languages.extend(measured.languages[begin:end])
        self.digests.extend(measured.digests[begin:end])
        self.folds.extend(measured.folds[begin:end])
        self.fields.extend(measured.fields[begin:end])
        self.lines.extend(measured.lines[begin:end])
        self.fates.extend([None] * (end - begin))
        self.messages.extend([None] * (end - begin))
        shift = self.documents - begin
        for row, fate in measured.fates.items():
            if begin <= row < end:
                self.fates[row + shift], self.messages[row + shift] = fate
        self.documents += end - begin
        self.size += sum(measured.sizes[begin:end])
