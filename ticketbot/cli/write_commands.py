"""The commands that change something: create, update, delete, retry and test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.cli import entities
from ticketbot.cli.arguments import Arguments
from ticketbot.cli.context import Context
from ticketbot.present import explain

_CONFIG_BOOLEANS = ("attempt_notify", "require_board_rule")
_CONFIG_NUMBERS = ("max_message_length", "max_concurrent_syncs", "catch_up_interval", "retention_days")


def create(context: Context) -> int:
    """Create a rule, forward, user or key."""
    arguments, server = context.arguments, context.server
    if arguments.has("key"):
        return _create_key(context)
    made: Any
    if arguments.has("rule"):
        made = server.create_rule(arguments.required_number("--board-id"), arguments.required_number("--recipient-id"))
    elif arguments.has("forward"):
        made = server.create_forward(
            arguments.required_number("--source-id"),
            arguments.required_number("--destination-id"),
            start=arguments.optional_date("--start") or None,
            end=arguments.optional_date("--end") or None,
            keep_copy=arguments.has("--keep-copy"),
        )
    else:
        made = server.create_user(arguments.text("--name") or "", arguments.text("--email") or "")
    context.print_record(made)
    _warn_of_expiry(context, made)
    return 0


def _warn_of_expiry(context: Context, made: Any) -> None:
    """Warn that a forward has no effect: its year may be mistyped."""
    if isinstance(made, responses.Forward) and made.state == "expired":
        context.output.note(f"Forward {made.id} has already ended ({made.end})")


def _create_key(context: Context) -> int:
    made = context.server.create_key(context.arguments.required_number("--user-id"))
    if context.output.is_json:
        context.output.print_json(made)
    else:
        context.output.say(made.key)
    context.output.note(f"Save key {made.id} now. It will not be shown again")
    return 0


def update(context: Context) -> int:
    """Change a rule, a forward or the runtime configuration."""
    arguments, server = context.arguments, context.server
    if arguments.has("config"):
        context.print_record(server.update_config(_config_changes(arguments)))
    elif arguments.has("forward"):
        start, end = arguments.optional_date("--start"), arguments.optional_date("--end")
        keep_copy, enabled = arguments.boolean("--keep-copy"), arguments.boolean("--enabled")
        _require_an_option((start, end, keep_copy, enabled), "forward")
        row_id = arguments.required_number("<id>")
        changed = server.update_forward(row_id, start=start, end=end, keep_copy=keep_copy, enabled=enabled)
        context.print_record(changed)
        _warn_of_expiry(context, changed)
    else:
        is_enabled = arguments.boolean("--enabled") is True
        context.print_record(server.update_rule(arguments.required_number("<id>"), enabled=is_enabled))
    return 0


def _config_changes(arguments: Arguments) -> dict[str, bool | int]:
    booleans = {name: arguments.boolean(_option(name)) for name in _CONFIG_BOOLEANS}
    numbers = {name: arguments.number(_option(name)) for name in _CONFIG_NUMBERS}
    _require_an_option((*booleans.values(), *(UNSET if n is None else n for n in numbers.values())), "config")
    return {
        **{name: boolean for name, boolean in booleans.items() if boolean is not UNSET},
        **{name: number for name, number in numbers.items() if number is not None},
    }


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _require_an_option(arguments: Iterable[object], command: str) -> None:
    if all(value is UNSET for value in arguments):
        raise errors.InvalidInput(
            f"Nothing to change: give at least one option. `tbot help update` shows the options of `update {command}`"
        )


def delete(context: Context) -> int:
    """Delete a rule, forward, user or key, after confirmation on a terminal."""
    kind = entities.BY_NAME[context.arguments.which("rule", "forward", "user", "key")]
    assert kind.row is not None
    assert kind.delete is not None
    row_id = context.arguments.required_number("<id>")
    row = kind.row(context.server, row_id)
    named = f"{kind.name} {row_id} ({kind.words(row)})"
    if not context.arguments.has("--yes") and not context.output.confirm(f"Delete {named}?"):
        raise errors.TicketbotError("Nothing was deleted")
    kind.delete(context.server, row_id)
    if context.output.is_json:
        context.output.print_json(row)
    context.output.note(f"Deleted {named}")
    return 0


def retry(context: Context) -> int:
    """Retry a dead notification, or everything that died."""
    if context.arguments.has("--dead"):
        return _retry_dead(context)
    row = context.server.retry_notification(context.arguments.required_number("<notification-id>"))
    context.print_result(
        row,
        f"Notification {row.id} to {row.recipient_name} about ticket {row.ticket_id} will be resent; "
        f"`tbot get notification {row.id}` shows the result",
    )
    return 0


def _retry_dead(context: Context) -> int:
    since = context.arguments.when("--since")
    when = f"since {since}" if since else "within the last 24 hours"
    if context.output.can_ask and not context.arguments.has("--yes"):
        amount = explain.amount(context.server.retry_dead(since=since, dry_run=True))
        if amount and not context.output.confirm(f"Retry {amount} that died {when}?"):
            raise errors.TicketbotError("Nothing was retried")
    retried = context.server.retry_dead(since=since)
    amount = explain.amount(retried)
    context.print_result(retried, f"Retrying {amount}" if amount else f"Nothing died {when}")
    return 0


def test(context: Context) -> int:
    """Send a test message to a recipient."""
    sent = context.server.test_recipient(context.arguments.required_number("<recipient-id>"))
    context.print_result(sent, f"Test message sent (Webex message id {sent.webex_message_id})")
    return 0
