"""Sync possible recipients: the bot's rooms, the people in them, and ConnectWise's members in Webex (S2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ticketbot import errors
from ticketbot.models import recipients, tickets
from ticketbot.pipeline import load_facts, people
from ticketbot.sync import sync_run
from ticketbot.webex import webex_client

_BOTS = ("@webex.bot", "@sparkbot.io")  # addresses of other organizations' bots, which `/people` may not return
_LAST_ACTIVITY = "last_activity"

People = dict[str, webex_client.Person]


def sync(run: sync_run.Run) -> None:
    """Store rooms and people, but no bots; those that vanished become inactive, all at the end."""
    rooms = _sync_rooms(run)
    in_rooms, is_complete = _read_memberships(run, rooms)
    emails = _sync_members(run)
    known = run.read(lambda: recipients.active_recipients(recipients.PERSON))
    persons, unread = _read_people(run, {*in_rooms, *known})
    found = _as_recipients(run, persons, in_rooms, known, emails)
    links = [(person.id, email) for person in persons.values() if len(person.emails) > 1 for email in person.emails]
    _store_people(run, found, links, keep=[_LAST_ACTIVITY])
    _read_accounts(run, found, emails - {email for _, email in links})
    # A person that no response mentions is gone. People of other organizations appear only in memberships.
    gone = set(known) - set(found) - unread if is_complete else set()
    _deactivate(run, gone | (set(run.read(_active_rooms)) - {room.id for room in rooms}))


def _active_rooms() -> dict[str, recipients.Recipient]:
    return recipients.active_recipients(recipients.ROOM)


def _sync_rooms(run: sync_run.Run) -> list[webex_client.Room]:
    phase = run.phase("rooms")
    rooms = list({room.id: room for room in run.pool.ask(run.services.webex.rooms)}.values())
    phase.total = len(rooms)
    known = run.read(_active_rooms)
    run.check_mass_deletion("rooms", len(known), len(known.keys() - {room.id for room in rooms}))
    named = [_room_row(run, room) for room in rooms if room.title is not None]
    nameless = [_room_row(run, room) for room in rooms if room.title is None]

    def write() -> None:
        recipients.store_recipients(named)
        recipients.store_recipients(nameless, keep=["name"])

    run.commit("sync-rooms", write)
    phase.done = len(rooms)
    return rooms


def _room_row(run: sync_run.Run, room: webex_client.Room) -> dict[str, Any]:
    return {
        "type": recipients.ROOM,
        "webex_id": room.id,
        "name": room.title or "",
        _LAST_ACTIVITY: room.last_activity,
        "fetched_at": run.services.now(),
    }


def _read_memberships(
    run: sync_run.Run, rooms: Sequence[webex_client.Room]
) -> tuple[dict[str, webex_client.Membership], bool]:
    """Return the members of the rooms, and whether all rooms were read; one that returns 404 has none to notify."""
    phase = run.phase("room members", len(rooms))
    found: dict[str, webex_client.Membership] = {}
    for outcome in run.pool.map_unordered(rooms, lambda room: run.services.webex.memberships(room.id)):
        phase.done += 1
        if outcome.answer is not None:
            found |= {membership.person_id: membership for membership in outcome.answer}
        elif isinstance(outcome.error, errors.RemoteGone):
            run.note(f"room {outcome.item.title}: {outcome.error}")
        else:
            run.report(phase, f"members of room {outcome.item.title}: {outcome.error}")
    return found, phase.errors == 0


def _sync_members(run: sync_run.Run) -> set[str]:
    """Store ConnectWise's members; return the addresses of those who may have to be notified (D7)."""
    phase = run.phase("members")
    try:
        listed = run.pool.ask(run.services.connectwise.members)
    except errors.RemoteError as error:
        run.fail(phase, f"ConnectWise members: {error}")
    else:
        phase.total = len(listed)
        now = run.services.now()
        rows = [people.member_row(member) | {"fetched_at": now, "deleted_at": None} for member in listed]

        def write() -> None:
            known = tickets.existing_ids(tickets.Member)
            gone = known - {row["id"] for row in rows}
            run.check_mass_deletion("members", len(known), len(gone))
            tickets.upsert(tickets.Member, rows)
            tickets.soft_delete(tickets.Member, gone, now)

        run.commit("sync-members", write)
        phase.done = len(rows)
    return run.read(lambda: tickets.member_emails(without_class=load_facts.API_MEMBER))


