"""How the server is: who we are to it, whether it notifies, and what troubles it."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.tui.app_context import Desk
from ticketbot.tui.table_cells import Line

ASK_EVERY_S = 5.0


class Watch:
    """Asks every few seconds. `failure` is why the last answer did not come."""

    def __init__(self, desk: Desk) -> None:
        self.failure: errors.TicketbotError | None = None
        self.user = ""
        self._desk = desk
        self._notifies: bool | None = None
        self._readiness: responses.Readiness | None = None
        self._is_asking = False
        self._since_asked_s = ASK_EVERY_S

    def tick(self, passed_s: float) -> None:
        """Ask when the last answer is old."""
        self._since_asked_s += passed_s
        if not self._is_asking and self._since_asked_s >= ASK_EVERY_S:
            self._is_asking = True
            self._desk.call(_ask, self._have_heard, self._have_failed)

    def _have_heard(self, heard: tuple[responses.Readiness, responses.User, responses.Config]) -> None:
        self._is_asking, self._since_asked_s, self.failure = False, 0.0, None
        self._readiness, user, settings = heard
        self.user, self._notifies = user.name, settings.attempt_notify

    def _have_failed(self, error: errors.TicketbotError) -> None:
        self._is_asking, self._since_asked_s, self.failure = False, 0.0, error

    def words(self, failure: errors.TicketbotError | None) -> Line:
        """Return notifications on or off, and the problems."""
        return [*self._switch(), *self._problems(failure)]

    def _switch(self) -> Line:
        if self._notifies is None:
            return []
        return [("bar", "notifications on") if self._notifies else ("bar alert", " notifications OFF ")]

    def _problems(self, failure: errors.TicketbotError | None) -> Line:
        if isinstance(failure, errors.NotAllowed):
            return [("bar", "  "), ("bar alert", " not allowed ")]
        if failure:
            return [
                ("bar", "  "),
                ("bar alert", " no answer " if isinstance(failure, errors.Unreachable) else " failing "),
            ]
        if self._readiness is None:
            return []
        wrong = [name for name, state in self._readiness.checks.items() if state != "ok"]
        if wrong:
            return [("bar", "  "), ("bar alert", f" {self._readiness.status}: {', '.join(wrong)} ")]
        return [("bar", "  ready")]


def _ask(api: client.Client) -> tuple[responses.Readiness, responses.User, responses.Config]:
    return api.readiness(), api.me(), api.config()
