"""Rules: which recipients are notified of the new tickets of a board."""

from __future__ import annotations

import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db
from ticketbot.models import recipients, rules, tickets
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("rules")


@ROUTES.get("/notifiers/rules", "List rules")
def list_rules(query: requests.Page) -> operations.Listing[responses.Rule]:
    return operations.listing(_rules(), rules.Rule.id, query, _rule)


@ROUTES.get("/notifiers/rules/{rule_id}", "Show a rule")
def get_rule(rule_id: int) -> responses.Rule:
    return _found(rule_id)


@ROUTES.post("/notifiers/rules", "Add a rule", status=201, refuses=(409,))
def create_rule(body: requests.NewRule, caller: authentication.Caller, services: operations.Services) -> responses.Rule:
    with db.transaction("create-rule"):
        board = _known_board(body.board_id)
        recipient = operations.known_recipient("recipient_id", body.recipient_id)
        if rules.Rule.select().where(rules.Rule.board == board, rules.Rule.recipient == recipient).exists():
            raise errors.Conflict(f"There is a rule from {board.name} to {recipient.name} already")
        row = rules.Rule.create(board=board, recipient=recipient, enabled=body.enabled, created_at=services.now())
        rule = _rule(row)
        audit.record(caller, services.now(), "create", "rule", rule.id, after=rule)
    return rule


@ROUTES.patch("/notifiers/rules/{rule_id}", "Enable or disable a rule")
def update_rule(
    rule_id: int, body: requests.RuleChanges, caller: authentication.Caller, services: operations.Services
) -> responses.Rule:
    with db.transaction("update-rule"):
        before = _found(rule_id)
        enabled = before.enabled if body.enabled is msgspec.UNSET else body.enabled
        after = msgspec.structs.replace(before, enabled=enabled)
        if after != before:
            rules.Rule.update(enabled=enabled).where(rules.Rule.id == rule_id).execute()
            audit.record(caller, services.now(), "update", "rule", rule_id, before=before, after=after)
    return after


@ROUTES.delete("/notifiers/rules/{rule_id}", "Delete a rule")
def delete_rule(rule_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-rule"):
        before = _found(rule_id)
        rules.Rule.delete().where(rules.Rule.id == rule_id).execute()
        audit.record(caller, services.now(), "delete", "rule", rule_id, before=before)


def _known_board(board_id: int) -> tickets.Board:
    row: tickets.Board | None = tickets.Board.get_or_none(
        tickets.Board.id == board_id, tickets.Board.deleted_at.is_null()
    )
    if row is None:
        raise operations.invalid_field("board_id", f"There is no board {board_id}. If it is new, sync the boards first")
    return row


def _rules() -> peewee.ModelSelect:
    return (
        rules.Rule.select(rules.Rule, tickets.Board, recipients.Recipient)
        .join(tickets.Board)
        .switch(rules.Rule)
        .join(recipients.Recipient)
    )


def _found(rule_id: int) -> responses.Rule:
    row = _rules().where(rules.Rule.id == rule_id).first()
    return _rule(operations.or_not_found(row, "rule", rule_id))


def _rule(row: rules.Rule) -> responses.Rule:
    return responses.Rule(
        id=row.id,
        board_id=row.board.id,
        board_name=row.board.name,
        recipient_id=row.recipient.id,
        recipient_name=row.recipient.name,
        recipient_type=row.recipient.type,
        enabled=row.enabled,
    )
