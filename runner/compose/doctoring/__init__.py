"""`runner doctor`: everything that a run needs, looked at before anything is spent, with what to do about it.

With `--probe`, a few tiny jobs besides, to see how the service behaves where its documentation is silent.
"""

from runner.compose.doctoring.examining import examine, policies
from runner.compose.doctoring.findings import Finding
from runner.compose.doctoring.observations import Fact
from runner.compose.doctoring.probejobs import JOBS_MAX, probe_cost
from runner.compose.doctoring.probing import probe

__all__ = ["JOBS_MAX", "Fact", "Finding", "examine", "policies", "probe", "probe_cost"]
