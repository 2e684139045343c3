"""A long history, generated inside the database: tickets, notes, events, and five notifications per ticket."""

from __future__ import annotations

from datetime import datetime, timedelta

from ticketbot.database import db, sql
from ticketbot.models import recipients, tickets

PER_TICKET = 5  # notifications: for the new ticket and four notes
ROOMS, PEOPLE = 8, 30  # half of the notifications went to rooms, half to people
BOARD_ID, STATUS_ID, MEMBER_ID = 1, 1, 1
SPREAD = timedelta(days=80)

_RECIPIENT = "CASE i % 2 WHEN 0 THEN 1 + i / 2 % 8 ELSE 9 + i / 2 % 30 END"
_NUMBERS = "WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < ?) "
_TICKETS = """
    INSERT INTO ticket (id, kind, summary, board_id, board_name, status, resources, details, open,
                        entered_at, updated_at,
                        stored_at, announced_at, decided_at_update, notes_read_at_update)
    {numbers} SELECT i, 'service', 'Ticket ' || i, 1 + i % 8, 'Service Desk', 'New', '["ana"]', '{{}}',
           i > {rows} * 0.8, {at}, {at}, {at}, {at}, {at}, {at} FROM number
"""
_NOTES = """
    INSERT INTO note (kind, note_id, ticket_id, text, internal, resolution, is_markdown, author, entered_at,
                      updated_at, stored_at, decided_at)
    {numbers} SELECT 'TicketNote', i, 1 + (i - 1) / 5, 'The printer is out of paper, see ' || i,
           false, false, false, 'Bob Brown', {at}, {at}, {at}, {at} FROM number WHERE i % 5 <> 1
"""
_EVENTS = """
    INSERT INTO event (ticket_id, state, rank, source, action, kind_hint, correlation, hooks, first_received_at,
                       received_at, due_at, attempts, bugs, decisions, finished_at)
    {numbers} SELECT 1 + (i - 1) / 2, 'done', 1, 'hook', 'updated', 'service', 'past-' || i, 3, {at},
           {at}, {at}, 0, 0, {decisions}, {at} FROM number
"""
_DECISIONS = """'[{"subject":"new","who":"everybody","outcome":"told","reasons":[{"code":"no_news"}]}]'"""
_STATE = "CASE i % 16 WHEN 0 THEN 'dead' WHEN 1 THEN 'skipped' ELSE 'sent' END"
_MESSAGES = """
    INSERT INTO message (ticket_id, recipient_id, state, place, forwarded_from, markdown, attempts, failures,
                         not_before, due_at, possible_duplicate, overtaken, may_be_overtaken, woken, thread_refused,
                         correlation, created_at, is_digest, about_forward)
    {numbers} SELECT 1 + (i - 1) / 5, {recipient}, CASE i % 16 WHEN 0 THEN 'dead' ELSE 'sent' END, i, '[]',
           'The printer on the second floor is out of paper again, says Bob Brown of Example Ltd.', 1, 0,
           {at}, {at}, false, false, false, false, false, 'past-' || i, {at}, false, false FROM number
"""
_NOTIFICATIONS = """
    INSERT INTO notification (ticket_id, correlation, subject, target, events, changes, earlier_notes, recipient_id,
                              recipient_name, state, reasons, forwarded_from, message_id, shown, created_at,
                              give_up_at, sent_at)
    {numbers} SELECT 1 + (i - 1) / 5, 'past-' || i,
           CASE WHEN i % 5 = 1 THEN 'new:' || (1 + (i - 1) / 5) ELSE 'note:TicketNote:' || i END,
           'recipient:' || ({recipient}), CASE WHEN i % 5 = 1 THEN '["new"]' ELSE '["customer_note"]' END, '[]', 0,
           {recipient}, 'Somebody', {state}, '[{{"code":"assigned","names":["resource"]}}]', '[]',
           CASE WHEN i % 16 = 1 THEN NULL ELSE i END, true, {at}, {at}, {at} FROM number
"""


def fill(count: int, now: datetime) -> None:
    """Fill an empty, open database with `count` notifications and everything they refer to."""
    with db.transaction("benchmark"):
        _write_recipients(now)
        for template, rows in (
            (_TICKETS, count // PER_TICKET),
            (_EVENTS, 2 * count // PER_TICKET),
            (_NOTES, count),
            (_MESSAGES, count),
            (_NOTIFICATIONS, count),
        ):
            statement = template.format(
                numbers=_NUMBERS,
                rows=rows,
                at=_time_of_row(now, rows),
                recipient=_RECIPIENT,
                state=_STATE,
                decisions=_DECISIONS,
            )
            sql.execute(statement.replace("%", "%%") if db.is_postgres() else statement, rows)
    with db.session():
        # What autovacuum and checkpoints would have done over time.
        if db.is_postgres():
            sql.execute("VACUUM ANALYZE")
            sql.execute("CHECKPOINT")
        else:
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _time_of_row(now: datetime, rows: int) -> str:
    """Return the time of row `i` as SQL: the first row is `SPREAD` old, the last one is new."""
    seconds = f"{(now - SPREAD).timestamp():.0f} + i * {SPREAD.total_seconds() / rows:.6f}"
    if db.is_postgres():
        return f"to_timestamp({seconds})"
    return f"strftime('%Y-%m-%dT%H:%M:%f', {seconds}, 'unixepoch') || '000+00:00'"


def _write_recipients(now: datetime) -> None:
    for number in range(1, ROOMS + 1):
        recipients.Recipient.create(type=recipients.ROOM, webex_id=f"room-{number}", name=f"Room {number}")
        tickets.Board.create(id=number, name=f"Board {number}", fetched_at=now)
        tickets.Status.create(id=number, board_id=number, name="New", fetched_at=now)
    for number in range(1, PEOPLE + 1):
        email = f"p{number}@msp.example"
        tickets.Member.create(
            id=number, identifier=f"p{number}", lookup=f"p{number}", name=f"P {number}", email=email, fetched_at=now
        )
        person = recipients.WebexPerson(f"person-{number}", f"P {number}", [email], None)
        recipients.store_people(email, [person], now)
