"""Where the text of a setting can come from: command line, environment, config.toml, a file of its own for a secret."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_LONGEST_SECRET = 64 * 1024  # a larger file is certainly the wrong file
_LARGEST_NUMBER = 10**9  # TOML knows numbers of any length, even such as Python refuses to print
_READABLE_BY_OTHERS = 0o044
SHORTEST_SECRET = 6  # as in `log`: a shorter one is part of ordinary words


@dataclasses.dataclass(frozen=True)
class Setting:
    """One row of the table of settings: its names, how it is read, what the documentation says about it."""

    read: Callable[[str], Any]
    default: str | None
    meaning: str
    example: str
    default_words: str
    is_secret: bool
    has_flag: bool
    needed_by: tuple[str, ...]
    key: str = ""
    """Its name in config.toml and on `Settings`."""

    @property
    def name(self) -> str:
        """Return its name in the environment."""
        return f"TBOT_{self.key.upper()}"

    @property
    def flag(self) -> str:
        """Return its name on the command line, or an empty text."""
        return f"--{self.key.replace('_', '-')}" if self.has_flag else ""


Table = Sequence[Setting]


class RawValue(NamedTuple):
    """A text given for a setting; `subject` is how an error names the place, `origin` how `tbot config` does."""

    text: str
    subject: str
    origin: str


def from_flags(table: Table, flags: Mapping[str, str]) -> dict[str, RawValue]:
    """Return what the command line gives, by key."""
    return {row.key: RawValue(flags[row.flag], row.flag, "flag") for row in table if row.flag in flags}


def from_environ(table: Table, environ: Mapping[str, str], problems: list[str]) -> dict[str, RawValue]:
    """Return what the environment gives, by key; an empty variable is none."""
    found = {}
    for row in table:
        given = RawValue(environ.get(row.name, ""), row.name, "environment")
        file_name = f"{row.name}_FILE"
        found[row.key] = _or_file(given, file_name, environ.get(file_name, "") if row.is_secret else "", problems)
    return {key: given for key, given in found.items() if given}


def from_file(table: Table, path: Path, problems: list[str], *, is_explicit: bool) -> dict[str, RawValue]:
    """Return the values in config.toml, by key; a missing file is a problem only if it was named explicitly."""
    content = _read_toml(table, path, problems, is_explicit=is_explicit)
    secret_files = {f"{row.key}_file" for row in table if row.is_secret}
    known = {row.key for row in table} | secret_files
    texts = {key: _as_text(value) for key, value in content.items() if key in known}
    problems += [
        f"{key!r} in {path} is no setting. Did you mean {nearest(key, known)}?" for key in content if key not in known
    ]
    problems += [
        f"{key} in {path} has an unsupported type. Use a string, an integer or a list of strings"
        for key, each in texts.items()
        if each is None
    ]
    found = {}
    for row in table:
        given = RawValue(texts.get(row.key) or "", f"{row.key} in {path}", f"file {path}")
        file_name = f"{row.key}_file"
        found[row.key] = _or_file(given, f"{file_name} in {path}", texts.get(file_name) or "", problems)
    return {key: given for key, given in found.items() if given}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like `name`."""
    import difflib

    return difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)[0]


def _as_text(value: object) -> str | None:
    """Return a TOML value as the environment would give it, or None for one that no setting can have."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER:
        return str(value)
    return value if isinstance(value, str) else None


def _read_toml(table: Table, path: Path, problems: list[str], *, is_explicit: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            is_readable_by_others = os.name == "posix" and os.fstat(file.fileno()).st_mode & _READABLE_BY_OTHERS
            import tomllib

            content = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        problems += [f"{path} does not exist. Name another file with --config, or leave it out"] if is_explicit else []
        return {}
    except UnicodeDecodeError:
        problems.append(f"{path} is not UTF-8. Save it as UTF-8")
        return {}
    except OSError as error:
        problems.append(
            f"{path} cannot be read ({error.strerror}). Fix its permissions, or pass another file with --config"
        )
        return {}
    except (ValueError, RecursionError) as error:  # ValueError: wrong TOML, numbers of thousands of digits, odd paths
        problems.append(f"{path} is not TOML: {error}. Fix that line")
        return {}
    if is_readable_by_others and any(content.get(row.key) for row in table if row.is_secret):
        import shlex

        problems.append(f"{path} holds secrets and others can read it. Run: chmod 600 {shlex.quote(str(path))}")
        return {}
    return content


def _or_file(given: RawValue, file_subject: str, path: str, problems: list[str]) -> RawValue | None:
    """Return what was given, or the content of the file named instead, without the newline at its end."""
    if given.text and path:
        problems.append(f"{given.subject} and {file_subject} are both set. Keep one of them")
        return None
    if not path:
        return given if given.text else None
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            text = file.read(_LONGEST_SECRET).removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a path that no file can have
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.append(f"{file_subject} names {path!r}, which cannot be read ({why}). Mend path or permissions")
        return None
    if not text:
        problems.append(f"{file_subject} names {path!r}, which is empty. Write the secret into it")
        return None
    return RawValue(text, f"the content of the file that {file_subject} names", f"file {path}")


def malformed(row: Setting, given: RawValue, advice: object, secrets: Iterable[str]) -> str:
    """Return the line that says what is wrong with a setting: its value is quoted unless it may hold a secret."""
    may_hold_password = "@" in given.text and ":" in given.text
    if row.is_secret or may_hold_password or shows_secret(given.text, secrets):
        return f"{given.subject} is malformed. {advice}"
    shown = given.text if len(given.text) <= 60 else f"{given.text[:60]}..."
    return f"{given.subject} is {shown!r}. {advice}"


def shows_secret(text: str, secrets: Iterable[str]) -> bool:
    """Return whether one of `secrets` is part of `text`, apart from those as short as ordinary words."""
    return any(secret in text for secret in secrets if len(secret) >= SHORTEST_SECRET)
