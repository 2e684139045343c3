"""Each tab: what it shows, what can be done in it, and what it says."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.tui import fake_server as offices
from tests.tui.fake_server import NEW_KEY, NOW, FakeServer
from tests.tui.pilot import Pilot
from ticketbot.api import responses
from ticketbot.tui import table_cells
from ticketbot.tui.tabs import notifications_tab, syncs_tab


def test_the_header_says_where_who_and_how_things_stand(pilot: Pilot) -> None:
    for said in ("http://ticketbot.example:8080", "Ana Alvarez", "notifications on", "ready"):
        assert said in pilot.lines[0]


def test_the_header_tells_of_switched_off_notifications_and_of_problems(pilot: Pilot) -> None:
    pilot.office.settings.attempt_notify = False
    pilot.office.checks["webex"] = "degraded"
    pilot.pass_time(6)
    assert "notifications OFF" in pilot.lines[0]
    assert "degraded: webex" in pilot.lines[0]


@pytest.mark.parametrize(
    ("rows", "key", "said"),
    [
        ("rules", "ctrl r", "Press N to add one. To load boards and recipients, start a sync: Ctrl+S."),
        ("forwards", "ctrl f", "Press N to add one."),
        ("users", "ctrl u", "Press N to add one."),
        ("keys", "ctrl a", "Press N to create one for a user."),
        ("runs", "ctrl s", "Press N to start one."),
        ("notifications", "ctrl n", "They appear here as soon as tickets change"),
    ],
)
def test_an_empty_tab_says_what_to_do(office: FakeServer, rows: str, key: str, said: str) -> None:
    users = list(office.users)
    getattr(office, rows).clear()
    pilot = Pilot(office)
    if rows == "users":
        pilot.press(key)
        office.users[:] = users
    else:
        pilot.start().press(key)
    assert said in " ".join(line.strip() for line in pilot.lines)


def test_a_filter_narrows_the_rows_as_one_types(pilot: Pilot) -> None:
    pilot.press("/").type("night").pass_time(0.2)
    assert "Night Shift" in pilot.screen
    assert "Help Desk" not in pilot.screen
    assert '1 of 2 match "night"' in pilot.screen
    pilot.press("enter", "e")
    assert pilot.office.rules[1].enabled
    assert "Help Desk" not in pilot.screen
    pilot.press("esc")
    assert "Help Desk" in pilot.screen


def test_a_filter_that_nothing_matches_says_so_and_esc_drops_it(pilot: Pilot) -> None:
    pilot.press("/").type("zzz")
    assert "No row matches 'zzz'. Esc shows all." in pilot.screen
    assert "Help Desk" in pilot.press("esc").screen


def test_rows_are_sorted_by_the_next_column_and_turned_around(pilot: Pilot) -> None:
    pilot.press("s", "o")
    assert "Recipient ▼" in pilot.lines[3]
    assert "Night Shift" in pilot.lines[4]
    assert "sorted by recipient" in pilot.screen


@pytest.mark.parametrize(
    ("tab", "column", "ids"),
    [("ctrl f", 2, [3, 1, 2]), ("ctrl a", 3, [2, 3, 1]), ("ctrl s", 2, [3, 1, 2]), ("ctrl n", 1, [44, 43, 42, 41])],
)
def test_times_are_sorted_as_times(office: FakeServer, tab: str, column: int, ids: list[int]) -> None:
    office.forwards.append(offices.forward(3, 1, "Help Desk", 5, "Zoë Żak", None, None, "active"))
    office.keys.append(
        responses.Key(id=3, user_id=2, hint="c3", created_at=NOW, last_used_at=NOW - timedelta(days=400))
    )
    office.runs += [offices.done_run(2), offices.done_run(3)]
    office.runs[1].finished_at, office.runs[2].finished_at = NOW, None
    for row in office.notifications:
        row.created_at = NOW - timedelta(days=30 * row.id)
    pilot = Pilot(office).start().press(tab, *["s"] * column)
    if pilot.window.tab.newest_first:
        pilot.press("o")
    assert [row.id for row in pilot.window.tab.table._content.rows] == ids


def test_moments_of_a_forward_are_shown_in_the_time_zone(office: FakeServer) -> None:
    office.forwards[0].start = "2026-03-01T23:30:00+00:00"
    pilot = Pilot(office)
    pilot.window.zone = ZoneInfo("Europe/Berlin")
    assert "2026-03-02  2026-03-14" in pilot.start().press("ctrl f").screen
    assert "2026-03-02 00:30:00" in pilot.press("enter").screen
    assert "from 2026-03-02 00:30:00 to" in pilot.press("x").screen


def test_what_was_said_of_one_tab_is_not_said_on_another(pilot: Pilot) -> None:
    assert "Press D to show all." in pilot.press("ctrl n", "d").screen
    assert "Press D to show all." not in pilot.press("ctrl r").screen


def test_the_count_tells_when_it_is_not_all_of_them(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "4 rows," in pilot.press("ctrl n").screen
    monkeypatch.setattr(notifications_tab.Notifications, "most", 4)
    assert "4 newest rows," in pilot.screen
    assert "1 dead row," in pilot.press("d").pass_time(7).screen


def test_lists_are_read_anew_every_five_seconds_without_moving_the_selection(pilot: Pilot) -> None:
    pilot.press("down")
    pilot.office.rules.append(offices.rule(9, 2, "Another Board", 1, "Help Desk"))
    pilot.pass_time(4)
    assert "Another Board" not in pilot.screen
    pilot.pass_time(2)
    assert "Another Board" in pilot.screen
    assert pilot.window.tab.table.selected.id == 2


def test_a_list_is_not_read_while_a_dialog_is_open(pilot: Pilot) -> None:
    pilot.press("n")
    pilot.office.asked.clear()
    pilot.pass_time(6)
    assert "GET /notifiers/rules" not in " ".join(pilot.office.asked)


def test_a_rule_is_added_by_names(pilot: Pilot) -> None:
    pilot.press("n").type("desk").press("enter").type("zoe").press("enter", "enter")
    assert "Added: Service Desk > Zoë Żak." in pilot.screen
    assert (pilot.office.rules[-1].board_id, pilot.office.rules[-1].recipient_id) == (1, 5)
    assert pilot.window.tab.table.selected == pilot.office.rules[-1]


def test_enter_alone_adds_no_rule(pilot: Pilot) -> None:
    pilot.press("n", "enter", "enter", "enter", "enter")
    assert pilot.screen.count("Required. Type part of the name.") == 2
    assert len(pilot.office.rules) == 2


def test_a_rule_is_added_with_the_arrow_keys_alone(pilot: Pilot) -> None:
    pilot.press("n", "down", "down", "enter", "down", "enter", "enter")
    assert (pilot.office.rules[-1].board_name, pilot.office.rules[-1].recipient_name) == ("Service Desk", "Ana Alvarez")


def test_a_rule_that_exists_is_refused_in_a_popup_and_the_form_stays(pilot: Pilot) -> None:
    pilot.press("n").type("service").press("tab").type("help").press("tab", "enter")
    assert "This rule exists already." in pilot.screen
    pilot.press("esc")
    assert "New rule" in pilot.screen
    assert "Service Desk" in pilot.screen
    assert "New rule" not in pilot.press("esc").screen


def test_what_is_missing_is_said_at_the_field(pilot: Pilot) -> None:
    pilot.press("n", "tab", "tab", "enter")
    assert pilot.screen.count("Required. Type part of the name.") == 2
    assert len(pilot.office.rules) == 2


def test_a_rule_is_enabled_and_disabled(pilot: Pilot) -> None:
    assert "Disabled: Service Desk > Help Desk." in pilot.press("e").screen
    assert not pilot.office.rules[0].enabled
    assert "Enabled: Service Desk > Help Desk." in pilot.press("E").screen


def test_a_notice_goes_away(pilot: Pilot) -> None:
    pilot.press("e").pass_time(7)
    assert "Disabled:" not in pilot.screen


@pytest.mark.parametrize("answer", ["n", "N", "esc"])
def test_deleting_asks_and_takes_no_for_an_answer(pilot: Pilot, answer: str) -> None:
    assert "Delete the rule 1, Service Desk > Help Desk?" in pilot.press("x").screen
    pilot.press("q", "enter", " ")
    assert "Delete the rule" in pilot.screen
    assert "Delete the rule" not in pilot.press(answer).screen
    assert len(pilot.office.rules) == 2


def test_deleting_names_what_and_does_it(pilot: Pilot) -> None:
    pilot.press("x", "Y")
    assert [row.id for row in pilot.office.rules] == [2]
    assert "Deleted: Service Desk > Help Desk." in pilot.screen


@pytest.mark.parametrize(
    ("key", "question"),
    [
        ("ctrl f", "Delete the forward 1, Ana Alvarez > Ben Bauer, from 2026-03-01 to 2026-03-14?"),
        ("ctrl u", "Delete the user Ana Alvarez (ana@msp.example) and their 2 keys?"),
        ("ctrl a", "Delete the key …x7Qp of Ana Alvarez (ana@msp.example), last used: 2026-03-02 09:00:00?"),
    ],
)
def test_every_question_names_what_will_be_deleted(pilot: Pilot, key: str, question: str) -> None:
    pilot.press(key, "x")
    asked = " ".join(line.strip(" │") for line in pilot.lines)
    assert question in asked
    rows = len(pilot.office.forwards), len(pilot.office.users), len(pilot.office.keys)
    pilot.press("y")
    assert sum(rows) - 1 == sum((len(pilot.office.forwards), len(pilot.office.users), len(pilot.office.keys)))


def test_details_show_all_and_hand_keys_on(pilot: Pilot) -> None:
    pilot.press("enter")
    assert "The recipient is notified of every new ticket on this board." in pilot.screen
    assert "E on/off" in pilot.footer
    pilot.press("e")
    assert not pilot.office.rules[0].enabled
    assert "New tickets of the board" not in pilot.screen


def test_a_forward_is_added_with_dates_that_are_checked_while_typing(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("ana").press("enter").type("zoe").press("enter")
    pilot.type("2026-02-30")
    assert "There is no such date: 2026-02-30." in pilot.screen
    pilot.press("backspace", "backspace").type("10")
    assert "no such date" not in pilot.screen
    pilot.press("tab").type("2026-02-01")
    assert "The end is before the start." in pilot.screen
    pilot.press(*["backspace"] * 2).type("20").press("tab", " ", "tab", "enter")
    added = pilot.office.forwards[-1]
    assert (added.start, added.end, added.keep_copy) == ("2026-02-10", "2026-02-20", True)
    assert "Added: Ana Alvarez > Zoë Żak." in pilot.screen


def test_a_circle_is_refused_in_full(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("ben").press("enter").type("ana").press(*["enter"] * 5)
    assert "This would close a circle: Ben Bauer > Ana Alvarez > Ben Bauer." in pilot.screen


def test_what_the_server_says_of_a_field_stands_at_the_field(pilot: Pilot) -> None:
    pilot.press("ctrl f", "n").type("ben").press("enter").type("ben").press(*["enter"] * 5)
    assert "This is the source itself" in pilot.screen
    assert "New forward" in pilot.screen


def test_a_forward_is_switched_and_tried_out(pilot: Pilot) -> None:
    assert "Disabled: Ana Alvarez > Ben Bauer." in pilot.press("ctrl f", "e").screen
    pilot.press("p")
    assert "notifications for Ana Alvarez go to" in pilot.screen
    assert "Ana Alvarez > Ben Bauer" in pilot.screen


def test_forward_details_say_what_it_does(pilot: Pilot) -> None:
    assert "The source's notifications go to the destination." in pilot.press("ctrl f", "enter").screen


def test_a_user_is_added(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora Chen").press("enter").type("cora").press("enter", "enter")
    assert "Give one e-mail address, such as ana@example.com." in pilot.screen
    pilot.type("@msp.example").press("enter", "enter")
    assert "Added: Cora Chen (cora@msp.example)." in pilot.screen
    assert "Without a key the user cannot do anything." in pilot.press("enter").screen


def test_a_new_key_is_shown_once_and_not_closed_by_a_stray_key(pilot: Pilot) -> None:
    pilot.press("ctrl a", "n").type("ben").press("enter", "enter")
    assert NEW_KEY in pilot.screen
    assert "not be shown again" in pilot.screen
    assert NEW_KEY in pilot.press("esc", "q", "ctrl u", " ").screen
    assert NEW_KEY not in pilot.press("enter").screen
    assert NEW_KEY not in pilot.press("enter").screen
    assert "It was shown once" in pilot.screen


def test_a_sync_is_started_and_watched(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n")
    pilot.press("down", " ", "tab", "tab").type("proj").press("enter", "tab", "tab", "enter")
    assert pilot.office.asked[-3:].count("POST /sync") == 1
    assert "Started: sync 2." in pilot.screen
    assert [phase.name for phase in pilot.office.runs[-1].phases] == ["boards", "tickets"]
    assert "Sync 2 is running, requested by ana@msp.example" in pilot.screen
    assert "0 of ?" in pilot.screen
    assert "C cancel" in pilot.footer
    assert "N new" not in pilot.footer
    pilot.office.runs[-1].phases = [offices.phase("boards", 4, 2), offices.phase("tickets", 10, 10, 1)]
    pilot.pass_time(0.5)
    assert "2 of 4" in pilot.screen
    assert "10 of 10, 1 error" in pilot.screen
    pilot.office.runs[-1] = offices.done_run(2, wrong=3)
    pilot.pass_time(0.5)
    assert "Sync 2 is done with 3 errors: Enter shows them." in pilot.screen
    assert "is running" not in pilot.screen
    assert "ticket 7001: ConnectWise answers 500" in pilot.press("enter").screen


def test_a_sync_is_limited_to_the_board_chosen_with_the_arrow_keys(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n", "tab", "tab", "tab", "down", "down", "enter")
    assert "+ Service Desk" in pilot.screen
    pilot.press("enter", "enter", "enter")
    assert pilot.office.synced_boards == [1]


def test_a_sync_without_a_chosen_board_says_that_it_takes_all_boards(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n")
    assert "(all boards)" in next(line for line in pilot.lines if "Ticket boards" in line)
    pilot.press(*["tab"] * 3, "down", "down", "tab", "tab", "enter")  # marked, but not chosen
    assert pilot.office.synced_boards == []


def test_labels_and_fields_do_not_touch(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n", *["tab"] * 3).type("serv")
    assert "Ticket boards  serv" in pilot.screen


def test_a_phase_without_anything_to_do_is_done_and_long_names_are_whole(pilot: Pilot) -> None:
    pilot.office.runs[-1].state = "running"
    pilot.office.runs[-1].phases = [offices.phase("statuses", 0, 0), offices.phase("project tickets", None, 0)]
    pilot.press("ctrl s").pass_time(0.2)
    nothing, unknown = pilot.lines[4:6]
    assert "=" in nothing
    assert "·" not in nothing
    assert unknown.startswith(" project tickets ·")
    assert "=" not in unknown


def test_an_answer_from_before_the_start_does_not_end_a_sync(pilot: Pilot) -> None:
    """Otherwise nobody would be told how it really ended."""
    pilot.press("ctrl s", "n", *["tab"] * 5)
    tab = pilot.window.tab
    assert isinstance(tab, syncs_tab.Syncs)
    tab.tick(6, is_idle=False)
    asked_before = tab._asking
    pilot.press("enter")
    tab._on_status(asked_before, responses.SyncStatus(syncing=False, run=offices.done_run(1)))
    assert "Sync 2 is running" in pilot.screen
    assert "is done" not in pilot.screen


def test_a_sync_of_nothing_is_refused_at_the_field(pilot: Pilot) -> None:
    pilot.press("ctrl s", "n", " ", "down", " ", "down", " ", "tab", "tab", "tab", "enter")
    assert "Check at least one of the three." in pilot.screen
    assert len(pilot.office.runs) == 1


def test_a_running_sync_is_cancelled_after_a_question(pilot: Pilot) -> None:
    pilot.office.runs[-1].state = "running"
    pilot.press("ctrl s").pass_time(0.2)
    assert "Cancel the running sync 1?" in pilot.press("c").screen
    assert "Canceling the sync." in pilot.press("y").screen
    assert pilot.office.runs[-1].state == "cancelled"


def test_a_dead_notification_is_understood_and_retried(pilot: Pilot) -> None:
    pilot.press("ctrl n")
    assert "R retry" in pilot.screen
    assert "the bot is no longer in this room" in pilot.press("enter").screen
    assert "ROUTER_6f3a" in pilot.screen
    assert "Webex support needs the tracking id." in pilot.screen
    assert "Resending: Ticket 7003 to Help Desk." in pilot.press("r").screen
    assert pilot.office.notifications[-1].state == "pending"
    assert "R retry" not in pilot.screen


def test_support_is_named_only_where_there_is_something_to_tell_it(pilot: Pilot) -> None:
    pilot.office.notifications[-1].tracking_id = None
    pilot.press("ctrl n", "enter")
    assert "Press R to resend it." in pilot.screen
    assert "Support" not in pilot.screen


def test_only_dead_ones_are_shown_on_request_and_retried_together(pilot: Pilot) -> None:
    pilot.press("ctrl n", "d")
    assert "Cora Chen" not in pilot.screen
    assert "Retry 1 notification that died within the last 24 hours?" in pilot.press("a").screen
    assert "Retrying 1 notification." in pilot.press("y").screen
    assert "No dead notifications. Press D to show all." in pilot.screen
    assert "Cora Chen" in pilot.press("d").screen


def test_retrying_all_asks_nothing_when_nothing_died(pilot: Pilot) -> None:
    pilot.office.notifications.pop()
    pilot.press("ctrl n", "a")
    assert "Nothing died within the last 24 hours." in pilot.screen
    assert "Are you sure?" not in pilot.screen


def test_how_much_is_retried_is_said_in_full_at_80_columns(pilot: Pilot) -> None:
    pilot.office.dead_events = 12_345
    for number in range(100, 1100):
        pilot.office.notifications.append(offices.notification(number, 7009, "Help Desk", "dead", "rule 1"))
    pilot.press("ctrl n", *["s"] * 4, "a", "y")
    assert "Retrying 1001 notifications and 12345 events." in pilot.screen


def explanation(pilot: Pilot) -> str:
    """Return the dialog's text without its frame and line breaks."""
    return " ".join(line.strip().strip("│").strip() for line in pilot.lines if "│" in line)


