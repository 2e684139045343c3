"""`tbot create`: a rule, forward, user or key."""

from __future__ import annotations

from typing import Any

from ticketbot.api import responses
from ticketbot.cli import lookup
from ticketbot.cli.context import Context

USAGE = """\
Create an object.

Usage:
  tbot create rule (--board-id=<id> | --board=<name>)
            (--recipient-id=<id> | --recipient=<name>) [options] [--json]
  tbot create forward (--source-id=<id> | --source=<name>)
            (--destination-id=<id> | --destination=<name>) [--start=<when>]
            [--end=<when>] [--keep-copy] [options] [--json]
  tbot create user --name=<name> --email=<email> [options] [--json]
  tbot create key --user-id=<id> [options] [--json]

Options:
  --board-id=<id>          Board whose tickets are notified of
  --board=<name>           The same, by name
  --recipient-id=<id>      Room or person to notify
  --recipient=<name>       The same, by name or email address
  --source-id=<id>         Recipient whose notifications are forwarded
  --source=<name>          The same, by name or email address
  --destination-id=<id>    Recipient that receives them instead
  --destination=<name>     The same, by name or email address
  --start=<when>           Start date or time (default: immediately), such as
                           2026-03-01, 2026-03-01T08:00 or
                           2026-03-01T08:00:00+01:00; without an offset, the
                           server's TBOT_TIMEZONE applies
  --end=<when>             End date (inclusive) or time (default: none)
  --keep-copy              Also deliver to the source
  --name=<name>            Name of the user
  --email=<email>          Email address of the user
  --user-id=<id>           User, see `tbot list users`

Examples:
  tbot create rule --board="Help Desk" --recipient="Night Shift"
  tbot create rule --board-id=1 --recipient-id=2
  tbot create forward --source-id=3 --destination-id=4 --end=2030-12-31
  tbot create user --name="Service Account" --email=service@example.com
  tbot create key --user-id=1
"""


def run(context: Context) -> int:
    """Create the object and print it."""
    arguments = context.arguments
    if arguments.has("key"):
        return _create_key(context)
    if arguments.has("user"):
        context.show(context.server.create_user(arguments.required("--name"), arguments.required("--email")))
    elif arguments.has("rule"):
        board, recipient = _required(context, "board", "board"), _required(context, "recipient", "recipient")
        context.show(context.server.create_rule(board, recipient))
    else:
        show_forward(context, _create_forward(context))
    return 0


def show_forward(context: Context, forward: responses.Forward) -> None:
    """Print a new or changed forward; warn if it has no effect: its year may be mistyped."""
    context.show(forward)
    if forward.state == "expired":
        context.output.note(f"Forward {forward.id} has already ended ({forward.end})")


def _create_forward(context: Context) -> responses.Forward:
    arguments = context.arguments
    return context.server.create_forward(
        _required(context, "source", "recipient"),
        _required(context, "destination", "recipient"),
        start=arguments.optional_date("--start") or None,
        end=arguments.optional_date("--end") or None,
        keep_copy=arguments.has("--keep-copy"),
    )


def _required(context: Context, prefix: str, singular: str) -> int:
    found: Any = lookup.option(context, prefix, singular)  # the usage text makes one of the two options mandatory
    return int(found)


def _create_key(context: Context) -> int:
    created = context.server.create_key(context.arguments.required_number("--user-id"))
    context.tell(created, created.key)
    context.output.note(f"Save key {created.id} now. It will not be shown again")
    return 0
