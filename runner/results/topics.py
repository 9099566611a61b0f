"""The two tables of a topics job: `doc-topics.csv`, many rows per document, and `topic-terms.csv` (COMPREHEND.md 3.4).

Tables are known by their headers, not by their names. A row of the first becomes a *share*, one topic of one line;
the shares of a line, which may come in any order, are combined into its payload. The second becomes JSON lines, one
per topic. Pure: blocks of bytes in, entries and bytes out. Topics stay strings (`003`), proportions the digits written.

A document always has a topic, since only negligible ones are left out: a line without a row is a missing one.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from runner.errors import OutputError
from runner.results.codes import OUTPUT_CORRUPT

DOCUMENT_TOPICS: Final = ("docname", "topic", "proportion")
TOPIC_TERMS: Final = ("topic", "term", "weight")

_NUMBER: Final = re.compile(rb"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LINE_DIGITS_MAX: Final = 10
_encode: Final = msgspec.json.encode


class _Share(msgspec.Struct, frozen=True):
    topic: str
    proportion: float


_decode_share: Final = msgspec.json.Decoder(_Share).decode


def header_of(line: bytes) -> tuple[str, ...]:
    """The columns that a table's first line names."""
    text = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    return tuple(name.strip().lower() for name in next(csv.reader([text]), []))


def shares(blocks: Iterable[bytes]) -> Iterator[tuple[list[str], list[int], list[bytes], int]]:
    """(files, lines, shares, bytes) per block of whole rows of `doc-topics.csv`, its first line left out.

    Raises OutputError, naming the row, for anything else.
    """
    number = 0
    for block in blocks:
        files: list[str] = []
        lines: list[int] = []
        entries: list[bytes] = []
        for row in _rows(block):
            number += 1
            try:
                name, topic, proportion = row
                file, colon, line = name.rpartition(":")  # a name may hold colons itself
                if not (colon and file and topic and line.isascii() and line.isdigit()):
                    raise ValueError(name)  # noqa: TRY301
                if len(line) > _LINE_DIGITS_MAX:
                    raise ValueError(line)  # noqa: TRY301
                entries.append(b'{"topic":%b,"proportion":%b}' % (_encode(topic), _number(proportion)))
            except ValueError as error:
                raise OutputError(
                    OUTPUT_CORRUPT, f"row {number} of the topics is not a document's line, a topic and its proportion"
                ) from error
            files.append(file)
            lines.append(int(line))
        yield files, lines, entries, len(block)


def combined(parts: list[bytes]) -> bytes:
    """The payload of a line from its shares: highest proportion first; the same whatever order they came in.

    A topic named twice counts once, with what its row of the smaller bytes says.
    """
    by_topic: dict[str, tuple[float, str, bytes]] = {}
    for part in sorted(parts, reverse=True):
        share = _decode_share(part)
        by_topic[share.topic] = (-share.proportion, share.topic, part)
    return b"[" + b",".join([part for _, _, part in sorted(by_topic.values())]) + b"]"


def terms_lines(data: bytes) -> bytes:
    """`topic-terms.csv` as JSON lines: {"topic":"000","terms":[{"term":…,"weight":…},…]}, terms in the table's order.

    Topics come in their own order. Raises OutputError, naming the row, for a table that cannot be read.
    """
    topics: dict[str, list[bytes]] = {}
    for number, row in enumerate(_rows(data), start=1):
        try:
            topic, term, weight = row
            part = b'{"term":%b,"weight":%b}' % (_encode(term), _number(weight))
        except ValueError as error:
            raise OutputError(
                OUTPUT_CORRUPT, f"row {number} of the topics' terms is not a topic, a term and its weight"
            ) from error
        topics.setdefault(topic, []).append(part)
    return b"".join(
        b'{"topic":%b,"terms":[%b]}\n' % (_encode(topic), b",".join(topics[topic])) for topic in sorted(topics)
    )


def _rows(block: bytes) -> Iterator[list[str]]:
    """The rows of some whole lines of CSV; blank ones are left out."""
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise OutputError(OUTPUT_CORRUPT, "the output is not UTF-8") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    filled = [line for line in lines if line]
    if '"' in text:
        yield from csv.reader(filled, strict=True)
    else:
        yield from (line.split(",") for line in filled)


def _number(text: str) -> bytes:
    """A number as JSON: the digits as they are, or, where JSON does not write it so (`.5`), the same number.

    Raises ValueError for what is none, or is not finite.
    """
    digits = text.strip().encode()
    if _NUMBER.fullmatch(digits):
        return digits
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return _encode(value)
