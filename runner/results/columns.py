"""Blocks of rows that are written alike, read by columns: no row of them is parsed here, nor looked at by itself.

Of each row the places of File, Line and the result are found at once with those of all others, by the layout that the
block's first row has (`runner.results.layouts`). What is not written so is left to `runner.results.rows`, which defines
what rows say. Results are JSON for certain, but in families with spans: there that is left to whoever checks the spans
(`runner.results.checks`), since it is the same parsing.

This is the one module that needs numpy; it is imported where an output is large enough for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from runner.catalogue import Family
from runner.results.layouts import Layout, Mark, layout_of
from runner.results.runs import Cut, Rows

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DIGITS_MAX: Final = 9
_LINE_FEED: Final = 10
_ZERO: Final = 48
_WORD_BYTES: Final = 8
_ODD: Final = 0x9E3779B97F4A7C15
_ITEM: Final = "I"

_decode_values: Final = msgspec.json.Decoder(Raw).decode_lines
_encode_lines: Final = msgspec.json.Encoder().encode_lines


class Alike(NamedTuple):
    """What was read of a block: rows by the name of their file, and whole rows that are not written alike."""

    pieces: list[tuple[str, Cut]]
    others: bytes


class ColumnReader:
    """Reads blocks of whole rows of one family, whose files have these names."""

    def __init__(self, family: Family, files: Collection[str]) -> None:
        self._family = family
        self._files = files
        self._names: dict[int, _Names] = {}
        members = msgspec.defstruct(
            "Members", [(name, Raw) for name in family.members], gc=False, forbid_unknown_fields=True
        )
        self._decode_members: Any = msgspec.json.Decoder(members).decode_lines

    def read(self, block: bytes) -> Alike | None:
        """The rows of a block, which is valid UTF-8; None if fewer than half of them are written as the first is."""
        layout = layout_of(block[: block.find(b"\n")], self._family)
        if layout is None:
            return None
        names = self._names.get(layout.file_bytes)
        if names is None:
            names = self._names[layout.file_bytes] = _Names(self._files, layout.file_bytes)
        rows = _Block(block)
        found = rows.find(layout, names) if names.texts else None
        if found is None or 2 * np.count_nonzero(found.alike) < len(found.alike):
            return None
        order = np.argsort(found.file, kind="stable")
        alike = order[found.alike[order]]
        begin, end = found.begin[alike], found.end[alike]
        entries = self._entries(rows.slices(begin, end), layout)
        if entries is None:
            return None
        ends = _ends(entries) if layout.first else np.cumsum(end - begin + 1)
        if len(ends) != len(alike):
            return None
        pieces = _pieces(names.texts, found.file[alike], found.line[alike], entries, ends)
        return Alike(pieces, b"\n".join(rows.slices(rows.begins[~found.alike], rows.ends[~found.alike])))

    def _entries(self, results: list[bytes], layout: Layout) -> bytes | None:
        """Results as they stand on result lines, each closed by a line feed; None if one is no such thing.

        Several members are written anew: then several values on a line, or one on several lines, show as more or fewer
        line feeds than there are results.
        """
        try:
            if layout.first:
                members = self._decode_members(b"{" + b"}\n{".join(results) + b"}")
                encoded = _encode_lines(members)
                if b":null" in encoded or len(members) != len(results):
                    return None
                return bytes(memoryview(encoded))  # the encoder's own keeps as much again in reserve
            data = b"\n".join([*results, b""])
            if not self._family.spans and (b"null" in results or _encode_lines(_decode_values(data)) != data):
                return None
        except msgspec.MsgspecError:
            return None
        return data


def _ends(entries: bytes) -> Places:
    """The place behind each line feed."""
    return np.flatnonzero(np.frombuffer(entries, np.uint8) == _LINE_FEED) + 1


def _pieces(
    names: Sequence[str], files: NDArray[Any], lines: NDArray[np.uint32], entries: bytes, ends: Places
) -> list[tuple[str, Cut]]:
    """Rows, sorted by file, cut into pieces of one file each; `ends` has the place behind each entry's line feed."""
    rows = Rows(array(_ITEM, lines.tobytes()), entries)
    firsts = np.flatnonzero(np.append(True, files[1:] != files[:-1]))
    bounds = [*firsts.tolist(), len(files)]
    places = np.append(0, ends)[bounds].tolist()
    return [
        (names[file], Cut(rows, first, last, begin, end - 1))
        for file, first, last, begin, end in zip(
            files[firsts].tolist(), bounds, bounds[1:], places, places[1:], strict=False
        )
    ]


class _Found(NamedTuple):
    """Columns, an item a row: whether it is written alike, and if so its file, its line, and where its result is."""

    alike: Flags
    file: NDArray[Any]
    line: NDArray[np.uint32]
    begin: Places
    end: Places


