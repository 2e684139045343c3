"""trial-is-true: decide again on the facts of finished events, and compare: `python -m torture.trial <url>`.

This is the only check that uses code of the program under test, so it runs as a separate process.
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
    """Print the events whose facts give other decisions than those stored; return 1 if there are any."""
    db.open_database(url)
    different = checked = 0
    with db.session():
        for row in events.Event.select().where(events.Event.facts.is_null(False)):
            facts = kept_facts.load(row)
            assert facts is not None
            checked += 1
            stored = msgspec.convert(row.decisions, tuple[Decision, ...])
            if plan.decide(facts).decisions != stored:
                different += 1
                print(f"event {row.id} of ticket {row.ticket_id} would be decided differently")
    print(f"{checked} events decided again")
    return 1 if different or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
