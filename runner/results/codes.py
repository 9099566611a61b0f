"""The codes that this room gives to outputs it refuses, and what the service's own row codes mean for a repair.

Owns the names; decides nothing about jobs (the scheduler does) and knows no file formats.
"""

from __future__ import annotations

from typing import Final

OUTPUT_NOT_ARCHIVE: Final = "OUTPUT_NOT_ARCHIVE"
"""Not a gzipped tar archive at all."""
OUTPUT_TRUNCATED: Final = "OUTPUT_TRUNCATED"
"""Ends before its own end mark."""
OUTPUT_CORRUPT: Final = "OUTPUT_CORRUPT"
"""Damaged: checksums, headers, or rows that are not JSON objects of the family's shape."""
OUTPUT_TOO_LARGE: Final = "OUTPUT_TOO_LARGE"
"""Beyond what any job of that input could have written."""
OUTPUT_FOREIGN: Final = "OUTPUT_FOREIGN"
"""Rows for files or lines that the job was not given."""
OUTPUT_MISMATCH: Final = "OUTPUT_MISMATCH"
"""Rows whose texts are not those that were sent."""

OUTPUT_ABSENT_CODES: Final = frozenset({"NoSuchKey", "NotFound", "404"})
"""How S3 says that an object is not there; for a stopped job that is an empty output."""

PASSING_ROW_CODES: Final = frozenset(
    {
        "INTERNAL_SERVER_ERROR",
        "INTERNAL_ERROR",
        "SERVICE_UNAVAILABLE",
        "THROTTLED",
        "TIMEOUT",
        # What was staged is valid UTF-8, so the complaint is about the reading, not the text; the service drops
        # every later line of that file (COMPREHEND.md section 0, point 8), and those are missing, hence repairable.
        "UNSUPPORTED_ENCODING",
    }
)
"""Codes of error rows that another job may not repeat. Only DOCUMENT_SIZE_EXCEEDED and UNSUPPORTED_ENCODING are
documented (COMPREHEND.md section 3.7); the others are plausible names, and repairs are bounded in rounds."""
