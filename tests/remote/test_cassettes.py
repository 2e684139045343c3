"""The cassettes hold no secrets, belong to a test each, and answer only what was asked."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.connectwise import test_connectwise_client
from tests.remote.cassettes import CASSETTES, CREDENTIALS, MATCH_ON, TOKEN, WEBEX_URL, replies_of
from tests.webex import test_webex_client
from ticketbot.webex.webex_client import Webex

ALL = sorted(path for path in CASSETTES.rglob("*.yaml") if "live" not in path.parts)
PAIR = "{company}+{public_key}:{private_key}".format(**CREDENTIALS)
SECRETS = (
    *(secret for name, secret in CREDENTIALS.items() if name != "company"),
    TOKEN,
    base64.b64encode(PAIR.encode()).decode(),
)


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_cassette_holds_no_secret_and_no_local_address(path: Path) -> None:
    """A6"""
    text = path.read_text()
    assert "interactions:" in text
    for secret in SECRETS:
        assert secret not in text
    assert not re.search(
        r"^\s*['\"]?(authorization|clientid|cookie|set-cookie)['\"]?:", text, re.IGNORECASE | re.MULTILINE
    )
    assert not re.search(r"\b(basic|bearer) [\w+/=-]{8,}", text, re.IGNORECASE)
    assert "127.0.0.1" not in text


def test_every_cassette_belongs_to_a_test_and_every_test_has_one() -> None:
    classes = [
        *(("connectwise", kind) for kind in vars(test_connectwise_client).values() if isinstance(kind, type)),
        *(("webex", kind) for kind in vars(test_webex_client).values() if isinstance(kind, type)),
    ]
    tests = {
        f"{service}/{name.removeprefix('test_')}"
        for service, kind in classes
        for name, test in vars(kind).items()
        if name.startswith("test_") and replies_of(test)
    }
    assert {f"{path.parent.name}/{path.stem}" for path in ALL} == tests


def test_a_cassette_does_not_answer_for_another_message() -> None:
    path = CASSETTES / "webex" / "a_message_to_a_room_has_an_id.yaml"
    with vcr.VCR(record_mode=vcr.mode.NONE, match_on=MATCH_ON).use_cassette(str(path)):
        webex = Webex(url=f"{WEBEX_URL}/v1", token=TOKEN)
        with pytest.raises(CannotOverwriteExistingCassetteException):
            webex.send("room", "another room", "hello")
        webex.close()
