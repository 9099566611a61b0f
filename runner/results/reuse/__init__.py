"""Answers bought once are not bought again: a store of them, looked up by later runs.

store.py     the store: a folder of SQLite files, payloads by key
keys.py      keys: what an answer depends on, and nothing else
lookup.py    before a plan is made: which lines are answered already
ledgers.py   and how the ledgers name them, and tell which these are
keeping.py   once an output is collected: its payloads are added
changes.py   which documents a run answers from the store alone (`output.emit: changed`)
"""

from runner.results.reuse.changes import written
from runner.results.reuse.keeping import keep_answers
from runner.results.reuse.keys import context_of
from runner.results.reuse.ledgers import discard_reused, put_reused_in_place, rename_lines
from runner.results.reuse.lookup import REUSED_DIRECTORY, find_answers, reused_spool

__all__ = [
    "REUSED_DIRECTORY",
    "context_of",
    "discard_reused",
    "find_answers",
    "keep_answers",
    "put_reused_in_place",
    "rename_lines",
    "reused_spool",
    "written",
]
