"""Whether and when to try again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st

from runner.core.retry import CALLS, GENERATIONS, LOCAL_CALLS, OUTPUTS, Exhausted, RetryAt, backoff, decide

POLICIES = st.sampled_from([CALLS, LOCAL_CALLS, GENERATIONS, OUTPUTS])


@given(policy=POLICIES, failures=st.integers(1, 10_000), seed=st.integers())
def test_a_delay_is_between_half_and_all_of_the_doubled_base_and_never_above_the_cap(policy, failures, seed):
    full = min(policy.cap_s, policy.base_s * 2.0 ** min(failures - 1, 30))

    assert full / 2 <= backoff(policy, failures, (seed,)) <= full


def test_callers_spread_at_the_cap_too():
    """With the jitter inside the minimum, all of them would come back at one moment."""
    delays = {backoff(CALLS, 30, (number,)) for number in range(200)}

    assert len(delays) == 200
    assert min(delays) < 0.55 * CALLS.cap_s
    assert max(delays) > 0.95 * CALLS.cap_s


def test_the_same_failure_waits_the_same_time_in_every_process():
    assert backoff(CALLS, 3, ("run", "job")) == backoff(CALLS, 3, ("run", "job")) != backoff(CALLS, 3, ("run", "other"))


@given(policy=POLICIES, failures=st.integers(1, 100), elapsed=st.floats(0, 1e6))
def test_attempts_are_bounded_in_number_and_in_time(policy, failures, elapsed):
    decision = decide(policy, failures=failures, first_at=0.0, now=elapsed, seed=())

    over = failures >= policy.attempts_max or elapsed >= policy.elapsed_max_s
    assert isinstance(decision, Exhausted if over else RetryAt)
    if isinstance(decision, RetryAt):
        assert decision.at > elapsed


def test_giving_up_says_why():
    few = replace(CALLS, attempts_max=3)

    assert decide(few, failures=3, first_at=0.0, now=1.0, seed=()) == Exhausted("3 attempts")
    assert decide(few, failures=1, first_at=0.0, now=1_800.0, seed=()) == Exhausted("1800 s")


def test_half_an_hour_of_outage_is_lived_through():
    """COMPREHEND.md has no figure for outages; the bound in time is reached before the bound in attempts."""
    now, failures = 0.0, 0
    while True:
        failures += 1
        decision = decide(CALLS, failures=failures, first_at=0.0, now=now, seed=())
        if isinstance(decision, Exhausted):
            break
        now = decision.at

    assert now >= CALLS.elapsed_max_s * 0.75
