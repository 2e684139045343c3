"""`tbot init` when there are users: the way back in for one whose key is lost, and for nobody else."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketbot.__main__ import main
from ticketbot.database import db
from ticketbot.models import api_keys, audit, users
from ticketbot.settings import table


@pytest.fixture
def environ(sqlite: str) -> Iterator[dict[str, str]]:
    """Return the settings of a server whose only user is Ana."""
    yield {"TBOT_DATABASE_URL": sqlite, "TBOT_ADMIN_EMAIL": "", "TBOT_ADMIN_KEY": ""}
    db.close_database()


@pytest.fixture
def _ana(environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["init", "--name=Ana", "--email=ana@example.com", f"--config={tmp_path}/lost.toml"]
    assert main(command, environ) == 0
    capsys.readouterr()


@pytest.mark.usefixtures("_ana")
def test_init_with_the_address_of_a_user_creates_another_key(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    assert main(["init", "--email=ANA@example.com", f"--config={file}"], environ) == 0
    out, err = capsys.readouterr()
    assert "the key of Ana <ana@example.com>" in " ".join(err.split())
    assert table.load({"--config": str(file)}, {}).api_key == out.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with db.session():
        stored_key = api_keys.find_key(out.strip())
        assert api_keys.verify_key(stored_key, out.strip())
        assert [user.email for user in users.User.select()] == ["ana@example.com"]
        trail = [(row.user_email, row.key_id, row.action, row.object, row.object_id) for row in audit.Audit.select()]
    assert trail == [("ana@example.com", None, "create", "key", str(stored_key and stored_key.id))]


@pytest.mark.usefixtures("_ana")
@pytest.mark.parametrize(
    "given", [("--name=Ana", "--email=ana@example.com"), ("--name=Ben", "--email=ben@example.com")]
)
def test_init_with_a_name_is_a_conflict_that_names_the_alternative(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, str]
) -> None:
    file = tmp_path / "config.toml"
    assert main(["init", *given, f"--config={file}"], environ) == 5
    assert "if all keys are lost, `tbot init --email=ana@example.com` creates another" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.usefixtures("_ana")
def test_a_config_file_that_holds_a_key_is_not_touched(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lost.toml"
    before = file.read_text()
    assert main(["init", "--email=ana@example.com", f"--config={file}"], environ) == 5
    assert "already contains an api_key" in capsys.readouterr().err
    assert file.read_text() == before
    with db.session():
        assert api_keys.ApiKey.select().count() == 1
