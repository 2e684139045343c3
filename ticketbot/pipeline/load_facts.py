"""Load the facts for a decision about one ticket, from the fetched ticket and the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from ticketbot.connectwise import records
from ticketbot.database import db, sql
from ticketbot.decide import calm, forwarding, plan, topics, values
from ticketbot.models import (
    facts,
    forwards,
    notifications,
    quiet_hours,
    recipients,
    rules,
    runtime_config,
    silences,
    tickets,
)
from ticketbot.pipeline import fetch, people

API_MEMBER = "A"  # licenseClass of API members, which are programs (D7)


def load(
    reading: fetch.FetchedTicket,
    remote: people.RemoteServices,
    timezone: tzinfo,
    now: datetime,
    *,
    event_id: int,
    connectwise_now: datetime,
) -> values.Facts:
    """Return everything the decision may depend on; people are looked up only if they may be notified.

    `connectwise_now` is the time by ConnectWise's clock, which dates tickets and notes.

    Raises `RemoteError` if the lookup of someone who may have to be notified fails (T7, D7).
    """
    assert reading.ticket is not None
    known = _from_database(reading, timezone, now, event_id=event_id, connectwise_now=connectwise_now)
    if not plan.needs_people(known):
        return known
    return _with_people(known, reading.ticket, remote, now)


def _from_database(
    reading: fetch.FetchedTicket, timezone: tzinfo, now: datetime, *, event_id: int, connectwise_now: datetime
) -> values.Facts:
    ticket = reading.ticket
    assert ticket is not None
    keys = [(note.kind, note.id) for note in reading.notes]
    with db.session():
        decided = tickets.decided_notes(keys)
        notes = tuple(_note(note) for note in reading.notes)
        subjects = [
            f"new:{ticket.id}",
            f"change:{event_id}",
            *(note.subject for note in notes if note.key not in decided),
        ]
        stored = sql.select_by_id(tickets.Ticket, [ticket.id]).get(ticket.id)
        return values.Facts(
            event_id=event_id,
            now=now,
            connectwise_now=connectwise_now,
            watching_since=_watching_since(connectwise_now),
            ticket=values.Ticket(ticket.id, ticket.entered_at, compared(ticket), details(ticket)),
            before=msgspec.convert((stored and stored.compared) or {}, dict[str, values.Compared]),
            updated_by=ticket.updated_by,
            announced=stored is not None and stored.announced_at is not None,
            notes=notes,
            decided=frozenset(decided),
            rules=tuple(rule_fact(row) for row in rules.rules_of(ticket.board.id if ticket.board else None)),
            forwards=tuple(forward_fact(row, timezone) for row in forwards.enabled_forwards()),
            ledger=frozenset(notifications.existing(subjects)),
            **calm_facts(now),
            policy=policy(),
            **local_time(now, timezone),
        )


def calm_facts(now: datetime) -> dict[str, Any]:
    """Return silences and quiet hours, by the names of the facts."""
    return {
        "silences": tuple(silence_fact(row) for row in silences.not_ended(now)),
        "quiet_hours": tuple(quiet_hours_fact(row) for row in quiet_hours.enabled_hours()),
    }


def silence_fact(row: silences.Silence) -> values.Silence:
    """Convert a silence to the value that decisions use."""
    return values.Silence(
        row.id,
        row.start,
        row.until,
        row.board_id,
        row.ticket_id,
        row.company,
        row.recipient_id,
        row.rule_id,
        row.comment,
    )


def quiet_hours_fact(row: quiet_hours.QuietHours) -> values.QuietHours:
    """Convert quiet hours to the value that decisions use."""
    return values.QuietHours(row.id, row.recipient_id, tuple(row.days), row.start, row.end, row.timezone, row.urgent)


def policy() -> values.Policy:
    """Return the runtime configuration as far as deciding needs it."""
    return msgspec.convert(runtime_config.load(), values.Policy, from_attributes=True)


def local_time(now: datetime, timezone: tzinfo) -> dict[str, Any]:
    """Return hour and weekday in TBOT_TIMEZONE, by the names of the facts."""
    local = now.astimezone(timezone)
    return {"hour": local.hour, "weekday": calm.WEEKDAYS[local.weekday()]}


def _watching_since(now: datetime) -> datetime:
    """Return when watching began: the hour of grace (T5) is for the first start, never for skipped changes.

    A stored time in the future by ConnectWise's clock came from a clock that was ahead, so it counts as now.
    """
    since, skipped_until = facts.read_time(facts.WATCHING_SINCE) or now, facts.read_time(facts.SKIPPED_UNTIL)
    return max(min(since, now), min(skipped_until, now) + topics.GRACE) if skipped_until else min(since, now)


def compared(ticket: records.Ticket) -> dict[str, values.Compared]:
    """Return the values that changes of a ticket are noticed in (T8)."""
    owner = ticket.owner.identifier if ticket.owner else None
    return {
        **compared_people(owner, ticket.owner.name if ticket.owner else None, ticket.resources),
        "closed": compared_closed(is_closed=ticket.closed),
        "summary": values.Compared(ticket.summary, ticket.summary),
        **{
            field: values.Compared(ref.id if ref else None, name_of(ref))
            for field, ref in (
                ("status", ticket.status),
                ("priority", ticket.priority),
                ("board", ticket.board),
                ("company", ticket.company),
                ("type", ticket.type),
            )
        },
    }


def compared_people(owner: str | None, owner_name: str | None, resources: Sequence[str]) -> dict[str, values.Compared]:
    """Return owner and resources, given by their identifiers, as they are compared: in either case, in any order."""
    names = tuple(sorted(each.lower() for each in resources))
    return {
        "owner": values.Compared((owner.lower(),) if owner else (), owner_name),
        "resources": values.Compared(names, ", ".join(resources) or None),
    }


def compared_closed(*, is_closed: bool) -> values.Compared:
    """Return whether a ticket is closed, as it is compared and shown."""
    return values.Compared(is_closed, "closed" if is_closed else "open")


def details(ticket: records.Ticket) -> values.Details:
    """Return what only conditions ask for (R4)."""
    return values.Details(
        contact=name_of(ticket.contact) or ticket.contact_name,
        owner=ticket.owner.identifier if ticket.owner else None,
        resources=ticket.resources,
        priority_sort=ticket.priority_sort,
        severity=ticket.severity,
        impact=ticket.impact,
        subtype=name_of(ticket.subtype),
        item=name_of(ticket.item),
        source=name_of(ticket.source),
        is_project=ticket.kind == "project",
    )


def rule_fact(row: rules.Rule) -> values.Rule:
    """Convert a rule to the value that decisions use."""
    return values.Rule(
        row.id,
        people.recipient(row.recipient) if row.recipient else None,
        tuple(row.events),
        row.condition,
        row.name,
        enabled=row.enabled,
        dry_run=row.dry_run,
        is_for_all_boards=row.board_id is None,
    )


def _note(note: records.Note) -> values.Note:
    return values.Note(
        kind=note.kind,
        id=note.id,
        text=note.text,
        author=note.author,
        member=note.author_identifier,
        internal=note.internal,
        resolution=note.resolution,
        entered_at=note.entered_at,
    )


def forward_fact(row: forwards.Forward, zone: tzinfo) -> values.Forward:
    """Convert a forward to the value that decisions use."""
    start, end = forwarding.parse_period(row.start, row.end, zone)
    return values.Forward(
        row.id,
        people.recipient(row.source),
        people.recipient(row.destination),
        start,
        end,
        row.keep_copy,
        row.public_only,
        row.only_if_sole,
    )


def name_of(ref: records.Ref | None) -> str | None:
    """Return the name a reference carries, or None."""
    return None if ref is None else ref.name


def _with_people(
    known: values.Facts, ticket: records.Ticket, remote: people.RemoteServices, now: datetime
) -> values.Facts:
    """Add the ticket's people with their Webex accounts, and the accounts of the authors of its notes."""
    roles = roles_of(ticket.owner.identifier if ticket.owner else None, ticket.resources)
    members = people.find_members(list(dict.fromkeys([*roles, *sorted(_authors(known))])), remote, now)
    emails = {key: row.email.lower() for key, row in members.items() if row.email and not _excluded_because(row)}
    accounts = people.find_accounts(emails.values(), remote, now)
    everyone = [_person(name, why, members, accounts) for name, why in roles.items()]
    return msgspec.structs.replace(
        known,
        people=tuple(everyone),
        notes=tuple(
            msgspec.structs.replace(note, author_recipient_ids=_account_ids(note.member, emails, accounts))
            for note in known.notes
        ),
        updated_by_recipient_ids=_account_ids(known.updated_by, emails, accounts),
    )


