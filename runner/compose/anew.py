"""A survey that cannot end well, begun anew once its sources are mended, in the same directory.

A listing is taken once, and what was listed is what a run is about. But a survey that met a damaged file, or found no
document at all, ends before anything is sent or bought; its user mends the source and runs again, and means the source
as it is then. So while nothing was sent, these are forgotten: an unfinished survey whose listed sources have changed, a
finished one without a document in some corpus whose listing has changed, and one that was refused for its duplicate
ids, likewise. Otherwise, files that are merely new are no reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.compose.duplicates import refuse_duplicates
from runner.core import events as e
from runner.corpus import list_corpus, read_listing
from runner.errors import SourceError
from runner.journal import Journal, RunDirectory
from runner.model import CorpusSpec, Manifest, RunId, SegmentFacts


@dataclass(slots=True)
class _Survey:
    """What a journal says of a survey after which nothing was sent."""

    run_id: RunId
    documents: dict[str, int] = field(default_factory=dict)
    """Of each corpus that was listed, as far as it was read."""
    segments: list[SegmentFacts] = field(default_factory=list)
    finished: bool = False


def forget_stale_survey(directory: RunDirectory, manifest: Manifest) -> RunId | None:
    """Delete the journal and the survey of a run that is to begin anew; returns its id, or None if it goes on.

    The caller holds the directory's lock.
    """
    with Journal.open(directory.journal_path) as journal:
        survey = _survey(journal)
    if survey is None or not _is_stale(survey, directory, manifest):
        return None
    forget_survey(directory)
    return survey.run_id


def forget_survey(directory: RunDirectory) -> None:
    """Delete the journal and the survey of a run that has sent nothing. The caller holds the directory's lock."""
    # The journal goes first: without it, the rest is leftovers. Closed by its writer, it has no log beside it.
    directory.journal_path.unlink()
    for folder in (directory.ledgers, directory.parts):
        for path in folder.iterdir():
            path.unlink()


def _survey(journal: Journal) -> _Survey | None:
    survey: _Survey | None = None
    for _, event in journal.read():
        match event:
            case e.RunBegan(run=run_id):
                survey = _Survey(run_id)
            case e.SessionOpened():
                return None
            case e.ListingTaken(corpus=corpus) if survey is not None:
                survey.documents[corpus] = 0
            case e.RangeSurveyed(corpus=corpus, segments=segments) if survey is not None:
                survey.documents[corpus] += sum(segment.documents for segment in segments)
                survey.segments += segments
            case e.SurveyFinished() if survey is not None:
                survey.finished = True
            case _:
                pass
    return survey


def _is_stale(survey: _Survey, directory: RunDirectory, manifest: Manifest) -> bool:
    corpora = [corpus for corpus in manifest.corpora if corpus.name in survey.documents]
    if survey.finished:
        if any(not survey.documents[corpus.name] and _differs(directory, corpus) for corpus in corpora):
            return True
        stops = manifest.policy.duplicate_ids == "stop" and any(_differs(directory, corpus) for corpus in corpora)
        return stops and _has_duplicates(survey, directory, manifest)
    return any(_differs(directory, corpus, new_files=False) for corpus in corpora)


def _differs(directory: RunDirectory, corpus: CorpusSpec, *, new_files: bool = True) -> bool:
    listed = set(read_listing(directory.listing(corpus.name)))
    try:
        now = set(list_corpus(corpus))
    except SourceError:
        return False  # no better than what it was: its survey will say so
    return listed != now if new_files else not listed <= now


def _has_duplicates(survey: _Survey, directory: RunDirectory, manifest: Manifest) -> bool:
    """Whether the run was refused for ids that occur twice."""
    try:
        refuse_duplicates(directory, manifest, {facts.id: facts for facts in survey.segments}.values())
    except SourceError:
        return True
    return False
