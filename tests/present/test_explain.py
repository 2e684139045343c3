"""Each fate of a message is said as it is, whatever was decided for it (D8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ticketbot.api import responses
from ticketbot.present import explain

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STYLE = explain.Style(
    moment=lambda at: at.strftime("%H:%M"), retry_notification="Retry {id} with R.", retry_event="Retry it with A."
)


def notification(state: str, **more: Any) -> responses.Notification:
    row: dict[str, Any] = {
        "id": 44, "ticket_id": 7, "note_id": None, "kind": "new", "recipient_id": 1, "recipient_name": "Help Desk",
        "recipient_type": "room", "reason": "rule 1", "forwarded_from": [], "attempts": 0, "error": None,
        "possible_duplicate": False, "overtaken": False, "webex_message_id": None, "tracking_id": None,
        "created_at": NOW, "next_try_at": None, "sent_at": None,
    }  # fmt: skip
    return responses.Notification(state=state, **{**row, **more})


def explanation(
    outcome: str, *rows: responses.Notification, reason: str = "rule 1", who: str = "Help Desk", **more: Any
) -> responses.Explanation:
    event: dict[str, Any] = {
        "id": 5, "ticket_id": 7, "state": "done", "source": "hook", "action": "added", "hooks": 1, "correlation": "c",
        "first_received_at": NOW, "received_at": NOW, "due_at": NOW, "finished_at": NOW, "attempts": 0, "error": None,
        "decisions": [responses.Decision(subject="new:7", who=who, outcome=outcome, reason=reason)],  # type: ignore[arg-type]
    }  # fmt: skip
    return responses.Explanation(
        ticket_id=7, ticket=None, events=[responses.Event(**{**event, **more})], notifications=list(rows)
    )


def sentences(what: responses.Explanation) -> list[str]:
    return [
        sentence
        for section in explain.sections(what, STYLE)
        for topic in section.topics
        for sentence in topic.sentences
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (notification("sent", sent_at=NOW), "Help Desk was notified on 09:00: rule 1"),
        (notification("sent", sent_at=NOW, message_id=7), "Help Desk was notified on 09:00 by message 7: rule 1"),
        (
            notification("sent", sent_at=NOW, message_id=7, shown=False),
            "Help Desk was notified on 09:00 by message 7, which does not show it: rule 1",
        ),
        (
            notification("pending", held_until=NOW),
            "Help Desk is not notified yet: held until 09:00 (rule 1)",
        ),
        (
            notification("sent", sent_at=NOW, attempts=2, possible_duplicate=True, overtaken=True),
            "Help Desk was notified on 09:00 after 2 tries, possibly twice, overtaken by later messages: rule 1",
        ),
        (
            notification("dead", died_at=NOW, attempts=2, error="no such room"),
            "Help Desk could not be notified (rule 1): no such room. Given up on 09:00 after 2 tries; Retry 44 with R.",
        ),
        (notification("dead"), "Help Desk could not be notified (rule 1). Given up; Retry 44 with R."),
        (
            notification("pending", attempts=1, error="Webex is down", next_try_at=NOW),
            "Help Desk is not notified yet, will retry on 09:00 after 1 try (rule 1): Webex is down",
        ),
        (
            notification("pending", next_try_at=NOW),
            "Help Desk is not notified yet: the message is waiting to be sent (rule 1)",
        ),
        (notification("sending", attempts=1), "Help Desk is being notified (rule 1)"),
    ],
    ids=lambda value: value.state if isinstance(value, responses.Notification) else "",
)
def test_a_decision_to_tell_somebody_is_followed_by_what_became_of_the_message(
    row: responses.Notification, said: str
) -> None:
    assert sentences(explanation("told", row)) == [said]


def test_a_message_that_was_skipped_after_it_was_decided_says_why_it_was_skipped() -> None:
    """D1: the kill switch skips what already waits."""
    skipped = notification("skipped", reason="notifications off")
    assert sentences(explanation("told", skipped)) == ["Help Desk was not notified: notifications off"]


def test_a_decision_whose_message_is_not_among_the_rows_does_not_claim_that_it_was_sent() -> None:
    assert sentences(explanation("told")) == ["Help Desk was to be notified (rule 1); the outcome is not shown"]


@pytest.mark.parametrize(
    ("who", "reason", "said"),
    [
        ("Ben", "author of the note", "Ben was not notified: author of the note"),
        ("everybody", "no rule", "no one was notified: no rule"),
    ],
)
def test_nobody_told_says_why(who: str, reason: str, said: str) -> None:
    assert sentences(explanation("not told", who=who, reason=reason)) == [said]


def test_an_event_without_news_says_so() -> None:
    decided = responses.Decision(subject="new:7", who="everybody", outcome="not told", reason="x", codes=["no_news"])
    assert sentences(explanation("not told", decisions=[decided])) == ["nothing new"]


def test_a_ticket_without_events_says_why() -> None:
    (section,) = explain.sections(responses.Explanation(ticket_id=7, ticket=None, events=[], notifications=[]), STYLE)
    assert section.heading.startswith("Nothing was decided: a sync found the ticket")


def test_a_change_is_matched_with_its_own_message() -> None:
    about = [responses.Decision(subject="change:5", who="Help Desk", outcome="told", reason="rule 1")]
    row = notification("sent", kind="update", events=["assigned", "changed"], sent_at=NOW)
    (section,) = explain.sections(explanation("told", row, decisions=about), STYLE)
    assert section.topics == [explain.Topic("changes", ["Help Desk was notified on 09:00: rule 1"])]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {"state": "dead", "attempts": 3, "error": "ConnectWise is down"},
            "Processing failed after 3 tries: ConnectWise is down. Retry it with A.",
        ),
        ({"state": "dead"}, "Processing failed. Retry it with A."),
        ({"state": "running"}, "Being processed"),
        (
            {"state": "waiting", "due_at": NOW + timedelta(hours=1), "attempts": 1, "error": "no answer"},
            "Waiting until 10:00, after 1 try: no answer",
        ),
        ({"state": "waiting"}, "Waiting until 09:00"),
    ],
)
def test_an_event_without_a_decision_says_what_it_waits_for(event: dict[str, Any], said: str) -> None:
    assert sentences(explanation("told", decisions=[], **event)) == [said]


def test_a_message_whose_event_is_no_longer_kept_is_still_explained() -> None:
    row = notification("sent", kind="update", note_id=3, sent_at=NOW)
    *_, last = explain.sections(explanation("told", notification("sent"), row), STYLE)
    assert last.heading == "From events already removed (retention):"
    assert last.topics == [explain.Topic(None, ["Help Desk was notified on 09:00: rule 1"])]


def test_a_note_is_matched_with_its_own_message() -> None:
    about = [responses.Decision(subject="note:TimeEntryNote:3", who="Help Desk", outcome="told", reason="rule 1")]
    rows = [notification("sent"), notification("dead", id=45, kind="update", note_id=3)]
    section, _ = explain.sections(explanation("told", *rows, decisions=about, hooks=2), STYLE)
    assert section.heading == "09:00  ConnectWise sent a webhook (added), and 1 more for the same change [event 5]"
    assert section.topics == [
        explain.Topic("time entry 3", ["Help Desk could not be notified (rule 1). Given up; Retry 45 with R."])
    ]


def test_a_note_and_a_time_entry_of_one_number_are_told_apart() -> None:
    """T6, D8"""
    kinds = ("TicketNote", "TimeEntryNote")
    about = [responses.Decision(subject=f"note:{kind}:3", who="Help Desk", outcome="told", reason="") for kind in kinds]
    sent, dead = (
        notification(state, id=number, kind="update", note_id=3, note_kind=kind)
        for number, (state, kind) in enumerate([("sent", kinds[1]), ("dead", kinds[0])], 44)
    )
    (section,) = explain.sections(explanation("told", sent, dead, decisions=about), STYLE)
    assert [(topic.title, topic.sentences[0].partition(" (")[0]) for topic in section.topics] == [
        ("note 3", "Help Desk could not be notified"),
        ("time entry 3", "Help Desk was notified: rule 1"),
    ]


@pytest.mark.parametrize(
    ("notifications", "events", "said"),
    [(1, 0, "1 notification"), (2, 1, "2 notifications and 1 event"), (0, 3, "3 events"), (0, 0, "")],
)
def test_an_amount_names_what_there_is(notifications: int, events: int, said: str) -> None:
    assert explain.amount(responses.RetryResult(notifications=notifications, events=events)) == said
