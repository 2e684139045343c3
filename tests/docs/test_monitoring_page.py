"""docs/monitoring.md: its lines of the log are those that are logged (O1); tables and queries: `tests/deploy`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ticketbot import errors
from ticketbot.models import outages
from ticketbot.pipeline import service_outages

PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
SINCE = datetime(2026, 3, 10, 12, 0, 1, tzinfo=UTC)


def test_the_two_lines_of_an_outage_are_as_shown(caplog: pytest.LogCaptureFixture) -> None:
    error = errors.RemoteUnavailable("Webex answered 503", service="webex", status=503)
    row = outages.Outage(source="messages", service="webex", since=SINCE, denied=False, reason=str(error))
    service_outages.log_start("messages", error, SINCE)
    service_outages.log_end(service_outages.Ended(row, 2, 71), SINCE + timedelta(seconds=270))
    log = PAGE.read_text(encoding="utf-8").partition("## The log")[2]
    shown = re.findall(r"^```\n(.*?)^```", log, re.M | re.S)
    assert shown == ["".join(f"{record.getMessage()}\n" for record in caplog.records)]


def test_the_page_fits_on_a_few_screens() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) < 150
