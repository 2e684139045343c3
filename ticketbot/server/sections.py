"""What a configuration file holds (M2): a section for each kind of object, one entry below the other.

An entry is what `POST` takes to create the object, with names instead of ids. A new kind of object is a row of
`SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from ticketbot import errors
from ticketbot.api import calm_responses, requests, validation
from ticketbot.decide import values
from ticketbot.server import authentication, names, operations
from ticketbot.server.routes import forwards, quiet_hours, rules, silences

Services: TypeAlias = operations.Services
Caller: TypeAlias = authentication.Caller


class Reference(NamedTuple):
    """A field that holds an id, its name in the file, and the word of the file that stands for null."""

    field: str
    name: str
    kind: names.Kind
    if_null: str = ""


class Stored(NamedTuple):
    """A stored object as `POST` would take it; one that is over is neither written nor pruned (M3)."""

    id: int
    body: Any
    is_over: bool = False


class Section(NamedTuple):
    """One kind of object.

    `identities` find the stored object that an entry is about, the first before the second; None is no identity.
    `check` returns an entry as it would be stored, `refuse` refuses a stored one that contradicts others.
    """

    key: str
    singular: str
    body: type[requests.RequestModel]
    references: Sequence[Reference]
    stored: Callable[[Services], list[Stored]]
    identities: Sequence[Callable[[Any], Hashable | None]]
    title: Callable[[Mapping[str, Any]], str]
    check: Callable[[Any, Services], Any]
    add: Callable[[Any, Caller, Services], Any]
    replace: Callable[[int, Mapping[str, Any], Caller, Services], Any]
    remove: Callable[[int, Caller, Services], None]
    refuse: Callable[[int, Services], None]
    derived: tuple[str, ...] = ()
    """Fields that follow from others, and are not written."""
    complete: Callable[[Any, Any], Any] = lambda _, wanted: wanted
    """Give an entry what it leaves to the object that is stored already."""
    is_over: Callable[[Any, Services], bool] = lambda *_: False
    """Whether an entry has nothing to change any more, whatever is stored."""

    def entry(self, body: Any, known: names.Names) -> dict[str, Any]:
        """Return an object as the file has it: names instead of ids, without what is as by default."""
        given = {name: each for name, each in msgspec.to_builtins(body).items() if name not in self.derived}
        by_field = {reference.field: reference for reference in self.references}
        found: dict[str, Any] = {}
        fields = (field.encode_name for field in msgspec.structs.fields(self.body))
        for name in sorted(fields, key=lambda name: name != "name"):
            reference = by_field.get(name)
            if reference is None:
                found |= {name: given[name]} if given.get(name) is not None else {}
            elif given.get(name) is not None:
                found[reference.name] = known.label(reference.kind, given[name])
            elif reference.if_null:
                found[reference.if_null] = True
        return found

    def ids(self, body: Any) -> dict[str, int]:
        """Return the ids of what an entry names, by the names of the file."""
        found = {reference.name: getattr(body, reference.field) for reference in self.references}
        return {name: row_id for name, row_id in found.items() if row_id is not None}

    def read(self, entry: Mapping[str, Any], known: names.Names, services: Services) -> Any:
        """Return an entry of the file as it would be stored; raises `InvalidInput` that names each wrong field."""
        given = {name: _text(each) for name, each in entry.items()}
        for reference in self.references:
            if reference.field in given:
                raise operations.invalid_field(reference.field, f"Name it: {reference.name} = ...")
            self._resolve(given, reference, known)
        if "target" in self.derived:
            given["target"] = "assigned" if given.get("recipient_id") is None else "recipient"
        return self.check(validation.read(self.body, given), services)

    def _resolve(self, given: dict[str, Any], reference: Reference, known: names.Names) -> None:
        """Put the id in the place of a name."""
        label, is_null = given.pop(reference.name, None), given.pop(reference.if_null, False)
        if reference.if_null and (label is None) != (is_null is True):
            either = f"Give either {reference.name} = ... or {reference.if_null} = true"
            raise operations.invalid_field(reference.name, either)
        if label is not None or is_null:
            given[reference.field] = None if is_null else known.find(reference.kind, reference.name, label)


def _text(given: Any) -> Any:
    """Return a date or time of TOML as text, as the API takes it."""
    return given.isoformat() if isinstance(given, (date, datetime)) else given


def _label(entry: Mapping[str, Any], *keys: str) -> str:
    """Return the first of an entry's values there is, as a sentence names it."""
    found = next((entry[key] for key in keys if key in entry), "")
    return str(found["name"] if isinstance(found, Mapping) else found)


def _body(model: type[requests.RequestModel], response: Any) -> Any:
    return model(**{name: getattr(response, name) for name in model.__struct_fields__})


def _rule_title(entry: Mapping[str, Any]) -> str:
    way = f"{_label(entry, 'board') or 'all boards'} > {_label(entry, 'recipient') or values.ASSIGNED_PEOPLE}"
    return f"{_label(entry, 'name') or way} ({', '.join(entry['events'])})"


