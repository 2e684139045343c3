"""Settings: where they come from, which wins, and what is said of those that are wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ticketbot import errors, log
from ticketbot.settings import sources, table

Load = Callable[..., table.Settings]
SERVER = {
    "TBOT_CW_COMPANY": "acme",
    "TBOT_CW_PUBLIC_KEY": "public-key-of-acme",
    "TBOT_CW_PRIVATE_KEY": "private-key-of-acme",
    "TBOT_CW_CLIENT_ID": "6b2a4f60-client",
    "TBOT_WEBEX_TOKEN": "token-of-the-bot",
}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return `config.load` with directories of its own; further words are the text of config.toml."""

    def load(environ: dict[str, str] | None = None, toml: str = "", flags: dict[str, str] | None = None):
        if toml:
            (tmp_path / "config.toml").write_text(toml)
            (tmp_path / "config.toml").chmod(0o600)
        return table.load(flags or {}, environ or {}, config_dir=tmp_path, data_dir=tmp_path / "data")

    return load


def refusal(load: Load, *args: object, **kwargs: object) -> list[str]:
    with pytest.raises(errors.SettingsError) as refused:
        load(*args, **kwargs)
    return str(refused.value).split("\n")


class TestPrecedence:
    def test_nothing_set_means_the_documented_defaults(self, load: Load, tmp_path: Path) -> None:
        settings = load()
        assert settings.database_url == f"sqlite:///{tmp_path}/data/tbot.db"
        assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 4)
        assert (settings.cw_url, settings.cw_codebase) == ("https://api-na.myconnectwise.net", "v4_6_release")
        assert (settings.cw_calls_per_minute, settings.cw_key_hosts) == (1000, ())
        assert (settings.webex_url, settings.base_url) == ("https://webexapis.com/v1", "http://127.0.0.1:8080")
        assert (settings.timezone, settings.trusted_proxies) == (ZoneInfo("UTC"), ())
        assert (settings.log_level, settings.log_format) == ("info", "auto")
        assert (settings.public_url, settings.admin_email, settings.api_key) == ("", "", "")
        assert (settings.hooks_host, settings.hooks_port) == ("", None)
        assert set(settings.origins.values()) == {"default"}

    def test_a_flag_beats_the_environment_which_beats_the_file(self, load: Load, tmp_path: Path) -> None:
        toml = 'host = "10.0.0.1"\nport = 1\nworkers = 7'
        settings = load({"TBOT_PORT": "2", "TBOT_HOST": "10.0.0.2"}, toml, {"--host": "10.0.0.3"})
        assert (settings.host, settings.port, settings.workers) == ("10.0.0.3", 2, 7)
        assert settings.origins["host"] == "flag"
        assert settings.origins["port"] == "environment"
        assert settings.origins["workers"] == f"file {tmp_path / 'config.toml'}"
        assert settings.origins["timezone"] == "default"

    def test_an_empty_variable_is_not_set(self, load: Load) -> None:
        assert load({"TBOT_PORT": "", "TBOT_WEBEX_TOKEN_FILE": ""}, "port = 7").port == 7

    def test_an_empty_flag_is_set_and_wrong(self, load: Load) -> None:
        assert refusal(load, flags={"--port": ""}) == ["--port is ''. Give a whole number from 0 to 65535"]

    def test_the_config_flag_names_another_file(self, load: Load, tmp_path: Path) -> None:
        other = tmp_path / "other.toml"
        other.write_text("port = 9")
        settings = load(flags={"--config": str(other)})
        assert (settings.port, settings.config_file) == (9, other)

    def test_without_a_file_the_platforms_place_is_named_for_init_to_write(self, load: Load, tmp_path: Path) -> None:
        assert load().config_file == tmp_path / "config.toml"

    def test_lists_in_the_file_are_lists(self, load: Load) -> None:
        settings = load(toml='trusted_proxies = ["10.1.2.3/8", "::1"]\ncw_key_hosts = ["A.example", "b.example:8443"]')
        assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
        assert settings.cw_key_hosts == ("a.example", "b.example:8443")

    def test_secrets_are_never_flags(self) -> None:
        assert table.FLAGS == ("--config", "--host", "--port", "--log-level", "--base-url")
        assert not any(row.flag for row in table.TABLE if row.is_secret)


