"""Laws of forwards (F1 to F6): they terminate, nobody is missed, nobody away is disturbed, and an oracle agrees."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from tests.property import forward_oracle
from ticketbot.decide import forwarding
from ticketbot.decide.values import Forward, Recipient

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CAST = [Recipient(number, "person", name) for number, name in enumerate(("Ana", "Ben", "Cora", "Dan", "Eve", "Fay"))]

moments = st.one_of(st.none(), st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours)))
originals = st.lists(st.sampled_from(CAST), max_size=6, unique=True)


@st.composite
def graphs(draw: st.DrawFn, *, always: bool = False, most: int = 10) -> list[Forward]:
    """Draw forwards among the cast, of any windows, in any order of ids."""
    pairs = draw(st.lists(st.permutations(CAST).map(lambda order: order[:2]), max_size=most))
    ids = draw(st.permutations(range(1, len(pairs) + 1)))
    return [
        Forward(
            number,
            source,
            destination,
            None if always else draw(moments),
            None if always else draw(moments),
            draw(st.sampled_from([False, False, False, True])),
        )
        for number, (source, destination) in zip(ids, pairs, strict=True)
    ]


either = st.one_of(graphs(), graphs(always=True))


def _notified(routing: forwarding.Routing) -> dict[int, tuple[int, ...]]:
    return {each.recipient.id: tuple(step.id for step in each.path) for each in routing.deliveries}


@given(originals, either)
@hypothesis.settings(max_examples=300)
def test_brute_force_oracle_agrees(recipients: list[Recipient], rows: list[Forward]) -> None:
    """F1 to F5, read literally."""
    routing = forwarding.route(recipients, rows, NOW)

    expected = forward_oracle.expected_outcome([each.id for each in recipients], rows, NOW)
    assert _notified(routing) == expected.notified
    assert {each.recipient.id for each in routing.relieved} == expected.relieved


@given(originals)
def test_without_forwards_the_output_is_the_input(recipients: list[Recipient]) -> None:
    """F6."""
    routing = forwarding.route(recipients, [], NOW)

    assert [each.recipient for each in routing.deliveries] == sorted(recipients, key=lambda each: each.id)
    assert not any(each.path for each in routing.deliveries)
    assert routing.relieved == ()


@given(originals, either, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    recipients: list[Recipient], rows: list[Forward], rng: random.Random
) -> None:
    """F6."""
    shuffled, reordered = rng.sample(rows, len(rows)), rng.sample(recipients, len(recipients))

    assert forwarding.route(reordered, shuffled, NOW) == forwarding.route(recipients, rows, NOW)


@given(originals, either)
def test_nobody_is_missed_notified_twice_or_disturbed(recipients: list[Recipient], rows: list[Forward]) -> None:
    """F1, F3, F5: every original recipient is notified or relieved, never both; somebody is notified."""
    routing = forwarding.route(recipients, rows, NOW)

    reached = [each.recipient.id for each in routing.deliveries]
    relieved = {each.recipient.id for each in routing.relieved}
    assert len(reached) == len(set(reached))
    assert bool(reached) == bool(recipients)
    assert not relieved & set(reached)
    assert relieved | set(reached) >= {each.id for each in recipients}
    assert all(each.by for each in routing.relieved)


@given(originals, either)
def test_a_path_leads_from_an_original_to_its_end_over_active_forwards(
    recipients: list[Recipient], rows: list[Forward]
) -> None:
    """F2, F3: recipients notified directly have no path."""
    for delivery in forwarding.route(recipients, rows, NOW).deliveries:
        assert all(forwarding.is_active(step, NOW) for step in delivery.path)
        assert all(one.destination == next_.source for one, next_ in itertools.pairwise(delivery.path))
        if delivery.path:
            assert delivery.path[0].source in recipients
            assert delivery.path[-1].destination == delivery.recipient
            assert delivery.chain == tuple(step.source.name for step in delivery.path)
        else:
            assert delivery.recipient in recipients


@given(graphs(), st.data())
@hypothesis.settings(max_examples=200)
def test_cycle_is_found_exactly_if_there_is_one(rows: list[Forward], data: st.DataObject) -> None:
    """F4: forwards active at some common time; the cycle is spelled out from the new one on."""
    if not rows:
        return
    new = data.draw(st.sampled_from(rows))
    others = [each for each in rows if each.id != new.id]

    cycle = forwarding.find_cycle(new, rows)

    assert (cycle is not None) == forward_oracle.closes_cycle(new, others)
    if cycle:
        assert cycle[0] == new
        assert all(one.destination == next_.source for one, next_ in itertools.pairwise([*cycle, cycle[0]]))
        assert forward_oracle.overlap(cycle)


@given(graphs(), originals)
def test_forwards_accepted_one_by_one_never_form_a_cycle(rows: list[Forward], recipients: list[Recipient]) -> None:
    """F4: refusing cycles when forwards are created excludes them at any time, so that F5 never applies."""
    admitted: list[Forward] = []
    for row in rows:
        if not forwarding.find_cycle(row, admitted):
            admitted.append(row)

    for hour in range(-4, 5):
        now = NOW + timedelta(hours=hour)
        for delivery in forwarding.route(recipients, admitted, now).deliveries:
            leaving = [
                each for each in admitted if each.source == delivery.recipient and forwarding.is_active(each, now)
            ]
            assert not leaving or any(each.keep_copy for each in leaving)


def test_dense_forwards_are_searched_quickly() -> None:
    """F4: 40 layers have an astronomical number of paths, but few forwards."""
    people = [Recipient(number, "person", str(number)) for number in range(82)]
    pairs = [
        (people[2 * layer + one], people[2 * layer + 2 + other])
        for layer in range(40)
        for one in (0, 1)
        for other in (0, 1)
    ]
    rows = [Forward(number, *pair) for number, pair in enumerate(pairs, 1)]

    assert forwarding.find_cycle(Forward(1000, people[80], people[0]), rows) is not None
    assert forwarding.find_cycle(Forward(1000, people[0], people[81]), rows) is None
    assert len(forwarding.route(people[:2], rows, NOW).deliveries) == 2


zones = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Africa/Cairo", "America/Havana", "Pacific/Apia"])


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 9), zones)
def test_dates_are_whole_days(first: date, days: int, zone: str) -> None:
    """F: the end date is included, however long its day is, and the next day begins where it ends."""
    last, tz = first + timedelta(days=days), ZoneInfo(zone)

    start, end = forwarding.parse_period(first.isoformat(), last.isoformat(), tz)
    following, _ = forwarding.parse_period((last + timedelta(days=1)).isoformat(), None, tz)

    assert start is not None and end is not None
    assert end == following
    assert start < end or (days, zone) == (0, "Pacific/Apia"), "Samoa left out a whole day"
    for moment, inside in ((start, True), (end - timedelta(seconds=1), True), (end, False)):
        assert (first <= moment.astimezone(tz).date() <= last) is inside or zone == "Pacific/Apia"


@given(
    st.one_of(
        st.text(max_size=30), st.from_regex(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d)?)?", fullmatch=True)
    ),
    zones,
)
def test_time_is_parsed_or_refused(text: str, zone: str) -> None:
    """Any text gives aware times in order, or a ValueError."""
    try:
        start, end = forwarding.parse_period(text, text, ZoneInfo(zone))
    except ValueError:
        return
    assert start is not None and end is not None
    assert start.tzinfo is UTC and end.tzinfo is UTC
    assert start <= end
