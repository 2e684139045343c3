"""Name boards and recipients as files do: by name, people by e-mail address, and with the id if others share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ticketbot.models import recipients, tickets
from ticketbot.present import words
from ticketbot.server import operations

Kind = Literal["board", "recipient", "rule"]
Label = str | Mapping[str, Any]

_NOT_COVERED = ("name", "enabled", "dry_run")


class Names:
    """The names of all boards and recipients at this moment; make it inside a session."""

    def __init__(self) -> None:
        boards = [(row.id, row.name) for row in tickets.Board.select().order_by(tickets.Board.id)]
        people = recipients.Recipient.select().order_by(recipients.Recipient.id)
        self._labels: dict[str, dict[int, str]] = {
            "board": dict(boards),
            "recipient": {row.id: row.email or row.name for row in people},
        }
        self._names = {"board": dict(boards), "recipient": {row.id: row.name for row in people}}
        self._rules: dict[int, Mapping[str, Any]] = {}
        self._rule_labels: dict[int, Label] = {}
        self._counts = {kind: Counter(map(str.casefold, known.values())) for kind, known in self._labels.items()}

    def add_rules(self, entries: Mapping[int, Mapping[str, Any]]) -> None:
        """Have rules named as well, by their names, else by board, recipient, events and condition."""
        self._rules |= entries
        counts = Counter(str(entry.get("name", "")).casefold() for entry in self._rules.values())
        for row_id, entry in self._rules.items():
            name = str(entry.get("name", ""))
            covers = {key: each for key, each in entry.items() if key not in _NOT_COVERED}
            self._rule_labels[row_id] = name if name.strip() and counts[name.casefold()] == 1 else covers

    def label(self, kind: Kind, row_id: int) -> Label:
        """Return how a file names a row: by a text, or by name and id if others have that name, too."""
        if kind == "rule":
            return self._rule_labels.get(row_id, {"id": row_id})  # one that is gone
        text = self._labels[kind][row_id]
        if text.strip() and self._counts[kind][text.casefold()] == 1:
            return text
        return {"name": text, "id": row_id}

    def find(self, kind: Kind, field: str, label: object) -> int:
        """Return the id of what a file names; raises `InvalidInput` for the field if there is not exactly one."""
        if kind == "rule":
            return self._find_rule(field, label)
        if isinstance(label, Mapping):
            row_id = label.get("id")
            if not isinstance(row_id, int) or self._labels[kind].get(row_id) != label.get("name"):
                raise operations.invalid_field(field, f"There is no {kind} with this name and id")
            return row_id
        if not isinstance(label, str):
            raise operations.invalid_field(field, 'Give a name, or { name = "...", id = 1 }')
        found = _matching(self._labels[kind], label) or _matching(self._names[kind], label)
        if len(found) == 1:
            return found[0]
        raise operations.invalid_field(field, self._problem(kind, label, found))

    def _find_rule(self, field: str, label: object) -> int:
        found = [row_id for row_id, each in self._rule_labels.items() if each == label]
        if not found and isinstance(label, Mapping) and isinstance(label.get("id"), int):
            return int(label["id"])
        if len(found) != 1:
            raise operations.invalid_field(field, f"There is no rule {label!a}")
        return found[0]

    def _problem(self, kind: Kind, label: str, found: Iterable[int]) -> str:
        ids = ", ".join(map(str, found))
        if ids:
            return f"Several {kind}s are named {label!a}: {ids}. Give {{ name = ..., id = ... }}"
        nearest = words.did_you_mean(label, [name for name in self._labels[kind].values() if name])
        return f"There is no {kind} named {label!a}.{nearest}"


def _matching(known: Mapping[int, str], label: str) -> list[int]:
    return [row_id for row_id, name in known.items() if name.casefold() == label.casefold()]
