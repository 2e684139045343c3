"""A3, O5: the commands on the machine that need no server, `init` and `migrate`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ticketbot.__main__ import main
from ticketbot.database import db
from ticketbot.models import api_keys
from ticketbot.settings import table


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose database and config file are the test's own."""
    return {"TBOT_DATABASE_URL": f"sqlite:///{tmp_path}/tbot.sqlite3"}


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Return where the config file is to be."""
    return tmp_path / "conf" / "config.toml"


def _init(config_file: Path, environ: dict[str, str], email: str = "ana@example.com") -> int:
    return main(["init", "--name=Ana", f"--email={email}", f"--config={config_file}"], environ)


def test_init_creates_the_first_administrator_and_shows_the_key_once(
    config_file: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(config_file, environ) == 0

    out, err = capsys.readouterr()
    key = out.strip()
    assert key not in err
    db.open_database(environ["TBOT_DATABASE_URL"])
    with db.session():
        row = api_keys.ApiKey.get(api_keys.ApiKey.prefix == api_keys.prefix_of(key))
        assert api_keys.verify_key(row, key)
        assert not api_keys.verify_key(row, key[:-1] + "x")
        assert key not in (row.hash, row.prefix)
        assert row.user.email == "ana@example.com"
    db.close_database()
    assert stat.S_IMODE(config_file.stat().st_mode) == 0o600
    settings = table.load({"--config": str(config_file)}, {})
    assert (settings.api_key, settings.base_url) == (key, "http://127.0.0.1:8080")


@pytest.mark.parametrize(
    "option", ["--name=Ana\u202ealvA", "--name=\x9b31mAna", "--name= ", "--email=a\u202en@example.com"]
)
def test_init_refuses_a_name_or_address_that_would_confuse_a_terminal(
    option: str, config_file: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--name": "Ana", "--email": "ana@example.com"} | dict([option.split("=", 1)])
    command = ["init", *(f"{name}={value}" for name, value in given.items()), f"--config={config_file}"]
    assert main(command, environ) == 3
    assert option.partition("=")[0] in capsys.readouterr().err


def test_init_adds_to_a_config_file_that_holds_the_servers_settings(config_file: Path, environ: dict[str, str]) -> None:
    config_file.parent.mkdir()
    config_file.write_text('cw_company = "acme"\nbase_url = "http://127.0.0.1:9999"')
    config_file.chmod(0o600)

    assert _init(config_file, environ) == 0

    settings = table.load({"--config": str(config_file)}, {})
    assert (settings.cw_company, settings.base_url) == ("acme", "http://127.0.0.1:9999")
    assert settings.api_key


def test_a_second_init_is_a_conflict_and_changes_nothing(
    tmp_path: Path, config_file: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(config_file, environ) == 0
    before = config_file.read_text()

    assert _init(config_file, environ) == 5
    assert "already contains an api_key" in capsys.readouterr().err
    assert _init(tmp_path / "other.toml", environ) == 5
    assert "Users already exist" in capsys.readouterr().err
    assert config_file.read_text() == before
    assert not (tmp_path / "other.toml").exists()


@pytest.mark.parametrize("address", ["ana", "@example.com", "ana alvarez@example.com", "ana@ben@example.com"])
def test_an_address_that_the_api_would_refuse_is_invalid_input(
    config_file: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert _init(config_file, environ, email=address) == 3
    assert f"--email is '{address}'. Give one e-mail address, such as ana@example.com" in capsys.readouterr().err
    assert not config_file.exists()


def test_without_a_terminal_a_missing_name_is_said_and_not_asked_for(
    config_file: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", f"--config={config_file}"], environ) == 3
    assert "--name" in capsys.readouterr().err


def test_migrate_says_what_it_did_and_where_the_database_stands(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--status"], environ) == 0
    assert "0003_second_release  pending" in capsys.readouterr().out
    assert main(["migrate"], environ) == 0
    assert "0003_second_release  applied" in capsys.readouterr().out
    assert main(["migrate"], environ) == 0
    assert capsys.readouterr().out == "Nothing to do\n"
    assert main(["migrate", "--status"], environ) == 0
    assert "0003_second_release  applied" in capsys.readouterr().out
    db.close_database()


def test_missing_database_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"TBOT_DATABASE_URL": "postgresql://tbot:secret-password@127.0.0.1:1/tbot"}

    assert main(["migrate"], environ) == 8

    err = capsys.readouterr().err
    assert err.startswith("tbot: ")
    assert "secret-password" not in err
    assert "Traceback" not in err


def test_backup_says_how_large_it_is_and_how_to_restore_it(
    tmp_path: Path, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """O12"""
    target = tmp_path / "my backup"
    assert main(["migrate"], environ) == 0
    capsys.readouterr()
    assert main(["backup", str(target)], environ) == 0
    said = capsys.readouterr()
    assert said.out == f"{target}: {target.stat().st_size / 1000:.1f} kB, verified\n"
    assert f"-shm && install -m 600 '{target}' " in said.err
    assert main(["backup", str(target)], environ) == 5


def test_backup_of_postgresql_is_left_to_its_own_program(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """O12"""
    environ = {"TBOT_DATABASE_URL": "postgresql://tbot:secret-password@127.0.0.1:1/tbot"}
    assert main(["backup", str(tmp_path / "x")], environ) == 2
    said = capsys.readouterr().err
    assert f'`pg_dump --format=custom --file={tmp_path}/x "$TBOT_DATABASE_URL"`' in said
    assert "secret-password" not in said
