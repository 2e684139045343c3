"""Every operation is open to the scopes that the contract names, and closed to all others (A7)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import get_args

import pytest

from tests.server.api_server import Api
from ticketbot.api import responses
from ticketbot.server import authentication
from ticketbot.server.routes import all_routes
from ticketbot.simulators import webex_api
from ticketbot.simulators.webex import Webex

SCOPES = get_args(responses.Scope)
OPERATIONS = all_routes.all_operations()

# The contract, written a second time: what does not read needs `admin`, unless its path says otherwise.
READS = re.compile(r"/(check|try|backtest|preview)$|^/plan$")
OPERATES = re.compile(r"/alerts/test|^/(notifiers/|events/|notifications/|sync|webex/rooms/[^/]+/test$)")


@pytest.fixture
def api(database: str) -> Iterator[Api]:
    """Return the API of a server without anything in its database."""
    organization = Webex()
    with webex_api.serve(organization):
        api = Api(organization)
        yield api
        api.stop_syncs()


def _needed(method: str, path: str) -> str:
    if method == "GET" or READS.search(path):
        return "read"
    return "operate" if OPERATES.search(path) else "admin"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_the_table_asks_for_the_scope_of_the_contract(operation: all_routes.operations.Operation) -> None:
    """A7."""
    assert operation.scope == _needed(operation.method, operation.path)


def test_each_operation_is_allowed_or_403_as_the_table_says(api: Api) -> None:
    """A7: what is refused names the scope that is needed; what is allowed gets as far as its path and body."""
    keys = {scope: api.administrator(f"{scope}@example.com", scope) for scope in SCOPES}
    described = api.request("GET", "/openapi.json", key=keys["read"]).json()["paths"]
    for operation, scope in itertools.product(OPERATIONS, SCOPES):
        # No row has this id, and a list is never a body: nothing is changed, whatever is allowed.
        path = re.sub(r"{\w+}", "999999999", operation.path)
        body = {"json": []} if "body" in operation.types else {}
        response = api.request(operation.method, path, key=keys[scope], **body)
        is_allowed = SCOPES.index(scope) >= SCOPES.index(operation.scope)
        assert (response.status_code != 403) == is_allowed, (operation.name, scope, response.text)
        assert response.status_code != 401
        if not is_allowed:
            assert f"scope {operation.scope}" in response.json()["detail"]
        document = described[operation.path][operation.method.lower()]
        assert document["security"] == [{"key": [operation.scope]}]
        assert ("403" in document["responses"]) == (operation.scope != "read")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_includes_itself_and_those_before_it(scope: responses.Scope) -> None:
    """A7."""
    allowed = [each for each in SCOPES if authentication.includes(scope, each)]
    assert allowed == list(SCOPES[: SCOPES.index(scope) + 1])
