"""Say who must be told of what, or why not, from the contract alone: it shares no code with what it judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torture import fixtures

SEND = "send"
AUTHOR, FORWARDED, NOT_ON_WEBEX, TOO_MANY = "author", "forwarded", "not on Webex", "too many"

# The code of each reason in the ledger.
CODES = {"author": AUTHOR, "forwarded": FORWARDED, "no_account": NOT_ON_WEBEX, "too_many_notes": TOO_MANY}


@dataclass(frozen=True)
class Fate:
    """What is to become of one (subject, target): sent, by way of whom, or skipped for a reason."""

    outcome: str
    chain: tuple[str, ...] = ()


Plan = dict[str, Fate]  # by name of the recipient; a member who is not on Webex by his identifier


def announcement(stage: fixtures.Fixtures, board: str, people: Sequence[str]) -> Plan:
    """D2: the recipients of the board's rules and the people of the ticket, its author too."""
    return _plan(stage, [*stage.rules[board], *_tellable(people)], people, author=None)


def update(stage: fixtures.Fixtures, people: Sequence[str], author: str | None, *, too_many: bool) -> Plan:
    """D3, D5, D6: the people of the ticket without the author of the note; too many notes at once are skipped."""
    plan = _plan(stage, [each for each in _tellable(people) if each != author], people, author=author)
    if not too_many:
        return plan
    return {name: Fate(TOO_MANY) if fate.outcome == SEND else fate for name, fate in plan.items()}


def _plan(stage: fixtures.Fixtures, originals: Iterable[str], people: Sequence[str], *, author: str | None) -> Plan:
    plan = _forwarded(stage, set(originals))
    for name in plan:
        if name == author and plan[name].outcome == SEND:
            plan[name] = Fate(AUTHOR)
    if author in _tellable(people):
        plan.setdefault(author, Fate(AUTHOR))
    for name in people:
        if fixtures.MEMBERS[name] == "not on Webex":
            plan[name] = Fate(AUTHOR if name == author else NOT_ON_WEBEX)
    return plan


def _tellable(people: Sequence[str]) -> list[str]:
    """D7: inactive and API members are left out, without a trace in the ledger."""
    return [name for name in people if fixtures.MEMBERS[name] in ("", "two accounts")]


def _forwarded(stage: fixtures.Fixtures, originals: set[str]) -> Plan:
    """F1 to F3, by trying every way."""
    own = {name for name in originals if _keeps(stage, name)}
    plan = {name: Fate(SEND) for name in own} | {name: Fate(FORWARDED) for name in originals - own}
    best: dict[str, tuple[int, tuple[int, ...], tuple[str, ...]]] = {}
    for start in originals:
        for way in _ways(stage, start, ()):
            end = way[-1].destination
            if end not in own and _keeps(stage, end):
                rank = (len(way), tuple(each.id for each in way), tuple(each.source for each in way))
                best[end] = min(best.get(end, rank), rank)
    for end, (_, _, chain) in best.items():
        plan[end] = Fate(SEND, tuple(stage.names[name] for name in chain))
    return plan


def _keeps(stage: fixtures.Fixtures, name: str) -> bool:
    leaving = [each for each in stage.forwards if each.source == name]
    return not leaving or any(each.keep_copy for each in leaving)


def _ways(
    stage: fixtures.Fixtures, start: str, so_far: tuple[fixtures.Forward, ...]
) -> Iterable[tuple[fixtures.Forward, ...]]:
    for each in stage.forwards:
        if each.source == start and each not in so_far:
            yield (*so_far, each)
            yield from _ways(stage, each.destination, (*so_far, each))
