"""Rules: which recipients are notified of a board's new tickets."""

from __future__ import annotations

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients, tickets


class Rule(fields.Model):
    """board -> recipient."""

    id = fields.IdField()
    board = peewee.ForeignKeyField(tickets.Board, on_delete="RESTRICT", backref="rules")
    recipient = peewee.ForeignKeyField(recipients.Recipient, on_delete="RESTRICT", backref="rules")
    enabled = peewee.BooleanField(default=True)
    created_at = fields.UtcField()

    class Meta:
        indexes = ((("board", "recipient"), True),)


def enabled_rules(board_id: int) -> list[Rule]:
    """Return the enabled rules of a board with their recipients, ordered by id."""
    rules = sql.select(Rule, "SELECT * FROM rule WHERE board_id = ? AND enabled ORDER BY id", board_id)
    known = sql.select_by_id(recipients.Recipient, {rule.recipient_id for rule in rules})
    for rule in rules:
        rule.recipient = known[rule.recipient_id]
    return rules
