"""What all tests share: the databases, and Hypothesis as CI wants it."""

from __future__ import annotations

import os

import hypothesis

pytest_plugins = ["tests.databases"]

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")
