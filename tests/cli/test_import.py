"""`tbot import` (M1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cli.test_documents import checked
from tests.importer.go_database import GoDatabase, version_1
from ticketbot.__main__ import main
from ticketbot.background import heartbeat
from ticketbot.database import db
from ticketbot.models import rules, servers

__all__ = ("version_1",)


@pytest.fixture
def environ(sqlite: str) -> Iterator[dict[str, str]]:
    """Return the settings of an empty database."""
    yield {"TBOT_DATABASE_URL": sqlite, "TBOT_LOG_LEVEL": "error"}
    db.close_database()


def _rules() -> int:
    with db.session():
        return int(rules.Rule.select().count())


def test_a_dry_run_shows_what_an_import_does(
    environ: dict[str, str], version_1: GoDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", version_1.url, "--dry-run"], environ) == 0
    planned, advice = capsys.readouterr()
    assert planned.startswith("Would be imported from version 1 (migration 5):\n")
    assert "notifier_rule" in planned and "closes a cycle" in planned
    assert planned.endswith("This was a dry run: nothing was stored\n")
    assert "need a look" in advice
    assert _rules() == 0

    assert main(["import", version_1.url], environ) == 0
    assert "Nobody will be notified of what happened before 20" in capsys.readouterr().out
    assert _rules() == 2

    assert main(["import", version_1.url, "--json"], environ) == 0
    document = checked("import", capsys.readouterr().out)
    assert (document["dry_run"], {each["imported"] for each in document["tables"]}) == (False, {0})


def test_a_running_server_is_a_conflict(
    environ: dict[str, str], version_1: GoDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.transaction("test"):
        servers.add(heartbeat._identity(), "2.0.0", datetime.now(UTC))
    assert main(["import", version_1.url], environ) == 5
    assert "A server is running on this database. Nothing was imported: stop it first" in capsys.readouterr().err
    assert main(["import", version_1.url, "--dry-run"], environ) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["sqlite:///tmp/x"], 3, "Give postgresql://"),
        (["postgresql://tbot:p@ss/word@host/name"], 3, "%40"),
        (["postgresql://tbot:secret-password@127.0.0.1:1/go"], 8, "PostgreSQL database go at 127.0.0.1:1"),
        (["postgresql://127.0.0.1:1/go", "--timezone=Mars"], 3, "Give an IANA time zone"),
    ],
)
def test_what_cannot_be_read_is_one_line_without_secrets(
    environ: dict[str, str], arguments: list[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ({}, {"TBOT_DEBUG": "1"}):
        assert main(["import", *arguments], environ | more) == status
        out, err = capsys.readouterr()
        assert (out, words in err) == ("", True)
        assert "secret-password" not in err and "p@ss" not in err


def test_a_dry_run_does_not_migrate_a_database_of_an_earlier_release(
    environ: dict[str, str], version_1: GoDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.transaction("test"):
        db.database.execute_sql("UPDATE schema_migration SET name = '0001_initial'")
    assert main(["import", version_1.url, "--dry-run"], environ) == 5
    assert "Run `tbot migrate` first" in capsys.readouterr().err


def test_secrets_of_the_source_are_never_shown(
    environ: dict[str, str], version_1: GoDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", version_1.url, "--json"], environ) == 0
    out = capsys.readouterr().out
    assert "do-not-read" not in out
    assert "postgres:@" not in json.dumps(out)