class _Block:
    """The bytes of a block, and where its rows begin and end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.bytes = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(self.bytes == _LINE_FEED)
        self.ends = ends if data.endswith(b"\n") else np.append(ends, len(data))
        self.begins = np.concatenate(([0], self.ends[:-1] + 1))

    def slices(self, begins: Places, ends: Places) -> list[bytes]:
        """The bytes between."""
        data = self._data
        return [data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]

    def find(self, layout: Layout, names: _Names) -> _Found:
        """Where the rows that have the layout have what it speaks of.

        What is looked for in a row is never found beyond its end, since none of it holds a line feed.
        """
        cursor = _Cursor(self.bytes, self.begins, names)
        for mark in layout.before:
            cursor.pass_over(mark)
        begin, cursor.at = cursor.at, self.ends
        for mark in reversed(layout.after):
            cursor.pass_back_over(mark)
        end = cursor.at
        first, last = layout.ends
        alike = cursor.alike & (begin < end)
        alike &= (cursor.bytes_at(begin) == first) & (cursor.bytes_at(end - 1) == last)
        if layout.first:
            alike &= cursor.has(layout.first, begin)
        return _Found(alike, cursor.file, cursor.line, begin, end)


class _Cursor:
    """A place in each row, which moves over what is there; rows that have something else are no longer `alike`."""

    def __init__(self, data: NDArray[np.uint8], at: Places, names: _Names) -> None:
        self._data = data
        self._names = names
        self.at = at
        self.alike = np.ones(len(at), np.bool_)
        self.file: NDArray[Any] = np.zeros(len(at), np.uint16)
        self.line = np.zeros(len(at), np.uint32)

    def pass_over(self, mark: Mark) -> None:
        """Move forward."""
        if mark == "line":
            self._number(forward=True)
        else:
            self._expect(mark)
            self.at = self.at + self._size(mark)

    def pass_back_over(self, mark: Mark) -> None:
        """Move backward."""
        if mark == "line":
            self._number(forward=False)
        else:
            self.at = self.at - self._size(mark)
            self._expect(mark)

    def has(self, text: bytes, at: Places) -> Any:
        """Whether a text stands at each place."""
        return self._strings(at, len(text)) == text

    def bytes_at(self, at: Places) -> NDArray[np.uint8]:
        """The byte at each place."""
        return self._data.take(at, mode="clip")

    def _size(self, mark: Mark) -> int:
        return len(mark) if isinstance(mark, bytes) else self._names.bytes

    def _expect(self, mark: Mark) -> None:
        if isinstance(mark, bytes):
            self.alike &= self.has(mark, self.at)
        else:
            self.file, known = self._names.find(self._strings(self.at, self._names.bytes))
            self.alike &= known

    def _strings(self, at: Places, size: int) -> NDArray[np.bytes_]:
        windows = np.ndarray((len(self._data) - size + 1,), f"S{size}", self._data, strides=(1,))
        found: NDArray[np.bytes_] = windows[at.clip(0, len(windows) - 1)]
        return found

    def _number(self, *, forward: bool) -> None:
        """A number as JSON writes it: no zero before other digits."""
        value: Places = np.zeros(len(self.at), np.int64)
        first, count = value, value
        within = np.ones(len(self.at), np.bool_)
        for place in range(_DIGITS_MAX):
            found = self.bytes_at(self.at if forward else self.at - 1) - _ZERO
            within = within & (found <= 9)
            if not within.any():
                break
            digit = np.where(within, found, 0).astype(np.int64)
            if forward:
                value = np.where(within, 10 * value + digit, value)
                first = first if place else digit
            else:
                value = value + 10**place * digit
                first = np.where(within, digit, first)
            count = count + within
            self.at = self.at + within if forward else self.at - within
        self.alike &= (count == 1) | ((count > 1) & (first > 0))
        self.line = value.astype(np.uint32)


class _Names:
    """Names of one length, found by what their bytes, taken for numbers, sum up to: another name is never found."""

    def __init__(self, names: Collection[str], size: int) -> None:
        self.bytes = size
        same = np.array([name.encode() for name in names if len(name.encode()) == size], f"S{size}")
        order = np.argsort(self._sums(same))
        self._strings = same[order]
        self._sorted = self._sums(self._strings)
        self.texts = [name.decode() for name in self._strings.tolist()]

    def find(self, strings: NDArray[np.bytes_]) -> tuple[NDArray[Any], Any]:
        """The place of each string in `texts`, and whether it is there."""
        place = np.searchsorted(self._sorted, self._sums(strings)).clip(max=len(self.texts) - 1)
        # Sixteen bits are sorted four times as fast as more.
        small = place.astype(np.uint16 if len(self.texts) <= 1 << 16 else np.uint32)
        return small, self._strings[place] == strings

    def _sums(self, strings: NDArray[np.bytes_]) -> NDArray[np.uint64]:
        """A number for each string, for most of them another."""
        words = -(-self.bytes // _WORD_BYTES)
        columns = strings.astype(f"S{words * _WORD_BYTES}").view(np.uint64).reshape(-1, words)
        sums = np.zeros(len(strings), np.uint64)
        for number in range(words):
            sums = sums + columns[:, number] * np.uint64(pow(_ODD, 2 * number + 1, 1 << 64))
        return sums
