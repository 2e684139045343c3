"""Fetch a ticket and its newest notes from ConnectWise (T1, T6, W7)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterable
from concurrent.futures import Executor
from datetime import datetime, timedelta

import msgspec

from ticketbot import errors
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db, sql
from ticketbot.models import tickets

NOTES_PER_PAGE = 100
MAX_NOTES = 200  # T6
KINDS = ("service", "project")


class FetchedTicket(msgspec.Struct, frozen=True):
    """A ticket as ConnectWise has it, with its newest notes; `ticket` is None if it is gone there.

    `began_at` is when the first call was sent, by ConnectWise's clock; None if the response carries no time.
    """

    ticket: records.Ticket | None
    notes: tuple[records.Note, ...] = ()
    began_at: datetime | None = None

    @property
    def covers(self) -> datetime | None:
        """Return the update up to which this fetch is certainly complete (C1).

        Dates are whole seconds: a fetch within the second of an update may miss what came later in that second.
        """
        update = self.ticket.updated_at if self.ticket else None
        if update is None or self.began_at is None:
            return update
        return min(update, self.began_at.replace(microsecond=0) - timedelta(seconds=1))


def fetch(
    ticket_id: int, *, kind_hint: str | None, source: connectwise_client.ConnectWise, pool: Executor
) -> FetchedTicket:
    """Fetch the ticket and its notes in parallel.

    Service and project tickets live under two paths, and a webhook may not say which: the likely one is tried first.
    Gone means `NotFound` under both (W7).
    """
    likely = _known_kind(ticket_id) or kind_hint or "service"
    other = next(kind for kind in KINDS if kind != likely)
    found = _fetch_kind(ticket_id, likely, source, pool) or _fetch_kind(ticket_id, other, source, pool)
    return found or FetchedTicket(None)


def find_ticket(ticket_id: int, likely: str, source: connectwise_client.ConnectWise) -> records.Ticket | None:
    """Return the ticket without its notes, service or project; None if it is gone under both paths (W7)."""
    for kind in sorted(KINDS, key=lambda kind: kind != likely):
        try:
            return source.ticket(ticket_id, project=kind == "project")
        except errors.RemoteGone:
            continue
    return None


def _known_kind(ticket_id: int) -> str | None:
    with db.session():
        row = sql.select_by_id(tickets.Ticket, [ticket_id]).get(ticket_id)
    return None if row is None else str(row.kind)


def _fetch_kind(
    ticket_id: int, kind: str, source: connectwise_client.ConnectWise, pool: Executor
) -> FetchedTicket | None:
    project = kind == "project"
    try:
        return _fetch(ticket_id, source, pool, project=project)
    except errors.RemoteDenied as error:
        if not project or error.status == 401:
            raise
        # A missing permission for projects must not hold every service ticket, as other denials do (T7).
        raise errors.RemoteUnavailable(
            f"{error}. Give the API member inquiry rights for project tickets",
            service=error.service,
            status=error.status,
        ) from error


def _fetch(
    ticket_id: int, source: connectwise_client.ConnectWise, pool: Executor, *, project: bool
) -> FetchedTicket | None:
    started_s = time.monotonic()
    first_page = pool.submit(source.notes, ticket_id, project=project, page=1, page_size=NOTES_PER_PAGE)
    try:
        ticket = source.ticket(ticket_id, project=project)
    except errors.RemoteGone:
        first_page.exception()  # wait for it; its result for a missing ticket does not matter
        return None
    took = timedelta(seconds=time.monotonic() - started_s)
    notes = _newest_notes(ticket_id, first_page.result(), source, project=project)
    return FetchedTicket(ticket, notes, ticket.served_at and ticket.served_at - took)


def fetch_notes(ticket: records.Ticket, began_at: datetime, source: connectwise_client.ConnectWise) -> FetchedTicket:
    """Complete a ticket of a list by its newest notes, unless it is as old as what was decided last (T11)."""
    with db.session():
        decided_at = tickets.decided_updates([ticket.id]).get(ticket.id)
    if decided_at is not None and ticket.updated_at is not None and ticket.updated_at <= decided_at:
        return FetchedTicket(ticket, (), began_at)
    project = ticket.kind == "project"
    first_page = source.notes(ticket.id, project=project, page=1, page_size=NOTES_PER_PAGE)
    return FetchedTicket(ticket, _newest_notes(ticket.id, first_page, source, project=project), began_at)


def _newest_notes(
    ticket_id: int,
    page: connectwise_client.Page[records.Note],
    source: connectwise_client.ConnectWise,
    *,
    project: bool,
) -> tuple[records.Note, ...]:
    """Return the notes of the first page, and of further ones as long as they hold something undecided (T6).

    Where they are not in order, a new one may be on any page: then all are read.
    """
    # By key: pages shift while notes are written, and the same note may be on two of them.
    notes = _by_key(page.items)
    is_new = bool(notes)
    while page.has_next and is_new and not _is_enough(page, notes.values()):
        page = source.notes(ticket_id, project=project, page=page.number + 1, page_size=NOTES_PER_PAGE)
        read = _by_key(page.items)
        is_new = not read.keys() <= notes.keys()
        notes |= read
    return tuple(notes.values())


def _is_enough(page: connectwise_client.Page[records.Note], notes: Collection[records.Note]) -> bool:
    if not (page.is_ordered and _is_in_order(notes)):
        return False
    return len(notes) >= MAX_NOTES or not _holds_undecided(page.items)


def _by_key(notes: Iterable[records.Note]) -> dict[tickets.NoteKey, records.Note]:
    return {(note.kind, note.id): note for note in notes}


def _is_in_order(notes: Iterable[records.Note]) -> bool:
    entered = [note.entered_at for note in notes if note.entered_at is not None]
    return all(newer >= older for newer, older in itertools.pairwise(entered))


def _holds_undecided(notes: Iterable[records.Note]) -> bool:
    keys = _by_key(notes).keys()
    with db.session():
        return tickets.decided_notes(keys) != keys