class TestSecretsFromFiles:
    def test_every_secret_can_come_from_a_file(self, load: Load, tmp_path: Path) -> None:
        for row in table.TABLE:
            if row.is_secret:
                text = "postgresql://u:pw@h/n" if row.key == "database_url" else "a-key-of-twenty-characters"
                (tmp_path / row.key).write_text(f"{text}\n")
                environ = {f"{row.name}_FILE": str(tmp_path / row.key), "TBOT_ADMIN_EMAIL": "ana@example.com"}
                settings = load(environ)
                assert getattr(settings, row.key) == text
                assert settings.origins[row.key] == f"file {tmp_path / row.key}"

    def test_the_config_file_can_name_one_too(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "webex").write_text("token-of-the-bot\r\n")
        assert load(toml=f'webex_token_file = "{tmp_path / "webex"}"').webex_token == "token-of-the-bot"

    def test_only_the_newline_at_its_end_is_left_out(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "webex").write_text("token\n\n")
        (line,) = refusal(load, {"TBOT_WEBEX_TOKEN_FILE": str(tmp_path / "webex")})
        assert line.startswith("the content of the file that TBOT_WEBEX_TOKEN_FILE names is malformed. Give it")

    def test_a_file_that_cannot_be_read_is_named_with_its_setting(self, load: Load, tmp_path: Path) -> None:
        for path in (tmp_path / "missing", tmp_path):
            (line,) = refusal(load, {"TBOT_WEBEX_TOKEN_FILE": str(path)})
            assert line.startswith(f"TBOT_WEBEX_TOKEN_FILE names {str(path)!r}, which cannot be read (")

    def test_a_file_that_is_empty_or_no_text_is_refused(self, load: Load, tmp_path: Path) -> None:
        path = tmp_path / "webex"
        for content, what in ((b"\n", "which is empty"), (b"\xff\xfe", "it is not UTF-8 text")):
            path.write_bytes(content)
            (line,) = refusal(load, {"TBOT_WEBEX_TOKEN_FILE": str(path)})
            assert what in line

    def test_value_and_file_together_are_refused(self, load: Load) -> None:
        environ = {"TBOT_API_KEY": "secret-key", "TBOT_API_KEY_FILE": "/run/secrets/key"}
        assert refusal(load, environ) == ["TBOT_API_KEY and TBOT_API_KEY_FILE are both set. Keep one of them"]
        lines = refusal(load, toml='api_key = "secret-key"\napi_key_file = "/run/secrets/key"')
        assert lines[0].startswith("api_key in ")
        assert "are both set" in lines[0]

    def test_the_environment_beats_a_secret_file_named_in_the_config_file(self, load: Load) -> None:
        assert load({"TBOT_API_KEY": "from-environment"}, 'api_key = "from-file"').api_key == "from-environment"


