"""Reads blocks of rows: by columns where they are large and written alike, else row by row, with the same outcome.

What was read by columns and is no answer of its family is refused later, by whoever checks the spans; a decoder would
have refused it at once, or found a row of another form in it. So an output that is refused is to be read again without
names of files: then every row is decoded.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from runner.catalogue import Family
from runner.errors import OutputError
from runner.results.rows import RowBatch, RowDecoder, expect_utf8

if TYPE_CHECKING:
    from runner.results.columns import ColumnReader

COLUMNS_BYTES_MIN: Final = 1 << 19
"""Shorter blocks are not worth the columns."""


class RowReader:
    """Reads blocks of whole rows of one family; rows whose files have these names may be read by columns."""

    def __init__(self, family: Family, files: Collection[str]) -> None:
        self._family = family
        self._files = files
        self._decoder = RowDecoder(family)
        self._columns: ColumnReader | None = None

    def read(self, block: bytes) -> RowBatch:
        """The rows of a block. Raises as `RowDecoder.decode`."""
        if not self._files or len(block) < COLUMNS_BYTES_MIN:
            return self._decoder.decode(block)
        expect_utf8(block)
        if self._columns is None:
            from runner.results.columns import ColumnReader  # numpy takes long to import, and small outputs need it not

            self._columns = ColumnReader(self._family, self._files)
        alike = self._columns.read(block)
        if alike is None:
            return self._decoder.decode(block)
        try:
            others = self._decoder.decode(alike.others)
        except OutputError:
            return self._decoder.decode(block)  # which says what number the row has
        self._decoder.pass_over(sum([rows.total for _, rows in alike.pieces]))
        return others._replace(bytes=len(block), pieces=alike.pieces)
