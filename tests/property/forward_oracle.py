"""A brute-force oracle of forwards: every path is followed to its end, as F1 to F5 say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ticketbot.decide.values import Forward

Path = tuple[Forward, ...]

_ALWAYS, _FOREVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Walk(NamedTuple):
    """A path from a recipient to its end, or the recipients of the cycle it runs into."""

    path: Path
    cycle: frozenset[int] = frozenset()


class Outcome(NamedTuple):
    """Notified recipients with their path (empty: directly), and those whose notification went to others."""

    notified: dict[int, tuple[int, ...]]
    relieved: frozenset[int]


def expected_outcome(originals: Sequence[int], forwards: Sequence[Forward], now: datetime) -> Outcome:
    """Return recipient_id is notified, by a literal reading of the clauses."""
    active = [each for each in forwards if (each.start or _ALWAYS) <= now < (each.end or _FOREVER)]

    def keeps(recipient_id: int) -> bool:
        outgoing = [each for each in active if each.source.id == recipient_id]
        return not outgoing or any(each.keep_copy for each in outgoing)  # F1

    walks = {recipient_id: list(_walks(recipient_id, active)) for recipient_id in originals}
    arrivals = {
        recipient_id: [walk.path for walk in walks[recipient_id] if walk.path and keeps(walk.path[-1].destination.id)]
        for recipient_id in walks
    }
    cycles = {recipient_id: frozenset().union(*(walk.cycle for walk in walks[recipient_id])) for recipient_id in walks}
    lost = {recipient_id for recipient_id in originals if not keeps(recipient_id) and not arrivals[recipient_id]}
    in_cycle = {recipient_id for recipient_id in lost if recipient_id in cycles[recipient_id]}
    stays = (
        {recipient_id for recipient_id in originals if keeps(recipient_id)}
        | in_cycle
        | {recipient_id for recipient_id in lost if not cycles[recipient_id] & in_cycle}
    )
    notified: dict[int, tuple[int, ...]] = dict.fromkeys(stays, ())
    for path in sorted(
        (path for paths in arrivals.values() for path in paths), key=lambda path: (len(path), _ids(path))
    ):
        notified.setdefault(path[-1].destination.id, _ids(path))  # F3
    return Outcome(notified, frozenset(originals) - stays)


def closes_cycle(new: Forward, others: Sequence[Forward]) -> bool:
    """Return whether `new` is part of a cycle whose forwards are all active at some time (F4)."""
    return any(
        overlap((new, *walk.path)) and (walk.path[-1] if walk.path else new).destination.id == new.source.id
        for walk in [Walk(()), *_walks(new.destination.id, list(others))]
    )


def overlap(forwards: Sequence[Forward]) -> bool:
    """Return whether all forwards are active at some common time."""
    return max((each.start or _ALWAYS) for each in forwards) < min((each.end or _FOREVER) for each in forwards)


def _walks(start: int, forwards: Sequence[Forward], path: Path = ()) -> Iterator[Walk]:
    """Yield every path without a repeated recipient, and every path that runs into a cycle."""
    nodes = [start, *(step.destination.id for step in path)]
    for step in forwards:
        if step.source.id != nodes[-1]:
            continue
        if step.destination.id in nodes:
            yield Walk((), frozenset(nodes[nodes.index(step.destination.id) :]))
        else:
            yield Walk((*path, step))
            yield from _walks(start, forwards, (*path, step))


def _ids(path: Path) -> tuple[int, ...]:
    return tuple(step.id for step in path)
