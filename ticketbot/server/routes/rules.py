"""Rules: who is notified of which events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests, responses, trial_responses
from ticketbot.database import db, sql
from ticketbot.decide import conditions
from ticketbot.models import recipients, rules, tickets
from ticketbot.present import entities
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("rules")


@ROUTES.get("/notifiers/rules", "List rules")
def list_rules(query: requests.Page) -> operations.Listing[responses.Rule]:
    return operations.listing(_rules(), rules.Rule.id, query, _rule)


@ROUTES.get("/notifiers/rules/{rule_id}", "Show a rule")
def get_rule(rule_id: int) -> responses.Rule:
    return _rule(found(rule_id))


@ROUTES.post("/notifiers/rules", "Add a rule", scope="operate", status=201, refuses=(409,))
def create_rule(body: requests.NewRule, caller: authentication.Caller, services: operations.Services) -> responses.Rule:
    check_condition(body.condition)
    with db.transaction("create-rule"):
        sql.advisory_lock("rules")
        rule = add(body, caller, services)
        refuse_twin(rule.id)
    return rule


@ROUTES.patch("/notifiers/rules/{rule_id}", "Change a rule", scope="operate", refuses=(409,))
def update_rule(
    rule_id: int, body: requests.RuleChanges, caller: authentication.Caller, services: operations.Services
) -> responses.Rule:
    changes = operations.given(body)
    check_condition(changes.get("condition"))
    with db.transaction("update-rule"):
        sql.advisory_lock("rules")
        rule = replace(rule_id, changes, caller, services)
        refuse_twin(rule_id)
    return rule


@ROUTES.delete("/notifiers/rules/{rule_id}", "Delete a rule", scope="operate")
def delete_rule(rule_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-rule"):
        sql.advisory_lock("rules")
        remove(rule_id, caller, services)


def add(body: requests.NewRule, caller: authentication.Caller, services: operations.Services) -> responses.Rule:
    """Add a rule inside a transaction, which has still to refuse twins."""
    row = rules.Rule(created_at=services.now())
    change(row, msgspec.structs.asdict(body))
    row.save()
    rule = _rule(row)
    audit.record(caller, services.now(), "create", "rule", rule.id, after=rule)
    return rule


def replace(
    rule_id: int, changes: Mapping[str, Any], caller: authentication.Caller, services: operations.Services
) -> responses.Rule:
    """Change a rule inside a transaction, which has still to refuse twins."""
    row = found(rule_id)
    before = _rule(row)
    change(row, changes)
    after = _rule(row)
    if after != before:
        row.save()
        audit.record(caller, services.now(), "update", "rule", rule_id, before=before, after=after)
    return after


def remove(rule_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    """Delete a rule inside a transaction."""
    before = _rule(found(rule_id))
    rules.Rule.delete().where(rules.Rule.id == rule_id).execute()
    audit.record(caller, services.now(), "delete", "rule", rule_id, before=before)


def stored() -> list[responses.Rule]:
    """Return all rules, by id."""
    return [_rule(row) for row in _rules().order_by(rules.Rule.id)]


@ROUTES.post("/notifiers/rules/check", "Check a condition", scope="read")
def check_rule_condition(body: requests.ConditionText) -> trial_responses.ConditionCheck:
    mistake = conditions.check(body.condition)
    if mistake is None:
        return trial_responses.ConditionCheck(ok=True, message=None, position=None, suggestion=None)
    return trial_responses.ConditionCheck(ok=False, **msgspec.structs.asdict(mistake))


def check_condition(text: str | None, field: str = "condition") -> None:
    """Raise `InvalidInput` if the condition in a field cannot be used.

    The first check takes long: call it outside of transactions.
    """
    mistake = conditions.check(text) if text else None
    if mistake is not None:
        at = "" if mistake.position is None else f" (at character {mistake.position + 1})"
        raise operations.invalid_field(field, f"{mistake.message}{at}")


def change(row: rules.Rule, changes: Mapping[str, Any]) -> None:
    """Give a rule the fields of a request; raises `InvalidInput`."""
    plain = {name: changes[name] for name in ("condition", "name", "dry_run", "enabled") if name in changes}
    if "events" in changes:
        plain["events"] = in_order(changes["events"])
    for name, value in plain.items():
        setattr(row, name, value)
    if "board_id" in changes and (changes["board_id"] != row.board_id or changes["board_id"] is None):
        row.board = None if changes["board_id"] is None else known_board(changes["board_id"])
    recipient_id = changes.get("recipient_id")
    target = changes.get("target", "assigned" if row.recipient is None and recipient_id is None else "recipient")
    if target == "assigned" and recipient_id is not None:
        raise operations.invalid_field("recipient_id", "A rule for the assigned people has no recipient")
    if target == "assigned":
        row.recipient = None
    elif recipient_id is not None:
        row.recipient = operations.known_recipient("recipient_id", recipient_id)
    elif row.recipient is None or "recipient_id" in changes:
        raise operations.invalid_field("recipient_id", "Give a recipient, or the target assigned")


def in_order(events: Collection[str]) -> list[str]:
    """Return events in their one order, so that twins are found."""
    return [event for event in get_args(responses.RuleEvent) if event in events]


def refuse_twin(rule_id: int) -> None:
    """Raise `Conflict` if another rule has the same board, recipient, events and condition (R5)."""
    row = found(rule_id)
    for each in _rules():
        if each.id != row.id and _identity(each) == _identity(row):
            way = f"from {entities.board_of(_rule(row))} to {entities.recipient_of(_rule(row))}"
            raise errors.Conflict(f"There is a rule {way} with these events and this condition already: rule {each.id}")


def _identity(row: rules.Rule) -> tuple[Any, ...]:
    return (row.board_id, row.recipient_id, row.events, row.condition)


def known_board(board_id: int) -> tickets.Board:
    """Return the board that a field names, or raise `InvalidInput`."""
    row: tickets.Board | None = tickets.Board.get_or_none(
        tickets.Board.id == board_id, tickets.Board.deleted_at.is_null()
    )
    if row is None:
        raise operations.invalid_field("board_id", f"There is no board {board_id}. If it is new, sync the boards first")
    return row


def _rules() -> peewee.ModelSelect:
    return (
        rules.Rule.select(rules.Rule, tickets.Board, recipients.Recipient)
        .join(tickets.Board, peewee.JOIN.LEFT_OUTER)
        .switch(rules.Rule)
        .join(recipients.Recipient, peewee.JOIN.LEFT_OUTER)
    )


def found(rule_id: int) -> rules.Rule:
    """Return a stored rule, or raise `NotFound`."""
    row: rules.Rule = operations.or_not_found(_rules().where(rules.Rule.id == rule_id).first(), "rule", rule_id)
    return row


def _rule(row: rules.Rule) -> responses.Rule:
    board, recipient = row.board, row.recipient
    return responses.Rule(
        id=row.id,
        board_id=board.id if board else None,
        board_name=board.name if board else None,
        recipient_id=recipient.id if recipient else None,
        recipient_name=recipient.name if recipient else None,
        recipient_type=recipient.type if recipient else None,
        enabled=row.enabled,
        events=row.events,
        condition=row.condition,
        target="recipient" if recipient else "assigned",
        dry_run=row.dry_run,
        name=row.name,
    )
