"""Opening a run: which directory, whose lock, what the journal says; and beginning one that is not there yet."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from runner import __version__
from runner.compose.anew import forget_stale_survey, forget_survey
from runner.compose.places import former_lanes, recall, require_lane, with_places
from runner.core import events as e
from runner.core.records import CoreConfig
from runner.core.run import Run
from runner.corpus import list_corpus, read_listing
from runner.engine.clock import RunClock
from runner.engine.ports import Observer
from runner.errors import RunDirectoryError
from runner.journal import Journal, RunDirectory, find_runs, new_run_id, point_latest
from runner.manifest import describe_form, describe_identity, identity_difference, identity_digest
from runner.model import LaneSpec, Manifest, RunId
from runner.planning.fates import by_results
from runner.planning.price import upper_usd

RUNS: Final = Path("runs")
RECHECK_DENIED_S: Final = 60.0
"""On a terminal, how long after a refusal (expired credentials, say) to look again."""


@dataclass(slots=True)
class OpenRun:
    """A run whose directory is locked (unless read only) and whose journal is folded."""

    directory: RunDirectory
    journal: Journal
    manifest: Manifest
    run: Run
    clock: RunClock
    notices: list[str] = field(default_factory=list)
    """What the user should know of how it was opened."""

    def record(self, *events: e.Event) -> None:
        """Apply facts and make them durable; for what happens outside the driver."""
        for event in events:
            self.run.apply(event)
        self.journal.append([event for event in events if not event.volatile])

    def record_and_tell(self, events: Iterable[e.Event], observers: Iterable[Observer]) -> None:
        """Record facts, then tell those who watch."""
        facts = list(events)
        self.record(*facts)
        for observer in observers:
            for event in facts:
                observer.notice(event)

    @property
    def complete(self) -> bool:
        """Whether the results are whole: `run.json` is written last."""
        return is_complete(self.directory, self.manifest, self.run.run_id)


def is_complete(directory: RunDirectory, manifest: Manifest, run_id: str) -> bool:
    """Whether the run's own `run.json` is there; one that another run wrote into a shared folder does not count."""
    return finished_run(directory.results(manifest.output)) == run_id


