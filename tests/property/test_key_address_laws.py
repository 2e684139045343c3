"""Laws of key addresses: whatever a webhook names, only the configured site is ever asked (W2)."""

from __future__ import annotations

import contextlib
from urllib.parse import SplitResult, parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from ticketbot import errors
from ticketbot.connectwise.key_address import KeyAddresses

ADDRESSES = KeyAddresses(
    cw_url="https://api-na.myconnectwise.net", company="examplemsp", key_hosts=("keys.msp.example:8443",)
)
TRUSTED = {("na.myconnectwise.net", 443), ("api-na.myconnectwise.net", 443), ("keys.msp.example", 8443)}

# Pieces that mean something to one parser of addresses or another, put together in any order.
pieces = st.sampled_from(
    ["https:", "http:", "//", "/", "\\", "@", ":", "#", "?", "&", ";", "=", "%2f", "%2e", "..", ".", "[", "]", "::1",
     "na.myconnectwise.net", "api-na.myconnectwise.net", "keys.msp.example:8443", "evil.example", "127.0.0.1", ":443",
     "v2025_1", "/system/callbackkey/", "index.rails", "companyName", "examplemsp", "other", "id", "1", "é", "\n", "\0"]
)  # fmt: skip
right = "https://na.myconnectwise.net/v2025_1//system/callbackkey/index.rails?companyName=examplemsp&id=1"
hostile = st.one_of(
    st.lists(pieces, max_size=16).map("".join),
    st.tuples(st.integers(0, len(right)), st.integers(0, 12), st.lists(pieces, max_size=4).map("".join)).map(
        lambda cut: right[: cut[0]] + cut[2] + right[cut[0] + cut[1] :]
    ),
    st.text(max_size=100),
)


def _accepted(key_url: str) -> SplitResult:
    """Return the address that the check made of one, or a right one where it refused."""
    address = right
    with contextlib.suppress(errors.NotAllowed):
        address = ADDRESSES.check(key_url).url
    return urlsplit(address)


@given(key_url=hostile)
def test_an_address_is_refused_or_leads_to_the_configured_site(key_url: str) -> None:
    parts = _accepted(key_url)
    assert (parts.scheme, (parts.hostname, parts.port or 443) in TRUSTED) == ("https", True)
    assert "/system/callbackkey/" in parts.path
    assert ".." not in parts.path


@given(key_url=hostile)
def test_on_the_cloud_an_address_is_refused_or_names_our_company_once(key_url: str) -> None:
    parts = _accepted(key_url)
    companies = [value for name, value in parse_qsl(parts.query, keep_blank_values=True) if name == "companyName"]
    assert companies == ["examplemsp"] or (parts.hostname == "keys.msp.example" and not companies)
