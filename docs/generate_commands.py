"""Write the pages of the command line and its manual from the usage text and the shapes: `make docs`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ticketbot.cli import usage
from ticketbot.present import documents
from ticketbot.settings import table

ROOT = Path(__file__).parent.parent
MADE_BY = "Written by `make docs` from ticketbot/cli/commands/ and ticketbot/present/documents.py"

COMMANDS_PAGE = f"""\
<!-- {MADE_BY}; edit those. -->

# The command line

```
{usage.overview()}```

- Data goes to stdout, as tables or, with `--json`, as one document ([json.md](json.md)); messages go to stderr.
- Tables fit the terminal: names are cut there, ids and states never. Where there is no terminal, nothing is cut or
  wrapped. `tbot get` and `--json` show everything. `NO_COLOR` is honored, and piped output has no color or animation.
- Boards, recipients and users can be given by name, in upper or lower case, wherever only one has that name.
- An invalid command line gets one or two lines: what is wrong, what was expected, and which help to read.
- Deleting and `retry --dead` ask on a terminal, naming what, or how much; `--yes` does not. What counts is stdin,
  however the output is redirected. Without a terminal nothing is asked.
- Times are shown in `TBOT_TIMEZONE`, with its name.
- `tbot --version` is `tbot version`.
- `TBOT_DEBUG=1` adds the traceback to an error.
- `tbot completion bash`, `zsh` or `fish` prints what makes the shell complete all of this, with ids and names from the
  server. The manual is [tbot.1](tbot.1): `man tbot`, or in a checkout `man docs/tbot.1`.

## Options of all commands

```
{usage.OPTIONS}```

## Exit status

| status | meaning |
| --- | --- |
"""
JSON_PAGE = f"""\
<!-- {MADE_BY}; edit those. -->

# What `--json` prints

Every document is ASCII, indented, and the only thing on stdout; lists are arrays, never null. Fields may be added in a
later release; none is renamed or removed. Times are RFC 3339 with offset. The shapes are those of the HTTP API;
[schemas.json](schemas.json) describes them (JSON Schema 2020-12). A delete prints what is no more, as it was.

| command | document |
| --- | --- |
"""


def pages() -> Mapping[Path, str]:
    """Return the text of every file that follows from the usage text, by its path in the repository."""
    return {
        Path("docs/cli.md"): _commands(),
        Path("docs/json.md"): _json(),
        Path("docs/schemas.json"): json.dumps(schemas(), indent=2) + "\n",
        Path("docs/tbot.1"): _manual(),
    }


def _commands() -> str:
    statuses = "".join(f"| {status} | {meaning} |\n" for status, meaning in usage.EXIT_STATUSES.items())
    parts = [f"\n## tbot {command}\n\n```\n{_own(command)}```\n" for command in usage.names()]
    return COMMANDS_PAGE + statuses + "".join(parts)


def _own(command: str) -> str:
    """Return the page of a command without the options that all have."""
    return usage.page(command).replace(f"\nOptions:\n{usage.OPTIONS}", "").replace(usage.OPTIONS, "")


def schemas() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of every named shape that a command prints."""
    _, components = msgspec.json.schema_components(documents.DOCUMENTS.values(), ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": dict(sorted(components.items()))}


def _json() -> str:
    rows = "".join(f"| `tbot {name}` | {_shape(shape)} |\n" for name, shape in documents.DOCUMENTS.items())
    return f"{JSON_PAGE}{rows}"


def _shape(shape: Any) -> str:
    item = getattr(shape, "__args__", None)
    return f"list of `{item[0].__name__}`" if item else f"`{shape.__name__}`"


def _manual() -> str:
    commands = "".join(f".SS tbot {name}\n.nf\n{_roff(usage.page(name))}.fi\n" for name in usage.names())
    statuses = "".join(f".TP\n{status}\n{_roff(meaning)}\n" for status, meaning in usage.EXIT_STATUSES.items())
    settings = "".join(f".TP\n.B {row.name}\n{_roff(row.meaning)}\n" for row in table.TABLE)
    return f"""\
.\\" {MADE_BY}
.TH TBOT 1
.SH NAME
tbot \\- {_roff(usage.TITLE)}
.SH SYNOPSIS
.B tbot
[\\fIcommand\\fR] [\\fIoptions\\fR]
.SH DESCRIPTION
Without a command the terminal UI starts.
.SH COMMANDS
{commands}.SH EXIT STATUS
{statuses}.SH ENVIRONMENT
Each is also a key of config.toml, in lower case and without TBOT_; of a secret, _FILE can name a file that holds it.
{settings}.SH FILES
.TP
.I ~/.config/ticketbot/config.toml
Settings; \\fB--config\\fR names another.
"""


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.M)


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
