"""Run a command that calls the server; if it fails, add advice to the error message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ticketbot import errors
from ticketbot.api import client
from ticketbot.cli import explain_command, read_commands, sync_command, write_commands
from ticketbot.cli.arguments import Arguments
from ticketbot.cli.context import Context
from ticketbot.cli.output import Output
from ticketbot.settings.table import Settings

_COMMANDS: dict[str, Callable[[Context], int]] = {
    "ping": read_commands.ping,
    "authcheck": read_commands.authcheck,
    "list": read_commands.show_list,
    "get": read_commands.get,
    "create": write_commands.create,
    "update": write_commands.update,
    "delete": write_commands.delete,
    "retry": write_commands.retry,
    "test": write_commands.test,
    "explain": explain_command.explain_ticket,
    "sync": sync_command.sync,
}


def run(command: str, arguments: Mapping[str, Any], settings: Settings, environ: Mapping[str, str]) -> int:
    """Run a client command. Returns the exit status; raises `TicketbotError` with advice in its text."""
    server = client.Client(settings.base_url, settings.api_key)
    output = Output(environ, settings.timezone, is_json=bool(arguments.get("--json")))
    try:
        return _COMMANDS[command](Context(Arguments(arguments), server, output))
    except errors.TicketbotError as error:
        error.args = (_with_advice(error, settings, Arguments(arguments)),)
        raise
    finally:
        server.close()


def _with_advice(error: errors.TicketbotError, settings: Settings, arguments: Arguments) -> str:
    if isinstance(error, errors.NoServer):
        origin = _origin(settings, "base_url")
        advice = f"Is `tbot serve` running there? Set its address with TBOT_BASE_URL ({origin}) or --base-url"
    elif isinstance(error, errors.NotAllowed):
        origin = _origin(settings, "api_key")
        advice = (
            f"Check TBOT_API_KEY ({origin}), or ask an administrator for a new key. Locked out? See `tbot help init`"
        )
    elif isinstance(error, errors.NotFound):
        advice = _where_ids_are(arguments)
    else:
        return str(error)
    return f"{errors.sentence(str(error))} {advice}"


def _origin(settings: Settings, key: str) -> str:
    origin = settings.origins[key]
    return origin if origin == "default" else f"from {origin}"


def _where_ids_are(arguments: Arguments) -> str:
    words = ("board", "recipient", "rule", "forward", "user", "key", "ticket", "notification")
    named = next((word for word in words if arguments.has(word)), None)
    named = named or next((word for word in words if arguments.has(f"<{word}-id>")), None)
    return f"See `tbot list {named}s`" if named else "See `tbot list`"
