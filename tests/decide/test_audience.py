"""Who would be told, before forwards (D2, D3, D6, D7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from ticketbot.decide import audience, topics, values
from ticketbot.decide.reasons import Reason
from ticketbot.present import reasons

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ROOM = values.Recipient(1, "room", "Help Desk")
ANA_ACCOUNT, BEN_ACCOUNT = values.Recipient(2, "person", "Ana Alvarez"), values.Recipient(3, "person", "Ben Bauer")
ANA = values.Person("ana", "Ana Alvarez", ("resource", "owner"), ANA_ACCOUNT, "ana@msp.example")
NEW = topics.NewTicket(1, None)
BEN = values.Person("ben", "Ben Bauer", ("resource",), BEN_ACCOUNT, "ben@msp.example")


@dataclass
class _Account:
    id: int
    last_activity: datetime | None


def _known(*people: values.Person, rules: tuple[values.Rule, ...] = ()) -> values.Facts:
    ticket = values.Ticket(1)
    return values.Facts(now=NOW, watching_since=NOW, ticket=ticket, people=people, rules=rules)


def test_of_several_accounts_the_most_recently_active_counts() -> None:
    """D7: one that was never active counts least, and of equals the first."""
    never, early, late, tie = _Account(1, None), _Account(2, NOW.replace(year=2020)), _Account(3, NOW), _Account(4, NOW)

    assert audience.most_recently_active([tie, never, late, early]) == late
    assert audience.most_recently_active([never, early]) == early
    assert audience.most_recently_active([_Account(5, None), never]) == never
    assert audience.most_recently_active([]) is None


def test_a_new_ticket_goes_to_rules_and_people_each_once_with_all_reasons() -> None:
    """D2, D8."""
    on_board = (values.Rule(7, ROOM), values.Rule(8, ANA_ACCOUNT))

    found = audience.audience(_known(ANA, BEN, rules=on_board), NEW).candidates

    assert [(each.recipient, reasons.text(each.reasons)) for each in found] == [
        (ROOM, "rule 7"),
        (ANA_ACCOUNT, "rule 8, assigned (resource and owner)"),
        (BEN_ACCOUNT, "assigned (resource)"),
    ]


def test_a_note_goes_to_the_people_without_its_author_and_never_to_a_rule() -> None:
    """D3, D6: identifiers differ in case at times."""
    known = _known(ANA, BEN, rules=(values.Rule(7, ROOM),))
    note = topics.NewNote(values.Note("TicketNote", 1, member="BEN"))

    assert [each.recipient for each in audience.audience(known, note).candidates] == [ANA_ACCOUNT]
    assert [each.recipient for each in audience.audience(known, note).authors] == [BEN_ACCOUNT]


def test_a_note_by_a_contact_excludes_nobody() -> None:
    """D6."""
    found = audience.audience(
        _known(ANA, BEN), topics.NewNote(values.Note("TicketNote", 1, author="Ana Alvarez"))
    ).candidates

    assert [each.recipient for each in found] == [ANA_ACCOUNT, BEN_ACCOUNT]


@pytest.mark.parametrize(
    ("person", "reason", "is_recorded"),
    [
        (
            values.Person("dan", "Dan", (), None, "dan@msp.example"),
            Reason("no_account", names=("dan@msp.example",)),
            True,
        ),
        (values.Person("dan", "Dan", ()), Reason("no_address"), True),
        (values.Person("ghost", "ghost", (), is_known=False), Reason("unknown_member"), True),
        (
            values.Person("eve", "Eve", (), excluded_because="inactive member"),
            Reason("excluded", names=("inactive member",)),
            False,
        ),
    ],
)
def test_who_cannot_be_told_is_named_with_the_reason(person: values.Person, reason: Reason, is_recorded: bool) -> None:
    """D7: who is left out by rule leaves no row."""
    assert audience.not_reachable([ANA, person]) == [audience.NotReachable(person, reason, is_recorded)]


def test_who_is_left_out_is_told_nothing_even_with_an_account() -> None:
    """D7: inactive and API members."""
    robot = values.Person("robot", "Robby", ("owner",), ANA_ACCOUNT, excluded_because="API member")

    assert audience.audience(_known(robot), NEW).candidates == []
    assert audience.audience(_known(robot), topics.NewNote(values.Note("TicketNote", 1, member="robot"))).authors == []


def test_a_change_concerns_the_assigned_people_only_if_their_events_name_it() -> None:
    """R3: `assigned` only those newly assigned, a rule for them all."""
    change = (values.Change("resources", "ana", "ana, ben"),)
    topic = topics.Changed(7, change, frozenset({"ben"}))
    for rules, concerned in (((), [BEN_ACCOUNT]), ((values.Rule(7, None, ("changed",)),), [ANA_ACCOUNT, BEN_ACCOUNT])):
        known = _known(ANA, BEN, rules=rules)
        assert [each.recipient for each in audience.audience(known, topic).candidates] == concerned
        assert audience.may_concern(known, topic)


def test_a_dry_run_alone_may_concern_somebody() -> None:
    """D9: it is recorded, so people are looked up."""
    topic = topics.Changed(7, (values.Change("status", "New", "Old"),), frozenset())
    assert not audience.may_concern(_known(ANA), topic)
    assert audience.may_concern(_known(ANA, rules=(values.Rule(7, None, ("status",), dry_run=True),)), topic)
