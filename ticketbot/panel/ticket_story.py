"""The story of one ticket: what happened to it, what was decided and why, and what became of each message (P1, D8)."""

from __future__ import annotations

from typing import Any

from ticketbot.panel import lists, names, tables
from ticketbot.panel.visit import Visit
from ticketbot.present import entities, explain


def show(here: Visit, number: str) -> Any:
    """Show the story; `for` in the address narrows it to a person or a room."""
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


PAGES = {"tickets/<number:re:[0-9]+>": show}
CHANGES: dict[str, Any] = {}
