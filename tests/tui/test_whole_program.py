"""`tbot` in a real pseudo-terminal against a real server: what a service-desk lead does, with the keyboard alone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.environment import World, wait_for
from tests.tui.fake_server import FakeServer
from tests.tui.terminal_emulator import Terminal
from ticketbot.api import client
from ticketbot.simulators import http_server

KEY = "a-key-that-only-this-test-knows"
TBOT = (sys.executable, "-m", "ticketbot")
# `?` stumbles over a bug: what is left of the terminal?
CRASH = """
import os, sys
from ticketbot import __main__
from ticketbot.tui import main_view
def stumble(self): raise ZeroDivisionError
main_view.MainView._help = stumble
sys.exit(__main__.main([], os.environ))
"""

Open = Callable[..., Terminal]


@pytest.fixture
def open_tui(tmp_path: Path) -> Iterator[Open]:
    """Open the TUI in a terminal of 80x24."""
    opened: list[AbstractContextManager[Terminal]] = []

    def open_at(url: str, key: str = KEY, program: Sequence[str] = TBOT, **more: str) -> Terminal:
        environ = {"HOME": str(tmp_path), "TBOT_BASE_URL": url, "TBOT_API_KEY": key, **more}
        opened.append(Terminal(program, environ))
        return opened[-1].__enter__()

    yield open_at
    for terminal in opened:
        terminal.__exit__(None, None, None)


@pytest.fixture
def office_url() -> Iterator[tuple[FakeServer, str]]:
    """Serve an office over HTTP."""
    office = FakeServer()
    with http_server.serve(office.app) as running:
        yield office, running.url


@pytest.fixture
def world(sqlite: str) -> Iterator[World]:
    """Return simulated services."""
    with World(sqlite) as everything:
        yield everything


def test_everything_can_be_done_with_the_keyboard_at_80x24(world: World, open_tui: Open) -> None:
    """Each kind of sync, then rules, forwards, users and keys: created, toggled and deleted."""
    room = world.webex.add_room("Help Desk")
    for account in world.accounts.values():
        world.webex.join(room, account)
    ticket = world.connectwise.add_ticket(board=world.board, company=world.company, summary="Old", notify=False)
    with world.server(TBOT_ADMIN_EMAIL="ana@msp.example", TBOT_ADMIN_KEY=KEY) as server:
        tui, api = open_tui(server.url), client.Client(server.url, KEY)
        tui.see("No rules yet.", "notifications on")
        _sync_each_kind(tui)
        assert [board.name for board in api.boards()] == ["Service Desk", "Projects"]
        assert "Help Desk" in [recipient.name for recipient in api.recipients()]
        assert api.ticket(ticket).summary == "Old"
        _rules(tui, api)
        _forwards(tui, api)
        _users_and_keys(tui, api, server.url)
        tui.press("ctrl c")
        assert tui.ended() == 0
        assert tui.settings() == tui.settings_before
        api.close()


def _sync_each_kind(tui: Terminal) -> None:
    tui.press("ctrl s").see("No sync has run yet.")
    kinds = ("boards", "recipients", "tickets")
    for number, kind in enumerate(kinds, 1):
        tui.press("n").see("Start sync")
        for other in kinds:
            tui.press(*([] if other == kind else [" "]), "down")
        tui.press("tab", "tab", "enter").see(f"Sync {number} is done", without="Start sync")


def _rules(tui: Terminal, api: client.Client) -> None:
    tui.press("ctrl r", "n").see("Service Desk")
    tui.press(*"serv", "enter").see("Help Desk (room)")
    tui.press(*"help d", "enter", "enter").see("Added: Service Desk > Help Desk.", " yes ")
    (rule,) = api.rules()
    tui.press("e").see("Disabled: Service Desk > Help Desk.")
    assert not api.rule(rule.id).enabled
    tui.press("E").see("Enabled: Service Desk > Help Desk.")
    tui.press("X").see(f"Delete the rule {rule.id}, Service Desk > Help Desk?")
    tui.press("n").see("Service Desk", without="Are you sure?")
    tui.press("x").see("Are you sure?")
    tui.press("y").see("No rules yet.")
    assert api.rules() == []


def _forwards(tui: Terminal, api: client.Client) -> None:
    tui.press("ctrl f").see("No forwards.")
    tui.press("n").see("Add forward", "(room)")
    tui.press(*"help", "enter").see("Help Desk (room)")
    first = api.recipients(recipient_type="person")[0]
    tui.press(*(first.email or ""), "enter", *"2031-02-30").see("There is no such date: 2031-02-30.")
    tui.press("backspace", "backspace", *"01", "enter", *"2031-02-14", "enter", " ", "enter", "enter")
    tui.see(f"Added: Help Desk > {first.name}.", "upcoming")
    (forward,) = api.forwards()
    assert (forward.start, forward.end, forward.keep_copy) == ("2031-02-01", "2031-02-14", True)
    tui.press("e").see("disabled")
    tui.press("x").see(f"Delete the forward {forward.id}, Help Desk > {first.name}", "2031-02-01")
    tui.press("y").see("No forwards.")
    assert api.forwards() == []


def _users_and_keys(tui: Terminal, api: client.Client, url: str) -> None:
    tui.press("ctrl u", "n").see("Add user")
    tui.press(*"Cora Chen", "enter", *"cora@msp.example", "enter", "enter").see("Added: Cora Chen (cora@msp.example).")
    tui.press("ctrl a", "n").see("Create key", "cora@msp.example", without="Loading…")
    screen = tui.press(*"cora", "enter", "enter").see("Copy this key now")
    made = next(line.strip(" │") for line in screen.split("\n") if "tbot_" in line)
    hers = client.Client(url, made)
    assert hers.me().name == "Cora Chen"
    tui.press("enter").see(f"…{made[-4:]}", "2 rows,", without="Copy this key")
    tui.press("x").see(f"Delete the key …{made[-4:]} of Cora Chen")
    tui.press("y").see("Deleted: key", "1 row,")
    tui.press("ctrl u").see("cora@msp.example")
    tui.press("down", "up", "down", "x").see("Delete the user Cora Chen (cora@msp.example) who has no keys?")
    tui.press("y").see("Deleted: Cora Chen")
    assert [user.email for user in api.users()] == ["ana@msp.example"]
    hers.close()


def test_a_dead_notification_is_understood_and_retried(world: World, open_tui: Open) -> None:
    """L5, dead-is-visible: what died is visible, says why, and is sent again from there."""
    with world.server(TBOT_ADMIN_EMAIL="ana@msp.example", TBOT_ADMIN_KEY=KEY) as server:
        world.add_rule("War Room")
        room = next(row["id"] for row in world.webex.visible_rooms() if row["title"] == "War Room")
        world.webex.leave(room)
        world.connectwise.add_ticket(board=world.board, company=world.company, summary="Printer on fire")
        world.settle()
        tui = open_tui(server.url)
        tui.see("War Room")
        tui.press("ctrl n").see("dead", "War Room", "R retry")
        tui.press("d").see("Showing dead ones only.")
        tui.press("w").see("War Room could not be notified", "Given up on ")
        tui.press("esc").see("A retry all", without="Given up on ")
        tui.press("enter").see("Error", "Tracking id", "Press R to resend it.")
        world.webex.join(room, world.webex.bot_id)
        tui.press("r").see("Resending")
        assert wait_for(lambda: len(world.webex.messages()) == 1)
        tui.press("d").see("sent", "rule 1")
        tui.press("w").see("Ticket", "War Room was notified on ")


@pytest.mark.parametrize(
    ("fault", "said", "status"),
    [(500, "Something went wrong", "failing"), (401, "Set TBOT_API_KEY", "not allowed")],
)
def test_a_server_that_refuses_is_told_in_words(
    office_url: tuple[FakeServer, str], open_tui: Open, fault: int, said: str, status: str
) -> None:
    office, url = office_url
    office.fault = fault
    tui = open_tui(url)
    tui.see("─ Error ─", said, status)
    tui.press("enter", "ctrl f").see("From", without="─ Error ─")
    office.fault = None
    tui.see("Zoë Żak", "ready")


def test_a_server_that_is_stopped_is_told_and_its_return_is_noticed(open_tui: Open) -> None:
    office = FakeServer()
    with http_server.serve(office.app) as running:
        port, url = running.port, running.url
        tui = open_tui(url)
        tui.see("Night Shift", "ready")
    tui.see(f"Cannot reach {url}.", "no response")
    tui.press("enter", "n").see("New rule")
    tui.press("esc").see("Board", without="New rule")
    tui.press("ctrl u", "?").see("All keys")
    tui.press("enter")
    with http_server.serve(office.app, port=port):
        tui.see("Ana Alvarez", "ana@msp.example", "ready", without="Cannot reach")


def test_a_slow_server_never_freezes_the_screen(office_url: tuple[FakeServer, str], open_tui: Open) -> None:
    office, url = office_url
    tui = open_tui(url)
    tui.see("Night Shift", "ready")
    office.gate.clear()
    tui.press("ctrl f").see("Loading…")
    tui.press("ctrl u", "ctrl r").see("Night Shift")
    tui.press("/", *"desk").see("/ desk", without="Night Shift")
    tui.press("enter", "n").see("New rule", "Loading…")
    assert wait_for(lambda: tui.screen.split("\n")[0].endswith(" s")), "no spinner"
    office.gate.set()
    tui.see("Projects", without="Loading…")


def test_a_resize_is_followed(office_url: tuple[FakeServer, str], open_tui: Open) -> None:
    tui = open_tui(office_url[1])
    tui.see("Night Shift", "ready")
    tui.resize(120, 40).see("quit")
    assert wait_for(lambda: "quit" in tui.screen.split("\n")[-1] and len(tui.screen.split("\n")) == 40)
    tui.resize(80, 24)
    assert wait_for(lambda: "quit" in tui.screen.split("\n")[-1] and len(tui.screen.split("\n")) == 24)


def _inside(program: str) -> Sequence[str]:
    return {
        "plain": TBOT,
        "tmux": ("tmux", "-f", "/dev/null", "-L", "tbot-test", "new-session", " ".join(TBOT)),
        "screen": ("screen", "-c", "/dev/null", *TBOT),
    }[program]


@pytest.mark.parametrize("multiplexer", ["plain", "tmux", "screen"])
def test_the_control_keys_arrive(office_url: tuple[FakeServer, str], open_tui: Open, multiplexer: str) -> None:
    """Ctrl+S and Ctrl+Q are flow control, Ctrl+C is a signal, Ctrl+R and Ctrl+U edit lines: unless they are taken."""
    program = _inside(multiplexer)
    if not shutil.which(program[0]):
        pytest.skip(f"{multiplexer} is not installed")
    path = shutil.which(program[0]) or program[0]
    tui = open_tui(office_url[1], program=(path, *program[1:]))
    tui.see("Night Shift")
    # screen keeps Ctrl+A for itself and hands on what follows it.
    to_keys = ["ctrl a", "a"] if multiplexer == "screen" else ["ctrl a"]
    for keys, seen in (
        (["ctrl s"], "Took"),
        (["ctrl u"], "E-mail"),
        (to_keys, "Key ends in"),
        (["ctrl n"], "Why"),
        (["ctrl f"], "From"),
        (["ctrl r"], "Board"),
        (["ctrl q", "ctrl s"], "Took"),
    ):
        tui.press(*keys).see(seen)
    tui.press("ctrl c")
    assert tui.ended() == 0
    assert tui.settings() == tui.settings_before


def test_the_terminal_is_as_before_after_a_crash(office_url: tuple[FakeServer, str], open_tui: Open) -> None:
    tui = open_tui(office_url[1], program=(sys.executable, "-c", CRASH))
    tui.see("Night Shift")
    assert tui.settings() != tui.settings_before
    tui.press("?")
    assert tui.ended() == 1
    assert "Internal error: ZeroDivisionError" in tui.see("Internal error")
    assert tui.settings() == tui.settings_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_before_after_a_signal(
    office_url: tuple[FakeServer, str], open_tui: Open, number: signal.Signals
) -> None:
    tui = open_tui(office_url[1])
    tui.see("Night Shift")
    tui.signal(number)
    assert tui.ended() == 128 + number
    assert tui.settings() == tui.settings_before


def test_without_a_terminal_the_command_line_is_pointed_out(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "TBOT_API_KEY": KEY}
    ended = subprocess.run(
        TBOT, check=False, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert "The TUI needs a terminal." in ended.stderr


def test_no_color_means_no_colour(office_url: tuple[FakeServer, str], open_tui: Open) -> None:
    plain = open_tui(office_url[1], NO_COLOR="1")
    plain.see("Night Shift")
    assert b"\x1b[38;" not in plain.written
    coloured = open_tui(office_url[1])
    coloured.see("Night Shift")
    assert b"38;5;" in coloured.written
