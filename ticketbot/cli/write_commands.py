"""The commands that change something: create, update, delete, retry and test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.cli import entities
from ticketbot.cli.arguments import Given
from ticketbot.cli.context import Session
from ticketbot.present import explain

_CONFIG_TRUTHS = ("attempt_notify", "require_board_rule")
_CONFIG_NUMBERS = ("max_message_length", "max_concurrent_syncs", "catch_up_interval", "retention_days")


def create(session: Session) -> int:
    """Add a rule, forward, user or key."""
    given, server = session.given, session.server
    if given.has("key"):
        return _create_key(session)
    made: Any
    if given.has("rule"):
        made = server.create_rule(given.required_number("--board-id"), given.required_number("--recipient-id"))
    elif given.has("forward"):
        made = server.create_forward(
            given.required_number("--source-id"),
            given.required_number("--destination-id"),
            start=given.side("--start") or None,
            end=given.side("--end") or None,
            keep_copy=given.has("--keep-copy"),
        )
    else:
        made = server.create_user(given.text("--name") or "", given.text("--email") or "")
    session.show(made)
    _warn_of_expiry(session, made)
    return 0


def _warn_of_expiry(session: Session, made: Any) -> None:
    """Say that a forward does nothing: who mistypes a year would wait for it in vain."""
    if isinstance(made, responses.Forward) and made.state == "expired":
        session.screen.note(f"Forward {made.id} has already expired: its end was {made.end}")


def _create_key(session: Session) -> int:
    made = session.server.create_key(session.given.required_number("--user-id"))
    if session.screen.is_json:
        session.screen.document(made)
    else:
        session.screen.say(made.key)
    session.screen.note(f"Key {made.id} is shown this once: keep it now")
    return 0


def update(session: Session) -> int:
    """Change a rule, a forward or the runtime configuration."""
    given, server = session.given, session.server
    if given.has("config"):
        session.show(server.update_config(_config_changes(given)))
    elif given.has("forward"):
        start, end = given.side("--start"), given.side("--end")
        keep_copy, enabled = given.truth("--keep-copy"), given.truth("--enabled")
        _ensure_something((start, end, keep_copy, enabled), "forward")
        row_id = given.required_number("<id>")
        changed = server.update_forward(row_id, start=start, end=end, keep_copy=keep_copy, enabled=enabled)
        session.show(changed)
        _warn_of_expiry(session, changed)
    else:
        is_enabled = given.truth("--enabled") is True
        session.show(server.update_rule(given.required_number("<id>"), enabled=is_enabled))
    return 0


def _config_changes(given: Given) -> dict[str, bool | int]:
    truths = {name: given.truth(_option(name)) for name in _CONFIG_TRUTHS}
    numbers = {name: given.number(_option(name)) for name in _CONFIG_NUMBERS}
    _ensure_something((*truths.values(), *(UNSET if n is None else n for n in numbers.values())), "config")
    return {
        **{name: truth for name, truth in truths.items() if truth is not UNSET},
        **{name: number for name, number in numbers.items() if number is not None},
    }


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _ensure_something(given: Iterable[object], what: str) -> None:
    if all(value is UNSET for value in given):
        raise errors.InvalidInput(f"Nothing is to be changed. `tbot help update` shows the options of `update {what}`")


def delete(session: Session) -> int:
    """Delete a rule, forward, user or key; a terminal is asked first, naming it."""
    kind = entities.THINGS[session.given.chosen("rule", "forward", "user", "key")]
    assert kind.row is not None
    assert kind.delete is not None
    row_id = session.given.required_number("<id>")
    row = kind.row(session.server, row_id)
    named = f"{kind.name} {row_id} ({kind.words(row)})"
    if not session.given.has("--yes") and not session.screen.confirm(f"Delete {named}?"):
        raise errors.TicketbotError("Nothing was deleted")
    kind.delete(session.server, row_id)
    if session.screen.is_json:
        session.screen.document(row)
    session.screen.note(f"Deleted {named}")
    return 0


def retry(session: Session) -> int:
    """Send a dead notification again, or everything that died."""
    if session.given.has("--dead"):
        return _retry_dead(session)
    row = session.server.retry_notification(session.given.required_number("<notification-id>"))
    session.tell(
        row,
        f"Notification {row.id} to {row.recipient_name} about ticket {row.ticket_id} waits to be sent again; "
        f"`tbot get notification {row.id}` tells how it went",
    )
    return 0


def _retry_dead(session: Session) -> int:
    since = session.given.when("--since")
    when = f"since {since}" if since else "within the last 24 hours"
    if session.screen.can_ask and not session.given.has("--yes"):
        amount = explain.amount(session.server.retry_dead(since=since, dry_run=True))
        if amount and not session.screen.confirm(f"Retry {amount} that died {when}?"):
            raise errors.TicketbotError("Nothing was retried")
    retried = session.server.retry_dead(since=since)
    amount = explain.amount(retried)
    session.tell(retried, f"Retrying {amount}" if amount else f"Nothing died {when}")
    return 0


def test(session: Session) -> int:
    """Send a recipient a test message and say what Webex answered."""
    sent = session.server.test_recipient(session.given.required_number("<recipient-id>"))
    session.tell(sent, f"Webex took the message and gave it the id {sent.webex_message_id}")
    return 0
