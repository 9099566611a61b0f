"""From a job's output to merged lines: archives, spool, merge, writer, verification.

What the engine hands to worker processes is here: plain functions of one task each, picklable and repeatable.
"""

from runner.results.collecting import collect
from runner.results.cutting import cut_part
from runner.results.files import lines_between, result_files, result_path
from runner.results.languages import route_segments
from runner.results.patch import patch_file
from runner.results.reopening import reopen
from runner.results.repair import gather_repair
from runner.results.summary import FORMAT_VERSION, remove_summary, schema_of, write_summary
from runner.results.verify import FileFacts, Finding, VerifyReport, VerifyTask, verify_corpus
from runner.results.writer import merge_segments

__all__ = [
    "FORMAT_VERSION",
    "FileFacts",
    "Finding",
    "VerifyReport",
    "VerifyTask",
    "collect",
    "cut_part",
    "gather_repair",
    "lines_between",
    "merge_segments",
    "patch_file",
    "remove_summary",
    "reopen",
    "result_files",
    "result_path",
    "route_segments",
    "schema_of",
    "verify_corpus",
    "write_summary",
]
