"""The facts that events were decided on, compressed, so that they can be decided again without any call (T9, R6)."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from ticketbot.decide import topics
from ticketbot.decide.values import Facts, Forward, Policy, Rule
from ticketbot.models import policies
from ticketbot.models.events import Event

StructT = TypeVar("StructT", bound=msgspec.Struct)


class Shared(msgspec.Struct, frozen=True):
    """The part of the facts that many events have in common."""

    rules: tuple[Rule, ...]
    forwards: tuple[Forward, ...]
    policy: Policy


def columns(facts: Facts) -> dict[str, object]:
    """Return the columns of an event that keep its facts, of the notes only those that are topics.

    Rules, forwards and configuration that no event was decided on before are stored at once: call it in a transaction.
    """
    shown = {topic.note for topic in topics.topics(facts)}
    notes = tuple(note for note in facts.notes if note in shown)
    own = msgspec.structs.replace(facts, rules=(), forwards=(), policy=Policy(), notes=notes)
    shared = Shared(facts.rules, facts.forwards, facts.policy)
    return {"facts": _pack(own), "policies_id": policies.id_of(_pack(shared))}


def load(event: Event) -> Facts | None:
    """Return the facts that an event was decided on, None if they are not kept."""
    return None if event.facts is None else unpack(event.facts, shared(event.policies_id))


def shared(policies_id: int) -> Shared:
    """Return the part of the facts that the events of a row have in common."""
    return _unpack(policies.Policies.get_by_id(policies_id).content, Shared)


def unpack(content: bytes, common: Shared) -> Facts:
    """Return the facts of an event."""
    own = _unpack(content, Facts)
    return msgspec.structs.replace(own, rules=common.rules, forwards=common.forwards, policy=common.policy)


def _pack(value: msgspec.Struct) -> bytes:
    return zlib.compress(msgspec.json.encode(value))


def _unpack(content: bytes, kind: type[StructT]) -> StructT:
    return msgspec.json.decode(zlib.decompress(bytes(content)), type=kind)
