"""Photograph the pages of the web panel in a real browser: part of `make pictures`. Needs Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser import conftest as browser
from tests.server.api_server import Api
from tests.tui import seed
from ticketbot.models import schema
from ticketbot.simulators.webex import Webex

FOLDER = Path("docs/pictures")
SIZE = {"width": 1100, "height": 640}


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder, _lead(Path(folder) / "tbot.sqlite3") as page:
        page.goto("/panel/tickets/4711")
        page.screenshot(path=FOLDER / "panel-story.png", full_page=True)
        page.goto("/panel/notifications")
        page.screenshot(path=FOLDER / "panel-notifications.png")
        page.goto("/panel/rules/1/change")
        page.get_by_label("Condition").fill('company == "Hanrahan"')
        page.get_by_label("Ticket number").fill("4711")
        page.get_by_role("button", name="Try it on this ticket").click()
        page.screenshot(path=FOLDER / "panel-rule.png", full_page=True)


@contextmanager
def _lead(path: Path) -> Iterator[Page]:
    """Yield the page of a lead on the seeded service desk, with some more that happened."""
    with browser.opened(path), sync_playwright() as playwright:
        schema.migrate()
        api = Api(Webex())
        seed.fill(api.clock.now())
        later = api.clock.now() + timedelta(minutes=20)
        seed.notify(later, 1, "Help Desk", rule=1, ticket_id=4712, number=2)
        seed.notify(later, 4, "Ana Alvarez", assigned="owner", ticket_id=4712, number=2)
        with browser.serving(api) as office:
            chromium = playwright.chromium.launch(executable_path=browser.CHROMIUM, args=["--no-sandbox"])
            with browser.window(chromium, office, viewport=SIZE, color_scheme="light") as window:
                yield browser.sign_in(window.new_page())
            chromium.close()


if __name__ == "__main__":
    main()
