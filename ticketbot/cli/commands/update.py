"""`tbot update`: a rule, a forward or the runtime configuration."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from ticketbot import errors
from ticketbot.cli import lookup
from ticketbot.cli.commands import create
from ticketbot.cli.context import Context

USAGE = """\
Update an object.

Usage:
  tbot update rule <id> --enabled=<bool> [options] [--json]
  tbot update forward <id> [--enabled=<bool>] [--start=<when>] [--end=<when>]
            [--keep-copy=<bool>] [options] [--json]
  tbot update config [--attempt-notify=<bool>] [--max-message-length=<n>]
            [--max-concurrent-syncs=<n>] [--require-board-rule=<bool>]
            [--catch-up-interval=<seconds>] [--retention-days=<days>]
            [options] [--json]

Options:
  --enabled=<bool>         Whether it is enabled: true or false
  --start=<when>           Start date or time, such as 2026-03-01 or
                           2026-03-01T08:00; `none`: immediately
  --end=<when>             End date (inclusive) or time; `none` removes the end
  --keep-copy=<bool>       Also deliver to the source: true or false
  --attempt-notify=<bool>  Send notifications: true or false
  --max-message-length=<n>    Maximum note length, 50 to 4000 characters
  --max-concurrent-syncs=<n>  Parallel requests of a sync, 1 to 50
  --require-board-rule=<bool>  Notify only for boards with an enabled rule
  --catch-up-interval=<seconds>  Seconds between catch-ups; 0: never
  --retention-days=<days>  Days to keep finished rows; 0: forever

Examples:
  tbot update rule 1 --enabled=false
  tbot update forward 1 --end=none
  tbot update config --attempt-notify=false
"""

_BOOLEANS = ("attempt_notify", "require_board_rule")
_NUMBERS = ("max_message_length", "max_concurrent_syncs", "catch_up_interval", "retention_days")


def run(context: Context) -> int:
    """Change what was given and print the object."""
    arguments = context.arguments
    if arguments.has("config"):
        context.show(context.server.update_config(_config_changes(context)))
    elif arguments.has("forward"):
        _update_forward(context)
    else:
        is_enabled = arguments.boolean("--enabled") is True
        context.show(context.server.update_rule(lookup.argument(context, "<id>", "rule"), enabled=is_enabled))
    return 0


def _update_forward(context: Context) -> None:
    arguments = context.arguments
    start, end = arguments.optional_date("--start"), arguments.optional_date("--end")
    keep_copy, enabled = arguments.boolean("--keep-copy"), arguments.boolean("--enabled")
    _require_an_option((start, end, keep_copy, enabled), "forward")
    row_id = lookup.argument(context, "<id>", "forward")
    changed = context.server.update_forward(row_id, start=start, end=end, keep_copy=keep_copy, enabled=enabled)
    create.show_forward(context, changed)


def _config_changes(context: Context) -> dict[str, object]:
    arguments = context.arguments
    found: dict[str, object] = {name: arguments.boolean(_option(name)) for name in _BOOLEANS}
    for name in _NUMBERS:
        number = arguments.number(_option(name))
        found[name] = UNSET if number is None else number
    _require_an_option(found.values(), "config")
    return {name: value for name, value in found.items() if value is not UNSET}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _require_an_option(values: Iterable[object], topic: str) -> None:
    if all(value is UNSET for value in values):
        raise errors.InvalidInput(f"Nothing to change: give at least one option. See `tbot help update {topic}`")
