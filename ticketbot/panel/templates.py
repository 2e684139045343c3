"""Templates as pages. Every value is escaped; the few marked `!` are written by us (P3)."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import bottle

DIRECTORY = Path(__file__).parent / "templates"
STATIC = {"panel.css": "text/css; charset=utf-8", "panel.js": "text/javascript; charset=utf-8"}
PAGES = (
    ("", "Status"),
    ("tickets", "Tickets"),
    ("notifications", "Notifications"),
    ("events", "Events"),
    ("rules", "Rules"),
    ("forwards", "Forwards"),
    ("silences", "Silences"),
    ("quiet-hours", "Quiet hours"),
    ("recipients", "Recipients"),
    ("syncs", "Syncs"),
    ("users", "Users"),
    ("keys", "Keys"),
    ("configuration", "Configuration"),
    ("audit", "Audit"),
)
"""The pages by address, in the order of the navigation."""
_TIME = re.compile("\x02([0-9T:.+-]+)\x03(.*?)\x04")

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def page(name: str, status: int = 200, *, title: str, visit: Any = None, **values: Any) -> bottle.HTTPResponse:
    """Return a page; `visit` is that of whoever is signed in."""
    values = {"said": "", "pages": PAGES, "title": title, "visit": visit, "timed": timed, **values}
    return bottle.HTTPResponse(_template(name).render(**values), status, HEADERS)


def timed(text: str) -> str:
    """Return a text as HTML; the times in it, as `Visit.moment` returns them, show the exact ones on hover (P4)."""
    return _TIME.sub(r'<time datetime="\1" title="\1">\2</time>', bottle.html_escape(text))


def static(name: str) -> bottle.HTTPResponse:
    """Return the style sheet or the script, which anybody may read."""
    body = (DIRECTORY.parent / "static" / name).read_bytes()
    return bottle.HTTPResponse(body, 200, {**HEADERS, "Content-Type": STATIC[name], "Cache-Control": "max-age=300"})


def redirect(address: str) -> bottle.HTTPResponse:
    """Return the way to another page."""
    return bottle.HTTPResponse("", 303, {"Location": address, "Cache-Control": "no-store"})


@functools.cache
def _template(name: str) -> Any:
    return bottle.SimpleTemplate(name=name, lookup=[str(DIRECTORY)])
