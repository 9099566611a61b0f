"""From a job's output to merged lines: archives, spool, merge, writer, verification."""
