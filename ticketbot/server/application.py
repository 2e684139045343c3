"""The WSGI application: routes, and one place that turns every failure into a problem document (RFC 9457)."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import bottle
import msgspec

from ticketbot import errors, log

PROBLEM = "application/problem+json"
TOML = "application/toml"
_TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large"}

_logger = logging.getLogger(__name__)


def new_app() -> bottle.Bottle:
    """Return an application without routes whose every answer carries `X-Request-ID` and whose errors are problems."""
    app = bottle.Bottle()
    app.install(_answering)
    app.default_error_handler = _bottle_error  # 404, 405 and whatever else bottle itself refuses
    return app


def json_answer(body: Any, status: int = 200, **headers: str) -> bottle.HTTPResponse:
    """Return any value as JSON."""
    return _answer(msgspec.json.encode(body), status, "application/json", headers)


def problem(status: int, title: str, detail: str, **more: Any) -> bottle.HTTPResponse:
    """Return a failure as a problem document. It never holds a stack trace, SQL or a secret."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return _answer(msgspec.json.encode(document), status, PROBLEM, {})


def _answer(body: bytes, status: int, kind: str, headers: dict[str, str]) -> bottle.HTTPResponse:
    return bottle.HTTPResponse(
        body, status, {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    )


def _answering(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a route: one correlation id for what it does, failures as problems (the plugin that bottle applies)."""

    @functools.wraps(handler)
    def answer(*arguments: Any, **named: Any) -> bottle.HTTPResponse:
        correlation = log.new_correlation()
        with log.bound_correlation(correlation):
            try:
                response = handler(*arguments, **named)
            except bottle.HTTPResponse as thrown:
                response = thrown
            except errors.TicketbotError as error:
                response = _problem_of(error)
            except Exception:
                _logger.exception("a bug in tbot: %s %s failed", bottle.request.method, bottle.request.path)
                response = problem(
                    500, "Internal error", f"Internal error; search the log of the server for {correlation}"
                )
        response.set_header("X-Request-ID", correlation)
        return response

    return answer


def _problem_of(error: errors.TicketbotError) -> bottle.HTTPResponse:
    if error.http_status >= 500:
        _logger.error("%s %s: %s", bottle.request.method, bottle.request.path, error)
        return problem(error.http_status, error.title, "See the server log")
    more: dict[str, Any] = {}
    if isinstance(error, errors.Conflict) and error.run_id is not None:
        more["run_id"] = error.run_id
    if isinstance(error, errors.InvalidInput) and error.errors:
        more["errors"] = [each._asdict() for each in error.errors]
    response = problem(error.http_status, error.title, str(error), **more)
    if isinstance(error, errors.TooMany):
        response.set_header("Retry-After", str(error.retry_after_s))
    if error.http_status == errors.NotAllowed.http_status:
        response.set_header("WWW-Authenticate", "Bearer")
    return response


def _bottle_error(error: bottle.HTTPError) -> bytes:
    status = error.status_code
    detail = {
        404: f"Nothing is at {bottle.request.path}",
        405: f"{bottle.request.method} is not possible at {bottle.request.path}",
    }.get(status, str(error.body or "The request was refused"))
    if status >= 500:
        _logger.error("%s %s failed in bottle", bottle.request.method, bottle.request.path, exc_info=error.exception)
        detail = "See the server log"
    answer = problem(status, _TITLES.get(status, "Refused"), detail)
    bottle.response.content_type = PROBLEM
    bottle.response.set_header("X-Request-ID", log.new_correlation())
    body: bytes = answer.body
    return body
