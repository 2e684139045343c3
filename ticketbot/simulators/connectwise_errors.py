"""The error responses of a simulated ConnectWise."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error response with ConnectWise's code and message."""

    def __init__(self, status: int, code: str, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "errors": errors}


class ThrottledError(Exception):
    """Too many calls in a minute; its body has no `code`, as in the Developer Guide."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many requests")
        self.retry_after_s = retry_after_s
        message = f"Too many requests. Please try again in {retry_after_s} seconds."
        self.body = {"error": "ConnectWiseAPI", "message": message}


def invalid(code: str, field: str, message: str) -> ApiError:
    """Return the error of one invalid field."""
    error = {"code": code, "message": message, "resource": "callbackEntry", "field": field}
    return ApiError(400, "InvalidObject", "callbackEntry object is invalid", [error])
