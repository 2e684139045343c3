"""Forwards by example; the laws are in tests/property (F1 to F5)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ticketbot.decide import forwarding
from ticketbot.decide.values import Forward, Recipient

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
ANA, BEN, CORA, DAN = (
    Recipient(number, "person", name) for number, name in enumerate(("Ana", "Ben", "Cora", "Dan"), 1)
)


def _routes(told: list[Recipient], *rows: Forward) -> dict[str, tuple[str, ...]]:
    return {each.recipient.name: each.chain for each in forwarding.route(told, rows, NOW).deliveries}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([Forward(1, ANA, BEN)], {"Ben": ("Ana",)}),
        ([Forward(1, ANA, BEN, keep_copy=True)], {"Ana": (), "Ben": ("Ana",)}),
        ([Forward(1, ANA, BEN), Forward(2, ANA, CORA)], {"Ben": ("Ana",), "Cora": ("Ana",)}),
        ([Forward(1, ANA, BEN), Forward(2, ANA, CORA, keep_copy=True)], {"Ana": (), "Ben": ("Ana",), "Cora": ("Ana",)}),
        ([Forward(1, ANA, BEN), Forward(2, BEN, CORA)], {"Cora": ("Ana", "Ben")}),
        ([Forward(1, ANA, BEN), Forward(2, BEN, CORA, keep_copy=True)], {"Ben": ("Ana",), "Cora": ("Ana", "Ben")}),
    ],
)
def test_a_notification_follows_all_forwards_to_their_ends(
    rows: list[Forward], told: dict[str, tuple[str, ...]]
) -> None:
    """F1, F2."""
    assert _routes([ANA], *rows) == told


def test_a_recipient_in_their_own_right_gets_no_forwarded_copy_and_the_source_gets_nothing() -> None:
    """F3."""
    assert _routes([ANA, BEN], Forward(1, ANA, BEN)) == {"Ben": ()}


def test_an_original_recipient_whose_notification_is_forwarded_away_has_no_own_right() -> None:
    """F3: Ben is away, too; what comes to Cora comes along the shorter chain."""
    assert _routes([ANA, BEN], Forward(1, ANA, BEN), Forward(2, BEN, CORA)) == {"Cora": ("Ben",)}


def test_of_several_chains_the_shortest_counts_and_then_the_lowest_ids() -> None:
    """F3."""
    diamond = [Forward(4, ANA, BEN), Forward(2, ANA, CORA), Forward(1, BEN, DAN), Forward(3, CORA, DAN)]

    assert _routes([ANA], *diamond) == {"Dan": ("Ana", "Cora")}
    assert _routes([ANA], *diamond, Forward(9, ANA, DAN)) == {"Dan": ("Ana",)}


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([ANA], {"Ana"}),
        ([ANA, BEN], {"Ana", "Ben"}),
        ([CORA], {"Cora"}),
        ([CORA, ANA], {"Ana"}),
        ([DAN, CORA], {"Cora", "Dan"}),
    ],
)
def test_in_a_circle_the_notification_stays_with_the_originals(told: list[Recipient], kept: set[str]) -> None:
    """F5: Ana and Ben forward to each other, Dan to Cora and Cora to Ana."""
    rows = [Forward(1, ANA, BEN), Forward(2, BEN, ANA), Forward(3, CORA, ANA), Forward(4, DAN, CORA)]

    assert _routes(told, *rows) == dict.fromkeys(kept, ())


def test_a_way_out_of_a_circle_is_taken() -> None:
    """F5: nobody away is disturbed as long as somebody can be told."""
    assert _routes([ANA, BEN], Forward(1, ANA, BEN), Forward(2, BEN, ANA), Forward(3, BEN, CORA)) == {"Cora": ("Ben",)}


@pytest.mark.parametrize(
    ("start", "end", "active"),
    [
        (None, None, True),
        ("2026-03-02T12:00+00:00", None, True),
        ("2026-03-02T12:00:01+00:00", None, False),
        (None, "2026-03-02T12:00:01+00:00", True),
        (None, "2026-03-02T12:00+00:00", False),
    ],
)
def test_a_forward_is_active_from_its_start_until_before_its_end(
    start: str | None, end: str | None, active: bool
) -> None:
    """F: `start <= now < end`, and an inactive one does nothing."""
    row = Forward(1, ANA, BEN, *forwarding.parse_period(start, end, UTC))

    assert forwarding.is_active(row, NOW) is active
    assert _routes([ANA], row) == ({"Ben": ("Ana",)} if active else {"Ana": ()})


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        (NEW_YORK, "2026-03-08", "2026-03-08T05:00+00:00", 23),
        (NEW_YORK, "2026-11-01", "2026-11-01T04:00+00:00", 25),
        (NEW_YORK, "2026-07-04", "2026-07-04T04:00+00:00", 24),
        (BERLIN, "2026-03-29", "2026-03-28T23:00+00:00", 23),
        (BERLIN, "2026-10-25", "2026-10-24T22:00+00:00", 25),
        (BERLIN, "20261025", "2026-10-24T22:00+00:00", 25),
        (BERLIN, "2026-W43-7", "2026-10-24T22:00+00:00", 25),
        (ZoneInfo("Africa/Cairo"), "2026-04-24", "2026-04-23T22:00+00:00", 23),
        (ZoneInfo("America/Havana"), "2026-11-01", "2026-11-01T04:00+00:00", 25),
    ],
)
def test_a_date_is_the_whole_day_however_long_it_is(zone: ZoneInfo, day: str, start: str, hours: int) -> None:
    """F: in Cairo the day begins at one, in Havana midnight comes twice."""
    begins, ends = forwarding.parse_period(day, day, zone)

    assert begins == _moment(start)
    assert ends is not None and begins is not None
    assert (ends - begins).total_seconds() == hours * 3600


@pytest.mark.parametrize(
    ("zone", "local", "moment"),
    [
        (NEW_YORK, "2026-03-08T02:30", "2026-03-08T07:30+00:00"),  # 02:30 does not exist: it is 03:30
        (NEW_YORK, "2026-11-01T01:30", "2026-11-01T05:30+00:00"),  # 01:30 comes twice: the first one
        (BERLIN, "2026-03-29T02:30", "2026-03-29T01:30+00:00"),
        (BERLIN, "2026-10-25T02:30", "2026-10-25T00:30+00:00"),
        (BERLIN, "2026-10-25T02:30+01:00", "2026-10-25T01:30+00:00"),
    ],
)
def test_a_time_without_an_offset_is_one_of_the_zone(zone: ZoneInfo, local: str, moment: str) -> None:
    """F: in the gap of spring and the fold of autumn, too; an offset says all there is to say."""
    assert forwarding.parse_period(local, local, zone) == (_moment(moment), _moment(moment))


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-02-30", "2026-13-01", "9999-12-31", "0001-01-01", "9999-12-31T23:00-14:00", "١٢٣٤-01-01"],
)
def test_what_is_no_time_of_the_calendar_is_refused(text: str) -> None:
    """F: also the ends of the calendar, whose neighbours do not exist."""
    with pytest.raises(ValueError, match=r"\S"):
        forwarding.parse_period(text, text, BERLIN)


def test_a_circle_is_spelled_out_from_the_new_forward_on() -> None:
    """F4."""
    new, first, second = Forward(3, CORA, ANA), Forward(1, ANA, BEN), Forward(2, BEN, CORA)

    assert forwarding.find_cycle(new, [second, first]) == (new, first, second)
    assert forwarding.find_cycle(new, [first]) is None


def test_forwards_that_are_never_active_together_form_no_cycle() -> None:
    """F4: pairs may overlap where all three do not."""
    first = Forward(1, ANA, BEN, *forwarding.parse_period("2026-03-01", "2026-03-05", UTC))
    second = Forward(2, BEN, CORA, *forwarding.parse_period("2026-03-05", "2026-03-10", UTC))

    assert forwarding.find_cycle(
        Forward(3, CORA, ANA, *forwarding.parse_period("2026-03-05", None, UTC)), [first, second]
    )
    assert (
        forwarding.find_cycle(Forward(3, CORA, ANA, *forwarding.parse_period("2026-03-06", None, UTC)), [first, second])
        is None
    )


def test_a_forward_does_not_close_a_circle_with_what_it_was_before() -> None:
    """F4: enabling or changing a forward replaces its row."""
    assert forwarding.find_cycle(Forward(1, ANA, BEN), [Forward(1, BEN, ANA)]) is None
