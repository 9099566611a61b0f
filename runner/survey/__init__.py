"""Read every document once: ledgers, fates, line folding, parts."""

from runner.survey.folding import LINE_BREAKS, fold
from runner.survey.surveying import survey_range

__all__ = ["LINE_BREAKS", "fold", "survey_range"]