def test_why_says_since_when_a_message_is_dead_and_what_went_wrong(pilot: Pilot) -> None:
    pilot.press("ctrl n", "w")
    assert "Ticket 7003" in pilot.screen
    assert (
        "Help Desk could not be notified (rule 1): the bot is no longer in this room. "
        "Given up on 2026-03-02 08:44:02 after"
        " 1 try; to retry, select 44 and press R"
    ) in explanation(pilot)
    assert "told: rule 1" not in pilot.screen


def test_why_begins_with_the_selected_message_however_much_happened_to_the_ticket(pilot: Pilot) -> None:
    pilot.press("ctrl n", "w")
    assert explanation(pilot).startswith("Help Desk could not be notified (rule 1): the bot is no longer in this room.")
    assert "after 1 try; press R to retry  2026-03-02" in explanation(pilot)


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        ("sent", {"sent_at": NOW}, "Help Desk was notified on 2026-03-02 09:00:00: rule 1"),
        ("skipped", {"reason": "notifications off"}, "Help Desk was not notified: notifications off"),
        (
            "pending",
            {"attempts": 2, "next_try_at": NOW, "error": "Webex is down"},
            "Help Desk is not notified yet, will retry on 2026-03-02 09:00:00 after 2 tries (rule 1): Webex is down",
        ),
    ],
)
def test_why_says_what_became_of_a_message_that_was_to_be_sent(
    office: FakeServer, state: str, fields: dict[str, object], said: str
) -> None:
    row = offices.notification(50, 7009, "Help Desk", state, "rule 1", kind="new")
    for name, value in fields.items():
        setattr(row, name, value)
    office.notifications.append(row)
    pilot = Pilot(office).start().press("ctrl n", "w")
    assert said in explanation(pilot)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (81, 25), (120, 40), (200, 60)])
