"""trial-is-true: decide again on the facts that events have kept, and compare: `python -m torture.trial <url>`.

It runs in a process of its own, since this is the one check that uses the program it judges.
"""

from __future__ import annotations

import sys

import msgspec

from ticketbot.database import db
from ticketbot.decide import plan
from ticketbot.decide.values import Decision
from ticketbot.models import events
from ticketbot.pipeline import kept_facts


def main(url: str) -> int:
    """Print the events whose facts lead to other decisions than those stored. Returns 1 if there are any."""
    db.open_database(url)
    wrong = checked = 0
    with db.session():
        for row in events.Event.select().where(events.Event.facts.is_null(False)):
            facts = kept_facts.load(row)
            assert facts is not None
            checked += 1
            stored = msgspec.convert(row.decisions, tuple[Decision, ...])
            if plan.decide(facts).decisions != stored:
                wrong += 1
                print(f"event {row.id} of ticket {row.ticket_id} would be decided differently")
    print(f"{checked} events decided again")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
