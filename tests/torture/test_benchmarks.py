"""The benchmark that writes its own history into the database keeps up with the schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import growth


def test_the_history_of_the_growth_benchmark_can_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "EACH", 1)
    database = growth._History(f"sqlite:///{tmp_path / 'tbot.sqlite3'}", 200)
    database.measure()
    assert {"claim an event", "decide", "claim a message", "record it as sent"} < database.took.keys()
