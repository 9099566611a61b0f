"""Faults on demand: a list of rules, each with a choice of requests or jobs and one thing it does to them.

Owns the rules, their counters and their dice. Knows nothing of HTTP or jobs: it answers which rules fire, and
whoever asks does what they say. A further fault is a further row of `EFFECTS`, and a line where it is done.

    - {service: comprehend, operation: "Start*", do: answer_lost, times: 1}
    - {service: s3, operation: GetObject, key: "staging/*", do: slow_down, probability: 0.2, seed: 7}
    - {operation: StartSentimentDetectionJob, job_name: "*-3", do: job_failed, message: "INTERNAL: gone", after_s: 1}
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec

from runner.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["EFFECTS", "FaultBook", "Rule", "parse_rules", "read_rules"]

Reach = Literal["request", "job"]

EFFECTS: Final[dict[str, Reach]] = {
    "throttle": "request",  # 429 ThrottlingException; from S3 503 SlowDown
    "error": "request",  # `status`, `code`, `message` as given
    "slow_down": "request",  # S3's 503
    "expired_token": "request",
    "access_denied": "request",
    "delay": "request",  # `delay_s`, then as if nothing had happened
    "drop": "request",  # the connection ends before anything is done
    "answer_lost": "request",  # it is done, and the connection ends before the answer
    "job_failed": "job",  # FAILED with `message`, `after_s` after its work began
    "job_stuck": "job",  # IN_PROGRESS until it is stopped
    "archive_truncated": "job",  # only the first `share` of output.tar.gz is there
    "rows_missing": "job",  # `share` of the rows is left out, ...
    "rows_doubled": "job",  # ... written twice, ...
    "rows_altered": "job",  # ... or bears another row's answer
}
"""What a rule can do -> whether it concerns one request, or a job for the rest of its life."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. The first block chooses (all must match), the second thins out, the third says what happens.

    `key` is matched with `bucket/key`; `job_name` with a Start's JobName. Of what matches, the first `after`
    pass untouched, then each is hit with `probability`, at most `times` of them.
    """

    service: Literal["s3", "comprehend", "sts", "*"] = "*"
    operation: str = "*"
    key: str = "*"
    job_name: str = "*"

    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0

    do: str
    status: int | None = None
    code: str | None = None
    message: str | None = None
    delay_s: float = 0.0
    after_s: float = 0.0
    share: float = 0.5

    def as_fault(self) -> dict[str, Any]:
        """What a job's record keeps of a rule that hit it."""
        kept = {"do": self.do, "share": self.share, "seed": self.seed, "after_s": self.after_s}
        return {**kept, "message": self.message} if self.message else kept

    def chooses(self, service: str, operation: str, key: str, job_name: str) -> bool:
        """Whether the first block matches."""
        return (
            self.service in ("*", service)
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(key, self.key)
            and fnmatchcase(job_name, self.job_name)
        )


class _Armed:
    """A rule with its counters and dice."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._matched = 0
        self._fired = 0
        self._dice = Random(rule.seed)  # noqa: S311 - reproducible on purpose

    def fires(self) -> bool:
        rule = self.rule
        self._matched += 1
        if self._matched <= rule.after or (rule.times is not None and self._fired >= rule.times):
            return False
        if rule.probability < 1 and self._dice.random() >= rule.probability:
            return False
        self._fired += 1
        return True


class FaultBook:
    """The rules in force; `replace` puts others in their place, with fresh counters and dice."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.replace(rules)

    def replace(self, rules: Sequence[Rule]) -> None:
        """Put these rules in force instead."""
        armed = [_Armed(rule) for rule in rules]
        self._armed: dict[Reach, list[_Armed]] = {
            reach: [each for each in armed if EFFECTS[each.rule.do] == reach] for reach in get_args(Reach)
        }

    def on_request(self, service: str, operation: str, *, key: str = "", job_name: str = "") -> list[Rule]:
        """The rules that hit this request, in their order."""
        return self._fired("request", service, operation, key, job_name)

    def on_job(self, operation: str, job_name: str) -> list[dict[str, Any]]:
        """What is laid on a job that this Start begins."""
        return [rule.as_fault() for rule in self._fired("job", "comprehend", operation, "", job_name)]

    def _fired(self, reach: Reach, service: str, operation: str, key: str, job_name: str) -> list[Rule]:
        return [
            armed.rule
            for armed in self._armed[reach]
            if armed.rule.chooses(service, operation, key, job_name) and armed.fires()
        ]


def read_rules(path: Path) -> list[Rule]:
    """The rules of a YAML or JSON file; UserError says what is wrong with it."""
    import yaml

    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}") from error
    return parse_rules(value, str(path))


def parse_rules(value: object, where: str) -> list[Rule]:
    """Rules from plain values: a list of mappings, or a mapping whose `rules` is one."""
    rules = value.get("rules", value) if isinstance(value, dict) else value
    try:
        parsed = msgspec.convert(rules or [], list[Rule])
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}", hint="a list of rules such as {operation: 'Start*', do: drop}") from error
    for number, rule in enumerate(parsed):
        if rule.do not in EFFECTS:
            raise UserError(f"{where}: rule {number}: no fault called {rule.do!r}", hint=f"valid: {', '.join(EFFECTS)}")
        if rule.do == "error" and rule.code is None:
            raise UserError(f"{where}: rule {number}: an error needs a code", hint="such as code: InternalServerError")
    return parsed
