"""D7, S2: whose account an address leads to."""

from __future__ import annotations

from datetime import UTC, datetime

from ticketbot.database import db
from ticketbot.models import recipients

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_an_account_that_vanished_is_not_found_by_its_address(database: str) -> None:
    with db.transaction("test"):
        found = recipients.WebexPerson("webex-ana", "Ana Alvarez", ["ana@msp.example", "a.alvarez@msp.example"], None)
        recipients.store_people("ana@msp.example", [found], NOW)
        both = recipients.people_by_email(["ana@msp.example", "a.alvarez@msp.example"])
        assert [[row.name for row in rows] for rows in both.values()] == [["Ana Alvarez"]] * 2
        recipients.deactivate(["webex-ana"])
        assert recipients.people_by_email(["ana@msp.example"]) == {}
