"""Sync the open tickets, service and project, and the notes of those that changed (S3); never decide about them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from ticketbot import errors
from ticketbot.connectwise import connectwise_client, records
from ticketbot.models import tickets
from ticketbot.pipeline import fetch, process_event
from ticketbot.sync import sync_run

PAGE_SIZES = (
    connectwise_client.LARGEST_PAGE,
    250,
    50,
)  # large pages time out on large systems: fall back to smaller ones
NOTES_PER_COMMIT = 50  # tickets; a kill wastes at most the calls for this many
COMMIT_EVERY_S = 1.0
UNREAD_AT_ONCE = 500
LONGEST_SECOND_S = 2.0  # an update that seems to lie in the future must not stall a sync


def sync(run: sync_run.Run, boards: Sequence[int]) -> None:
    """Store the open tickets of the given boards, or of all, then the newest notes of those that changed."""
    known_open = run.read(lambda: tickets.count_open(boards))
    listed, missing, settled_s = 0, [], 0.0
    for kind in fetch.KINDS:
        phase = run.phase(f"{kind} tickets")
        try:
            for page, gone in _listed(run, phase, kind, boards):
                missing += [(ticket_id, kind) for ticket_id in gone]
                settled_s = max(settled_s, time.monotonic() + _seconds_open(page))
        except errors.RemoteError as error:
            _not_listed(run, phase, kind, error)
        phase.total = phase.done
        listed += phase.done
    if not listed:
        run.check_mass_deletion("open tickets", known_open, known_open)
    _refresh_missing(run, missing)
    run.wait_until(settled_s)
    _read_notes(run, boards)


def _not_listed(run: sync_run.Run, phase: sync_run.Phase, kind: str, error: errors.RemoteError) -> None:
    """Continue with what was listed. Missing permission for projects does not fail the sync of everything else."""
    text = f"could not list all {kind} tickets: {error}"
    if kind == "project" and isinstance(error, errors.RemoteDenied) and error.status != 401:
        run.report(phase, f"{text}. Give the API member inquiry rights for project tickets")
    else:
        run.fail(phase, text)


def _seconds_open(page: connectwise_client.Page[records.Ticket]) -> float:
    """Return how long the second of the page's newest update still lasts on ConnectWise's clock.

    Dates are whole seconds: notes read within that second may lack one written later in it, and the next sync would
    see no change.
    """
    newest = max((ticket.updated_at for ticket in page.items if ticket.updated_at), default=None)
    if newest is None or page.served_at is None:
        return 0.0
    return min((newest + timedelta(seconds=1) - page.served_at).total_seconds(), LONGEST_SECOND_S)


def _listed(
    run: sync_run.Run, phase: sync_run.Phase, kind: str, boards: Sequence[int]
) -> Iterator[tuple[connectwise_client.Page[records.Ticket], set[int]]]:
    """Store page after page; yield each with the tickets stored as open in its range of ids that it does not list."""
    after_id, has_next = 0, True
    while has_next:
        page = _page(run, kind, boards, after_id)
        has_next, up_to_id = page.has_next, page.last_id if page.has_next else None
        ids = {ticket.id for ticket in page.items}
        _store(run, "sync-tickets", page.items)
        stored = partial(tickets.open_ids, boards, kind=kind, after_id=after_id, up_to_id=up_to_id)
        phase.done += len(ids)
        yield page, run.read(stored) - ids
        after_id = page.last_id


def _page(
    run: sync_run.Run, kind: str, boards: Sequence[int], after_id: int
) -> connectwise_client.Page[records.Ticket]:
    def request(size: int) -> connectwise_client.Page[records.Ticket]:
        pages = run.services.connectwise.tickets(
            project=kind == "project", board_ids=boards or None, open_only=True, page_size=size, after_id=after_id
        )
        return next(pages)

    for size in PAGE_SIZES[:-1]:
        try:
            return run.pool.ask(partial(request, size))
        except errors.RemoteUnavailable as error:
            run.note(f"{kind} tickets after {after_id}, {size} per page: {error}")
    return run.pool.ask(partial(request, PAGE_SIZES[-1]))


def _store(run: sync_run.Run, name: str, found: Iterable[records.Ticket]) -> None:
    now = run.services.now()
    rows = [process_event.ticket_row(ticket, now) for ticket in found]
    if rows:
        run.commit(name, lambda: tickets.store_tickets(rows))


def _refresh_missing(run: sync_run.Run, missing: Sequence[tuple[int, str]]) -> None:
    """Fetch stored open tickets that were not listed: closed, moved, or gone. Without a response, nothing is closed."""
    phase = run.phase("closed tickets", len(missing))
    unfound: list[tuple[int, str]] = []
    for kind in fetch.KINDS:
        ids = [ticket_id for ticket_id, of_kind in missing if of_kind == kind]
        size = connectwise_client.TICKETS_PER_CALL
        chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
        request = partial(run.services.connectwise.tickets_by_id, project=kind == "project")
        for outcome in run.pool.map_unordered(chunks, request):
            if outcome.answer is None:
                run.report(phase, f"{len(outcome.item)} tickets that may have closed: {outcome.error}")
                continue
            _store(run, "sync-closed", outcome.answer)
            found = {ticket.id for ticket in outcome.answer}
            phase.done += len(found)
            unfound += [(ticket_id, kind) for ticket_id in outcome.item if ticket_id not in found]
    _confirm_gone(run, phase, unfound)


def _confirm_gone(run: sync_run.Run, phase: sync_run.Phase, unfound: Sequence[tuple[int, str]]) -> None:
    for outcome in run.pool.map_unordered(
        unfound, lambda id_and_kind: fetch.find_ticket(*id_and_kind, run.services.connectwise)
    ):
        ticket_id, _ = outcome.item
        if outcome.error is not None:
            run.report(phase, f"ticket {ticket_id}: {outcome.error}")
            continue
        phase.done += 1
        if outcome.answer is not None:
            _store(run, "sync-closed", [outcome.answer])
        else:
            run.commit("sync-closed", partial(tickets.mark_deleted, ticket_id, run.services.now()))


def _read_notes(run: sync_run.Run, boards: Sequence[int]) -> None:
    phase = run.phase("notes", run.read(lambda: tickets.count_needing_notes(boards)))
    read: list[tuple[tickets.NeedingNotes, Sequence[records.Note]]] = []
    written_s = time.monotonic()
    for outcome in run.pool.map_unordered(_unread(run, boards), partial(_newest_notes, run)):
        phase.done += 1
        if outcome.answer is not None:
            read.append((outcome.item, outcome.answer.items))
        elif not isinstance(outcome.error, errors.RemoteGone):  # one deleted meanwhile is left to the next sync
            run.report(phase, f"notes of ticket {outcome.item.id}: {outcome.error}")
        if len(read) >= NOTES_PER_COMMIT or time.monotonic() - written_s > COMMIT_EVERY_S:
            _store_notes(run, read)
            read, written_s = [], time.monotonic()
    _store_notes(run, read)


def _unread(run: sync_run.Run, boards: Sequence[int]) -> Iterator[tickets.NeedingNotes]:
    after_id = 0
    while found := run.read(partial(tickets.needing_notes, boards, after_id=after_id, limit=UNREAD_AT_ONCE)):
        yield from found
        after_id = found[-1].id


def _newest_notes(run: sync_run.Run, ticket: tickets.NeedingNotes) -> connectwise_client.Page[records.Note]:
    project = ticket.kind == "project"
    return run.services.connectwise.notes(ticket.id, project=project, page_size=fetch.NOTES_PER_PAGE)


def _store_notes(run: sync_run.Run, read: Sequence[tuple[tickets.NeedingNotes, Sequence[records.Note]]]) -> None:
    if not read:
        return
    now = run.services.now()
    # A merged ticket's notes also come with its parent's, and one statement must not write a row twice.
    notes = {(note.kind, note.id): process_event.note_row(note, now) for _, found in read for note in found}
    updates = {ticket.id: ticket.update for ticket, _ in read if ticket.update is not None}

    def write() -> None:
        tickets.mark_notes_read(updates)
        tickets.store_notes(list(notes.values()))

    run.commit("sync-notes", write)
