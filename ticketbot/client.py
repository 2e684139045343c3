"""One method per operation of a Ticketbot server, with typed results; used by the command line and the TUI.

Failures are raised as `connection` says. Lists are read over all pages: `limit=None` means all rows, `newest=True` the
newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from msgspec import UNSET, UnsetType

from ticketbot import asked, connection, shapes


class Client:
    """One server and one API key. An instance is for one thread at a time; `close` ends its connections."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = connection.TIMEOUT_S,
        transport: requests.adapters.BaseAdapter | None = None,
    ) -> None:
        self._server = connection.Connection(base_url, api_key, timeout_s=timeout_s, transport=transport)
        self.base_url = self._server.base_url

    def close(self) -> None:
        """Close the connections that are kept."""
        self._server.close()

    def ping(self) -> shapes.Health:
        """Ask whether the server lives; needs no key."""
        return self._server.get("/healthcheck", shapes.Health)

    def readiness(self) -> shapes.Readiness:
        """Return how the server's checks stand, also when it is not ready; needs no key."""
        return self._server.call("GET", "/readyz", shapes.Readiness, expect=(200, 503))

    def authtest(self) -> shapes.User:
        """Return whose key this is."""
        return self._server.get("/authtest", shapes.User)

    def users(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.User]:
        """List users."""
        return self._server.rows("/users", shapes.User, limit, newest)

    def me(self) -> shapes.User:
        """Return whose key this is."""
        return self._server.get("/users/me", shapes.User)

    def user(self, user_id: int) -> shapes.User:
        """Return one user."""
        return self._server.get(f"/users/{user_id}", shapes.User)

    def create_user(self, name: str, email: str) -> shapes.User:
        """Add a user."""
        return self._server.call("POST", "/users", shapes.User, body=asked.NewUser(name=name, email=email))

    def delete_user(self, user_id: int) -> None:
        """Delete a user with all keys."""
        self._server.delete(f"/users/{user_id}")

    def keys(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.Key]:
        """List API keys."""
        return self._server.rows("/users/keys", shapes.Key, limit, newest)

    def key(self, key_id: int) -> shapes.Key:
        """Return one API key, without the key itself."""
        return self._server.get(f"/users/keys/{key_id}", shapes.Key)

    def create_key(self, user_id: int) -> shapes.CreatedKey:
        """Make a key; the answer is the only one that ever holds it."""
        return self._server.call("POST", "/users/keys", shapes.CreatedKey, body=asked.NewKey(user_id=user_id))

    def delete_key(self, key_id: int) -> None:
        """Delete a key, which ends its access at once."""
        self._server.delete(f"/users/keys/{key_id}")

    def boards(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.Board]:
        """List the boards that exist in ConnectWise."""
        return self._server.rows("/cw/boards", shapes.Board, limit, newest)

    def board(self, board_id: int) -> shapes.Board:
        """Return one board, also a deleted one."""
        return self._server.get(f"/cw/boards/{board_id}", shapes.Board)

    def members(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.Member]:
        """List the members that we know."""
        return self._server.rows("/cw/members", shapes.Member, limit, newest)

    def tickets(
        self,
        *,
        board_id: int | None = None,
        is_open: bool | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[shapes.Ticket]:
        """List stored tickets."""
        return self._server.rows("/cw/tickets", shapes.Ticket, limit, newest, {"board_id": board_id, "open": is_open})

    def ticket(self, ticket_id: int) -> shapes.Ticket:
        """Return one stored ticket."""
        return self._server.get(f"/cw/tickets/{ticket_id}", shapes.Ticket)

    def explain(self, ticket_id: int, *, limit: int = asked.DEFAULT_LIMIT) -> shapes.Explanation:
        """Return the newest events of a ticket, what was decided and what became of the notifications."""
        return self._server.get(f"/cw/tickets/{ticket_id}/explain", shapes.Explanation, {"limit": limit})

    def recipients(
        self,
        *,
        recipient_type: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[shapes.Recipient]:
        """List recipients; `search` is a part of the name or e-mail address."""
        query = {"type": recipient_type, "q": search}
        return self._server.rows("/webex/rooms", shapes.Recipient, limit, newest, query)

    def recipient(self, recipient_id: int) -> shapes.Recipient:
        """Return one recipient."""
        return self._server.get(f"/webex/rooms/{recipient_id}", shapes.Recipient)

    def test_recipient(self, recipient_id: int) -> shapes.TestSent:
        """Send a recipient a message marked as a test; raises with Webex's word when it refuses."""
        return self._server.call("POST", f"/webex/rooms/{recipient_id}/test", shapes.TestSent)

    def rules(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.Rule]:
        """List rules."""
        return self._server.rows("/notifiers/rules", shapes.Rule, limit, newest)

    def rule(self, rule_id: int) -> shapes.Rule:
        """Return one rule."""
        return self._server.get(f"/notifiers/rules/{rule_id}", shapes.Rule)

    def create_rule(self, board_id: int, recipient_id: int, *, enabled: bool = True) -> shapes.Rule:
        """Add a rule."""
        body = asked.NewRule(board_id=board_id, recipient_id=recipient_id, enabled=enabled)
        return self._server.call("POST", "/notifiers/rules", shapes.Rule, body=body)

    def update_rule(self, rule_id: int, *, enabled: bool) -> shapes.Rule:
        """Enable or disable a rule."""
        return self._server.call(
            "PATCH", f"/notifiers/rules/{rule_id}", shapes.Rule, body=asked.RuleChanges(enabled=enabled)
        )

    def delete_rule(self, rule_id: int) -> None:
        """Delete a rule."""
        self._server.delete(f"/notifiers/rules/{rule_id}")

    def forwards(
        self, *, state: str | None = None, limit: int | None = None, newest: bool = False
    ) -> list[shapes.Forward]:
        """List forwards, perhaps only the `active`, `upcoming`, `expired` or `disabled` ones."""
        return self._server.rows("/notifiers/forwards", shapes.Forward, limit, newest, {"state": state})

    def forward(self, forward_id: int) -> shapes.Forward:
        """Return one forward."""
        return self._server.get(f"/notifiers/forwards/{forward_id}", shapes.Forward)

    def create_forward(
        self,
        source_id: int,
        destination_id: int,
        *,
        start: str | None = None,
        end: str | None = None,
        keep_copy: bool = False,
        enabled: bool = True,
    ) -> shapes.Forward:
        """Add a forward; `start` and `end` are dates or moments."""
        body = asked.NewForward(
            source_id=source_id,
            destination_id=destination_id,
            start=start,
            end=end,
            keep_copy=keep_copy,
            enabled=enabled,
        )
        return self._server.call("POST", "/notifiers/forwards", shapes.Forward, body=body)

    def update_forward(
        self,
        forward_id: int,
        *,
        start: str | UnsetType | None = UNSET,
        end: str | UnsetType | None = UNSET,
        keep_copy: bool | UnsetType = UNSET,
        enabled: bool | UnsetType = UNSET,
    ) -> shapes.Forward:
        """Change what is given; None opens a side of its time."""
        body = asked.ForwardChanges(start=start, end=end, keep_copy=keep_copy, enabled=enabled)
        return self._server.call("PATCH", f"/notifiers/forwards/{forward_id}", shapes.Forward, body=body)

    def delete_forward(self, forward_id: int) -> None:
        """Delete a forward."""
        self._server.delete(f"/notifiers/forwards/{forward_id}")

    def preview(self, recipient_id: int, *, at: str | None = None) -> shapes.Preview:
        """Return who would get a notification for a recipient, now or at a date or moment."""
        query = {"recipient_id": recipient_id, "at": at}
        return self._server.get("/notifiers/forwards/preview", shapes.Preview, query)

    def notifications(
        self,
        *,
        state: str | None = None,
        ticket_id: int | None = None,
        recipient_id: int | None = None,
        since: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[shapes.Notification]:
        """List the ledger; `since` is a date or moment."""
        query = {"state": state, "ticket_id": ticket_id, "recipient_id": recipient_id, "since": since}
        return self._server.rows("/notifications", shapes.Notification, limit, newest, query)

    def notification(self, notification_id: int) -> shapes.Notification:
        """Return one notification."""
        return self._server.get(f"/notifications/{notification_id}", shapes.Notification)

    def retry_notification(self, notification_id: int) -> shapes.Notification:
        """Send a dead notification again."""
        return self._server.call("POST", f"/notifications/{notification_id}/retry", shapes.Notification)

    def retry_dead(self, *, since: str | None = None, dry_run: bool = False) -> shapes.Retried:
        """Try everything again that died since a date or moment, by default within the last 24 hours.

        A dry run returns the same counts and changes nothing.
        """
        body = asked.RetryRequest(since=since, dry_run=dry_run)
        return self._server.call("POST", "/notifications/retry", shapes.Retried, body=body)

    def events(
        self,
        *,
        state: str | None = None,
        ticket_id: int | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> list[shapes.Event]:
        """List events, such as the `dead` ones."""
        return self._server.rows("/events", shapes.Event, limit, newest, {"state": state, "ticket_id": ticket_id})

    def retry_event(self, event_id: int) -> shapes.Event:
        """Look again at a dead event."""
        return self._server.call("POST", f"/events/{event_id}/retry", shapes.Event)

    def config(self) -> shapes.Config:
        """Return the runtime configuration."""
        return self._server.get("/config", shapes.Config)

    def update_config(self, changes: Mapping[str, Any]) -> shapes.Config:
        """Change some of the runtime configuration, by name."""
        return self._server.call("PUT", "/config", shapes.Config, body=changes)

    def audit(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.AuditEntry]:
        """List what was changed through the API."""
        return self._server.rows("/audit", shapes.AuditEntry, limit, newest)

    def start_sync(
        self,
        *,
        boards: bool = False,
        recipients: bool = False,
        tickets: bool = False,
        board_ids: list[int] | None = None,
        force: bool = False,
    ) -> shapes.SyncRun:
        """Start a sync; raises Conflict while another one runs."""
        body = asked.SyncRequest(
            boards=boards, recipients=recipients, tickets=tickets, board_ids=board_ids or [], force=force
        )
        return self._server.call("POST", "/sync", shapes.SyncRun, body=body)

    def sync_status(self) -> shapes.SyncStatus:
        """Return the running or latest sync."""
        return self._server.get("/sync/status", shapes.SyncStatus)

    def sync_runs(self, *, limit: int | None = None, newest: bool = False) -> list[shapes.SyncRun]:
        """List syncs."""
        return self._server.rows("/sync/runs", shapes.SyncRun, limit, newest)

    def sync_run(self, run_id: int) -> shapes.SyncRun:
        """Return one sync."""
        return self._server.get(f"/sync/runs/{run_id}", shapes.SyncRun)

    def cancel_sync(self) -> shapes.SyncRun:
        """Ask the running sync to stop; raises Conflict when none runs."""
        return self._server.call("POST", "/sync/cancel", shapes.SyncRun)

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API."""
        return self._server.get("/openapi.json", dict[str, Any])
