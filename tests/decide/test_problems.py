"""O10: what counts as a problem, row by row of the table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ticketbot.decide import problems

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CALM = problems.Facts(now=NOON, running_since=NOON - 24 * HOUR, business_hours="mon-fri 08:00-18:00")


def found(facts: problems.Facts, already: Mapping[str, datetime] | None = None) -> dict[str, problems.Finding]:
    return {each.key: each for each in problems.find(facts, already or {})}


def outage(minutes: float, *, service: str = "webex", denied: bool = False) -> problems.Outage:
    return problems.Outage(service, NOON - minutes * MINUTE, denied, "503")


def test_a_calm_server_has_no_problem() -> None:
    assert found(CALM) == {}


def test_a_service_is_unavailable_after_five_minutes() -> None:
    assert found(replace(CALM, outages=(outage(4.9),))) == {}
    assert list(found(replace(CALM, outages=(outage(4.9), outage(5))))) == ["webex_unavailable"]
    assert list(found(replace(CALM, outages=(outage(9, service="connectwise"),)))) == ["connectwise_unavailable"]


def test_what_was_away_when_the_server_started_gets_another_five_minutes() -> None:
    """The outage may have ended while nothing ran."""
    just_started = replace(CALM, running_since=NOON - 4 * MINUTE, outages=(outage(600),))
    assert found(just_started) == {}
    assert list(found(just_started, {"webex_unavailable": NOON - 600 * MINUTE})) == ["webex_unavailable"]


def test_refused_credentials_are_a_problem_at_once() -> None:
    facts = replace(CALM, outages=(outage(0, denied=True),))
    assert found(facts) == {"webex_refused": problems.Finding("webex_refused", NOON, "503")}


def test_an_outage_that_turns_into_a_refusal_goes_on() -> None:
    facts = replace(CALM, outages=(outage(20, denied=True),))
    assert set(found(facts, {"webex_unavailable": NOON - 20 * MINUTE})) == {"webex_unavailable", "webex_refused"}
    assert set(found(facts, {"webex_unavailable": NOON - 21 * MINUTE})) == {"webex_refused"}


@pytest.mark.parametrize(
    ("counts", "said"),
    [((1, 0), "1 event"), ((0, 2), "2 notifications"), ((2, 1), "2 events and 1 notification")],
)
def test_what_died_is_counted(counts: tuple[int, int], said: str) -> None:
    dead = problems.Dead(*counts, since=NOON)
    assert found(replace(CALM, dead=dead))["dead"].detail == f"{said} within the last 24 hours"


def silent(hours: float, **more: Any) -> problems.Facts:
    facts = replace(CALM, running_since=NOON - 100 * HOUR, silence_after=2 * HOUR, last_webhook_at=NOON - hours * HOUR)
    return replace(facts, **more)


def test_silence_within_business_hours_is_a_problem() -> None:
    assert found(silent(1.9)) == {}
    assert found(silent(2))["no_webhook"].since == NOON - 2 * HOUR
    assert found(silent(2, silence_after=None)) == {}


def test_silence_begins_with_the_start_of_the_server_at_the_earliest() -> None:
    assert found(silent(9, running_since=NOON - HOUR)) == {}
    assert found(silent(9, last_webhook_at=None))["no_webhook"].since == NOON - 100 * HOUR


def test_a_night_is_no_silence_and_no_alert_begins_in_it() -> None:
    assert found(silent(16, now=NOON - 3 * HOUR, last_webhook_at=NOON - 20 * HOUR)) == {}  # 9:00
    assert found(silent(16, now=NOON + 7 * HOUR)) == {}  # 19:00


def test_only_a_webhook_ends_the_silence() -> None:
    already = {"no_webhook": NOON - 3 * HOUR}
    assert list(found(silent(3, now=NOON + 7 * HOUR, running_since=NOON), already)) == ["no_webhook"]
    assert list(found(silent(3, last_webhook_at=None), already)) == ["no_webhook"]
    assert found(silent(0.1), already) == {}


def sync(*parts: str, failed: bool, hours: float = 1, error: str = "") -> problems.EndedSync:
    return problems.EndedSync(frozenset(parts), failed, NOON - hours * HOUR, error)


def test_the_latest_sync_of_each_part_counts() -> None:
    failed = sync("boards", "tickets", failed=True, hours=2, error="guard")
    assert found(replace(CALM, syncs=(failed,)))["sync_failed"].detail == "boards, tickets: guard"
    later = sync("boards", failed=False)
    assert found(replace(CALM, syncs=(later, failed)))["sync_failed"].detail == "tickets: guard"
    assert found(replace(CALM, syncs=(sync("tickets", failed=False), later, failed))) == {}
    assert found(replace(CALM, syncs=(sync("tickets", failed=True),)))["sync_failed"].detail == "tickets"


def test_a_scheduled_sync_is_overdue_after_a_day_without_any() -> None:
    """S5."""
    facts = replace(CALM, running_since=NOON - 99 * HOUR, scheduled_sync_at=NOON - 27 * HOUR)
    assert found(facts)["sync_overdue"].since == NOON - 27 * HOUR
    assert found(replace(facts, scheduled_sync_at=NOON - 26 * HOUR)) == {}
    assert found(replace(facts, scheduled_sync_at=None)) == {}
    assert found(replace(facts, syncs=(sync("boards", failed=False, hours=9),))) == {}


def test_an_overdue_sync_stays_one_when_the_server_starts_again() -> None:
    facts = replace(CALM, running_since=NOON, scheduled_sync_at=NOON - 27 * HOUR)
    assert found(facts) == {}
    already = {"sync_overdue": NOON - 27 * HOUR}
    assert list(found(facts, already)) == ["sync_overdue"]
    assert found(replace(facts, scheduled_sync_at=NOON), already) == {}


def test_a_repaired_callback_and_notifications_off() -> None:
    facts = replace(CALM, callback_repaired_at=NOON - HOUR, attempt_notify=False)
    assert {key: each.since for key, each in found(facts).items()} == {
        "callback_repaired": NOON - HOUR,
        "notifications_off": NOON,
    }


def test_each_vanished_recipient_is_a_problem_of_its_own() -> None:
    two = (problems.Vanished(3, "Help Desk", (1, 7)), problems.Vanished(4, "Ben", (2,)))
    facts = found(replace(CALM, vanished=two))
    assert list(facts) == ["recipient_vanished:3", "recipient_vanished:4"]
    assert facts["recipient_vanished:3"].detail.startswith("Help Desk, recipient 3, of rules 1, 7:")
    assert problems.of("recipient_vanished:3").name == "recipient_vanished"


def test_nothing_can_be_sent_while_webex_is_away_or_refuses_us() -> None:
    """O11."""
    assert not problems.is_unable_to_send(replace(CALM, outages=(outage(9, service="connectwise"),)))
    assert not problems.is_unable_to_send(replace(CALM, outages=(outage(1),)))
    assert problems.is_unable_to_send(replace(CALM, outages=(outage(9),)))
    assert problems.is_unable_to_send(replace(CALM, outages=(outage(0, denied=True),)))


def test_every_row_has_a_name_of_its_own_and_a_command() -> None:
    assert len(problems.BY_NAME) == len(problems.PROBLEMS)
    assert all(each.command.startswith("tbot ") for each in problems.PROBLEMS)
