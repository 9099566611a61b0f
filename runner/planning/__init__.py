"""Which jobs there will be, what they cost and how long they take; pure."""

from runner.planning.durations import Basis, DurationModel, Load, Prediction
from runner.planning.packing import PlannedWork, pack
from runner.planning.plan import PLAN_VERSION, OperationForecast, Plan, gate, make_plan
from runner.planning.price import FamilyCost, Units
from runner.planning.repair import repair_batch
from runner.planning.rows import Row

__all__ = [
    "PLAN_VERSION",
    "Basis",
    "DurationModel",
    "FamilyCost",
    "Load",
    "OperationForecast",
    "Plan",
    "PlannedWork",
    "Prediction",
    "Row",
    "Units",
    "gate",
    "make_plan",
    "pack",
    "repair_batch",
]
