"""The read-only commands: ping, authcheck, list and get."""

from __future__ import annotations

from ticketbot.cli import entities
from ticketbot.cli.context import Context


def ping(context: Context) -> int:
    """Check that the server responds."""
    context.print_result(context.server.ping(), f"{context.server.base_url} responds")
    return 0


def authcheck(context: Context) -> int:
    """Show whose API key this is."""
    user = context.server.authtest()
    context.print_result(user, f"Authenticated as {user.name} <{user.email}>, user {user.id}")
    return 0


def show_list(context: Context) -> int:
    """List objects of one type."""
    word = context.arguments.which(*entities.BY_PLURAL)
    kind = entities.BY_PLURAL[word]
    found = entities.list_rows(kind, context.server, context.arguments)
    if context.output.is_json:
        context.output.print_json(found)
    elif found:
        context.output.table(kind.columns, found)
    else:
        context.output.note(f"No {word}")
    return 0


def get(context: Context) -> int:
    """Show one object."""
    if context.arguments.has("config"):
        context.print_record(context.server.config())
        return 0
    kind = entities.BY_NAME[context.arguments.which(*entities.BY_NAME)]
    assert kind.row is not None
    context.print_record(kind.row(context.server, context.arguments.required_number("<id>")))
    return 0