def _read_people(run: sync_run.Run, ids: Iterable[str]) -> tuple[People, set[str]]:
    """Return the accounts with these ids, and the ids that could not be read."""
    wanted = sorted(ids)
    phase = run.phase("people", len(wanted))
    batches = [
        wanted[start : start + webex_client.PEOPLE_PER_CALL]
        for start in range(0, len(wanted), webex_client.PEOPLE_PER_CALL)
    ]
    persons: People = {}
    unread: set[str] = set()
    for outcome in run.pool.map_unordered(batches, run.services.webex.people_by_ids):
        phase.done += len(outcome.item)
        if outcome.answer is None:
            run.report(phase, f"{len(outcome.item)} people: {outcome.error}")
            unread |= set(outcome.item)
        else:
            persons |= {person.id: person for person in outcome.answer}
    return persons, unread


def _as_recipients(
    run: sync_run.Run,
    persons: People,
    in_rooms: Mapping[str, webex_client.Membership],
    known: Mapping[str, recipients.Recipient],
    emails: set[str],
) -> dict[str, dict[str, Any]]:
    """Return a row for everyone found, by `/people` or at least as a member of a room."""
    rows = {}
    for person in persons.values():
        if person.type != "bot":
            before = known[person.id].email if person.id in known else None
            rows[person.id] = _person_row(run, person.id, person.name, _address(person, before, emails))
    for person_id, membership in in_rooms.items():
        address = membership.email or ""
        if person_id not in persons and address and not address.endswith(_BOTS):
            rows[person_id] = _person_row(run, person_id, membership.name or address, address)
    return rows


def _address(person: webex_client.Person, before: str | None, emails: set[str]) -> str | None:
    """Choose one of several addresses: the stored one, else that of a ConnectWise member, else the first."""
    if before in person.emails:
        return before
    return next((address for address in person.emails if address in emails), next(iter(person.emails), None))


def _person_row(run: sync_run.Run, webex_id: str, name: str, email: str | None) -> dict[str, Any]:
    return {
        "type": recipients.PERSON,
        "webex_id": webex_id,
        "name": name,
        "email": email,
        _LAST_ACTIVITY: None,
        "fetched_at": run.services.now(),
    }


def _read_accounts(run: sync_run.Run, found: dict[str, dict[str, Any]], emails: set[str]) -> None:
    """Look up by address the members not found yet, and people with several accounts: only this returns their last
    activity. Add the results to `found`."""
    addresses = [row["email"] for row in found.values() if row["email"]]
    several = {address for address in addresses if addresses.count(address) > 1}
    wanted = sorted(several | (emails - set(addresses)))
    phase = run.phase("accounts", len(wanted))
    rows: dict[str, dict[str, Any]] = {}
    links: list[tuple[str, str]] = []
    for outcome in run.pool.map_unordered(wanted, run.services.webex.people_by_email):
        phase.done += 1
        if outcome.answer is None:
            if not isinstance(outcome.error, errors.RemoteRefused | errors.RemoteGone):  # not a valid Webex address
                run.report(phase, f"Webex account of {outcome.item}: {outcome.error}")
            continue
        for person in outcome.answer:
            if person.type != "bot":
                email = found[person.id]["email"] if person.id in found else outcome.item
                row = _person_row(run, person.id, person.name, email)
                rows[person.id] = row | {_LAST_ACTIVITY: person.last_activity}
                links += [(person.id, address) for address in (outcome.item, *person.emails)]
    _store_people(run, rows, links)
    found |= rows


def _store_people(
    run: sync_run.Run,
    persons: Mapping[str, Mapping[str, Any]],
    links: Iterable[tuple[str, str]],
    *,
    keep: Sequence[str] = (),
) -> None:
    """Store people together with all their addresses."""

    def write() -> None:
        recipients.store_recipients(list(persons.values()), keep=keep)
        recipients.link_emails(links)

    run.commit("sync-people", write)


def _deactivate(run: sync_run.Run, gone: set[str]) -> None:
    def write() -> None:
        run.check_mass_deletion("recipients", recipients.count_active(), len(gone))
        recipients.deactivate(gone)

    if gone:
        run.commit("sync-people", write)
