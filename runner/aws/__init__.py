"""The adapter to Amazon Comprehend, S3 and STS: everything that speaks to a lane.

A `LaneSession` is opened per lane; `ComprehendClient` and `StagingClient` work over it. Their methods give values of
`runner.model` or a Fault, classified by the one table in `faults`. This room decides nothing: no pacing, no retries.
"""

from runner.aws.comprehend import ComprehendClient
from runner.aws.faults import classify, classify_failed
from runner.aws.session import LaneSession
from runner.aws.transfer import StagingClient

__all__ = ["ComprehendClient", "LaneSession", "StagingClient", "classify", "classify_failed"]
