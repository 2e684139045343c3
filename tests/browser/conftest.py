"""A real browser on the real application: Debian's Chromium, driven by Playwright.

The database is filled once; each test gets a copy. A page that breaks its Content-Security-Policy, loads anything from
elsewhere or raises an error in a script fails its test.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.server.api_server import Api
from tests.tui import seed
from ticketbot.database import db
from ticketbot.models import schema
from ticketbot.server import listener
from ticketbot.simulators.webex import Webex

CHROMIUM = os.environ.get("TBOT_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"


class Office:
    """A server with the seeded service desk, and what the browser complained about."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self.url = url
        self.complaints: list[str] = []

    def watch(self, page: Page) -> Page:
        """Note what a page must never do."""

        def note_console(message: ConsoleMessage) -> None:
            if message.type == "error" and "status of 4" not in message.text:
                self.complaints.append(message.text)

        def note_request(request: Request) -> None:
            if not request.url.startswith((self.url, "data:")):
                self.complaints.append(f"loaded {request.url}")

        page.on("console", note_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", note_request)
        return page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Yield the browser of the session."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the database that each test gets a copy of."""
    path = tmp_path_factory.mktemp("browser") / "tbot.sqlite3"
    with opened(path):
        schema.migrate()
        api = Api(Webex())
        seed.fill(api.clock.now())
        seed.ticket(api.clock.now(), 4720, HOSTILE, HOSTILE)
        seed.notify(api.clock.now(), 3, HOSTILE, rule=3, state="dead", error=HOSTILE, ticket_id=4720, number=1)
    return path


@contextmanager
def opened(path: Path) -> Iterator[None]:
    """Open a database for the time of the block."""
    db.open_database(f"sqlite:///{path}")
    try:
        yield
    finally:
        db.close_database()


@pytest.fixture
def office(filled: Path, tmp_path: Path) -> Iterator[Office]:
    """Yield a server on a copy of the database."""
    path = tmp_path / "tbot.sqlite3"
    with closing(sqlite3.connect(filled)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    with opened(path), serving(Api(Webex())) as here:
        yield here
    assert not here.complaints


@contextmanager
def serving(api: Api) -> Iterator[Office]:
    """Serve an application at an address of this machine."""
    (http,), listeners = listener.listen([listener.Endpoint(api.app, "127.0.0.1", 0)])
    thread = threading.Thread(target=http.run, daemon=True)
    thread.start()
    try:
        yield Office(api, listener.address(http))
    finally:
        for each in listeners:
            each.trigger.pull_trigger(each.close)
        http.task_dispatcher.shutdown()
        thread.join(5)


@contextmanager
def window(chromium: Browser, office: Office, **options: Any) -> Iterator[BrowserContext]:
    """Yield a window of its own, with the clock of Berlin unless the options say otherwise."""
    context = chromium.new_context(base_url=office.url, **{"timezone_id": "Europe/Berlin", **options})
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        context.close()


def sign_in(page: Page, key: str = seed.KEY) -> Page:
    """Sign in by key."""
    page.goto("/panel/")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/panel/")
    return page


@pytest.fixture
def page(chromium: Browser, office: Office) -> Iterator[Page]:
    """Yield the page of Ana, who is an administrator and has signed in, with scripts."""
    with window(chromium, office) as context:
        yield sign_in(office.watch(context.new_page()))


@pytest.fixture
def plain(chromium: Browser, office: Office) -> Iterator[Page]:
    """Yield the page of Ana in a browser without scripts."""
    with window(chromium, office, java_script_enabled=False) as context:
        yield sign_in(office.watch(context.new_page()))


def serious_issues(page: Page) -> list[str]:
    """Return what axe calls serious or critical on a page."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0].get('failureSummary', '')[:300]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
