"""The first page: how the server is (O14)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ticketbot.panel import names, tables
from ticketbot.panel.visit import Visit
from ticketbot.present import states, status, text, words


def show(here: Visit) -> Any:
    """Show what `tbot status` shows."""
    found = here.run("get_status")

    def shown(value: object) -> str:
        return here.moment(value) if isinstance(value, datetime) else text.clean(words.value(value))

    dead = tables.Action("What is dead", f"{names.HOME}notifications?state=dead", is_link=True)
    lines, style = list(status.lines(found, shown)), states.style(found.status)
    return here.page("status", "Status", style=style, lines=lines, tools=[dead])


PAGES = {"": show}
CHANGES: dict[str, Any] = {}