@pytest.mark.parametrize("name", ["Hanrahan " * 13 + "Ltd", "x" * 120, "客户支持" * 30])
def test_why_stays_readable_and_inside_its_frame_with_a_name_of_120_characters(
    office: FakeServer, size: tuple[int, int], name: str
) -> None:
    office.notifications = [
        offices.notification(50, 7009, name, "dead", "rule 1", kind="new", error="the room is gone", attempts=1)
    ]
    pilot = Pilot(office, size).start().press("ctrl n", "w")
    framed = [line for line in pilot.lines if "│" in line]
    sides = {
        (table_cells.width(line[: line.index("│")]), table_cells.width(line[: line.rindex("│")])) for line in framed
    }
    assert len(sides) == 1
    if size[1] >= 24:
        assert "the room is gone" in explanation(pilot)
        assert len(framed) < 18


def test_why_uses_the_width_of_a_wide_terminal(office: FakeServer) -> None:
    office.notifications[-1].error = "word " * 60
    pilot = Pilot(office, (120, 40)).start().press("ctrl n", "w")
    assert max(len(line) for line in pilot.lines if "word" in line) > 110


def test_a_notification_tells_its_whole_story(office: FakeServer) -> None:
    row = office.notifications[-1]
    row.forwarded_from, row.possible_duplicate, row.overtaken = ["Ana Alvarez"], True, True
    screen = Pilot(office).start().press("ctrl n", "enter").screen
    for said in ("Ana Alvarez > Help Desk", "an earlier response was lost", "were sent before it"):
        assert said in screen