def _forward_title(entry: Mapping[str, Any]) -> str:
    period = "".join(f" {word} {entry[key]}" for word, key in (("from", "start"), ("until", "end")) if key in entry)
    return f"{_label(entry, 'source')} > {_label(entry, 'destination')}{period}"


def _checked_rule(body: requests.NewRule, _: Services) -> requests.NewRule:
    rules.check_condition(body.condition)
    return msgspec.structs.replace(body, events=rules.in_order(body.events))


def _rule_key(body: requests.NewRule) -> Hashable:
    return (body.board_id, body.recipient_id, tuple(body.events), body.condition)


def _silence_body(row: calm_responses.Silence) -> requests.NewSilence:
    times: dict[str, Any] = {"start": row.start.isoformat(), "until": row.until.isoformat()}
    named = ("board_id", "ticket_id", "company", "recipient_id", "rule_id", "comment")
    return requests.NewSilence(**{name: getattr(row, name) for name in named}, **times)


def _silenced(body: requests.NewSilence) -> Hashable:
    return (body.board_id, body.ticket_id, body.company, body.recipient_id, body.rule_id)


RULES = Section(
    key="rules",
    singular="rule",
    body=requests.NewRule,
    references=(
        Reference("board_id", "board", "board", if_null="all_boards"),
        Reference("recipient_id", "recipient", "recipient", if_null="assigned"),
    ),
    derived=("target",),
    stored=lambda _: [Stored(row.id, _body(requests.NewRule, row)) for row in rules.stored()],
    identities=(
        lambda body: (body.name, _rule_key(body)),
        lambda body: body.name,
        _rule_key,
    ),
    title=_rule_title,
    check=_checked_rule,
    add=rules.add,
    replace=rules.replace,
    remove=rules.remove,
    refuse=lambda rule_id, _: rules.refuse_twin(rule_id),
)
FORWARDS = Section(
    key="forwards",
    singular="forward",
    body=requests.NewForward,
    references=(
        Reference("source_id", "source", "recipient"),
        Reference("destination_id", "destination", "recipient"),
    ),
    stored=lambda services: [
        Stored(row.id, _body(requests.NewForward, row), row.state == "expired") for row in forwards.stored(services)
    ],
    identities=(lambda body: (body.source_id, body.destination_id, body.start, body.end),),
    title=_forward_title,
    check=forwards.check,
    add=forwards.add,
    replace=lambda row_id, body, caller, services: forwards.replace(
        row_id, {name: each for name, each in body.items() if not name.endswith("_id")}, caller, services
    ),
    remove=forwards.remove,
    refuse=forwards.refuse_cycle,
)
QUIET_HOURS = Section(
    key="quiet_hours",
    singular="quiet hours",
    body=requests.NewQuietHours,
    references=(Reference("recipient_id", "recipient", "recipient", if_null="all_people"),),
    stored=lambda _: [Stored(row.id, _body(requests.NewQuietHours, row)) for row in quiet_hours.stored()],
    identities=(lambda body: (body.recipient_id, tuple(body.days), body.from_, body.to, body.timezone),),
    title=lambda entry: f"{_label(entry, 'recipient') or 'all people'} {entry['from']}-{entry['to']}",
    check=quiet_hours.check,
    add=quiet_hours.add,
    replace=quiet_hours.replace,
    remove=quiet_hours.remove,
    refuse=quiet_hours.refuse_endless,
)
SILENCES = Section(
    key="silences",
    singular="silence",
    body=requests.NewSilence,
    references=(
        Reference("board_id", "board", "board"),
        Reference("recipient_id", "recipient", "recipient"),
        Reference("rule_id", "rule", "rule"),
    ),
    stored=lambda services: [
        Stored(row.id, _silence_body(row), row.state == "ended") for row in silences.stored(services)
    ],
    identities=(
        lambda body: (_silenced(body), body.start, body.until),
        lambda body: (_silenced(body), body.until),
        lambda body: (_silenced(body), body.comment),
    ),
    title=lambda entry: f"until {entry['until']}: {entry['comment']}",
    check=silences.check,
    add=silences.add,
    replace=silences.replace,
    remove=silences.end,
    refuse=lambda *_: None,
    complete=lambda stored, wanted: wanted if wanted.start else msgspec.structs.replace(wanted, start=stored.start),
    is_over=lambda body, services: datetime.fromisoformat(body.until) <= services.now(),
)
SECTIONS = (RULES, FORWARDS, QUIET_HOURS, SILENCES)


def located(section: Section, number: int, error: errors.InvalidInput) -> list[errors.FieldError]:
    """Return what is wrong with an entry of the file, by its section and the number it has there, from 1."""
    named = error.errors or (errors.FieldError("", str(error)),)
    in_file = {reference.field: reference.name for reference in section.references}
    return [
        errors.FieldError(f"{section.singular} {number}: {in_file.get(each.field, each.field)}", each.message)
        for each in named
    ]
