"""The status of the server: the user of our key, whether notifications are on, and its problems."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.tui.app_context import AppContext
from ticketbot.tui.table_cells import Line

POLL_EVERY_S = 5.0


class StatusPoller:
    """Polls the server every few seconds. `failure` is the error of the last poll, if it failed."""

    def __init__(self, context: AppContext) -> None:
        self.failure: errors.TicketbotError | None = None
        self.user = ""
        self._context = context
        self._notifies: bool | None = None
        self._readiness: responses.Readiness | None = None
        self._is_asking = False
        self._since_asked_s = POLL_EVERY_S

    def tick(self, passed_s: float) -> None:
        """Poll when the last response is old."""
        self._since_asked_s += passed_s
        if not self._is_asking and self._since_asked_s >= POLL_EVERY_S:
            self._is_asking = True
            self._context.call(_ask, self._on_status, self._on_error)

    def _on_status(self, result: tuple[responses.Readiness, responses.User, responses.Config]) -> None:
        self._is_asking, self._since_asked_s, self.failure = False, 0.0, None
        self._readiness, user, settings = result
        self.user, self._notifies = user.name, settings.attempt_notify

    def _on_error(self, error: errors.TicketbotError) -> None:
        self._is_asking, self._since_asked_s, self.failure = False, 0.0, error

    def header_text(self, failure: errors.TicketbotError | None) -> Line:
        """Return whether notifications are on, and the problems."""
        return [*self._notify_state(), *self._problems(failure)]

    def _notify_state(self) -> Line:
        if self._notifies is None:
            return []
        return [("bar", "notifications on") if self._notifies else ("bar alert", " notifications OFF ")]

    def _problems(self, failure: errors.TicketbotError | None) -> Line:
        if isinstance(failure, errors.NotAllowed):
            return [("bar", "  "), ("bar alert", " not allowed ")]
        if failure:
            return [
                ("bar", "  "),
                ("bar alert", " no response " if isinstance(failure, errors.Unreachable) else " failing "),
            ]
        if self._readiness is None:
            return []
        wrong = [name for name, state in self._readiness.checks.items() if state != "ok"]
        if wrong:
            return [("bar", "  "), ("bar alert", f" {self._readiness.status}: {', '.join(wrong)} ")]
        return [("bar", "  ready")]


def _ask(api: client.Client) -> tuple[responses.Readiness, responses.User, responses.Config]:
    return api.readiness(), api.me(), api.config()
