"""When to try again, when to give up, when everybody waits (T7, L2, L3, L4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ticketbot import errors
from ticketbot.decide import retry

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(hours=24)
NO_JITTER = 0.0

NETWORK = errors.RemoteUnavailable("no answer", service="connectwise")


def _throttled(service: str, retry_after_s: float | None, status: int = 429) -> errors.RemoteThrottled:
    return errors.RemoteThrottled("slow down", service=service, status=status, retry_after_s=retry_after_s)


def _event(error: Exception, **more: Any) -> retry.EventVerdict:
    known = {"received_at": NOW, "attempts": 0, "bugs": 0, "failed_holds": 0, "jitter": NO_JITTER}
    return retry.event_failed(error, now=NOW, **{**known, **more})


def _message(error: Exception, **more: Any) -> retry.MessageVerdict:
    known = {"give_up_at": NOW + DAY, "failures": 0, "failing_since": None, "failed_holds": 0, "jitter": NO_JITTER}
    return retry.message_failed(error, now=NOW, **{**known, **more})


def _after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class TestEvents:
    """What becomes of an event that failed."""

    @pytest.mark.parametrize(("attempts", "wait_s"), [(0, 1), (1, 2), (5, 32), (8, 256), (9, 300), (5000, 300)])
    def test_it_is_tried_again_after_a_second_doubling_to_five_minutes(self, attempts: int, wait_s: float) -> None:
        """T7."""
        assert _event(NETWORK, attempts=attempts) == retry.EventVerdict("no answer", attempts + 1, 0, _after(wait_s))

    def test_the_wait_that_connectwise_asks_for_is_kept(self) -> None:
        """T7."""
        assert _event(_throttled("connectwise", 42)).retry_at == _after(42)

    def test_a_429_does_not_hold_other_events(self) -> None:
        """T7: the client paces itself."""
        assert _event(_throttled("connectwise", 42)).hold_until is None

    def test_it_is_given_up_24_hours_after_the_latest_hook(self) -> None:
        """T7."""
        verdict = _event(NETWORK, received_at=NOW - DAY)

        assert (verdict.retry_at, verdict.reason) == (None, "given up after 24 hours: no answer")
        assert _event(NETWORK, received_at=NOW - DAY + timedelta(seconds=1)).retry_at == _after(1)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_denied_credentials_hold_all_events(self, status: int) -> None:
        """T7: ever longer, as long as they are denied."""
        verdict = _event(
            errors.RemoteDenied("denied", service="connectwise", status=status), attempts=7, failed_holds=2
        )

        assert verdict == retry.EventVerdict("denied", 8, 0, _after(4), hold_until=_after(4))

    def test_denied_by_webex_is_no_reason_to_hold_events(self) -> None:
        """T7: that the people cannot be looked up is about this event."""
        assert _event(errors.RemoteDenied("401", service="webex", status=401)).hold_until is None

    @pytest.mark.parametrize(("bugs", "retry_at"), [(0, _after(1)), (3, _after(8)), (4, None)])
    def test_a_bug_of_ours_gets_five_tries(self, bugs: int, retry_at: datetime | None) -> None:
        """T7: and does not count as trouble of the outside world."""
        verdict = _event(KeyError("owner"), bugs=bugs, attempts=3)

        assert verdict == retry.EventVerdict("a bug in tbot: KeyError: 'owner'", 3, bugs + 1, retry_at)


class TestMessages:
    """What becomes of a message that was not sent."""

    def test_trouble_that_passes_is_tried_again(self) -> None:
        """L2."""
        verdict = _message(errors.RemoteUnavailable("502", service="webex", status=502, tracking_id="T-1"), failures=2)

        assert verdict == retry.MessageVerdict("502", 3, _after(4), failing_since=NOW, tracking_id="T-1")

    @pytest.mark.parametrize(
        "error", [_throttled("webex", 30), errors.RemoteDenied("401", service="webex", status=401)]
    )
    def test_a_429_and_a_401_hold_all_sending_and_are_nobodys_failure(self, error: Exception) -> None:
        """L2, L3: neither counts towards overtaking."""
        since = NOW - timedelta(hours=2)
        verdict = _message(error, failures=4, failing_since=since, failed_holds=5, give_up_at=NOW)

        wait_s = 30 if isinstance(error, errors.RemoteThrottled) else 32
        assert (verdict.retry_at, verdict.hold_until) == (_after(wait_s), _after(wait_s))
        assert (verdict.failures, verdict.failing_since, verdict.may_be_overtaken) == (4, since, False)

    def test_a_423_waits_alone(self) -> None:
        """L2: only a 429 is about the bot."""
        verdict = _message(_throttled("webex", 30, status=423))

        assert (verdict.retry_at, verdict.hold_until, verdict.failures) == (_after(30), None, 1)

    @pytest.mark.parametrize(
        "error",
        [
            errors.RemoteRefused("no such room", service="webex", status=400),
            errors.RemoteDenied("not in the room", service="webex", status=403),
            errors.RemoteGone("404", service="webex", status=404),
            errors.MessageTooLong("too long, twice", service="webex", status=400),
            KeyError("a bug"),
        ],
    )
    def test_what_can_never_succeed_is_dead_at_once(self, error: Exception) -> None:
        """L3: others go on."""
        verdict = _message(error)

        assert (verdict.retry_at, verdict.hold_until, verdict.failures) == (None, None, 1)
        assert verdict.reason == str(error)

    @pytest.mark.parametrize("outcome_unknown", [True, False])
    def test_what_would_be_tried_after_24_hours_is_dead(self, outcome_unknown: bool) -> None:
        """L2, at-least-once-flagged: and sent again by hand it is a possible duplicate if it may have gone out."""
        error = errors.RemoteUnavailable("cut", service="webex", outcome_unknown=outcome_unknown)
        verdict = _message(error, give_up_at=_after(1))

        assert (verdict.retry_at, verdict.reason) == (None, "given up after 24 hours: cut")
        assert verdict.possible_duplicate is outcome_unknown
        assert _message(error, give_up_at=_after(1.5)).retry_at == _after(1)

    def test_an_unknown_outcome_is_flagged(self) -> None:
        """L2."""
        assert _message(errors.RemoteUnavailable("cut", service="webex", outcome_unknown=True)).possible_duplicate
        assert not _message(errors.RemoteUnavailable("refused", service="webex")).possible_duplicate
        assert not _message(errors.Unreachable("the database is away")).possible_duplicate

    @pytest.mark.parametrize(
        ("failures", "minutes", "overtaken"), [(3, 0, False), (4, 0, True), (0, 9.9, False), (0, 10, True)]
    )
    def test_after_five_failures_or_ten_minutes_it_may_be_overtaken(
        self, failures: int, minutes: float, overtaken: bool
    ) -> None:
        """L4."""
        error = errors.RemoteUnavailable("502", service="webex", status=502)
        verdict = _message(error, failures=failures, failing_since=NOW - timedelta(minutes=minutes))

        assert verdict.may_be_overtaken is overtaken
