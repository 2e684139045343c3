"""Deciding, where the table of cases does not reach (D1 to D8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ticketbot.decide import plan, values
from ticketbot.present import reasons

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NO_AUDIENCE = "no rule names it, and it concerns no one who is assigned"
NO_NEWS = "no new note, and no change that somebody is notified of"
ROOM = values.Recipient(1, "room", "Help Desk")
ANA_ACCOUNT, BEN_ACCOUNT, CORA_ACCOUNT = (
    values.Recipient(number, "person", name) for number, name in enumerate(("Ana Alvarez", "Ben Bauer", "Cora Chen"), 2)
)
ANA = values.Person("ana", "Ana Alvarez", ("resource",), ANA_ACCOUNT)
BEN = values.Person("ben", "Ben Bauer", ("owner",), BEN_ACCOUNT)
DAN = values.Person("dan", "Dan Doe", ("resource",), None, "dan@msp.example")
EVE = values.Person("eve", "Eve Ersatz", ("resource",), excluded_because="inactive member")


def _note(number: int, **more: object) -> values.Note:
    entered = NOW - timedelta(minutes=100 - number)
    return values.Note("TicketNote", number, f"note {number}", entered_at=entered, **more)  # type: ignore[arg-type]


def _known(**more: object) -> values.Facts:
    ticket = values.Ticket(4711, entered_at=NOW)
    base = {"now": NOW, "watching_since": NOW - timedelta(days=30), "ticket": ticket, "announced": True}
    return values.Facts(**{**base, **more})  # type: ignore[arg-type]


def _rows(decided: values.Plan) -> list[tuple[str, str, bool, str]]:
    return [(draft.subject, draft.target, draft.send, reasons.text(draft.reasons)) for draft in decided.drafts]


def _trace(decided: values.Plan) -> list[tuple[str, str, str, str]]:
    return [(each.subject, each.who, each.outcome, reasons.text(each.reasons)) for each in decided.decisions]


def _why(draft: values.PlannedNotification) -> tuple[str, bool, str]:
    return draft.name, draft.send, reasons.text(draft.reasons)


def test_what_the_ledger_holds_is_not_written_again() -> None:
    """D5: each (subject, target) once, and the trace says so."""
    written = frozenset({("note:TicketNote:1", "recipient:2")})

    decided = plan.decide(_known(notes=(_note(1),), people=(ANA, BEN), ledger=written))

    assert _rows(decided) == [("note:TicketNote:1", "recipient:3", True, "assigned (owner)")]
    assert _trace(decided) == [
        ("note:TicketNote:1", "Ana Alvarez", "not told", "already notified"),
        ("note:TicketNote:1", "Ben Bauer", "told", "assigned (owner)"),
    ]


def test_an_author_without_an_account_is_named_as_the_author() -> None:
    """D6, D8: that he is not on Webex is not why."""
    decided = plan.decide(_known(notes=(_note(1, member="Dan"),), people=(DAN,)))

    assert _rows(decided) == [("note:TicketNote:1", "member:dan", False, "author of the note")]
    assert _trace(decided) == [("note:TicketNote:1", "Dan Doe", "skipped", "author of the note")]


def test_a_note_that_concerns_nobody_is_traced_as_such() -> None:
    """D8: a new note there was."""
    decided = plan.decide(_known(notes=(_note(1),), rules=(values.Rule(1, ROOM),)))

    assert decided.drafts == ()
    assert _trace(decided) == [("note:TicketNote:1", "everybody", "not told", NO_AUDIENCE)]


def test_a_new_ticket_that_concerns_nobody_is_announced_all_the_same() -> None:
    """T5, D8: a rule that comes later must not dig it up."""
    decided = plan.decide(_known(announced=False))

    assert decided.announced
    assert _trace(decided) == [("new:4711", "everybody", "not told", NO_AUDIENCE)]


def test_who_is_left_out_is_traced_and_leaves_no_row() -> None:
    """D7."""
    decided = plan.decide(_known(notes=(_note(1),), people=(EVE,)))

    assert decided.drafts == ()
    assert _trace(decided) == [("note:TicketNote:1", "Eve Ersatz", "not told", "inactive member")]


def test_an_event_without_news_says_so() -> None:
    """D3, D8."""
    assert _trace(plan.decide(_known(people=(ANA,)))) == [("new:4711", "everybody", "not told", NO_NEWS)]


def test_an_old_ticket_says_when_it_was_entered() -> None:
    """T5, D8."""
    old = values.Ticket(4711, entered_at=datetime(2026, 2, 1, tzinfo=UTC))

    decided = plan.decide(_known(ticket=old, announced=False, people=(ANA,)))

    assert not decided.announced
    why = "history: entered 2026-02-01, before we watched, or over 7 days ago"
    assert _trace(decided) == [("new:4711", "everybody", "not told", why)]


def test_a_silent_board_decides_everything_and_tells_nobody() -> None:
    """D4: a rule that comes later does not dig up what was decided."""
    silent = values.Policy(require_board_rule=True)
    known = _known(announced=False, notes=(_note(1), _note(2)), people=(ANA,), policy=silent)

    decided = plan.decide(known)

    assert not plan.needs_people(known)
    assert (decided.announced, decided.drafts) == (True, ())
    assert decided.decided == (("TicketNote", 1), ("TicketNote", 2))
    assert [each.subject for each in decided.decisions] == ["new:4711", "note:TicketNote:2"]
    assert _trace(plan.decide(_known(policy=silent)))[0][3] == NO_NEWS


def test_there_is_something_to_tell_when_the_ticket_or_a_note_is_new() -> None:
    """D2, D3: only then people are looked up."""
    assert plan.needs_people(_known(announced=False))
    assert plan.needs_people(_known(notes=(_note(1),)))
    assert not plan.needs_people(_known())


def test_the_announcement_covers_the_first_note_even_when_it_was_decided_elsewhere() -> None:
    """D5, T6: a merged note comes again; it is shown and not told a second time."""
    first, second = _note(1), _note(2)

    decided = plan.decide(_known(announced=False, notes=(second, first), decided=frozenset({first.key}), people=(ANA,)))

    assert [(draft.subject, draft.note) for draft in decided.drafts] == [
        ("new:4711", first),
        ("note:TicketNote:2", second),
    ]
    assert decided.decided == (second.key,)


def test_the_announcement_does_not_count_among_the_newest_five() -> None:
    """D5: the first note told says what is not shown, the announcement does not."""
    decided = plan.decide(_known(announced=False, notes=tuple(_note(number) for number in range(1, 8)), people=(ANA,)))

    assert [(draft.subject.rpartition(":")[2], draft.send) for draft in decided.drafts] == [
        ("4711", True), ("2", False), ("3", True), ("4", True), ("5", True), ("6", True), ("7", True),
    ]  # fmt: skip
    assert [draft.earlier_notes for draft in decided.drafts] == [0, 0, 1, *[0] * 4]


def test_each_message_counts_the_notes_its_recipient_does_not_see() -> None:
    """D5, D6: his own notes are not missing to their author."""
    notes = tuple(_note(number, member="ben" if number == 1 else None) for number in range(1, 8))

    decided = plan.decide(_known(notes=notes, people=(ANA, BEN)))

    first_sent = {draft.name: draft for draft in reversed(decided.drafts) if draft.send}
    assert first_sent["Ana Alvarez"].earlier_notes == 2
    assert first_sent["Ben Bauer"].earlier_notes == 1


def test_the_newest_five_are_those_that_a_recipient_would_get() -> None:
    """D5: the others hide nothing that this one is to know."""
    mine = {"member": "ana", "author_recipient_ids": frozenset({ANA_ACCOUNT.id})}
    notes = (_note(1), *(_note(number, **mine) for number in range(2, 8)))
    rule = values.Rule(3, ROOM, ("customer_note",))

    decided = plan.decide(_known(notes=notes, people=(ANA, BEN), rules=(rule,)))

    sent = [(draft.name, draft.subject.rpartition(":")[2]) for draft in decided.drafts if draft.send]
    assert sent[:2] == [("Help Desk", "1"), ("Ana Alvarez", "1")]
    assert [number for name, number in sent if name == "Ben Bauer"] == ["3", "4", "5", "6", "7"]


def test_notes_beyond_the_newest_five_do_not_wait_for_the_end_of_quiet_hours() -> None:
    """D5, N4"""
    always = values.QuietHours(1, ANA_ACCOUNT.id, ("tue",), "00:00", "23:59", "UTC")
    decided = plan.decide(
        _known(notes=tuple(_note(number) for number in range(1, 7)), people=(ANA,), quiet_hours=(always,))
    )
    first, *others = decided.drafts
    assert _why(first) == ("Ana Alvarez", False, "more than 5 new notes at once (assigned (resource))")
    assert first.held_until is None
    assert all(draft.held_until for draft in others)


def test_a_forward_for_the_only_assigned_person_also_applies_on_a_board_without_a_rule() -> None:
    """F9, D4: who is assigned does not depend on who may be notified of it."""
    forward = values.Forward(7, ANA_ACCOUNT, BEN_ACCOUNT, only_if_sole=True)
    rule = values.Rule(3, ANA_ACCOUNT, ("customer_note",), is_for_all_boards=True)
    policy = values.Policy(require_board_rule=True)

    decided = plan.decide(_known(notes=(_note(1),), people=(ANA,), forwards=(forward,), rules=(rule,), policy=policy))

    assert {draft.name: draft.send for draft in decided.drafts} == {"Ben Bauer": True, "Ana Alvarez": False}


def test_the_author_with_an_account_shared_by_another_member_gets_nothing_back() -> None:
    """D6: it is the account that would show him his own note."""
    twin = values.Person("ana2", "Ana Admin", ("owner",), ANA_ACCOUNT)

    decided = plan.decide(
        _known(notes=(_note(1, member="ana", author_recipient_ids=frozenset({2})),), people=(ANA, twin))
    )

    assert _rows(decided) == [("note:TicketNote:1", "recipient:2", False, "author of the note")]


def test_two_names_of_one_account_are_one_author() -> None:
    """D5: one row for a target."""
    also_ana = values.Person("ANA", "Ana Alvarez", ("owner",), ANA_ACCOUNT)

    decided = plan.decide(_known(notes=(_note(1, member="ana"),), people=(ANA, also_ana)))

    assert _rows(decided) == [("note:TicketNote:1", "recipient:2", False, "author of the note")]


def test_a_chain_is_part_of_the_reasons_with_every_name() -> None:
    """F2, D8."""
    chain = (values.Forward(2, ANA_ACCOUNT, BEN_ACCOUNT), values.Forward(5, BEN_ACCOUNT, CORA_ACCOUNT))

    decided = plan.decide(_known(notes=(_note(1),), people=(ANA,), forwards=chain))

    told, relieved = sorted(decided.drafts, key=lambda draft: draft.name, reverse=True)
    assert _why(told) == ("Cora Chen", True, "forwards 2, 5 (Ana Alvarez > Ben Bauer > Cora Chen)")
    assert told.chain == ("Ana Alvarez", "Ben Bauer")
    assert _why(relieved) == ("Ana Alvarez", False, "forward 2 (Ana Alvarez > Ben Bauer)")


def test_the_kill_switch_skips_and_keeps_every_reason() -> None:
    """D1."""
    notes = tuple(_note(number) for number in range(1, 8))

    decided = plan.decide(_known(notes=notes, people=(ANA,), policy=values.Policy(attempt_notify=False)))

    assert {_why(draft) for draft in decided.drafts} == {
        ("Ana Alvarez", False, "notifications off (assigned (resource))")
    }
    assert len(decided.drafts) == 7


def _compared(*resources: str, owner: str = "", status: int = 1, **more: values.Compared) -> dict[str, values.Compared]:
    return {
        "owner": values.Compared((owner,) if owner else (), owner or None),
        "resources": values.Compared(tuple(resources), ", ".join(resources)),
        "status": values.Compared(status, f"Status {status}"),
        **more,
    }


def _changed(before: dict[str, values.Compared], after: dict[str, values.Compared], **more: object) -> values.Plan:
    ticket = values.Ticket(4711, entered_at=NOW, compared=after)
    return plan.decide(_known(ticket=ticket, before=before, event_id=7, **more))


def test_a_newly_assigned_person_is_notified_and_no_one_else() -> None:
    """R3, T8."""
    decided = _changed(_compared("ben", status=1), _compared("ana", "ben", status=2), people=(ANA, BEN))

    assert _rows(decided) == [("change:7", "recipient:2", True, "assigned (resource)")]
    (draft,) = decided.drafts
    assert draft.events == ("assigned", "status", "changed")
    assert draft.changes == (
        values.Change("resources", "ben", "ana, ben"),
        values.Change("status", "Status 1", "Status 2"),
    )


def test_who_assigned_themselves_is_recorded_as_skipped() -> None:
    """R2: the one whom `_info.updatedBy` names."""
    decided = _changed(_compared(), _compared("ana"), people=(ANA,), updated_by="Ana")

    assert _rows(decided) == [("change:7", "recipient:2", False, "author of the change")]


def test_a_change_that_assigns_no_one_is_traced_and_needs_no_lookup() -> None:
    """T8, D8."""
    before, after = _compared("ana", status=1), _compared("ana", status=2)
    ticket = values.Ticket(4711, entered_at=NOW, compared=after)

    assert not plan.needs_people(_known(ticket=ticket, before=before, event_id=7))
    assert _trace(_changed(before, after, people=(ANA,))) == [("change:7", "everybody", "not told", NO_AUDIENCE)]


def test_a_value_that_was_never_stored_is_unknown_and_no_change() -> None:
    """T8."""
    assert _trace(_changed({}, _compared("ana"), people=(ANA,)))[0][3] == NO_NEWS
    only_status = {"status": values.Compared(9, "Old")}
    assert _changed(only_status, _compared("ana"), people=(ANA,)).drafts == ()


def test_a_new_ticket_has_no_changes() -> None:
    """T8, R3: its announcement tells the assigned people."""
    decided = _changed(_compared(), _compared("ana"), people=(ANA,), announced=False)

    assert [draft.subject for draft in decided.drafts] == ["new:4711"]


def test_a_renamed_status_is_no_change() -> None:
    """T8: ids are compared, not names."""
    renamed = _compared() | {"status": values.Compared(1, "Renamed")}

    assert _trace(_changed(_compared(), renamed))[0][3] == NO_NEWS


def test_rules_without_effect_are_traced_with_their_values() -> None:
    """D8, R4: disabled, no match, null; a rule about something else is not mentioned."""
    rules = (
        values.Rule(1, ROOM, enabled=False),
        values.Rule(2, ROOM, condition="priority_sort <= 3"),
        values.Rule(3, None, condition='severity == "High"'),
        values.Rule(4, ROOM, events=("closed",)),
    )
    ticket = values.Ticket(4711, NOW, details=values.Details(priority_sort=6))

    assert _trace(plan.decide(_known(announced=False, ticket=ticket, rules=rules))) == [
        ("new:4711", "everybody", "not told", NO_AUDIENCE),
        ("new:4711", "Help Desk", "not told", "rule 1 is disabled"),
        ("new:4711", "Help Desk", "not told", "the condition of rule 2 does not match: priority_sort is 6"),
        ("new:4711", "the assigned people", "not told", "the condition of rule 3 does not match: severity is null"),
    ]
