"""What is asked of Lightsail, as its API takes it. Pure: settings in, JSON out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ticketbot import errors
from ticketbot.settings import table

FOLDER = Path(__file__).parent
CONTAINER = "tbot"
IMAGE_LABEL = "tbot"

# The container listens where the deployment says, and knows nothing of whoever deploys it.
_NOT_PASSED_ON = ("database_url", "host", "port", "hooks_host", "base_url", "api_key")


def service() -> dict[str, Any]:
    """Return the input of `create-container-service`."""
    return _read("service.json")


def deployment(settings: table.Settings, image: str) -> dict[str, Any]:
    """Return the input of `create-container-service-deployment`: it holds secrets.

    With TBOT_HOOKS_PORT that port is the public one, and the API is reached from inside Lightsail only (A2).

    Raises `SettingsError` naming what the server lacks, and for SQLite: a container's disk ends with the container.
    """
    settings.require("serve")
    if not settings.database_url.startswith("postgres"):
        is_unset = settings.origins["database_url"] == "default"
        means = "is not set, which means" if is_unset else "names"
        raise errors.SettingsError(
            f"TBOT_DATABASE_URL {means} an SQLite file, which would be lost with each container. "
            "Give a PostgreSQL address"
        )
    asked = _read("deployment.json")
    container = asked["containers"][CONTAINER]
    container["image"] = image
    container["environment"] |= {"TBOT_DATABASE_URL": settings.database_url, **_passed_on(settings)}
    if settings.hooks_port is not None:
        container["ports"][str(settings.hooks_port)] = "HTTP"
        asked["publicEndpoint"]["containerPort"] = settings.hooks_port
    return asked


def newest_image(images: list[dict[str, Any]], service_name: str) -> str:
    """Return the image that was pushed last, of the answer to `get-container-images`."""
    prefix = f":{service_name}.{IMAGE_LABEL}."
    ours = [image["image"] for image in images if image["image"].startswith(prefix)]
    if not ours:
        raise errors.NotFound(f"Lightsail holds no image {prefix}*, although the push ended well")
    return str(max(ours, key=lambda name: int(name.removeprefix(prefix))))


def _passed_on(settings: table.Settings) -> dict[str, str]:
    rows = (row for row in table.TABLE if row.key not in _NOT_PASSED_ON and settings.origins[row.key] != "default")
    return {row.name: _text(getattr(settings, row.key)) for row in rows}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found
