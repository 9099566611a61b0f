"""What the model of short texts sees: words, and runs of one to four letters inside them.

Shared by the analyzer and by the script that trains it (`benchmarks/train_language.py`). Owns the place of a
feature in the table of weights; a change here calls for new weights.
"""

from __future__ import annotations

import re
from zlib import crc32

TABLE_BITS = 14
_MASK = (1 << TABLE_BITS) - 1
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_LONGEST_GRAM = 4


def places(text: str) -> list[int]:
    """Places in the table, one for each occurrence of a word or a run of letters."""
    found: list[int] = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        framed = f"<{word}>"
        found.append(crc32(b"=" + framed.encode()) & _MASK)
        for length in range(1, _LONGEST_GRAM + 1):
            found.extend(crc32(framed[i : i + length].encode()) & _MASK for i in range(len(framed) - length + 1))
    return found
