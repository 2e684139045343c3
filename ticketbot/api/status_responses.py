"""How the server is, at one look (O14)."""

from __future__ import annotations

from ticketbot.api.responses import HealthState, Moment, ResponseModel
from ticketbot.api.sync_responses import SyncRun


class ServiceState(ResponseModel):
    """ConnectWise or Webex; `since` and `detail` tell since when its calls are on hold, and why."""

    name: str
    state: HealthState
    since: Moment | None
    detail: str | None


class Waiting(ResponseModel):
    """Events to process, messages to send, and notifications that quiet hours hold."""

    events: int
    messages: int
    held: int


class Dead(ResponseModel):
    """What was given up and can be retried."""

    events: int
    notifications: int


class Status(ResponseModel):
    """Services, what waits and what is dead, the last of everything, and what is switched off."""

    status: HealthState
    version: str
    services: list[ServiceState]
    waiting: Waiting
    dead: Dead
    last_webhook_at: Moment | None
    last_sent_at: Moment | None
    last_sync: SyncRun | None
    attempt_notify: bool
    switched_off: list[str]


class TestAlertResult(ResponseModel):
    """What became of a test alert: the id of the message, and whether both posts were taken; null where none is set."""

    recipient_id: int | None
    webex_message_id: str | None
    recipient_error: str | None
    posted: bool | None
    post_error: str | None
