"""Rules: which recipients are told about the new tickets of a board."""

from __future__ import annotations

import msgspec
import peewee

from ticketbot import asked, db, errors, shapes
from ticketbot.models import routing, tickets
from ticketbot.server import access
from ticketbot.server.api import audit, operations

TABLE = operations.Table("rules")


@TABLE.get("/notifiers/rules", "List rules")
def list_rules(query: asked.Page) -> operations.Listing[shapes.Rule]:
    return operations.listing(_rules(), routing.Rule.id, query, _rule)


@TABLE.get("/notifiers/rules/{rule_id}", "Show a rule")
def get_rule(rule_id: int) -> shapes.Rule:
    return _found(rule_id)


@TABLE.post("/notifiers/rules", "Add a rule", status=201, refuses=(409,))
def create_rule(body: asked.NewRule, caller: access.Caller, desk: operations.Desk) -> shapes.Rule:
    with db.transaction("create-rule"):
        board = _known_board(body.board_id)
        recipient = operations.known_recipient("recipient_id", body.recipient_id)
        if routing.Rule.select().where(routing.Rule.board == board, routing.Rule.recipient == recipient).exists():
            raise errors.Conflict(f"There is a rule from {board.name} to {recipient.name} already")
        row = routing.Rule.create(board=board, recipient=recipient, enabled=body.enabled, created_at=desk.now())
        rule = _rule(row)
        audit.record(caller, desk.now(), "create", "rule", rule.id, after=rule)
    return rule


@TABLE.patch("/notifiers/rules/{rule_id}", "Enable or disable a rule")
def update_rule(rule_id: int, body: asked.RuleChanges, caller: access.Caller, desk: operations.Desk) -> shapes.Rule:
    with db.transaction("update-rule"):
        before = _found(rule_id)
        enabled = before.enabled if body.enabled is msgspec.UNSET else body.enabled
        after = msgspec.structs.replace(before, enabled=enabled)
        if after != before:
            routing.Rule.update(enabled=enabled).where(routing.Rule.id == rule_id).execute()
            audit.record(caller, desk.now(), "update", "rule", rule_id, before=before, after=after)
    return after


@TABLE.delete("/notifiers/rules/{rule_id}", "Delete a rule")
def delete_rule(rule_id: int, caller: access.Caller, desk: operations.Desk) -> None:
    with db.transaction("delete-rule"):
        before = _found(rule_id)
        routing.Rule.delete().where(routing.Rule.id == rule_id).execute()
        audit.record(caller, desk.now(), "delete", "rule", rule_id, before=before)


def _known_board(board_id: int) -> tickets.Board:
    row: tickets.Board | None = tickets.Board.get_or_none(
        tickets.Board.id == board_id, tickets.Board.deleted_at.is_null()
    )
    if row is None:
        raise operations.wrong("board_id", f"There is no board {board_id}. Perhaps a sync of the boards finds it")
    return row


def _rules() -> peewee.ModelSelect:
    return (
        routing.Rule.select(routing.Rule, tickets.Board, routing.Recipient)
        .join(tickets.Board)
        .switch(routing.Rule)
        .join(routing.Recipient)
    )


def _found(rule_id: int) -> shapes.Rule:
    row = _rules().where(routing.Rule.id == rule_id).first()
    return _rule(operations.found(row, "rule", rule_id))


def _rule(row: routing.Rule) -> shapes.Rule:
    return shapes.Rule(
        id=row.id,
        board_id=row.board.id,
        board_name=row.board.name,
        recipient_id=row.recipient.id,
        recipient_name=row.recipient.name,
        recipient_type=row.recipient.type,
        enabled=row.enabled,
    )
