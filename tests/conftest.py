"""Settings of all tests: fixtures, Hypothesis profiles, and Ctrl+C."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

from ticketbot.models import api_keys

pytest_plugins = ["tests.databases", "tests.fixtures", "tests.server.api_fixtures", "tests.remote.fixtures"]

# Derandomized, CI tries the same examples each time: many of them would not find more. Everybody else draws new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, max_examples=40)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

api_keys.KEY_COST = 4  # the lowest that bcrypt supports: hashing is slow on purpose

# A shell ignores Ctrl+C in background jobs, and processes started by tests would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Replace lone surrogates in captured output, which xdist could not pass between processes."""
    report = yield
    if report and report.get("sections"):
        report["sections"] = [(name, text.encode(errors="replace").decode()) for name, text in report["sections"]]
    return report
