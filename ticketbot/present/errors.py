"""What to say about an error, and what to do about it: by its class, never by its text."""

from __future__ import annotations

from typing import NamedTuple

from ticketbot import errors


class Origins(NamedTuple):
    """Where the address and the key of the server come from, such as `environment`; empty if it does not matter."""

    base_url: str = ""
    api_key: str = ""


def messages(error: errors.TicketbotError) -> list[str]:
    """Return what is wrong, one item per problem; wrong fields are named."""
    if isinstance(error, errors.SettingsError):
        return str(error).split("\n")
    if isinstance(error, errors.InvalidInput) and error.errors:
        return [f"{error}: {'; '.join(map(_field_error, error.errors))}"]
    return [str(error)]


def hint(error: errors.TicketbotError, origins: Origins, list_command: str = "") -> str:
    """Return what to do about an error of the server, empty if its message says it all."""
    if isinstance(error, errors.NoServer):
        return (
            f"Is `tbot serve` running there? Set its address with TBOT_BASE_URL{_from(origins.base_url)} or --base-url"
        )
    if isinstance(error, errors.ScopeTooNarrow):
        return f"TBOT_API_KEY{_from(origins.api_key)} does not allow this. Ask an administrator for a key that does"
    if isinstance(error, errors.NotAllowed):
        return (
            f"The server does not accept TBOT_API_KEY{_from(origins.api_key)}. Ask a colleague for a new key; "
            "if nobody has one, run `tbot init --email=<your address>` on the server's machine"
        )
    return f"See `{list_command}`" if isinstance(error, errors.NotFound) and list_command else ""


def _from(origin: str) -> str:
    if not origin:
        return ""
    return f" ({origin})" if origin == "default" else f" (from {origin})"


def _field_error(error: errors.FieldError) -> str:
    message = error.message[:1].lower() + error.message[1:].rstrip(".")
    return f"{error.field}: {message}" if error.field else message
