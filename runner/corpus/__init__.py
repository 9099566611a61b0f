"""Readers: a source object in, documents out, one module per format.

`list_corpus` takes the listing once, `ranges` cuts it into work, `count_range` counts the lines of what must be
counted (`needs_position`), `RangeReader` reads one range as blocks of documents.
"""

from runner.corpus.blocks import BAD_ROW, INPUT_CHANGED, UNDECODABLE, Block, Encoded, Trouble
from runner.corpus.listing import iter_corpus, list_corpus
from runner.corpus.ranges import ranges
from runner.corpus.reading import RangeReader, count_range, needs_position
from runner.corpus.savedlisting import listing_digest, read_listing, write_listing

__all__ = [
    "BAD_ROW",
    "INPUT_CHANGED",
    "UNDECODABLE",
    "Block",
    "Encoded",
    "RangeReader",
    "Trouble",
    "count_range",
    "iter_corpus",
    "list_corpus",
    "listing_digest",
    "needs_position",
    "ranges",
    "read_listing",
    "write_listing",
]
