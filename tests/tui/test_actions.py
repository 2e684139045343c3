"""What the keys do to rows, on the screen and in the database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui import seed
from tests.tui.pilot import Pilot, Server
from ticketbot.database import db
from ticketbot.models import api_keys, events, forwards, notifications, rules, syncs, users


def stored(model: Any) -> list[Any]:
    with db.session():
        return list(model.select().order_by(model.id))


def test_a_rule_is_added_by_names(pilot: Pilot) -> None:
    pilot.press("n").type("proj").press("enter").type("ana").press(*["enter"] * 6)
    assert "Added: rule 4 (Projects > Ana Alvarez)." in pilot.screen
    assert (stored(rules.Rule)[-1].board_id, stored(rules.Rule)[-1].recipient_id) == (2, 4)
    assert pilot.view.tab.table.selected.id == 4


def test_a_rule_is_added_for_all_boards_and_the_assigned_people(pilot: Pilot) -> None:
    pilot.press("n").type("all b").press("enter").type("assigned").press("enter")
    pilot.press("backspace").type("closed").press("enter").type("reop").press("enter", "enter")
    pilot.type("priority_sort <= 3").press("enter").type("Urgent").press("enter", " ", "enter", "enter")
    assert "Added: rule 4 (Urgent)." in pilot.screen
    added = stored(rules.Rule)[-1]
    assert (added.board_id, added.recipient_id, added.events) == (None, None, ["closed", "reopened"])
    assert (added.condition, added.dry_run) == ("priority_sort <= 3", True)


def test_a_mistake_in_a_condition_is_said_at_its_field(pilot: Pilot) -> None:
    pilot.press("n").type("serv").press("enter").type("help").press("enter", "enter").type("prioritysort <= 3")
    assert "priority_sort" in pilot.press(*["enter"] * 4).screen
    assert "New rule" in pilot.screen


def test_a_rule_is_changed_in_a_form_that_starts_with_its_values(pilot: Pilot) -> None:
    pilot.press("c", "tab", "tab").type("assig").press("enter", "enter").type("owner == null").press(*["enter"] * 4)
    assert "Changed: rule 1 (Service Desk > Help Desk)." in pilot.screen
    changed = stored(rules.Rule)[0]
    assert (changed.board_id, changed.recipient_id) == (1, 1)
    assert (changed.events, changed.condition) == (["new", "assigned"], "owner == null")
    pilot.press("c", "ctrl u").type("all b").press(*["enter"] * 7)
    assert stored(rules.Rule)[0].board_id is None


def test_a_rule_is_tried_on_a_ticket_before_it_is_saved(pilot: Pilot) -> None:
    pilot.press("n").type("all b").press("enter").type("night").press("enter", "f5").type("4711").press(*["enter"] * 3)
    assert "If new happened to ticket 4711 now" in pilot.screen
    assert "Night Shift 🌙 would be notified" in pilot.text
    assert "New rule" in pilot.press("esc").screen
    assert len(stored(rules.Rule)) == 3


def test_a_rule_is_tried_on_the_last_days_before_it_is_saved(pilot: Pilot) -> None:
    pilot.press("c", "f6")
    assert "Backtest of the last 7 days" in pilot.screen
    assert "decided again" in pilot.text


def test_only_a_valid_rule_is_tried(pilot: Pilot) -> None:
    assert pilot.press("n", "f6").screen.count("Required. Type part of the name.") == 2


def test_what_the_server_refuses_is_said_and_the_form_stays(pilot: Pilot) -> None:
    pilot.press("n").type("serv").press("enter").type("help").press(*["enter"] * 6)
    assert "already" in pilot.text
    assert "New rule" in pilot.press("esc").screen


def test_a_rule_is_disabled_and_enabled_before_the_rows_are_reloaded(pilot: Pilot) -> None:
    """Otherwise a second E, typed at once, would set what the first has set."""
    assert "Disabled: Service Desk > Help Desk." in pilot.press("e").screen
    assert not stored(rules.Rule)[0].enabled
    assert "Enabled: Service Desk > Help Desk." in pilot.press("E").screen


@pytest.mark.parametrize("answer", ["n", "N", "esc"])
def test_deleting_asks_and_takes_no_for_an_answer(pilot: Pilot, answer: str) -> None:
    pilot.press("x", "q", "enter", " ")
    assert "Delete rule 1 (Service Desk > Help Desk)?" in pilot.screen
    assert "Delete rule" not in pilot.press(answer).screen
    assert len(stored(rules.Rule)) == 3


@pytest.mark.parametrize(
    ("key", "question", "model"),
    [
        ("ctrl r", "Delete rule 1 (Service Desk > Help Desk)?", rules.Rule),
        ("ctrl f", "Delete forward 1 (Ana Alvarez > Cora Chen)?", forwards.Forward),
        ("ctrl u", "Delete user 2 (Ben Bauer <ben@msp.example>, including all keys)?", users.User),
        ("ctrl a", "Delete key 2 (of user 2)?", api_keys.ApiKey),
    ],
)
def test_deleting_names_what_and_does_it(pilot: Pilot, key: str, question: str, model: Any) -> None:
    with db.transaction("test"):
        api_keys.add_key(users.User.get_by_id(2), "2222", pilot.now())
    pilot.press(key, *(["down"] if "2" in question else []), "X")
    assert question in pilot.text
    before = len(stored(model))
    assert "Deleted: " in pilot.press("y").screen
    assert len(stored(model)) == before - 1


def test_details_hand_the_keys_of_the_row_on(pilot: Pilot) -> None:
    pilot.press("enter")
    assert "The recipient is notified of every new ticket on this board." in pilot.screen
    assert "E on/off" in pilot.footer
    assert "Rule 1" not in pilot.press("e").screen
    assert "Disabled: it notifies no one." in pilot.press("enter").screen


def test_a_forward_is_added_with_dates_that_are_checked_while_typing(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("cora").press("enter").type("night").press("enter").type("2026-02-30")
    assert "There is no 30 February." in pilot.screen
    assert "30 February" not in pilot.press("backspace", "backspace").type("10").screen
    assert "The end is before the start." in pilot.press("tab").type("2026-02-01").screen
    pilot.press("backspace", "backspace").type("20").press("tab", " ", *["tab"] * 3, "enter")
    added = stored(forwards.Forward)[-1]
    assert (added.start, added.end, added.keep_copy) == ("2026-02-10", "2026-02-20", True)
    assert "Added: forward 3 (Cora Chen > Night Shift 🌙)." in pilot.screen


def test_a_forward_is_changed_in_a_form_that_starts_with_its_values(pilot: Pilot) -> None:
    """Defect 62: the TUI could not change a forward."""
    pilot.press("ctrl f", "c")
    assert "Change forward 1 (Ana Alvarez > Cora Chen)" in pilot.screen
    assert "2026-03-14" in pilot.screen
    pilot.press("down", "ctrl u").type("2026-03-20").press("enter", " ", *["enter"] * 4)
    assert "Changed: forward 1" in pilot.screen
    changed = stored(forwards.Forward)[0]
    assert (changed.start, changed.end, changed.keep_copy) == ("2026-03-01", "2026-03-20", True)
    pilot.press("c", "down", "ctrl u", *["enter"] * 5)
    assert stored(forwards.Forward)[0].end is None


def test_an_error_of_the_server_is_shown_at_its_field_until_the_value_changes(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("ben").press("enter").type("ben").press(*["enter"] * 7)
    assert "Source and destination must differ." in pilot.screen
    assert "Source and destination must differ." in pilot.press("up").screen
    assert "must differ" not in pilot.press("down", "backspace").screen


def test_a_cycle_is_refused_in_full(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("cora").press("enter").type("ana").press(*["enter"] * 7)
    assert "This would create a cycle: Cora Chen > Ana Alvarez > Cora Chen" in pilot.text


def test_a_preview_says_who_gets_it_now(pilot: Pilot) -> None:
    pilot.press("ctrl f", "p")
    assert "notifications for Ana Alvarez go to:" in pilot.text
    assert "Ana Alvarez > Cora Chen" in pilot.screen


def test_a_user_is_added(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora Chen").press("enter").type("cora").press("enter", "enter")
    assert "Give one e-mail address, such as ana@example.com." in pilot.screen
    pilot.type("@msp.example").press("enter", "enter")
    assert "Added: user 3 (Cora Chen <cora@msp.example>)." in pilot.screen


def test_a_new_key_is_shown_once_to_copy_and_not_closed_by_a_stray_key(pilot: Pilot) -> None:
    pilot.press("ctrl a", "n").type("ben").press(*["enter"] * 4, "y")
    key = pilot.clipboard
    assert key.startswith("tbot_")
    assert key in pilot.press("esc", "q", "ctrl u", " ").screen
    assert key not in pilot.press("enter").screen
    assert key not in pilot.press("enter").screen
    assert "The key itself was shown once." in pilot.screen


def test_a_sync_is_started_with_the_boards_that_were_chosen(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n", " ", "down", " ", "tab", "tab")
    assert "(all boards)" in pilot.screen
    pilot.press("down", "enter")
    assert "+ Projects" in pilot.screen
    pilot.press("tab", "tab", "enter")
    assert "Started: sync 2" in pilot.screen or "Sync 2 is" in pilot.screen
    wanted = stored(syncs.SyncRun)[-1].request
    assert (wanted["boards"], wanted["recipients"], wanted["board_ids"]) == (False, False, [2])


def test_a_sync_of_nothing_is_refused_at_the_field(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n", " ", "down", " ", "down", " ", "tab", "tab", "tab", "enter")
    assert "Check at least one of the three." in pilot.screen
    assert len(stored(syncs.SyncRun)) == 1


def test_a_running_sync_is_canceled_after_a_question(server: Server) -> None:
    with db.transaction("test"):
        seed.sync_run(server.api.clock.now(), "running", boards=(1, 3))
    pilot = Pilot(server).start().press("ctrl s", "C")
    assert "Cancel the running sync 2?" in pilot.screen
    assert "Canceling the sync." in pilot.press("y").screen
    assert stored(syncs.SyncRun)[-1].cancel_requested


def test_a_dead_notification_is_understood_and_retried(pilot: Pilot) -> None:
    pilot.press("ctrl n", "down", "enter")
    assert "Could not find a room" in pilot.text
    assert "Webex support needs the tracking id." in pilot.text
    assert "Retrying: notification 3" in pilot.press("r").screen
    assert stored(notifications.Notification)[2].state == "pending"
    assert "R retry" not in pilot.footer


def test_only_dead_ones_are_shown_on_request_and_retried_together(pilot: Pilot) -> None:
    assert "Ben Bauer" not in pilot.press("ctrl n", "d").screen
    assert "Retry 1 notification and 1 event that died within the last 24 hours?" in pilot.press("a").screen
    assert "Retrying 1 notification and 1 event." in pilot.press("y").screen
    assert "Nothing is dead. Press D to show all." in pilot.screen
    assert "Ben Bauer" in pilot.press("d").screen
    assert "Nothing died within the last 24 hours." in pilot.press("a").screen


def test_a_dead_event_is_shown_with_its_error_and_retried(pilot: Pilot) -> None:
    pilot.press("ctrl t", "tab", "tab")
    assert "ConnectWise: GET" in pilot.screen
    assert "Processing was given up" in pilot.press("enter").screen
    assert "Retrying: event 3" in pilot.press("r").screen
    assert stored(events.Event)[-1].state == "waiting"


def test_why_begins_with_the_selected_notification_and_says_what_can_be_done(pilot: Pilot) -> None:
    pilot.press("ctrl n", "down", "w")
    assert pilot.text.partition("Printer on fire ")[2].startswith("Old War Room could not be notified (rule 3): Webex")
    assert "Given up on 2026-03-02 09:30:02 CET after 1 try; press R to retry" in pilot.text
    assert "ConnectWise sent a webhook (added)" in pilot.text
    assert "Retrying: notification 3" in pilot.press("r").screen


def test_enter_on_a_ticket_tells_its_story(pilot: Pilot) -> None:
    pilot.press("ctrl t", "down", "enter")
    assert "Ticket 4711: Printer on fire" in pilot.screen
    assert "Help Desk was notified on 2026-03-02 09:30:02 CET by message 1: rule 1" in pilot.text


@pytest.mark.parametrize("number", ["4711", "#4711"])
def test_a_ticket_is_reached_by_its_number_from_any_tab(pilot: Pilot, number: str) -> None:
    assert "Ticket 4711: Printer on fire" in pilot.press("g").type(number).press("enter").screen


def test_a_ticket_number_is_checked_and_an_unknown_one_stays_in_its_form(pilot: Pilot) -> None:
    assert "Give a whole number." in pilot.press("g").type("47x").press("enter").screen
    pilot.press("ctrl u").type("9").press("enter")
    assert "Nothing is known about ticket 9" in pilot.text
    assert "Go to ticket" in pilot.press("esc").screen


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (["ctrl r"], "Help Desk"),
        (["ctrl f"], "Cora Chen"),
        (["ctrl n", "end"], "Help Desk"),
        (["ctrl t", "tab", "down"], "Night Shift 🌙"),
    ],
)
def test_a_test_message_goes_to_the_recipient_of_the_row(pilot: Pilot, keys: list[str], name: str) -> None:
    pilot.press(*keys, "t")
    assert f"Sent a test message to {name}." in pilot.screen
    assert len(pilot.server.api.webex.messages()) == 1


def test_nobody_can_be_tested_who_is_not_on_webex(pilot: Pilot) -> None:
    assert "T test" not in pilot.press("ctrl n").footer
    assert "T test" in pilot.press("down").footer


@pytest.mark.parametrize(
    ("keys", "copied"),
    [(["ctrl r"], "1"), (["ctrl u"], "ana@msp.example"), (["ctrl n"], "4712"), (["ctrl t", "enter"], "4712")],
)
def test_the_main_value_of_a_row_is_copied(pilot: Pilot, keys: list[str], copied: str) -> None:
    pilot.press(*keys, "y")
    assert pilot.clipboard == copied
    assert f"Copied: {copied}" in pilot.screen
    assert ("Ticket 4712" in pilot.screen) is (keys[-1] == "enter")  # a text stays open


def test_the_audit_shows_what_changed(pilot: Pilot) -> None:
    assert "enabled: yes > no" in pilot.press("shift tab").screen
