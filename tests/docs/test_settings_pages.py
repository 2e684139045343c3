"""What follows from the table of settings is current, complete, and works when an operator copies it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import generate_settings
from ticketbot import errors
from ticketbot.settings import table


@pytest.mark.parametrize("path", generate_settings.pages(), ids=str)
def test_a_written_page_is_current(path: Path) -> None:
    """Otherwise: `make docs`."""
    assert (generate_settings.ROOT / path).read_text(encoding="utf-8") == generate_settings.pages()[path]


def test_every_setting_is_a_row_with_a_meaning() -> None:
    rows = re.findall(
        r"^\| `(TBOT_\w+)`.*\| (.*) \| (.*) \|.*\|$", generate_settings.pages()[Path("docs/settings.md")], re.M
    )
    assert [name for name, *_ in rows] == [row.name for row in table.TABLE]
    assert all(default and meaning for _, default, meaning in rows)


def test_the_sample_file_sets_every_setting_to_something_valid(tmp_path: Path) -> None:
    sample = generate_settings.pages()[Path("docs/config.sample.toml")]
    file = tmp_path / "config.toml"
    file.touch(0o600)
    file.write_text(re.sub(r"^# (?=\w+ = )", "", sample, flags=re.M))
    settings = table.load({"--config": str(file)}, {})
    assert set(settings.origins.values()) == {f"file {file}"}
    settings.require("serve")


def test_the_sample_file_changes_nothing_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(generate_settings.pages()[Path("docs/config.sample.toml")])
    settings = table.load({}, {}, config_dir=tmp_path)
    assert set(settings.origins.values()) == {"default"}


def variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(TBOT_\w+)=(.*)$", text, re.M))


def test_the_sample_environment_lacks_exactly_what_the_server_needs(tmp_path: Path) -> None:
    sample = generate_settings.pages()[Path("deploy/env.example")]
    settings = table.load({}, variables(sample), config_dir=tmp_path)
    with pytest.raises(errors.SettingsError) as refused:
        settings.require("serve")
    assert [line.split()[0] for line in str(refused.value).split("\n")] == list(variables(sample))


def test_the_sample_environment_holds_valid_examples(tmp_path: Path) -> None:
    sample = generate_settings.pages()[Path("deploy/env.example")].replace("# TBOT_", "TBOT_")
    settings = table.load({}, variables(sample), config_dir=tmp_path)
    assert settings.warnings == ()
    assert set(variables(sample)) == {row.name for row in table.TABLE}