@pytest.mark.parametrize("size", [(80, 24), (81, 25), (120, 40), (200, 60), (40, 12), (20, 6), (1, 1)])
@pytest.mark.parametrize(
    "keys", [["enter"], ["n"], ["?"], ["x"], ["/", "a"], ["ctrl s"], ["ctrl n", "enter"], ["ctrl n", "w"]]
)
def test_every_size_can_be_drawn(office: FakeServer, size: tuple[int, int], keys: list[str]) -> None:
    office.runs[-1].state = "running"
    pilot = Pilot(office, size).start().press(*keys).pass_time(0.2)
    canvas = pilot.window.render(size, focus=True)
    assert (canvas.cols(), canvas.rows()) == size


def test_a_resize_is_followed(pilot: Pilot) -> None:
    pilot.press("n")
    pilot.size = (100, 30)
    assert len(pilot.lines) == 30
    assert "Add rule" in pilot.screen


def test_shapes_that_the_server_may_still_grow_do_not_trouble_a_tab(pilot: Pilot) -> None:
    pilot.office.notifications.append(
        offices.notification(50, 7009, "Somebody", "sending", "assigned (owner)", "person", kind="new")
    )
    assert isinstance(pilot.press("ctrl n").window.tab.table.selected, responses.Notification)
    assert "sending" in pilot.screen
