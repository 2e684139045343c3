"""`tbot list`: the objects of one type."""

from __future__ import annotations

from typing import Any, get_args

from ticketbot.api import calm_responses, requests, responses
from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.present import entities

USAGE = """\
List objects.

Usage:
  tbot list (boards | members | rules | quiet-hours | users | keys | audit |
            syncs) [options] [--limit=<n>] [--json]
  tbot list recipients [options] [--type=<type>] [--search=<text>]
            [--limit=<n>] [--json]
  tbot list forwards [options] [--state=<forward-state>] [--limit=<n>] [--json]
  tbot list silences [options] [--state=<silence-state>] [--limit=<n>] [--json]
  tbot list tickets [options] [--board-id=<id> | --board=<name>] [--open]
            [--search=<words>] [--limit=<n>] [--json]
  tbot list events [options] [--state=<event-state>] [--ticket-id=<id>]
            [--limit=<n>] [--json]
  tbot list notifications [options] [--state=<state>] [--ticket-id=<id>]
            [--recipient-id=<id> | --recipient=<name>] [--since=<when>]
            [--search=<words>] [--limit=<n>] [--json]

Options:
  --limit=<n>              Maximum number of rows (default: all; the newest 100
                           of events, notifications, audit and syncs)
  --type=<type>            Only recipients of this type: room or person
  --search=<text>          Only recipients with this in name or email address
  --search=<words>         Only those with these words in ticket number,
                           summary, company, recipient or error
  --state=<forward-state>  Only active, upcoming, expired or disabled ones
  --state=<silence-state>  Only upcoming, active or ended ones
  --state=<event-state>    Only waiting, running, done or dead ones
  --state=<state>          Only pending, sending, sent, skipped or dead ones
  --open                   Only open tickets
  --board-id=<id>          Only tickets of this board
  --board=<name>           The same, by name
  --ticket-id=<id>         Only those of this ticket
  --recipient-id=<id>      Only notifications of this recipient
  --recipient=<name>       The same, by name or email address
  --since=<when>           Only notifications since this date or time, such as
                           2026-03-01 or 2026-03-01T08:00

Examples:
  tbot list notifications --state=dead
  tbot list recipients --search=help
  tbot list tickets --board="Help Desk" --open
  tbot list tickets --search="contoso printer"
"""


def run(context: Context) -> int:
    """Print the rows as a table, or say that there is none."""
    entity = entities.BY_PLURAL[context.arguments.which(*entities.BY_PLURAL)]
    rows = _rows(context, entity)
    if context.output.is_json:
        context.output.json(rows)
    elif rows:
        shown = entities.owned_keys(rows, context.server.users()) if entity.plural == "keys" else rows
        context.output.table(entity.columns, shown)
    else:
        context.output.note(entity.empty)
    return 0


def _rows(context: Context, entity: entities.Entity) -> list[Any]:
    limit = context.arguments.number("--limit", least=1)
    if entity.newest_first:
        limit = limit or requests.DEFAULT_LIMIT
    read = getattr(context.server, entity.list_method)
    rows: list[Any] = read(**_filters(context, entity.plural), limit=limit, newest=entity.newest_first)
    return rows


def _filters(context: Context, plural: str) -> dict[str, Any]:
    """Return the filters of the API that the options of a list stand for."""
    arguments = context.arguments
    if plural == "recipients":
        recipient_type = arguments.choice("--type", get_args(responses.RecipientType))
        return {"recipient_type": recipient_type, "search": arguments.text("--search")}
    if plural == "forwards":
        return {"state": arguments.choice("--state", get_args(responses.ForwardState))}
    if plural == "silences":
        return {"state": arguments.choice("--state", get_args(calm_responses.SilenceState))}
    if plural == "tickets":
        return {
            "board_id": lookup.option(context, "board", "board"),
            "is_open": arguments.has("--open") or None,
            "search": arguments.text("--search"),
        }
    if plural == "events":
        state = arguments.choice("--state", get_args(responses.EventState))
        return {"state": state, "ticket_id": arguments.number("--ticket-id")}
    if plural == "notifications":
        return {
            "state": arguments.choice("--state", get_args(responses.NotificationState)),
            "ticket_id": arguments.number("--ticket-id"),
            "recipient_id": lookup.option(context, "recipient", "recipient"),
            "since": arguments.when("--since"),
            "search": arguments.text("--search"),
        }
    return {}
