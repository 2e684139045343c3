"""R1, O5: with the rules of a 1.x database, 2.0 notifies whom 1.x did.

What 1.x did is restated here, in other words than the program's: a new ticket goes to the enabled rules of its board
and to everybody assigned, a note to everybody assigned but its author, and anything else to nobody.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ticketbot.database import db, sql
from ticketbot.decide import plan, values
from ticketbot.models import rules, schema
from ticketbot.pipeline import load_facts

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOARDS, RECIPIENTS, MEMBERS = (1, 2), range(1, 6), {"ana": 3, "ben": 4, "cora": 5}


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[values.Rule, ...]]]:
    """Return the rules of each board, from a database of 1.1.0 with a rule for each board and recipient."""
    file = shutil.copy(Path(__file__).parent / "1.1.0/tbot.db", tmp_path_factory.mktemp("upgraded"))
    db.open_database(f"sqlite:///{file}")
    with db.transaction("test"):
        sql.execute("DELETE FROM rule")
        for number, (board, recipient) in enumerate(itertools.product(BOARDS, RECIPIENTS)):
            sql.execute(
                "INSERT INTO rule (board_id, recipient_id, enabled, created_at) VALUES (?, ?, ?, ?)",
                *(board, recipient, number % 3 > 0, NOW),
            )
    schema.migrate(lambda _: None)
    with db.session():
        yield {board: tuple(load_facts.rule_fact(row) for row in rules.rules_of(board)) for board in BOARDS}
    db.close_database()


def notified_by_1x(
    enabled: set[tuple[int, int]], board: int, assigned: list[str], note: values.Note | None, *, is_new: bool
) -> set[int]:
    """Return the recipients that a release before 2.0 notified."""
    assigned_ids = {MEMBERS[name] for name in assigned}
    if is_new:
        return {recipient for of_board, recipient in enabled if of_board == board} | assigned_ids
    return assigned_ids - note.author_recipient_ids if note else set()


@st.composite
def recorded(draw: st.DrawFn) -> values.Facts:
    """Return facts of an event about a ticket: new, with a note, or changed otherwise."""
    assigned = draw(st.lists(st.sampled_from(sorted(MEMBERS)), unique=True))
    author = draw(st.none() | st.sampled_from(sorted(MEMBERS)))
    note = values.Note(
        draw(st.sampled_from(["TicketNote", "TimeEntryNote", "MeetingNote"])),
        7,
        "The printer is on fire",
        member=author,
        author_recipient_ids=frozenset({MEMBERS[author]} if author else ()),
        internal=draw(st.booleans()),
        resolution=draw(st.booleans()),
        entered_at=NOW,
    )
    board, status = draw(st.sampled_from(BOARDS)), draw(st.integers(1, 3))
    compared = {
        "board": values.Compared(board, f"Board {board}"),
        "status": values.Compared(status, f"Status {status}"),
        "resources": values.Compared(tuple(assigned), ", ".join(assigned) or None),
    }
    return values.Facts(
        now=NOW,
        watching_since=NOW,
        ticket=values.Ticket(4711, NOW, compared),
        announced=draw(st.booleans()),
        notes=draw(st.sampled_from([(), (note,)])),
        people=tuple(
            values.Person(name, name.title(), ("resource",), values.Recipient(MEMBERS[name], "person", name.title()))
            for name in assigned
        ),
        before=compared | {"status": values.Compared(draw(st.integers(1, 3)), "Before")},
        hour=draw(st.integers(0, 23)),
        weekday="tue",
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=recorded())
def test_rules_made_before_2_0_notify_the_same_people(
    upgraded: dict[int, tuple[values.Rule, ...]], facts: values.Facts
) -> None:
    """R1, R3, D2, D3"""
    board = int(str(facts.ticket.compared["board"].key))
    decided = plan.decide(replace(facts, rules=upgraded[board]))
    enabled = {
        (number, rule.recipient.id) for number in BOARDS for rule in upgraded[number] if rule.enabled and rule.recipient
    }
    note = facts.notes[0] if facts.notes else None
    expected = notified_by_1x(enabled, board, sorted(facts.ticket.assigned), note, is_new=not facts.announced)
    assert {draft.recipient.id for draft in decided.drafts if draft.send and draft.recipient} == expected
