"""Proven signing keys in the database, on both kinds (W2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot.database import db
from ticketbot.models import signing_keys
from ticketbot.server import verified_keys

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = "schlüssel 🔑"


@pytest.mark.usefixtures("database")
def test_a_saved_key_is_loaded_with_its_age() -> None:
    verified_keys.save(lambda: NOW, "https://cw.example/1", KEY)

    assert verified_keys.load(lambda: NOW + timedelta(minutes=5)) == [("https://cw.example/1", KEY, 300.0)]


@pytest.mark.usefixtures("database")
def test_a_new_key_at_the_same_address_takes_the_place_of_the_old_one() -> None:
    verified_keys.save(lambda: NOW, "https://cw.example/1", "old")
    verified_keys.save(lambda: NOW + timedelta(hours=1), "https://cw.example/1", "new")

    assert verified_keys.load(lambda: NOW + timedelta(hours=1)) == [("https://cw.example/1", "new", 0.0)]


@pytest.mark.usefixtures("database")
def test_the_hundred_latest_keys_are_loaded_the_latest_first() -> None:
    with db.transaction("test"):
        for number in range(signing_keys.MOST_LOADED + 1):
            signing_keys.remember(f"https://cw.example/{number}", f"key {number}", NOW + timedelta(seconds=number))

    loaded = verified_keys.load(lambda: NOW)

    assert [each.key for each in loaded] == [f"key {number}" for number in range(signing_keys.MOST_LOADED, 0, -1)]


@pytest.mark.usefixtures("database")
def test_a_key_that_the_database_cannot_hold_is_not_kept_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    verified_keys.save(lambda: NOW, "https://cw.example/1", "se\0cret")

    if db.is_postgres():
        assert "fetched again after the next start" in caplog.text
    assert "cret" not in caplog.text


def test_a_database_that_does_not_answer_means_no_kept_keys(caplog: pytest.LogCaptureFixture) -> None:
    db.open_database("sqlite:////nowhere/at/all.sqlite3")

    assert verified_keys.load(lambda: NOW) == []
    verified_keys.save(lambda: NOW, "https://cw.example/1", "secret")

    assert "signing key" in caplog.text
    assert "secret" not in caplog.text
