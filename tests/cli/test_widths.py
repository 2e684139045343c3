"""At 80 columns nothing is wider than 80 cells, and no id, state or key is cut, whatever things are called."""

from __future__ import annotations

import re
import shlex

import pytest
import wcwidth

from tests.cli.cli_runner import CliRunner
from ticketbot.cli import usage
from ticketbot.present import text as texts

NAMES = {
    "plain": "Help Desk",
    "long": "Hanrahan " * 22 + "Ltd",
    "one long word": "x" * 200,
    "emoji": "🚒 Fire 👩‍👩‍👧 ❤️ 🇩🇪 👍🏽 " * 6,
    "right to left": "מוקד תמיכה طلبات الدعم " * 8,
    "wide": "サポート窓口" * 30,
    "hostile": "\x1b[31mred\x1b[0m\r\n\x9b2J\u202eevil\u2066\x07\t" * 5,
}
LINES = [
    "list boards",
    "list members",
    "list recipients",
    "list rules",
    "list forwards",
    "list users",
    "list keys",
    "list tickets",
    "list events",
    "list notifications",
    "list audit",
    "list syncs",
    "get recipient 1",
    "get rule 1",
    "get forward 1",
    "get ticket 1234",
    "get event 1",
    "get notification 1",
    "get config",
    "get user 1",
    "get key 1",
    "explain 1234",
    "sync --all",
    "sync status",
    "config",
    "ping",
    "authcheck",
    "test 1",
    "retry 1",
    "retry --dead",
    "create rule --board-id=1 --recipient-id=2",
    "update rule 1 --enabled=false",
    "create key --user-id=1",
    "delete forward 1 --yes",
]
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def widest(text: str) -> int:
    """Return the cells of the widest line; a control character would make it -1."""
    widths = [wcwidth.wcswidth(line) for line in ESCAPES.sub("", text).split("\n")]
    assert min(widths) >= 0, text
    return max(widths)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}], ids=str)
def test_on_a_terminal_no_line_is_wider_than_80_cells(cli: CliRunner, name: str, environ: dict[str, str]) -> None:
    cli.furnish(name, board=name)
    for line in LINES:
        done = cli.tbot(*shlex.split(line), answer="y", **environ)
        assert done.status == 0, done
        shown = done.out + done.err
        if line != "sync --all":  # bars are drawn over themselves
            assert widest(shown) <= 80, f"{line}\n{shown}"
        assert not environ or not re.search(r"\x1b\[[0-9;]*3[0-7]", shown)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_without_a_terminal_nothing_is_truncated_and_there_are_no_escapes(cli: CliRunner, name: str) -> None:
    cli.furnish(name, board=name)
    for line in LINES:
        done = cli.tbot(*shlex.split(line), COLUMNS="40")
        assert done.status == 0, done
        assert "\x1b" not in done.out + done.err
        assert texts.ELLIPSIS not in done.out
    assert texts.clean(name).strip() in cli.tbot("list", "recipients").out


def test_the_columns_of_a_list_do_not_depend_on_its_values(cli: CliRunner) -> None:
    cli.furnish()
    long = "2026-03-01T08:00:00.123456+01:00"
    before = cli.tbot("list", "forwards", terminal=True, NO_COLOR="1").out.splitlines()[0].split()
    assert cli.tbot("update", "forward", "1", f"--start={long}", "--end=2030-12-31").status == 0
    after = cli.tbot("list", "forwards", terminal=True).out
    assert ESCAPES.sub("", after).splitlines()[0].split() == before
    assert "2026-03-01 07:00Z" in cli.tbot("list", "forwards").out


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_ids_and_states_are_whole(cli: CliRunner, name: str) -> None:
    cli.furnish(name, board=name)
    rules = cli.tbot("list", "rules").out
    assert re.search(r"^1 +1 .* 1 .* room +new +- +- +enabled$", rules, re.M), rules
    assert re.search(r"^1234 .* open$", cli.tbot("list", "tickets").out, re.M)
    assert re.search(r"^1 .* 1234 +new .* dead ", cli.tbot("list", "notifications").out, re.M)


def test_ids_that_leave_no_room_for_names_are_shown_field_by_field_and_whole(cli: CliRunner) -> None:
    cli.furnish()
    shown = cli.tbot("list", "rules", terminal=True, COLUMNS="40").out
    assert widest(shown) <= 40
    assert re.search(r"^board id +1$", shown, re.M)
    assert re.search(r"^state +enabled$", shown, re.M)


def test_an_id_of_80_characters_stands_in_a_line_of_its_own(cli: CliRunner) -> None:
    cli.furnish()
    message_id = "Y2lzY29zcGFyazovL3VzL01FU1NBR0U" * 3
    from ticketbot.database import db
    from ticketbot.models import messages

    with db.transaction("test"):
        messages.Message.update(webex_message_id=message_id[:79]).execute()
    assert f"\nwebex message id\n{message_id[:79]}\n" in cli.tbot("get", "notification", "1", terminal=True).out


def test_the_key_is_whole_and_alone(cli: CliRunner) -> None:
    done = cli.tbot("create", "key", "--user-id=1", terminal=True)
    assert re.fullmatch(r"tbot_[\w-]{48}\n", done.out)


def test_help_fits_a_screen_of_80_by_24() -> None:
    assert len(usage.overview().splitlines()) <= 24
    assert widest(usage.overview()) <= 80


@pytest.mark.parametrize("command", usage.names())
def test_the_page_of_a_command_fits_80_columns(command: str) -> None:
    assert widest(usage.page(command)) <= 80
