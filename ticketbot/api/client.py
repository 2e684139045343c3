"""One method per operation of a Ticketbot server, with typed results; used by the command line and the TUI.

Failures are raised as `connection` says. Lists are read over all pages: `limit=None` means all rows, `newest=True` the
newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests.adapters import BaseAdapter

from ticketbot import errors
from ticketbot.api import (
    calm_client,
    http_connection,
    requests,
    responses,
    status_responses,
    sync_responses,
    trial_client,
)


class Client(calm_client.CalmClient, trial_client.TrialClient):
    """One server and one API key. An instance is for one thread at a time; `close` ends its connections."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = http_connection.TIMEOUT_S,
        transport: BaseAdapter | None = None,
    ) -> None:
        self._server = http_connection.Connection(base_url, api_key, timeout_s=timeout_s, transport=transport)
        self.base_url = self._server.base_url

    def close(self) -> None:
        """Close the connections that are kept."""
        self._server.close()

    def ping(self) -> responses.Health:
        """Check that the server responds; needs no key."""
        return self._server.get("/healthcheck", responses.Health)

    def readiness(self) -> responses.Readiness:
        """Return how the server's checks stand, also when it is not ready; needs no key."""
        return self._server.call("GET", "/readyz", responses.Readiness, expect=(200, 503))

    def authtest(self) -> responses.User:
        """Return whose key this is."""
        return self._server.get("/authtest", responses.User)

    def users(self, *, limit: int | None = None, newest: bool = False) -> list[responses.User]:
        """List users."""
        return self._server.rows("/users", responses.User, limit, newest)

    def me(self) -> responses.User:
        """Return whose key this is."""
        return self._server.get("/users/me", responses.User)

    def user(self, user_id: int) -> responses.User:
        """Return one user."""
        return self._server.get(f"/users/{user_id}", responses.User)

    def create_user(self, name: str, email: str) -> responses.User:
        """Add a user."""
        return self._server.call("POST", "/users", responses.User, body=requests.NewUser(name=name, email=email))

    def delete_user(self, user_id: int) -> None:
        """Delete a user with all keys."""
        self._server.delete(f"/users/{user_id}")

    def keys(self, *, limit: int | None = None, newest: bool = False) -> list[responses.Key]:
        """List API keys."""
        return self._server.rows("/users/keys", responses.Key, limit, newest)

    def key(self, key_id: int) -> responses.Key:
        """Return one API key, without the key itself."""
        return self._server.get(f"/users/keys/{key_id}", responses.Key)

    def create_key(self, user_id: int, **options: Any) -> responses.CreatedKey:
        """Make a key, with the options of `requests.NewKey`; the answer is the only one that ever holds it."""
        body = requests.NewKey(user_id=user_id, **options)
        return self._server.call("POST", "/users/keys", responses.CreatedKey, body=body)

    def delete_key(self, key_id: int) -> None:
        """Delete a key, which ends its access immediately."""
        self._server.delete(f"/users/keys/{key_id}")

    def status(self) -> status_responses.Status:
        """Return how the server is."""
        return self._server.get("/status", status_responses.Status)

    def boards(self, *, limit: int | None = None, newest: bool = False) -> list[responses.Board]:
        """List the boards that exist in ConnectWise."""
        return self._server.rows("/cw/boards", responses.Board, limit, newest)

    def board(self, board_id: int) -> responses.Board:
        """Return one board, also a deleted one."""
        return self._server.get(f"/cw/boards/{board_id}", responses.Board)

    def members(self, *, limit: int | None = None, newest: bool = False) -> list[responses.Member]:
        """List the members that we know."""
        return self._server.rows("/cw/members", responses.Member, limit, newest)

    def tickets(
        self,
        *,
        board_id: int | None = None,
        is_open: bool | None = None,
        search: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[responses.Ticket]:
        """List stored tickets; `search` are words in the number, summary or company."""
        query = {"board_id": board_id, "open": is_open, "q": search}
        return self._server.rows("/cw/tickets", responses.Ticket, limit, newest, query)

    def ticket(self, ticket_id: int) -> responses.Ticket:
        """Return one stored ticket."""
        return self._server.get(f"/cw/tickets/{ticket_id}", responses.Ticket)

    def explain(
        self, ticket_id: int, *, about: str | None = None, limit: int = requests.DEFAULT_LIMIT
    ) -> responses.Explanation:
        """Return the newest events of a ticket, what was decided and what became of the notifications.

        `about` is the name of a recipient or member: then only what concerns them, and why nothing did.
        """
        query = {"limit": limit, "for": about}
        return self._server.get(f"/cw/tickets/{ticket_id}/explain", responses.Explanation, query)

    def recipients(
        self,
        *,
        recipient_type: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[responses.Recipient]:
        """List recipients; `search` are words in the name or e-mail address."""
        query = {"type": recipient_type, "q": search}
        return self._server.rows("/webex/rooms", responses.Recipient, limit, newest, query)

    def recipient(self, recipient_id: int) -> responses.Recipient:
        """Return one recipient."""
        return self._server.get(f"/webex/rooms/{recipient_id}", responses.Recipient)

    def test_recipient(self, recipient_id: int) -> responses.TestMessageResult:
        """Send a recipient a message marked as a test; raises with Webex's word when it refuses."""
        return self._server.call("POST", f"/webex/rooms/{recipient_id}/test", responses.TestMessageResult)

    def test_alert(self) -> status_responses.TestAlertResult:
        """Send a test alert to `alert_recipient_id` and `alert_url`, and return what became of it."""
        return self._server.call("POST", "/alerts/test", status_responses.TestAlertResult)

    def rules(self, *, limit: int | None = None, newest: bool = False) -> list[responses.Rule]:
        """List rules."""
        return self._server.rows("/notifiers/rules", responses.Rule, limit, newest)

    def rule(self, rule_id: int) -> responses.Rule:
        """Return one rule."""
        return self._server.get(f"/notifiers/rules/{rule_id}", responses.Rule)

    def create_rule(self, board_id: int | None, recipient_id: int | None, **more: Any) -> responses.Rule:
        """Add a rule; `more` are other fields of `NewRule`. No board: all boards, no recipient: the assigned people."""
        target = more.pop("target", "assigned" if recipient_id is None else "recipient")
        body = requests.NewRule(board_id=board_id, recipient_id=recipient_id, target=target, **more)
        return self._server.call("POST", "/notifiers/rules", responses.Rule, body=body)

    def update_rule(self, rule_id: int, **changes: Any) -> responses.Rule:
        """Change some of a rule, by the names of `RuleChanges`."""
        body = requests.RuleChanges(**changes)
        return self._server.call("PATCH", f"/notifiers/rules/{rule_id}", responses.Rule, body=body)

    def delete_rule(self, rule_id: int) -> None:
        """Delete a rule."""
        self._server.delete(f"/notifiers/rules/{rule_id}")

    def forwards(
        self, *, state: str | None = None, limit: int | None = None, newest: bool = False
    ) -> list[responses.Forward]:
        """List forwards, perhaps only the `active`, `upcoming`, `expired` or `disabled` ones."""
        return self._server.rows("/notifiers/forwards", responses.Forward, limit, newest, {"state": state})

    def forward(self, forward_id: int) -> responses.Forward:
        """Return one forward."""
        return self._server.get(f"/notifiers/forwards/{forward_id}", responses.Forward)

    def create_forward(
        self,
        source_id: int,
        destination_id: int,
        *,
        start: str | None = None,
        end: str | None = None,
        **more: bool,
    ) -> responses.Forward:
        """Add a forward; `start` and `end` are dates or moments, `more` other fields of `NewForward`."""
        body = requests.NewForward(source_id=source_id, destination_id=destination_id, start=start, end=end, **more)
        return self._server.call("POST", "/notifiers/forwards", responses.Forward, body=body)

    def update_forward(self, forward_id: int, **changes: Any) -> responses.Forward:
        """Change some of a forward, by the names of `ForwardChanges`; None opens a side of its time."""
        body = requests.ForwardChanges(**changes)
        return self._server.call("PATCH", f"/notifiers/forwards/{forward_id}", responses.Forward, body=body)

    def delete_forward(self, forward_id: int) -> None:
        """Delete a forward."""
        self._server.delete(f"/notifiers/forwards/{forward_id}")

    def preview(self, recipient_id: int, *, at: str | None = None) -> responses.Preview:
        """Return who would get a notification for a recipient, now or at a date or moment."""
        query = {"recipient_id": recipient_id, "at": at}
        return self._server.get("/notifiers/forwards/preview", responses.Preview, query)

    def notifications(
        self,
        *,
        state: str | None = None,
        ticket_id: int | None = None,
        recipient_id: int | None = None,
        since: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[responses.Notification]:
        """List the ledger; `since` is a date or moment, `search` are words in ticket, recipient or error."""
        query = {
            "state": state,
            "ticket_id": ticket_id,
            "recipient_id": recipient_id,
            "since": since,
            "q": search,
        }
        return self._server.rows("/notifications", responses.Notification, limit, newest, query)

    def notification(self, notification_id: int) -> responses.Notification:
        """Return one notification."""
        return self._server.get(f"/notifications/{notification_id}", responses.Notification)

    def retry_notification(self, notification_id: int) -> responses.Notification:
        """Send a dead notification again."""
        return self._server.call("POST", f"/notifications/{notification_id}/retry", responses.Notification)

    def retry_dead(
        self,
        *,
        since: str | None = None,
        ticket_id: int | None = None,
        recipient_id: int | None = None,
        search: str | None = None,
        dry_run: bool = False,
    ) -> responses.RetryResult:
        """Try everything again that died since a date or moment, by default within the last 24 hours.

        The filters of `notifications` narrow it; a recipient and words exclude events. A dry run returns the same
        counts and changes nothing.
        """
        body = requests.RetryRequest(
            since=since, ticket_id=ticket_id, recipient_id=recipient_id, q=search, dry_run=dry_run
        )
        return self._server.call("POST", "/notifications/retry", responses.RetryResult, body=body)

    def events(
        self,
        *,
        state: str | None = None,
        ticket_id: int | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[responses.Event]:
        """List events, such as the `dead` ones."""
        return self._server.rows("/events", responses.Event, limit, newest, {"state": state, "ticket_id": ticket_id})

    def event(self, event_id: int) -> responses.Event:
        """Return one event. The API has no path for it, but pages of its list start anywhere."""
        query = {"after": event_id - 1}
        rows = self._server.rows("/events", responses.Event, 1, False, query)
        if event_id < 1 or not rows or rows[0].id != event_id:
            raise errors.NotFound(f"There is no event {event_id}")
        return rows[0]

    def retry_event(self, event_id: int) -> responses.Event:
        """Look again at a dead event."""
        return self._server.call("POST", f"/events/{event_id}/retry", responses.Event)

    def config(self) -> responses.Config:
        """Return the runtime configuration."""
        return self._server.get("/config", responses.Config)

    def update_config(self, changes: Mapping[str, Any]) -> responses.Config:
        """Change some of the runtime configuration, by name."""
        return self._server.call("PUT", "/config", responses.Config, body=changes)

    def audit(self, *, limit: int | None = None, newest: bool = False) -> list[responses.AuditEntry]:
        """List what was changed through the API."""
        return self._server.rows("/audit", responses.AuditEntry, limit, newest)

    def start_sync(
        self,
        *,
        boards: bool = False,
        recipients: bool = False,
        tickets: bool = False,
        board_ids: list[int] | None = None,
        force: bool = False,
    ) -> sync_responses.SyncRun:
        """Start a sync; raises Conflict while another one runs."""
        body = requests.SyncRequest(
            boards=boards, recipients=recipients, tickets=tickets, board_ids=board_ids or [], force=force
        )
        return self._server.call("POST", "/sync", sync_responses.SyncRun, body=body)

    def sync_status(self) -> sync_responses.SyncStatus:
        """Return the running or latest sync."""
        return self._server.get("/sync/status", sync_responses.SyncStatus)

    def sync_runs(self, *, limit: int | None = None, newest: bool = False) -> list[sync_responses.SyncRun]:
        """List syncs."""
        return self._server.rows("/sync/runs", sync_responses.SyncRun, limit, newest)

    def sync_run(self, run_id: int) -> sync_responses.SyncRun:
        """Return one sync."""
        return self._server.get(f"/sync/runs/{run_id}", sync_responses.SyncRun)

    def cancel_sync(self) -> sync_responses.SyncRun:
        """Cancel the running sync; raises Conflict when none runs."""
        return self._server.call("POST", "/sync/cancel", sync_responses.SyncRun)

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API."""
        return self._server.get("/openapi.json", dict[str, Any])
