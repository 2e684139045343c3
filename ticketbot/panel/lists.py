"""The lists, what can be done with a row of each, and a row's details (P1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

import bottle

from ticketbot.api import calm_responses, responses
from ticketbot.database import db
from ticketbot.panel import names, tables
from ticketbot.panel.visit import OPERATIONS, Visit
from ticketbot.present import entities, words

ROWS = 50
MOST_COUNTED = 1000


class Filter(NamedTuple):
    """A value of the address that narrows a list; `options` are all there are."""

    name: str
    label: str
    options: tuple[str, ...] = ()
    value: str = ""


_Q = Filter("q", "Search")
_TICKET = Filter("ticket_id", "Ticket number")
FILTERS = {
    "tickets": (_Q, Filter("open", "Open", ("true", "false"))),
    "notifications": (
        Filter("state", "State", get_args(responses.NotificationState)),
        _Q,
        Filter("since", "Decided since"),
        _TICKET,
    ),
    "events": (Filter("state", "State", get_args(responses.EventState)), _TICKET),
    "forwards": (Filter("state", "State", get_args(responses.ForwardState)),),
    "silences": (Filter("state", "State", get_args(calm_responses.SilenceState)),),
    "recipients": (Filter("type", "Type", get_args(responses.RecipientType)), _Q),
}
_OLDEST_FIRST = ("rules", "recipients", "users", "keys")
_LIVE = ("tickets", "notifications", "events", "syncs")
"""Lists that change by themselves: the script refreshes them."""


def show_list(here: Visit, plural: str) -> Any:
    """Show a page of a list, with its filters and how many rows match them."""
    entity, given = entities.BY_PLURAL[plural], here.given
    order = "asc" if plural in _OLDEST_FIRST else "desc"
    found = here.run(names.operation("list", plural), {**given, "limit": str(ROWS), "order": order})
    filters = [each._replace(value=given.get(each.name, "")) for each in FILTERS.get(plural, ())]
    return here.page(
        "list",
        names.TITLES[plural],
        about=entity.about,
        filters=filters,
        count=_count(entity, found, given),
        table=tables.table(
            entity, _owned(here, plural, found.rows), here.moment, lambda row: actions(here, plural, row)
        ),
        empty="Nothing matches." if any(each.value for each in filters) else f"{entity.empty}.",
        more=f"?{urlencode({**given, 'after': found.rows[-1].id})}" if found.more else "",
        tools=list(_tools(here, plural, given)),
        is_live=plural in _LIVE and "after" not in given,
    )


def show_details(here: Visit, plural: str, number: str) -> Any:
    """Show everything that is known of a row, and what it means."""
    entity = entities.BY_PLURAL[plural]
    row = here.run(names.operation("get", plural), row_id=number)
    known = [(key, here.moment(at) if isinstance(at, datetime) else words.value(at)) for key, at in entities.known(row)]
    what = (entity.word or entity.singular).capitalize()
    return here.page(
        "details", f"{what} {row.id}", known=known, meaning=entity.meaning(row), actions=actions(here, plural, row)
    )


def act(here: Visit, plural: str, number: str, verb: str) -> Any:
    """Do something with a row; a deletion is asked about, unless the script has done so."""
    entity = entities.BY_PLURAL[plural]
    row = here.run(names.operation("get", plural), row_id=number) if names.has_pages(plural) else None
    named = entity.named(row) if row else f"{entity.singular} {number}"
    if verb == "delete" and not bottle.request.forms.get("confirmed"):
        question = f"{entity.removal[0]} {entity.named(row, with_dependents=True)}?"
        return here.page("confirm", question, address=bottle.request.path, button=entity.removal[0], plural=plural)
    if verb in ("enable", "disable"):
        operation, said = names.operation("update", plural), f"{verb.capitalize()}d"
        here.run(operation, body=OPERATIONS[operation].types["body"](enabled=verb == "enable"), row_id=number)
    else:
        here.run(names.operation(verb, plural), row_id=number)
        said = {"delete": entity.removal[1], "retry": "Sending again", "test": "Sent a test message to"}[verb]
    return here.done(f"{said}: {named}.", f"{names.HOME}{plural}", is_back=verb != "delete")


def actions(here: Visit, plural: str, row: Any) -> list[tables.Action]:
    """Return what the visitor can do with a row."""
    return [each for each in _possible(plural, row) if here.may(each.operation)]


def _possible(plural: str, row: Any) -> Iterator[tables.Action]:
    """Yield what can be done with a row, by somebody who may do everything."""
    entity, address = entities.BY_PLURAL[plural], f"{names.HOME}{plural}/{row.id}"

    def action(label: str, verb: str, operation: str, ask: str = "", *, is_link: bool = False) -> tables.Action:
        return tables.Action(label, f"{address}/{verb}", names.operation(operation, plural), ask, is_link)

    if names.CHANGES.get(plural):
        yield action("Change", "change", "update", is_link=True)
    if hasattr(row, "enabled"):
        yield action("Disable", "disable", "update") if row.enabled else action("Enable", "enable", "update")
    if getattr(row, "state", "") == "dead":
        yield action("Send again", "retry", "retry")
    if plural == "recipients":
        yield action("Test message", "test", "test")
    if getattr(row, "state", "") != "ended":
        ask = f"{entity.removal[0]} {entity.named(row, with_dependents=True)}?"
        yield action(entity.removal[0], "delete", "delete", ask)


def _tools(here: Visit, plural: str, given: dict[str, str]) -> Iterator[tables.Action]:
    """Yield what can be done beside the rows."""
    address = f"{names.HOME}{plural}"
    form = names.ADDS.get(plural)
    if form and here.may(names.operation("create", plural)):
        yield tables.Action(form.title, f"{address}/new", is_link=True)
    if plural == "notifications" and here.may("retry_dead"):
        narrowed = {name: given[name] for name in names.RETRIED_BY if name in given}
        yield tables.Action("Send again what is dead", f"{address}/retry?{urlencode(narrowed)}", is_link=True)
    if plural == "forwards":
        yield tables.Action("Who would get it?", f"{address}/preview", is_link=True)
    if plural == "syncs" and here.may("cancel_sync") and here.run("get_sync_status").syncing:
        yield tables.Action("Cancel the running sync", f"{address}/cancel")


def cancel_sync(here: Visit) -> Any:
    """Cancel the running sync."""
    here.run("cancel_sync")
    return here.done("Canceling the sync.", f"{names.HOME}syncs")


def _owned(here: Visit, plural: str, rows: list[Any]) -> list[Any]:
    return list(entities.owned_keys(rows, here.every("list_users"))) if plural == "keys" else rows


def _count(entity: entities.Entity, found: Any, given: dict[str, str]) -> str:
    """Return how many rows match, on the first page."""
    if "after" in given or (found.more and found.counted is None):
        return ""
    number = len(found.rows)
    if found.more:
        with db.session():
            number = found.counted(MOST_COUNTED + 1)
    many = entity.word or entity.plural
    more = f"More than {MOST_COUNTED} {many}"
    return more if number > MOST_COUNTED else words.count(number, entity.word or entity.singular, many)


_PLURALS = f"<plural:re:{'|'.join(names.TITLES)}>"
_WITH_PAGES = f"<plural:re:{'|'.join(filter(names.has_pages, names.TITLES))}>"
_VERBS = "<verb:re:enable|disable|delete|retry|test>"
PAGES = {_PLURALS: show_list, f"{_WITH_PAGES}/<number:re:[0-9]+>": show_details}
CHANGES = {"syncs/cancel": cancel_sync, f"{_PLURALS}/<number:re:[0-9]+>/{_VERBS}": act}
