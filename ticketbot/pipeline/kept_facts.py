"""The facts that events were decided on, compressed, so that they can be decided again without any call (T9, R6)."""

from __future__ import annotations

import contextlib
import zlib
from typing import TypeVar

import msgspec

from ticketbot.decide import topics
from ticketbot.decide.values import Facts, Forward, Policy, QuietHours, Rule, Silence
from ticketbot.models import policies
from ticketbot.models.events import Event
from ticketbot.models.notifications import Notification

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Shared(msgspec.Struct, frozen=True):
    """The part of the facts that many events have in common, by the names of the facts."""

    rules: tuple[Rule, ...]
    forwards: tuple[Forward, ...]
    policy: Policy
    silences: tuple[Silence, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()


_NOTHING = Shared((), (), Policy())


def columns(facts: Facts) -> dict[str, object]:
    """Return the columns of an event that keep its facts, of the notes only those that are topics.

    What no event was decided on before, such as a rule or a silence, is stored at once: call it in a transaction.
    """
    shown = {topic.note for topic in topics.topics(facts)}
    notes = tuple(note for note in facts.notes if note in shown)
    own = msgspec.structs.replace(facts, notes=notes, **msgspec.structs.asdict(_NOTHING))
    shared = Shared(**{name: getattr(facts, name) for name in Shared.__struct_fields__})
    return {"facts": _pack(own), "policies_id": policies.id_of(_pack(shared))}


def load(event: Event) -> Facts | None:
    """Return the facts that an event was decided on, None if they are not kept."""
    return None if event.facts is None else unpack(event.facts, shared(event.policies_id))


def of_notification(row: Notification) -> Facts | None:
    """Return the facts that a notification was decided on, None if they are not kept, or by another version."""
    with contextlib.suppress(msgspec.ValidationError):
        return load(row.event) if row.event_id is not None else None
    return None


def shared(policies_id: int) -> Shared:
    """Return the part of the facts that the events of a row have in common."""
    return _unpack(policies.Policies.get_by_id(policies_id).content, Shared)


def unpack(content: bytes, common: Shared) -> Facts:
    """Return the facts of an event."""
    own = _unpack(content, Facts)
    return msgspec.structs.replace(own, **msgspec.structs.asdict(common))


def _pack(value: msgspec.Struct) -> bytes:
    return zlib.compress(msgspec.json.encode(value))


def _unpack(content: bytes, kind: type[StructT]) -> StructT:
    return msgspec.json.decode(zlib.decompress(bytes(content)), type=kind)
