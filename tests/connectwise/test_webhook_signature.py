"""Signing keys: what verifies, where a key may come from, and how often it is asked for (W1, W2, no-stray-requests)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clock import Clock
from tests.remote.rude_server import Received, Rude, RudeServer, response
from ticketbot import errors
from ticketbot.connectwise import webhook_signature

PAYLOADS = Path(__file__).parents[1] / "payloads" / "connectwise"
VECTORS = json.loads((PAYLOADS / "synthetic-signature-vectors.json").read_text())
PATH = "/v2025_1//system/callbackkey/index.rails"
OURS = "?companyName=examplemsp&id=1"
BODY = b'{"ID": 69}'
CLOUD = "https://api-na.myconnectwise.net"
GENUINE, STRANGER = "192.0.2.1", "203.0.113.9"  # addresses of clients


class Site:
    """A ConnectWise that serves one signing key after another, and a verifier that asks it."""

    def __init__(self, rude: RudeServer, **more: Any) -> None:
        self.rude, self.clock = rude, Clock()
        self.calls: list[str] = []
        self.keys = webhook_signature.SigningKeys(
            cw_url=rude.url,
            company="examplemsp",
            clock=self.clock.monotonic,
            on_call=self._count,
            **{"timeout_s": 2.0, **more},
        )
        self.serves("k1")

    def _count(self, service: str, operation: str, status: str, seconds: float) -> None:
        assert (service, operation) == ("connectwise", "signing-key")
        self.calls.append(status)

    def serves(self, key: str) -> None:
        self.rude.always(response({"signing_key": key}))

    def rotates(self, key: str) -> None:
        """Prove the present key, replace it, and prove the new one a minute later."""
        assert self.outcome() == "verified"
        self.serves(key)
        self.clock.advance(60)
        assert self.outcome(key) == "verified"

    def breaks(self) -> None:
        self.rude.always(response({}, "500 Internal Server Error"))

    def serves_each_id_its_own(self) -> None:
        """Serve `key-7` as the key with the id 7: all of them are valid at once."""
        self.rude.reply = lambda request: response({"signing_key": f"key-{request.line.split('id=')[1].split()[0]}"})

    def url(self, number: int = 1, codebase: str = "v2025_1") -> str:
        return f"{self.rude.url}{PATH}?companyName=examplemsp&id={number}".replace("v2025_1", codebase)

    def verify(self, signed_with: str = "k1", number: int = 1, client: str = GENUINE, **more: Any) -> None:
        known = {"body": BODY, "signature": sign(signed_with), "key_url": self.url(number), "company": "examplemsp"}
        self.keys.verify(**{**known, "client": lambda: client, **more})

    def outcome(self, signed_with: str = "k1", number: int = 1, client: str = GENUINE, **more: Any) -> str:
        try:
            self.verify(signed_with, number, client, **more)
        except errors.TicketbotError as error:
            return type(error).__name__
        return "verified"


def sign(key: str, body: bytes = BODY) -> str:
    """Sign as ConnectWise's own sample does."""
    return base64.b64encode(hmac.new(hashlib.sha256(key.encode()).digest(), body, hashlib.sha256).digest()).decode()


@pytest.fixture
def site(rude: RudeServer) -> Site:
    """Return a site whose key is `k1`."""
    return Site(rude)


class TestSignature:
    """What verifies."""

    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["file"].removesuffix(".json"))
    def test_the_known_vectors_verify(self, site: Site, vector: dict[str, str]) -> None:
        """W1: reference, section 4.3."""
        site.serves(vector["signing_key"])
        body = (PAYLOADS / vector["file"]).read_bytes()

        site.verify(body=body, signature=vector["x-content-signature"])

        with pytest.raises(errors.NotAllowed):
            site.verify(body=body + b" ", signature=vector["x-content-signature"])

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "x",
            sign("k2"),
            sign("k1", BODY + b"\n"),
            sign("k1")[:-1],
            sign("k1").lower(),
            f"sha256={sign('k1')}",
            "é\udcff",
        ],
    )
    def test_any_other_signature_is_refused(self, site: Site, signature: str) -> None:
        """W1."""
        with pytest.raises(errors.NotAllowed, match="does not verify"):
            site.verify(signature=signature)

    def test_whitespace_around_the_signature_is_ignored(self, site: Site) -> None:
        """W1: some proxies leave them."""
        site.verify(signature=f" {sign('k1')}\t")

    def test_the_key_may_be_any_text(self, site: Site) -> None:
        """W1: it is hashed as UTF-8."""
        site.serves("schlüssel 🔑")

        site.verify("schlüssel 🔑")

    @pytest.mark.parametrize("company", ["", "other", "examplemsp ", "examplemsp2"])
    def test_a_webhook_of_another_company_is_refused_without_asking_for_a_key(self, site: Site, company: str) -> None:
        """W1."""
        with pytest.raises(errors.NotAllowed, match="another company"):
            site.verify(company=company)
        assert site.calls == []

    def test_the_case_of_the_company_does_not_matter(self, site: Site) -> None:
        """W2."""
        site.verify(company="ExampleMSP", key_url=site.url().replace("examplemsp", "EXAMPLEMSP"))


