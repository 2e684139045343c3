"""Trials in words (R6)."""

from __future__ import annotations

from datetime import UTC, datetime

from ticketbot.api import trial_responses
from ticketbot.present import trials

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_summary_names_what_was_left_out_and_the_busiest_hour() -> None:
    found = trial_responses.Backtest(
        events=9,
        left_out=1,
        decided=1,
        proposed=12,
        by_recipient=[],
        by_day=[],
        busiest_hour=trial_responses.BacktestHour(at=NOW, proposed=7),
        samples=[],
        people_from_cache=2,
    )
    assert list(trials.summary(found, lambda at: f"{at:%H:%M}")) == [
        "9 events decided again: 1 notification sent",
        "With the rule: 12 notifications",
        "Left out, because what they were decided on is not kept: 1 event",
        "Known only as they were found last: 2 assigned people",
        "Busiest hour: the one from 09:00, with 7 notifications",
    ]


def test_samples_say_what_is_new_and_what_is_gone() -> None:
    sample = trial_responses.BacktestSample(
        ticket_id=1, event="new", recipient_name="Help Desk", decided=True, proposed=False, reason="rule 1"
    )
    assert [column.read(sample) for column in trials.SAMPLES] == [1, "new", "Help Desk", "gone", "rule 1"]
