"""The kinds of values a setting can have: each turns a string into a typed value or raises with a hint."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_EMAIL_LENGTH = 254  # RFC 5321, with the brackets left out
# Control characters, separators of lines, and what is invisible and turns the direction of the text around it.
CONTROLS = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"
_IN_EMAIL = rf"[^\s@{CONTROLS}\u200b-\u200d\u2060-\u2065\ufeff]"
EMAIL = rf"^{_IN_EMAIL}{{1,64}}@{_IN_EMAIL}{{1,253}}(?![\s\S])"
"""The one rule for email addresses: of settings, of `tbot init` and of the API. No spaces, nothing invisible."""

_OUTSIDE_URLS = re.compile(r"[^\x21-\x7e]|\\")  # browsers read a backslash as a slash
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_PLACE = re.compile(r"([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_DIGITS = re.compile(r"[0-9]{1,9}")


class InvalidSetting(Exception):
    """A text is not of its kind; the message is the advice that ends an error line: "Give ..."."""


def printable_line(raw: str) -> str:
    """Read one line of printable text."""
    if not raw.isprintable():
        raise InvalidSetting("Give one line of printable text")
    return raw


def credential(raw: str) -> str:
    """Read a secret that travels in an HTTP header: printable ASCII, no space at either end."""
    if not (raw.isascii() and raw.isprintable()) or raw != raw.strip():
        raise InvalidSetting("Give it as it was issued: printable ASCII, one line, no space at either end")
    return raw


def api_key(raw: str) -> str:
    """Read an API key chosen by the operator (A3), which must fit into a header."""
    if not 20 <= len(raw) <= 64 or not (raw.isascii() and raw.isprintable()) or raw != raw.strip():
        raise InvalidSetting("Give 20 to 64 printable ASCII characters, no space at either end")
    return raw


def email(raw: str) -> str:
    """Read an e-mail address."""
    if len(raw) > MAX_EMAIL_LENGTH or not re.search(EMAIL, raw):
        raise InvalidSetting("Give one e-mail address, such as ana@example.com")
    return raw


def path_segment(raw: str) -> str:
    """Read one segment of a URL path; slashes around it are left out."""
    stripped = raw.strip("/")
    if not _SEGMENT.fullmatch(stripped):
        raise InvalidSetting("Give one path segment, such as v4_6_release")
    return stripped


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`."""
    wanted = (
        f"Give a whole number from {least} to {most}" if most is not None else f"Give a whole number from {least} up"
    )

    def read(raw: str) -> int:
        if not _DIGITS.fullmatch(raw) or not least <= int(raw) or (most is not None and int(raw) > most):
            raise InvalidSetting(wanted)
        return int(raw)

    return read


def port_or_none(raw: str) -> int | None:
    """Read a port to listen on; empty means none."""
    return whole_number(1, 65535)(raw) if raw else None


def choice(*words: str) -> Callable[[str], str]:
    """Return a reader of one of `words`, in either case."""

    def read(raw: str) -> str:
        if raw.lower() not in words:
            raise InvalidSetting(f"Give one of {', '.join(words)}")
        return raw.lower()

    return read


def time_zone(raw: str) -> zoneinfo.ZoneInfo:
    """Read the name of an IANA time zone."""
    try:
        return zoneinfo.ZoneInfo(raw)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or the name of a directory of zones
        raise InvalidSetting("Give an IANA time zone, such as Europe/Berlin or UTC") from None


def host(raw: str) -> str:
    """Read an address or name to listen on; an IPv6 address may stand in brackets."""
    bare = raw.removeprefix("[").removesuffix("]")
    if not _is_address(bare) and not _HOST.fullmatch(bare):
        raise InvalidSetting("Give an IP address or a host name, such as 127.0.0.1 or 0.0.0.0")
    return bare


def hosts(raw: str) -> tuple[str, ...]:
    """Read host names, each with or without a port, separated by commas."""
    names = _listed(raw)
    for name in names:
        try:
            parts = urlsplit(f"//{name}")
            is_host = bool(_HOST.fullmatch(parts.hostname or "")) and parts.netloc == name and "@" not in name
            is_host = is_host and parts.port != 0
        except ValueError:
            is_host = False
        if not is_host:
            raise InvalidSetting("Give host names separated by commas, such as keys.example.com,psa.example.com:8443")
    return tuple(name.lower() for name in names)


