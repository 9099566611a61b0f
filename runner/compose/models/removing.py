"""What training a run's models left in its lanes: the models, and their data in the staging buckets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from runner.aws import LaneSession
from runner.aws.models import ModelClient, RemoteModel, model_arn
from runner.compose.models.asking import ATTEMPTS_MAX, data_uri, name_of
from runner.model import AnalysisSpec, Fault, LaneSpec, Manifest, ModelSpec
from runner.planning.training import lanes_of


def models_of(manifest: Manifest, lane: LaneSpec) -> list[ModelSpec]:
    """The models that a manifest's analyses have trained in a lane, each once."""
    return list(dict.fromkeys(spec.model for spec in manifest.analyses if spec.model and _theirs(manifest, spec, lane)))


def data_of(manifest: Manifest, lane: LaneSpec) -> list[str]:
    """The prefixes of their training data."""
    return [data_uri(model, lane) for model in models_of(manifest, lane)]


async def trained_in(session: LaneSession, manifest: Manifest) -> AsyncIterator[RemoteModel | Fault]:
    """The models of a manifest that there are in a lane, failed attempts among them; a Fault is the last."""
    lane = session.lane
    account = await session.identity()
    if isinstance(account, Fault):
        yield account
        return
    client = ModelClient(session)
    for model in models_of(manifest, lane):
        for attempt in range(1, ATTEMPTS_MAX + 1):
            name = name_of(model, lane, attempt)
            seen = await client.describe(model_arn(lane, account, model.kind, name))
            if seen is None or (isinstance(seen, RemoteModel) and seen.status == "DELETING"):
                continue
            yield seen
            if isinstance(seen, Fault):
                return


async def remove_models(session: LaneSession, manifest: Manifest, *, dry: bool) -> int | Fault:
    """Delete them; how many there were. One that is being trained cannot be deleted, which is a Fault."""
    client = ModelClient(session)
    found = [seen async for seen in trained_in(session, manifest)]
    for seen in found:
        if isinstance(seen, Fault):
            return seen
        fault = None if dry else await client.delete(seen.arn)
        if fault is not None:
            return fault
    return len(found)


def _theirs(manifest: Manifest, analysis: AnalysisSpec, lane: LaneSpec) -> bool:
    model = analysis.model
    if model is None or not model.trained or not model.digest:
        return False
    return any(spec.name == lane.name for spec in lanes_of(manifest, analysis))
