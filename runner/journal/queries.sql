-- Every statement that the journal runs. A block begins with its name between dashes; comments below it describe it.

-- configure_writer --
-- Commits are durable when they return, also on macOS, where a plain fsync leaves data in the drive's cache.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;

-- journal_mode --
-- What `configure_writer` came to: some file systems cannot have a write-ahead log.
PRAGMA journal_mode;

-- application_id --
-- Tells our files from other databases; the first migration writes it.
PRAGMA application_id;

-- schema_version --
-- The number of the last migration applied.
PRAGMA user_version;

-- begin --
-- The write lock is taken at once: a transaction that can only fail at its end would be one more way to fail.
BEGIN IMMEDIATE;

-- commit --
-- Synchronous: what was appended is durable when this returns.
COMMIT;

-- rollback --
-- Forget a transaction that failed.
ROLLBACK;

-- append_event --
-- The number is given, not drawn: two writers collide instead of weaving two histories into one.
INSERT INTO events (seq, kind, payload, crc32) VALUES (?, ?, ?, ?);

-- read_events --
-- A page of events after a number, in order; as bytes, since in a damaged file they may be no text.
SELECT seq, CAST(kind AS BLOB), CAST(payload AS BLOB), crc32 FROM events WHERE seq > ? ORDER BY seq LIMIT ?;

-- last_event --
-- The newest event, if any.
SELECT seq, CAST(kind AS BLOB), CAST(payload AS BLOB), crc32 FROM events ORDER BY seq DESC LIMIT 1;
