"""The runtime configuration as a form (P1)."""

from __future__ import annotations

from typing import Any

from ticketbot import errors
from ticketbot.api import requests
from ticketbot.errors import FieldError
from ticketbot.panel import form_values, names
from ticketbot.panel.visit import Visit
from ticketbot.present import forms, words


def show(here: Visit) -> Any:
    """Show the configuration: a form for those who may change it."""
    return _page(here, form_values.initial(here, forms.CONFIGURATION, here.run("get_config")))


def save(here: Visit) -> Any:
    """Save what was changed."""
    here.require("update_config")
    texts, before = form_values.posted(forms.CONFIGURATION), here.run("get_config")
    values, wrong = form_values.read(here, forms.CONFIGURATION, texts)
    try:
        wanted = forms.read(forms.CONFIGURATION, values)
        changes = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        after = here.run("update_config", body=requests.ConfigChanges(**changes))
    except errors.InvalidInput as error:
        return _page(here, texts, [*wrong, *error.errors], status=422)
    # What is stored, not what was typed: a secret is hidden there.
    said = words.changes(*({name: getattr(each, name) for name in changes} for each in (before, after)))
    return here.done(
        f"Changed: {said or ', '.join(changes)}." if changes else "Nothing was changed.", f"{names.HOME}configuration"
    )


def _page(here: Visit, texts: form_values.Texts, wrong: list[FieldError] | None = None, *, status: int = 200) -> Any:
    return here.page(
        "configuration",
        "Configuration",
        status,
        fields=form_values.shown(here, forms.CONFIGURATION, texts, wrong or ()),
        may_change=here.may("update_config"),
    )


PAGES = {"configuration": show}
CHANGES = {"configuration": save}
