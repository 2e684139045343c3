"""Tell where a request comes from: whose address counts behind a proxy, and what is this machine itself (A2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from ticketbot.settings import types

UNKNOWN = "unknown"  # a Unix socket has no address
MOST_HOPS = 20  # far more proxies than anybody runs; a header holds 25,000 addresses, which take 170 ms to read

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What proxies add; the rest of these names is free, as in X-Forwarded-Host.
_FORWARDED = ("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_VIA")


def client_address(environ: Mapping[str, Any], trusted: Sequence[types.Network]) -> str:
    """Return the address of the client.

    `X-Forwarded-For` counts only as far as trusted proxies wrote it: read from the right, the first address that is
    none of theirs, at most `MOST_HOPS` of them. What stands left of that one anybody may have made up.
    """
    client = _address(environ.get("REMOTE_ADDR"))
    hops = str(environ.get("HTTP_X_FORWARDED_FOR") or "").rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    while client is not None and hops and _is_in(client, trusted):
        before = _address(hops.pop())
        if before is None:
            break
        client = before
    return UNKNOWN if client is None else str(client)


def throttled_client(environ: Mapping[str, Any], trusted: Sequence[types.Network]) -> str:
    """Return what the client of a request is throttled as."""
    return throttled_network(client_address(environ, trusted))


def throttled_network(address: str) -> str:
    """Return what an address is throttled as: itself, or for IPv6 its /64, the least that a provider hands out."""
    client = _address(address)
    if not isinstance(client, ipaddress.IPv6Address):
        return address
    return str(ipaddress.IPv6Network((int(client), 64), strict=False))


def is_loopback(environ: Mapping[str, Any]) -> bool:
    """Return whether a request comes from this machine; one that was forwarded never does."""
    if any(name.startswith(_FORWARDED) for name in environ):
        return False
    address = _address(environ.get("REMOTE_ADDR"))
    return address is not None and address.is_loopback


def _is_in(address: _Address, networks: Sequence[types.Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str | None) -> _Address | None:
    """Read an address, perhaps with a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    bare = (text or "").strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
