"""Try a rule, stored or only proposed, on a ticket or on the last days; nothing is sent or stored (R6)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from ticketbot import errors
from ticketbot.api import requests, trial_responses
from ticketbot.database import db
from ticketbot.models import rules
from ticketbot.pipeline import backtest, trials
from ticketbot.present import reasons
from ticketbot.server import operations
from ticketbot.server.routes import events
from ticketbot.server.routes import rules as rules_api

ROUTES = operations.Routes("trials")


@ROUTES.post("/notifiers/rules/try", "Try a rule on a stored ticket", scope="read")
def try_rule(body: requests.TryRequest, services: operations.Services) -> trial_responses.Trial:
    tried = _proposal(body.rule_id, body.rule)
    with _naming("ticket_id"):
        decisions = trials.try_on_ticket(body.ticket_id, body.event, tried, services.timezone, services.now())
    return trial_responses.Trial(
        ticket_id=body.ticket_id, event=body.event, decisions=[events.decision(each) for each in decisions]
    )


@ROUTES.post(
    "/notifiers/rules/backtest", "Try a rule on the last days", scope="read", refuses=(409,), has_session=False
)
def run_backtest(body: requests.BacktestRequest, services: operations.Services) -> trial_responses.Backtest:
    with db.session():
        tried = _proposal(body.rule_id, body.rule)
    return backtest_of(body.days, tried, services)


def backtest_of(days: int, tried: trials.Proposal | None, services: operations.Services) -> trial_responses.Backtest:
    """Return what a rule would have done in the last days; call it outside of sessions. Raises `Conflict`."""
    with backtest.alone():
        found = backtest.run(days, tried, services.timezone, services.now())
    return _backtest(found)


@contextlib.contextmanager
def _naming(field: str) -> Iterator[None]:
    """Turn `NotFound` into `InvalidInput` of the field of the body that names what is not there."""
    try:
        yield
    except errors.NotFound as error:
        raise operations.invalid_field(field, str(error)) from error


def _proposal(rule_id: int | None, proposed: requests.NewRule | None) -> trials.Proposal | None:
    """Return the rule to try; raises `InvalidInput` if it could not be saved."""
    if rule_id is None and proposed is None:
        return None
    with _naming("rule_id"):
        row = rules.Rule() if rule_id is None else rules_api.found(rule_id)
    if proposed is not None:
        rules_api.check_condition(proposed.condition)
        rules_api.change(row, msgspec.structs.asdict(proposed))
    return trials.proposal(row)


def _backtest(found: backtest.Outcome) -> trial_responses.Backtest:
    recipients = sorted(found.by_recipient.items(), key=lambda each: (-each[1]["proposed"], found.name_of(each[0])))
    hours = [trial_responses.BacktestHour(at=hour, proposed=count) for hour, count in found.by_hour.items() if count]
    return trial_responses.Backtest(
        events=found.events,
        left_out=found.left_out,
        decided=found.totals["decided"],
        proposed=found.totals["proposed"],
        by_recipient=[
            trial_responses.BacktestRecipient(recipient_name=found.name_of(target), **_counts(count))
            for target, count in recipients
        ],
        by_day=[trial_responses.BacktestDay(day=day, **_counts(count)) for day, count in sorted(found.by_day.items())],
        busiest_hour=max(hours, key=lambda each: (each.proposed, each.at), default=None),
        samples=[_sample(each) for each in found.samples],
        people_from_cache=len(found.cached_people),
    )


def _counts(count: dict[str, int]) -> dict[str, int]:
    return {"decided": count["decided"], "proposed": count["proposed"]}


def _sample(pair: backtest.Pair) -> trial_responses.BacktestSample:
    draft = pair.draft
    return trial_responses.BacktestSample(
        ticket_id=pair.facts.ticket.id,
        event=draft.events[0],
        recipient_name=draft.name,
        decided=pair.was_sent,
        proposed=pair.would_be_sent,
        reason=reasons.text(draft.reasons),
    )
