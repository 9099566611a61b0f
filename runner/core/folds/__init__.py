"""What each kind of fact does to a run: plain functions of (run, event), called by `Run.apply` alone.

Whoever looks for the effect of an event finds its function here by its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from runner.core import events as e
from runner.core.folds import calls, outputs, plan, starting, watching

if TYPE_CHECKING:
    from runner.core.records import JobRecord
    from runner.core.run import Run

RunFold = Callable[["Run", Any], None]
JobFold = Callable[["Run", Any, "JobRecord"], None]

RUN_EVENTS: Final[Mapping[type[e.Event], RunFold]] = MappingProxyType(
    {
        e.RunBegan: plan.run_began,
        e.SessionOpened: plan.session_opened,
        e.ListingTaken: plan.listing_taken,
        e.RangeSurveyed: plan.range_surveyed,
        e.SurveyFinished: plan.survey_finished,
        e.BatchPlanned: plan.batch_planned,
        e.JobPlanned: plan.job_planned,
        e.PlanFinished: plan.plan_finished,
        e.GatePassed: plan.gate_passed,
        e.RunFinished: plan.run_finished,
        e.TrainingIntended: plan.training_intended,
        e.ModelAwaited: plan.model_awaited,
        e.ModelReady: plan.model_ready,
        e.Reopened: plan.reopened,
        e.CancelAsked: plan.cancel_asked,
        e.BatchStaged: starting.batch_staged,
        e.StagingFailed: plan.noted,
        e.StagingLost: starting.staging_lost,
        e.WorkParked: calls.work_parked,
        e.PaceChanged: calls.pace_changed,
        e.BudgetReached: plan.budget_reached,
        e.RepairFailed: plan.noted,
        e.LanguagesRouted: plan.languages_routed,
        e.SegmentMerged: outputs.segment_merged,
        e.MergeFailed: plan.noted,
        e.FilePatched: outputs.file_patched,
        e.Launched: calls.launched,
        e.Landed: calls.landed,
        e.Swept: watching.swept,
        e.StrangersSeen: calls.strangers_seen,
        e.SlotsCounted: calls.slots_counted,
        e.Repredicted: watching.repredicted,
    }
)
"""Facts about the run, its lanes and its books."""

MOVES: Final[Mapping[type[e.Event], JobFold]] = MappingProxyType(
    {
        e.StartIntended: starting.start_intended,
        e.StartAccepted: starting.start_accepted,
        e.StartRefused: starting.start_refused,
        e.StartUnanswered: starting.start_unanswered,
        e.StartNotFound: starting.start_not_found,
        e.StatusSeen: watching.status_seen,
        e.GenerationLost: watching.generation_lost,
        e.GenerationRenewed: watching.generation_renewed,
        e.JobGivenUp: watching.job_given_up,
        e.JobCut: watching.job_cut,
        e.Collected: outputs.collected,
        e.CollectFailed: outputs.collect_failed,
    }
)
"""Facts that move a job; `runner.core.states` says which may befall it."""

CALLS: Final[Mapping[type[e.Event], JobFold]] = MappingProxyType(
    {
        e.CheckFailed: starting.check_failed,
        e.DuplicateFound: starting.duplicate_found,
        e.SingleConfirmed: starting.single_confirmed,
        e.StopAnswered: watching.stop_answered,
        e.StopFailed: watching.stop_failed,
    }
)
"""Facts about calls beside a job's life, which move nothing."""
