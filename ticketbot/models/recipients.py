"""Recipients: rooms and people in Webex."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import peewee

from ticketbot.database import fields, sql

ROOM = "room"
PERSON = "person"


class Recipient(fields.Model):
    """A Webex destination. One that vanished is inactive, never deleted: rules and forwards refer to it (S2)."""

    id = fields.IdField()
    type = peewee.TextField()  # room | person
    webex_id = peewee.TextField(unique=True)
    name = peewee.TextField(default="")
    email = peewee.TextField(null=True, index=True)  # lower case; null for rooms
    active = peewee.BooleanField(default=True)
    last_activity = fields.UtcField(null=True)
    fetched_at = fields.UtcField(null=True)


class PersonEmail(fields.Model):
    """An address (lower case) of a person who may have several (D7)."""

    email = peewee.TextField()
    recipient = peewee.ForeignKeyField(Recipient, on_delete="CASCADE", backref="emails")

    class Meta:
        primary_key = peewee.CompositeKey("email", "recipient")


class WebexPerson(NamedTuple):
    """A Webex person as the people API describes it; `emails` in lower case."""

    webex_id: str
    name: str
    emails: Sequence[str]
    last_activity: datetime | None


def recipient(recipient_id: int) -> Recipient:
    """Return one recipient; recipients are never deleted."""
    return sql.select_by_id(Recipient, [recipient_id])[recipient_id]


def people_by_email(emails: Iterable[str]) -> dict[str, list[Recipient]]:
    """Return the active people with these addresses (lower case); Webex may have several accounts for one."""
    found: dict[str, list[Recipient]] = {}
    wanted = sorted(set(emails))
    if not wanted:
        return found
    listed = sql.placeholders(wanted)
    links = f"SELECT email, recipient_id FROM person_email WHERE email IN {listed} ORDER BY recipient_id"  # noqa: S608
    pairs = sql.execute(links, *wanted).fetchall()
    people = sql.select_by_id(Recipient, {recipient_id for _, recipient_id in pairs})
    for email, recipient_id in pairs:
        person = people[recipient_id]
        if person.active and person.type == PERSON:
            found.setdefault(email, []).append(person)
    return found


def has_email(recipient: Recipient, email: str) -> bool:
    """Return whether a person has an address, which is compared without regard to case."""
    addresses = PersonEmail.select(PersonEmail.email).where(PersonEmail.recipient == recipient)
    return email.lower() in {recipient.email, *(row.email for row in addresses)}


def store_people(email: str, people: Sequence[WebexPerson], now: datetime) -> None:
    """Store the accounts that Webex returned for one address.

    An account that it no longer returns loses the address, and becomes inactive if that was its last one.
    """
    ids = [person.webex_id for person in people]
    for former in people_by_email([email]).get(email, []):
        if former.webex_id not in ids:
            _take_address(former, email)
    rows = [
        {
            "type": PERSON,
            "webex_id": person.webex_id,
            "name": person.name,
            "email": email,
            "active": True,
            "last_activity": person.last_activity,
            "fetched_at": now,
        }
        for person in sorted(people)
    ]
    sql.upsert(Recipient, rows, target=["webex_id"], keep=["email"], where="recipient.type = 'person'")
    link_emails((person.webex_id, each) for person in people for each in {email, *person.emails})


def link_emails(links: Iterable[tuple[str, str]]) -> None:
    """Link stored people, by their ids in Webex, to addresses (lower case)."""
    for webex_id, email in sorted(set(links)):
        sql.execute(_LINK_EMAIL, email, webex_id)


_LINK_EMAIL = """
    INSERT INTO person_email (email, recipient_id) SELECT ?, id FROM recipient WHERE webex_id = ? AND type = 'person'
    ON CONFLICT DO NOTHING
"""


def _take_address(person: Recipient, email: str) -> None:
    PersonEmail.delete().where(PersonEmail.email == email, PersonEmail.recipient == person.id).execute()
    if person.email == email:
        other = (
            PersonEmail.select(PersonEmail.email).where(PersonEmail.recipient == person.id).order_by(PersonEmail.email)
        )
        left = other.scalar()
        changes = {"email": left} if left else {"active": False}
        Recipient.update(changes).where(Recipient.id == person.id).execute()


def active_recipients(kind: str) -> dict[str, Recipient]:
    """Return the active rooms, or the active people, by their id in Webex."""
    return {row.webex_id: row for row in Recipient.select().where(Recipient.type == kind, Recipient.active)}


def count_active() -> int:
    """Return how many recipients are active."""
    return int(Recipient.select().where(Recipient.active).count())


def store_recipients(rows: Sequence[Mapping[str, Any]], *, keep: Sequence[str] = ()) -> None:
    """Store recipients of one type as found in Webex, active; existing rows keep their columns in `keep`."""
    found = [{**row, "active": True} for row in sorted(rows, key=lambda row: row["webex_id"])]
    sql.upsert(Recipient, found, target=["webex_id"], keep=keep)


def deactivate(webex_ids: Iterable[str]) -> None:
    """Mark recipients as vanished from Webex; rules and forwards still refer to them (S2)."""
    wanted = sorted(webex_ids)
    for chunk in sql.chunks(wanted):
        Recipient.update(active=False).where(Recipient.webex_id.in_(chunk)).execute()
