"""What each kind of setting takes, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ticketbot import asked, kinds

TAKEN = [
    (kinds.text, "Acme GmbH", "Acme GmbH"),
    (kinds.credential, "A-b_c=/+", "A-b_c=/+"),
    (kinds.key, "k" * 20, "k" * 20),
    (kinds.key, "a key of 64 characters ".ljust(64, "."), "a key of 64 characters ".ljust(64, ".")),
    (kinds.email, "Ana@Example.com", "Ana@Example.com"),
    (kinds.segment, "/v2025_1/", "v2025_1"),
    (kinds.whole_number(0, 65535), "0", 0),
    (kinds.whole_number(0, 65535), "65535", 65535),
    (kinds.whole_number(0), "999999999", 999999999),
    (kinds.choice("auto", "json"), "JSON", "json"),
    (kinds.zone, "America/New_York", ZoneInfo("America/New_York")),
    (kinds.host, "0.0.0.0", "0.0.0.0"),
    (kinds.host, "[::1]", "::1"),
    (kinds.host, "tbot.example.com", "tbot.example.com"),
    (kinds.hosts, " A.example , b:8443,", ("a.example", "b:8443")),
    (kinds.networks, "10.9.8.7/8,::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
    (kinds.web_url, "HTTPS://Tbot.example.com:8443/bot/", "https://Tbot.example.com:8443/bot"),
    (kinds.web_url, "http://[::1]:80", "http://[::1]:80"),
    (kinds.public_url, "https://tbot.example.com/", "https://tbot.example.com"),
    (kinds.public_url, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    (kinds.outside_url, "http://localhost:9000/v1/", "http://localhost:9000/v1"),
    (kinds.outside_url, "http://10.0.0.7", "http://10.0.0.7"),
    (kinds.outside_url, "http://simulator:9000", "http://simulator:9000"),
    (kinds.site_url, "https://psa.example.com:8443/", "https://psa.example.com:8443"),
    (kinds.database_url, "sqlite:///tbot.db", "sqlite:///tbot.db"),
    (kinds.database_url, "sqlite:////var/lib/tbot.db", "sqlite:////var/lib/tbot.db"),
    (kinds.database_url, "postgres://u:p%40@h:5432/n", "postgresql://u:p%40@h:5432/n"),
    (kinds.database_url, "postgresql:///tbot?host=/run/postgresql", "postgresql:///tbot?host=/run/postgresql"),
    (kinds.database_url, "postgresql://[::1]:5432/tbot", "postgresql://[::1]:5432/tbot"),
]

REFUSED = [
    (kinds.text, "two\nlines"),
    (kinds.credential, "quoted "),
    (kinds.credential, "tok\u2028en"),
    (kinds.key, "k" * 19),
    (kinds.key, "k" * 65),
    (kinds.key, "ü" * 30),
    (kinds.key, " " + "k" * 30),
    (kinds.email, "ana"),
    (kinds.email, "ana@example.com, ben@example.com"),
    (kinds.segment, ".."),
    (kinds.segment, "v4/apis"),
    (kinds.segment, ""),
    (kinds.whole_number(0, 65535), "65536"),
    (kinds.whole_number(0), "-1"),
    (kinds.whole_number(0), "1_000"),
    (kinds.whole_number(0), "٣"),
    (kinds.whole_number(0), ""),
    (kinds.whole_number(0), "9" * 5000),
    (kinds.choice("auto", "json"), "yaml"),
    (kinds.zone, "Mars/Base"),
    (kinds.zone, "America"),
    (kinds.zone, "../../etc/passwd"),
    (kinds.zone, "x" * 5000),
    (kinds.zone, "\x00"),
    (kinds.host, "two words"),
    (kinds.host, "http://127.0.0.1"),
    (kinds.hosts, "https://a.example"),
    (kinds.hosts, "a.example/path"),
    (kinds.hosts, "ana@a.example"),
    (kinds.hosts, "a.example:0"),
    (kinds.hosts, "a.example:99999"),
    (kinds.hosts, "[::1"),
    (kinds.networks, "10.0.0.0/33"),
    (kinds.networks, "proxy.example.com"),
    (kinds.web_url, "tbot.example.com"),
    (kinds.web_url, "ftp://tbot.example.com"),
    (kinds.web_url, "https://"),
    (kinds.web_url, "https://tbot.example.com:x"),
    (kinds.web_url, "https://[::1"),
    (kinds.web_url, "https://ana:pw@tbot.example.com"),
    (kinds.web_url, "https://@tbot.example.com"),
    (kinds.web_url, "https://tbot.example.com?"),
    (kinds.web_url, "https://tbot.example.com/#x"),
    (kinds.web_url, "https://tbot.exa\tmple.com"),
    (kinds.web_url, "https:\\\\tbot.example.com"),
    (kinds.web_url, "https://tbot.example.com\\evil.example"),
    (kinds.public_url, "http://tbot.example.com"),
    (kinds.outside_url, "http://webexapis.com/v1"),
    (kinds.outside_url, "http://8.8.8.8"),
    (kinds.outside_url, "http://localhost.example.com"),
    (kinds.site_url, "https://psa.example.com\\evil.example"),
    (kinds.site_url, "https://api-na.myconnectwise.net/v4_6_release/apis/3.0"),
    (kinds.database_url, "mysql://h/n"),
    (kinds.database_url, "sqlite://tbot.db"),
    (kinds.database_url, "sqlite:///"),
    (kinds.database_url, "postgresql://"),
    (kinds.database_url, "postgresql://u:pa/ss@h/n"),
    (kinds.database_url, "postgresql://u:pa#ss@h/n"),
    (kinds.database_url, "postgresql://u:12#ss@h/n"),
    (kinds.database_url, "postgresql://u:12?ss@h/n"),
    (kinds.database_url, "postgresql://[h/n"),
    (kinds.database_url, "/var/lib/tbot.db"),
]


@pytest.mark.parametrize(("read", "raw", "value"), TAKEN)
def test_a_sound_text_becomes_its_value(read, raw: str, value: object) -> None:
    assert read(raw) == value


@pytest.mark.parametrize(("read", "raw"), REFUSED)
def test_any_other_text_is_refused_with_advice(read, raw: str) -> None:
    with pytest.raises(kinds.Malformed, match=r"^(Give|Leave) "):
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
    assert _is_accepted(lambda: kinds.email(address)) == _is_accepted(lambda: msgspec.convert(address, asked.Email))


def _is_accepted(read: Callable[[], object]) -> bool:
    try:
        read()
    except (kinds.Malformed, msgspec.ValidationError):
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
    assert kinds.database_words(url) == words
