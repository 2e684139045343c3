"""Rules: who is notified of which events (R1)."""

from __future__ import annotations

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients, tickets


class Rule(fields.Model):
    """board -> recipient. Without a board it is for all of them, without a recipient for the assigned people."""

    id = fields.IdField()
    board = peewee.ForeignKeyField(tickets.Board, null=True, on_delete="RESTRICT", backref="rules")
    recipient = peewee.ForeignKeyField(recipients.Recipient, null=True, on_delete="RESTRICT", backref="rules")
    events = fields.JsonField(default=lambda: ["new"])
    condition = peewee.TextField(null=True)
    name = peewee.TextField(null=True)
    enabled = peewee.BooleanField(default=True)
    dry_run = peewee.BooleanField(default=False)
    created_at = fields.UtcField()


def of_inactive_recipients() -> list[Rule]:
    """Return the enabled rules whose recipient has vanished from Webex, with it, ordered by id."""
    found = Rule.select(Rule, recipients.Recipient).join(recipients.Recipient)
    return list(found.where(Rule.enabled, ~recipients.Recipient.active).order_by(Rule.id))


def rules_of(board_id: int | None) -> list[Rule]:
    """Return the rules of a board and those of all boards with their recipients, disabled ones too, ordered by id."""
    rules = sql.select(Rule, "SELECT * FROM rule WHERE board_id = ? OR board_id IS NULL ORDER BY id", board_id)
    known = sql.select_by_id(recipients.Recipient, {rule.recipient_id for rule in rules if rule.recipient_id})
    for rule in rules:
        rule.recipient = known[rule.recipient_id] if rule.recipient_id else None
    return rules
