"""Silences and quiet hours (N3, N4, D9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from ticketbot.decide import calm, plan, values
from ticketbot.present import reasons

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday
ROOM = values.Recipient(1, "room", "Help Desk")
ANA, BEN = values.Recipient(2, "person", "Ana Alvarez"), values.Recipient(3, "person", "Ben Bauer")
ANA_IS_OWNER = values.Person("ana", "Ana Alvarez", ("owner",), ANA)
NOBODY_IN_WEBEX = values.Person("dan", "Dan Doe", ("resource",), None, "dan@msp.example")
ALWAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOTE_RULE = values.Rule(3, ANA, ("customer_note",))


def _silence(**more: object) -> values.Silence:
    period = {"start": NOW - timedelta(hours=1), "until": NOW + timedelta(hours=1), "comment": "Patches"}
    return values.Silence(**{"id": 7, **period, **more})  # type: ignore[arg-type]


def _hours(**more: object) -> values.QuietHours:
    hours = {"recipient_id": 2, "days": ALWAYS, "start": "12:00", "end": "14:00", "timezone": "UTC"}
    return values.QuietHours(**{"id": 9, **hours, **more})  # type: ignore[arg-type]


def _facts(**more: object) -> values.Facts:
    compared = {"board": values.Compared(5, "Help"), "company": values.Compared(8, "Contoso")}
    compared |= {"closed": values.Compared(False, "open"), "priority": values.Compared(1, "High")}
    ticket = values.Ticket(4711, NOW, compared)
    note = values.Note("TicketNote", 1, "smoke", entered_at=NOW)
    base = {"now": NOW, "watching_since": NOW, "ticket": ticket, "announced": True, "notes": (note,)}
    return values.Facts(**{**base, "people": (ANA_IS_OWNER,), **more})  # type: ignore[arg-type]


def _outcomes(facts: values.Facts) -> list[tuple[str, bool, str]]:
    return [(draft.name, draft.send, reasons.text(draft.reasons)) for draft in plan.decide(facts).drafts]


@pytest.mark.parametrize(
    "named",
    [
        {"board_id": 5},
        {"ticket_id": 4711},
        {"company": "CONTOSO"},
        {"recipient_id": 2},
        {"board_id": 5, "company": "Contoso", "recipient_id": 2},
    ],
)
def test_a_silence_that_matches_skips_with_its_comment(named: dict[str, object]) -> None:
    """N3: everything that it names has to match."""
    assert _outcomes(_facts(silences=(_silence(**named),))) == [
        ("Ana Alvarez", False, "silence 7: Patches (assigned (owner))")
    ]


@pytest.mark.parametrize(
    "named",
    [
        {"board_id": 6},
        {"ticket_id": 1},
        {"company": "Fabrikam"},
        {"recipient_id": 3},
        {"rule_id": 3},
        {"board_id": 5, "company": "Fabrikam"},
        {"board_id": 5, "start": NOW + timedelta(seconds=1)},
        {"board_id": 5, "until": NOW},
    ],
)
def test_a_silence_that_does_not_match_or_is_not_active_skips_nothing(named: dict[str, object]) -> None:
    """N3: `start <= now < until`."""
    assert _outcomes(_facts(silences=(_silence(**named),))) == [("Ana Alvarez", True, "assigned (owner)")]


def test_a_silence_of_a_rule_leaves_other_reasons() -> None:
    """D9 (4): what removes the last reason is the reason of the skipped notification."""
    silences = (_silence(rule_id=3), _silence(id=8, rule_id=4))
    only_rule = _facts(silences=silences, rules=(NOTE_RULE,), people=())
    both = replace(only_rule, people=(ANA_IS_OWNER,))
    two_rules = replace(only_rule, rules=(NOTE_RULE, replace(NOTE_RULE, id=4)))
    assert _outcomes(only_rule) == [("Ana Alvarez", False, "silence 7: Patches (rule 3)")]
    assert _outcomes(both) == [("Ana Alvarez", True, "assigned (owner)")]
    assert _outcomes(two_rules) == [("Ana Alvarez", False, "silence 8: Patches (rule 3, rule 4)")]
    own = replace(both, silences=(_silence(rule_id=3, recipient_id=2),))
    assert _outcomes(own) == [("Ana Alvarez", True, "assigned (owner)")]


def test_a_dry_run_counts_before_silences() -> None:
    """D9 (3) before (4)."""
    facts = _facts(silences=(_silence(board_id=5),), rules=(replace(NOTE_RULE, dry_run=True),), people=())
    assert _outcomes(facts) == [("Ana Alvarez", False, "dry run of rule 3")]


def test_a_silence_of_the_ticket_comes_before_people_without_an_account_and_the_author() -> None:
    """D9 (4) before (5) and (7)."""
    silent = _facts(silences=(_silence(board_id=5),), people=(NOBODY_IN_WEBEX,))
    assert _outcomes(silent) == [("Dan Doe", False, "silence 7: Patches (assigned (resource))")]
    by_ana = values.Note("TicketNote", 1, member="ana", author_recipient_ids=frozenset({2}), entered_at=NOW)
    author = _facts(silences=(_silence(board_id=5),), notes=(by_ana,))
    assert _outcomes(author) == [("Ana Alvarez", False, "silence 7: Patches (assigned (owner))")]


def test_a_silence_of_a_recipient_is_about_the_final_one() -> None:
    """D9 (6) before (8): a forward decides before it; that of the source matters no more."""
    away = (values.Forward(1, ANA, BEN),)
    of_source = _facts(forwards=away, silences=(_silence(recipient_id=2),))
    of_destination = _facts(forwards=away, silences=(_silence(recipient_id=3),))
    gone = ("Ana Alvarez", False, "forward 1 (Ana Alvarez > Ben Bauer)")
    assert _outcomes(of_source) == [("Ben Bauer", True, "forward 1 (Ana Alvarez > Ben Bauer)"), gone]
    silenced = "silence 7: Patches (forward 1 (Ana Alvarez > Ben Bauer))"
    assert _outcomes(of_destination) == [("Ben Bauer", False, silenced), gone]


def test_a_silence_of_a_recipient_and_a_rule_asks_why_it_was_forwarded() -> None:
    """N3: all that is named has to match, also what led to somebody else."""
    away = (values.Forward(1, ANA, BEN), values.Forward(2, ROOM, BEN))
    silences = (_silence(recipient_id=3, rule_id=3),)
    by_rule = _facts(forwards=away, silences=silences, rules=(NOTE_RULE,), people=())
    by_another_way = replace(by_rule, rules=(NOTE_RULE, values.Rule(4, ROOM, ("customer_note",))))
    assert [each[:2] for each in _outcomes(by_rule)] == [("Ben Bauer", False), ("Ana Alvarez", False)]
    assert ("Ben Bauer", True) in [each[:2] for each in _outcomes(by_another_way)]


def test_a_silenced_source_is_not_forwarded() -> None:
    """D9 (4) before (6)."""
    facts = _facts(forwards=(values.Forward(1, ANA, BEN),), silences=(_silence(board_id=5),))
    assert _outcomes(facts) == [("Ana Alvarez", False, "silence 7: Patches (assigned (owner))")]


def test_the_author_and_own_silences_come_before_the_kill_switch() -> None:
    """D9 (7), (8), (9)."""
    off = values.Policy(attempt_notify=False)
    assert _outcomes(_facts(policy=off, silences=(_silence(recipient_id=2),))) == [
        ("Ana Alvarez", False, "silence 7: Patches (assigned (owner))")
    ]
    assert _outcomes(_facts(policy=off, quiet_hours=(_hours(),))) == [
        ("Ana Alvarez", False, "notifications off (assigned (owner))")
    ]


def test_quiet_hours_hold_until_their_end() -> None:
    """N4, D9 (10)."""
    (draft,) = plan.decide(_facts(quiet_hours=(_hours(),))).drafts
    assert (draft.send, draft.held_until, draft.is_urgent) == (True, NOW + timedelta(hours=2), False)
    assert reasons.text(draft.reasons) == "assigned (owner), held by quiet hours 9"


def test_what_is_urgent_is_not_held() -> None:
    """N4, R4."""
    (draft,) = plan.decide(_facts(quiet_hours=(_hours(urgent='priority == "High"'),))).drafts
    assert (draft.held_until, draft.is_urgent) == (None, True)
    assert reasons.text(draft.reasons) == "assigned (owner), urgent in quiet hours 9"
    (other,) = plan.decide(_facts(quiet_hours=(_hours(urgent='priority == "Low"'),))).drafts
    assert other.held_until == NOW + timedelta(hours=2)


def test_outside_of_quiet_hours_nothing_is_held_or_urgent() -> None:
    """N4"""
    (draft,) = plan.decide(_facts(quiet_hours=(_hours(start="13:00", urgent="true"),))).drafts
    assert (draft.held_until, draft.is_urgent) == (None, False)
    assert reasons.text(draft.reasons) == "assigned (owner)"


def test_own_quiet_hours_replace_those_for_all_people_and_rooms_have_none_of_these() -> None:
    """N4"""
    for_all, own = _hours(id=1, recipient_id=None), _hours(id=2, start="20:00", end="22:00")
    assert calm.hours_of(ANA, [for_all, own]) == [own]
    assert calm.hours_of(BEN, [for_all, own]) == [for_all]
    assert calm.hours_of(ROOM, [for_all, own]) == []


def test_a_forward_decides_before_the_quiet_hours_of_its_destination() -> None:
    """N4: those of the source do not matter."""
    facts = _facts(forwards=(values.Forward(1, ANA, BEN),), quiet_hours=(_hours(), _hours(id=4, recipient_id=3)))
    ben, ana = plan.decide(facts).drafts
    assert (ben.name, ben.held_until, ben.reasons[-1].ids) == ("Ben Bauer", NOW + timedelta(hours=2), (4,))
    assert not ana.send


def test_several_quiet_hours_add_up() -> None:
    """N4: one that follows another makes it longer; what is urgent for one is held by another one."""
    first, second = _hours(), _hours(id=4, start="13:30", end="18:00")
    assert calm.held_until([first, second], NOW) == NOW + timedelta(hours=6)
    facts = _facts(quiet_hours=(_hours(urgent="true"), _hours(id=4, start="11:00", end="13:00")))
    (draft,) = plan.decide(facts).drafts
    assert (draft.held_until, draft.reasons[-1].ids) == (NOW + timedelta(hours=1), (4,))


@pytest.mark.parametrize(
    ("local", "end"),
    [
        ("2026-03-10 17:59", None),
        ("2026-03-10 18:00", "2026-03-11 08:00"),
        ("2026-03-11 07:59", "2026-03-11 08:00"),
        ("2026-03-11 08:00", None),
        ("2026-03-14 07:59", "2026-03-14 08:00"),  # begun on Friday
        ("2026-03-14 18:00", None),  # a Saturday
    ],
)
def test_quiet_hours_go_over_midnight_on_the_days_they_begin(local: str, end: str | None) -> None:
    """N4"""
    nights = _hours(days=("mon", "tue", "wed", "thu", "fri"), start="18:00", end="08:00", timezone="Europe/Berlin")
    until = calm.held_until([nights], datetime.fromisoformat(local).replace(tzinfo=BERLIN))
    assert until == (end and datetime.fromisoformat(end).replace(tzinfo=BERLIN))


def test_the_same_time_twice_is_the_whole_day() -> None:
    """N4"""
    weekend = _hours(days=("sat", "sun"), start="00:00", end="00:00")
    saturday = datetime(2026, 3, 14, 5, tzinfo=UTC)
    assert calm.held_until([weekend], saturday) == datetime(2026, 3, 16, tzinfo=UTC)
    assert calm.held_until([weekend], datetime(2026, 3, 13, 23, 59, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("decided", "end"),
    [
        ("2026-03-29T00:45:00+00:00", "2026-03-29T01:00:00+00:00"),  # 01:45; 02:30 is skipped: it ends at 03:00
        ("2026-10-25T00:10:00+00:00", "2026-10-25T00:30:00+00:00"),  # 02:10, the first time
        ("2026-10-25T00:40:00+00:00", None),  # 02:40, the first time
        ("2026-10-25T01:10:00+00:00", "2026-10-25T01:30:00+00:00"),  # 02:10, the second time
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall(decided: str, end: str | None) -> None:
    """N4: in Berlin clocks go from 02:00 to 03:00 in March, and from 03:00 to 02:00 in October."""
    hours = _hours(start="01:30", end="02:30", timezone="Europe/Berlin")
    until = calm.held_until([hours], datetime.fromisoformat(decided))
    assert until == (end and datetime.fromisoformat(end))


def test_a_week_without_any_other_time_is_noticed() -> None:
    """N4, also where only a change of clocks leaves none, or several hours together."""
    assert calm.leave_no_time([_hours(start="00:00", end="00:00")], NOW)
    assert not calm.leave_no_time([_hours(start="08:00", end="07:59")], NOW)
    assert calm.leave_no_time([_hours(start="08:00", end="20:00"), _hours(start="20:00", end="08:00")], NOW)
    assert not calm.leave_no_time([], NOW)
    assert calm.held_until([_hours(start="00:00", end="00:00")], NOW) is not None  # never for good
