"""Laws of waiting: bounded, growing, and never longer than a service may ask (T7, L2)."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ticketbot import errors
from ticketbot.decide import retry

failures = st.integers(0, 10_000)
jitters = st.floats(0, 1)


def _throttled(retry_after_s: float | None) -> errors.RemoteThrottled:
    return errors.RemoteThrottled("slow down", service="webex", status=429, retry_after_s=retry_after_s)


@given(failures, jitters)
def test_delay_starts_at_a_second_and_is_at_most_five_minutes(number: int, jitter: float) -> None:
    """T7, L2: jitter takes up to a quarter off."""
    ideal = min(2.0 ** min(max(number, 1) - 1, 30), 300)

    assert 0.75 * ideal <= retry.delay_s(number, jitter) <= ideal


@given(failures, failures, jitters)
def test_delay_never_shrinks_with_more_failures(one: int, other: int, jitter: float) -> None:
    """T7, L2."""
    assert retry.delay_s(min(one, other), jitter) <= retry.delay_s(max(one, other), jitter)


@given(st.floats(0, allow_nan=False), failures, jitters)
def test_retry_after_is_honored_up_to_15_minutes(requested_s: float, number: int, jitter: float) -> None:
    """L2: never less than a second, lest a zero makes us hammer."""
    wait_s = retry.wait_s(_throttled(requested_s), number, jitter)

    assert wait_s == min(max(requested_s, 1), 900)
    assert math.isfinite(wait_s)


@given(failures, jitters)
def test_without_retry_after_our_own_delay_applies(number: int, jitter: float) -> None:
    """L2: nonsense in Retry-After arrives here as None."""
    assert retry.wait_s(_throttled(None), number, jitter) == retry.delay_s(number, jitter)
    assert retry.wait_s(errors.Unreachable("away"), number, jitter) == retry.delay_s(number, jitter)
