"""Import rules, forwards and the configuration, and never change what a person has changed here since (M1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from ticketbot.database import fields
from ticketbot.decide import conditions as our_conditions
from ticketbot.decide import forwarding, values
from ticketbot.importer import conditions, workflows
from ticketbot.importer.copies import Copies
from ticketbot.importer.report import Report
from ticketbot.importer.source import VERSION_2, Row, Source
from ticketbot.models import forwards, imported, recipients, rules, runtime_config
from ticketbot.pipeline import load_facts
from ticketbot.present import documents

ASSIGNED_EVENTS_OF_VERSION_1 = ["new", *conditions.NOTES]
_LIMITS = {
    "max_message_length": (50, 4000),
    "max_concurrent_syncs": (1, 50),
    "retention_days": (0, 3650),
    "catch_up_interval": (30, 86400),
}


class Zones(NamedTuple):
    """TBOT_TIMEZONE, and the zone of the dates of forwards there, if it was named."""

    ours: tzinfo
    of_dates: tzinfo | None


class Routing:
    """The import of who is notified."""

    def __init__(self, source: Source, copies: Copies, report: Report, now: datetime, zones: Zones) -> None:
        self._source, self._copies, self._report, self._now = source, copies, report, now
        self._zones = zones
        self._has_workflows = source.version == VERSION_2 and source.has("workflow", "rules")

    def run(self) -> None:
        """Import rules, forwards and configuration."""
        if self._has_workflows:
            self._workflows()
        else:
            self._board_rules()
        self._forwards()
        self._configuration()

    def _board_rules(self) -> None:
        for row in self._source.rows(
            "notifier_rule",
            "id",
            "cw_board_id",
            "webex_recipient_id",
            "notify_enabled",
            "simulation_mode",
            "created_on",
        ):
            recipient = self._copies.recipients.get(row["webex_recipient_id"])
            if recipient is None:
                self._report.leave_out("notifier_rule", f"rule {row['id']}", "its recipient was not imported")
                self._report.count("notifier_rule", read=1)
                continue
            made = workflows.Made(None, workflows.NEW, None, enabled=row["notify_enabled"])
            is_dry = bool(row.get("simulation_mode"))
            self._rule("notifier_rule", row["cw_board_id"], recipient, made, is_dry_run=is_dry)

    def _workflows(self) -> None:
        context = self._context()
        for row in self._source.rows("workflow", "id", "board_id", "name", "enabled", "dry_run", "rules"):
            title = f"workflow {row['id']} ({row['name']})"

            def report(why: str, title: str = title) -> None:
                self._report.leave_out("workflow", title, why)

            for made in workflows.rules(row["rules"], context, enabled=row["enabled"], report=report):
                recipient = self._copies.recipients.get(made.recipient_id or 0)
                mistake = our_conditions.check(made.condition) if made.condition else None
                if made.recipient_id is not None and recipient is None:
                    report(f"it notifies recipient {made.recipient_id}, which is gone")
                elif mistake is not None:
                    report(f"its condition would be {made.condition!a} here: {mistake.message}")
                else:
                    self._rule("workflow", row["board_id"], recipient, made, is_dry_run=row["dry_run"])

    def _context(self) -> conditions.Context:
        names = {
            "status": {row_id: name for row_id, (name, _) in self._copies.statuses.items()},
            "board": self._copies.boards,
            "priority": self._copies.priorities,
        }
        items: dict[int, list[int]] = {}
        for row in self._source.rows("list_item", "list_id", "item_id"):
            items.setdefault(row["list_id"], []).append(row["item_id"])
        lists = {
            row["id"]: (row["item_type"], items.get(row["id"], []))
            for row in self._source.rows("list", "id", "item_type")
        }
        return conditions.Context(names, self._copies.identifiers, lists)

    def _rule(
        self,
        table: str,
        board_id: int,
        recipient: recipients.Recipient | None,
        made: workflows.Made,
        *,
        is_dry_run: bool,
    ) -> None:
        columns: dict[str, Any] = {
            "board": board_id,
            "recipient": recipient.id if recipient else None,
            "events": [event for event in _EVENT_ORDER if event in made.events],
            "condition": made.condition,
            "enabled": made.enabled,
            "dry_run": is_dry_run,
        }
        who = recipient.webex_id if recipient else "assigned"
        twin = next(
            (row for row in rules.Rule.select() if _values(row, columns) | _SWITCHES == columns | _SWITCHES), None
        )
        key = f"rule:{board_id}:{who}:{','.join(columns['events'])}:{made.condition or ''}"
        self._object(table, key, rules.Rule, columns, twin, what=f"the rule of board {board_id} for {who}")

    def _forwards(self) -> None:
        columns = ("id", "source_id", "destination_id", "start_date", "end_date", "enabled", "user_keeps_copy")
        seen: set[tuple[Any, ...]] = set()
        for row in self._source.rows(
            "notifier_forward", *columns, "only_if_sole_resource", "public_only", "simulation_mode"
        ):
            ends = [self._copies.recipients.get(row[name]) for name in ("source_id", "destination_id")]
            natural = (row["source_id"], row["destination_id"], row["start_date"], row["end_date"])
            if None in ends or natural in seen:
                why = "it is there twice" if natural in seen else "its source or destination was not imported"
                self._report.leave_out("notifier_forward", f"forward {row['id']}", why)
                self._report.count("notifier_forward", read=1)
                continue
            seen.add(natural)
            self._forward(row, *ends)

    def _forward(self, row: Row, source: Any, destination: Any) -> None:
        start, end = period(row["start_date"], row["end_date"], self._zones)
        if start or end:
            self._report.forwards.append(
                documents.ImportedForward(
                    source=source.name,
                    destination=destination.name,
                    start_there=_shown(row["start_date"]),
                    end_there=_shown(row["end_date"]),
                    start=start,
                    end=end,
                )
            )
        columns = {
            "source": source.id,
            "destination": destination.id,
            "start": start,
            "end": end,
            "keep_copy": row["user_keeps_copy"],
            "public_only": bool(row.get("public_only")),
            "only_if_sole": bool(row.get("only_if_sole_resource")),
            "enabled": row["enabled"] and not row.get("simulation_mode"),
        }
        key = f"forward:{source.webex_id}:{destination.webex_id}:{row['start_date']}:{row['end_date']}"
        known = imported.find(key)
        new = forwards.Forward(**columns, id=known.row_id if known else None)
        new.source, new.destination = source, destination
        what = f"{source.name} > {destination.name}"
        if columns["enabled"] and self._closes_cycle(new):
            columns["enabled"] = False
            self._report.leave_out("notifier_forward", what, "it closes a cycle of forwards: imported as disabled")
        if columns["public_only"]:
            why = "public only: internal notes now stay with the source; there, nobody got them"
            self._report.leave_out("notifier_forward", what, why)
        sought = (forwards.Forward.source == source.id) & (forwards.Forward.destination == destination.id)
        twin = next(
            (each for each in forwards.Forward.select().where(sought) if (each.start, each.end) == (start, end)), None
        )
        self._object("notifier_forward", key, forwards.Forward, columns, twin, what=what)

    def _closes_cycle(self, new: forwards.Forward) -> bool:
        """Return whether a forward would close a cycle with those that are here (F4)."""
        fact = load_facts.forward_fact(new, self._zones.ours)
        others = [load_facts.forward_fact(each, self._zones.ours) for each in forwards.enabled_forwards()]
        if _is_over(fact, self._now):
            return False
        return bool(forwarding.find_cycle(fact, [each for each in others if not _is_over(each, self._now)]))

    def _object(
        self,
        table: str,
        key: str,
        model: type[fields.Model],
        columns: Mapping[str, Any],
        twin: Any,
        *,
        what: str,
    ) -> None:
        """Create an object, or update it if it is still as an earlier import left it."""
        self._report.count(table, read=1)
        before = imported.find(key)
        if before is None and twin is not None:
            self._report.count(table, known=1)
            imported.remember(key, twin.id, dict(columns))
            return
        row = None if before is None else model.get_or_none(model.id == before.row_id)
        if before is None:
            row_id = model.insert(created_at=self._now, **columns).execute()
            imported.remember(key, row_id, dict(columns))
            self._report.count(table, imported=1)
        elif row is None or _values(row, columns) != before.value:
            self._report.count(table, known=1)
            if columns != before.value:
                self._report.leave_out(table, what, "it was changed here, and stays as it is")
        elif columns == before.value:
            self._report.count(table, known=1)
        else:
            model.update(**columns).where(model.id == before.row_id).execute()
            imported.remember(key, before.row_id, dict(columns))
            self._report.count(table, imported=1)

    def _configuration(self) -> None:
        rows = list(self._source.rows("app_config", "id", *_CONFIG_COLUMNS))
        if not rows:
            return
        stored = {row.name: row.value for row in runtime_config.ConfigValue.select()}
        for name, value in self._wanted_config(rows[0]).items():
            self._report.count("app_config", read=1)
            key, before = f"config:{name}", imported.find(f"config:{name}")
            if name in stored and (before is None or stored[name] != before.value) and stored[name] != value:
                self._report.leave_out(
                    "app_config", name, f"it is set here: {stored[name]!a} stays, {value!a} was there"
                )
                continue
            if before is None or before.value != value:
                runtime_config.save({name: value})
                imported.remember(key, None, value)
                self._report.count("app_config", imported=1)
            else:
                self._report.count("app_config", known=1)

    def _wanted_config(self, row: Row) -> dict[str, Any]:
        dry_run, attempt = row.get("master_dry_run"), row.get("attempt_notify")
        ours: dict[str, Any] = {
            "attempt_notify": attempt if dry_run is None else not dry_run,
            "max_message_length": row.get("max_message_length"),
            "max_concurrent_syncs": row.get("max_concurrent_syncs"),
            "retention_days": row.get("history_retention_days"),
            "catch_up_interval": row["catchup_interval_minutes"] * 60 if "catchup_interval_minutes" in row else None,
            "alert_silence_minutes": row.get("stale_alert_minutes"),
            "alert_recipient_id": _id(self._copies.recipients.get(row.get("ops_room_id") or 0)),
            "assigned_events": [] if self._has_workflows else ASSIGNED_EVENTS_OF_VERSION_1,
            "require_board_rule": None if self._has_workflows else True,
        }
        if ours["attempt_notify"] is False:
            why = "notifications were off there, and are off here: `tbot update config --attempt-notify=true`"
            self._report.leave_out("app_config", "attempt_notify", why)
        if row.get("redirect_room_id"):
            why = "all messages went to one room there; here they go to their recipients"
            self._report.leave_out("app_config", "redirect_room_id", why)
        return {name: self._within(name, value) for name, value in ours.items() if self._can_be_set(name, value)}

    @staticmethod
    def _can_be_set(name: str, value: Any) -> bool:
        return value is not None and name in runtime_config.Config.__struct_fields__

    def _within(self, name: str, value: Any) -> Any:
        """Return a value within the limits it has here; 0 switches off what can be switched off."""
        least, most = _LIMITS.get(name, (value, value))
        if name == "catch_up_interval" and value == 0:
            return 0
        nearest = min(max(value, least), most) if name in _LIMITS else value
        if nearest != value:
            self._report.leave_out("app_config", name, f"{value} is out of range here: {nearest}")
        return nearest


_EVENT_ORDER = ("new", *conditions.NOTES, "changed")
_SWITCHES = {"enabled": None, "dry_run": None}
_CONFIG_COLUMNS = (
    *("attempt_notify", "master_dry_run", "max_message_length", "max_concurrent_syncs", "history_retention_days"),
    *("catchup_interval_minutes", "stale_alert_minutes", "ops_room_id", "redirect_room_id"),
)


def period(start: datetime | None, end: datetime | None, zones: Zones) -> tuple[str | None, str | None]:
    """Return start and end of a forward as we store them.

    Both at midnight were entered as days, the end excluded: here, the end date is the last day. Everything else is a
    time of the zone that was named, by default UTC, which is what the web panel sent.
    """
    given = [each for each in (start, end) if each is not None]
    are_days = all(each.time() == time() for each in given)
    if are_days and zones.of_dates in (None, zones.ours):
        last = None if end is None else (end - timedelta(days=1)).date().isoformat()
        return None if start is None else start.date().isoformat(), last
    zone_of_dates = zones.of_dates or (zones.ours if are_days else None)
    return _moment(start, zone_of_dates), _moment(end, zone_of_dates)


def _moment(at: datetime | None, zone: tzinfo | None) -> str | None:
    if at is None:
        return None
    return f"{at.isoformat(timespec='seconds')}Z" if zone is None else at.replace(tzinfo=zone).isoformat()


def _is_over(forward: values.Forward, now: datetime) -> bool:
    return forward.end is not None and forward.end <= now


def _shown(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(" ", timespec="minutes")


def _values(row: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row in these columns, references by id."""
    names = {name: f"{name}_id" for name in ("board", "recipient", "source", "destination")}
    return {name: getattr(row, names.get(name, name)) for name in columns}


def _id(row: recipients.Recipient | None) -> int | None:
    return None if row is None else int(row.id)
