"""The staging port: batches' objects in the lanes' buckets, and what a Start says of them.

`<staging>/<run id>/in/<batch id>/<part id>.txt` holds the lines, `<staging>/<run id>/out/<job key>-<generation>/` is
where a generation writes. Prefixes are closed by `/`, since the service reads every key that begins with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.aws import StagingClient
from runner.compose.shut import ShutLane
from runner.core.commands import CheckByPrefix, Keys, StageBatch, Staged
from runner.core.run import Run
from runner.journal import RunDirectory
from runner.model import AnalysisSpec, BatchId, Fault, JobKey, LaneSpec, Manifest, StartRequest

PAD_NAME: Final = "pad.txt"
PAD_LINE: Final = b"This line brings a small batch up to the least size that the service takes. "
PAD_BYTES: Final = 512
OUTPUT_KEYS_MAX: Final = 1_000


class LaneStaging:
    """Staging over the open lanes of a run."""

    def __init__(
        self,
        run: Run,
        directory: RunDirectory,
        manifest: Manifest,
        clients: Mapping[str, tuple[LaneSpec, StagingClient | ShutLane]],
    ) -> None:
        self._run = run
        self._directory = directory
        self._analyses = {analysis.name: analysis for analysis in manifest.analyses}
        self._clients = clients

    async def stage(self, command: StageBatch) -> Staged | Fault:
        """Upload a batch's parts, and a pad if it needs one."""
        batch = self._run.batches[command.batch]
        _, client = self._clients[command.lane]
        prefix = self._input_uri(command.lane, command.batch)
        total = 0
        for part in batch.parts:
            answer = await client.put_file(f"{prefix}{part}.txt", str(self._directory.part(part)))
            if isinstance(answer, Fault):
                return answer
            total += answer
        if batch.padded:
            pad = (PAD_LINE * (PAD_BYTES // len(PAD_LINE) + 1)).strip() + b"\n"
            answer = await client.put_bytes(f"{prefix}{PAD_NAME}", pad)
            if isinstance(answer, Fault):
                return answer
            total += answer
        return Staged(uri=prefix, bytes=total)

    async def output_keys(self, command: CheckByPrefix) -> Keys | Fault:
        """Keys below a generation's own output prefix, relative to it."""
        _, client = self._clients[command.lane]
        prefix = self.output_uri(command.lane, command.job, command.generation)
        answer = await client.list_keys(prefix, OUTPUT_KEYS_MAX)
        if isinstance(answer, Fault):
            return answer
        below = prefix.removeprefix("s3://").partition("/")[2]
        return Keys(keys=tuple(key.removeprefix(below) for key, _ in answer))

    def request(self, job: str, generation: int, lane: str, *, token: str, name: str) -> StartRequest:
        """What the Start of a generation says."""
        record = self._run.jobs[JobKey(job)]
        analysis = self._analyses[record.job.analysis]
        return StartRequest(
            family=analysis.family,
            generation=generation,
            job=record.job.key,
            name=name,
            token=token,
            input_uri=self._input_uri(lane, record.job.batch),
            output_uri=self.output_uri(lane, record.job.key, generation),
            language=self._run.batches[record.job.batch].language,
            parameters=(*analysis.parameters, *self._model(analysis, lane)),
        )

    def _model(self, analysis: AnalysisSpec, lane: str) -> tuple[tuple[str, str], ...]:
        """The model that a run has trained in a lane, as the parameter that an ARN in the manifest would be."""
        if analysis.model is None or not analysis.model.trained:
            return ()
        return ((analysis.model.kind, self._run.models[lane, analysis.name].arn),)

    def _base(self, lane: str) -> str:
        return f"{self._clients[lane][0].staging}{self._run.run_id}/"

    def _input_uri(self, lane: str, batch: BatchId) -> str:
        return f"{self._base(lane)}in/{batch}/"

    def output_uri(self, lane: str, job: JobKey, generation: int) -> str:
        """The prefix under which a generation writes."""
        return f"{self._base(lane)}out/{job}-{generation}/"
