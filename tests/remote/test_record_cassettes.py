"""Recording from real accounts either has what it needs or says in one line what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALL = {
    "TBOT_CW_COMPANY": "acme",
    "TBOT_CW_PUBLIC_KEY": "public",
    "TBOT_CW_PRIVATE_KEY": "private",
    "TBOT_CW_CLIENT_ID": "client",
}
NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (
            ["TBOT_CW_PRIVATE_KEY"],
            2,
            "Not set: TBOT_CW_COMPANY, TBOT_CW_PUBLIC_KEY, TBOT_CW_CLIENT_ID. Set all of them",
        ),
        (list(ALL), 8, "ConnectWise: GET /service/boards could not be sent: Connection refused."),
    ],
)
def test_missing_or_unreachable_account_is_one_line(given: list[str], status: int, words: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TBOT_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.remote.record_cassettes"],
        cwd=ROOT,
        env=environ | {"TBOT_CW_URL": NOWHERE} | {name: ALL[name] for name in given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"record_cassettes: {words}")
    assert len(done.stderr.splitlines()) == 1
