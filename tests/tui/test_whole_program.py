"""`tbot` in a real pseudo-terminal against a real server: what a service-desk lead does, with the keyboard alone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.databases import Outage
from tests.environment import World, wait_for
from tests.servers import ServerProcess
from tests.tui import seed
from tests.tui.terminal_emulator import Terminal
from ticketbot.api import client

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
def world(sqlite: str) -> Iterator[World]:
    """Return simulated services."""
    with World(sqlite) as everything:
        yield everything


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """Serve a database with a few rows of everything."""
    with world.server(TBOT_ADMIN_EMAIL="zoe@msp.example", TBOT_ADMIN_KEY=KEY) as server:
        seed.fill(datetime.now(UTC))
        yield server.url


def test_everything_can_be_done_with_the_keyboard_at_80x24(world: World, open_tui: Open) -> None:
    """Each kind of sync, then rules, forwards, users and keys: created, toggled and deleted."""
    room = world.webex.add_room("Help Desk")
    for account in world.accounts.values():
        world.webex.join(room, account)
    ticket = world.connectwise.add_ticket(board=world.board, company=world.company, summary="Old", notify=False)
    with world.server(TBOT_ADMIN_EMAIL="ana@msp.example", TBOT_ADMIN_KEY=KEY) as server:
        tui, api = open_tui(server.url), client.Client(server.url, KEY)
        tui.see("No rules.", "notifications on")
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
    tui.press("ctrl s").see("No syncs.")
    kinds = ("boards", "recipients", "tickets")
    for number, kind in enumerate(kinds, 1):
        tui.press("n").see("Start sync")
        for other in kinds:
            tui.press(*([] if other == kind else [" "]), "down")
        tui.press("tab", "tab", "enter").see(f"Sync {number} is done", without="Start sync")


def _rules(tui: Terminal, api: client.Client) -> None:
    tui.press("ctrl r", "n").see("Service Desk")
    tui.press(*"serv", "enter").see("Help Desk (room)")
    tui.press(*"help d", *["enter"] * 6).see("Added: rule 1 (Service Desk > Help Desk).", " enabled")
    (rule,) = api.rules()
    tui.press("e").see("Disabled: Service Desk > Help Desk.")
    assert not api.rule(rule.id).enabled
    tui.press("E").see("Enabled: Service Desk > Help Desk.")
    tui.press("X").see(f"Delete rule {rule.id} (Service Desk > Help Desk)?")
    tui.press("n").see("Service Desk", without="Are you sure?")
    tui.press("x").see("Are you sure?")
    tui.press("y").see("No rules.")
    assert api.rules() == []


def _forwards(tui: Terminal, api: client.Client) -> None:
    tui.press("ctrl f").see("No forwards.")
    tui.press("n").see("Add forward", "(room)")
    tui.press(*"help", "enter").see("Help Desk (room)")
    first = api.recipients(recipient_type="person")[0]
    tui.press(*(first.email or ""), "enter", *"2031-02-30").see("There is no 30 February.")
    tui.press("backspace", "backspace", *"01", "enter", *"2031-02-14", "enter", " ", *["enter"] * 4)
    tui.see(f"(Help Desk > {first.name}).", "upcoming")
    (forward,) = api.forwards()
    assert (forward.start, forward.end, forward.keep_copy) == ("2031-02-01", "2031-02-14", True)
    tui.press("e").see("disabled")
    tui.press("x").see(f"Delete forward {forward.id} (Help Desk > {first.name})")
    tui.press("y").see("No forwards.")
    assert api.forwards() == []


def _users_and_keys(tui: Terminal, api: client.Client, url: str) -> None:
    tui.press("ctrl u", "n").see("Add user")
    tui.press(*"Cora Chen", "enter", *"cora@msp.example", "enter", "enter").see(
        "Added: user 2 (Cora Chen <cora@msp.example>)."
    )
    tui.press("ctrl a", "n").see("Create key", "cora@msp.example", without="Loading…")
    screen = tui.press(*"cora", *["enter"] * 4).see("Copy this key now")
    made = next(line.strip(" │") for line in screen.split("\n") if "tbot_" in line)
    hers = client.Client(url, made)
    assert hers.me().name == "Cora Chen"
    tui.press("enter").see(f" {made[-4:]} ", "Added: key 2.", without="Copy this key")
    tui.press("x").see("Delete key 2 (of user 2, ending in")
    tui.press("y").see("Deleted: key", without=f" {made[-4:]} ")
    tui.press("ctrl u").see("cora@msp.example")
    tui.press("down", "up", "down", "x").see("Delete user 2 (Cora Chen <cora@msp.example>, including all keys)?")
    tui.press("y").see("Deleted: user 2")
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
        tui.press("enter").see("error ", "tracking id", "Retry it once the cause is fixed.")
        world.webex.join(room, world.webex.bot_id)
        tui.press("r").see("Retrying")
        assert wait_for(lambda: len(world.webex.messages()) == 1)
        tui.press("d").see("sent", "rule 1")
        tui.press("w").see("Ticket", "War Room was notified on ")


def test_a_server_that_is_gone_is_told_and_its_return_is_noticed(world: World, open_tui: Open) -> None:
    with ServerProcess(world.environ(TBOT_ADMIN_EMAIL="zoe@msp.example", TBOT_ADMIN_KEY=KEY)) as server:
        seed.fill(datetime.now(UTC))
        tui = open_tui(server.url)
        tui.see("Night Shift", "notifications on")
        server.kill()
        tui.see(f"Cannot reach {server.url}.", "no response")
        tui.press("enter", "n").see("New rule")
        tui.press("esc").see("Night Shift", without="New rule")
        tui.press("ctrl u", "?").see("All keys")
        tui.press("enter")
        server.start()
        tui.see("Ana Alvarez", "ana@msp.example", without="Cannot reach")


def test_a_wrong_key_is_told_in_words(url: str, open_tui: Open) -> None:
    open_tui(url, key="wrong").see("┌ Error", "The server does not accept TBOT_API_KEY", "not allowed")


def test_a_slow_server_never_freezes_the_screen(world: World, url: str, open_tui: Open) -> None:
    tui = open_tui(url)
    tui.see("Night Shift", "notifications on")
    with _blocked(world):
        tui.press("e").see("Night Shift")
        tui.press("/", *"desk").see("/ desk", without="Night Shift")
        assert wait_for(lambda: tui.screen.split("\n")[0].endswith(" s")), "no spinner"
        tui.press("esc").see("Night Shift")
    tui.see("Disabled: ")


@contextmanager
def _blocked(world: World) -> Iterator[None]:
    """Hold the lock of the database, so that no change gets through."""
    outage = Outage(world.database_url)
    outage.begin()
    try:
        yield
    finally:
        outage.close()


def test_a_resize_is_followed(url: str, open_tui: Open) -> None:
    tui = open_tui(url)
    tui.see("Night Shift", "notifications on")
    for size in ((120, 40), (80, 24)):
        tui.resize(*size)
        assert wait_for(
            lambda rows=size[1]: "quit" in tui.screen.split("\n")[-1] and len(tui.screen.split("\n")) == rows
        )


def test_a_copied_value_reaches_the_terminal(url: str, open_tui: Open) -> None:
    tui = open_tui(url)
    tui.see("Night Shift")
    tui.press("ctrl u").see("zoe@msp.example")
    tui.press("y").see("Copied: zoe@msp.example")
    assert b"\x1b]52;c;em9lQG1zcC5leGFtcGxl\x07" in tui.written


def _inside(program: str) -> Sequence[str]:
    return {
        "plain": TBOT,
        "tmux": ("tmux", "-f", "/dev/null", "-L", "tbot-test", "new-session", " ".join(TBOT)),
        "screen": ("screen", "-c", "/dev/null", *TBOT),
    }[program]


@pytest.mark.parametrize("multiplexer", ["plain", "tmux", "screen"])
def test_the_control_keys_arrive(url: str, open_tui: Open, multiplexer: str) -> None:
    """Ctrl+S and Ctrl+Q are flow control, Ctrl+C is a signal, Ctrl+R and Ctrl+U edit lines: unless they are taken."""
    program = _inside(multiplexer)
    if not shutil.which(program[0]):
        pytest.skip(f"{multiplexer} is not installed")
    path = shutil.which(program[0]) or program[0]
    tui = open_tui(url, program=(path, *program[1:]))
    tui.see("Night Shift")
    # screen keeps Ctrl+A for itself and hands on what follows it.
    to_keys = ["ctrl a", "a"] if multiplexer == "screen" else ["ctrl a"]
    for keys, seen in (
        (["ctrl s"], " took "),
        (["ctrl u"], " email "),
        (to_keys, " ends in "),
        (["ctrl n"], " why"),
        (["ctrl f"], " destination "),
        (["ctrl t"], " company "),
        (["ctrl r"], " board "),
        (["ctrl q", "ctrl s"], " took "),
    ):
        tui.press(*keys).see(seen)
    tui.press("ctrl c")
    assert tui.ended() == 0
    assert tui.settings() == tui.settings_before


def test_the_terminal_is_as_before_after_a_crash(url: str, open_tui: Open) -> None:
    tui = open_tui(url, program=(sys.executable, "-c", CRASH))
    tui.see("Night Shift")
    assert tui.settings() != tui.settings_before
    tui.press("?")
    assert tui.ended() == 1
    assert "Internal error: ZeroDivisionError" in tui.see("Internal error")
    assert tui.settings() == tui.settings_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_as_before_after_a_signal(url: str, open_tui: Open, number: signal.Signals) -> None:
    tui = open_tui(url)
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


def test_no_color_means_no_color(url: str, open_tui: Open) -> None:
    plain = open_tui(url, NO_COLOR="1")
    plain.see("Night Shift")
    assert b"\x1b[38;" not in plain.written
    colored = open_tui(url)
    colored.see("Night Shift")
    assert b"38;5;" in colored.written
