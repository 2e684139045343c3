"""The REST API of a simulated Webex organization, as its bot sees it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import bottle
import msgspec

from ticketbot.simulators import http_server, middleware
from ticketbot.simulators.webex import NOT_FOUND, Refusal, Webex

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Row = dict[str, Any]

MAX_IDS = 85  # of GET /people?id=
DEFAULT_PAGE = 100
MAX_PAGE = 1000
_ONLY_BY_SEARCH = ("status", "lastActivity")  # not in the response to a search by id
_UNAUTHORIZED = "The request requires a valid access token set in the Authorization request header."


def serve(organization: Webex, host: str = "127.0.0.1", port: int = 0) -> http_server.Running:
    """Serve `organization` and set its address; the API is below `/v1`."""
    running = http_server.serve(app(organization), host, port)
    organization.url = f"{running.url}/v1"
    return running


def app(organization: Webex, control: WSGIApplication | None = None) -> WSGIApplication:
    """Return the WSGI application with its middleware; `control` serves the paths below `/_sim/`."""
    api = _Api(organization)
    routes = bottle.Bottle()
    routes.default_error_handler = _unknown_resource
    for method, path, handler in (
        ("POST", "/messages", api.post_message),
        ("PUT", "/messages/<message_id>", api.edit_message),
        ("DELETE", "/messages/<message_id>", api.delete_message),
        ("GET", "/people", api.people),
        ("GET", "/people/me", api.me),
        ("GET", "/people/<person_id>", api.person),
        ("GET", "/rooms", api.rooms),
        ("GET", "/rooms/<room_id>", api.room),
        ("GET", "/memberships", api.memberships),
    ):
        routes.route(f"/v1{path}", method, api.guarded(handler))
    return middleware.guard(routes, organization, control)


class _Api:
    """The handlers; each returns a row or a list of items, or raises Refusal."""

    def __init__(self, organization: Webex) -> None:
        self._organization = organization

    def guarded(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Check the token, run the handler, and return its result or error as Webex does."""

        def guarded(**arguments: Any) -> Any:
            try:
                self._check_token()
                result = handler(**arguments)
            except Refusal as refusal:
                return _error_response(refusal)
            return result if isinstance(result, bottle.HTTPResponse) else _response(result)

        return guarded

    def _check_token(self) -> None:
        if bottle.request.headers.get("Authorization") != f"Bearer {self._organization.token}":
            raise Refusal(401, _UNAUTHORIZED)

    def post_message(self) -> Row:
        return self._organization.post(_json_body())

    def edit_message(self, message_id: str) -> Row:
        return self._organization.edit(message_id, _json_body())

    def delete_message(self, message_id: str) -> Any:
        self._organization.delete(message_id)
        return bottle.HTTPResponse(status=204)

    def people(self) -> Row:
        query = _query()
        if query.get("id"):
            return self._people_by_id([part.strip() for part in query["id"].split(",")])
        if query.get("email"):
            found = self._organization.people_with(query["email"])
        elif query.get("displayName"):
            prefix, everybody = query["displayName"].lower(), list(self._organization.people.values())
            found = [row for row in everybody if row["displayName"].lower().startswith(prefix)]
        else:
            raise Refusal(400, "Email, displayName, or id list should be specified.")
        return {"items": found, "notFoundIds": []}

    def _people_by_id(self, ids: list[str]) -> Row:
        if len(ids) > MAX_IDS:
            raise Refusal(400, f"The number of ids is limited to {MAX_IDS}.")
        people = self._organization.people
        found = [people[key] for key in ids if key in people]
        items = [{k: v for k, v in row.items() if k not in _ONLY_BY_SEARCH} for row in found]
        return {"items": items, "notFoundIds": [key for key in ids if key not in people]}

    def me(self) -> Row:
        return self._organization.people[self._organization.bot_id]

    def person(self, person_id: str) -> Row:
        if person_id not in self._organization.people:
            raise Refusal(404, NOT_FOUND)
        return self._organization.people[person_id]

    def rooms(self) -> Any:
        kind = _query().get("type")
        visible = self._organization.visible_rooms()
        return self._page([room for room in visible if kind in {None, room["type"]}])

    def room(self, room_id: str) -> Row:
        for room in self._organization.visible_rooms():
            if room["id"] == room_id:
                return room
        raise Refusal(404, "Could not find a room with provided ID.")

    def memberships(self) -> Any:
        query = _query()
        room_id = query.get("roomId")
        found = self._organization.memberships(room_id) if room_id else self._organization.own_memberships()
        for name in {"personId", "personEmail"} & query.keys():
            found = [row for row in found if row[name] == query[name]]
        return self._page(found)

    def _page(self, items: list[Row]) -> Any:
        """Return the page after the id `after`; a full page links to the next, which may be empty."""
        query = _query()
        size = min(MAX_PAGE, max(1, _number(query.get("max"), DEFAULT_PAGE)))
        ids = [item["id"] for item in items]
        start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        page = items[start : start + size]
        if len(page) < size:
            return _response({"items": page})
        after = {"after": page[-1]["id"]}
        kept = {"max": "null"} if self._organization.forgetful_links else query
        url = f"{self._organization.url}{bottle.request.path.removeprefix('/v1')}"
        return _response({"items": page}, link=f'<{url}?{urlencode(kept | after)}>; rel="next"')


def _json_body() -> Row:
    try:
        return msgspec.json.decode(bottle.request.body.read(), type=dict[str, Any])
    except msgspec.DecodeError:
        raise Refusal(400, f"{bottle.request.method} expects a JSON object.") from None


def _query() -> dict[str, str]:
    return dict(parse_qsl(bottle.request.environ["QUERY_STRING"], keep_blank_values=True))


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _tracking_id() -> str:
    return f"ROUTER_{uuid.uuid4()}".upper()


def _response(body: Any, status: int = 200, *, link: str = "", **headers: str) -> Any:
    named = {"Content-Type": "application/json", "trackingId": _tracking_id(), **headers}
    if link:
        named["Link"] = link
    return bottle.HTTPResponse(msgspec.json.encode(body), status, named)


def _error_response(refusal: Refusal) -> Any:
    tracking_id, message = _tracking_id(), str(refusal)
    body = {"message": message, "errors": [{"description": message}], "trackingId": tracking_id}
    headers = {"Content-Type": "application/json", "trackingId": tracking_id}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    return bottle.HTTPResponse(msgspec.json.encode(body), refusal.status, headers)


def _unknown_resource(error: Any) -> str:
    bottle.response.content_type = "application/json"
    message = NOT_FOUND if error.status_code == 404 else str(error.status)
    body = {"message": message, "errors": [{"description": message}], "trackingId": _tracking_id()}
    return msgspec.json.encode(body).decode()