def networks(raw: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas; host bits of a network are ignored."""
    try:
        return tuple(ipaddress.ip_network(each, strict=False) for each in _listed(raw))
    except ValueError:
        raise InvalidSetting("Give addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7") from None


def _listed(raw: str) -> list[str]:
    return [each.strip() for each in raw.split(",") if each.strip()]


def http_url(raw: str) -> str:
    """Read an http or https address without userinfo, query and fragment; a slash at its end is left out."""
    try:
        parts = urlsplit(raw)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or _OUTSIDE_URLS.search(raw):
        raise InvalidSetting("Give an address such as https://tbot.example.com")
    if "@" in parts.netloc:
        raise InvalidSetting("Leave user name and password out of the address")
    if "?" in raw or "#" in raw:
        raise InvalidSetting("Leave out ? and # and what follows them")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def public_url(raw: str) -> str:
    """Read the address others reach us under: https, or plain http on loopback."""
    url = http_url(raw)
    if not is_encrypted(url) and not is_loopback(url):
        raise InvalidSetting("Give an https address; plain http is for loopback only")
    return url


def api_base_url(raw: str) -> str:
    """Read the address of an API that gets credentials: https; plain http only to a machine that is near.

    Near is loopback, a private address, or a name without a dot, as containers have: development and simulators.
    """
    url = http_url(raw)
    if not is_encrypted(url) and not _is_private_host(url):
        raise InvalidSetting("Give an https address; plain http is for development on loopback or a private network")
    return url


def connectwise_host(raw: str) -> str:
    """Read the address of a ConnectWise site, which is a host without a path."""
    url = api_base_url(raw)
    if urlsplit(url).path:
        raise InvalidSetting(
            "Give the host alone, such as https://api-na.myconnectwise.net; TBOT_CW_CODEBASE is its path"
        )
    return url


def is_encrypted(url: str) -> bool:
    """Return whether an address is https."""
    return urlsplit(url).scheme == "https"


def is_loopback(url: str) -> bool:
    """Return whether an address names this machine."""
    name = urlsplit(url).hostname or ""
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _is_private_host(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    return ipaddress.ip_address(name).is_private if _is_address(name) else "." not in name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def database_url(raw: str) -> str:
    """Read the address of the database; `postgres://` is the same as `postgresql://`."""
    scheme, _, rest = raw.partition("://")
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/") and raw.isprintable():
        return raw
    return postgres_url(raw, "Give sqlite:///path/to/file.db or postgresql://user:password@host:5432/name")


def postgres_url(raw: str, advice: str = "Give postgresql://user:password@host:5432/name") -> str:
    """Read the address of a PostgreSQL database; the advice is for what is none."""
    scheme, _, rest = raw.partition("://")
    if scheme not in ("postgresql", "postgres") or not raw.isprintable():
        raise InvalidSetting(advice)
    url = f"postgresql://{rest}"
    if not _is_postgres_url(url):
        raise InvalidSetting(
            "Give postgresql://user:password@host:5432/name, with %40 %2F %3F %23 for @ / ? # in a password"
        )
    return url


def _is_postgres_url(url: str) -> bool:
    """Return whether what looks like the host is one: an unescaped mark in a password would shift the parts."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    places = parts.netloc.rpartition("@")[2].split(",")  # libpq takes several hosts
    return (
        all(_PLACE.fullmatch(place) for place in places)
        and not parts.fragment
        and "@" not in parts.path + parts.query
        and bool(parts.netloc or parts.path.strip("/"))
    )


def describe_database(url: str) -> str:
    """Say which database an address means, without its user, password and options."""
    if url.startswith("sqlite:///"):
        return f"SQLite file {unquote(url.removeprefix('sqlite:///'))}"
    parts = urlsplit(url)
    name, place = parts.path.strip("/") or "of the user's name", parts.netloc.rpartition("@")[2] or "this machine"
    return f"PostgreSQL database {name} at {place}"


def database_credentials(url: str) -> tuple[str, ...]:
    """Return what must not be shown of the address of a database: nothing of a SQLite file."""
    if url.startswith("sqlite:"):
        return ()
    parts = urlsplit(url)
    passwords = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    return tuple(filter(None, (url, *passwords, *map(unquote, passwords))))
