"""Who is told by forwards, worked out the slow way: every way is walked to its end, as product.md F1 to F5 say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ticketbot.decide.values import Forward

Path = tuple[Forward, ...]

_ALWAYS, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Walk(NamedTuple):
    """A way from a recipient to where it ends; `circle` holds those it goes around in for ever, if it does."""

    path: Path
    circle: frozenset[int] = frozenset()


class Outcome(NamedTuple):
    """Told recipients with their way (empty: in their own right), and those whose notification went to others."""

    told: dict[int, tuple[int, ...]]
    relieved: frozenset[int]


def work_out(originals: Sequence[int], forwards: Sequence[Forward], now: datetime) -> Outcome:
    """Return who is told, read literally from the clauses."""
    active = [each for each in forwards if (each.start or _ALWAYS) <= now < (each.end or _FOR_EVER)]

    def keeps(who: int) -> bool:
        leaving = [each for each in active if each.source.id == who]
        return not leaving or any(each.keep_copy for each in leaving)  # F1

    walks = {who: list(_walks(who, active)) for who in originals}
    arrivals = {
        who: [walk.path for walk in walks[who] if walk.path and keeps(walk.path[-1].destination.id)] for who in walks
    }
    circles = {who: frozenset().union(*(walk.circle for walk in walks[who])) for who in walks}
    lost = {who for who in originals if not keeps(who) and not arrivals[who]}
    in_circle = {who for who in lost if who in circles[who]}
    stays = {who for who in originals if keeps(who)} | in_circle | {who for who in lost if not circles[who] & in_circle}
    told: dict[int, tuple[int, ...]] = dict.fromkeys(stays, ())
    for path in sorted(
        (path for paths in arrivals.values() for path in paths), key=lambda path: (len(path), _ids(path))
    ):
        told.setdefault(path[-1].destination.id, _ids(path))  # F3
    return Outcome(told, frozenset(originals) - stays)


def closes_circle(new: Forward, others: Sequence[Forward]) -> bool:
    """Return whether `new` is part of any circle whose forwards have a moment in common (F4)."""
    return any(
        has_common_moment((new, *walk.path)) and (walk.path[-1] if walk.path else new).destination.id == new.source.id
        for walk in [Walk(()), *_walks(new.destination.id, list(others))]
    )


def has_common_moment(forwards: Sequence[Forward]) -> bool:
    """Return whether all of them are active together at some time."""
    return max((each.start or _ALWAYS) for each in forwards) < min((each.end or _FOR_EVER) for each in forwards)


def _walks(start: int, forwards: Sequence[Forward], path: Path = ()) -> Iterator[Walk]:
    """Yield every way that passes nobody twice, and every way that comes back to somebody it has passed."""
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
