"""What people fill in to add or change something: fields, and what is wrong with the values, for every interface.

A value is a text, a boolean, or what was chosen: an id, or a list of ids. `read` turns values into a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from ticketbot import errors
from ticketbot.api import calm_responses, requests, responses, validation
from ticketbot.present import words

Kind = Literal["text", "condition", "date", "check", "choice", "choices"]
Values = Mapping[str, Any]

_PARTS_OF_DATE = ("[12]", "[0-9]", "[0-9]", "[0-9]", "-", "[01]", "[0-9]", "-", "[0-3]", "[0-9]")
_DATES = "2026-03-01 or 2026-03-01T09:00"


NULL = 0
"""The id of a choice that stands for null; no row has it."""


class Field(NamedTuple):
    """One value of a request.

    `choose_from` is the plural of an entity, `options` are texts to choose from, and `null` is a choice that stands for
    null; `empty` says what no choice means. An `optional` text may be left empty; a `mark` may precede the value.
    """

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    choose_from: str = ""
    empty: str = ""
    initial: Any = None
    options: tuple[str, ...] = ()
    null: str = ""
    optional: bool = False
    mark: str = ""


class Form(NamedTuple):
    """Fields that make a request; `check` yields what is wrong with the values taken together.

    `complete` adds to valid values what follows from them. `trials` are what can be done with valid values before they
    are saved: `try` and `backtest` (R6, N3).
    """

    title: str
    button: str
    request: type[requests.RequestModel]
    fields: tuple[Field, ...]
    check: Callable[[Values], Iterable[errors.FieldError]] = lambda _: ()
    complete: Callable[[dict[str, Any]], dict[str, Any]] = lambda values: values
    trials: tuple[str, ...] = ()


class TicketNumber(requests.RequestModel):
    """The number of a ticket to go to."""

    ticket_id: requests.Id


def initial(field: Field, row: Any = None) -> Any:
    """Return the value that a field starts with; of a row to be changed, its own."""
    value = field.initial if row is None else getattr(row, field.name)
    if row is not None and value is None and field.null:
        return NULL
    if field.kind in ("text", "date") and value is not None:
        return value.isoformat() if isinstance(value, datetime) else str(value)
    return {"check": False, "choice": None, "choices": []}.get(field.kind, "") if value is None else value


def problem(form: Form, field: Field, value: Any, *, is_complete: bool) -> str:
    """Return what is wrong with one value, empty if nothing is; an incomplete one may still become right."""
    given = _given(field, value)
    if field.kind == "date":
        message = words.date_problem(given) if given and (is_complete or not _may_become_a_date(given)) else None
        return errors.sentence(message) if message else ""
    if not is_complete:
        return ""
    if field.kind == "choice" and value is None:
        return "Required. Type part of the name."
    if given is None:
        return ""
    kind = next(each.type for each in msgspec.structs.fields(form.request) if each.name == field.name)
    wrong = validation.wrong_value(field.name, given, kind, strict=field.kind not in ("text", "condition"))
    return errors.sentence(wrong[0].message) if wrong else ""


def problems(form: Form, values: Values, *, complete: Iterable[str] | None = None) -> Iterator[errors.FieldError]:
    """Yield what is wrong with the values; only those named in `complete`, by default all, must be complete."""
    wrong = set()
    for field in form.fields:
        is_complete = complete is None or field.name in complete
        if message := problem(form, field, values[field.name], is_complete=is_complete):
            wrong.add(field.name)
            yield errors.FieldError(field.name, message)
    for each in form.check(values):
        was_filled_in = complete is None or each.field in complete or values[each.field]
        if was_filled_in and each.field not in wrong and (complete is None or not wrong):
            yield each


def read(form: Form, values: Values) -> dict[str, Any]:
    """Return the valid values of a request by name. Raises `InvalidInput` that names every field that is wrong."""
    if wrong := list(problems(form, values)):
        raise errors.InvalidInput("The form is not valid", wrong)
    encoded = {each.name: each.encode_name for each in msgspec.structs.fields(form.request)}
    given = {encoded[field.name]: _given(field, values[field.name]) for field in form.fields}
    converted = msgspec.convert(given, form.request, strict=False)
    return form.complete({field.name: getattr(converted, field.name) for field in form.fields})


def _given(field: Field, value: Any) -> Any:
    """Return a value as the request wants it: without surrounding spaces, and without its mark."""
    if not isinstance(value, str):
        return None if field.null and value == NULL else value
    text = value.strip().removeprefix(field.mark)
    return None if not text and (field.kind == "date" or field.optional) else text


def _may_become_a_date(text: str) -> bool:
    """Return whether a date can begin with this text, such as `2026-0`."""
    if len(text) >= len(_PARTS_OF_DATE) or not re.fullmatch("".join(_PARTS_OF_DATE[: len(text)]), text):
        return False
    return len(text) < len("2026-13") or 1 <= int(text[5:7]) <= 12


def _end_is_after_start(values: Values) -> Iterator[errors.FieldError]:
    start, end = (_moment(values[name].strip()) for name in ("start", "end"))
    if start and end and end.date() < start.date():
        yield errors.FieldError("end", "The end is before the start.")


def _moment(text: str) -> datetime | None:
    return None if words.date_problem(text) else datetime.fromisoformat(text)


def _something_is_checked(values: Values) -> Iterator[errors.FieldError]:
    if not any(values[name] for name in ("boards", "recipients", "tickets")):
        yield errors.FieldError("boards", "Check at least one of the three.")


def _silence_is_complete(values: Values) -> Iterator[errors.FieldError]:
    if not any(_given(field, values[field.name]) for field in _SILENCED):
        yield errors.FieldError("board_id", "Name at least one of these five.")
    if not values["until"].strip():
        yield errors.FieldError("until", "Required.")
    start, end = (_moment(values[name].strip()) for name in ("start", "until"))
    if start and end and end.date() < start.date():
        yield errors.FieldError("until", "The end is before the start.")


def _with_target(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"target": "assigned" if values["recipient_id"] is None else "recipient"}


_RULE = (
    Field("board_id", "Board", "choice", choose_from="boards", null="(all boards)"),
    Field("recipient_id", "Recipient", "choice", choose_from="recipients", null="(the assigned people)"),
    Field("events", "Events", "choices", initial=["new"], options=get_args(responses.RuleEvent)),
    Field("condition", "Condition", "condition", "Such as: priority_sort <= 3; empty: always.", optional=True),
    Field("name", "Name", hint="Messages show it; may be empty.", optional=True),
    Field("dry_run", "Dry run", "check", "record who would be notified, and send nothing"),
)
_PERIOD = (
    Field("start", "Start", "date", f"{_DATES}; empty: immediately."),
    Field("end", "End", "date", f"{_DATES}; empty: no end."),
    Field("keep_copy", "Keep a copy", "check", "also deliver to the source"),
    Field("public_only", "Public only", "check", "no internal notes and no changes"),
    Field("only_if_sole", "Only if sole", "check", "only tickets with no one else assigned"),
)

_SILENCED = (
    Field("board_id", "Board", "choice", choose_from="boards", null="(any board)", initial=NULL),
    Field("ticket_id", "Ticket number", hint="4711 or #4711; empty: any.", mark="#", optional=True),
    Field("company", "Company", hint="Its name, as in ConnectWise; empty: any.", optional=True),
    Field("recipient_id", "Recipient", "choice", choose_from="recipients", null="(any recipient)", initial=NULL),
    Field("rule_id", "Rule", "choice", choose_from="rules", null="(any reason)", initial=NULL),
)
_SILENCE = (
    *_SILENCED,
    Field("start", "Start", "date", f"{_DATES}; empty: now."),
    Field("until", "Until", "date", f"{_DATES}; a date is included."),
    Field("comment", "Comment", hint="Why; explanations show it."),
)
_QUIET_HOURS = (
    Field("recipient_id", "Recipient", "choice", choose_from="recipients", null="(all people)"),
    Field("days", "Days", "choices", "On which they begin.", options=get_args(calm_responses.Weekday)),
    Field("from_", "From", hint="Such as 18:00."),
    Field("to", "To", hint="Such as 08:00, on the next day if it is not after the start."),
    Field("timezone", "Time zone", hint="Such as Europe/Berlin; empty: that of the server.", optional=True),
    Field("urgent", "Urgent if", hint="Such as: priority_sort <= 1; empty: nothing is urgent.", optional=True),
)

_TICKET_NUMBER = Field("ticket_id", "Ticket number", hint="4711 or #4711", mark="#")

_RULE_TRIALS = ("try", "backtest")

NEW_RULE = Form("New rule", "Add rule", requests.NewRule, _RULE, complete=_with_target, trials=_RULE_TRIALS)
CHANGE_RULE = Form("Change rule", "Save", requests.RuleChanges, _RULE, complete=_with_target, trials=_RULE_TRIALS)
TRY_RULE = Form(
    "Try the rule on a ticket",
    "Try",
    requests.TryRequest,
    (
        _TICKET_NUMBER,
        Field("event", "Event", "choice", "What happens to it.", options=get_args(responses.RuleEvent), initial="new"),
    ),
)
NEW_FORWARD = Form(
    "New forward",
    "Add forward",
    requests.NewForward,
    (
        Field("source_id", "From", "choice", choose_from="recipients"),
        Field("destination_id", "To", "choice", choose_from="recipients"),
        *_PERIOD,
    ),
    _end_is_after_start,
)
CHANGE_FORWARD = Form("Change forward", "Save", requests.ForwardChanges, _PERIOD, _end_is_after_start)
NEW_SILENCE = Form(
    "New silence", "Add silence", requests.NewSilence, _SILENCE, _silence_is_complete, trials=("backtest",)
)
CHANGE_SILENCE = Form(
    "Change silence", "Save", requests.SilenceChanges, _SILENCE, _silence_is_complete, trials=("backtest",)
)
NEW_QUIET_HOURS = Form("New quiet hours", "Add quiet hours", requests.NewQuietHours, _QUIET_HOURS)
CHANGE_QUIET_HOURS = Form("Change quiet hours", "Save", requests.QuietHoursChanges, _QUIET_HOURS)
NEW_USER = Form(
    "New user",
    "Add user",
    requests.NewUser,
    (
        Field("name", "Name"),
        Field("email", "E-mail", hint="Used to identify the user; no e-mail is sent."),
    ),
)
NEW_KEY = Form(
    "New key",
    "Create key",
    requests.NewKey,
    (
        Field("user_id", "User", "choice", choose_from="users"),
        Field("scope", "Scope", "choice", "What it allows.", options=get_args(responses.Scope), initial="admin"),
        Field("expires_at", "Expires", "date", f"{_DATES}; a date is included; empty: never."),
    ),
)
NEW_SYNC = Form(
    "New sync",
    "Start sync",
    requests.SyncRequest,
    (
        Field("boards", "Boards", "check", "all boards and their statuses", initial=True),
        Field("recipients", "Recipients", "check", "Webex rooms and people", initial=True),
        Field("tickets", "Tickets", "check", "open tickets and their notes", initial=True),
        Field("board_ids", "Ticket boards", "choices", "Only tickets of these boards.", "boards", "all boards"),
        Field("force", "Force", "check", "even if most stored rows would be removed"),
    ),
    _something_is_checked,
)
GO_TO_TICKET = Form("Go to ticket", "Show", TicketNumber, (_TICKET_NUMBER,))
PREVIEW = Form(
    "Who would get it?",
    "Show",
    requests.PreviewQuery,
    (
        Field("recipient_id", "Meant for", "choice", choose_from="recipients"),
        Field("at", "At", "date", f"{_DATES}; empty: now."),
    ),
)
CONFIGURATION = Form(
    "Configuration",
    "Save",
    requests.ConfigChanges,
    (
        Field("attempt_notify", "Notifications", "check", "send notifications; while off, what is decided is skipped"),
        Field("max_message_length", "Note length", hint="Characters of a note that a message shows, 50 to 4000."),
        Field("max_concurrent_syncs", "Parallel lookups", hint="Of a sync, 1 to 50."),
        Field("require_board_rule", "Require a rule", "check", "notify nobody of a board that has no rule"),
        Field("catch_up_interval", "Catch up every", hint="Seconds between looks for lost webhooks; 0: never."),
        Field("retention_days", "Keep for", hint="Days that the history is kept; 0: forever."),
        Field(
            "assigned_events",
            "Assigned people",
            "choices",
            "What they are notified of without a rule.",
            options=get_args(responses.RuleEvent),
        ),
        Field(
            "threads",
            "Threads",
            "choice",
            "Where notes reply to the first message.",
            options=get_args(responses.Threads),
        ),
        Field("panel", "Web panel", "check", "serve these pages; messages link to them"),
        Field(
            "sync_schedule",
            "Sync at",
            hint="Every day, such as 03:00; tickets on Sundays; empty: never.",
            optional=True,
        ),
        Field(
            "alert_recipient_id",
            "Alerts to",
            "choice",
            "Who is told of problems.",
            "recipients",
            null="nobody",
            initial=NULL,
        ),
        Field("alert_url", "Alert address", hint="Gets problems as JSON; a secret, shown as ***.", optional=True),
        Field("alert_silence_minutes", "Alert after", hint="Minutes without webhooks in business hours; 0: never."),
        Field("business_hours", "Business hours", hint="Such as mon-fri 08:00-18:00; sat 09:00-13:00"),
        Field("heartbeat_url", "Heartbeat address", hint="Called every minute while all is well.", optional=True),
    ),
)
"""Every setting of the runtime configuration; a test compares it with `requests.ConfigChanges`."""
