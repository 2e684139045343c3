"""Users and their API keys (A1, A4)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db, sql
from ticketbot.models import api_keys, users
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("users")


@ROUTES.get("/authtest", "Show whose key this is")
def authtest(caller: authentication.Caller) -> responses.User:
    return caller.user


@ROUTES.get("/users", "List users")
def list_users(query: requests.Page) -> operations.Listing[responses.User]:
    return operations.listing(users.User.select(), users.User.id, query, _user)


@ROUTES.get("/users/me", "Show whose key this is")
def get_me(caller: authentication.Caller) -> responses.User:
    return caller.user


@ROUTES.get("/users/{user_id}", "Show a user")
def get_user(user_id: int) -> responses.User:
    return _user(_found_user(user_id))


@ROUTES.post("/users", "Add a user", scope="admin", status=201, refuses=(409,))
def create_user(body: requests.NewUser, caller: authentication.Caller, services: operations.Services) -> responses.User:
    with db.transaction("create-user"):
        if users.User.select().where(users.User.email_lookup == body.email.lower()).exists():
            raise errors.Conflict(f"There is a user with the e-mail address {body.email}")
        user = _user(users.add_user(body.name, body.email, services.now()))
        audit.record(caller, services.now(), "create", "user", user.id, after=user)
    return user


@ROUTES.delete(
    "/users/{user_id}",
    "Delete a user with all keys, which ends their access immediately",
    scope="admin",
    refuses=(409,),
)
def delete_user(user_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-user"):
        _one_at_a_time()
        row = _found_user(user_id)
        if user_id == caller.user.id:
            raise errors.Conflict("You are signed in as that user. Use another user's key to delete it")
        key_ids = [key.id for key in row.keys]
        audit.record(caller, services.now(), "delete", "user", user_id, before=_user(row))
        row.delete_instance()
    services.authenticator.forget(key_ids)


@ROUTES.get("/users/keys", "List API keys")
def list_keys(query: requests.Page) -> operations.Listing[responses.Key]:
    return operations.listing(api_keys.ApiKey.select(), api_keys.ApiKey.id, query, _key)


@ROUTES.get("/users/keys/{key_id}", "Show an API key, without the key itself")
def get_key(key_id: int) -> responses.Key:
    return _key(_found_key(key_id))


@ROUTES.post("/users/keys", "Make an API key; no other answer ever shows it", scope="admin", status=201, refuses=(409,))
def create_key(
    body: requests.NewKey, caller: authentication.Caller, services: operations.Services
) -> responses.CreatedKey:
    with db.transaction("create-key"):
        user = users.User.get_or_none(users.User.id == body.user_id)
        if user is None:
            raise operations.invalid_field("user_id", f"There is no user {body.user_id}")
        expires_at = _expiry(body, services)
        made = api_keys.add_key(user, api_keys.new_key(), services.now(), scope=body.scope, expires_at=expires_at)
        created = responses.CreatedKey(**msgspec.structs.asdict(_key(made.row)), key=made.key)
        audit.record(caller, services.now(), "create", "key", created.id, after=created)
    return created


@ROUTES.delete(
    "/users/keys/{key_id}", "Delete an API key, which ends its access immediately", scope="admin", refuses=(409,)
)
def delete_key(key_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-key"):
        _one_at_a_time()
        row = _found_key(key_id)
        if key_id == caller.key_id:
            raise errors.Conflict("This request came with that key. Delete it with another one")
        audit.record(caller, services.now(), "delete", "key", key_id, before=_key(row))
        row.delete_instance()
    services.authenticator.forget([key_id])


def _expiry(body: requests.NewKey, services: operations.Services) -> datetime | None:
    """Return when a new key expires; raises `InvalidInput` for a moment that has passed."""
    expires_at = operations.moment("expires_at", body.expires_at, services.timezone, is_end=True)
    if expires_at is not None and expires_at <= services.now():
        raise operations.invalid_field("expires_at", "This is in the past. Give a date or time to come")
    return expires_at


def _one_at_a_time() -> None:
    """Keep two administrators who delete each other at the same moment from locking everybody out (A4).

    The second one finds its own key deleted when it records the change.
    """
    sql.advisory_lock("delete-access")


def _found_user(user_id: int) -> users.User:
    found: users.User = operations.or_not_found(users.User.get_or_none(users.User.id == user_id), "user", user_id)
    return found


def _found_key(key_id: int) -> api_keys.ApiKey:
    found: api_keys.ApiKey = operations.or_not_found(
        api_keys.ApiKey.get_or_none(api_keys.ApiKey.id == key_id), "key", key_id
    )
    return found


def _user(row: users.User) -> responses.User:
    return responses.User(id=row.id, name=row.name, email=row.email, created_at=row.created_at)


def _key(row: api_keys.ApiKey) -> responses.Key:
    return msgspec.convert(row, responses.Key, from_attributes=True)
