"""Describe the HTTP API as OpenAPI 3.1, out of the same operations and structs that serve it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ticketbot import __version__
from ticketbot.api import responses
from ticketbot.server import application, operations

_SCHEMA = "#/components/schemas/{name}"

_REFUSALS = {
    400: "The body is not a JSON object",
    401: "No API key, one that is not known, or one that has expired",
    403: "The scope of the API key does not allow it; the detail names the scope that does",
    404: "There is no such row, or what it stands for is gone",
    409: "The request contradicts the present state",
    413: "The body is larger than 1 MiB",
    422: "The request is understood and wrong; each wrong field is named",
    429: "Too many wrong API keys from this address, or too much at once; `Retry-After` says when to come back",
    500: "A bug in Ticketbot; search the log for the request id",
    502: "ConnectWise or Webex failed",
    503: "The database does not answer",
}
_REQUEST_ID = {"description": "Names this request in the log", "schema": {"type": "string"}}
_NEXT_PAGE = {"description": 'The next page, if any: `</path?query>; rel="next"`', "schema": {"type": "string"}}


def document(all_operations: Sequence[operations.Operation]) -> dict[str, Any]:
    """Return the OpenAPI document as plain values."""
    schemas = _Schemas(all_operations)
    paths: dict[str, Any] = {}
    for operation in all_operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ticketbot",
            "version": __version__,
            "description": "ConnectWise ticket news, told in Webex. Times are RFC 3339, failures RFC 9457.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths | _open_paths(schemas),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.components,
        },
    }


class _Schemas:
    """The schemas of all structs, and how each type refers to them."""

    def __init__(self, all_operations: Iterable[operations.Operation]) -> None:
        types: list[Any] = [responses.Problem, responses.Health, responses.Readiness, responses.WebhookResponse]
        for operation in all_operations:
            types += [operation.types[name] for name in ("body", "query") if name in operation.types]
            types += [_answer_type(operation)] if _answer_type(operation) else []
        refs, self.components = msgspec.json.schema_components(types, ref_template=_SCHEMA)
        self._refs: dict[str, dict[str, Any]] = dict(zip(map(repr, types), refs, strict=True))

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type that the document names."""
        found: dict[str, Any] = self._refs[repr(kind)]
        return found

    def fields(self, kind: Any) -> Iterable[tuple[str, dict[str, Any], bool]]:
        """Return name, schema and necessity of each field of a struct; its schema is not needed otherwise."""
        schema = self.components.pop(kind.__name__, None) or msgspec.json.schema_components([kind])[1][kind.__name__]
        for name, field in schema["properties"].items():
            yield name, _without_null(field), name in schema.get("required", ())


def _answer_type(operation: operations.Operation) -> Any:
    if operation.listed:
        return list[operation.listed]  # type: ignore[name-defined]
    answer = operation.types["return"]
    return None if answer is type(None) else dict[str, Any] if answer is msgspec.Raw else answer


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one that is not wanted is left out, a text cannot say null."""
    kinds = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(kinds) == 1:
        found: dict[str, Any] = kinds[0]
        return found | {name: value for name, value in schema.items() if name == "default" and value is not None}
    if None in schema.get("enum", []):
        return {"enum": [each for each in schema["enum"] if each is not None]}
    return schema


def _operation(operation: operations.Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [{"key": [operation.scope]}],
        "parameters": [*map(_id_parameter, operation.ids), *_query_parameters(operation, schemas)],
        "responses": _responses(operation, schemas),
    }
    if "body" in operation.types:
        content = _content(operation.types["body"], schemas)
        described["requestBody"] = {"required": not operation.takes_empty_body, "content": content}
    return described


def _id_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: operations.Operation, schemas: _Schemas) -> Iterable[dict[str, Any]]:
    if "query" in operation.types:
        for name, schema, required in schemas.fields(operation.types["query"]):
            yield {"name": name, "in": "query", "required": required, "schema": schema}


def _responses(operation: operations.Operation, schemas: _Schemas) -> dict[str, Any]:
    refusals = {401, 429, 500, 503, *operation.refuses}
    refusals |= {403} if operation.scope != "read" else set()
    refusals |= {404} if operation.ids else set()
    refusals |= {422} if "query" in operation.types else set()
    refusals |= {400, 413, 422} if "body" in operation.types else set()
    headers = {"X-Request-ID": _REQUEST_ID} | ({"Link": _NEXT_PAGE} if operation.listed else {})
    done: dict[str, Any] = {"description": "Done", "headers": headers}
    kind = _answer_type(operation)
    if kind is not None:
        done["content"] = _content(kind, schemas)
    return {str(operation.status): done} | _problems(sorted(refusals), schemas)


def _content(kind: Any, schemas: _Schemas) -> dict[str, Any]:
    if kind is operations.Toml:
        return {application.TOML: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": schemas.of(kind)}}


def _problems(statuses: Iterable[int], schemas: _Schemas) -> dict[str, Any]:
    content = {application.PROBLEM: {"schema": schemas.of(responses.Problem)}}
    headers = {"X-Request-ID": _REQUEST_ID}
    return {
        str(status): {"description": _REFUSALS[status], "headers": headers, "content": content} for status in statuses
    }


def _open_paths(schemas: _Schemas) -> dict[str, Any]:
    """Describe the routes that need no key, served by `health` and `webhooks`."""

    def answering(kind: Any, *statuses: int) -> dict[str, Any]:
        content = {"application/json": {"schema": schemas.of(kind)}}
        headers = {"X-Request-ID": _REQUEST_ID}
        return {str(each): {"description": "Said", "headers": headers, "content": content} for each in statuses}

    def open_operation(name: str, summary: str, by_status: dict[str, Any]) -> dict[str, Any]:
        return {"operationId": name, "summary": summary, "tags": ["open"], "security": [], "responses": by_status}

    metrics = {"200": {"description": "Numbers", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    hook = open_operation(
        "ticket_hook",
        "Take a webhook of ConnectWise in, signed in `x-content-signature`",
        answering(responses.WebhookResponse, 200) | _problems((400, 401, 413, 429, 500), schemas),
    )
    hook["requestBody"] = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    hook["parameters"] = [
        {"name": "x-content-signature", "in": "header", "required": True, "schema": {"type": "string"}}
    ]
    ready = answering(responses.Readiness, 200, 503)
    return {
        "/healthcheck": {"get": open_operation("healthcheck", "Show that it lives", answering(responses.Health, 200))},
        "/readyz": {"get": open_operation("readyz", "Show whether all is well", ready | _problems((500,), schemas))},
        "/metrics": {
            "get": open_operation(
                "metrics",
                "Show numbers for Prometheus: from this machine, or with a key",
                metrics | _problems((401, 429, 500, 503), schemas),
            )
        },
        "/hooks/cw/tickets": {"post": hook},
    }
