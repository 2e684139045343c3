"""The tabs, in order: what each loads, and what can be done in it. A column is described in `present.entities`."""

from __future__ import annotations

from typing import Any

import urwid

from ticketbot.api import client, sync_responses
from ticketbot.present import entities, forms, text, words
from ticketbot.tui import actions
from ticketbot.tui.tab import Description, RowAction

_DETAILS = {"details": RowAction(actions.details), "copy": RowAction(actions.copy)}
_DELETE = {"delete": RowAction(actions.delete)}
_CHANGED = _DETAILS | _DELETE | {"toggle": RowAction(actions.toggle)}
_RETRY = {"retry": RowAction(actions.retry, lambda row: row.state == "dead")}
_WHY = {"why": RowAction(actions.story("ticket_id"))}
_STORY = {"details": RowAction(actions.story("id")), "why": RowAction(actions.story("id"))}
_TEST = {"test": RowAction(actions.test("recipient_"), lambda row: row.recipient_id is not None)}
_FORWARD = {
    "change": RowAction(actions.change(forms.CHANGE_FORWARD)),
    "preview": RowAction(actions.preview),
    "test": RowAction(actions.test("destination_")),
}
_SILENCE = {
    "change": RowAction(actions.change(forms.CHANGE_SILENCE)),
    "preview": RowAction(actions.preview_silence),
}
_DEAD = {"only dead": actions.turn_only_dead, "retry all": actions.retry_all}


def _keys(api: client.Client, **filters: Any) -> list[entities.OwnedKey]:
    return entities.owned_keys(api.keys(**filters), api.users())


def _progress(run: sync_responses.SyncRun) -> list[urwid.Widget]:
    """Return a title, and a bar for each phase of the running sync."""
    by = f", requested by {run.requested_by}" if run.requested_by else ""
    title = urwid.Text(("good", text.clean(f" Sync {run.id} is running{by}")))
    return [title, *map(_bar, run.phases), urwid.Divider()]


def _bar(phase: sync_responses.SyncPhase) -> urwid.Widget:
    total = phase.total or 1
    bar = urwid.ProgressBar("to do", "done", total if phase.total == 0 else phase.done if phase.total else 0, total)
    count = urwid.Text(("waiting" if phase.errors else "plain", words.phase(phase)))
    return urwid.Columns([(17, urwid.Text(f" {text.clean(phase.name)}")), bar, (24, count)], dividechars=1)


def _tab(plural: str, short: str, **more: Any) -> Description:
    return Description(entities.BY_PLURAL[plural], more.pop("title", plural.capitalize()), short, **more)


ALL = (
    _tab(
        "rules",
        "Rules",
        key="rules",
        where="rules",
        actions={"new": actions.add(forms.NEW_RULE)},
        row_actions=_CHANGED | _TEST | {"change": RowAction(actions.change(forms.CHANGE_RULE))},
    ),
    _tab(
        "forwards",
        "Fwds",
        key="forwards",
        where="forwards",
        actions={"new": actions.add(forms.NEW_FORWARD)},
        row_actions=_CHANGED | _FORWARD,
    ),
    _tab(
        "silences",
        "Silen",
        key="silences",
        where="silences",
        actions={"new": actions.add(forms.NEW_SILENCE)},
        row_actions=_DETAILS | _SILENCE | {"delete": RowAction(actions.delete, lambda row: row.state != "ended")},
    ),
    _tab(
        "quiet-hours",
        "Quiet",
        title="Quiet hours",
        key="quiet hours",
        where="quiet hours",
        actions={"new": actions.add(forms.NEW_QUIET_HOURS)},
        row_actions=_CHANGED | {"change": RowAction(actions.change(forms.CHANGE_QUIET_HOURS))},
    ),
    _tab("users", "Users", key="users", actions={"new": actions.add(forms.NEW_USER)}, row_actions=_DETAILS | _DELETE),
    _tab("keys", "Keys", key="keys", load=_keys, actions={"new": actions.add_key}, row_actions=_DETAILS | _DELETE),
    _tab(
        "syncs",
        "Sync",
        title="Sync",
        key="sync",
        where="sync",
        load=client.Client.sync_runs,
        actions={"new": actions.start_sync, "cancel sync": actions.cancel_sync},
        row_actions=_DETAILS,
        banner=_progress,
    ),
    _tab(
        "notifications",
        "Notif",
        key="notifications",
        where="notifications",
        searches=True,
        actions=_DEAD,
        row_actions=_DETAILS | _WHY | _RETRY | _TEST,
    ),
    _tab("tickets", "Tkts", key="tickets", is_newest=True, searches=True, row_actions=_DETAILS | _STORY),
    _tab("recipients", "Rcpt", row_actions=_DETAILS | {"test": RowAction(actions.test(""))}),
    _tab("events", "Evt", where="notifications", actions=_DEAD, row_actions=_DETAILS | _WHY | _RETRY),
    _tab("audit", "Audit", row_actions=_DETAILS),
)
