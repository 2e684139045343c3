"""O8: of a ticket that was closed long ago, no text is left anywhere in the database."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

import pytest

from tests.simulated_time import Stepper
from ticketbot.background import retention
from ticketbot.database import db
from ticketbot.models import notifications, quiet_hours

OPEN, CLOSED, DELETED, CLOSED_LATELY, DEAD = FATES = (
    "open",
    "closed",
    "deleted",
    "closed lately",
    "closed, with a dead event",
)
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def words_of(number: int) -> dict[str, str]:
    """Return texts of a ticket that occur nowhere else."""
    return {kind: f"{kind}{number:03}x" for kind in ("Summary", "Company", "Contact", "Note")}


def everything(*, but: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in the database, uncompressed, with its place."""
    with db.session():
        for table in db.database.get_tables():
            cursor = db.database.execute_sql(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes | memoryview):
                        yield f"{table}.{column}", zlib.decompress(bytes(value)).decode()
                    elif isinstance(value, str):
                        yield f"{table}.{column}", value


def places(number: int) -> set[str]:
    """Return where texts of a ticket are."""
    found = everything()
    return {place for place, text in found if any(word.lower() in text.lower() for word in words_of(number).values())}


class Tenant:
    """Tickets of all fates, whose rules, conditions, changes, threads and digests leave their texts in many places."""

    def __init__(self, stepper: Stepper, seed: int) -> None:
        self.stepper, self.site, self.random = stepper, stepper.world.connectwise, random.Random(seed)
        stepper.world.add_rule("Help Desk", events=["new", "changed", "customer_note"], condition='company != "Nobody"')
        stepper.world.add_rule("Night Desk", events=["new"], condition='"outage" in summary and contact != "Nobody"')
        ana = stepper.world.recipient("ana")
        with db.transaction("test"):
            hours = {"days": EVERY_DAY, "start": "08:00", "end": "12:00", "timezone": "UTC"}
            quiet_hours.QuietHours.create(recipient=ana, created_at=stepper.clock(), **hours)
        self.fates = {self.add(number): (number, fate) for number, fate in enumerate(self.random.sample(FATES * 2, 10))}

    def add(self, number: int) -> int:
        words = words_of(number)
        company = self.site.add_company(words["Company"])
        contact = self.site.add_contact(words["Contact"], "Doe", company=company)
        ticket: int = self.site.add_ticket(
            self.stepper.world.board, words["Summary"], company=company, contact=contact, note=words["Note"],
            resources=["ana", "ben"], notify=False,
        )  # fmt: skip
        return ticket

    def look(self, ticket: int, action: str = "updated") -> None:
        self.stepper.accept_webhook(ticket, action)
        self.stepper.work()

    def live(self) -> None:
        """Announce all tickets, change and close them."""
        for ticket in self.fates:
            self.look(ticket, "added")
        self.stepper.run(hours=4)  # the digest of the quiet hours, of all tickets
        for ticket, (number, fate) in self.fates.items():
            if self.random.random() < 0.7:
                self.site.update_ticket(ticket, summary=f"{words_of(number)['Summary']} again", notify=False)
                self.look(ticket)
            if fate == DELETED:
                self.site.delete_ticket(ticket, notify=False)
                self.look(ticket, "deleted")
            elif fate in (CLOSED, DEAD):
                self.site.update_ticket(ticket, status=">Closed", notify=False)
                self.look(ticket)
        self.stepper.run(hours=30)

    def age(self) -> None:
        """Let 100 days pass, close what is to be closed lately, and erase."""
        self.stepper.run(days=100)
        for ticket, (_, fate) in self.fates.items():
            if fate == CLOSED_LATELY:
                self.site.update_ticket(ticket, status=">Closed", notify=False)
                self.look(ticket)
        self.stepper.run(hours=30)
        for _ in range(2):  # what nothing refers to any more is removed by the next run
            retention.forget(self.stepper.clock(), lambda: None)

    def of(self, *fates: str) -> list[tuple[int, int]]:
        """Return id and number of the tickets of some fates."""
        return [(ticket, number) for ticket, (number, fate) in self.fates.items() if fate in fates]


@pytest.fixture(params=[1, 2])
def tenant(stepper: Stepper, request: pytest.FixtureRequest) -> Tenant:
    tenant = Tenant(stepper, request.param)
    tenant.live()
    assert all(len(places(number)) > 3 for _, number in tenant.of(*FATES))
    return tenant


def test_no_text_of_an_old_closed_ticket_is_left(tenant: Tenant) -> None:
    with db.transaction("test"):
        for ticket, _ in tenant.of(DEAD):
            db.database.execute_sql(f"UPDATE event SET state = 'dead' WHERE ticket_id = {ticket}")
    tenant.age()
    assert {number: places(number) for _, number in tenant.of(CLOSED, DELETED, DEAD)} == {
        number: set() for _, number in tenant.of(CLOSED, DELETED, DEAD)
    }
    for _, number in tenant.of(OPEN, CLOSED_LATELY):
        assert {"ticket.summary", "ticket.company", "ticket.contact", "ticket.details"} <= places(number)
    retention.forget(tenant.stepper.clock(), lambda: None)  # blank tickets are left alone


def test_a_reopened_ticket_is_whole_again_and_only_what_changed_is_a_change(tenant: Tenant) -> None:
    """T8: its summary and company are unknown, and so not new."""
    tenant.age()
    ticket, number = tenant.of(CLOSED)[0]
    before = len(tenant.stepper.world.webex.messages())
    tenant.site.update_ticket(ticket, status="New", notify=False)
    tenant.look(ticket)
    assert {"ticket.summary", "ticket.company", "ticket.contact", "ticket.details"} <= places(number)
    (message,) = tenant.stepper.world.webex.messages()[before:]
    assert words_of(number)["Summary"] in message.markdown
    with db.session():
        changed = notifications.Notification.select().order_by(notifications.Notification.id.desc()).get().changes
    assert {change["field"] for change in changed} == {"status", "closed"}
