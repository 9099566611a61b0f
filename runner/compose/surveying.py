"""The survey of a run: listings taken once, ranges read by worker processes, facts recorded as they arrive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import anyio
from anyio import to_thread

from runner.compose.disks import full_disk_told
from runner.compose.positions import Positions
from runner.compose.reusing import Reuser, require_folder
from runner.core import events as e
from runner.core.run import Run
from runner.corpus import list_corpus, ranges, read_listing, write_listing
from runner.engine.workers import WorkerPool
from runner.journal import RunDirectory
from runner.model import (
    CorpusSpec,
    Manifest,
    Reusable,
    SegmentFacts,
    SegmentId,
    ShareReport,
    ShareTask,
    SourceFile,
    SourceRange,
    SurveyReport,
    SurveyTask,
    range_of,
)
from runner.planning.fates import hopeful, redacts, share_group
from runner.results.reuse import discard_reused, put_reused_in_place
from runner.survey import discard_shared, find_shared, put_shared_in_place, revised, survey_range

Record = Callable[..., None]
"""Takes events, and makes them durable at once: all or none."""


class Surveyor:
    """Surveys what has not been surveyed yet; each range's facts are recorded once its files are durable."""

    def __init__(
        self,
        run: Run,
        directory: RunDirectory,
        manifest: Manifest,
        *,
        pool: WorkerPool,
        record: Record,
        now: Callable[[], float],
        reusable: Mapping[str, Reusable] | None = None,
    ) -> None:
        self._run = run
        self._directory = directory
        self._manifest = manifest
        self._pool = pool
        self._record = record
        self._now = now
        self._reusable = reusable or {}

    async def survey(self) -> None:
        """Bring the survey to its end. Raises SourceError for a corpus that cannot be listed or read."""
        if self._run.survey_finished:
            self._put_in_place()
            return
        if self._reusable and self._manifest.policy.reuse is not None:
            require_folder(self._manifest.policy.reuse)
        discard_shared(self._directory.root)
        discard_reused(self._directory.root)
        listings = [(corpus, await self._listing(corpus)) for corpus in self._manifest.corpora]
        for corpus, listing in listings:
            await self._corpus(corpus, listing)
        facts = {segment.id: segment for segment in self._run.books.surveyed()}
        changed = await self._share(facts)
        changed |= await self._reuse(facts | changed)
        documents = sum(segment.documents for segment in facts.values())
        size = sum(segment.bytes for segment in facts.values())
        finished = e.SurveyFinished(at=self._now(), documents=documents, bytes=size)
        self._record(*self._surveyed_anew(changed), finished)
        self._put_in_place()

    def _put_in_place(self) -> None:
        """What was changed in the end takes the place of what was surveyed, once it is recorded."""
        put_shared_in_place(self._directory.root)
        put_reused_in_place(self._directory.root)

    def _surveyed_anew(self, changed: Mapping[SegmentId, SegmentFacts]) -> Iterator[e.RangeSurveyed]:
        """Segments that are known better by now, range by range."""
        ordered = sorted(changed.values(), key=lambda segment: segment.id)
        for (corpus, index), segments in groupby(ordered, key=lambda segment: (segment.corpus, range_of(segment.id))):
            yield e.RangeSurveyed(at=self._now(), corpus=corpus, index=index, segments=tuple(segments))

    async def _reuse(self, facts: Mapping[SegmentId, SegmentFacts]) -> dict[SegmentId, SegmentFacts]:
        """Let what earlier runs have bought not be sent; the segments that changes."""
        if not self._reusable:
            return {}
        assert self._run.began is not None
        reuser = Reuser(
            str(self._directory.root), self._manifest, self._reusable, pool=self._pool, began=self._run.began.at
        )
        with full_disk_told():
            return await reuser.look_up(facts.values())

    async def _share(self, facts: Mapping[SegmentId, SegmentFacts]) -> dict[SegmentId, SegmentFacts]:
        """Let identical texts be sent once; the segments that changes."""
        manifest = self._manifest
        found = sorted(self._directory.ledgers.glob("*.digests"))
        if not found:
            return {}
        task = ShareTask(
            directory=str(self._directory.root),
            ranges=tuple(map(str, found)),
            analyses=tuple((corpus.name, hopeful(manifest.analyses_of(corpus.name))) for corpus in manifest.corpora),
        )
        with full_disk_told():
            report: ShareReport = await self._pool.run(find_shared, task)
        return {change.id: revised(facts[change.id], change) for change in report.segments}

    async def _listing(self, corpus: CorpusSpec) -> list[SourceFile]:
        """The corpus's listing: taken now, or as it was taken when the run began."""
        path = self._directory.listing(corpus.name)
        if corpus.name in self._run.listings:
            return list(read_listing(path))
        # In a thread: a large bucket takes a while, and progress is to be shown meanwhile.
        listing = await to_thread.run_sync(list_corpus, corpus)
        digest = write_listing(path, listing)
        taken = e.ListingTaken(
            at=self._now(),
            corpus=corpus.name,
            digest=digest,
            files=len(listing),
            bytes=sum(file.size for file in listing),
            ranges=sum(1 for _ in ranges(corpus, listing)),
        )
        self._record(taken)
        return listing

    async def _corpus(self, corpus: CorpusSpec, listing: list[SourceFile]) -> None:
        index = self._manifest.corpora.index(corpus)
        every = list(ranges(corpus, listing))
        left = [part for part in every if part.index not in self._run.surveyed[corpus.name]]
        positions = Positions(self._pool, corpus, every)
        if corpus.limit is not None:
            # A limit counts documents, so each range must know what those before it held: one at a time.
            for source_range in left:
                so_far = sum(s.documents for s in self._run.books.surveyed() if s.corpus == corpus.name)
                if so_far >= corpus.limit:
                    break
                await self._range(corpus, index, await positions.placed(source_range), corpus.limit - so_far)
            return
        await positions.count(left)
        send, receive = anyio.create_memory_object_stream[SourceRange](math.inf)
        with send:
            for source_range in left:
                send.send_nowait(source_range)
        with receive:
            async with anyio.create_task_group() as tasks:
                for _ in range(min(self._pool.size, len(left))):
                    tasks.start_soon(self._work_through, corpus, index, positions, receive)

    async def _work_through(
        self,
        corpus: CorpusSpec,
        index: int,
        positions: Positions,
        ranges_left: anyio.abc.ObjectReceiveStream[SourceRange],
    ) -> None:
        async for source_range in ranges_left:
            await self._range(corpus, index, await positions.placed(source_range), None)

    async def _range(
        self, corpus: CorpusSpec, index: int, source_range: SourceRange, documents_max: int | None
    ) -> None:
        task = SurveyTask(
            corpus=corpus,
            corpus_index=index,
            source_range=source_range,
            analyses=hopeful(self._manifest.analyses_of(corpus.name)),
            undecodable=self._manifest.policy.undecodable,
            directory=str(self._directory.root),
            documents_max=documents_max,
            job_bytes_max=self._manifest.policy.max_job_bytes,
            job_documents_max=self._manifest.policy.max_job_documents,
            keep_folds=self._manifest.output.text or any(map(redacts, self._manifest.analyses_of(corpus.name))),
            keep_text=self._manifest.output.text,
            share_group=share_group(corpus, self._manifest.analyses_of(corpus.name)),
        )
        with full_disk_told():
            report: SurveyReport = await self._pool.run(survey_range, task)
        surveyed = e.RangeSurveyed(
            at=self._now(),
            corpus=corpus.name,
            index=report.index,
            segments=report.segments,
            notices=report.notices,
        )
        self._record(surveyed)
