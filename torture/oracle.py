"""The decisions that the contract demands, computed without any code of the program under test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from torture import fixtures

SEND = "send"
AUTHOR, FORWARDED, NOT_ON_WEBEX, TOO_MANY = "author", "forwarded", "not on Webex", "too many"

# The code of each reason in the ledger.
CODES = {"author": AUTHOR, "forwarded": FORWARDED, "no_account": NOT_ON_WEBEX, "too_many_notes": TOO_MANY}


@dataclass(frozen=True)
class Decision:
    """The decision about one (subject, target): sent, through which forwards, or skipped for which reason."""

    outcome: str
    chain: tuple[str, ...] = ()


def outcome(state: str, reason: str) -> str:
    """Return the outcome that a row of the ledger stands for, by its state and the code of its first reason."""
    if state in ("sent", "dead"):
        return SEND
    return CODES.get(reason, reason) if state == "skipped" else state


Decisions = dict[str, Decision]  # by name of the recipient; a member who is not on Webex by identifier


def announcement(setup: fixtures.Setup, board: str, people: Sequence[str]) -> Decisions:
    """Return the decisions about a new ticket (D2): the board's rules and the assigned people, its author too."""
    return _decisions(setup, [*setup.rules[board], *_notifiable(people)], people, author=None)


def update(setup: fixtures.Setup, people: Sequence[str], author: str | None, *, too_many: Collection[str]) -> Decisions:
    """Return the decisions about a note (D3, D5, D6): the assigned people without its author.

    `too_many` are the recipients for whom it is not among the newest five.
    """
    decisions = _decisions(setup, [each for each in _notifiable(people) if each != author], people, author=author)
    return {
        name: Decision(TOO_MANY) if each.outcome == SEND and name in too_many else each
        for name, each in decisions.items()
    }


def _decisions(
    setup: fixtures.Setup, recipients: Iterable[str], people: Sequence[str], *, author: str | None
) -> Decisions:
    decisions = _forwarded(setup, set(recipients))
    for name in decisions:
        if name == author and decisions[name].outcome == SEND:
            decisions[name] = Decision(AUTHOR)
    if author in _notifiable(people):
        decisions.setdefault(author, Decision(AUTHOR))
    for name in people:
        if fixtures.MEMBERS[name] == "not on Webex":
            decisions[name] = Decision(AUTHOR if name == author else NOT_ON_WEBEX)
    return decisions


def _notifiable(people: Sequence[str]) -> list[str]:
    """Leave out inactive and API members, who never appear in the ledger (D7)."""
    return [name for name in people if fixtures.MEMBERS[name] in ("", "two accounts")]


def _forwarded(setup: fixtures.Setup, recipients: set[str]) -> Decisions:
    """Apply forwards (F1 to F3) by trying every path."""
    own = {name for name in recipients if _keeps(setup, name)}
    decisions = {name: Decision(SEND) for name in own} | {name: Decision(FORWARDED) for name in recipients - own}
    best: dict[str, tuple[int, tuple[int, ...], tuple[str, ...]]] = {}
    for start in recipients:
        for path in _paths(setup, start, ()):
            end = path[-1].destination
            if end not in own and _keeps(setup, end):
                rank = (len(path), tuple(each.id for each in path), tuple(each.source for each in path))
                best[end] = min(best.get(end, rank), rank)
    for end, (_, _, chain) in best.items():
        decisions[end] = Decision(SEND, tuple(setup.names[name] for name in chain))
    return decisions


def _keeps(setup: fixtures.Setup, name: str) -> bool:
    outgoing = [each for each in setup.forwards if each.source == name]
    return not outgoing or any(each.keep_copy for each in outgoing)


def _paths(
    setup: fixtures.Setup, start: str, so_far: tuple[fixtures.Forward, ...]
) -> Iterable[tuple[fixtures.Forward, ...]]:
    for each in setup.forwards:
        if each.source == start and each not in so_far:
            yield (*so_far, each)
            yield from _paths(setup, each.destination, (*so_far, each))
