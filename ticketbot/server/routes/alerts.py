"""A test alert, to see whether alerts would arrive (O10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ticketbot import errors
from ticketbot.api import status_responses
from ticketbot.background import alerts
from ticketbot.database import db
from ticketbot.models import recipients, runtime_config
from ticketbot.remote import secret_url
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit
from ticketbot.server.routes import recipients as recipient_routes

ROUTES = operations.Routes("alerts")

TEST_ALERT = "**Test alert** from Ticketbot: alerts arrive here. There is nothing to do."


@ROUTES.post(
    "/alerts/test",
    "Send a test alert to `alert_recipient_id`, and one that opens and closes to `alert_url`",
    scope="operate",
    refuses=(409,),
    has_session=False,
)
def send_test_alert(caller: authentication.Caller, services: operations.Services) -> status_responses.TestAlertResult:
    """Try both, whatever becomes of the other one."""
    with db.session():
        config = runtime_config.load()
        row = None if config.alert_recipient_id is None else recipients.recipient(config.alert_recipient_id)
    if config.alert_recipient_id is None and config.alert_url is None:
        raise errors.Conflict(
            "Nobody gets alerts: set alert_recipient_id or alert_url, as in `tbot update config --alert-recipient=Ops`"
        )
    message_id, recipient_error, post_error = None, None, None
    if row is not None:
        message_id, recipient_error = _tried(lambda: recipient_routes.send_once(row, TEST_ALERT, services))
    if (url := config.alert_url) is not None:
        _, post_error = _tried(lambda: _post(url, services))
    result = status_responses.TestAlertResult(
        recipient_id=config.alert_recipient_id,
        webex_message_id=message_id,
        recipient_error=recipient_error,
        posted=None if url is None else post_error is None,
        post_error=post_error,
    )
    with db.transaction("test-alert"):
        audit.record(caller, services.now(), "test", "alert", after=result)
    return result


def _tried(send: Callable[[], Any]) -> tuple[Any, str | None]:
    try:
        return send(), None
    except errors.RemoteError as error:
        return None, str(error)


def _post(url: str, services: operations.Services) -> None:
    for state in ("opened", "closed"):  # so that whatever listens has nothing left to close
        body = {
            "problem": "test",
            "state": state,
            "since": services.now().isoformat(),
            "detail": "A test alert. There is nothing to do",
            "waiting": {"events": 0, "messages": 0},
            "command": "tbot test --alert",
        }
        secret_url.call(alerts.URL, url, body)