def _authors(known: values.Facts) -> set[str]:
    """Return who wrote the new notes and made the changes.

    Who is not on the ticket matters only if a forward or a rule may bring them what they did themselves (D6, R2).
    """
    if not (known.forwards or any(rule.recipient and rule.recipient.type == values.PERSON for rule in known.rules)):
        return set()
    writers = {note.member for note in known.notes if note.key not in known.decided}
    changer = known.updated_by if topics.changes(known) else None
    return {name for name in (*writers, changer) if name}


def people_from_cache(roles: Mapping[str, tuple[str, ...]]) -> tuple[values.Person, ...]:
    """Return people as they were found last, without asking for them; call it inside a session (R6)."""
    members = tickets.members_by_identifier(roles)
    emails = {row.email.lower() for row in members.values() if row.email}
    accounts = people.most_recently_active(recipients.people_by_email(emails))
    return tuple(_person(name, why, members, accounts) for name, why in roles.items())


def roles_of(owner: str | None, resources: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the resources and the owner of a ticket with their roles; identifiers ignore case."""
    roles: dict[str, tuple[str, ...]] = dict.fromkeys(resources, ("resource",))
    if owner:
        written = next((name for name in roles if name.lower() == owner.lower()), owner)
        roles[written] = (*roles.get(written, ()), "owner")
    return roles


def _person(
    identifier: str,
    roles: tuple[str, ...],
    members: Mapping[str, tickets.Member],
    accounts: Mapping[str, recipients.Recipient],
) -> values.Person:
    member = members.get(identifier.lower())
    if member is None:
        return values.Person(identifier, identifier, roles, is_known=False)
    account = accounts.get((member.email or "").lower())
    return values.Person(
        identifier,
        member.name or identifier,
        roles,
        recipient=people.recipient(account) if account else None,
        email=member.email,
        excluded_because=_excluded_because(member),
    )


def _excluded_because(member: tickets.Member) -> str | None:
    if member.deleted_at:
        return "deleted member"
    if member.inactive:
        return "inactive member"
    return "API member" if member.license_class == API_MEMBER else None


def _account_ids(
    identifier: str | None, emails: Mapping[str, str], accounts: Mapping[str, recipients.Recipient]
) -> frozenset[int]:
    account = accounts.get(emails.get((identifier or "").lower(), ""))
    return frozenset() if account is None else frozenset({account.id})
