"""`make check` finds what is wrong in deploy/."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import check
from ticketbot.settings import table

ROOT = Path(__file__).parents[2]

FAULTS = {
    "compose": ("docker-compose.yml", "restart: unless-stopped", "restarts: always"),
    "dockerfile": ("Dockerfile", "USER 65532:65532", "RUN cd /tmp && sudo true"),
    "cron": ("cron/tbot", "0 2 * * *  tbot  tbot sync", "0 2 * * *  tbot sync"),
    "systemd": ("systemd/tbot.service", "TimeoutStopSec=20", "TimeoutStopSec=soon"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what the checks read."""
    for name in ("deploy", ".ci"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", FAULTS)
def test_each_mistake_is_found(name: str, copy: Path) -> None:
    if name == "systemd" and shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    found = {"dockerfile": _dockerfile}.get(name) or getattr(check, name)
    assert list(found(copy)) == []
    file, sound, faulty = FAULTS[name]
    path = copy / "deploy" / file
    text = path.read_text()
    assert sound in text
    path.write_text(text.replace(sound, faulty))
    assert list(found(copy)) != []


def _dockerfile(copy: Path) -> list[str]:
    return [problem for problem in check.dockerfile(copy) if "lets" not in problem]


def test_files_of_the_docker_build_exist() -> None:
    assert list(check.dockerfile(ROOT)) == []


def test_service_without_sandboxing_is_refused(copy: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    unit = copy / "deploy/systemd/tbot.service"
    unit.write_text("".join(line for line in unit.read_text().splitlines(True) if "Protect" not in line))
    assert list(check.systemd(copy)) != []


@pytest.mark.parametrize("file", ["systemd/tbot.service", "docker-compose.yml"])
def test_each_secret_that_a_server_needs_comes_from_a_file(file: str) -> None:
    """A6: no process has it in its environment."""
    text = (ROOT / "deploy" / file).read_text()
    needed = [row for row in table.TABLE if row.is_secret and "serve" in row.needed_by]
    assert len(needed) >= 4
    assert [row.name for row in needed if f"{row.name}_FILE" not in text or f"secrets/{row.key}" not in text] == []


def test_a_script_with_a_mistake_is_found(copy: Path) -> None:
    assert list(check.shell(copy)) == []
    (copy / "deploy/wrong.sh").write_text("#!/bin/sh\nrm -rf $1/*\n")
    assert list(check.shell(copy)) != []


def test_lightsails_model_refuses_a_wrong_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check.lightsail(ROOT)) == []
    monkeypatch.setattr(check.inputs, "service", lambda: {"serviceName": "ticketbot", "power": "huge", "scale": "one"})
    found = "\n".join(check.lightsail(ROOT))
    assert "Invalid type for parameter scale" in found
    assert ".power is 'huge', not one of nano, micro" in found
