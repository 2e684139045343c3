"""A browser without scripts, over the application in this process."""

from __future__ import annotations

import html
import http.cookies
import re
from typing import Any

import requests

from tests.server.api_server import URL, Api

OURS = {"Origin": URL}


class Browser:
    """What a browser does without scripts: it keeps cookies, follows redirects and sends forms with their origin."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cookies: dict[str, str] = {}
        self.page = ""
        self.url = ""

    def open(self, path: str) -> requests.Response:
        """Open a page."""
        return self._follow(self.send("GET", path))

    def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
        """Send a form that stands on the page."""
        csrf = re.search(r'name="csrf" value="(\w+)"', self.page)
        given = {"csrf": csrf[1] if csrf else "", **fields}
        sent = {**OURS, "Referer": f"{URL}{self.url}"} if headers is None else headers
        return self._follow(self.send("POST", path, data=given, headers=sent))

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
        """Send one request, with the cookies."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
        response = self.api.request(method, path, headers=sent, allow_redirects=False, **more)
        self.url, self.page = path, response.text
        for name, cookie in http.cookies.SimpleCookie(response.headers.get("Set-Cookie", "")).items():
            self.cookies[name] = cookie.value
        return response

    def alerts(self) -> str:
        """Return what the page says is wrong."""
        found = re.findall(r'<(p|div) class="problem"[^>]*>(.*?)</\1>', self.page, re.S)
        return html.unescape(re.sub(r"(<[^>]+>|\s)+", " ", " ".join(text for _, text in found))).strip()

    def said(self) -> str:
        """Return what the page says was done."""
        found = re.search(r'<p class="said"[^>]*>(.*?)</p>', self.page)
        return html.unescape(found[1]) if found else ""

    def text(self) -> str:
        """Return the page without its markup."""
        main = re.sub(r"</?time[^>]*>", "", self.page.partition("<main")[2])
        return html.unescape(re.sub(r"(<[^>]+>|\s)+", " ", main))

    def _follow(self, response: requests.Response) -> requests.Response:
        return self._follow(self.send("GET", response.headers["Location"])) if response.status_code == 303 else response


def signed_in(api: Api, key: str) -> Browser:
    """Return the browser of whoever has a key."""
    browser = Browser(api)
    response = browser.post("/panel/sign-in", key=f" {key} ")
    assert response.status_code == 200
    assert browser.url == "/panel/"
    return browser
