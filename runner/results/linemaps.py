"""Maps of repair parts: for each line of one, the (part, line) that it was taken from.

The file beside the part, `parts/<id>.map`, is msgpack of three members: the ids of the parts, and two packed arrays of
32-bit numbers in this machine's byte order, one item per line. Packed, because a whole failed job of a million
lines may be sent again; in this machine's order, because a run directory stays on its machine.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from runner.errors import RunDirectoryError
from runner.model import PartId

_ITEM: Final = "I"


class _Packed(msgspec.Struct, frozen=True):
    parts: tuple[PartId, ...]
    part_of: bytes
    line_of: bytes


_decode_packed: Final = msgspec.msgpack.Decoder(_Packed).decode


class LineMap:
    """Line k of the repair part was line `line_of[k]` of the part `parts[part_of[k]]`."""

    def __init__(self) -> None:
        self.parts: list[PartId] = []
        self.part_of: array[int] = array(_ITEM)
        self.line_of: array[int] = array(_ITEM)

    def __len__(self) -> int:
        return len(self.line_of)

    def add(self, part: PartId, lines: Sequence[int]) -> None:
        """Append lines of one part; each part comes once."""
        self.part_of.extend([len(self.parts)] * len(lines))
        self.line_of.extend(lines)
        self.parts.append(part)

    def packed(self) -> bytes:
        """As it is written."""
        return msgspec.msgpack.encode(_Packed(tuple(self.parts), self.part_of.tobytes(), self.line_of.tobytes()))

    def lines_by_part(self) -> dict[PartId, list[int]]:
        """The lines taken from each part, in the map's order."""
        lines: dict[PartId, list[int]] = {part: [] for part in self.parts}
        for part, line in zip(self.part_of, self.line_of, strict=True):
            lines[self.parts[part]].append(line)
        return lines


def read_line_map(path: str) -> LineMap:
    """The map at `path`. Raises RunDirectoryError if it is missing or damaged."""
    try:
        packed = _decode_packed(Path(path).read_bytes())
        line_map = LineMap()
        line_map.parts = list(packed.parts)
        line_map.part_of.frombytes(packed.part_of)
        line_map.line_of.frombytes(packed.line_of)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise RunDirectoryError(path, "this map of a repair part is missing or damaged") from error
    if len(line_map.part_of) != len(line_map.line_of) or max(line_map.part_of, default=-1) >= len(line_map.parts):
        raise RunDirectoryError(path, "this map of a repair part is damaged")
    return line_map
