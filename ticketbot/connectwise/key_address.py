"""Check the address of a signing key, which the sender of a webhook chose, before anything is fetched from it (W2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ticketbot import errors

_PATH = "/system/callbackkey/"
_CLOUD = (".myconnectwise.net", ".connectwisedev.com")  # ConnectWise's own hosts, where many tenants have their keys
_SEGMENT = r"[\w-][\w.-]*"
# As in /v2025_1//system/callbackkey/index.rails: the codebase comes first, and the double slash is real.
_CLOUD_PATH = re.compile(rf"/{_SEGMENT}(?:/(?:{_SEGMENT})?)*{_PATH}{_SEGMENT}", re.ASCII)
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2000}")  # printable ASCII without space or backslash
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class KeyAddress(NamedTuple):
    """Where a signing key is fetched from, and what it is known by.

    `key_id` leaves out the host and the codebase, which changes with every upgrade of ConnectWise.
    """

    url: str
    key_id: str


class KeyAddresses:
    """The addresses at which one ConnectWise site serves the signing keys of one company.

    `company` is the login company, `cw_url` the configured API host, `key_hosts` further `host` or `host:port` names.
    """

    def __init__(self, *, cw_url: str, company: str, key_hosts: Iterable[str] = ()) -> None:
        self._company = company.lower()
        self._scheme, self._hosts = _trusted_hosts(cw_url, key_hosts)

    def check(self, key_url: str) -> KeyAddress:
        """Return the address, built only from parts that were checked. Raises `NotAllowed` for any other."""
        refused = errors.NotAllowed(
            "The webhook names a signing key that is not on the configured ConnectWise site", reason="foreign_key_url"
        )
        if not _PLAIN.fullmatch(key_url):
            raise refused
        try:
            parts = urlsplit(key_url)
            host, port = (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme)
            query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise refused from None
        companies = [value.lower() for name, value in query if name.lower() == "companyname"]
        is_ours = (
            parts.scheme == self._scheme
            and (host, port) in self._hosts
            and "@" not in parts.netloc
            and not parts.fragment
            and _is_key_path(host, parts.path)
            and (companies == [self._company] or (not companies and not host.endswith(_CLOUD)))
        )
        if not is_ours:
            raise refused
        shown = f"[{host}]" if ":" in host else host
        file = parts.path.rpartition(_PATH)[2]
        others = sorted((name, value) for name, value in query if name.lower() != "companyname")
        url = f"{parts.scheme}://{shown}:{port}{parts.path}?{parts.query}"
        return KeyAddress(url, f"{file}?{urlencode(others)}")


def _is_key_path(host: str, path: str) -> bool:
    if host.endswith(_CLOUD):
        return _CLOUD_PATH.fullmatch(path) is not None
    return _PATH in path and ".." not in unquote(path)


def _trusted_hosts(cw_url: str, key_hosts: Iterable[str]) -> tuple[str, frozenset[tuple[str, int]]]:
    parts = urlsplit(cw_url)
    host, scheme = (parts.hostname or "").lower(), parts.scheme
    port = parts.port or _DEFAULT_PORTS[scheme]
    if scheme == "http" or host in _LOOPBACK:
        return scheme, frozenset({(host, port)})  # development: this host and port and no other
    hosts = {(host, port), (host.removeprefix("api-"), port)}
    for name in key_hosts:
        extra = urlsplit(f"//{name}")
        hosts.add(((extra.hostname or "").lower(), extra.port or 443))
    return scheme, frozenset(hosts)
