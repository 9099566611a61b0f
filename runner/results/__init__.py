"""From a job's output to merged lines: archives, spool, merge, writer, verification.

What the engine hands to worker processes is here: plain functions of one task each, picklable and repeatable.
"""

from runner.results.collect import collect
from runner.results.writer import merge_segments, result_path

__all__ = ["collect", "merge_segments", "result_path"]