class TestAddress:
    """Where a key may come from."""

    @pytest.fixture
    def lookups(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
        """Resolve no name, and list who was to be asked: no test leaves this machine."""
        found: list[tuple[str, int]] = []

        def resolve(host: str, port: int, *_: object, **__: object) -> Any:
            found.append((host, port))
            raise socket.gaierror("no network in tests")

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return found

    @staticmethod
    def _verify(key_url: str, cw_url: str = CLOUD, key_hosts: tuple[str, ...] = ()) -> None:
        signing_keys = webhook_signature.SigningKeys(cw_url=cw_url, company="examplemsp", key_hosts=key_hosts)
        signing_keys.verify(body=BODY, signature=sign("k1"), key_url=key_url, company="examplemsp", client=str)

    @pytest.mark.parametrize(
        ("key_url", "host"),
        [
            (f"https://na.myconnectwise.net{PATH}?companyName=examplemsp&id=1", ("na.myconnectwise.net", 443)),
            (f"https://api-na.myconnectwise.net{PATH}?companyName=ExampleMSP", ("api-na.myconnectwise.net", 443)),
            (f"https://NA.MyConnectWise.NET:443{PATH}{OURS}", ("na.myconnectwise.net", 443)),
            (f"HTTPS://na.myconnectwise.net:{PATH}{OURS}", ("na.myconnectwise.net", 443)),
            (f"https://na.myconnectwise.net/v4_6_release/system/callbackkey/key{OURS}", ("na.myconnectwise.net", 443)),
            (f"https://na.myconnectwise.net/v4/a/b.c//system/callbackkey/key{OURS}", ("na.myconnectwise.net", 443)),
            (f"https://keys.msp.example{PATH}", ("keys.msp.example", 443)),
            (f"https://keys.msp.example:8443{PATH}", ("keys.msp.example", 8443)),
            ("https://keys.msp.example/system/callbackkey/key/1", ("keys.msp.example", 443)),
        ],
    )
    def test_key_is_fetched_from_the_configured_site(
        self, lookups: list[tuple[str, int]], key_url: str, host: tuple[str, int]
    ) -> None:
        """W2: its api- host, its UI host, and the hosts named in the settings."""
        with pytest.raises(errors.TooMany):
            self._verify(key_url, key_hosts=("Keys.msp.example", "keys.msp.example:8443"))
        assert lookups == [host]

    @pytest.mark.parametrize(
        "key_url",
        [
            "",
            "na.myconnectwise.net",
            f"//na.myconnectwise.net{PATH}",
            *(
                f"{scheme}://na.myconnectwise.net{PATH}{OURS}"
                for scheme in ("http", "ftp", "file", "gopher", "https+x", "")
            ),
            *(
                f"https://{authority}{PATH}{OURS}"
                for authority in (
                    "evil.example",
                    "eu.myconnectwise.net",
                    "na.myconnectwise.net.evil.example",
                    "evil-na.myconnectwise.net",
                    "na.myconnectwise.net.",
                    "na.myconnectwise.net..",
                    "na-myconnectwise.net",
                    "na.myconnectwise.co",
                    "na.myconnectwise.net@evil.example",
                    "na.myconnectwise.net:443@evil.example",
                    "user@na.myconnectwise.net",
                    "user:pass@na.myconnectwise.net",
                    "@na.myconnectwise.net",
                    "na.myconnectwise.net:80",
                    "na.myconnectwise.net:8443",
                    "na.myconnectwise.net:443443",
                    "na.myconnectwise.net:-443",
                    "na.myconnectwise.net:44 3",
                    "na.myconnectwise.net:x",
                    "na%2emyconnectwise%2enet",
                    "na.myconnectwise.net%00.evil.example",
                    "na.myconnectwise.net%2f@evil.example",
                    "na。myconnectwise。net",
                    "nа.myconnectwise.net",
                    "evil.example\\.na.myconnectwise.net",
                    "na.myconnectwise.net\\@evil.example",
                    "na.myconnectwise.net#@evil.example",
                    "na.myconnectwise.net\t.evil.example",
                    "na.myconnectwise.net,evil.example",
                    "localhost",
                    "127.0.0.1",
                    "127.1",
                    "2130706433",
                    "0x7f000001",
                    "0",
                    "0.0.0.0",
                    "169.254.169.254",
                    "10.0.0.1",
                    "[::1]",
                    "[::]",
                    "[::ffff:127.0.0.1]",
                    "[::ffff:7f00:1]",
                    "[fe80::1%25eth0]",
                    "[na.myconnectwise.net]",
                    "[::1",
                    "",
                    ":443",
                )
            ),
            f"https:na.myconnectwise.net{PATH}{OURS}",
            f"https:///na.myconnectwise.net{PATH}{OURS}",
            f"https:\\\\na.myconnectwise.net{PATH}{OURS}",
            f" https://na.myconnectwise.net{PATH}{OURS}",
            f"https://na.myconnectwise.net{PATH}{OURS} ",
            f"https://na.myconnectwise.net{PATH}{OURS}\n",
            f"https://na.myconnectwise.net{PATH}{OURS}\r\nHost: evil.example",
            f"https://na.myconnectwise.net{PATH}{OURS}#fragment",
            f"https://na.myconnectwise.net{PATH}#fragment{OURS}",
            f"https://na.myconnectwise.net{PATH}{OURS}é",
            f"https://na.myconnectwise.net{PATH}{OURS}&x={'x' * 2000}",
            "https://keys.msp.example/",
            "https://keys.msp.example",
            "https://keys.msp.example/elsewhere?x=/system/callbackkey/",
            "https://keys.msp.example?/system/callbackkey/",
            "https://keys.msp.example/system/callbackkey",
            "https://keys.msp.example/system%2fcallbackkey%2findex.rails",
            "https://keys.msp.example/SYSTEM/CALLBACKKEY/index.rails",
            "https://keys.msp.example/system/callbackkey/../../redirect",
            "https://keys.msp.example/system/callbackkey/%2e%2e/%2E%2E/redirect",
            "https://keys.msp.example/system/callbackkey/..%2f..%2fredirect",
            "https://keys.msp.example/system/callbackkey/..;/redirect",
            *(
                f"https://keys.msp.example{PATH}?{query}"
                for query in (
                    "companyName=other",
                    "companyName=",
                    "companyName",
                    "companyName=examplemsp&companyName=other",
                    "companyName=other&companyName=examplemsp",
                    "companyName=examplemsp&companyName=examplemsp",
                    "companyName=examplemsp&COMPANYNAME=other",
                    "companyName=examplemsp&company%4eame=other",
                    "companyName=examplemsp;companyName=other",
                    "companyName=examplemsp%00",
                    "companyName=examplemsp%20",
                    "companyName=examplemsp+",
                    "&".join(f"a{number}=1" for number in range(30)),
                )
            ),
        ],
    )
    def test_key_is_fetched_from_no_other_host(self, lookups: list[tuple[str, int]], key_url: str) -> None:
        """W2, no-stray-requests."""
        with pytest.raises(errors.NotAllowed, match="not on the configured ConnectWise site"):
            self._verify(key_url, key_hosts=("keys.msp.example",))
        assert lookups == []

    @pytest.mark.parametrize("host", ["na.myconnectwise.net", "eu.myconnectwise.net", "staging.connectwisedev.com"])
    @pytest.mark.parametrize(
        "rest",
        [
            PATH,
            f"{PATH}?id=1",
            *(
                f"{path}{OURS}"
                for path in (
                    "/system/callbackkey/index.rails",
                    "//system/callbackkey/index.rails",
                    "/v2025_1/system/callbackkey/",
                    "/v2025_1/system/callbackkey/index.rails/",
                    "/v2025_1/system/callbackkey/index.rails/more",
                    "/v2025_1/system/callbackkey//index.rails",
                    "/v2025_1/system/callbackkey/index.rails;x",
                    "/v2025_1/system/callbackkey/index%2erails",
                    "/v2025_1/./system/callbackkey/index.rails",
                    "/v2025_1/system/callbackkey/.",
                    "/v2025%5f1/system/callbackkey/index.rails",
                    "/v2025_1/redirect;/system/callbackkey/index.rails",
                )
            ),
        ],
    )
    def test_on_the_cloud_an_address_without_our_company_or_of_another_shape_is_refused(
        self, lookups: list[tuple[str, int]], host: str, rest: str
    ) -> None:
        """W2: a host that finds keys by their id alone would serve those of its other tenants, too."""
        with pytest.raises(errors.NotAllowed, match="not on the configured ConnectWise site"):
            self._verify(f"https://{host}{rest}", key_hosts=("eu.myconnectwise.net", "staging.connectwisedev.com"))
        assert lookups == []

    @pytest.mark.parametrize("cw_url", ["http://127.0.0.1:8010", "http://cw.internal", "https://localhost:8443"])
    @pytest.mark.parametrize(
        "host", ["127.0.0.1:8011", "127.0.0.1", "localhost:8010", "ui.internal", "keys.msp.example"]
    )
    def test_a_site_for_development_is_its_own_host_and_port_and_no_other(
        self, lookups: list[tuple[str, int]], cw_url: str, host: str
    ) -> None:
        """W2: plain http and loopback only where the configured address is such."""
        for scheme in ("http", "https"):
            with pytest.raises(errors.NotAllowed):
                self._verify(f"{scheme}://{host}{PATH}", cw_url, ("keys.msp.example",))
        assert lookups == []

    def test_a_site_on_ipv6_is_asked_at_its_address(self, lookups: list[tuple[str, int]]) -> None:
        """W2."""
        with pytest.raises(errors.TooMany):
            self._verify(f"http://[::1]:8010{PATH}", "http://[::1]:8010")
        assert lookups == [("::1", 8010)]


class TestFetching:
    """How a key is asked for."""

    def test_key_request_has_no_credentials(self, site: Site) -> None:
        """W2: no credential leaves us on an address that somebody else chose."""
        site.verify()

        (request,) = site.rude.received
        assert request.line == f"GET {PATH}?companyName=examplemsp&id=1 HTTP/1.1"
        assert set(request.headers) == {"host", "user-agent", "accept-encoding"}
        assert site.calls == ["200"]

    def test_no_redirect_is_followed(self, site: Site, elsewhere: RudeServer) -> None:
        """W2: `elsewhere` sees no connection."""
        site.rude.always(response({"signing_key": "k1"}, "302 Found", Location=f"{elsewhere.url}{PATH}"))

        assert site.outcome() == "TooMany"
        assert site.calls == ["302"]

    @pytest.mark.parametrize(
        "reply",
        [
            response(b""),
            response(b"<html>"),
            response(b"[" * 60_000),
            response([]),
            response(None),
            response({}),
            response({"signing_key": None}),
            response({"signing_key": ""}),
            response({"signing_key": 7}),
            response(b'{"signing_key": "\xff"}'),
            response({"signing_key": "k1"}, "404 Not Found"),
            response({"signing_key": "k1"}, "503 Service Unavailable"),
            response({"signing_key": "k1", "padding": "x" * 65_536}),
            response(b'{"signing_key": "k1', ending="close", Content_Length="100"),
            response(b'{"signing_key": "\\ud800"}'),
            Rude(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000),
            Rude(b"nonsense\r\n\r\n"),
            Rude(b"", "reset"),
        ],
    )
    def test_unusable_response_means_retry_later(self, site: Site, reply: Rude) -> None:
        """W2: 429, because ConnectWise sends that again."""
        site.rude.always(reply)

        with pytest.raises(errors.TooMany) as refused:
            site.verify()
        assert refused.value.retry_after_s == 2
        assert len(site.calls) == 1

    def test_64_kib_are_read(self, site: Site) -> None:
        """W2."""
        whole = json.dumps({"signing_key": "k1", "padding": ""})
        site.rude.always(response({"signing_key": "k1", "padding": "x" * (65_536 - len(whole))}))

        assert site.outcome() == "verified"

    def test_unreachable_key_server_means_retry_later(self, site: Site) -> None:
        """W2."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
        signing_keys = webhook_signature.SigningKeys(cw_url=gone, company="examplemsp")

        with pytest.raises(errors.TooMany):
            signing_keys.verify(
                body=BODY, signature=sign("k1"), key_url=f"{gone}{PATH}", company="examplemsp", client=str
            )

    def test_over_https_nothing_is_sent_to_a_host_without_a_valid_certificate(self) -> None:
        """W2: he gets a TLS greeting and no request."""
        with trickling(b"HTTP/1.1 200 OK\r\n\r\n") as (plain, received):
            url = plain.replace("http:", "https:")
            signing_keys = webhook_signature.SigningKeys(cw_url=url, company="examplemsp", timeout_s=2.0)
            with pytest.raises(errors.TooMany):
                signing_keys.verify(
                    body=BODY, signature=sign("k1"), key_url=f"{url}{PATH}", company="examplemsp", client=str
                )
        assert received[0].startswith(b"\x16\x03")
        assert PATH.encode() not in received[0]

    @pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"])
    def test_slow_response_times_out(self, head: bytes) -> None:
        """W2: 3 s for the whole, in headers and body alike; here shorter."""
        with trickling(head) as (url, _):
            signing_keys = webhook_signature.SigningKeys(cw_url=url, company="examplemsp", timeout_s=0.2)
            with pytest.raises(errors.TooMany):
                signing_keys.verify(
                    body=BODY, signature=sign("k1"), key_url=f"{url}{PATH}", company="examplemsp", client=str
                )


class TestLimits:
    """How often, on a clock that the test moves."""

    def test_a_key_is_kept_for_an_hour(self, site: Site) -> None:
        """W2."""
        for seconds in (0, 1, 3598):
            site.clock.advance(seconds)
            assert site.outcome() == "verified"
        assert len(site.calls) == 1

        site.clock.advance(1)
        assert site.outcome() == "verified"
        assert len(site.calls) == 2

    def test_a_failure_is_remembered_for_a_minute(self, site: Site) -> None:
        """W2."""
        site.breaks()
        assert [site.outcome(), site.outcome()] == ["TooMany", "TooMany"]
        site.serves("k1")
        site.clock.advance(59)
        assert site.outcome() == "TooMany"
        assert len(site.calls) == 1

        site.clock.advance(1)
        assert site.outcome() == "verified"

    def test_mismatch_fetches_the_key_at_most_once_a_minute(self, site: Site) -> None:
        """W2: forged signatures do not make us ask for more."""
        assert site.outcome() == "verified"
        for _ in range(5):
            assert site.outcome("forged") == "NotAllowed"
        assert len(site.calls) == 1

        site.clock.advance(60)
        for _ in range(5):
            assert site.outcome("forged") == "NotAllowed"
        assert len(site.calls) == 2

    def test_a_new_key_at_the_same_address_is_found_by_the_first_mismatch(self, site: Site) -> None:
        """W2."""
        assert site.outcome() == "verified"
        site.serves("k2")
        site.clock.advance(60)

        assert site.outcome("k2") == "verified"
        assert len(site.calls) == 2

    def test_a_replaced_key_is_valid_for_an_hour_after_it_was_last_served(self, site: Site) -> None:
        """W2: several keys are valid at once, and what was signed before the change may arrive after it."""
        site.rotates("k2")

        site.clock.advance(3539)
        assert [site.outcome("k1"), site.outcome("k2")] == ["verified", "verified"]
        site.clock.advance(1)
        assert [site.outcome("k1"), site.outcome("k2")] == ["NotAllowed", "verified"]

    def test_replaced_key_expires_if_no_key_can_be_fetched(self, site: Site) -> None:
        """W2: only the latest does not."""
        site.rotates("k2")
        site.breaks()
        site.clock.advance(3600)

        assert [site.outcome("k1"), site.outcome("k2")] == ["TooMany", "verified"]

    def test_a_fetched_key_that_has_verified_nothing_does_not_replace_a_proven_one(self, site: Site) -> None:
        """W2: forged webhooks can make us fetch, but not forget."""
        assert site.outcome() == "verified"
        site.serves("k2")
        site.clock.advance(60)

        assert site.outcome("forged") == "NotAllowed"
        assert site.outcome() == "verified"

    def test_after_an_hour_a_key_that_is_no_longer_served_is_refused(self, site: Site) -> None:
        """W2."""
        assert site.outcome() == "verified"
        site.serves("k2")
        site.clock.advance(3600)

        assert [site.outcome(), site.outcome()] == ["NotAllowed", "NotAllowed"]
        assert len(site.calls) == 2

    @pytest.mark.parametrize("later_s", [60, 3600])
    def test_proven_key_stays_valid_if_it_cannot_be_fetched(self, site: Site, later_s: float) -> None:
        """W2: the failure is remembered. What another key signed may be genuine, and is not refused for good."""
        assert site.outcome() == "verified"
        site.breaks()
        site.clock.advance(later_s)

        assert [site.outcome("k2"), site.outcome(), site.outcome("k2")] == ["TooMany", "verified", "TooMany"]
        assert site.calls == ["200", "500"]

        site.clock.advance(60)
        site.serves("k2")
        assert site.outcome("k2") == "verified"

    def test_unproven_key_expires_if_it_cannot_be_fetched(self, site: Site) -> None:
        """W2: it may not be a key of ours at all."""
        assert site.outcome("forged") == "NotAllowed"
        site.breaks()
        site.clock.advance(3600)

        assert site.outcome() == "TooMany"

    def test_keys_that_rotate_with_every_webhook_delay_none_of_them(self, site: Site) -> None:
        """W2: a fetch whose key verifies something does not count, however many there are."""
        site.serves_each_id_its_own()

        outcomes = [site.outcome(f"key-{number}", number) for number in range(90)]

        assert outcomes == ["verified"] * 90
        assert len(site.calls) == 90

    def test_many_keys_are_valid_at_once_and_each_is_fetched_once(self, site: Site) -> None:
        """W2."""
        site.serves_each_id_its_own()

        outcomes = [site.outcome(f"key-{turn % 30}", turn % 30) for turn in range(900)]

        assert outcomes == ["verified"] * 900
        assert len(site.calls) == 30

    def test_client_can_cause_ten_useless_fetches_a_minute(self, site: Site) -> None:
        """W2: however many addresses it makes up."""
        outcomes = [site.outcome("forged", number, STRANGER) for number in range(15)]

        assert outcomes == ["NotAllowed"] * 10 + ["TooMany"] * 5
        assert len(site.calls) == 10
        site.clock.advance(60)
        assert site.outcome("forged", 14, STRANGER) == "NotAllowed"

    def test_fetches_that_fail_count_as_useless(self, site: Site) -> None:
        """W2."""
        site.breaks()
        for number in range(15):
            assert site.outcome("forged", number, STRANGER) == "TooMany"
        assert len(site.calls) == 10

    def test_a_stranger_who_used_up_its_fetches_does_not_delay_a_new_key(self, site: Site) -> None:
        """W2: the next key of ours is fetched for the client that brings it."""
        for number in range(100, 115):
            site.outcome("forged", number, STRANGER)

        assert site.outcome() == "verified"

    def test_all_strangers_together_can_cause_sixty_useless_fetches_a_minute(self, site: Site) -> None:
        """W2."""
        for number in range(100):
            site.outcome("forged", number, f"203.0.113.{number}")
        assert len(site.calls) == 60

        site.clock.advance(60)
        assert site.outcome("forged", 200, STRANGER) == "NotAllowed"

    def test_a_key_that_a_stranger_named_first_stops_counting_once_it_verifies(self, site: Site) -> None:
        """W2: it was our key all along, and whoever verifies with it may be another client."""
        for number in range(10):
            assert site.outcome("forged", number, STRANGER) == "NotAllowed"
        assert site.outcome(number=3) == "verified"

        assert site.outcome("forged", 10, STRANGER) == "NotAllowed"
        assert site.outcome("forged", 11, STRANGER) == "TooMany"

    def test_proven_key_survives_an_upgrade_of_connectwise(self, site: Site) -> None:
        """W2: the address begins with the version, and the id of the key stays."""
        assert site.outcome() == "verified"
        site.breaks()

        assert site.outcome(key_url=site.url(codebase="v2025_2")) == "verified"
        assert len(site.calls) == 1

    def test_failed_fetch_from_an_invented_address_does_not_block_the_key_id(self, site: Site) -> None:
        """W2: failures are remembered for an address, and only proven keys for an id."""
        site.breaks()
        assert site.outcome(key_url=site.url(codebase="made_up"), client=STRANGER) == "TooMany"
        site.serves("k1")

        assert site.outcome() == "verified"

    def test_proven_key_stays_valid_when_the_fetch_limit_is_used_up(self, site: Site) -> None:
        """W2: strangers cannot use up what our own hooks need."""
        assert site.outcome() == "verified"
        site.clock.advance(3600)
        for number in range(100, 160):
            site.outcome("forged", number, f"203.0.113.{number}")

        assert site.outcome() == "verified"
        assert len(site.calls) == 61

    def test_strangers_cannot_evict_proven_keys(self, site: Site) -> None:
        """W2: what is remembered is bounded, and ours stays."""
        assert site.outcome() == "verified"
        for number in range(100, 100 + webhook_signature.MAX_ANSWERS + 1):
            site.clock.advance(6)
            site.outcome("forged", number)
        lookups = len(site.calls)

        site.outcome("forged", 100 + webhook_signature.MAX_ANSWERS)
        assert site.outcome() == "verified"
        assert len(site.calls) == lookups, "both are remembered"
        site.clock.advance(6)
        site.outcome("forged", 100)
        assert len(site.calls) == lookups + 1, "the first of the strangers is forgotten"


class Kept:
    """What outlives a restart: the proven keys, in a list."""

    def __init__(self, *stored: webhook_signature.StoredKey) -> None:
        self.stored = list(stored)
        self.loads = 0

    def load(self) -> list[webhook_signature.StoredKey]:
        self.loads += 1
        return self.stored

    def save(self, url: str, key: str) -> None:
        self.stored.append(webhook_signature.StoredKey(url, key, 0.0))


class TestKept:
    """Proven keys that are kept for the next start."""

    @staticmethod
    def _site(rude: RudeServer, kept: Kept) -> Site:
        return Site(rude, load_proven=kept.load, save_proven=kept.save)

    def test_after_a_restart_a_proven_key_verifies_without_being_fetched(self, rude: RudeServer) -> None:
        """W2."""
        kept = Kept()
        assert self._site(rude, kept).outcome() == "verified"
        restarted = self._site(rude, kept)
        restarted.breaks()

        assert restarted.outcome() == "verified"
        assert restarted.calls == []

    def test_after_a_restart_and_an_upgrade_a_proven_key_is_known_by_its_id(self, rude: RudeServer) -> None:
        """W2."""
        kept = Kept()
        assert self._site(rude, kept).outcome() == "verified"
        restarted = self._site(rude, kept)
        restarted.breaks()

        assert restarted.outcome(key_url=restarted.url(codebase="v2025_2")) == "verified"
        assert restarted.calls == []

    @pytest.mark.parametrize(("age_s", "calls"), [(-5.0, 0), (3599.0, 0), (3600.0, 1), (1e9, 1)])
    def test_a_kept_key_is_fetched_again_when_it_is_an_hour_old_and_serves_on_where_that_fails(
        self, rude: RudeServer, age_s: float, calls: int
    ) -> None:
        """W2."""
        url = Site(rude).url()
        site = self._site(rude, Kept(webhook_signature.StoredKey(url, "k1", age_s)))
        site.breaks()

        assert [site.outcome(), site.outcome()] == ["verified", "verified"]
        assert len(site.calls) == calls

    def test_strangers_who_used_up_all_fetches_do_not_delay_the_first_webhook_after_a_restart(
        self, rude: RudeServer
    ) -> None:
        """W2."""
        kept = Kept(webhook_signature.StoredKey(Site(rude).url(), "k1", 1e6))
        site = self._site(rude, kept)
        for number in range(100, 160):
            site.outcome("forged", number, f"203.0.113.{number}")

        assert site.outcome() == "verified"
        assert len(site.calls) == 60

    def test_key_proven_by_another_server_is_loaded_on_a_miss(self, rude: RudeServer) -> None:
        """W2: two servers share a database."""
        kept = Kept()
        first, second = self._site(rude, kept), self._site(rude, kept)
        assert second.outcome("forged", 2) == "NotAllowed"
        assert first.outcome() == "verified"
        second.breaks()
        second.clock.advance(1)

        assert second.outcome() == "verified"

    def test_strangers_cause_at_most_one_key_lookup_a_second(self, rude: RudeServer) -> None:
        """W2."""
        kept = Kept()
        site = self._site(rude, kept)
        for number in range(10):
            site.outcome("forged", number)
        assert kept.loads == 1

        site.clock.advance(1)
        site.outcome("forged")
        assert kept.loads == 2

    def test_key_is_stored_once_when_it_first_verifies(self, rude: RudeServer) -> None:
        """W2: the path that accepts webhooks writes nothing else."""
        kept = Kept()
        site = self._site(rude, kept)
        assert site.outcome("forged") == "NotAllowed"
        for _ in range(3):
            site.clock.advance(3600)
            assert site.outcome() == "verified"

        assert kept.stored == [webhook_signature.StoredKey(site.url(), "k1", 0.0)]

    def test_a_kept_key_of_another_site_is_not_ours(self, rude: RudeServer) -> None:
        """W2: the settings may have changed since."""
        kept = Kept(webhook_signature.StoredKey(f"https://na.myconnectwise.net{PATH}{OURS}", "k0", 0.0))

        assert self._site(rude, kept).outcome("k0") == "NotAllowed"


class TestManyAtOnce:
    """Threads that need a key at the same time."""

    def test_burst_fetches_the_key_once_and_verifies_completely(self, site: Site) -> None:
        """W2, W5: the hooks that wake a fresh server come together."""
        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(lambda _: site.outcome(), range(48)))

        assert outcomes == ["verified"] * 48
        assert len(site.calls) == 1

    def test_burst_signed_with_a_new_key_fetches_it_once_and_verifies_completely(self, site: Site) -> None:
        """W2."""
        assert site.outcome() == "verified"
        site.serves("k2")
        site.clock.advance(60)

        with ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(lambda _: site.outcome("k2"), range(48)))

        assert outcomes == ["verified"] * 48
        assert len(site.calls) == 2

    def test_two_requests_wait_for_a_slow_key_server_and_the_rest_retry_later(self, rude: RudeServer) -> None:
        """W2: the threads that accept webhooks are few, and a webhook with a proven key finds one free."""
        site = Site(rude, timeout_s=10.0)
        assert site.outcome() == "verified"
        with held_up(site) as (go_on, arrived), ThreadPoolExecutor(8) as pool:
            under_way = [pool.submit(site.outcome, "forged", 2, STRANGER) for _ in range(8)]
            assert arrived.acquire(timeout=5)
            early = list(itertools.islice(as_completed(under_way, timeout=5), 5))
            proven = pool.submit(site.outcome).result(timeout=5)
            go_on.set()

        assert [each.result() for each in early] == ["TooMany"] * 5
        assert proven == "verified"
        late = [each.result() for each in under_way if each not in early]
        assert late == ["NotAllowed"] * 3

    def test_two_keys_are_fetched_at_once_and_the_third_retries_later(self, site: Site) -> None:
        """W2: strangers hold up neither our threads nor ConnectWise."""
        with held_up(site) as (go_on, arrived), ThreadPoolExecutor(2) as pool:
            under_way = [pool.submit(site.outcome, "k1", number) for number in (1, 2)]
            assert arrived.acquire(timeout=5) and arrived.acquire(timeout=5)

            assert site.outcome(number=3) == "TooMany"
            go_on.set()
            assert [each.result() for each in under_way] == ["verified", "verified"]
        assert len(site.calls) == 2

    def test_while_strangers_keep_both_fetches_busy_a_proven_key_verifies_at_once(self, site: Site) -> None:
        """W2: also when it is time to fetch it again."""
        assert site.outcome() == "verified"
        site.clock.advance(3600)
        with held_up(site) as (go_on, arrived), ThreadPoolExecutor(2) as pool:
            under_way = [pool.submit(site.outcome, "forged", number, STRANGER) for number in (2, 3)]
            assert arrived.acquire(timeout=5) and arrived.acquire(timeout=5)

            assert site.outcome() == "verified"
            go_on.set()
            assert [each.result() for each in under_way] == ["NotAllowed", "NotAllowed"]

    def test_refetching_a_proven_key_delays_nobody_else(self, site: Site) -> None:
        """W2, W3: hooks are answered in milliseconds."""
        assert site.outcome() == "verified"
        site.clock.advance(3600)

        with held_up(site) as (go_on, arrived), ThreadPoolExecutor(1) as pool:
            asking = pool.submit(site.outcome)
            assert arrived.acquire(timeout=5)

            assert site.outcome() == "verified"
            go_on.set()
            assert asking.result() == "verified"

    def test_waiting_for_a_key_that_never_arrives_ends_in_retry_later(self, rude: RudeServer) -> None:
        """W2: one who asks is enough."""
        site = Site(rude, timeout_s=0.2)
        with held_up(site) as (go_on, _), ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(site.outcome) for _ in range(2)]
            assert [each.result() for each in outcomes] == ["TooMany", "TooMany"]
            go_on.set()
        assert len(site.calls) == 1


@contextmanager
def held_up(site: Site) -> Iterator[tuple[threading.Event, threading.Semaphore]]:
    """Let the site answer only when the event is set; the semaphore counts who has asked."""
    go_on, arrived = threading.Event(), threading.Semaphore(0)
    reply: Callable[[Received], Rude] = site.rude.reply

    def wait(request: Received) -> Rude:
        arrived.release()
        go_on.wait(5)
        return reply(request)

    site.rude.reply = wait
    try:
        yield go_on, arrived
    finally:
        go_on.set()


@contextmanager
def trickling(head: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one connection a byte at a time, until the other side has had enough; the list is what it said."""
    received: list[bytes] = []

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            received.append(connection.recv(65_536))
            pause = threading.Event()
            try:
                connection.sendall(head)
                while not pause.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join(5)
        assert not thread.is_alive(), "nobody hung up"
