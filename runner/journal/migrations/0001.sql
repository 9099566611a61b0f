-- The list of facts. Rows are only ever added; `seq` counts from 1 without gaps.
-- `crc32` is of kind, a zero byte, and payload: SQLite notices a torn page, not a flipped bit in a payload.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    crc32 INTEGER NOT NULL
) STRICT;

-- "CRnJ" in ASCII.
PRAGMA application_id = 0x43526e4a;
