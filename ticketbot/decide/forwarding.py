"""Follow forwards from the original recipients to those who are told (F1 to F7).

The active forwards are a graph. A recipient *keeps* a notification when no forward leads away from them, or one with
`keep_copy` does. Following ends at those that keep it; a recipient who leads only into cycles is settled by F5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from ticketbot.decide.topics import Changed, Topic
from ticketbot.decide.values import Facts, Forward, Recipient

Graph = Mapping[int, Sequence[Forward]]

_ALWAYS = datetime.min.replace(tzinfo=UTC)


class Delivery(msgspec.Struct, frozen=True):
    """A recipient to notify. `path` are the forwards that led there; empty: notified in their own right (F3)."""

    recipient: Recipient
    path: tuple[Forward, ...] = ()

    @property
    def chain(self) -> tuple[str, ...]:
        """Return the names the notification passed on its way, in order, without the recipient's own (F2)."""
        return tuple(step.source.name for step in self.path)


class ForwardedAway(msgspec.Struct, frozen=True):
    """An original recipient whose notification goes to others; `by` are their active forwards."""

    recipient: Recipient
    by: tuple[Forward, ...]


class Routing(msgspec.Struct, frozen=True):
    """Who is told and who is relieved, each in the order of recipient ids (F6)."""

    deliveries: tuple[Delivery, ...]
    relieved: tuple[ForwardedAway, ...]


def is_active(forward: Forward, now: datetime) -> bool:
    """Return whether a forward applies at a moment: `start <= now < end`."""
    return (forward.start is None or forward.start <= now) and (forward.end is None or now < forward.end)


def applying(facts: Facts, topic: Topic) -> list[Forward]:
    """Return the forwards that are not limited to something else than this topic (F9).

    A new ticket counts by its first note, which it shows; a change is no note.
    """
    is_public = not isinstance(topic, Changed) and not (topic.note and topic.note.internal)
    sole = facts.people[0].recipient if len(facts.people) == 1 else None
    return [
        each
        for each in facts.forwards
        if (is_public or not each.public_only) and (not each.only_if_sole or (sole and sole.id == each.source.id))
    ]


def parse_period(start: str | None, end: str | None, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """Return the moments from and until which a forward is active.

    A date without a time is a whole day in `zone`, the end date included; a time without an offset is a time in `zone`,
    the first of the two where the clock is set back, and an hour later where it is set forward over it. Raises
    `ValueError` for anything that is neither.
    """
    return _moment(start, zone, days=0), _moment(end, zone, days=1)


def _moment(text: str | None, zone: tzinfo, *, days: int) -> datetime | None:
    if text is None:
        return None
    try:
        day = _date(text)
        if day is not None:
            return datetime.combine(day + timedelta(days=days), time.min, zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:  # the first and the last days of the calendar, moved by a day or a zone
        raise ValueError(f"{text} is out of range") from error


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def route(originals: Iterable[Recipient], forwards: Iterable[Forward], now: datetime) -> Routing:
    """Apply the active forwards to the original recipients; without forwards the output is the input (F6)."""
    by_id = {recipient.id: recipient for recipient in originals}
    graph = _graph(forwards, now)
    staying = {node for node in by_id if _stops_at(node, graph)} | _only_cycles_ahead(by_id.keys(), graph)
    reached = _shortest_paths(by_id.keys(), graph)
    deliveries = {node: Delivery(by_id[node]) for node in staying}
    for node, path in reached.items():
        if path and node not in deliveries and _stops_at(node, graph):
            deliveries[node] = Delivery(path[-1].destination, path)
    return Routing(
        deliveries=tuple(deliveries[node] for node in sorted(deliveries)),
        relieved=tuple(ForwardedAway(by_id[node], tuple(graph[node])) for node in sorted(by_id) if node not in staying),
    )


def find_cycle(new: Forward, forwards: Iterable[Forward]) -> tuple[Forward, ...] | None:
    """Return the cycle that `new` would close with forwards active at some common time (F4), `new` first; or None.

    It is the shortest one, at the first moment there is one.
    """
    others = [each for each in forwards if each.id != new.id]
    # What is active together at all is active together when the last of them starts: no other moment need be tried.
    for moment in sorted({each.start or _ALWAYS for each in (new, *others)}):
        if is_active(new, moment):
            ways = _shortest_paths([new.destination.id], _graph(others, moment))
            if new.source.id in ways:
                return (new, *ways[new.source.id])
    return None


def _graph(forwards: Iterable[Forward], now: datetime) -> Graph:
    graph: dict[int, list[Forward]] = {}
    for forward in sorted(forwards, key=lambda each: each.id):
        if is_active(forward, now) and forward.source.id != forward.destination.id:
            graph.setdefault(forward.source.id, []).append(forward)
    return graph


def _stops_at(node: int, graph: Graph) -> bool:
    return node not in graph or any(forward.keep_copy for forward in graph[node])


def _reachable(node: int, graph: Graph) -> set[int]:
    """Return all that can be reached from a node by at least one forward."""
    seen: set[int] = set()
    ahead = [node]
    while ahead:
        for forward in graph.get(ahead.pop(), ()):
            if forward.destination.id not in seen:
                seen.add(forward.destination.id)
                ahead.append(forward.destination.id)
    return seen


def _only_cycles_ahead(originals: Collection[int], graph: Graph) -> set[int]:
    """Return the originals that keep a notification because every way out ends in a cycle (F5)."""
    ways = {node: _reachable(node, graph) for node in originals if not _stops_at(node, graph)}
    lost = {node for node, way in ways.items() if not any(_stops_at(each, graph) for each in way)}
    inside = {node for node in lost if node in ways[node]}
    outside = {node for node in lost - inside if not ways[node] & inside}
    return inside | outside


def _shortest_paths(originals: Iterable[int], graph: Graph) -> dict[int, tuple[Forward, ...]]:
    """Return the best path to every node: the shortest, then the one of the lowest forward ids (F3)."""
    best: dict[int, tuple[Forward, ...]] = dict.fromkeys(originals, ())
    rim = sorted(best)
    while rim:
        found: dict[int, tuple[Forward, ...]] = {}
        for node in rim:
            for forward in graph.get(node, ()):
                path = (*best[node], forward)
                known = found.get(forward.destination.id)
                if forward.destination.id not in best and (known is None or _ids(path) < _ids(known)):
                    found[forward.destination.id] = path
        best |= found
        rim = sorted(found)
    return best


def _ids(path: Sequence[Forward]) -> tuple[int, ...]:
    return tuple(forward.id for forward in path)
