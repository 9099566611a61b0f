"""What the lines of a range hold, as digests: what identical texts are found by, without reading the texts again.

One file per range lies beside its ledgers until they have been searched. Lines are alike if their digests are, and
what their parts must agree on to be read alike: the group of their corpora, the pool, the size class and the cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from runner.model import UNDECIDED, PartId, SegmentId
from runner.survey.measuring import DIGEST_BYTES
from runner.survey.parts import Placed


class PartDigests(msgspec.Struct, frozen=True, array_like=True):
    """One part: what its lines have in common, and their digests one after the other."""

    part: PartId
    pool: str
    line_bytes_max: int
    split_bytes: int | None
    digests: bytes

    @property
    def lines(self) -> int:
        """How many lines the part has."""
        return len(self.digests) // DIGEST_BYTES

    def numbers(self) -> list[int]:
        """The first halves of the digests, as numbers: equal for equal lines, and hardly ever for others."""
        return memoryview(self.digests).cast("Q")[:: DIGEST_BYTES // 8].tolist()

    def digest(self, line: int) -> bytes:
        """The digest of one line."""
        return self.digests[line * DIGEST_BYTES : (line + 1) * DIGEST_BYTES]


class SegmentDigests(msgspec.Struct, frozen=True, array_like=True):
    """One segment: how many parts it has, and those that may share lines."""

    segment: SegmentId
    parts: int
    shared: tuple[PartDigests, ...]


class RangeDigests(msgspec.Struct, frozen=True, array_like=True):
    """One range. Only corpora of one group share lines."""

    corpus: str
    group: str
    segments: tuple[SegmentDigests, ...]

    def parts(self) -> Iterator[PartDigests]:
        """All parts that may share lines, in input order."""
        for segment in self.segments:
            yield from segment.shared


_decode_digests: Final = msgspec.msgpack.Decoder(RangeDigests).decode


def digests_path(directory: Path, corpus_index: int, range_index: int) -> Path:
    """Where the digests of a range lie, `directory` being that of the ledgers. Names sort in input order."""
    return directory / f"{corpus_index:03d}-{range_index:06d}.digests"


def digests_of(segment: SegmentId, placed: Sequence[Placed], parts: Sequence[PartId]) -> SegmentDigests:
    """The digests of a segment's lines, but for those that no analysis reads."""
    shared = tuple(
        PartDigests(part, each.bin.pool, each.bin.line_bytes_max, each.bin.split_bytes, b"".join(each.lines.digests))
        for part, each in zip(parts, placed, strict=True)
        # Pieces are not shared by documents that may turn out to be in several languages.
        if not each.bin.kept and (each.bin.pool, each.lines.cuts is None) != (UNDECIDED, False)
    )
    return SegmentDigests(segment, len(parts), shared)


def read_digests(path: str) -> RangeDigests:
    """The digests of a range."""
    return _decode_digests(Path(path).read_bytes())
