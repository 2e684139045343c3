"""The entry point: what is printed where, and with which exit status."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticketbot import __main__, __version__, errors
from ticketbot.cli import usage
from ticketbot.cli.commands import config, version
from ticketbot.cli.context import Context
from ticketbot.settings import table

SERVER = {
    "TBOT_CW_COMPANY": "acme",
    "TBOT_CW_PUBLIC_KEY": "public-key-of-acme",
    "TBOT_CW_PRIVATE_KEY": "private-key-of-acme",
    "TBOT_CW_CLIENT_ID": "6b2a4f60-client",
    "TBOT_WEBEX_TOKEN": "token-of-the-bot",
}


@pytest.fixture(autouse=True)
def _own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Outcome:
    """What one command line did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def tbot(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs one command line in this process."""

    def run(*argv: str, **environ: str) -> Outcome:
        status = __main__.main(argv, environ)
        return Outcome(status, *capsys.readouterr())

    return run


def failing(error: BaseException) -> Callable[..., int]:
    def command(*_: object) -> int:
        raise error

    return command


class TestHelp:
    def test_tbot_alone_is_the_terminal_ui_which_needs_a_key(self, tbot) -> None:
        shown = tbot()
        assert (shown.status, shown.out) == (2, "")
        assert shown.err.startswith("tbot: TBOT_API_KEY is not set")
        assert "`tbot init` makes the first, `tbot create key` more" in shown.err

    @pytest.mark.parametrize("argv", [("--help",), ("-h",), ("help",), ("--log-level=info", "--help")])
    def test_help_shows_all_commands_on_one_screen(self, tbot, argv: tuple[str, ...]) -> None:
        shown = tbot(*argv)
        assert (shown.status, shown.err) == (0, "")
        assert shown.out == usage.overview()
        assert all(re.search(rf"  {command} +[A-Z]", shown.out) for command in usage.names())
        assert len(shown.out.splitlines()) <= 22  # of 24 rows, with the command above it and the prompt below
        assert max(map(len, shown.out.splitlines())) <= 80

    @pytest.mark.parametrize("argv", [("help", "serve"), ("serve", "--help"), ("serve", "--port=1", "-h")])
    def test_one_command_is_shown_with_its_options_and_no_others(self, tbot, argv: tuple[str, ...]) -> None:
        shown = tbot(*argv)
        assert (shown.status, shown.err) == (0, "")
        assert shown.out.startswith("Run the server.\n\nUsage:\n  tbot serve [options]")
        assert re.findall(r"^  (-\S+)", shown.out, re.MULTILINE) == [
            "--host=<host>",
            "--port=<port>",
            "--skip-missed",
            "--config=<file>",
            "--base-url=<url>",
            "--log-level=<level>",
            "-h",
        ]

    @pytest.mark.parametrize("command", usage.names())
    def test_a_page_has_its_patterns_and_describes_every_option_that_they_name(self, command: str) -> None:
        page = usage.page(command)
        assert f"\n  tbot {command} " in page
        assert "[options]" in page
        assert page.count("Usage:") == page.count("Options:") == 1
        used = re.findall(r"--[a-z-]+", "".join(usage.patterns(command)))
        assert set(used) <= set(re.findall(r"^  (--[a-z-]+)", page, re.MULTILINE))

    def test_a_topic_has_a_page_with_only_its_options(self, tbot) -> None:
        shown = tbot("help", "create", "rule")
        assert (shown.status, shown.err) == (0, "")
        assert shown.out == tbot("create", "rule", "--help").out
        assert "--recipient=<name>" in shown.out
        assert "--email" not in shown.out
        assert "tbot create key" not in shown.out

    def test_version_as_an_option_prints_the_version(self, tbot) -> None:
        assert tbot("--version").out == tbot("version").out == f"tbot {__version__}\n"
        assert json.loads(tbot("--version", "--json").out)["version"] == __version__


class TestUsageErrors:
    @pytest.mark.parametrize(
        ("line", "problem", "see"),
        [
            ("lst", "There is no command 'lst'. Did you mean list?", "tbot help"),
            ("--nonsense", "There is no option '--nonsense'.", "tbot help"),
            ("--config", "--config needs a value: --config=<file>.", "tbot help"),
            ("help nonsense", "There is no command 'nonsense'.", "tbot help"),
            (
                "help create ruel",
                "'ruel' is not one of rule, forward, silence, quiet-hours, user, key. Did you mean rule?",
                "tbot help create",
            ),
            ("serve --prot=1", "There is no option '--prot'. Did you mean --port?", "tbot help serve"),
            ("serve --port", "--port needs a value: --port=<port>.", "tbot help serve"),
            ("serve demo", "Unexpected word 'demo'.", "tbot help serve"),
            ("version --json=1", "--json takes no value.", "tbot help version"),
            ("version x\ny", "Unexpected word 'x'.", "tbot help version"),
            ("list", "`tbot list` needs one of boards, members, rules", "tbot help list"),
            ("list bords", "'bords' is not one of boards, members, rules", "tbot help list"),
            ("list rules --state=dead", "`tbot list rules` does not take --state.", "tbot help list rules"),
            ("get rule", "`tbot get rule` needs <id>.", "tbot help get rule"),
            ("get rule 1 2", "Unexpected word '2'.", "tbot help get rule"),
            (
                "create rule",
                "`tbot create rule` needs --board-id=<id> or --board=<name> or --all-boards.",
                "tbot help create rule",
            ),
            (
                "create rule --board-id=1",
                "`tbot create rule` needs --recipient-id=<id> or --recipient=<name> or --assigned.",
                "tbot help create rule",
            ),
            (
                "create rule --board-id=1 --board=x --recipient-id=1",
                "--board does not go with",
                "tbot help create rule",
            ),
            ("ping {typed}", "Unexpected word '{typed}'.", "tbot help ping"),
            ("create user --name=Ana", "`tbot create user` needs --email=<email>.", "tbot help create user"),
            ("update config --max=1", "--max can mean --max-message-length or --max-conc", "tbot help update config"),
            ("retry", "`tbot retry` needs <notification-id>", "tbot help retry"),
            ("retry 1 --dead", "Unexpected", "tbot help retry"),
            ("sync nonsense", "Unexpected word 'nonsense'", "tbot help sync"),
            ("sync --nonsense", "There is no option '--nonsense'.", "tbot help sync"),
            ("completion", "`tbot completion` needs one of bash, zsh, fish.", "tbot help completion"),
            ("config -x", "There is no option '-x'.", "tbot help config"),
        ],
    )
    def test_two_lines_name_the_word_and_the_help_to_read(self, tbot, line: str, problem: str, see: str) -> None:
        shown = tbot(*line.split())
        assert (shown.status, shown.out) == (2, "")
        first, second = shown.err.splitlines()
        assert first.startswith(f"tbot: {problem}")
        assert second == f"See: {see}"

    # Commands that would do something are left out; `serve` stops at the settings it lacks.
    words = st.sampled_from(
        [
            "serve",
            "config",
            "version",
            "help",
            "--port",
            "--port=1",
            "--json",
            "-h",
            "--",
            "-",
            "--=",
            "-p7",
            "--config",
        ]
    )

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(words | st.text(st.characters(exclude_characters="\x00"), max_size=6), max_size=5))
    def test_no_command_line_causes_a_traceback(self, tbot, argv: list[str]) -> None:
        if not {"demo", "init", "migrate"} & set(argv):
            assert tbot(*argv).status in (0, 2, 8)


class TestSettings:
    def test_all_missing_settings_are_named_a_line_each(self, tbot) -> None:
        """O9."""
        shown = tbot("serve", TBOT_WEBEX_TOKEN="token-of-the-bot")
        assert (shown.status, shown.out) == (2, "")
        named = [re.match(r"tbot: (TBOT_\w+) is not set: .*\.$", line) for line in shown.err.splitlines()]
        assert [match and match[1] for match in named] == [name for name in SERVER if name != "TBOT_WEBEX_TOKEN"]

    def test_all_malformed_settings_are_named_a_line_each(self, tbot) -> None:
        shown = tbot("config", "--log-level=loud", TBOT_PORT="x")
        assert shown.status == 2
        assert shown.err == (
            "tbot: TBOT_PORT is 'x'. Give a whole number from 0 to 65535.\n"
            "tbot: --log-level is 'loud'. Give one of debug, info, warning, error.\n"
        )

    def test_config_shows_each_setting_with_its_origin(self, tbot, tmp_path: Path) -> None:
        file = tmp_path / "tbot.toml"
        file.write_text("workers = 7")
        shown = tbot("config", f"--config={file}", COLUMNS="500", **SERVER)
        assert (shown.status, shown.err) == (0, "")
        rows = [re.split(r"  +", line) for line in shown.out.splitlines()]
        assert [row[0] for row in rows] == [row.name for row in table.TABLE]
        assert ["TBOT_WORKERS", "7", f"file {file}"] in rows
        assert ["TBOT_CW_COMPANY", "acme", "environment"] in rows
        assert ["TBOT_API_KEY", "(not set)", "default"] in rows
        assert ["TBOT_WEBEX_TOKEN", "(hidden)", "environment"] in rows

    def test_config_json_is_one_document_without_secrets(self, tbot) -> None:
        """A6."""
        shown = tbot("config", "--json", "--log-level=debug", **SERVER)
        rows = {row.pop("setting"): row for row in json.loads(shown.out)}
        assert rows["TBOT_LOG_LEVEL"] == {"value": "debug", "origin": "flag", "secret": False}
        assert rows["TBOT_API_KEY"] == {"value": None, "origin": "default", "secret": True}
        assert not any(SERVER[name] in shown.out for name in SERVER if name != "TBOT_CW_COMPANY")

    def test_misspelled_variable_is_pointed_out_on_stderr(self, tbot) -> None:
        shown = tbot("config", "--json", TBOT_PRT="7")
        assert shown.status == 0
        assert shown.err == "tbot: warning: 'TBOT_PRT' in the environment is no setting. Did you mean TBOT_PORT?\n"
        json.loads(shown.out)

    def test_the_server_logs_it_instead(self, tbot) -> None:
        """O1."""
        shown = tbot("serve", TBOT_PRT="7", TBOT_LOG_FORMAT="json")
        first = json.loads(shown.err.splitlines()[0])
        assert first["level"] == "warning"
        assert "TBOT_PORT" in first["message"]


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "status", "line"),
        [
            (errors.TicketbotError("No. Try again."), 1, "tbot: No. Try again.\n"),
            (
                errors.SettingsError("A is bad. Mend it\nB is bad. Mend it"),
                2,
                "tbot: A is bad. Mend it.\ntbot: B is bad. Mend it.\n",
            ),
            (errors.InvalidInput("No rule"), 3, "tbot: No rule.\n"),
            (
                errors.InvalidInput(
                    "No rule", [errors.FieldError("board_id", "There is no board 7."), errors.FieldError("x", "is no")]
                ),
                3,
                "tbot: No rule: board_id: there is no board 7; x: is no.\n",
            ),
            (errors.InvalidInput("Is it workers?"), 3, "tbot: Is it workers?\n"),
            (errors.InvalidInput("Webex says no.. "), 3, "tbot: Webex says no.\n"),
            (errors.NotFound("no\nsuch\x1b[2J"), 4, "tbot: no\\nsuch\\x1b[2J.\n"),
            (errors.Conflict("there is one"), 5, "tbot: there is one.\n"),
            (errors.NotAllowed("wrong key"), 6, "tbot: wrong key.\n"),
            (errors.SchemaTooNew("too new"), 7, "tbot: too new.\n"),
            (errors.Unreachable("gone"), 8, "tbot: gone.\n"),
            (errors.RemoteRefused("Webex says no", service="webex", status=400), 8, "tbot: Webex says no.\n"),
            (KeyboardInterrupt(), 130, ""),
            (BrokenPipeError(), 141, ""),
        ],
    )
    def test_an_error_is_a_line_and_an_exit_status(
        self, tbot, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, line: str
    ) -> None:
        monkeypatch.setattr(version, "run", failing(error))
        shown = tbot("version", TBOT_DEBUG="0")
        assert (shown.status, shown.out, shown.err) == (status, "", line)

    def test_ctrl_c_while_a_class_is_created_is_ctrl_c(self, tbot, monkeypatch: pytest.MonkeyPatch) -> None:
        """Python 3.11 makes a RuntimeError of it."""

        class Field:
            def __set_name__(self, owner: type, name: str) -> None:
                raise KeyboardInterrupt

        monkeypatch.setattr(version, "run", lambda *_: type("Settings", (), {"field": Field()}))
        shown = tbot("version")
        assert (shown.status, shown.out, shown.err) == (130, "", "")

    def test_a_bug_is_one_line_that_says_how_to_see_more(self, tbot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(version, "run", failing(KeyError("x")))
        shown = tbot("version")
        assert shown.status == 1
        assert shown.err == "tbot: Internal error: KeyError: 'x'. Run again with TBOT_DEBUG=1 and report the output.\n"

    @pytest.mark.parametrize("error", [KeyError("x"), errors.Conflict("x")])
    def test_debugging_adds_the_traceback(self, tbot, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        monkeypatch.setattr(version, "run", failing(error))
        shown = tbot("version", TBOT_DEBUG="1")
        assert shown.err.startswith("Traceback (most recent call last):\n")
        assert shown.err.splitlines()[-1].startswith("tbot: ")

    def test_no_secret_of_the_settings_is_shown_even_then(self, tbot, monkeypatch: pytest.MonkeyPatch) -> None:
        """A6."""

        def command(context: Context) -> int:
            raise ValueError(f"bad token {context.settings.webex_token}")

        monkeypatch.setattr(config, "run", command)
        shown = tbot("config", TBOT_DEBUG="1", **SERVER)
        assert "bad token ***" in shown.err
        assert "token-of-the-bot" not in shown.err + shown.out


class TestProcess:
    """The program as a process of its own."""

    @staticmethod
    def environment(**more: str) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("TBOT_")} | more

    def test_python_m_ticketbot_is_tbot(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "ticketbot", "version"],
            capture_output=True,
            text=True,
            env=self.environment(),
            check=True,
        )
        assert (done.stdout, done.stderr) == (f"tbot {__version__}\n", "")

    def test_version_imports_no_front_end_and_no_library_of_one(self) -> None:
        code = "import sys; from ticketbot.__main__ import main; main(['version'], {}); print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=self.environment(), check=True
        )
        loaded = {name.partition(".")[0] for name in done.stdout.split()}
        assert "docopt" in loaded
        assert not loaded & {
            "peewee",
            "waitress",
            "urwid",
            "requests",
            "bottle",
            "rich",
            "psycopg2",
            "msgspec",
            "logging",
        }

    def test_usage_survives_python_optimization(self) -> None:
        done = subprocess.run(
            [sys.executable, "-OO", "-m", "ticketbot", "help"],
            capture_output=True,
            text=True,
            env=self.environment(),
            check=True,
        )
        assert done.stdout == usage.overview()

    def test_broken_pipe_is_no_error(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            done = subprocess.run(
                [sys.executable, "-m", "ticketbot", "config"],
                stdout=pipe,
                stderr=subprocess.PIPE,
                env=self.environment(),
                check=False,
            )
        assert (done.returncode, done.stderr) == (141, b"")
