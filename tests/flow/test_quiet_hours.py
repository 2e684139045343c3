"""N4, N5: what quiet hours hold arrives once, when it should, and is shown as held until then."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

import pytest

from tests.environment import Entry, ledger
from tests.simulated_time import Stepper, rows_of
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.decide import values
from ticketbot.models import events, notifications, quiet_hours, runtime_config
from ticketbot.models import silences as silence_rows
from ticketbot.pipeline import calm_hours, deliver, silence_preview
from ticketbot.present import entities, explain
from ticketbot.server import health
from ticketbot.simulators import faults

# It is Monday 09:00 UTC when a test begins.
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _quiet(stepper: Stepper, who: str | None = "ana", **more: Any) -> int:
    recipient = stepper.world.recipient(who) if who else None
    hours = {"days": EVERY_DAY, "start": "08:00", "end": "12:00", "timezone": "UTC", **more}
    with db.transaction("test"):
        row = quiet_hours.QuietHours.create(recipient=recipient, created_at=stepper.clock(), **hours)
        calm_hours.move_held(row.recipient_id, stepper.clock())
    return int(row.id)


def _texts(stepper: Stepper, who: str = "ana") -> list[str]:
    account = stepper.world.accounts[who]
    return [each.markdown for each in stepper.world.webex.messages() if each.person_id == account]


def _states(rows: list[Entry]) -> list[tuple[str, bool]]:
    return [(row.state, row.message_id is not None) for row in rows]


def test_what_is_decided_in_quiet_hours_arrives_as_one_digest_at_their_end(stepper: Stepper) -> None:
    _quiet(stepper)
    first = stepper.announce("ana", "ben", note="zero")
    second = stepper.announce("ana", note="one")
    stepper.note(first, "please hurry")
    stepper.accept_webhook(first)
    stepper.run(hours=2, minutes=59)
    assert _texts(stepper) == []
    assert len(_texts(stepper, "ben")) == 2  # others are not concerned
    held = rows_of("Ana Alvarez")
    assert _states(held) == [("pending", False)] * 3
    assert {row.held_until for row in held} == {stepper.clock() + timedelta(minutes=1)}
    with db.session():
        assert (notifications.count_held(), notifications.oldest_waiting()) == (3, None)
    assert stepper.checks()["queues"] == "ok"
    stepper.run(minutes=2)
    (text,) = _texts(stepper)
    assert text.startswith("**After quiet hours:** 2 tickets\n\n")
    places = [text.index(each) for each in (f"[#{first}]", "zero", "please hurry", f"[#{second}]", "one")]
    assert places == sorted(places)
    assert text.count("**Status:**") == 2
    rows = rows_of("Ana Alvarez")
    assert [row.state for row in rows] == ["sent"] * 3
    assert len({row.message_id for row in rows}) == 1
    assert rows[0].reason == "assigned (resource), held by quiet hours 1"


def test_a_digest_about_one_ticket_is_an_ordinary_message(stepper: Stepper) -> None:
    _quiet(stepper)
    ticket = stepper.announce("ana", note="zero")
    stepper.run(hours=3)
    (text,) = _texts(stepper)
    assert text.startswith(f"**New ticket** [#{ticket}]")
    assert text.endswith("_You are assigned. It waited for the end of quiet hours._")


def test_what_is_urgent_is_sent_at_once_and_takes_along_what_is_held_of_its_ticket(stepper: Stepper) -> None:
    _quiet(stepper, urgent='"down" in (note.text ?? "")')
    ticket, other = stepper.announce("ana", note="zero"), stepper.announce("ana", note="one")
    stepper.note(ticket, "server down")
    stepper.accept_webhook(ticket)
    stepper.work()
    (text,) = _texts(stepper)
    assert "zero" in text
    assert "server down" in text
    assert "Urgent, in spite of quiet hours." in text
    stepper.run(hours=4)
    assert [f"[#{other}]" in each for each in _texts(stepper)] == [False, True]
    assert [row.state for row in rows_of("Ana Alvarez")] == ["sent"] * 3


def test_a_ticket_closed_in_the_meantime_is_one_line(stepper: Stepper) -> None:
    _quiet(stepper)
    closed, still_open, deleted = (stepper.announce("ana", note="zero") for _ in range(3))
    stepper.world.connectwise.update_ticket(closed, status=">Closed", notify=False)
    stepper.world.connectwise.delete_ticket(deleted, notify=False)
    for ticket, action in ((closed, "updated"), (deleted, "deleted")):
        stepper.accept_webhook(ticket, action)
    stepper.run(hours=4)
    (text,) = _texts(stepper)
    lines = text.split("\n")
    for ticket, what in ((closed, "closed"), (deleted, "deleted")):
        (line,) = (each for each in lines if f"[#{ticket}]" in each)
        assert line.endswith(f"**Printer on fire**: {what} in the meantime, 1 note not shown")
    assert text.count("zero") == 1
    shown = {row.ticket_id: row.shown for row in rows_of("Ana Alvarez")}
    assert shown == {closed: False, still_open: True, deleted: False}


def test_a_reply_to_a_closed_ticket_is_shown(stepper: Stepper) -> None:
    ticket = stepper.announce("ana", status=">Closed")
    stepper.announce("ana")
    _quiet(stepper)
    stepper.note(ticket, "it is back")
    stepper.accept_webhook(ticket)
    stepper.announce("ana")
    stepper.run(hours=4)
    assert "it is back" in _texts(stepper)[-1]


def test_a_long_digest_becomes_several_messages_and_nothing_is_cut(stepper: Stepper) -> None:
    stepper.world.configure(max_message_length=2000)
    _quiet(stepper)
    tickets = [stepper.announce("ana", note=f"begin{number}" + "x" * 1900 + "end") for number in range(8)]
    stepper.run(hours=4)
    texts = _texts(stepper)
    assert len(texts) == 3
    assert all(len(each.encode()) <= 7439 for each in texts)
    together = "".join(texts)
    assert [together.count(f"begin{number}x") for number in range(8)] == [1] * 8
    assert together.count("xend") == 8
    assert [together.index(f"[#{each}]") for each in tickets] == sorted(
        together.index(f"[#{each}]") for each in tickets
    )
    rows = rows_of("Ana Alvarez")
    assert [row.state for row in rows] == ["sent"] * 8
    assert len({row.message_id for row in rows}) == 3


def test_a_digest_that_another_server_takes_over_is_left_to_it(stepper: Stepper) -> None:
    """L7: by a server that was taken for dead before it could split the digest; nothing was posted."""
    stepper.world.configure(max_message_length=2000)
    _quiet(stepper)
    for number in range(8):
        stepper.announce("ana", note=f"begin{number}" + "x" * 1900)
    stepper.clock.advance(hours=3)
    outbox_upkeep.tidy_outbox(stepper.clock())
    paused = stepper.paused_after_its_post(lambda: stepper.mark_dead(stepper.messages.server.id))
    assert deliver.send_next(paused)
    assert _texts(stepper) == []
    stepper.run(minutes=1)
    assert [row.state for row in rows_of("Ana Alvarez")] == ["sent"] * 8
    together = "".join(_texts(stepper))
    assert [together.count(f"begin{number}x") for number in range(8)] == [1] * 8


def test_a_ticket_too_long_for_one_message_has_shorter_notes(stepper: Stepper) -> None:
    stepper.world.configure(max_message_length=4000)
    _quiet(stepper)
    ticket = stepper.announce("ana")
    for number in range(7):
        stepper.note(ticket, f"note{number}" + "é" * 3900)
        stepper.accept_webhook(ticket)
        stepper.work()
    stepper.announce("ana", note="other")
    stepper.run(hours=4)
    first, second = _texts(stepper)
    assert len(first.encode()) <= 7439
    assert "_2 earlier notes not shown_" in first
    assert "note6" in first
    assert "other" in second
    assert [row.shown for row in rows_of("Ana Alvarez")].count(False) == 2


def test_changed_quiet_hours_move_what_is_held(stepper: Stepper) -> None:
    number = _quiet(stepper)
    stepper.announce("ana", priority="Priority 1 - Emergency")
    stepper.announce("ana", priority="Priority 3 - Normal Response")
    later = {"end": "15:00", "urgent": None}
    _change(stepper, number, **later)
    stepper.run(hours=4)
    assert _texts(stepper) == []
    assert {row.held_until.hour for row in rows_of("Ana Alvarez")} == {15}
    _change(stepper, number, urgent='priority == "Priority 1 - Emergency"')
    assert len(_texts(stepper)) == 1
    _change(stepper, number, enabled=False)
    assert len(_texts(stepper)) == 2
    with db.session():
        assert notifications.count_held() == 0


def _change(stepper: Stepper, number: int, **changes: Any) -> None:
    with db.transaction("test"):
        quiet_hours.QuietHours.update(changes).where(quiet_hours.QuietHours.id == number).execute()
        calm_hours.move_held(None, stepper.clock())
    stepper.work()


def test_facts_that_are_not_kept_leave_nothing_urgent(stepper: Stepper) -> None:
    number = _quiet(stepper)
    stepper.announce("ana")
    with db.transaction("test"):
        events.Event.update(facts=zlib.compress(b"[]")).execute()  # of another version
    _change(stepper, number, urgent="true")
    with db.transaction("test"):
        notifications.Notification.update(event=None).execute()
    _change(stepper, number, urgent="1 == 1")
    assert _texts(stepper) == []


def test_turning_notifications_off_skips_what_is_held_for_good(stepper: Stepper) -> None:
    """D1, D9 (9)."""
    _quiet(stepper)
    stepper.announce("ana")
    stepper.world.configure(attempt_notify=False)
    stepper.run(minutes=1)
    stepper.world.configure(attempt_notify=True)
    stepper.run(hours=4)
    (row,) = rows_of("Ana Alvarez")
    assert (row.state, row.reason, _texts(stepper)) == ("skipped", "notifications off", [])


def test_it_is_dead_a_day_after_it_was_due(stepper: Stepper) -> None:
    """L2, L5: one that died without a message can be retried."""
    _quiet(stepper, days=["mon"], end="08:00")
    stepper.announce("ana")
    stepper.announce("ana")
    stepper.world.webex.faults.add(faults.down())
    stepper.run(hours=46)
    assert {row.state for row in ledger()} == {"pending"}
    stepper.run(hours=2)
    assert {row.state for row in ledger()} == {"dead"}


def test_a_message_decided_outside_is_retried_within_quiet_hours(stepper: Stepper) -> None:
    _quiet(stepper, start="09:30", end="10:30")
    stepper.world.webex.faults.add(faults.down(path="/messages"))
    stepper.announce("ana", note="zero")
    stepper.run(minutes=40)
    stepper.world.webex.faults.clear()
    stepper.run(minutes=10)
    assert len(_texts(stepper)) == 1


def test_what_is_due_goes_before_what_is_decided_next(stepper: Stepper) -> None:
    """L4: although nothing has tidied the outbox since the quiet hours ended."""
    _quiet(stepper)
    first = stepper.announce("ana")
    stepper.clock.advance(hours=3)
    second = stepper.announce("ana")
    assert [f"[#{first}]" in each for each in _texts(stepper)] == [True, False]
    assert f"[#{second}]" in _texts(stepper)[1]


def test_all_people_are_held_but_no_room(stepper: Stepper) -> None:
    stepper.world.add_rule("Help Desk")
    _quiet(stepper, None)
    stepper.announce("ana", "ben")
    assert [len(_texts(stepper, who)) for who in ("ana", "ben")] == [0, 0]
    assert {row.recipient_name: row.state for row in ledger()} == {
        "Help Desk": "sent", "Ana Alvarez": "pending", "Ben Bauer": "pending",
    }  # fmt: skip
    with db.session():
        counts = {name: metric for name, metric in notifications.open_counts().items() if metric}
    assert counts == {"held": 2}
    assert health.check([], stepper.clock())["webex"] == "ok"


def test_a_silence_would_have_matched_what_was_sent_and_held(stepper: Stepper) -> None:
    """N3, T9: kept facts say what a silence would have skipped; an own one counts as not there."""
    _quiet(stepper, "ben")
    board = stepper.world.board
    with db.transaction("test"):
        runtime_config.save({"assigned_events": ["new"]})
        kept = {"start": stepper.clock(), "until": stepper.clock() + timedelta(minutes=1), "comment": "Patches"}
        row = silence_rows.Silence.create(board=None, ticket_id=1, created_at=stepper.clock(), **kept)
    stepper.announce("ana", "ben")
    stepper.announce("ana", board=stepper.world.project_board)
    at = stepper.clock()
    found = silence_preview.run(values.Silence(row.id, at, at, board_id=board), at)
    assert (found.events, found.left_out) == (2, 0)
    assert dict(found.by_recipient) == {"Ana Alvarez": 1, "Ben Bauer": 1}
    only_ben = values.Silence(0, at, at, recipient_id=stepper.world.recipient("ben").id)
    assert dict(silence_preview.run(only_ben, at).by_recipient) == {"Ben Bauer": 1}
    nobody = silence_preview.run(values.Silence(0, at, at, company="Elsewhere"), at)
    assert not nobody.by_recipient
    with db.transaction("test"):
        events.Event.update(facts=None).execute()
    assert silence_preview.run(values.Silence(0, at, at, board_id=board), at).left_out == 2


def test_it_is_explained_as_held(stepper: Stepper) -> None:
    """N5, D8."""
    _quiet(stepper)
    stepper.announce("ana")
    (row,) = rows_of("Ana Alvarez")
    shown = row._sources[0]
    assert entities.BY_PLURAL["notifications"].state(shown) == "held"
    text = explain.delivery_text(shown, explain.shell_style(lambda at: f"{at:%H:%M}"))
    assert text == "Ana Alvarez is not notified yet: held until 12:00 (assigned (resource), held by quiet hours 1)"


@pytest.mark.parametrize("who", ["ana", None])
def test_quiet_hours_that_are_deleted_hold_nothing_any_more(stepper: Stepper, who: str | None) -> None:
    _quiet(stepper, who)
    stepper.announce("ana")
    recipient_id = stepper.world.recipient("ana").id
    with db.transaction("test"):
        quiet_hours.QuietHours.delete().execute()
        calm_hours.move_held(recipient_id if who else None, stepper.clock())
    stepper.work()
    assert len(_texts(stepper)) == 1
