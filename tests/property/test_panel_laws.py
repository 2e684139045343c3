"""Whatever is sent to the panel, the answer is a page without a leak (P3), and nothing of it breaks the server."""

from __future__ import annotations

import re
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.panel.browser import signed_in
from tests.server.api_server import Api
from tests.tui import seed
from ticketbot.panel import lists, names
from ticketbot.present import forms

LEAKS = re.compile(r"(?i:traceback|peewee|psycopg|sqlite3)|line \d+, in |SELECT |INSERT ")
HOSTILE = (
    "<script>alert(1)</script>",
    "¹",
    '" onfocus="alert(1)',
    "{{1+1}}",
    "% import os",
    "\0",
    "\r\nX: y",
    "é" * 500,
)
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(HOSTILE), st.integers(-2, 2**64).map(str))


def _fields(form: forms.Form) -> st.SearchStrategy[dict[str, list[str]]]:
    """Return values for the fields of a form: right ones, made-up ones, several, or none."""
    known = {field.name: st.sampled_from((*field.options, field.null, "1", "Service Desk")) for field in form.fields}
    values = {name: st.lists(st.one_of(TEXTS, each), max_size=3) for name, each in known.items()}
    return st.fixed_dictionaries({**values, "do": st.sampled_from((["save"], ["try"], ["backtest"], ["x"], []))})


@pytest.mark.parametrize("plural", names.ADDS)
def test_any_form_gets_a_page(api: Api, plural: str) -> None:
    browser = signed_in(api, seed.fill(api.clock.now()))
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.page)
    assert csrf

    @hypothesis.given(sent=_fields(names.ADDS[plural]))
    @hypothesis.settings(max_examples=6, suppress_health_check=list(hypothesis.HealthCheck))
    def check(sent: dict[str, Any]) -> None:
        response = browser.post(f"/panel/{plural}/new", csrf=csrf[1], **sent)
        assert response.status_code in (200, 403, 409, 422, 502), response.text
        assert not LEAKS.search(response.text)
        assert "<script>alert" not in response.text

    check()


@pytest.mark.parametrize("plural", names.TITLES)
def test_any_filter_gets_a_page(api: Api, plural: str) -> None:
    browser = signed_in(api, seed.fill(api.clock.now()))
    known = [each.name for each in lists.FILTERS.get(plural, ())]

    @hypothesis.given(query=st.dictionaries(st.sampled_from((*known, "after", "x")), TEXTS, max_size=3))
    @hypothesis.settings(max_examples=4, suppress_health_check=list(hypothesis.HealthCheck))
    def check(query: dict[str, str]) -> None:
        response = browser.send("GET", f"/panel/{plural}", params=query)
        assert response.status_code in (200, 422), response.text
        assert not LEAKS.search(response.text.partition("<main")[2].replace(str(query), ""))
        assert "<script>alert" not in response.text

    check()