def finished_run(results: Path) -> str | None:
    """The id of the run whose `run.json` lies in a results folder, if there is one."""
    try:
        found = json.loads((results / "run.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found.get("run") if isinstance(found, dict) else None


def config_of(
    manifest: Manifest, *, interactive: bool = False, workers: int = 2, former: tuple[LaneSpec, ...] = ()
) -> CoreConfig:
    """What the scheduler is told of a manifest, and of lanes that it does not have any more."""
    return CoreConfig(
        lanes=manifest.lanes,
        former_lanes=former,
        routed=tuple((corpus.name, by_results(corpus) or "") for corpus in manifest.corpora if by_results(corpus)),
        corpus_lanes=tuple((corpus.name, corpus.lanes) for corpus in manifest.corpora if corpus.lanes),
        analyses=manifest.analyses,
        repair_rounds=manifest.policy.repair_rounds,
        on_failure=manifest.policy.on_failure,
        recheck_denied_s=RECHECK_DENIED_S if interactive else None,
        collecting_max=max(1, workers),
        merging_max=max(1, workers),
        spool_bytes_max=manifest.policy.spool_budget_bytes,
        budget_usd=None if manifest.embedded else manifest.policy.budget_usd,
        upper_usd=partial(upper_usd, manifest),
    )


# --- choosing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The run directory that a command works in; `notices` say why where that may surprise."""

    directory: RunDirectory
    run_id: RunId
    """The id of the run, if it has yet to begin."""
    named: bool = False
    """Whether the user named the directory."""
    notices: tuple[str, ...] = ()
    adopting: bool = False
    """Whether another box began the run: what it bought is taken over (`runner.compose.boxes`)."""


def choose(manifest: Manifest, *, run_dir: Path | None, again: bool, runs: Path = RUNS) -> Choice:
    """The run to go on with, or a fresh directory: as DESIGN 5.3 says.

    Raises RunDirectoryError if a named directory holds a run of another identity, or of another form of output.
    """
    base = runs / manifest.name
    run_id = new_run_id(_after_the_newest(base, time.time()), os.urandom(10))
    if run_dir is not None:
        directory = RunDirectory.at(run_dir)
        if directory.begun:
            require_same_run(directory, manifest)
            if again and is_complete(directory, manifest, began_of(directory).run):
                raise RunDirectoryError(
                    str(directory.root),
                    "it holds a finished run, and --again begins another",
                    hint="name another --run-dir, or leave it out",
                )
        return Choice(directory=directory, run_id=run_id, named=True)
    digest = identity_digest(manifest)
    notices: list[str] = []
    for directory in find_runs(base):
        began = beginning_of(directory)
        if began is None or (began.adopted and not is_planned(directory)):
            continue
        if began.identity_digest == digest:
            if is_complete(directory, manifest, began.run) and (again or not listing_unchanged(directory, manifest)):
                if not again:
                    notices.append(f"the sources have changed since {directory.root.name} finished: this is a new run")
                break
            _refuse_form(directory, manifest, began)
            return Choice(directory=directory, run_id=run_id)
        if not notices and not is_complete(directory, manifest, began.run):
            differs = "; ".join(identity_difference(json.loads(began.identity), describe_identity(manifest))[:3])
            notices.append(f"{directory.root} is unfinished and stays as it is; this is a new run, since {differs}")
    return Choice(directory=RunDirectory.at(base / run_id), run_id=run_id, notices=tuple(notices))


def _after_the_newest(base: Path, now: float) -> float:
    """`now`, but a later second than that of the newest run's id: the order of ids is the order of runs."""
    newest = next(iter(find_runs(base)), None)
    if newest is None:
        return now
    second = datetime.strptime(newest.root.name.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return max(now, second.timestamp() + 1)


def began_of(directory: RunDirectory) -> e.RunBegan:
    """The first event of a run's journal."""
    began = beginning_of(directory)
    if began is None:
        raise RunDirectoryError(
            str(directory.root), "its journal has no beginning", hint="`run` begins it; nothing was bought with it yet"
        )
    return began


def beginning_of(directory: RunDirectory) -> e.RunBegan | None:
    """The first event of a run's journal; None if a full disk or a kill came before it."""
    with Journal.open(directory.journal_path, read_only=True) as journal:
        first = next(iter(journal.read()), None)
    return first[1] if first is not None and isinstance(first[1], e.RunBegan) else None


def is_planned(directory: RunDirectory) -> bool:
    """Whether a run directory holds a plan: from then on jobs may have been started from there."""
    if not directory.begun:
        return False
    with Journal.open(directory.journal_path, read_only=True) as journal:
        return any(isinstance(event, e.PlanFinished) for _, event in journal.read())


def require_same_run(directory: RunDirectory, manifest: Manifest) -> None:
    """Raise RunDirectoryError if a directory holds a run of another identity, or of another form of output."""
    began = beginning_of(directory)
    if began is None:
        return
    if began.identity_digest != identity_digest(manifest):
        differences = identity_difference(json.loads(began.identity), describe_identity(manifest))
        raise RunDirectoryError(
            str(directory.root),
            "it holds a run of another identity: " + "; ".join(differences),
            hint="name another --run-dir, or leave it out to begin a new run",
        )
    _refuse_form(directory, manifest, began)


def _refuse_form(directory: RunDirectory, manifest: Manifest, began: e.RunBegan) -> None:
    differences = identity_difference(json.loads(began.form), describe_form(manifest))
    if differences:
        raise RunDirectoryError(
            str(directory.root),
            "the form of the output is fixed when a run begins: " + "; ".join(differences),
            hint="put it back as it was, or begin a new run (--again if this one is finished, else another --run-dir)",
        )


def listing_unchanged(directory: RunDirectory, manifest: Manifest) -> bool:
    """Whether every corpus's sources are as they were when the run listed them."""
    try:
        return all(
            list(read_listing(directory.listing(corpus.name))) == list_corpus(corpus) for corpus in manifest.corpora
        )
    except OSError:
        return False


# --- opening ------------------------------------------------------------------------------------------------------


@contextmanager
def open_run(choice: Choice, manifest: Manifest, *, interactive: bool = False, workers: int = 2) -> Iterator[OpenRun]:
    """Lock a run's directory, fold its journal, and begin the run if there is none.

    Raises RunDirectoryError if another process holds it.
    """
    directory = choice.directory
    directory.create()
    with directory.acquire() as lock:
        lock.wait_for_orphans()
        if choice.adopting and directory.begun:
            forget_survey(directory)
        forgotten = forget_stale_survey(directory, manifest) if directory.begun else None
        run_id = forgotten or choice.run_id
        begun = directory.begun
        journal = Journal.open(directory.journal_path) if begun else Journal.create(directory.journal_path)
        with journal:
            former = former_lanes(manifest, recall(directory))
            run = Run(config_of(manifest, interactive=interactive, workers=workers, former=former))
            opened = OpenRun(
                directory=directory,
                journal=journal,
                manifest=manifest,
                run=run,
                clock=RunClock(journal.last_at()),
                notices=list(choice.notices),
            )
            if forgotten:
                opened.notices.append("the sources were changed before anything was sent: they are surveyed anew")
            fold(run, journal)
            if run.began is None:
                opened.record(_began(run_id, opened.clock.now(), manifest, adopted=choice.adopting))
            if not choice.named:
                point_latest(directory.root.parent, run.run_id)
            yield opened


@contextmanager
def open_existing(
    directory: RunDirectory, *, interactive: bool = False, workers: int = 2, wait_s: float = 0.0
) -> Iterator[OpenRun]:
    """Lock and fold a run that exists, with the manifest it began with, on its lanes of late."""
    directory.require()
    places = recall(directory)
    manifest = with_places(manifest_of(began_of(directory)), places)
    former = former_lanes(manifest, places)
    with directory.acquire(wait_s=wait_s) as lock:
        lock.wait_for_orphans()
        with Journal.open(directory.journal_path) as journal:
            run = Run(config_of(manifest, interactive=interactive, workers=workers, former=former))
            fold(run, journal)
            clock = RunClock(journal.last_at())
            yield OpenRun(directory=directory, journal=journal, manifest=manifest, run=run, clock=clock)


@contextmanager
def read_run(directory: RunDirectory) -> Iterator[OpenRun]:
    """Fold a run's journal without locking it: also while another process drives it."""
    directory.require()
    places = recall(directory)
    manifest = with_places(manifest_of(began_of(directory)), places)
    with Journal.open(directory.journal_path, read_only=True) as journal:
        run = Run(config_of(manifest, former=former_lanes(manifest, places)))
        fold(run, journal)
        clock = RunClock(journal.last_at())
        yield OpenRun(directory=directory, journal=journal, manifest=manifest, run=run, clock=clock)


def fold(run: Run, journal: Journal, *, notice: Callable[[e.Event], None] | None = None) -> None:
    """Apply every event of a journal, in order. Raises RunDirectoryError for a job on a lane that is not there."""
    with _nothing_to_collect():
        for _, event in journal.read():
            require_lane(run, event, journal.path.parent)
            run.apply(event)
            if notice is not None:
                notice(event)


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Folding makes no cycles: looking for them would take a tenth of the time of a long journal."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def manifest_of(began: e.RunBegan) -> Manifest:
    """The manifest that a run began with."""
    return msgspec.json.decode(began.spec, type=Manifest)


def _began(run_id: RunId, now: float, manifest: Manifest, *, adopted: bool) -> e.RunBegan:
    return e.RunBegan(
        at=now,
        run=run_id,
        name=manifest.name,
        version=__version__,
        identity=_canonical(describe_identity(manifest)),
        identity_digest=identity_digest(manifest),
        form=_canonical(describe_form(manifest)),
        spec=msgspec.json.encode(manifest, order="deterministic").decode(),
        adopted=adopted,
    )


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def with_options(
    manifest: Manifest, *, lane: str | None = None, limit: int | None = None, budget_usd: float | None = None
) -> Manifest:
    """A manifest as the options of the command line change it."""
    if lane is not None:
        manifest = replace(manifest, lanes=tuple(spec for spec in manifest.lanes if spec.name == lane))
    if limit is not None:
        corpora = tuple(replace(corpus, limit=min(limit, corpus.limit or limit)) for corpus in manifest.corpora)
        manifest = replace(manifest, corpora=corpora)
    if budget_usd is not None:
        manifest = replace(manifest, policy=replace(manifest.policy, budget_usd=budget_usd))
    return manifest
