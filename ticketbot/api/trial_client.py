"""What a server says of what would be: conditions, rules and files that are tried before they are saved."""

from __future__ import annotations

from ticketbot.api import http_connection, requests, trial_responses

BACKTEST_TIMEOUT_S = 180.0  # 54,000 events take up to 30 s on an idle machine


class TrialClient:
    """The operations of a `Client` that try something, and the one that applies a file that was tried."""

    _server: http_connection.Connection

    def check_condition(self, condition: str) -> trial_responses.ConditionCheck:
        """Return whether a condition can be used, and what is wrong with it."""
        body = requests.ConditionText(condition=condition)
        return self._server.call("POST", "/notifiers/rules/check", trial_responses.ConditionCheck, body=body)

    def try_rule(
        self,
        ticket_id: int,
        *,
        event: str = "new",
        rule_id: int | None = None,
        rule: requests.NewRule | None = None,
    ) -> trial_responses.Trial:
        """Return what would be decided if an event happened to a ticket now, perhaps with another rule."""
        body = {"ticket_id": ticket_id, "event": event, "rule_id": rule_id, "rule": rule}
        return self._server.call("POST", "/notifiers/rules/try", trial_responses.Trial, body=body)

    def backtest(
        self, days: int, *, rule_id: int | None = None, rule: requests.NewRule | None = None
    ) -> trial_responses.Backtest:
        """Return what another rule would have decided in the last days; without one, the present rules."""
        body = requests.BacktestRequest(days=days, rule_id=rule_id, rule=rule)
        path = "/notifiers/rules/backtest"
        return self._server.call("POST", path, trial_responses.Backtest, body=body, timeout_s=BACKTEST_TIMEOUT_S)

    def export(self) -> str:
        """Return rules, forwards and configuration as TOML."""
        return self._server.text("/export")

    def plan(self, file: str, *, prune: bool = False) -> trial_responses.Plan:
        """Return what applying a TOML file would change, with the trial of each changed rule."""
        query = {"prune": prune}
        return self._server.call(
            "POST", "/plan", trial_responses.Plan, query=query, body=file, timeout_s=BACKTEST_TIMEOUT_S
        )

    def apply(self, file: str, version: str, *, prune: bool = False) -> trial_responses.Plan:
        """Apply a TOML file; raises Conflict if the server is no longer at the version of the plan."""
        query: http_connection.Query = {"version": version, "prune": prune}
        return self._server.call("POST", "/apply", trial_responses.Plan, query=query, body=file)

    def condition_values(self) -> trial_responses.ConditionValues:
        """Return values that fields of conditions can have."""
        return self._server.get("/cw/condition-values", trial_responses.ConditionValues)
