"""What a lead does in the browser who knows nothing but the address and a key (P1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import HOSTILE, Office, serious_issues, sign_in, window
from tests.server.api_server import Api
from ticketbot.database import db
from ticketbot.models import notifications, rules, silences
from ticketbot.panel import templates

PAGES = (*(address for address, _ in templates.PAGES), "tickets/4711", "rules/1", "rules/1/change", "silences/new")


@pytest.fixture(params=["with scripts", "without scripts"])
def lead(request: pytest.FixtureRequest) -> Page:
    """Return the page of a lead; every story works without scripts, too."""
    page: Page = request.getfixturevalue("page" if request.param == "with scripts" else "plain")
    return page


@pytest.fixture
def phone(chromium: Browser, office: Office) -> Iterator[Page]:
    """Yield a page of 380 pixels."""
    with window(chromium, office, viewport={"width": 380, "height": 700}) as context:
        yield sign_in(office.watch(context.new_page()))


def confirm(page: Page, button: str) -> None:
    """Press a button that asks: in a dialog of the script, or on a page without it."""
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=button).click()
    question = page.get_by_role("heading", name=re.compile(r"\?$"))
    if question.count():
        page.get_by_role("main").get_by_role("button").click()


def test_ticket_is_found_by_its_summary_and_says_who_was_notified_and_why(lead: Page) -> None:
    lead.get_by_role("link", name="Tickets").click()
    lead.get_by_label("Search").fill("printer")
    lead.get_by_role("button", name="Filter").click()
    lead.get_by_role("link", name="Printer on fire").click()
    story = lead.get_by_role("main")
    expect(story).to_contain_text("Help Desk was notified on")
    expect(story).to_contain_text("Ben Bauer was notified on")
    lead.get_by_label("Why did a person or room (not) get it?").fill("Ben Bauer")
    lead.get_by_role("button", name="Show").click()
    expect(story).to_contain_text("Ben Bauer was notified on")
    expect(story).not_to_contain_text("Help Desk was notified on")


def test_what_failed_is_seen_and_sent_again(lead: Page) -> None:
    lead.get_by_role("link", name="What is dead").click()
    row = lead.get_by_role("row").filter(has_text="Old War Room")
    expect(row).to_contain_text("Could not find a room")
    row.get_by_role("button", name=re.compile("Send again notification 3 ")).click()
    expect(lead.get_by_role("status")).to_contain_text("Sending again: notification 3")
    with db.session():
        assert notifications.Notification.get_by_id(3).state == notifications.PENDING


def test_board_is_silenced_for_an_hour(lead: Page, office: Office) -> None:
    lead.get_by_role("link", name="Silences").click()
    lead.get_by_role("link", name="New silence").click()
    lead.get_by_label("Board").fill("Service Desk")
    lead.get_by_label("Comment").fill("Patches")
    lead.get_by_role("button", name="Try it on the last 7 days").click()
    expect(lead.get_by_role("main")).to_contain_text("it would have skipped")
    lead.get_by_role("button", name="Add silence").click()
    expect(lead.get_by_role("status")).to_contain_text("Added: silence 1 (board Service Desk)")
    with db.session():
        silence = silences.Silence.get_by_id(1)
        assert (silence.until - office.api.clock.now()).total_seconds() == 3600
    confirm(lead, "End silence 1")
    expect(lead.get_by_role("status")).to_contain_text("Ended: silence 1")


def test_holiday_is_covered(lead: Page) -> None:
    lead.get_by_role("link", name="Forwards").click()
    lead.get_by_role("link", name="New forward").click()
    lead.get_by_label("From").fill("Ben Bauer (ben@msp.example)")
    lead.get_by_label("To").fill("Cora Chen (cora@msp.example)")
    lead.get_by_label("Start").fill("2030-07-01")
    lead.get_by_label("End").fill("2030-07-14")
    lead.get_by_role("button", name="Add forward").click()
    expect(lead.get_by_role("main")).to_contain_text("Ben Bauer > Cora Chen")


def test_rule_is_changed_after_a_look_at_what_it_would_do(lead: Page) -> None:
    lead.get_by_role("link", name="Rules").click()
    lead.get_by_role("link", name="Change rule 1 ").click()
    lead.get_by_label("Condition").fill("priority_sortt <= 3")
    lead.get_by_role("button", name="Save").click()
    expect(lead.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(lead.get_by_text("priority_sort?")).to_be_visible()
    lead.get_by_label("Condition").fill('company == "Contoso"')
    lead.get_by_label("Ticket number").fill("4711")
    lead.get_by_role("button", name="Try it on this ticket").click()
    expect(lead.get_by_role("main")).to_contain_text("If new happened to ticket 4711 now")
    expect(lead.get_by_label("Condition")).to_have_value('company == "Contoso"')
    lead.get_by_role("button", name="Save").click()
    expect(lead.get_by_role("status")).to_contain_text("Changed: rule 1")
    with db.session():
        assert rules.Rule.get_by_id(1).condition == 'company == "Contoso"'


def test_everything_that_matches_is_sent_again_after_its_number_was_shown(lead: Page) -> None:
    lead.goto("/panel/notifications?q=war")
    lead.get_by_role("link", name="Send again what is dead").click()
    expect(lead.get_by_role("main")).to_contain_text("This sends again: 1 notification.")
    lead.get_by_role("button", name="Send again").click()
    expect(lead.get_by_role("status")).to_contain_text("Sending again: 1 notification")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_serious_accessibility_issue(chromium: Browser, office: Office, scheme: str) -> None:
    """P4, at desktop and phone width; nothing is wider than the screen."""
    with window(chromium, office, color_scheme=scheme) as context:
        page = office.watch(context.new_page())
        page.goto("/panel/sign-in")
        assert serious_issues(page) == []
        sign_in(page)
        for address in PAGES:
            page.goto(f"/panel/{address}")
            assert serious_issues(page) == [], address


def test_pages_fit_a_phone(phone: Page) -> None:
    """P4: 380 px."""
    for address in PAGES:
        phone.goto(f"/panel/{address}")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 380, address


def test_hostile_texts_run_nothing(page: Page) -> None:
    """P3, panel-is-safe: the office fails the test on any violation of the policy."""
    for address in ("tickets", "tickets/4720", "notifications", "notifications?q=script", "events", "audit"):
        page.goto(f"/panel/{address}")
        assert "hacked" not in page.title()
        assert page.locator("main script, main img").count() == 0
    page.goto("/panel/tickets/4720")
    expect(page.get_by_role("main")).to_contain_text(HOSTILE)


def test_inline_scripts_are_refused(page: Page, office: Office) -> None:
    """P3: the policy itself, so that a hole in the escaping still runs nothing."""
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
    page.wait_for_function("performance.now() > 0")
    expect(page.locator("main img")).to_have_count(1)
    assert wait_for_complaint(page, office, "Content Security Policy")
    office.complaints.clear()


def wait_for_complaint(page: Page, office: Office, text: str) -> bool:
    """Wait until the browser complains about something."""
    for _ in range(50):
        if any(text in each for each in office.complaints):
            return True
        page.evaluate("new Promise(requestAnimationFrame)")
    return False


def test_keyboard_alone_is_enough(page: Page) -> None:
    """P4: the first key leads past the navigation; a form is filled in and sent without a mouse."""
    page.goto("/panel/users/new")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Cleo")
    page.keyboard.press("Tab")
    page.keyboard.type("cleo@msp.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Added: user 3")


def test_times_are_those_of_the_reader(chromium: Browser, office: Office) -> None:
    """P4: with the exact time on hover."""
    with window(chromium, office, timezone_id="Asia/Tokyo") as context:
        page = sign_in(office.watch(context.new_page()))
        page.goto("/panel/notifications")
        at = page.locator("time").first
        expect(at).to_contain_text("JST")
        assert re.fullmatch(r"[0-9-]+T[0-9:.]+\+00:00", at.get_attribute("title") or "")


def test_list_refreshes_in_place(page: Page, office: Office) -> None:
    page.clock.install()
    page.goto("/panel/notifications?state=dead")
    expect(page.get_by_role("row")).to_have_count(3)
    with db.transaction("test"):
        notifications.Notification.update(state="sent").where(notifications.Notification.id == 3).execute()
    page.get_by_label("Search").fill("kept")
    page.clock.run_for(10_000)
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_label("Search")).to_have_value("kept")
    assert page.url.endswith("state=dead")


def test_names_are_completed_from_the_server(page: Page, office: Office) -> None:
    _many_recipients(office.api)
    page.goto("/panel/rules/new")
    field = page.get_by_label("Recipient")
    assert page.locator("#recipient_id-list option").count() == 301
    with page.expect_response("**/panel/choices/recipients?q=Room%20333"):
        field.fill("Room 333")
    expect(page.locator("#recipient_id-list option")).to_have_count(1)


def _many_recipients(api: Api) -> None:
    for number in range(400):
        api.recipient(f"Room {number}", room=True)


def test_reader_sees_no_buttons(chromium: Browser, office: Office) -> None:
    """P5."""
    key = office.api.administrator("rita@msp.example", scope="read")
    with window(chromium, office) as context:
        page = sign_in(office.watch(context.new_page()), key)
        for address, _ in templates.PAGES:
            page.goto(f"/panel/{address}")
            assert page.get_by_role("main").get_by_role("button").all_inner_texts() in ([], ["Filter"]), address
