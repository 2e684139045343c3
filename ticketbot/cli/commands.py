"""Run a command that asks the server; where it fails, add to the server's words what to do."""

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
    """Run one of our commands. Returns the exit status; raises `TicketbotError` with what to do in its text."""
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
    said = errors.sentence(str(error))
    if isinstance(error, errors.Unreachable):
        if said.startswith("Cannot reach"):
            return f"{said} Is `tbot serve` running there? {_address_from(settings)}"
        return f"{said} {_address_from(settings)}" if "not as" in said else str(error)
    if isinstance(error, errors.NotAllowed):
        return f"{said} Check TBOT_API_KEY ({_origin(settings, 'api_key')}); `tbot create key` makes another"
    if isinstance(error, errors.NotFound):
        return f"{said} {_where_ids_are(arguments)}" if "is no" in said else str(error)
    return str(error)


def _address_from(settings: Settings) -> str:
    return f"TBOT_BASE_URL ({_origin(settings, 'base_url')}) or --base-url says where the server is"


def _origin(settings: Settings, key: str) -> str:
    origin = settings.origins[key]
    return origin if origin == "default" else f"from {origin}"


def _where_ids_are(arguments: Arguments) -> str:
    words = ("board", "recipient", "rule", "forward", "user", "key", "ticket", "notification")
    named = next((word for word in words if arguments.has(word)), None)
    named = named or next((word for word in words if arguments.has(f"<{word}-id>")), None)
    return f"`tbot list {named}s` shows what there is" if named else "`tbot list` shows what there is"
