"""Each entity of the API as people see it: its names, its columns, and what to say when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from ticketbot.api import responses, sync_responses
from ticketbot.decide import values
from ticketbot.present import meanings, states, text, titles, words

Kind = Literal["id", "reference", "name", "state", "time", "value"]
Read = Callable[[Any], object]


class Column(NamedTuple):
    """One column. Only a `name` may be cut; a `state` has a style of `states`; a `time` may be a datetime.

    A `reference` is the id of something whose name is in the next column: for scripts, not for the eye.
    """

    title: str
    read: Read
    kind: Kind = "value"


class Entity(NamedTuple):
    """One type of object; `title` names one row in a sentence. `newest_first` types only grow."""

    singular: str
    plural: str
    columns: tuple[Column, ...]
    title: Callable[[Any], str]
    empty: str
    newest_first: bool = False
    about: str = ""
    """What such an object is good for, in one sentence."""
    meaning: Callable[[Any], str] = lambda _: ""
    """What the state of a row means for people, or what to do about it; may be empty."""
    main: Callable[[Any], object] = attrgetter("id")
    """The value of a row that is worth copying."""
    dependents: str = ""
    """What is deleted together with a row."""
    word: str = ""
    """What a row is called in a sentence, if not by the singular."""
    removal: tuple[str, str] = ("Delete", "Deleted")
    """What is asked and said when a row is deleted."""

    @property
    def method(self) -> str:
        """Return the singular as methods of the client have it in their names."""
        return self.singular.removesuffix("s").replace("-", "_")

    @property
    def list_method(self) -> str:
        """Return the name of the client's method that lists the rows."""
        return "sync_runs" if self.plural == "syncs" else self.plural.replace("-", "_")

    def named(self, row: Any, *, with_dependents: bool = False) -> str:
        """Return a row with its id, as a question about it names it."""
        title = f"{self.title(row)}{self.dependents if with_dependents else ''}"
        return f"{self.word or self.singular} {row.id}" + (f" ({title})" if title else "")

    def choice(self, row: Any) -> str:
        """Return a row as one that can be chosen; one that is inactive says so."""
        return self.title(row) + (", inactive" if self.state(row) == "inactive" else "")

    def choices(self, rows: Iterable[Any]) -> Iterator[tuple[int, str]]:
        """Yield the id and the name of each row that can be chosen; what is inactive in ConnectWise cannot."""
        return ((row.id, self.choice(row)) for row in rows if not getattr(row, "inactive", False))

    def state(self, row: Any) -> str:
        """Return the state of a row, empty if this type has none."""
        return next((str(column.read(row)) for column in self.columns if column.kind == "state"), "")


class OwnedKey(responses.Key):
    """A key with the name of its user, which the server does not send."""

    user_name: str


def owned_keys(keys: Iterable[responses.Key], users: Iterable[responses.User]) -> list[OwnedKey]:
    """Return keys with the names of their users."""
    names = {user.id: user.name for user in users}
    return [OwnedKey(**msgspec.structs.asdict(key), user_name=names.get(key.user_id, "")) for key in keys]


