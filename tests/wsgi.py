"""Call a WSGI application in this process with `requests`, without a network."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse


class Adapter(BaseAdapter):
    """Passes requests to an application; `environ` overrides WSGI variables such as REMOTE_ADDR."""

    def __init__(self, app: Any, **environ: str) -> None:
        super().__init__()
        self.app = app
        self.environ: Mapping[str, str] = {"REMOTE_ADDR": "192.0.2.1", **environ}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Call the application and return its response."""
        assert request.url and request.method
        parts, body = urlsplit(request.url), request.body or b""
        body = body.encode() if isinstance(body, str) else body
        headers = {f"HTTP_{name.upper().replace('-', '_')}": _text(value) for name, value in request.headers.items()}
        headers["CONTENT_TYPE"] = headers.pop("HTTP_CONTENT_TYPE", "")
        headers["CONTENT_LENGTH"] = headers.pop("HTTP_CONTENT_LENGTH", "")
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname,
            "SERVER_PORT": str(parts.port or 80),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": parts.netloc,
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **headers,
            **self.environ,
        }
        response = requests.Response()
        started: list[Any] = []
        content = b"".join(self.app(environ, lambda *status: started.append(status)))
        status, pairs = started[-1][0], started[-1][1]
        number, method = int(status.split()[0]), request.method
        raw = HTTPResponse(
            io.BytesIO(content), headers=pairs, status=number, preload_content=False, request_method=method
        )
        response.status_code, response.reason = number, status.partition(" ")[2]
        response.headers = requests.structures.CaseInsensitiveDict(raw.headers)
        response.raw, response.url, response.request = raw, request.url, request
        return response

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
