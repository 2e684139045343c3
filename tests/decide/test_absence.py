"""An answer for everybody who is asked for, also for those that an event did not consider (D8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot.decide import absence, values
from ticketbot.decide.reasons import Reason
from ticketbot.present import reasons

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOTE = "note:TicketNote:1"
ROOM = values.Recipient(1, "room", "Help Desk")
ANA, BEN = values.Recipient(2, "person", "Ana Alvarez"), values.Recipient(3, "person", "Ben Bauer")
ASSIGNED = Reason("assigned", names=("owner",))
TOLD_ANA = values.Decision(NOTE, "Ana Alvarez", "told", (ASSIGNED,))

ABOUT_ROOM = absence.Subject("Help Desk", frozenset({"Help Desk"}), frozenset({1}), is_room=True)
ABOUT_ANA = absence.Subject("Ana Alvarez", frozenset({"Ana Alvarez", "ana"}), frozenset({2}), frozenset({"ana"}))
ABOUT_BEN = absence.Subject("Ben Bauer", frozenset({"Ben Bauer", "ben"}), frozenset({3}), frozenset({"ben"}))


def _facts(*assigned: str, **more: object) -> values.Facts:
    ticket = values.Ticket(4711, compared={"resources": values.Compared(assigned, None)})
    return values.Facts(now=NOW, watching_since=NOW, ticket=ticket, **more)  # type: ignore[arg-type]


def _said(subject: absence.Subject, facts: values.Facts | None, *decisions: values.Decision) -> list[str]:
    return [reasons.text(each.reasons) for each in absence.about(subject, decisions or (TOLD_ANA,), facts)]


def test_what_was_decided_about_somebody_is_all_that_is_said() -> None:
    skipped = values.Decision(NOTE, "Ben Bauer", "skipped", (Reason("author"),))
    assert absence.about(ABOUT_ANA, (TOLD_ANA, skipped), _facts("ana")) == [TOLD_ANA]


def test_who_was_not_considered_gets_an_answer_for_each_topic() -> None:
    change = values.Decision("change:5", values.EVERYBODY, "not told", (Reason("no_audience"),))
    found = absence.about(ABOUT_BEN, (TOLD_ANA, change), _facts("ana"))
    reason = (Reason("not_concerned"),)
    assert found == [values.Decision(topic, "Ben Bauer", "not told", reason) for topic in (NOTE, "change:5")]
    assert reasons.text(reason) == "not assigned, and no rule names them"


@pytest.mark.parametrize("code", ["no_news", "history", "no_board_rule", "deleted"])
def test_what_kept_everybody_from_being_notified_kept_them(code: str) -> None:
    silent = values.Decision(NOTE, values.EVERYBODY, "not told", (Reason(code, names=("2026-01-01",)),))  # type: ignore[arg-type]
    assert absence.about(ABOUT_BEN, (silent,), _facts()) == [silent]


def test_a_room_is_not_said_to_lack_an_assignment() -> None:
    assert _said(ABOUT_ROOM, _facts()) == ["no rule names it"]


def test_a_rule_that_does_not_apply_is_named() -> None:
    rule = values.Rule(7, ROOM)
    assert _said(ABOUT_ROOM, _facts(rules=(rule,))) == ["rule 7 does not apply to this"]
    assert _said(ABOUT_BEN, _facts(rules=(rule,))) == ["not assigned, and no rule names them"]


def test_rules_for_assigned_people_without_effect_are_named_to_those_who_are_assigned() -> None:
    disabled = values.Decision(NOTE, values.ASSIGNED_PEOPLE, "not told", (Reason("rule_disabled", (5,)),))
    made = (TOLD_ANA, disabled)
    assert absence.about(ABOUT_ANA, made, _facts("ana")) == [TOLD_ANA, disabled]
    assert disabled not in absence.about(ABOUT_BEN, made, _facts("ana"))
    assert _said(ABOUT_BEN, _facts("ben"), *made) == [
        "assigned, but assigned people are not notified of this",
        "rule 5 is disabled",
    ]
    assert absence.about(ABOUT_BEN, made, None)[-1] == disabled
    assert disabled not in absence.about(ABOUT_ROOM, made, None)


def test_who_is_assigned_is_said_to_be() -> None:
    assert _said(ABOUT_BEN, _facts("ben")) == ["assigned, but assigned people are not notified of this"]


def test_a_forward_that_was_not_active_is_named_if_its_source_was_considered() -> None:
    over, to_come = NOW - timedelta(days=1), NOW + timedelta(days=1)
    forwards = (
        values.Forward(1, ANA, BEN, end=over),
        values.Forward(2, ANA, BEN, start=to_come),
        values.Forward(3, ROOM, BEN, end=over),
        values.Forward(4, BEN, ANA, end=over),
        values.Forward(5, ANA, BEN),
    )
    assert _said(ABOUT_BEN, _facts("ana", forwards=forwards)) == [
        "not assigned, and no rule names them",
        "forward 1 (Ana Alvarez > Ben Bauer) was not active",
        "forward 2 (Ana Alvarez > Ben Bauer) was not active",
    ]


def test_without_facts_nothing_is_claimed_about_rules() -> None:
    assert _said(ABOUT_BEN, None) == ["no assignment, rule or forward led to them"]
