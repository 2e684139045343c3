"""Deploy to AWS Lightsail, or show what is logged there: `python -m deploy.lightsail (deploy | logs)`.

The container gets the settings of this shell or config file, as `tbot serve` would. The old container serves until the
new one answers `/healthcheck`; for that time both share the database, which therefore has to be PostgreSQL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy.lightsail import inputs
from ticketbot import errors
from ticketbot.settings import table

REGION = os.environ.get("AWS_REGION") or "us-west-2"
HEALTHY_WITHIN_S = 900.0
POLL_S = float(os.environ.get("DEPLOY_POLL_S") or "5")
ROOT = Path(__file__).parents[2]


def deploy() -> None:
    """Build the image, push it, deploy it, and wait until Lightsail has found it healthy."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("TBOT_")}
    settings = table.load({}, environ)
    asked = inputs.deployment(settings, image="")
    name = asked["serviceName"]
    _need_tools("docker", "aws", "lightsailctl")
    _run("docker", "info", why="Docker does not answer: start it, or ask for access to it")
    _run("aws", "sts", "get-caller-identity", why="AWS does not know you: run `aws configure` or `aws sso login`")

    built_from = _built_from()
    image = "ticketbot:lightsail"
    _say(f"Building {image} from {built_from}")
    _run(
        *("docker", "build", "--platform=linux/amd64", "--file=deploy/Dockerfile", f"--tag={image}"),
        *(f"--build-arg=TBOT_BUILT_FROM={built_from}", "."),
    )
    before = _service(name) or _new_service(name)
    _say(f"Pushing it to {name} in {REGION}")
    _run(
        *_LIGHTSAIL,
        "push-container-image",
        f"--service-name={name}",
        f"--label={inputs.IMAGE_LABEL}",
        f"--image={image}",
    )
    images = _ask("get-container-images", f"--service-name={name}")["containerImages"]
    asked["containers"][inputs.CONTAINER]["image"] = inputs.newest_image(images, name)
    _say("Deploying it")
    _ask_with("create-container-service-deployment", asked)
    _wait_until_healthy(name, _version(before.get("currentDeployment")))


def logs() -> None:
    """Print what the running container has logged."""
    name = inputs.service()["serviceName"]
    _need_tools("aws")
    page: list[str] = []
    while True:
        answer = _ask("get-container-log", f"--service-name={name}", f"--container-name={inputs.CONTAINER}", *page)
        for line in answer["logEvents"]:
            print(line["createdAt"], line["message"])
        if not answer.get("nextPageToken"):
            return
        page = [f"--page-token={answer['nextPageToken']}"]


def _new_service(name: str) -> dict[str, Any]:
    _say(f"Creating the container service {name}")
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
    _say(f"Healthy: {service['url']} (version {_version(service['currentDeployment'])})")


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
    answer = _run(*_LIGHTSAIL, operation, "--output=json", *options, shows=False)
    found: dict[str, Any] = json.loads(answer or "{}")
    return found


def _ask_with(operation: str, given: dict[str, Any]) -> None:
    # In a file of ours alone: the arguments of a program are everybody's to read.
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        _ask(operation, f"--cli-input-json=file://{file.name}")


def _need_tools(*names: str) -> None:
    where = {
        "docker": "https://docs.docker.com/engine/install",
        "aws": "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
        "lightsailctl": "https://docs.aws.amazon.com/lightsail/latest/userguide/amazon-lightsail-install-software.html",
    }
    for name in names:
        if shutil.which(name) is None:
            raise errors.SettingsError(f"There is no {name} on this machine. Install it: {where[name]}")


def _run(*command: str, why: str = "", shows: bool = True) -> str:
    """Run a command; what it says is shown, or returned. Raises `Unreachable` when it fails."""
    is_quiet = bool(why) or not shows
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=is_quiet)
    if done.returncode:
        last = (done.stderr or "").strip().splitlines()[-1:]
        raise errors.Unreachable(why or f"`{' '.join(command[:4])}` failed: {''.join(last) or 'see above'}")
    return done.stdout or ""


def _built_from() -> str:
    asked = ("git", "show", "--no-patch", "--format=%h %cs", "HEAD")
    known = shutil.which("git") and subprocess.run(asked, cwd=ROOT, check=False, text=True, capture_output=True).stdout
    return (known or "").strip() or "an unknown commit"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Do what is asked; whatever goes wrong is told in a line."""
    tasks = {"deploy": deploy, "logs": logs}
    if len(arguments) != 1 or arguments[0] not in tasks:
        _say(f"Usage: python -m deploy.lightsail ({' | '.join(tasks)})")
        return 2
    try:
        tasks[arguments[0]]()
    except errors.TicketbotError as error:
        for line in str(error).split("\n"):
            _say(f"deploy: {line.rstrip('.')}.")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
