"""Read every document once: ledgers, fates, line folding, languages, pieces, parts; and identical texts kept once."""

from runner.survey.duplicates import Duplicate, find_duplicates
from runner.survey.folding import LINE_BREAKS, fold
from runner.survey.sharing import discard_shared, find_shared, put_shared_in_place, revised
from runner.survey.surveying import survey_range

__all__ = [
    "LINE_BREAKS",
    "Duplicate",
    "discard_shared",
    "find_duplicates",
    "find_shared",
    "fold",
    "put_shared_in_place",
    "revised",
    "survey_range",
]
