"""Forms that add and change, with what a rule or a silence would do beside them (P1, R6, N3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bottle
import msgspec

from ticketbot import errors
from ticketbot.errors import FieldError
from ticketbot.panel import form_trials, form_values, names
from ticketbot.panel.visit import OPERATIONS, Visit
from ticketbot.present import entities, forms

_SILENCE_FOR = timedelta(hours=1)


def new(here: Visit, plural: str) -> Any:
    """Show an empty form, but for what the address gives."""
    form = _form(here, plural)
    texts = form_values.prefilled(here, form, here.given)
    if plural == "silences":
        until = (here.services.now() + _SILENCE_FOR).astimezone(here.services.timezone)
        texts["until"] = [f"{until:%Y-%m-%dT%H:%M}"]
    return _show(here, plural, form, texts)


def change(here: Visit, plural: str, number: str) -> Any:
    """Show a form with the values of a row."""
    form = _form(here, plural, number)
    row = here.run(names.operation("get", plural), row_id=number)
    return _show(here, plural, form, form_values.initial(here, form, row), number=number)


def save(here: Visit, plural: str, number: str = "") -> Any:
    """Save what was filled in, or try it; a form that is wrong comes back with what is wrong."""
    wanted = bottle.request.forms.get("do") or "save"
    form = _form(here, plural, number, wanted)
    texts = form_values.posted(form)
    try:
        values = _values(here, form, texts)
        if wanted in form.trials:
            tried = form_trials.run(here, plural, wanted, values, number)
            return _show(here, plural, form, texts, number=number, trial=tried)
        return _saved(here, plural, number, values)
    except errors.InvalidInput as error:
        wrong = error.errors or (FieldError("", str(error)),)
    except errors.Conflict as error:
        wrong = (FieldError("", errors.sentence(str(error))),)
    return _show(here, plural, form, texts, wrong, number=number, status=422)


def _values(here: Visit, form: forms.Form, texts: form_values.Texts) -> dict[str, Any]:
    """Return the valid values of a form; raises `InvalidInput` that names every field that is wrong."""
    values, unknown = form_values.read(here, form, texts)
    missing = {each.field for each in unknown}
    wrong = [*unknown, *(each for each in forms.problems(form, values) if each.field not in missing)]
    if wrong:
        raise errors.InvalidInput("The form is not valid", wrong)
    return forms.read(form, values)


def _saved(here: Visit, plural: str, number: str, values: dict[str, Any]) -> Any:
    operation = OPERATIONS[_operation(plural, number)]
    body: msgspec.Struct = operation.types["body"](**values)
    row = here.run(operation.name, body=body, row_id=number or None)
    if plural == "keys":
        return here.page("key", "New key", key=row.key)
    done = "Changed" if number else "Started" if plural == "syncs" else "Added"
    said = f"{done}: {entities.BY_PLURAL[plural].named(row)}."
    if plural == "forwards":
        at = f"&at={row.start}" if row.start else ""
        return here.done(said, f"{names.HOME}forwards/preview?recipient_id={row.source_id}{at}")
    return here.done(said, f"{names.HOME}{plural}")


def _show(
    here: Visit,
    plural: str,
    form: forms.Form,
    texts: form_values.Texts,
    wrong: Iterable[FieldError] = (),
    *,
    number: str = "",
    trial: form_trials.Found | None = None,
    status: int = 200,
) -> Any:
    wrong = list(wrong)
    known = {field.name for field in form.fields}
    entity = entities.BY_PLURAL[plural]
    title = f"Change {entity.word or entity.singular} {number}" if number else form.title
    return here.page(
        "form",
        title,
        status,
        fields=form_values.shown(here, form, texts, wrong),
        others=[each for each in wrong if each.field not in known],
        button=form.button if here.may(_operation(plural, number)) else "",
        trials=form.trials,
        tried=form_trials.fields(here, form),
        trial=trial,
        zone=str(here.services.timezone),
        back=f"{names.HOME}{plural}",
    )


def _form(here: Visit, plural: str, number: str = "", wanted: str = "") -> forms.Form:
    """Return the form for what is wanted: whoever may not save may still see it if there is something to try."""
    form = names.CHANGES.get(plural) if number else names.ADDS.get(plural)
    if form is None:
        raise errors.NotFound("These are not changed in the panel")
    if wanted not in form.trials and (wanted or not form.trials):
        here.require(_operation(plural, number))
    return form


def _operation(plural: str, number: str) -> str:
    return names.operation("update" if number else "create", plural)


def offer(here: Visit, plural: str) -> Any:
    """Return names that match what was typed, for the script."""
    found = form_values.matching(here, plural, here.given.get("q", "")[:200])
    return bottle.HTTPResponse(msgspec.json.encode(found), 200, {"Content-Type": "application/json"})


_FORMS = f"<plural:re:{'|'.join(names.ADDS)}>"
PAGES = {
    f"{_FORMS}/new": new,
    f"{_FORMS}/<number:re:[0-9]+>/change": change,
    "choices/<plural:re:boards|recipients|rules|users>": offer,
}
CHANGES = {f"{_FORMS}/new": save, f"{_FORMS}/<number:re:[0-9]+>/change": save}
