"""Find the person or room that somebody asks about, by any of their names."""

from __future__ import annotations

from collections.abc import Iterable

from ticketbot import errors
from ticketbot.decide import absence
from ticketbot.models import recipients, tickets
from ticketbot.present import words

Recipient, Member = recipients.Recipient, tickets.Member


def find(asked: str, mentioned: Iterable[str]) -> absence.Subject:
    """Return who is meant by a recipient's id, a name, an e-mail address or a member's identifier, ignoring case.

    `mentioned` are names that decisions use, perhaps of somebody neither Webex nor ConnectWise knows any more. Raises
    `NotFound`, with the nearest names.
    """
    wanted = asked.strip().casefold()
    rooms_and_people, members = list(Recipient.select()), list(Member.select())
    found = {row.id: row for row in rooms_and_people if wanted in _folded(str(row.id), row.name, row.email)}
    same = {row.id: row for row in members if wanted in _folded(row.identifier, row.name, row.email)}
    emails = _emails(found) | {row.email.lower() for row in same.values() if row.email}
    same |= {row.id: row for row in members if row.email and row.email.lower() in emails}
    found |= {row.id: row for rows in recipients.people_by_email(emails).values() for row in rows}
    names = [row.name for row in (*found.values(), *same.values())] + [row.identifier for row in same.values()]
    names += [name for name in mentioned if name.casefold() == wanted]
    if not names:
        known = sorted({row.name for row in (*rooms_and_people, *members)})
        raise errors.NotFound(f"No recipient or member is named {asked!a}.{words.did_you_mean(asked, known)}")
    identifiers = frozenset(row.identifier.lower() for row in same.values())
    is_room = any(row.type == recipients.ROOM for row in found.values())
    return absence.Subject(names[0], frozenset(names), frozenset(found), identifiers, is_room)


def _folded(*names: str | None) -> list[str]:
    return [name.casefold() for name in names if name]


def _emails(found: Iterable[int]) -> set[str]:
    links = recipients.PersonEmail.select().where(recipients.PersonEmail.recipient.in_(list(found)))
    rows = Recipient.select(Recipient.email).where(Recipient.id.in_(list(found)), Recipient.email.is_null(False))
    return {row.email for row in (*links, *rows)}
