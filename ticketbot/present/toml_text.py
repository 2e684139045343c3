"""Write TOML: tables of plain values, with comments. Python reads TOML, but does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# A condition is full of double quotes: a literal text, in single quotes, shows it as it is.
_LITERAL = re.compile(r"[^'\x00-\x1f\x7f]*")


def table(values: Mapping[str, Any], comments: Mapping[str, object]) -> str:
    """Return the lines of a table; `comments` stand at the end of the lines of the same name."""
    return "".join(
        f"{name} = {value(each)}{f'  # {comments[name]}' if name in comments else ''}\n"
        for name, each in values.items()
    )


def value(given: Any) -> str:
    """Return a text, number, truth, list, or table of them as TOML writes it."""
    if isinstance(given, str):
        is_literal = ('"' in given or "\\" in given) and _LITERAL.fullmatch(given)
        return f"'{given}'" if is_literal else _basic(given)
    if isinstance(given, Mapping):
        return f"{{ {', '.join(f'{name} = {value(each)}' for name, each in given.items())} }}"
    if isinstance(given, (list, tuple)):
        return f"[{', '.join(map(value, given))}]"
    return json.dumps(given)


def _basic(text: str) -> str:
    # JSON's escapes are TOML's, but TOML wants DEL escaped, too, and no surrogates.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
