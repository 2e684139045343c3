"""What the state of a row means for people, or what to do about it."""

from __future__ import annotations

from ticketbot.api import calm_responses, responses
from ticketbot.present import titles

_FORWARD = {
    "active": "What is meant for the source goes to the destination.",
    "upcoming": "It has not started yet.",
    "expired": "It has ended.",
    "disabled": "Disabled: it has no effect.",
}
_EVENT = {
    "dead": "Processing was given up: no one was notified. Retry it once the cause is fixed.",
    "waiting": "It is processed when it is due.",
}
_SILENCE = {
    "active": "What it matches is skipped, and never sent later.",
    "upcoming": "It has not started yet.",
    "ended": "It has ended: nothing is skipped any more.",
}


def rule(row: responses.Rule) -> str:
    """Return what the state of a rule means."""
    if not row.enabled:
        return "Disabled: it notifies no one."
    if row.dry_run:
        return "A dry run: it records who would be notified, and sends nothing."
    if row.events == ["new"] and row.target == "recipient" and not row.condition:
        return f"The recipient is notified of every new ticket on {'this board' if row.board_id else 'any board'}."
    return "It notifies of its events on its board, where its condition matches."


def forward(row: responses.Forward) -> str:
    """Return what the state of a forward means."""
    return _FORWARD.get(row.state, "")


def silence(row: calm_responses.Silence) -> str:
    """Return what the state of a silence means."""
    return _SILENCE.get(row.state, "")


def quiet_hours(row: calm_responses.QuietHours) -> str:
    """Return what quiet hours do."""
    if not row.enabled:
        return "Disabled: they hold nothing."
    urgent = " except what is urgent" if row.urgent else ""
    return f"Notifications decided within them wait{urgent}, and arrive as one digest when they end."


def event(row: responses.Event) -> str:
    """Return what the state of an event means."""
    return _EVENT.get(row.state, "")


def notification(row: responses.Notification) -> str:
    """Return what the state of a notification means."""
    return " ".join(
        meaning
        for is_so, meaning in (
            (titles.is_held(row), "Quiet hours hold it until they end."),
            (row.possible_duplicate, "It may have arrived twice: an earlier response was lost."),
            (row.overtaken, "Later messages were sent before it."),
            (not row.shown, "Its message names it as not shown."),
            (row.state == "dead", "It was given up. Retry it once the cause is fixed."),
            (row.state == "dead" and row.tracking_id, "Webex support needs the tracking id."),
        )
        if is_so
    )
