"""What we hold of ConnectWise: boards, members, tickets."""

from __future__ import annotations

from ticketbot.api import requests, responses, trial_responses
from ticketbot.models import tickets
from ticketbot.server import operations

LIMIT = 1000  # values of each field

ROUTES = operations.Routes("connectwise")


@ROUTES.get("/cw/boards", "List the boards that exist")
def list_boards(query: requests.Page) -> operations.Listing[responses.Board]:
    rows = tickets.Board.select().where(tickets.Board.deleted_at.is_null())
    return operations.listing(rows, tickets.Board.id, query, _board)


@ROUTES.get("/cw/boards/{board_id}", "Show a board, also a deleted one")
def get_board(board_id: int) -> responses.Board:
    row = tickets.Board.get_or_none(tickets.Board.id == board_id)
    return _board(operations.or_not_found(row, "board", board_id))


@ROUTES.get("/cw/members", "List the members that exist")
def list_members(query: requests.Page) -> operations.Listing[responses.Member]:
    rows = tickets.Member.select().where(tickets.Member.deleted_at.is_null())
    return operations.listing(rows, tickets.Member.id, query, _member)


@ROUTES.get("/cw/condition-values", "List values that fields of conditions can have")
def list_condition_values() -> trial_responses.ConditionValues:
    known = {
        "board": tickets.Board.name,
        "status": tickets.Status.name,
        "priority": tickets.Priority.name,
        "type": tickets.TicketType.name,
        "company": tickets.Ticket.company,
        "owner": tickets.Member.identifier,
    }
    return trial_responses.ConditionValues(
        **{name: tickets.known_names(column, LIMIT) for name, column in known.items()}
    )


@ROUTES.get("/cw/tickets", "List stored tickets")
def list_tickets(query: requests.TicketQuery) -> operations.Listing[responses.Ticket]:
    rows = tickets.Ticket.select()
    if query.board_id is not None:
        rows = rows.where(tickets.Ticket.board_id == query.board_id)
    if query.open is not None:
        is_open = tickets.Ticket.open & tickets.Ticket.deleted_at.is_null()
        rows = rows.where(is_open if query.open else ~is_open)
    if query.q is not None:
        rows = rows.where(tickets.where_contains(query.q))
    return operations.listing(rows, tickets.Ticket.id, query, ticket)


@ROUTES.get("/cw/tickets/{ticket_id}", "Show a stored ticket")
def get_ticket(ticket_id: int) -> responses.Ticket:
    row = tickets.Ticket.get_or_none(tickets.Ticket.id == ticket_id)
    return ticket(operations.or_not_found(row, "ticket", ticket_id))


def ticket(row: tickets.Ticket) -> responses.Ticket:
    """Return a stored ticket as the API shows it; a deleted one is not open."""
    return responses.Ticket(
        id=row.id,
        summary=row.summary,
        board_id=row.board_id,
        board_name=row.board_name,
        status=row.status,
        company=row.company,
        contact=row.contact,
        owner=row.owner,
        resources=list(row.resources),
        open=row.open and row.deleted_at is None,
        deleted=row.deleted_at is not None,
        updated_at=row.updated_at,
    )


def _board(row: tickets.Board) -> responses.Board:
    return responses.Board(
        id=row.id, name=row.name, inactive=row.inactive, project=row.project, deleted=row.deleted_at is not None
    )


def _member(row: tickets.Member) -> responses.Member:
    return responses.Member(id=row.id, identifier=row.identifier, name=row.name, email=row.email, inactive=row.inactive)
