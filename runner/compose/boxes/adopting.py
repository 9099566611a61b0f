"""Taking a run up that another box began: its plan from the record, its jobs from the service and from its outputs.

This file reads the record and holds it against what is here; `traces` folds what the services show. Everything is
recorded in one commit. A box that is lost meanwhile leaves nothing, and the next begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from anyio import to_thread

from runner.aws.transfer import Held
from runner.compose.boxes.record import INTENTS, Kept, read_kept, read_rows, record_uri, seals
from runner.compose.boxes.traces import ANEW, Retracing, TracedLane
from runner.compose.lanes import OpenLane, OpenLanes, patiently, refusal
from runner.compose.opening import OpenRun
from runner.compose.workshop import LocalWorkshop
from runner.core import events as e
from runner.core.run import Run
from runner.errors import RunDirectoryError
from runner.model import Fault
from runner.storage.atomic import replacing

KEYS_MAX: Final = 10_000_000


class Adoption:
    """One run being taken up."""

    def __init__(self, opened: OpenRun, lanes: OpenLanes, workshop: LocalWorkshop) -> None:
        self._opened = opened
        self._run: Run = opened.run
        self._lanes: Sequence[OpenLane] = lanes.lanes
        self._workshop = workshop
        self.adopted = 0
        """Jobs that were bought already."""

    async def take_up(self, usd: float) -> list[e.Event]:
        """Fold the other box's facts into the run; the caller makes them durable, all at once.

        Raises RunDirectoryError if the sources are not as they were, or if a lane is missing; ServiceError if one
        does not answer.
        """
        kept, plan, late = await self._read()
        await self._require_same(kept)
        prefixes = {lane.name: lane.job_name_prefix for lane in kept.lanes}
        lanes = [
            TracedLane(
                spec=lane.spec,
                service=lane.service,
                outputs=partial(self._listed, lane, f"{lane.spec.staging}{self._run.run_id}/out/"),
                intents=partial(self._listed, lane, f"{self._base(lane)}{INTENTS}"),
                job_name_prefix=prefixes.get(lane.spec.name, lane.spec.job_name_prefix),
            )
            for lane in self._lanes
        ]
        retracing = Retracing(self._run, lanes, self._workshop, now=self._opened.clock.now)
        facts = await retracing.retrace(plan, late, began_at=kept.began_at, usd=usd)
        self.adopted = retracing.adopted
        return facts

    # --- the record ---------------------------------------------------------------------------------------------------

    async def _read(self) -> tuple[Kept, list[e.Event], list[e.Event]]:
        """The record: of its lanes the first that has it, and what was planned late from all."""
        kept: Kept | None = None
        plan: list[e.Event] = []
        late: dict[int, e.Event] = {}
        for lane in self._lanes:
            base = self._base(lane)
            written = await patiently(partial(lane.staging.get_bytes, f"{base}run.json"))
            if isinstance(written, Fault):
                raise refusal(lane.spec, written)
            if written is None:
                continue
            found = read_kept(written.data, where=base)
            if kept is None:
                kept = found
                plan = read_rows((await self._object(lane, f"{base}plan.jsonl")).data, where=f"{base}plan.jsonl")
            self._require_lanes(found)
            late |= await self._read_late(lane, f"{base}late/")
        if kept is None:
            raise RunDirectoryError(self._run.run_id, "its record in the staging bucket is gone", hint=ANEW)
        return kept, plan, [late[number] for number in range(len(late)) if number in late]

    async def _read_late(self, lane: OpenLane, base: str) -> dict[int, e.Event]:
        """What a lane's record holds of late facts, by number; their parts are put where they belong."""
        rows: dict[int, e.Event] = {}
        for key in await self._keys(lane, base):
            held = await self._object(lane, f"{base}{key}")
            if key.endswith(".jsonl"):
                first = int(key.removesuffix(".jsonl"))
                rows |= dict(enumerate(read_rows(held.data, where=f"{base}{key}"), first))
            else:
                with replacing(self._opened.directory.parts / Path(key).name) as file:
                    file.write(held.data)
        return rows

    async def _object(self, lane: OpenLane, uri: str) -> Held:
        held = await patiently(partial(lane.staging.get_bytes, uri))
        if isinstance(held, Fault):
            raise refusal(lane.spec, held)
        if held is None:
            raise RunDirectoryError(uri, "it is gone from the run's record", hint=ANEW)
        return held

    def _base(self, lane: OpenLane) -> str:
        return record_uri(lane.spec.staging, self._run.run_id)

    async def _keys(self, lane: OpenLane, uri: str) -> list[str]:
        listed = await patiently(partial(self._listed, lane, uri))
        if isinstance(listed, Fault):
            raise refusal(lane.spec, listed)
        return listed

    @staticmethod
    async def _listed(lane: OpenLane, uri: str) -> list[str] | Fault:
        """The keys below an URI, relative to it."""
        listed = await lane.staging.list_keys(uri, KEYS_MAX)
        if isinstance(listed, Fault):
            return listed
        below = uri.removeprefix("s3://").partition("/")[2]
        return [key.removeprefix(below) for key, _ in listed]

    def _require_lanes(self, kept: Kept) -> None:
        """Every lane that may have jobs of the run is open, and where it was."""
        known = {lane.spec.name: lane for lane in self._lanes}
        for was in kept.lanes:
            lane = known.get(was.name)
            now = lane and (lane.account, lane.spec.region or "", lane.spec.staging)
            if now != (was.account, was.region, was.staging):
                raise RunDirectoryError(
                    self._run.run_id,
                    f"it may have jobs on lane {was.name} (account {was.account}, region {was.region}, staging "
                    f"{was.staging}), and {'that lane is not open' if lane is None else 'that lane is elsewhere now'}",
                    hint="give the manifest that lane as it was, and run again; or `--again` buys everything anew",
                )

    async def _require_same(self, kept: Kept) -> None:
        now = {seal.corpus: seal for seal in await to_thread.run_sync(seals, self._run, self._opened.directory)}
        for was in kept.seals:
            if now.get(was.corpus) != was:
                raise RunDirectoryError(
                    self._run.run_id,
                    f"corpus {was.corpus} is not what the other box sent ({was.documents:,} documents there, "
                    f"{now[was.corpus].documents if was.corpus in now else 0:,} here, version {kept.version} there)",
                    hint=f"put its sources back as they were, then run again; or {ANEW}",
                )
