"""Laws of settings: whatever the environment and the file hold, no surprise and no secret gets out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from ticketbot import errors
from ticketbot.settings import table

SECRET_NAMES = [row.name for row in table.TABLE if row.is_secret]
NAMES = [row.name for row in table.TABLE] + [f"{name}_FILE" for name in SECRET_NAMES]

# What an environment can hold: any text without NUL, undecodable bytes as lone surrogates.
raw_texts = st.text(st.characters(exclude_characters="\x00"), max_size=80)
plausible = st.sampled_from(
    [row.example for row in table.TABLE]
    + ["-1", "0", "1e9", "https://[::1", "http://10.0.0.1", "postgresql://u:p@h:x/n", "a,b,,", "::/0", "UTC/", "\udcff"]
)
values = raw_texts | plausible | st.builds(lambda a, b: a + b, plausible, raw_texts)
environments = st.dictionaries(st.sampled_from(NAMES) | raw_texts.map(lambda name: f"TBOT_{name}"), values, max_size=8)

toml_values = st.one_of(
    values.map(lambda value: '"' + "".join(f"\\U{ord(c):08X}" if c not in "\ud800\udfff" else "" for c in value) + '"'),
    st.integers().map(str),
    st.sampled_from(["true", "1.5", "nan", "[]", "['a', 1]", "{}", "2026-01-01", "'", '"""', ""]),
)
toml_keys = st.sampled_from([row.key for row in table.TABLE] + ["webex_token_file", "nonsense", "a.b", "[x]", "#"])
toml_files = st.one_of(
    st.binary(max_size=100),
    st.lists(st.tuples(toml_keys, toml_values), max_size=6).map(
        lambda rows: "\n".join(f"{key} = {value}" for key, value in rows).encode("utf-8", "surrogatepass")
    ),
)


def outcome(environ: Mapping[str, str], toml: bytes = b"") -> str:
    """Return everything that can be seen of loading these settings."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.touch(0o600)
        file.write_bytes(toml)
        try:
            settings = table.load({}, environ, config_dir=Path(folder), data_dir=Path(folder))
            settings.require("serve")
        except errors.SettingsError as error:
            return str(error)
    return f"{settings!r} {settings.describe()} {settings.warnings} {settings.origins}"


@given(environments, toml_files)
@example({"TBOT_TIMEZONE": "America"}, b"")
@example({"TBOT_DATABASE_URL_FILE": "\udcff"}, b"port = 0x" + b"f" * 6000)
def test_only_settings_errors_are_raised_with_one_line_per_problem(environ: dict[str, str], toml: bytes) -> None:
    for line in outcome(environ, toml).split("\n"):
        assert re.match(r"Settings\(|'?TBOT_|'.*' in /|[a-z_]+ in /|/|the content of the file that ", line)


secrets = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF), min_size=8, max_size=40).map(
    lambda middle: f"S3CRET{middle}"
)


@given(
    st.dictionaries(st.sampled_from(SECRET_NAMES), secrets, min_size=1),
    st.sampled_from([row.name for row in table.TABLE if not row.is_secret]),
    st.sampled_from(["{}", "https://{}", "https://user:{}@example.com", "x{}x", "{}@example.com"]),
)
def test_no_secret_is_ever_shown_even_where_it_was_pasted_by_mistake(
    hidden: dict[str, str], other: str, shape: str
) -> None:
    """A6."""
    pasted = shape.format(next(iter(hidden.values())))
    assert "S3CRET" not in outcome({**hidden, other: pasted})


@given(st.from_regex(r"S3CRET[a-zA-Z0-9/#?@:%.]{0,12}", fullmatch=True), st.sampled_from(["h", "h:5432", "[::1]", ""]))
def test_no_part_of_a_database_password_is_ever_shown(password: str, place: str) -> None:
    """A6."""
    assert "S3CRET" not in outcome({"TBOT_DATABASE_URL": f"postgresql://ana:{password}@{place}/tbot"})
