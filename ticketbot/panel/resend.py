"""Send again everything dead that matches, after its number was shown (L5)."""

from __future__ import annotations

from typing import Any

import bottle

from ticketbot.api import requests, validation
from ticketbot.panel import names
from ticketbot.panel.visit import Visit
from ticketbot.present import explain


def ask(here: Visit) -> Any:
    """Show how much would be sent again."""
    counted = here.run("retry_dead", body=_request(here.given, dry_run="true"))
    return here.page("resend", "Send again", amount=explain.amount(counted), given=here.given)


def resend(here: Visit) -> Any:
    """Send it again."""
    given = {name: bottle.request.forms.getunicode(name) or "" for name in names.RETRIED_BY}
    retried = here.run("retry_dead", body=_request(given))
    said = f"Sending again: {explain.amount(retried) or 'nothing; all were retried in the meantime'}."
    return here.done(said, f"{names.HOME}notifications")


def _request(given: dict[str, str], **more: str) -> requests.RetryRequest:
    known = {name: given[name] for name in names.RETRIED_BY if given.get(name)}
    return validation.read(requests.RetryRequest, known | more, is_text=True)


PAGES = {"notifications/retry": ask}
CHANGES = {"notifications/retry": resend}
