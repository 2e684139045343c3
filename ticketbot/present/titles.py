"""How rows are named, and what is said of them where that is not simply a field."""

from __future__ import annotations

from ticketbot.api import calm_responses, responses


def silence_title(row: calm_responses.Silence) -> str:
    """Return what a silence matches."""
    named = (
        ("board", row.board_name or row.board_id),
        ("ticket", row.ticket_id),
        ("company", row.company),
        ("for", row.recipient_name or row.recipient_id),
        ("rule", row.rule_id),
    )
    return ", ".join(f"{name} {value}" for name, value in named if value)


def quiet_hours_title(row: calm_responses.QuietHours) -> str:
    """Return whose quiet hours these are, and when."""
    return f"{people_of(row)}, {','.join(row.days)} {row.from_}-{row.to} {row.timezone}"


def people_of(row: calm_responses.QuietHours) -> str:
    """Return the name of the person whose quiet hours these are, or that they are everybody's."""
    return "all people" if row.recipient_id is None else row.recipient_name or ""


def notification_state(row: responses.Notification) -> str:
    """Return the state of a notification; what waits for the end of quiet hours is held."""
    return "held" if is_held(row) else row.state


def limits(row: responses.Forward) -> str:
    """Return what a forward is limited to, and whether the source gets a copy."""
    named = (("copy", row.keep_copy), ("public only", row.public_only), ("if sole", row.only_if_sole))
    return ", ".join(name for name, is_set in named if is_set)


def why(row: responses.Notification) -> str:
    """Return why a notification is, or is not, sent."""
    return row.error if row.error and row.state != "sent" else row.reason


def key_title(row: responses.Key) -> str:
    """Return what names a key in a sentence."""
    return f"of user {row.user_id}" + (f", ending in {row.hint}" if row.hint else "")


def is_held(row: responses.Notification) -> bool:
    """Return whether a notification waits for the end of quiet hours (N4)."""
    return row.state == "pending" and row.message_id is None and row.held_until is not None