def details(row: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """Yield every field of a row with its label."""
    for name, value in msgspec.structs.asdict(row).items():
        yield name.replace("_", " ").strip(), value


def known(row: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """Yield what is known of a row with its label, for people: names with their ids, and parts one by one."""
    fields = msgspec.structs.asdict(row)
    for name, value in fields.items():
        stem, _, suffix = name.rpartition("_")
        if value in (None, "", [], False) or (suffix == "id" and fields.get(f"{stem}_name")):
            continue
        label = name.replace("_", " ").strip()
        match value:
            case [sync_responses.SyncPhase(), *_]:
                yield from ((phase.name, words.phase(phase)) for phase in value)
            case [responses.Decision(), *_]:
                yield from ((each.who, f"{each.outcome}: {each.reason}") for each in value)
            case _ if suffix == "name" and f"{stem}_id" in fields:
                number = fields[f"{stem}_id"]
                yield stem, f"{value} ({number})" if number is not None else value
            case _:
                yield label.removesuffix(" at") if isinstance(value, datetime) else label, value


def cell(column: Column, row: Any, moment: Callable[[datetime], str]) -> str:
    """Return a cell as clean text; `moment` formats times."""
    value = column.read(row)
    shown = moment(value) if isinstance(value, datetime) else text.clean(words.value(value))
    return states.label(shown) if column.kind == "state" else shown


def _column(title: str, read: str | Read = "", kind: Kind = "value") -> Column:
    return Column(title, read if callable(read) else attrgetter(read or title), kind)


def _entity(
    singular: str,
    *columns: Column,
    title: Callable[[Any], str] = attrgetter("name"),
    plural: str = "",
    empty: str = "",
    **more: Any,
) -> Entity:
    plural = plural or f"{singular}s"
    return Entity(singular, plural, (_column("id", kind="id"), *columns), title, empty or f"No {plural}", **more)


def board_state(row: responses.Board) -> str:
    """Return the state of a board."""
    return "deleted" if row.deleted else "inactive" if row.inactive else "active"


def ticket_state(row: responses.Ticket) -> str:
    """Return the state of a ticket."""
    return "deleted" if row.deleted else "open" if row.open else "closed"


def board_of(row: responses.Rule) -> str:
    """Return the name of a rule's board."""
    return "all boards" if row.board_id is None else row.board_name or ""


def recipient_of(row: responses.Rule) -> str:
    """Return the name of the room, person or people that a rule notifies."""
    return values.ASSIGNED_PEOPLE if row.target == "assigned" else row.recipient_name or ""


def rule_state(row: responses.Rule) -> str:
    """Return the state of a rule."""
    return "disabled" if not row.enabled else "dry run" if row.dry_run else "enabled"


def rule_title(row: responses.Rule) -> str:
    """Return what names a rule in a sentence."""
    return row.name or f"{board_of(row)} > {recipient_of(row)}"


ALL = (
    _entity(
        "board",
        _column("name", kind="name"),
        _column("kind", lambda row: "project" if row.project else "service"),
        _column("state", board_state, "state"),
        empty="No boards yet. `tbot sync --boards` reads them from ConnectWise",
    ),
    _entity(
        "member",
        _column("identifier"),
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("state", lambda row: "inactive" if row.inactive else "active", "state"),
    ),
    _entity(
        "recipient",
        _column("type"),
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("state", lambda row: "active" if row.active else "inactive", "state"),
        _column("last activity", "last_activity", kind="time"),
        title=lambda row: f"{row.name} ({row.email or row.type})",
        main=lambda row: row.email or row.name,
        about="A recipient is a Webex room or a person.",
        empty="No recipients. `tbot sync --recipients` reads them from Webex",
    ),
    _entity(
        "rule",
        _column("board id", "board_id", kind="reference"),
        _column("board", board_of, kind="name"),
        _column("recipient id", "recipient_id", kind="reference"),
        _column("recipient", recipient_of, kind="name"),
        _column("type", "recipient_type"),
        _column("events", lambda row: ", ".join(row.events)),
        _column("when", lambda row: row.condition or "", kind="name"),
        _column("name", lambda row: row.name or "", kind="name"),
        _column("state", rule_state, "state"),
        title=rule_title,
        about="A rule notifies a room or a person of new tickets on a board.",
        meaning=meanings.rule,
    ),
    _entity(
        "forward",
        _column("source", "source_name", kind="name"),
        _column("destination", "destination_name", kind="name"),
        _column("start", lambda row: words.date_or_time(row.start), "time"),
        _column("end", lambda row: words.date_or_time(row.end), "time"),
        _column("how", titles.limits),
        _column("state", kind="state"),
        title=lambda row: f"{row.source_name} > {row.destination_name}",
        about="A forward sends notifications to someone else, such as during a vacation.",
        meaning=meanings.forward,
    ),
    _entity(
        "silence",
        _column("matches", titles.silence_title, kind="name"),
        _column("start", kind="time"),
        _column("until", kind="time"),
        _column("comment", kind="name"),
        _column("by", "created_by", kind="name"),
        _column("state", kind="state"),
        title=titles.silence_title,
        about="A silence skips notifications for a while, such as during maintenance.",
        meaning=meanings.silence,
        removal=("End", "Ended"),
    ),
    _entity(
        "quiet-hours",
        _column("recipient id", "recipient_id", kind="reference"),
        _column("recipient", titles.people_of, kind="name"),
        _column("days", lambda row: ",".join(row.days)),
        _column("from", "from_"),
        _column("to"),
        _column("time zone", "timezone"),
        _column("urgent", lambda row: row.urgent or "", kind="name"),
        _column("state", lambda row: "enabled" if row.enabled else "disabled", "state"),
        title=titles.quiet_hours_title,
        plural="quiet-hours",
        empty="No quiet hours",
        about="In quiet hours notifications wait, to arrive afterwards as one digest.",
        meaning=meanings.quiet_hours,
        word="quiet hours",
    ),
    _entity(
        "user",
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("created", "created_at", kind="time"),
        title=lambda row: f"{row.name} <{row.email}>",
        about="A user may use Ticketbot with an API key.",
        main=attrgetter("email"),
        dependents=", including all keys",
    ),
    _entity(
        "key",
        _column("user id", "user_id", kind="reference"),
        _column("user", "user_name", kind="name"),
        _column("ends in", "hint"),
        _column("scope"),
        _column("expires", "expires_at", kind="time"),
        _column("created", "created_at", kind="time"),
        _column("last used", "last_used_at", kind="time"),
        title=titles.key_title,
        about="A key lets a user use the command line, this screen and the API.",
        meaning=lambda _: "The key itself was shown once. Create another one for a user who has lost theirs.",
        main=attrgetter("hint"),
    ),
    _entity(
        "ticket",
        _column("summary", kind="name"),
        _column("board", "board_name", kind="name"),
        _column("company", kind="name"),
        _column("status", kind="name"),
        _column("state", ticket_state, "state"),
        title=attrgetter("summary"),
        about="Tickets are stored as soon as something happens to them, or by a sync.",
    ),
    _entity(
        "event",
        _column("received", "first_received_at", kind="time"),
        _column("ticket", "ticket_id", kind="id"),
        _column("source"),
        _column("state", kind="state"),
        _column("tries", "attempts"),
        _column("error", kind="name"),
        title=lambda row: f"of ticket {row.ticket_id}",
        main=attrgetter("ticket_id"),
        newest_first=True,
        about="An event is a change to a ticket, to be processed once.",
        meaning=meanings.event,
    ),
    _entity(
        "notification",
        _column("decided", "created_at", kind="time"),
        _column("ticket", "ticket_id", kind="id"),
        _column("kind"),
        _column("recipient", "recipient_name", kind="name"),
        _column("state", titles.notification_state, "state"),
        _column("why", titles.why, kind="name"),
        title=lambda row: f"to {row.recipient_name} about ticket {row.ticket_id}",
        main=attrgetter("ticket_id"),
        newest_first=True,
        about="They appear as soon as tickets change; rules and assignments say who is notified.",
        meaning=meanings.notification,
    ),
    _entity(
        "change",
        _column("at", kind="time"),
        _column("user", "user_email", kind="name"),
        _column("action"),
        _column("object"),
        _column("object id", "object_id", kind="id"),
        _column("what", lambda row: words.changes(row.before, row.after), kind="name"),
        title=lambda row: f"{row.action} {row.object} {row.object_id or ''}".rstrip(),
        main=lambda row: row.object_id or row.object,
        plural="audit",
        empty="No changes",
        newest_first=True,
    ),
    _entity(
        "sync",
        _column("started", "started_at", kind="time"),
        _column("took", lambda row: words.duration(row.started_at, row.finished_at)),
        _column("state", kind="state"),
        _column("progress", words.progress, kind="name"),
        _column("errors", "error_count"),
        _column("requested by", "requested_by", kind="name"),
        title=lambda row: f"requested by {row.requested_by}" if row.requested_by else "",
        about="A sync reads boards, recipients and tickets from ConnectWise and Webex.",
        empty="No syncs. `tbot sync --all` starts one",
        newest_first=True,
    ),
)

BY_PLURAL = {entity.plural: entity for entity in ALL}
BY_SINGULAR = {entity.singular: entity for entity in ALL}
