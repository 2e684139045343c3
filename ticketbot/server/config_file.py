"""Configuration as code (M2, M3): write what is stored as one TOML file, compare a file with it, and apply a file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses, validation
from ticketbot.database import sql
from ticketbot.models import runtime_config
from ticketbot.present import toml_text
from ticketbot.server import authentication, names, operations
from ticketbot.server.routes import config
from ticketbot.server.sections import RULES, SECTIONS, Section, Stored, located

Services: TypeAlias = operations.Services
Caller: TypeAlias = authentication.Caller

CONFIGURATION = "configuration"
SECRETS = runtime_config.SECRETS
CONFIG_REFERENCES = {"alert_recipient_id": "alert_recipient"}
FIRST_NEW_ID = 2**62  # stands for a rule of the file until that is created: none gets this far
NONE = "none"  # TOML has no null

_HEADER = "# The configuration of Ticketbot: `tbot plan` compares this file with a server, `tbot apply` applies it.\n"


Action = Literal["delete", "update", "create"]


class Change(NamedTuple):
    """One difference between file and server; `before` and `after` are entries of the file.

    `stored` is the object that is there, `wanted` the one of the file. The configuration has no section.
    """

    action: Action
    section: Section | None
    title: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    stored: Stored | None = None
    wanted: Any = None


class State:
    """Everything that a file can hold, as it is stored at this moment; make it inside a session."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known = names.Names()
        self._stored = {section.key: section.stored(services) for section in SECTIONS}
        self._config = config.stored()
        self.rules: dict[int, Any] = {}
        """The rules of the file by their ids, those that are new from `FIRST_NEW_ID` on."""
        self._known.add_rules({row.id: RULES.entry(row.body, self._known) for row in self._stored[RULES.key]})

    @property
    def version(self) -> str:
        """Return what identifies this state; secrets have no part in it."""
        objects = [
            [section.key, [[row.id, section.entry(row.body, self._known)] for row in self._stored[section.key]]]
            for section in SECTIONS
        ]
        return hashlib.sha256(msgspec.json.encode([self._config_entry(), objects])).hexdigest()[:16]

    def expect(self, version: str) -> None:
        """Raise `Conflict` if this is not the state that a plan was made for."""
        if self.version != version:
            raise errors.Conflict("The server has changed since this plan. Nothing was applied: run `tbot plan` again")

    def text(self) -> str:
        """Return the file; what is over is left out (M3)."""
        parts = [_HEADER, f"[{CONFIGURATION}]\n{toml_text.table(self._config_entry(), {})}{self._secrets()}"]
        for section in SECTIONS:
            for row in self._stored[section.key]:
                if not row.is_over:
                    entry = toml_text.table(section.entry(row.body, self._known), section.ids(row.body))
                    parts.append(f"[[{section.key}]]  # {row.id}\n{entry}")
        return "\n".join(parts)

    def changes(self, text: str, *, prune: bool) -> list[Change]:
        """Return what to change so that the server is as a file says; only with `prune` is anything deleted.

        Raises `Unreadable` for what is not TOML, and `InvalidInput` that names everything that is wrong.
        """
        wrong: list[errors.FieldError] = []
        content = _parsed(text)
        known = (CONFIGURATION, *(section.key for section in SECTIONS))
        wrong += [errors.FieldError(key, f"Known are {', '.join(known)}") for key in content if key not in known]
        found = self._config_changes(content.get(CONFIGURATION, {}), wrong)
        for section in SECTIONS:
            found += self._section_changes(section, content.get(section.key, []), wrong, prune=prune)
        if wrong:
            raise errors.InvalidInput("The file is not valid", wrong)
        return found

    def _config_entry(self) -> dict[str, Any]:
        values = msgspec.to_builtins(self._config)
        found: dict[str, Any] = {}
        for name, value in values.items():
            if name in CONFIG_REFERENCES:
                found[CONFIG_REFERENCES[name]] = NONE if value is None else self._known.label("recipient", value)
            elif name not in SECRETS:
                found[name] = NONE if value is None else value
        return found

    def _secrets(self) -> str:
        set_ = [name for name in SECRETS if getattr(self._config, name, None)]
        return "".join(f"# {name} is set; it is a secret, and not exported\n" for name in set_)

    def _config_changes(self, given: Any, wrong: list[errors.FieldError]) -> list[Change]:
        try:
            wanted = self._config_wanted(given)
        except errors.InvalidInput as error:
            wrong += [each._replace(field=f"{CONFIGURATION}: {each.field}") for each in error.errors]
            return []
        before = self._config_entry()
        changed = msgspec.structs.replace(self._config, **wanted)
        after = {name: given[name] for name in given if name in before and given[name] != before[name]}
        if changed == self._config:
            return []
        old = {name: before[name] for name in after}
        return [Change("update", None, CONFIGURATION, old, after, wanted=wanted)]

    def _config_wanted(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise operations.invalid_field("", "This must be a table")
        by_name = {name: field for field, name in CONFIG_REFERENCES.items()}
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name in SECRETS or name in CONFIG_REFERENCES:
                raise operations.invalid_field(name, "This is not part of a file; use `tbot update config`")
            field = by_name.get(name, str(name))
            if field != name and value != NONE:
                found[field] = self._known.find("recipient", name, value)
            else:
                found[field] = None if value == NONE and _may_be_null(field) else value
        return config.check(validation.read(requests.ConfigChanges, found))

    def _section_changes(
        self, section: Section, entries: Any, wrong: list[errors.FieldError], *, prune: bool
    ) -> list[Change]:
        if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
            wrong.append(errors.FieldError(section.key, f"Write each as [[{section.key}]]"))
            return []
        wanted = []
        for number, entry in enumerate(entries, 1):
            try:
                wanted.append(section.read(entry, self._known, self._services))
            except errors.InvalidInput as error:
                wrong += located(section, number, error)
        wanted.sort(key=lambda body: section.is_over(body, self._services))  # what is over takes no row from the others
        pairs, left = _matched(section, wanted, self._stored[section.key])
        if section is RULES:  # what follows may name rules as the file has them
            by_id = {row.id if row else number: body for number, (row, body) in enumerate(pairs, FIRST_NEW_ID)}
            self._known.add_rules({row_id: self._entry(body) for row_id, body in by_id.items()})
            self.rules = by_id
        found = [
            self._change(section, row, section.complete(row.body, body) if row else body)
            for row, body in pairs
            if not section.is_over(body, self._services)
            and (row is None or row.body != section.complete(row.body, body))
        ]
        return found + [self._change(section, row, None) for row in left if prune and not row.is_over]

    def _entry(self, rule: requests.NewRule) -> dict[str, Any]:
        return RULES.entry(rule, self._known)

    def _change(self, section: Section, stored: Stored | None, wanted: Any) -> Change:
        before = None if stored is None else section.entry(stored.body, self._known)
        after = None if wanted is None else section.entry(wanted, self._known)
        action: Action = "create" if before is None else "delete" if after is None else "update"
        return Change(action, section, section.title(after or before or {}), before, after, stored, wanted)


def apply(text: str, version: str, services: Services, caller: Caller, *, prune: bool) -> tuple[list[Change], int]:
    """Make the server what a file says; call it inside a transaction. Also return how many messages this skipped.

    Raises `Conflict` if the state is not that of `version`, or if objects would contradict each other.
    """
    for lock in ("config", *(section.key for section in SECTIONS)):
        sql.advisory_lock(lock.replace("_", "-"))
    state = State(services)
    state.expect(version)
    found = state.changes(text, prune=prune)
    skipped = 0
    touched: list[tuple[Section, int]] = []
    made: list[tuple[Any, int]] = []
    for change in sorted(found, key=lambda each: each.action != "delete"):
        if change.section is None:
            skipped += config.change(change.wanted, caller, services)
            continue
        wanted = change.wanted
        rule_id = getattr(wanted, "rule_id", None) or 0
        if rule_id >= FIRST_NEW_ID:  # by now, the rule has been created
            real_id = next(row_id for body, row_id in made if body is state.rules[rule_id])
            wanted = msgspec.structs.replace(wanted, rule_id=real_id)
        row_id = _write(change.section, change._replace(wanted=wanted), caller, services)
        if row_id is not None:
            touched.append((change.section, row_id))
            made.append((change.wanted, row_id))
    for section, row_id in touched:
        section.refuse(row_id, services)
    return found, skipped


def _write(section: Section, change: Change, caller: Caller, services: Services) -> int | None:
    """Make one change; return the id of the object, None if it is gone."""
    if change.stored is None:
        return int(section.add(change.wanted, caller, services).id)
    if change.wanted is None:
        section.remove(change.stored.id, caller, services)
        return None
    section.replace(change.stored.id, msgspec.structs.asdict(change.wanted), caller, services)
    return change.stored.id


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        detail = f": {error}" if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise errors.Unreadable(f"The file is not TOML{detail}") from None


def _may_be_null(name: str) -> bool:
    """Return whether a value of the configuration can be null."""
    types = {field.name: field.type for field in msgspec.structs.fields(responses.Config)}
    return name in types and not validation.wrong_value(name, None, types[name])


def _matched(
    section: Section, wanted: Sequence[Any], stored: Iterable[Stored]
) -> tuple[list[tuple[Stored | None, Any]], list[Stored]]:
    """Pair each wanted object with the stored one it is about, None if it is new; return also what is left over."""
    left, pairs = list(stored), dict.fromkeys(range(len(wanted)))
    by_place: dict[int, Stored] = {}
    for identity in section.identities:
        for place in pairs:
            if place not in by_place and (found := _with(identity, identity(wanted[place]), left)):
                by_place[place] = found
                left.remove(found)
    return [(by_place.get(place), wanted[place]) for place in pairs], left


def _with(identity: Callable[[Any], Any], wanted: Any, left: Iterable[Stored]) -> Stored | None:
    return None if wanted is None else next((row for row in left if identity(row.body) == wanted), None)
