"""A form of `present.forms` as the fields of a page: what stands in them, and the values that this means.

What stands in a form is a list of texts for each field, as browsers send it. A choice of something stored is written
as its name, which the reader completes from a list, or as its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import bottle

from ticketbot.errors import FieldError
from ticketbot.panel import names
from ticketbot.panel.visit import Visit
from ticketbot.present import entities, forms, name_filter, words

MOST_OFFERED = 300
"""Names that a page offers by itself; with more, the script asks for those that match what is typed."""

Texts = Mapping[str, list[str]]


class Shown(NamedTuple):
    """One field of a page. `offered` are (value, label) to choose from, `texts` what stands in it."""

    field: forms.Field
    texts: list[str]
    offered: list[tuple[str, str]]
    wrong: str

    @property
    def text(self) -> str:
        """Return what stands in a field of one text."""
        return self.texts[0] if self.texts else ""

    @property
    def placeholder(self) -> str:
        """Return what an empty field stands for, if that is a choice."""
        return self.field.null if self.field.initial == forms.NULL else ""


def initial(here: Visit, form: forms.Form, row: Any = None) -> dict[str, list[str]]:
    """Return what stands in a form at first; of a row to be changed, its values."""
    return {field.name: _texts(here, field, forms.initial(field, row)) for field in form.fields}


def prefilled(here: Visit, form: forms.Form, given: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what stands in a new form whose address gives some values."""
    return initial(here, form) | {each.name: [given[each.name]] for each in form.fields if each.name in given}


def posted(form: forms.Form) -> dict[str, list[str]]:
    """Return what stood in a form that was sent."""
    sent = bottle.request.forms.decode()
    return {field.name: [str(text) for text in sent.getall(field.name)] for field in form.fields}


def read(here: Visit, form: forms.Form, texts: Texts) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the values that texts mean, and which names are unknown or ambiguous."""
    values, wrong = dict[str, Any](), list[FieldError]()
    for field in form.fields:
        values[field.name], problem = _value(here, field, texts.get(field.name, []))
        wrong += [FieldError(field.name, problem)] if problem else []
    return values, wrong


def shown(here: Visit, form: forms.Form, texts: Texts, wrong: Iterable[FieldError]) -> list[Shown]:
    """Return the fields of a form for a page, each with the first thing that is wrong with it."""
    messages: dict[str, str] = {}
    for each in wrong:
        messages.setdefault(each.field, each.message)
    return [
        Shown(field, texts.get(field.name, []), _offered(here, field), messages.get(field.name, ""))
        for field in form.fields
    ]


def named(here: Visit, plural: str) -> list[tuple[int, str]]:
    """Return the id and the name of everything that can be chosen from a list."""
    return list(entities.BY_PLURAL[plural].choices(here.every(names.operation("list", plural))))


def matching(here: Visit, plural: str, wanted: str) -> list[str]:
    """Return the names that match best what was typed."""
    return [each.name for each in name_filter.Options(named(here, plural)).top_matches(wanted, 20)]


def _offered(here: Visit, field: forms.Field) -> list[tuple[str, str]]:
    if not field.choose_from:
        return [(option, option) for option in field.options]
    offered = [(forms.NULL, field.null)] if field.null else []
    offered += named(here, field.choose_from)[:MOST_OFFERED]
    return [(str(number) if field.kind == "choices" else name, name) for number, name in offered]


def _value(here: Visit, field: forms.Field, texts: list[str]) -> tuple[Any, str]:
    """Return the value that stands in a field, and what is wrong with a name in it."""
    if field.kind == "check":
        return bool(texts), ""
    if field.kind == "choices":
        return [int(each) for each in texts if each.isdecimal()] if field.choose_from else texts, ""
    text = texts[0] if texts else ""
    return _chosen(here, field, text.strip()) if field.kind == "choice" else (text, "")


def _chosen(here: Visit, field: forms.Field, text: str) -> tuple[Any, str]:
    """Return what a name, or an id, stands for; and what is wrong with it."""
    if field.options:
        return text or None, ""
    if not text:
        return field.initial, ""
    if field.null and text in (field.null, str(forms.NULL)):
        return forms.NULL, ""
    if text.isdecimal():
        return int(text), ""
    offered = named(here, field.choose_from)
    found = [number for number, name in offered if name == text]
    if len(found) > 1:
        return None, f"Several are called that. Give the id: {' or '.join(map(str, found))}."
    if not found:
        return None, f"Choose one of the list.{words.did_you_mean(text, (name for _, name in offered))}"
    return found[0], ""


def _texts(here: Visit, field: forms.Field, value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    if value is None or value is False or value == "":
        return []
    if field.null and value == forms.NULL:
        return [field.null] if field.initial != forms.NULL else []
    if field.choose_from:
        return [dict(named(here, field.choose_from)).get(value, str(value))]
    return [str(value)]