class TestTheFile:
    def test_an_unknown_key_is_refused_with_the_nearest_known_one(self, load: Load, tmp_path: Path) -> None:
        assert refusal(load, toml='webex_tokn = "x"') == [
            f"'webex_tokn' in {tmp_path / 'config.toml'} is no setting. Did you mean webex_token?"
        ]

    def test_only_secrets_have_a_file_key(self, load: Load) -> None:
        assert "'host_file'" in refusal(load, toml='host_file = "x"')[0]

    def test_wrong_toml_is_refused_with_its_line(self, load: Load) -> None:
        (line,) = refusal(load, toml='host = "x"\nport == 7')
        assert "is not TOML" in line
        assert "line 2" in line

    @pytest.mark.parametrize("value", ["true", "1.5", "2024-01-01", "{}", "[1]", "0x" + "f" * 6000])
    def test_a_value_of_a_wrong_type_is_refused(self, load: Load, value: str) -> None:
        (line,) = refusal(load, toml=f"port = {value}")
        assert line.startswith("port in ")

    @pytest.mark.parametrize("content", [b"port = \xff", b"port = " + b"9" * 5000, b"a = " + b"[" * 50_000])
    def test_a_file_that_breaks_the_parser_is_refused_all_the_same(
        self, load: Load, tmp_path: Path, content: bytes
    ) -> None:
        (tmp_path / "config.toml").write_bytes(content)
        (line,) = refusal(load)
        assert line.startswith(str(tmp_path / "config.toml"))

    def test_a_file_that_was_named_must_exist(self, load: Load, tmp_path: Path) -> None:
        (line,) = refusal(load, flags={"--config": str(tmp_path / "nothing.toml")})
        assert line.startswith(f"{tmp_path / 'nothing.toml'} does not exist")

    def test_a_directory_is_no_file(self, load: Load, tmp_path: Path) -> None:
        (line,) = refusal(load, flags={"--config": str(tmp_path)})
        assert "cannot be read" in line

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
    def test_a_file_with_secrets_that_others_can_read_is_refused(self, load: Load, tmp_path: Path, mode: int) -> None:
        """A6."""
        path = tmp_path / "config.toml"
        path.write_text('webex_token = "token-of-the-bot"')
        path.chmod(mode)
        assert refusal(load) == [f"{path} holds secrets and others can read it. Run: chmod 600 {path}"]

    def test_a_file_without_secrets_may_be_read_by_all(self, load: Load, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        path.write_text('port = 7\nwebex_token = ""')
        path.chmod(0o644)
        assert load().port == 7


class TestRefusals:
    def test_all_problems_are_reported_at_once(self, load: Load) -> None:
        lines = refusal(load, {"TBOT_PORT": "70000", "TBOT_WORKERS": "0"}, 'timezone = "Mars/Base"\ncw_ulr = "x"')
        assert len(lines) == 4
        assert "TBOT_PORT is '70000'. Give a whole number from 0 to 65535" in lines
        assert "TBOT_WORKERS is '0'. Give a whole number from 1 to 64" in lines
        assert any(line.startswith("timezone in ") and "is 'Mars/Base'. Give an IANA" in line for line in lines)

    def test_a_long_value_is_quoted_in_part(self, load: Load) -> None:
        (line,) = refusal(load, {"TBOT_PORT": "7" * 1000})
        assert line == f"TBOT_PORT is '{'7' * 60}...'. Give a whole number from 0 to 65535"

    def test_a_malformed_secret_is_not_quoted(self, load: Load) -> None:
        """A6."""
        lines = refusal(load, {"TBOT_DATABASE_URL": "mysql://u:hunter2@h/n", "TBOT_API_KEY": "hunter2\x00"})
        assert [line.partition(".")[0] for line in lines] == [
            "TBOT_DATABASE_URL is malformed",
            "TBOT_API_KEY is malformed",
        ]

    def test_a_value_that_holds_a_password_or_another_secret_is_not_quoted(self, load: Load) -> None:
        """A6."""
        environ = {
            "TBOT_CW_URL": "https://ana:hunter2@psa.example.com",
            "TBOT_WEBEX_TOKEN": "token-of-the-bot",
            "TBOT_PORT": "my token-of-the-bot",
        }
        text = "\n".join(refusal(load, environ))
        assert "hunter2" not in text
        assert "token-of" not in text

    def test_an_administrators_key_needs_an_address(self, load: Load) -> None:
        """A3."""
        (line,) = refusal(load, {"TBOT_ADMIN_KEY": "k" * 20})
        assert line == "TBOT_ADMIN_KEY is set without TBOT_ADMIN_EMAIL. Set both, or none"


class TestRequire:
    def test_all_that_is_missing_is_named(self, load: Load, tmp_path: Path) -> None:
        """O9."""
        settings = load({"TBOT_CW_COMPANY": "acme"})
        with pytest.raises(errors.SettingsError) as refused:
            settings.require("serve")
        lines = str(refused.value).split("\n")
        assert [line.split()[0] for line in lines] == sorted(
            SERVER.keys() - {"TBOT_CW_COMPANY"}, key=list(SERVER).index
        )
        assert f"as webex_token in {tmp_path / 'config.toml'}, or name a file in TBOT_WEBEX_TOKEN_FILE" in lines[-1]

    def test_a_command_that_has_what_it_needs_goes_on(self, load: Load) -> None:
        load(SERVER).require("serve")
        load({}).require("migrate")

    def test_the_client_commands_need_a_key(self, load: Load) -> None:
        for command in ("list", "sync", "explain"):
            with pytest.raises(errors.SettingsError, match=r"^TBOT_API_KEY is not set"):
                load(SERVER).require(command)


class TestShowing:
    def test_secrets_are_hidden_and_the_rest_is_shown(self, load: Load) -> None:
        """A6."""
        rows = {row.name: row for row in load(SERVER | {"TBOT_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}).describe()}
        assert rows["TBOT_WEBEX_TOKEN"] == table.Row("TBOT_WEBEX_TOKEN", table.HIDDEN, "environment", True)
        assert rows["TBOT_CW_COMPANY"].value == "acme"
        assert rows["TBOT_TRUSTED_PROXIES"].value == "10.0.0.0/8,::1/128"
        assert rows["TBOT_API_KEY"].value == ""
        assert rows["TBOT_TIMEZONE"].value == "UTC"

    def test_of_the_database_only_its_place_is_shown(self, load: Load) -> None:
        url = "postgresql://ana:hunt%2Fer@db1:5432,db2/tbot?password=hunter3&sslmode=require"
        settings = load({"TBOT_DATABASE_URL": url})
        assert settings.describe()[0].value == "PostgreSQL database tbot at db1:5432,db2"
        assert set(settings.secrets()) == {url, "hunt%2Fer", "hunt/er", "hunter3"}
        assert "hunt" not in repr(settings)

    def test_a_sqlite_file_is_no_secret(self, load: Load, tmp_path: Path) -> None:
        settings = load({"TBOT_DATABASE_URL": "sqlite:///var/my%20bot.db"})
        assert settings.describe()[0].value == "SQLite file var/my bot.db"
        assert settings.secrets() == ()

    def test_a_secret_used_elsewhere_is_hidden_there_too(self, load: Load) -> None:
        settings = load(SERVER | {"TBOT_CW_COMPANY": "token-of-the-bot"})
        assert "token-of-the-bot" not in repr(settings)

    def test_the_settings_and_the_log_agree_on_what_is_too_short_to_hide(self) -> None:
        assert sources.SHORTEST_SECRET == log.SHORTEST_HIDDEN


class TestWarnings:
    def test_an_unknown_variable_is_pointed_out_with_the_nearest_known_one(self, load: Load) -> None:
        assert load({"TBOT_WEBEX_TOKN": "x"}).warnings == (
            "'TBOT_WEBEX_TOKN' in the environment is no setting. Did you mean TBOT_WEBEX_TOKEN?",
        )

    def test_variables_of_tests_and_of_others_are_left_alone(self, load: Load) -> None:
        ours = {
            "TBOT_DEBUG": "1",
            "TBOT_TEST_POSTGRES": "x",
            "TBOT_FAIL_AT": "x:1",
            "TBOT_API_KEY_FILE": "",
            "PATH": "x",
        }
        assert load(ours).warnings == ()

    def test_credentials_over_plain_http_are_pointed_out_unless_on_loopback(self, load: Load) -> None:
        assert load({"TBOT_CW_URL": "http://127.0.0.1:9000", "TBOT_WEBEX_URL": "http://localhost/v1"}).warnings == ()
        (warning,) = load({"TBOT_CW_URL": "http://simulator:9000"}).warnings
        assert warning.startswith("TBOT_CW_URL is plain http")

    def test_an_administrator_without_a_key_is_pointed_out(self, load: Load) -> None:
        (warning,) = load({"TBOT_ADMIN_EMAIL": "ana@example.com"}).warnings
        assert warning.startswith("TBOT_ADMIN_EMAIL is set without TBOT_ADMIN_KEY")
