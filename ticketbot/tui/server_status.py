"""The status of the server: the user of our key, whether notifications are on, what is dead, and its problems."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ticketbot import errors
from ticketbot.api import client, responses, status_responses
from ticketbot.present import status as presented

if TYPE_CHECKING:
    from ticketbot.tui.main_view import MainView

POLL_EVERY_S = 5.0

Markup = list[tuple[str, str]]


class Status(NamedTuple):
    """One response to the poll; `wrong` are the checks that are not ok."""

    status: status_responses.Status
    wrong: list[str]
    user: responses.User

    @property
    def notifies(self) -> bool:
        """Return whether notifications are switched on."""
        return self.status.attempt_notify


class StatusPoller:
    """Polls the server every few seconds. `failure` is the error of the last poll, if it failed."""

    def __init__(self, app: MainView) -> None:
        self.failure: errors.TicketbotError | None = None
        self.latest: Status | None = None
        self._app = app
        self._is_polling = False
        self._since_polled_s = POLL_EVERY_S

    def tick(self, passed_s: float) -> None:
        """Poll when the last response is old."""
        self._since_polled_s += passed_s
        if not self._is_polling and self._since_polled_s >= POLL_EVERY_S:
            self._is_polling = True
            self._app.call(_read, self._on_status, self._on_error)

    def _on_status(self, status: Status) -> None:
        self._is_polling, self._since_polled_s, self.failure, self.latest = False, 0.0, None, status

    def _on_error(self, error: errors.TicketbotError) -> None:
        self._is_polling, self._since_polled_s, self.failure = False, 0.0, error

    def counts(self) -> dict[str, str]:
        """Return how many rows are dead or running, by the plural of their entity, where it is not zero."""
        if self.latest is None:
            return {}
        status = self.latest.status
        is_syncing = status.last_sync is not None and status.last_sync.state == "running"
        counts = {"notifications": status.dead.notifications, "events": status.dead.events, "syncs": int(is_syncing)}
        return {plural: str(count) for plural, count in counts.items() if count}

    def summary(self, ago: Callable[[datetime], str]) -> str:
        """Return what waits, what is dead, and the last of everything, on a line (O14)."""
        return presented.brief(self.latest.status, ago) if self.latest else ""

    def markup(self, failure: errors.TicketbotError | None) -> Markup:
        """Return whether notifications are on, and the problems."""
        latest = self.latest
        notifies = latest and (("bar", "notifications on") if latest.notifies else ("bar alert", " notifications OFF "))
        return [*([notifies] if notifies else []), ("bar", "  "), self._problems(failure)]

    def _problems(self, failure: errors.TicketbotError | None) -> tuple[str, str]:
        if failure:
            said = {errors.NotAllowed: "not allowed", errors.NoServer: "no response"}.get(type(failure), "failing")
            return "bar alert", f" {said} "
        if self.latest is None:
            return "bar", ""
        state, wrong = self.latest.status.status, self.latest.wrong
        return ("bar alert", f" {state}: {', '.join(wrong)} ") if wrong else ("bar", "ready")


def _read(api: client.Client) -> Status:
    wrong = [name for name, state in api.readiness().checks.items() if state != "ok"]
    return Status(api.status(), wrong, api.me())
