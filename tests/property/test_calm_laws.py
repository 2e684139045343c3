"""Laws of quiet hours in 40 time zones, at every change of clocks of three years (N4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.property import quiet_oracle
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.decide import calm, plan, values
from ticketbot.models import events, messages, notifications, quiet_hours, recipients, tickets
from ticketbot.pipeline import calm_hours, load_facts, process_event

ANA = values.Recipient(1, "person", "Ana")
WEEK = quiet_oracle.DAYS
WINDOWS = (("18:00", "08:00"), ("02:00", "03:00"), ("01:30", "02:30"), ("22:00", "02:15"), ("00:00", "00:00"))
CHANGES = [(zone, at) for zone in quiet_oracle.ZONES for at in quiet_oracle.clock_changes(zone)]

_minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


def _hours(zone: str, start: str, end: str, days: Iterable[str] = WEEK, **more: Any) -> values.QuietHours:
    return values.QuietHours(more.pop("id", 1), 1, tuple(days), start, end, zone, **more)


@pytest.mark.parametrize("zone", quiet_oracle.ZONES)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(zone: str) -> None:
    """N4: around every change of clocks, and on an ordinary day."""
    ordinary = datetime.fromisoformat("2026-06-03T12:34:56+00:00")
    for change in [*quiet_oracle.clock_changes(zone), ordinary]:
        for start, end in WINDOWS:
            days = ("mon", "wed", "fri", "sun") if start == end else WEEK
            hours = [_hours(zone, start, end, days)]
            for minutes in (-700, -91, -59, -31, -1, 0, 1, 29, 61, 100, 300):
                at = change + timedelta(minutes=minutes, seconds=7)
                assert calm.held_until(hours, at) == quiet_oracle.first_other_minute(hours, at), (hours, at)


@st.composite
def _any_hours(draw: Any, zone: str, number: int) -> values.QuietHours:
    days = draw(st.sets(st.sampled_from(WEEK), min_size=1, max_size=6))
    other_zone = draw(st.sampled_from([zone, *quiet_oracle.ZONES]))
    return _hours(other_zone, draw(_minutes), draw(_minutes), days, id=number)


@hypothesis.given(st.data())
def test_any_hours_end_when_no_clock_on_the_wall_shows_a_quiet_time(data: Any) -> None:
    """N4: several add up, also in different zones."""
    zone, change = data.draw(st.sampled_from(CHANGES))
    hours = [data.draw(_any_hours(zone, number)) for number in range(data.draw(st.integers(1, 3)))]
    at = change + timedelta(seconds=data.draw(st.integers(-90_000, 90_000)))
    hypothesis.assume(not calm.leave_no_time(hours, at))
    assert calm.held_until(hours, at) == quiet_oracle.first_other_minute(hours, at)


def test_there_are_changes_of_clocks_in_most_zones() -> None:
    assert len(quiet_oracle.ZONES) == 40
    assert len(CHANGES) > 140
    assert len({zone for zone, _ in CHANGES}) > 24


class Happening(NamedTuple):
    """A note on one of some tickets, or quiet hours that are changed to end at another time."""

    minute: int
    ticket: int
    is_urgent: bool
    new_end: str | None


_happenings = st.lists(
    st.builds(
        Happening,
        st.integers(0, 60 * 60),
        st.integers(1, 4),
        st.booleans(),
        st.none() | st.none() | st.none() | _minutes,
    ),
    min_size=1,
    max_size=14,
)


class Simulation:
    """Ana's notifications on the real tables, decided and sent in simulated time."""

    def __init__(self, hours: values.QuietHours, begins: datetime) -> None:
        self.now = begins
        self.decided: dict[int, tuple[datetime, bool, bool]] = {}  # when; whether it was quiet, and whether urgent
        self.posts: list[tuple[datetime, bool, list[int]]] = []  # when; whether it was quiet then; what was carried
        self.number = 0
        with db.transaction("test"):
            for model in (notifications.Notification, messages.Message, events.Event, quiet_hours.QuietHours):
                model.delete().execute()
            about = {"days": hours.days, "start": hours.start, "end": hours.end, "timezone": hours.timezone}
            row = quiet_hours.QuietHours.create(recipient=1, urgent=hours.urgent, created_at=begins, **about)
        self.hours = replace(hours, id=row.id)

    def advance(self, until: datetime) -> None:
        """Send what becomes due, when it does."""
        while (due_at := self._next_due_at()) is not None and due_at <= until:
            self.now = max(due_at, self.now)
            outbox_upkeep.tidy_outbox(self.now)
            self._send()
        self.now = until

    def happen(self, what: Happening) -> None:
        """Decide a note, or change the quiet hours, and send what may be sent."""
        if what.new_end is not None and what.new_end != self.hours.start:
            self.hours = replace(self.hours, end=what.new_end)
            with db.transaction("test"):
                quiet_hours.QuietHours.update(end=what.new_end).execute()
                calm_hours.move_held(1, self.now)
        else:
            self._decide(what)
        self._send()

    def _decide(self, what: Happening) -> None:
        self.number += 1
        compared = {"priority": values.Compared(int(what.is_urgent), "High" if what.is_urgent else "Low")}
        with db.transaction("test"):
            facts = values.Facts(
                now=self.now,
                watching_since=self.now,
                ticket=values.Ticket(what.ticket, self.now, compared),
                announced=True,
                notes=(values.Note("TicketNote", self.number, entered_at=self.now),),
                people=(values.Person("ana", "Ana", ("owner",), ANA),),
                **load_facts.calm_facts(self.now),
            )
            drafts = plan.decide(facts).drafts
            event = events.Event(id=None, ticket_id=what.ticket, correlation="")
            rows = [process_event.notification_row(draft, event, self.now) for draft in drafts]
            process_event.store_notifications(drafts, rows, self.now)
            number = notifications.Notification.select().order_by(notifications.Notification.id.desc()).get().id
        self.decided[number] = self.now, quiet_oracle.is_quiet([self.hours], self.now), what.is_urgent

    def _send(self) -> None:
        while claimed := messages.claim(1, self.now):
            with db.transaction("sent"):
                messages.record(claimed, {"state": "sent", "webex_message_id": "id"}, {"sent_at": self.now})
            carried = [int(row.id) for row in claimed.notifications]
            self.posts.append((self.now, quiet_oracle.is_quiet([self.hours], self.now), carried))

    def _next_due_at(self) -> datetime | None:
        with db.session():
            held = notifications.Notification.select().where(notifications.where_held())
            return min((row.held_until for row in held), default=None)

    def check(self) -> None:
        """Every notification arrived once; within quiet hours only what is urgent, and what it took along."""
        arrived = Counter(number for _, _, carried in self.posts for number in carried)
        assert arrived == Counter(dict.fromkeys(self.decided, 1))
        digests: Counter[datetime] = Counter()
        for at, is_quiet, carried in self.posts:
            has_urgent = any(self.decided[number][2] and self.decided[number][0] == at for number in carried)
            was_held = [number for number in carried if self.decided[number][0] != at]
            assert has_urgent or not is_quiet
            for number in carried:
                decided_at, was_quiet, is_urgent = self.decided[number]
                assert at == decided_at or (was_quiet and not is_urgent)
            digests[at] += bool(was_held) and not has_urgent
        assert max(digests.values(), default=0) <= 1


def test_what_is_held_arrives_exactly_once_and_only_what_is_urgent_within_quiet_hours(sqlite: str) -> None:
    """N4, calm-exactly-once."""
    with db.transaction("test"):
        recipients.Recipient.create(id=1, type="person", webex_id="ana", name="Ana")
        for number in range(1, 5):
            tickets.Ticket.create(id=number, stored_at=datetime.fromisoformat("2026-01-01T00:00:00+00:00"))

    @hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(st.sampled_from(CHANGES), _minutes, _minutes, _happenings)
    def live(change: tuple[str, datetime], start: str, end: str, happenings: list[Happening]) -> None:
        zone, at = change
        hypothesis.assume(start != end)
        begins = at - timedelta(hours=36)
        simulation = Simulation(_hours(zone, start, end, urgent='priority == "High"'), begins)
        for each in sorted(happenings, key=lambda each: each.minute):
            simulation.advance(begins + timedelta(minutes=each.minute))
            simulation.happen(each)
        simulation.advance(begins + timedelta(days=6))
        simulation.check()

    live()
