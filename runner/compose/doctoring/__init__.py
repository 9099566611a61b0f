"""`runner doctor`: everything that a run needs, looked at before anything is spent, with what to do about it."""

from runner.compose.doctoring.examining import examine, policies
from runner.compose.doctoring.findings import Finding

__all__ = ["Finding", "examine", "policies"]
