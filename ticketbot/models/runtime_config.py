"""The runtime configuration, which all servers on one database share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import peewee

from ticketbot.database import fields, sql


class ConfigValue(fields.Model):
    """One runtime setting that was changed; the others have their defaults."""

    name = peewee.TextField(primary_key=True)
    value = fields.JsonField()


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runtime configuration (`GET /config`), live on every server within seconds."""

    attempt_notify: bool = True
    max_message_length: int = 300
    max_concurrent_syncs: int = 5
    require_board_rule: bool = False
    catch_up_interval: int = 300
    retention_days: int = 90
    assigned_events: tuple[str, ...] = ("new", "customer_note", "team_note", "internal_note", "assigned")
    threads: Literal["rooms", "all", "off"] = "rooms"
    panel: bool = True
    sync_schedule: str | None = None
    alert_recipient_id: int | None = None
    alert_url: str | None = None
    alert_silence_minutes: int = 120
    business_hours: str = "mon-fri 08:00-18:00"
    heartbeat_url: str | None = None


SECRETS = ("alert_url", "heartbeat_url")
"""Addresses that let anybody who knows them raise or hide an alarm."""


def load() -> Config:
    """Return the current runtime configuration."""
    stored = {row.name: row.value for row in sql.select(ConfigValue, "SELECT name, value FROM config_value")}
    known = {field: stored[field] for field in Config.__struct_fields__ if field in stored}
    return msgspec.convert(known, Config)


def save(values: Mapping[str, Any]) -> None:
    """Change some runtime settings; None is always the default."""
    for name, value in values.items():
        if value is None:
            ConfigValue.delete().where(ConfigValue.name == name).execute()
            continue
        ConfigValue.insert(name=name, value=value).on_conflict(
            conflict_target=[ConfigValue.name], preserve=[ConfigValue.value]
        ).execute()
