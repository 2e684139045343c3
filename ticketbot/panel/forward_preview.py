"""Who would get a notification for a recipient at a moment, and by which forwards (F7)."""

from __future__ import annotations

from typing import Any

from ticketbot.errors import FieldError
from ticketbot.panel import form_values
from ticketbot.panel.visit import Visit
from ticketbot.present import forms


def show(here: Visit) -> Any:
    """Ask about whom and when, and show the answer once both are given."""
    given = form_values.prefilled(here, forms.PREVIEW, here.given)
    found, wrong = None, list[FieldError]()
    if "recipient_id" in here.given:
        values, unknown = form_values.read(here, forms.PREVIEW, given)
        wrong = unknown or list(forms.problems(forms.PREVIEW, values))
        if not wrong:
            query = {name: str(value) for name, value in forms.read(forms.PREVIEW, values).items() if value}
            found = here.run("preview_forwards", query)
    return here.page(
        "preview",
        "Who would get it?",
        fields=form_values.shown(here, forms.PREVIEW, given, wrong),
        at=here.moment(found.at) if found else "",
        found=found,
    )


PAGES = {"forwards/preview": show}
CHANGES: dict[str, Any] = {}
