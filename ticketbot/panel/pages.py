"""The pages that are neither a list nor the form of a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import bottle

from ticketbot import errors
from ticketbot.api import requests, validation
from ticketbot.errors import FieldError
from ticketbot.panel import form_values, lists, names, tables
from ticketbot.panel.visit import Visit
from ticketbot.present import entities, explain, forms, states, status, text, words


def show_status(here: Visit) -> Any:
    """Show what `tbot status` shows (O14)."""
    found = here.run("get_status")

    def shown(value: object) -> str:
        return here.moment(value) if isinstance(value, datetime) else text.clean(words.value(value))

    lines, style = list(status.lines(found, shown)), states.style(found.status)
    dead = tables.Action("What is dead", f"{names.HOME}notifications?state=dead", is_link=True)
    return here.page("status", "Status", style=style, lines=lines, tools=[dead])


def show_story(here: Visit, number: str) -> Any:
    """Show what happened to a ticket, who was notified and why (D8); `for` in the address narrows it to somebody."""
    found = here.run("explain_ticket", here.given, row_id=number)
    style = explain.Style(here.moment, "it can be sent again below", "The next webhook retries it")
    silence = tables.Action("Silence this ticket", f"{names.HOME}silences/new?ticket_id={number}", is_link=True)
    return here.page(
        "story",
        f"Ticket {found.ticket_id}",
        summary=found.ticket.summary if found.ticket else "",
        ticket=explain.ticket_text(found.ticket) if found.ticket else "",
        about=here.given.get("for", ""),
        sections=list(explain.sections(found, style)),
        table=tables.table(
            entities.BY_PLURAL["notifications"],
            found.notifications,
            here.moment,
            lambda row: lists.actions(here, "notifications", row),
        ),
        tools=[silence] if here.may("create_silence") else [],
    )


def ask_to_resend(here: Visit) -> Any:
    """Show how much that is dead would be sent again (L5)."""
    counted = here.run("retry_dead", body=_retry(here.given, dry_run="true"))
    return here.page("resend", "Send again", amount=explain.amount(counted), given=here.given)


def resend(here: Visit) -> Any:
    """Send again everything dead that matches."""
    given = {name: bottle.request.forms.getunicode(name) or "" for name in names.RETRIED_BY}
    retried = here.run("retry_dead", body=_retry(given))
    said = f"Sending again: {explain.amount(retried) or 'nothing; all were retried in the meantime'}."
    return here.done(said, f"{names.HOME}notifications")


def _retry(given: dict[str, str], **more: str) -> requests.RetryRequest:
    known = {name: given[name] for name in names.RETRIED_BY if given.get(name)}
    # Beside a list of all times, everything in it: the API's own answer to no `since` is the last 24 hours.
    return validation.read(requests.RetryRequest, {"since": "1970-01-01"} | known | more, is_text=True)


def preview_forwards(here: Visit) -> Any:
    """Show who would get a notification for a recipient at a moment, once both are given (F7)."""
    given = form_values.prefilled(here, forms.PREVIEW, here.given)
    found, wrong = None, list[FieldError]()
    if "recipient_id" in here.given:
        values, unknown = form_values.read(here, forms.PREVIEW, given)
        wrong = unknown or list(forms.problems(forms.PREVIEW, values))
        if not wrong:
            query = {name: str(value) for name, value in forms.read(forms.PREVIEW, values).items() if value}
            found = here.run("preview_forwards", query)
    fields = form_values.shown(here, forms.PREVIEW, given, wrong)
    at = here.moment(found.at) if found else ""
    return here.page("preview", "Who would get it?", fields=fields, at=at, found=found)


def show_configuration(here: Visit) -> Any:
    """Show the configuration: a form for those who may change it."""
    return _configuration(here, form_values.initial(here, forms.CONFIGURATION, here.run("get_config")))


def save_configuration(here: Visit) -> Any:
    """Save what was changed."""
    here.require("update_config")
    texts, before = form_values.posted(forms.CONFIGURATION), here.run("get_config")
    values, wrong = form_values.read(here, forms.CONFIGURATION, texts)
    try:
        wanted = forms.read(forms.CONFIGURATION, values)
        changes = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        after = here.run("update_config", body=requests.ConfigChanges(**changes))
    except errors.InvalidInput as error:
        return _configuration(here, texts, [*wrong, *error.errors], status_code=422)
    # What is stored, not what was typed: a secret is hidden there.
    said = words.changes(*({name: getattr(each, name) for name in changes} for each in (before, after)))
    said = f"Changed: {said or ', '.join(changes)}." if changes else "Nothing was changed."
    return here.done(said, f"{names.HOME}configuration")


def _configuration(
    here: Visit, texts: form_values.Texts, wrong: Sequence[FieldError] = (), *, status_code: int = 200
) -> Any:
    fields = form_values.shown(here, forms.CONFIGURATION, texts, wrong)
    may_change = here.may("update_config")
    return here.page("configuration", "Configuration", status_code, fields=fields, may_change=may_change)


PAGES = {
    "": show_status,
    "tickets/<number:re:[0-9]+>": show_story,
    "notifications/retry": ask_to_resend,
    "forwards/preview": preview_forwards,
    "configuration": show_configuration,
}
CHANGES = {"notifications/retry": resend, "configuration": save_configuration}
