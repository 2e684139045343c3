"""What each kind of setting takes, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ticketbot.api import requests
from ticketbot.settings import types

TAKEN = [
    (types.printable_line, "Acme GmbH", "Acme GmbH"),
    (types.credential, "A-b_c=/+", "A-b_c=/+"),
    (types.api_key, "k" * 20, "k" * 20),
    (types.api_key, "a key of 64 characters ".ljust(64, "."), "a key of 64 characters ".ljust(64, ".")),
    (types.email, "Ana@Example.com", "Ana@Example.com"),
    (types.path_segment, "/v2025_1/", "v2025_1"),
    (types.whole_number(0, 65535), "0", 0),
    (types.whole_number(0, 65535), "65535", 65535),
    (types.whole_number(0), "999999999", 999999999),
    (types.choice("auto", "json"), "JSON", "json"),
    (types.time_zone, "America/New_York", ZoneInfo("America/New_York")),
    (types.host, "0.0.0.0", "0.0.0.0"),
    (types.host, "[::1]", "::1"),
    (types.host, "tbot.example.com", "tbot.example.com"),
    (types.hosts, " A.example , b:8443,", ("a.example", "b:8443")),
    (types.networks, "10.9.8.7/8,::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
    (types.http_url, "HTTPS://Tbot.example.com:8443/bot/", "https://Tbot.example.com:8443/bot"),
    (types.http_url, "http://[::1]:80", "http://[::1]:80"),
    (types.public_url, "https://tbot.example.com/", "https://tbot.example.com"),
    (types.public_url, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    (types.api_base_url, "http://localhost:9000/v1/", "http://localhost:9000/v1"),
    (types.api_base_url, "http://10.0.0.7", "http://10.0.0.7"),
    (types.api_base_url, "http://simulator:9000", "http://simulator:9000"),
    (types.connectwise_host, "https://psa.example.com:8443/", "https://psa.example.com:8443"),
    (types.database_url, "sqlite:///tbot.db", "sqlite:///tbot.db"),
    (types.database_url, "sqlite:////var/lib/tbot.db", "sqlite:////var/lib/tbot.db"),
    (types.database_url, "postgres://u:p%40@h:5432/n", "postgresql://u:p%40@h:5432/n"),
    (types.database_url, "postgresql:///tbot?host=/run/postgresql", "postgresql:///tbot?host=/run/postgresql"),
    (types.database_url, "postgresql://[::1]:5432/tbot", "postgresql://[::1]:5432/tbot"),
]

REFUSED = [
    (types.printable_line, "two\nlines"),
    (types.credential, "quoted "),
    (types.credential, "tok\u2028en"),
    (types.api_key, "k" * 19),
    (types.api_key, "k" * 65),
    (types.api_key, "ü" * 30),
    (types.api_key, " " + "k" * 30),
    (types.email, "ana"),
    (types.email, "ana@example.com, ben@example.com"),
    (types.path_segment, ".."),
    (types.path_segment, "v4/apis"),
    (types.path_segment, ""),
    (types.whole_number(0, 65535), "65536"),
    (types.whole_number(0), "-1"),
    (types.whole_number(0), "1_000"),
    (types.whole_number(0), "٣"),
    (types.whole_number(0), ""),
    (types.whole_number(0), "9" * 5000),
    (types.choice("auto", "json"), "yaml"),
    (types.time_zone, "Mars/Base"),
    (types.time_zone, "America"),
    (types.time_zone, "../../etc/passwd"),
    (types.time_zone, "x" * 5000),
    (types.time_zone, "\x00"),
    (types.host, "two words"),
    (types.host, "http://127.0.0.1"),
    (types.hosts, "https://a.example"),
    (types.hosts, "a.example/path"),
    (types.hosts, "ana@a.example"),
    (types.hosts, "a.example:0"),
    (types.hosts, "a.example:99999"),
    (types.hosts, "[::1"),
    (types.networks, "10.0.0.0/33"),
    (types.networks, "proxy.example.com"),
    (types.http_url, "tbot.example.com"),
    (types.http_url, "ftp://tbot.example.com"),
    (types.http_url, "https://"),
    (types.http_url, "https://tbot.example.com:x"),
    (types.http_url, "https://[::1"),
    (types.http_url, "https://ana:pw@tbot.example.com"),
    (types.http_url, "https://@tbot.example.com"),
    (types.http_url, "https://tbot.example.com?"),
    (types.http_url, "https://tbot.example.com/#x"),
    (types.http_url, "https://tbot.exa\tmple.com"),
    (types.http_url, "https:\\\\tbot.example.com"),
    (types.http_url, "https://tbot.example.com\\evil.example"),
    (types.public_url, "http://tbot.example.com"),
    (types.api_base_url, "http://webexapis.com/v1"),
    (types.api_base_url, "http://8.8.8.8"),
    (types.api_base_url, "http://localhost.example.com"),
    (types.connectwise_host, "https://psa.example.com\\evil.example"),
    (types.connectwise_host, "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"),
    (types.database_url, "mysql://h/n"),
    (types.database_url, "sqlite://tbot.db"),
    (types.database_url, "sqlite:///"),
    (types.database_url, "postgresql://"),
    (types.database_url, "postgresql://u:pa/ss@h/n"),
    (types.database_url, "postgresql://u:pa#ss@h/n"),
    (types.database_url, "postgresql://u:12#ss@h/n"),
    (types.database_url, "postgresql://u:12?ss@h/n"),
    (types.database_url, "postgresql://[h/n"),
    (types.database_url, "/var/lib/tbot.db"),
]


@pytest.mark.parametrize(("read", "raw", "value"), TAKEN)
def test_valid_text_is_parsed(read, raw: str, value: object) -> None:
    assert read(raw) == value


@pytest.mark.parametrize(("read", "raw"), REFUSED)
def test_any_other_text_is_refused_with_advice(read, raw: str) -> None:
    with pytest.raises(types.InvalidSetting, match=r"^(Give|Leave) "):
        read(raw)


@pytest.mark.parametrize(
    "address",
    [
        "ana@example.com",
        "Ana.Alvarez+tbot@sub.example.com",
        "zoë@example.com",
        "a@b",
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@ben@example.com",
        "ana alvarez@example.com",
        " ana@example.com",
        "ana@example.com\n",
        "ana\x00@example.com",
        "ana\x9b@example.com",
        "ana\u202e@example.com",
        f"{'a' * 64}@{'b' * 189}",
        f"{'a' * 64}@{'b' * 190}",
        f"{'a' * 65}@example.com",
    ],
)
def test_settings_and_the_api_accept_the_same_email_addresses(address: str) -> None:
    assert _is_accepted(lambda: types.email(address)) == _is_accepted(lambda: msgspec.convert(address, requests.Email))


def _is_accepted(read: Callable[[], object]) -> bool:
    try:
        read()
    except (types.InvalidSetting, msgspec.ValidationError):
        return False
    return True


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////var/my%20bot.db", "SQLite file /var/my bot.db"),
        ("postgresql://u:p@h:5432/n", "PostgreSQL database n at h:5432"),
        ("postgresql:///n", "PostgreSQL database n at this machine"),
        ("postgresql://h", "PostgreSQL database of the user's name at h"),
    ],
)
def test_a_database_is_told_without_its_credentials(url: str, words: str) -> None:
    assert types.describe_database(url) == words
