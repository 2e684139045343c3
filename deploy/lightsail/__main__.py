"""Deploy to AWS Lightsail, or show what is logged there: `python -m deploy.lightsail (deploy | logs)`.

The container gets the settings of this shell or config file, as `tbot serve` would. The old container serves until the
new one answers `/healthcheck`; for that time both share the database, which therefore has to be PostgreSQL.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

from deploy import commands
from deploy.lightsail import inputs
from ticketbot import errors
from ticketbot.settings import table

REGION = os.environ.get("AWS_REGION") or "us-west-2"
HEALTHY_WITHIN_S = 900.0
POLL_S = float(os.environ.get("DEPLOY_POLL_S") or "5")

_TOOLS = {
    "docker": "https://docs.docker.com/engine/install",
    "aws": "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    "lightsailctl": "https://docs.aws.amazon.com/lightsail/latest/userguide/amazon-lightsail-install-software.html",
}


def deploy() -> None:
    """Build the image, push it, deploy it, and wait until Lightsail has found it healthy."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("TBOT_")}
    settings = table.load({}, environ)
    asked = inputs.deployment(settings, image="")
    name = asked["serviceName"]
    commands.need(_TOOLS)
    commands.run("docker", "info", why="Docker does not answer: start it, or ask for access to it")
    commands.run(
        "aws", "sts", "get-caller-identity", why="AWS does not know you: run `aws configure` or `aws sso login`"
    )

    built_from = commands.built_from()
    image = "ticketbot:lightsail"
    commands.say(f"Building {image} from {built_from}")
    commands.run(
        *("docker", "build", "--platform=linux/amd64", "--file=deploy/Dockerfile", f"--tag={image}"),
        *(f"--build-arg=TBOT_BUILT_FROM={built_from}", "."),
    )
    before = _service(name) or _new_service(name)
    commands.say(f"Pushing it to {name} in {REGION}")
    commands.run(
        *_LIGHTSAIL,
        "push-container-image",
        f"--service-name={name}",
        f"--label={inputs.IMAGE_LABEL}",
        f"--image={image}",
    )
    images = _ask("get-container-images", f"--service-name={name}")["containerImages"]
    asked["containers"][inputs.CONTAINER]["image"] = inputs.newest_image(images, name)
    commands.say("Deploying it")
    _ask_with("create-container-service-deployment", asked)
    _wait_until_healthy(name, _version(before.get("currentDeployment")))


def logs() -> None:
    """Print what the running container has logged."""
    name = inputs.service()["serviceName"]
    commands.need({"aws": _TOOLS["aws"]})
    page: list[str] = []
    while True:
        answer = _ask("get-container-log", f"--service-name={name}", f"--container-name={inputs.CONTAINER}", *page)
        for line in answer["logEvents"]:
            print(line["createdAt"], line["message"])
        if not answer.get("nextPageToken"):
            return
        page = [f"--page-token={answer['nextPageToken']}"]


def _new_service(name: str) -> dict[str, Any]:
    commands.say(f"Creating the container service {name}")
    _ask_with("create-container-service", inputs.service())
    return _wait(name, lambda service: service["state"] in ("READY", "RUNNING"), "created")


def _wait_until_healthy(name: str, version_before: int) -> None:
    def is_done(service: dict[str, Any]) -> bool:
        current, coming = service.get("currentDeployment"), service.get("nextDeployment")
        newest = coming or current or {}
        if newest.get("state") == "FAILED" and _version(newest) > version_before:
            raise errors.Unreachable(
                "Lightsail did not find the new container healthy, and the old one goes on. See `make lightsail-logs`"
            )
        return _version(current) > version_before and (current or {}).get("state") == "ACTIVE"

    service = _wait(name, is_done, "healthy")
    commands.say(f"Healthy: {service['url']} (version {_version(service['currentDeployment'])})")


def _wait(name: str, is_done: Any, word: str) -> dict[str, Any]:
    deadline = time.monotonic() + HEALTHY_WITHIN_S
    while time.monotonic() < deadline:
        service = _service(name)
        if service and is_done(service):
            return service
        time.sleep(POLL_S)
    raise errors.Unreachable(f"{name} was not {word} within {HEALTHY_WITHIN_S / 60:.0f} minutes")


def _service(name: str) -> dict[str, Any] | None:
    services = _ask("get-container-services")["containerServices"]
    found: dict[str, Any] | None = next((each for each in services if each["containerServiceName"] == name), None)
    return found


def _version(deployment: dict[str, Any] | None) -> int:
    return int((deployment or {}).get("version", 0))


_LIGHTSAIL = ("aws", f"--region={REGION}", "lightsail")


def _ask(operation: str, *options: str) -> dict[str, Any]:
    answer = commands.run(*_LIGHTSAIL, operation, "--output=json", *options, shows=False)
    found: dict[str, Any] = json.loads(answer or "{}")
    return found


def _ask_with(operation: str, given: dict[str, Any]) -> None:
    # In a file of ours alone: the arguments of a program are everybody's to read.
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        _ask(operation, f"--cli-input-json=file://{file.name}")


def main(arguments: list[str]) -> int:
    """Do what is asked; whatever goes wrong is told in a line."""
    tasks = {"deploy": deploy, "logs": logs}
    if len(arguments) != 1 or arguments[0] not in tasks:
        commands.say(f"Usage: python -m deploy.lightsail ({' | '.join(tasks)})")
        return 2
    return commands.finish(tasks[arguments[0]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
