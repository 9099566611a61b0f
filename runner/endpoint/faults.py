"""Faults on demand: a list of rules, each with a choice of requests or jobs and one thing it does to them.

    - {service: comprehend, operation: "Start*", do: answer_lost, times: 1}
    - {service: s3, operation: GetObject, key: "staging/*", do: slow_down, probability: 0.2, seed: 7}
    - {operation: StartSentimentDetectionJob, job_name: "*-3", do: job_failed, message: "INTERNAL: gone", after_s: 1}
    - {service: comprehend, do: throttle, from_s: 10, for_s: 5, every_s: 60}
    - {operation: StartTopicsDetectionJob, do: family_closed}

They come from `serve --faults FILE` (YAML or JSON), or while it runs:

    curl -X POST http://127.0.0.1:4599/_runner/faults -d '[{"operation": "Start*", "do": "throttle", "times": 3}]'

which replaces all rules (`[]`: none) and begins their counters and hours anew; GET shows those in force.

| chooses, all must match | |
|---|---|
| `service` | comprehend, s3, sts, or `*` (default) |
| `operation` | as in botocore's models, with `*` and `?`; a rule that concerns jobs is matched with their Start |
| `key` | matched with `bucket/key` of S3's requests |
| `job_name` | matched with a Start's JobName |
| `text` | of what happens to a job: only if an object that it reads holds this |

| thins out | |
|---|---|
| `from_s`, `for_s`, `every_s` | in force from then on, for so long, again each so many seconds |
| `after` | the first so many that match pass untouched |
| `probability`, `seed` | then each is hit with it; the dice are seeded |
| `times` | at most so many are hit |
"""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from runner.endpoint.effects import EFFECTS, Reach
from runner.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["FaultBook", "Rule", "parse_rules", "read_rules"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule. The first block chooses (all must match), the second thins out, the third says what happens."""

    service: Literal["s3", "comprehend", "sts", "*"] = "*"
    operation: str = "*"
    key: str = "*"
    job_name: str = "*"
    text: str | None = None

    from_s: float = 0.0
    for_s: float | None = None
    every_s: float | None = None
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
    bytes_per_s: float = 100_000.0
    skew_s: float = 0.0

    def as_fault(self) -> dict[str, Any]:
        """What a job's record keeps of a rule that hit it."""
        kept = {"do": self.do, "share": self.share, "seed": self.seed, "after_s": self.after_s}
        if self.text is not None:
            kept["text"] = self.text
        failure = EFFECTS[self.do].failure
        return kept if failure is None else {**kept, "do": "job_failed", "message": self.message or failure}

    def chooses(self, service: str, operation: str, key: str, job_name: str) -> bool:
        """Whether the first block matches."""
        return (
            self.service in ("*", service)
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(key, self.key)
            and fnmatchcase(job_name, self.job_name)
        )

    def in_force(self, since_s: float) -> bool:
        """Whether its hours cover the moment `since_s` seconds after it was given. A refusal's `for_s` is its own."""
        since_s -= self.from_s
        if since_s < 0 or self.for_s is None or self.do == "refuse":
            return since_s >= 0
        return (since_s % self.every_s if self.every_s else since_s) < self.for_s


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
    """The rules in force; `replace` puts others in their place, with fresh counters and dice.

    `clock` gives seconds, and never goes backwards.
    """

    def __init__(self, rules: Sequence[Rule] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.replace(rules)

    def replace(self, rules: Sequence[Rule]) -> None:
        """Put these rules in force instead."""
        self.rules = list(rules)
        self._since = self._clock()
        armed = [_Armed(rule) for rule in rules]
        self._armed: dict[Reach, list[_Armed]] = {
            reach: [each for each in armed if EFFECTS[each.rule.do].reach == reach] for reach in get_args(Reach)
        }

    def on_request(self, service: str, operation: str, *, key: str = "", job_name: str = "") -> list[Rule]:
        """The rules that hit this request, in their order."""
        return self._fired("request", service, operation, key, job_name)

    def on_job(self, operation: str, job_name: str) -> list[dict[str, Any]]:
        """What is laid on a job that this Start begins."""
        return [rule.as_fault() for rule in self._fired("job", "comprehend", operation, "", job_name)]

    def skew_s(self) -> float:
        """How far the endpoint's clock is ahead."""
        rules = self._armed["clock"]
        if not rules:
            return 0.0
        since = self._clock() - self._since
        return sum(armed.rule.skew_s for armed in rules if armed.rule.in_force(since))

    def _fired(self, reach: Reach, service: str, operation: str, key: str, job_name: str) -> list[Rule]:
        rules = self._armed[reach]
        if not rules:
            return []
        since = self._clock() - self._since
        return [
            armed.rule
            for armed in rules
            if armed.rule.chooses(service, operation, key, job_name) and armed.rule.in_force(since) and armed.fires()
        ]


def read_rules(path: Path) -> list[Rule]:
    """The rules of a YAML or JSON file; UserError says what is wrong with it."""
    import yaml

    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UserError(
            f"the faults file {path} cannot be read: {error.strerror or error}",
            hint="give --faults a YAML or JSON file with rules; `runner serve --list-faults` says what there is",
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"the faults file {path} is not UTF-8: {error.reason} at byte {error.start}") from error
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"the faults file {path} is not YAML: {' '.join(str(error).split())}") from error
    return parse_rules(value, str(path))


def parse_rules(value: object, where: str) -> list[Rule]:
    """Rules from plain values: a list of mappings, or a mapping whose `rules` is one."""
    rules = value.get("rules", value) if isinstance(value, dict) else value
    try:
        parsed = msgspec.convert(rules or [], list[Rule])
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}", hint="a list of rules such as {operation: 'Start*', do: drop}") from error
    for number, rule in enumerate(parsed):
        complaint = _complaint(rule)
        if complaint is not None:
            raise UserError(f"{where}: rule {number}: {complaint[0]}", hint=complaint[1])
    return parsed


def _complaint(rule: Rule) -> tuple[str, str] | None:
    """What is wrong with a rule whose types are right, and what would be valid."""
    if rule.do not in EFFECTS:
        return f"no fault called {rule.do!r}", f"valid: {', '.join(EFFECTS)}"
    if rule.do == "error" and rule.code is None:
        return "an error needs a code", "such as code: InternalServerError"
    if rule.text is not None and EFFECTS[rule.do].reach != "job":
        return f"{rule.do} knows nothing of what a job reads", "text goes with what happens to jobs, such as job_failed"
    if rule.do == "clock_skew" and rule.skew_s == 0:
        return "a skewed clock needs skew_s", "seconds ahead, or behind if negative: skew_s: 1200"
    for name in ("probability", "share"):
        if not 0 <= getattr(rule, name) <= 1:
            return f"{name} {getattr(rule, name)} is no share", "valid: 0 to 1"
    for name in ("from_s", "for_s", "every_s", "delay_s", "after_s", "after", "times"):
        if (getattr(rule, name) or 0) < 0:
            return f"{name} {getattr(rule, name)} is negative", "valid: 0 or more"
    if rule.every_s is not None and (rule.for_s is None or rule.every_s <= rule.for_s):
        return f"every_s {rule.every_s} needs a shorter for_s", "such as for_s: 5, every_s: 60"
    if rule.bytes_per_s <= 0:
        return f"bytes_per_s {rule.bytes_per_s} would never end", "valid: more than 0"
    return None
