"""Configuration as code: export, plan and apply a TOML file (M2)."""

from __future__ import annotations

import time

import msgspec

from ticketbot.api import requests, trial_responses
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.models import rules
from ticketbot.pipeline import trials
from ticketbot.server import authentication, config_file, operations, sections
from ticketbot.server.routes import rules as rules_api
from ticketbot.server.routes import trials as trials_api

ROUTES = operations.Routes("configuration as code")

TRIAL_DAYS = 7
TRIALS_FOR_S = 60.0  # less than a client waits; changed rules beyond it are not tried


@ROUTES.get("/export", "Export rules, forwards, silences, quiet hours and configuration as TOML")
def export_configuration(services: operations.Services) -> operations.Toml:
    return operations.Toml(config_file.State(services).text())


@ROUTES.post("/plan", "Show what applying a TOML file would change", scope="read", refuses=(409,), has_session=False)
def plan_configuration(
    body: operations.Toml, query: requests.PlanQuery, services: operations.Services
) -> trial_responses.Plan:
    with db.session():
        state = config_file.State(services)
        version, found = state.version, state.changes(body, prune=query.prune)
    deadline_s = time.monotonic() + TRIALS_FOR_S
    changes = [_change(each, _trial(each, services, deadline_s)) for each in found]
    return trial_responses.Plan(version=version, changes=changes)


@ROUTES.post("/apply", "Apply a TOML file, if the server is still as it was planned for", scope="admin", refuses=(409,))
def apply_configuration(
    body: operations.Toml, query: requests.ApplyQuery, caller: authentication.Caller, services: operations.Services
) -> trial_responses.Plan:
    # The first check of a condition takes long, and must not happen inside the transaction.
    state = config_file.State(services)
    state.expect(query.version)
    state.changes(body, prune=query.prune)
    with db.transaction("apply"):
        found, skipped = config_file.apply(body, query.version, services, caller, prune=query.prune)
        version = config_file.State(services).version
    outbox_upkeep.report_switched_off(skipped)
    services.wake_messages()
    return trial_responses.Plan(version=version, changes=[_change(each, None) for each in found])


def _change(change: config_file.Change, trial: trial_responses.Backtest | None) -> trial_responses.Change:
    return trial_responses.Change(
        action=change.action,
        object=change.section.singular if change.section else config_file.CONFIGURATION,
        name=change.title,
        before=change.before,
        after=change.after,
        trial=trial,
    )


def _trial(
    change: config_file.Change, services: operations.Services, deadline_s: float
) -> trial_responses.Backtest | None:
    """Return what a changed rule would have done in the last days; a deleted one is tried as disabled (R6)."""
    if change.section is not sections.RULES or time.monotonic() > deadline_s:
        return None
    with db.session():
        row = rules.Rule() if change.stored is None else rules_api.found(change.stored.id)
        if change.wanted is not None:
            rules_api.change(row, msgspec.structs.asdict(change.wanted))
        tried = trials.proposal(row)
    if change.wanted is None:
        tried = msgspec.structs.replace(tried, rule=msgspec.structs.replace(tried.rule, enabled=False))
    return trials_api.backtest_of(TRIAL_DAYS, tried, services)
