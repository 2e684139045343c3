"""Every expected failure of Ticketbot, with what it means to the shell, to HTTP and to a retry.

    TicketbotError                  exit 1, HTTP 500
    ├── SettingsError               exit 2: a setting is missing or malformed
    ├── InvalidInput                exit 3, HTTP 422: fields are named
    │   └── Unreadable              exit 3, HTTP 400: not JSON, not an object
    ├── NotFound                    exit 4, HTTP 404
    ├── Conflict                    exit 5, HTTP 409
    ├── NotAllowed                  exit 6, HTTP 401
    │   ├── KeyExpired              exit 6, HTTP 401: the key was good, and its time is over
    │   ├── ScopeTooNarrow          exit 6, HTTP 403: the key is good, but not for this
    │   └── Forbidden               exit 6, HTTP 403: known who it is, and still not allowed
    ├── TooLarge                    exit 3, HTTP 413
    ├── TooMany                     exit 8, HTTP 429: come back later
    ├── SchemaTooNew                exit 7: the database belongs to a newer program
    ├── Unreachable                 exit 8: our own server, or the database, does not answer
    │   └── NoServer                no Ticketbot server responds at an address
    └── RemoteError                 exit 8, HTTP 502: ConnectWise or Webex said no, or nothing
        ├── RemoteUnavailable       trying again helps: network, timeout, 5xx, HTML
        │   └── RemoteThrottled     429 and 423, with the wait they ask for
        ├── RemoteDenied            401 or 403: wrong credentials or missing permissions; an operator has to fix it
        ├── RemoteGone              404 for a record that does not exist
        └── RemoteRefused           any other 4xx: the same request will never succeed
            └── MessageTooLong      Webex takes no message of this length

A bug is any other exception; it is caught only where a worker or a front end must go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


def sentence(text: str) -> str:
    """Return what was said, by us or by others, as a sentence to which another can be added."""
    said = text.rstrip(". ")
    return said if said.endswith(("?", "!", "…")) else f"{said}."


class FieldError(NamedTuple):
    """One thing wrong with one named field of some input."""

    field: str
    message: str


class TicketbotError(Exception):
    """Base of all expected failures; its text is one line for a person."""

    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retry_helps: ClassVar[bool] = False


class SettingsError(TicketbotError):
    """A setting is missing or malformed."""

    exit_status = 2
    title = "Settings error"


class InvalidInput(TicketbotError):
    """The input is understood and wrong; `errors` names each field."""

    exit_status = 3
    http_status = 422
    title = "Invalid input"

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class Unreadable(InvalidInput):
    """The input is not JSON, or not the kind of JSON that was asked for."""

    http_status = 400
    title = "Unreadable request"


class NotFound(TicketbotError):
    """No such row, or no such path."""

    exit_status = 4
    http_status = 404
    title = "Not found"


class Conflict(TicketbotError):
    """The request contradicts the present state; `run_id` is that of the sync which is in the way, if one is."""

    exit_status = 5
    http_status = 409
    title = "Conflict"

    def __init__(self, message: str, *, run_id: int | None = None) -> None:
        super().__init__(message)
        self.run_id = run_id


class NotAllowed(TicketbotError):
    """No key, a wrong key, or a signature that does not verify; `reason` is the label it is counted under."""

    exit_status = 6
    http_status = 401
    title = "Not allowed"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class KeyExpired(NotAllowed):
    """The key was good, and its time is over (A7)."""

    title = "Key expired"


class ScopeTooNarrow(NotAllowed):
    """The scope of the key does not allow the request (A7)."""

    http_status = 403
    title = "Scope too narrow"


class Forbidden(NotAllowed):
    """It is known who sends this, and they may not."""

    http_status = 403
    title = "Forbidden"


class TooLarge(TicketbotError):
    """The body is larger than we read."""

    exit_status = 3
    http_status = 413
    title = "Too large"


class TooMany(TicketbotError):
    """Come back in `retry_after_s` seconds."""

    exit_status = 8
    http_status = 429
    title = "Too many requests"
    retry_helps = True

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SchemaTooNew(TicketbotError):
    """The database was migrated by a program that no longer allows this one."""

    exit_status = 7
    title = "Schema newer than the program"


class Unreachable(TicketbotError):
    """Our own server or database cannot be reached."""

    exit_status = 8
    http_status = 503
    title = "Unreachable"
    retry_helps = True


class NoServer(Unreachable):
    """No Ticketbot server responds at an address: nothing does, or another program."""


class RemoteError(TicketbotError):
    """ConnectWise or Webex did not do what was asked.

    `service` is `connectwise` or `webex`; `status` the HTTP status, None when there was no answer;
    `tracking_id` what their support asks for. The text never holds a credential.
    """

    exit_status = 8
    http_status = 502
    title = "Outside service failed"

    def __init__(
        self, message: str, *, service: str, status: int | None = None, tracking_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.service = service
        self.status = status
        self.tracking_id = tracking_id


class RemoteUnavailable(RemoteError):
    """No usable answer now; the same request may succeed later.

    `outcome_unknown` says that the request may have been carried out all the same: it was sent, and
    the connection broke, timed out, or answered with nonsense.
    """

    retry_helps = True

    def __init__(
        self,
        message: str,
        *,
        service: str,
        status: int | None = None,
        tracking_id: str | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, service=service, status=status, tracking_id=tracking_id)
        self.outcome_unknown = outcome_unknown


class RemoteThrottled(RemoteUnavailable):
    """429 or 423; `retry_after_s` is what the service asks for, None when absent or nonsense."""

    def __init__(
        self,
        message: str,
        *,
        service: str,
        status: int | None = None,
        tracking_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, service=service, status=status, tracking_id=tracking_id)
        self.retry_after_s = retry_after_s


class RemoteDenied(RemoteError):
    """401, 403, or ConnectWise's 404 for an endpoint the API member may not see."""


class RemoteGone(RemoteError):
    """The record does not exist (any more)."""


class RemoteRefused(RemoteError):
    """A 4xx that the same request will always get."""


class MessageTooLong(RemoteRefused):
    """Webex refuses a message for its length; a shorter one may pass."""
