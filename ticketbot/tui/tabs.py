"""The tabs, in order: what each loads, and what can be done in it. A column is described in `present.entities`."""

from __future__ import annotations

from typing import Any

import urwid

from ticketbot.api import client, responses
from ticketbot.present import entities, forms, text, words
from ticketbot.tui import actions
from ticketbot.tui.tab import Description, RowAction

_DETAILS = {"details": RowAction(actions.details), "copy": RowAction(actions.copy)}
_DELETE = {"delete": RowAction(actions.delete)}
_TOGGLE = {"toggle": RowAction(actions.toggle)}
_RETRY = {"retry": RowAction(actions.retry, lambda row: row.state == "dead")}
_WHY = {"why": RowAction(actions.story_of_row(lambda row: row.ticket_id))}
_TICKET_STORY = RowAction(actions.story_of_row(lambda row: row.id))
_TEST = {
    "test": RowAction(
        actions.test(lambda row: (row.recipient_id, row.recipient_name)), lambda row: row.recipient_id is not None
    )
}
_TEST_DESTINATION = {"test": RowAction(actions.test(lambda row: (row.destination_id, row.destination_name)))}
_TEST_SELF = {"test": RowAction(actions.test(lambda row: (row.id, row.name)))}


def _keys(api: client.Client, **filters: Any) -> list[entities.OwnedKey]:
    return entities.owned_keys(api.keys(**filters), api.users())


def _syncs(api: client.Client, **filters: Any) -> list[responses.SyncRun]:
    return api.sync_runs(**filters)


def _progress(run: responses.SyncRun) -> list[urwid.Widget]:
    """Return a title, and a bar for each phase of the running sync."""
    by = f", requested by {run.requested_by}" if run.requested_by else ""
    title = urwid.Text(("good", text.clean(f" Sync {run.id} is running{by}")))
    return [title, *map(_bar, run.phases), urwid.Divider()]


def _bar(phase: responses.SyncPhase) -> urwid.Widget:
    total = phase.total or 1
    bar = urwid.ProgressBar("to do", "done", total if phase.total == 0 else phase.done if phase.total else 0, total)
    count = urwid.Text(("waiting" if phase.errors else "plain", words.phase(phase)))
    return urwid.Columns([(17, urwid.Text(f" {text.clean(phase.name)}")), bar, (24, count)], dividechars=1)


ALL = (
    Description(
        entities.BY_PLURAL["rules"],
        "Rules",
        "Rules",
        "rules",
        row_actions={**_DETAILS, **_DELETE, **_TOGGLE, **_TEST},
        actions={"new": actions.add(forms.NEW_RULE)},
    ),
    Description(
        entities.BY_PLURAL["forwards"],
        "Forwards",
        "Fwds",
        "forwards",
        where="forwards",
        row_actions={
            **_DETAILS,
            **_DELETE,
            **_TOGGLE,
            **_TEST_DESTINATION,
            "change": RowAction(actions.change_forward),
            "preview": RowAction(actions.preview),
        },
        actions={"new": actions.add(forms.NEW_FORWARD)},
    ),
    Description(
        entities.BY_PLURAL["users"],
        "Users",
        "Users",
        "users",
        row_actions={**_DETAILS, **_DELETE},
        actions={"new": actions.add(forms.NEW_USER)},
    ),
    Description(
        entities.BY_PLURAL["keys"],
        "Keys",
        "Keys",
        "keys",
        load=_keys,
        row_actions={**_DETAILS, **_DELETE},
        actions={"new": actions.add(forms.NEW_KEY, actions.show_key)},
    ),
    Description(
        entities.BY_PLURAL["syncs"],
        "Sync",
        "Sync",
        "sync",
        where="sync",
        load=_syncs,
        row_actions=_DETAILS,
        actions={"new": actions.start_sync, "cancel sync": actions.cancel_sync},
        follow=lambda run: run.state == "running",
        banner=_progress,
    ),
    Description(
        entities.BY_PLURAL["notifications"],
        "Notifications",
        "Notif",
        "notifications",
        where="notifications",
        searches=True,
        row_actions={**_DETAILS, **_WHY, **_RETRY, **_TEST},
        actions={"only dead": actions.turn_only_dead, "retry all": actions.retry_all},
    ),
    Description(
        entities.BY_PLURAL["tickets"],
        "Tickets",
        "Tickets",
        "tickets",
        is_newest=True,
        searches=True,
        row_actions={**_DETAILS, "details": _TICKET_STORY, "why": _TICKET_STORY},
    ),
    Description(
        entities.BY_PLURAL["recipients"],
        "Recipients",
        "Rcpts",
        row_actions={**_DETAILS, **_TEST_SELF},
    ),
    Description(
        entities.BY_PLURAL["events"],
        "Events",
        "Evts",
        where="notifications",
        row_actions={**_DETAILS, **_WHY, **_RETRY},
        actions={"only dead": actions.turn_only_dead, "retry all": actions.retry_all},
    ),
    Description(entities.BY_PLURAL["audit"], "Audit", "Audit", row_actions=_DETAILS),
)
