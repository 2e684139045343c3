"""How the lists of the panel, their forms and the operations of the API belong together."""

from __future__ import annotations

from ticketbot.panel import templates
from ticketbot.panel.visit import OPERATIONS
from ticketbot.present import forms

HOME = "/panel/"
RETRIED_BY = ("q", "ticket_id", "recipient_id", "since")
"""The filters of notifications by which dead ones are retried, too."""

TITLES = {address: title for address, title in templates.PAGES if address not in ("", "configuration")}
"""The lists by address."""

ADDS = {
    "rules": forms.NEW_RULE,
    "forwards": forms.NEW_FORWARD,
    "silences": forms.NEW_SILENCE,
    "quiet-hours": forms.NEW_QUIET_HOURS,
    "users": forms.NEW_USER,
    "keys": forms.NEW_KEY,
    "syncs": forms.NEW_SYNC,
}
CHANGES = {
    "rules": forms.CHANGE_RULE,
    "forwards": forms.CHANGE_FORWARD,
    "silences": forms.CHANGE_SILENCE,
    "quiet-hours": forms.CHANGE_QUIET_HOURS,
}
"""The forms that add and change a row, by list."""

_NOUNS = {"syncs": ("sync_run", "sync_runs"), "quiet-hours": ("quiet_hours",) * 2, "audit": ("audit",) * 2}
_OTHERWISE = {"create_sync_run": "start_sync", "test_recipient": "send_test_message"}


def operation(verb: str, plural: str) -> str:
    """Return the name of the operation that does something with rows of a list; there may be none of this name."""
    one, many = _NOUNS.get(plural, (plural.removesuffix("s"), plural))
    name = f"{verb}_{many if verb == 'list' else one}"
    return _OTHERWISE.get(name, name)


def has_pages(plural: str) -> bool:
    """Return whether one row can be looked up."""
    return operation("get", plural) in OPERATIONS
