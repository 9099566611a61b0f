"""What the probe of a lane sends: two tiny inputs, the jobs that read them, and what they cost at the most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runner.catalogue import FAMILIES, Family, units
from runner.model import JobKey, LaneSpec, Manifest, StartRequest
from runner.planning.price import FamilyCost, Units, family_cost

FAMILY: Final = "sentiment"
"""Its price is known, it can be stopped, and the code in its output path is one of the facts that are looked for."""
JOBS_MAX: Final = 5
"""One, the same again at once and at its end, the same token with other parameters, and a tiny one."""

FLAT: Final = "probe-1.txt"
NESTED: Final = "below/probe-2.txt"
TINY: Final = "probe-3.txt"
BLANK: Final = (1, 3)
"""The lines of `FLAT` that are empty, and white space only."""

_SENTENCE: Final = "The runner asks how this service behaves, and this line is there to be read by a job that tells it"
_LINES: Final = (
    f"{_SENTENCE}, the first of three.",
    "",
    f"{_SENTENCE}, the second of three.",
    "   ",
    f"{_SENTENCE}, the third of three.",
)
INPUTS: Final = {
    "plain": {FLAT: "\n".join(_LINES) + "\n", NESTED: f"{_SENTENCE}, in a folder.\n{_SENTENCE}, the last of them.\n"},
    "tiny": {TINY: "A good day.\n"},
}
"""Inputs by name: objects below a prefix of their own. `plain` has more than the 500 bytes that may be the least."""


@dataclass(frozen=True, slots=True)
class ProbeJobs:
    """The Starts of one probe. `name` begins every JobName, and is in every key."""

    lane: LaneSpec
    name: str

    @property
    def base(self) -> str:
        """Everything that a probe has in S3 lies below this."""
        return f"{self.lane.staging}{self.name}/"

    @property
    def row(self) -> Family:
        """The row of the catalogue."""
        return FAMILIES[FAMILY]

    @property
    def first(self) -> StartRequest:
        """The job that is started, and started again."""
        return self._request("first", "plain", token=self._token("first"))

    @property
    def other(self) -> StartRequest:
        """Another job with the token of the first."""
        return self._request("other", "plain", token=self._token("first"))

    @property
    def tiny(self) -> StartRequest:
        """A job that reads less than 500 bytes."""
        return self._request("tiny", "tiny", token=self._token("tiny"))

    @property
    def names(self) -> tuple[str, ...]:
        """The JobNames that jobs of this probe can have."""
        return tuple(request.name for request in (self.first, self.other, self.tiny))

    def objects(self) -> dict[str, bytes]:
        """What is staged, by URI."""
        return {
            f"{self.base}in/{input_}/{key}": text.encode()
            for input_, files in INPUTS.items()
            for key, text in files.items()
        }

    def _token(self, job: str) -> str:
        return f"{self.name}-{job}"

    def _request(self, job: str, input_: str, *, token: str) -> StartRequest:
        return StartRequest(
            family=FAMILY,
            generation=0,
            job=JobKey(job),
            name=f"{self.name}-{job}",
            token=token,
            input_uri=f"{self.base}in/{input_}/",
            output_uri=f"{self.base}out/{job}/",
            language="en",
        )


def probe_cost(manifest: Manifest, lanes: int) -> FamilyCost:
    """What the probes of so many lanes cost at the most: every job carried out, blank lines counted as documents."""
    upper = {
        name: sum(units(len(line)) for text in files.values() for line in text.splitlines())
        for name, files in INPUTS.items()
    }
    each = (JOBS_MAX - 1) * upper["plain"] + upper["tiny"]
    return family_cost(manifest, FAMILY, Units(upper=lanes * each, lower=0))
