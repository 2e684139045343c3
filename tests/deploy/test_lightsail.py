"""`make deploy-lightsail` against stand-ins for docker and aws that remember what they were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "TBOT_CW_COMPANY": "acme",
    "TBOT_CW_PUBLIC_KEY": "publickey",
    "TBOT_CW_PRIVATE_KEY": "privatekey",
    "TBOT_CW_CLIENT_ID": "clientid",
    "TBOT_WEBEX_TOKEN": "bottoken",
    "TBOT_DATABASE_URL": "postgresql://tbot:secret@db.example.com:5432/tbot",
    "TBOT_TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.7/32",
}

# Answers as `aws lightsail` does, remembers each call, and keeps the service in a file between calls.
AWS = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
state = here / "state.json"
service = json.loads(state.read_text()) if state.exists() else None
outcome = (here / "outcome").read_text()
if "get-container-services" in sys.argv:
    print(json.dumps({{"containerServices": [service] if service else []}}))
elif "create-container-service" in sys.argv:
    state.write_text(json.dumps({{"containerServiceName": "ticketbot", "state": "READY", "url": "https://tbot.example"}}))
elif "get-container-images" in sys.argv:
    print(json.dumps({{"containerImages": [{{"image": f":ticketbot.tbot.{{n}}"}} for n in (9, 10)]}}))
elif "create-container-service-deployment" in sys.argv:
    given = pathlib.Path(sys.argv[-1].removeprefix("--cli-input-json=file://"))
    (here / "deployment.json").write_text(given.read_text())
    which = "currentDeployment" if outcome == "ACTIVE" else "nextDeployment"
    state.write_text(json.dumps({{**service, which: {{"version": 1, "state": outcome}}}}))
elif "get-container-log" in sys.argv:
    is_first = not any(word.startswith("--page-token") for word in sys.argv)
    print(json.dumps({{
        "logEvents": [{{"createdAt": "2026-03-01", "message": "first" if is_first else "second"}}],
        **({{"nextPageToken": "more"}} if is_first else {{}}),
    }}))
"""


class Tools:
    """A directory with stand-ins for the tools, the only one on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.add("docker", f'#!/bin/sh\necho "docker $*" >> "{folder}/calls"\n')
        self.add("lightsailctl", "#!/bin/sh\n")
        self.add("aws", AWS.format(python=sys.executable))
        self.ends("ACTIVE")

    def add(self, name: str, text: str) -> None:
        """Add a tool, or replace one."""
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def ends(self, outcome: str) -> None:
        """Let the next deployment end like this."""
        (self.folder / "outcome").write_text(outcome)

    def calls(self) -> str:
        """Return all that docker and aws were asked."""
        return (self.folder / "calls").read_text()

    def run(self, task: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one task with nothing on the path but the stand-ins."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.lightsail", task],
            cwd=ROOT,
            env={"PATH": str(self.folder), "HOME": str(self.folder), "DEPLOY_POLL_S": "0.01", **environ},
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Return the stand-ins."""
    return Tools(tmp_path)


def test_it_builds_pushes_deploys_and_waits_until_healthy(tools: Tools) -> None:
    done = tools.run("deploy", **SETTINGS)
    assert done.returncode == 0, done.stderr
    assert "Healthy: https://tbot.example (version 1)" in done.stderr
    steps = ("docker build", "create-container-service ", "push-container-image", "create-container-service-deployment")
    places = [tools.calls().index(step) for step in steps]
    assert places == sorted(places)
    assert "--region=us-west-2" in tools.calls()


def test_the_container_gets_the_settings_and_the_newest_image_and_no_secret_is_an_argument(tools: Tools) -> None:
    """A6."""
    tools.run("deploy", TBOT_API_KEY="the-operators-own-key", **SETTINGS)
    deployment = json.loads((tools.folder / "deployment.json").read_text())
    container = deployment["containers"]["tbot"]
    assert container["image"] == ":ticketbot.tbot.10"
    assert container["environment"] == {**SETTINGS, "TBOT_HOST": "0.0.0.0", "TBOT_PORT": "8080"}
    assert deployment["publicEndpoint"]["healthCheck"]["path"] == "/healthcheck"
    assert deployment["publicEndpoint"]["containerPort"] == 8080
    assert not [secret for secret in ("privatekey", "bottoken", "secret@") if secret in tools.calls()]


def test_only_the_port_for_webhooks_is_public_when_there_is_one(tools: Tools) -> None:
    """A2: the address to listen at is that of the machine which deploys, and stays there."""
    tools.run("deploy", TBOT_HOOKS_HOST="192.0.2.7", TBOT_HOOKS_PORT="8081", **SETTINGS)
    deployment = json.loads((tools.folder / "deployment.json").read_text())
    container = deployment["containers"]["tbot"]
    assert container["ports"] == {"8080": "HTTP", "8081": "HTTP"}
    assert deployment["publicEndpoint"]["containerPort"] == 8081
    assert container["environment"]["TBOT_HOOKS_PORT"] == "8081"
    assert "TBOT_HOOKS_HOST" not in container["environment"]


def test_unhealthy_container_is_a_failure_that_points_to_the_logs(tools: Tools) -> None:
    tools.ends("FAILED")
    done = tools.run("deploy", **SETTINGS)
    assert done.returncode == 8
    assert done.stderr.splitlines()[-1].startswith("deploy: Lightsail did not find the new container healthy")
    assert "make lightsail-logs" in done.stderr


def test_the_logs_are_read_to_their_end(tools: Tools) -> None:
    assert tools.run("logs").stdout.splitlines() == ["2026-03-01 first", "2026-03-01 second"]


def _refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode in (2, 8), done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_missing_settings_are_named_before_anything_is_done(tools: Tools) -> None:
    said = _refusal(tools.run("deploy")).splitlines()
    assert [line.split()[1] for line in said] == [name for name in SETTINGS if "CW" in name or "WEBEX" in name]
    assert not (tools.folder / "calls").exists()


def test_sqlite_is_refused_because_a_containers_disk_does_not_last(tools: Tools) -> None:
    said = _refusal(tools.run("deploy", **SETTINGS | {"TBOT_DATABASE_URL": "sqlite:////data/tbot.db"}))
    assert said == (
        "deploy: TBOT_DATABASE_URL names an SQLite file, which would be lost with each container. "
        "Give a PostgreSQL address.\n"
    )


def test_missing_database_is_told_apart_from_a_sqlite_one(tools: Tools) -> None:
    said = _refusal(tools.run("deploy", **{name: SETTINGS[name] for name in SETTINGS if name != "TBOT_DATABASE_URL"}))
    assert said.startswith("deploy: TBOT_DATABASE_URL is not set, which means an SQLite file, which would be lost")


@pytest.mark.parametrize("name", ["docker", "aws", "lightsailctl"])
def test_a_missing_tool_is_named_with_where_to_get_it(name: str, tools: Tools) -> None:
    (tools.folder / name).unlink()
    said = _refusal(tools.run("deploy", **SETTINGS))
    assert said.startswith(f"deploy: There is no {name} on this machine. Install it: https://")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("name", "words"), [("docker", "Docker does not answer"), ("aws", "AWS does not know you")])
def test_a_tool_that_cannot_work_is_said_in_one_line(name: str, words: str, tools: Tools) -> None:
    tools.add(name, "#!/bin/sh\necho trouble >&2\nexit 1\n")
    said = _refusal(tools.run("deploy", **SETTINGS))
    assert said.startswith(f"deploy: {words}")
    assert said.count("\n") == 1


@pytest.mark.parametrize("target", ["test-db-up", "test-db-down"])
def test_the_test_database_needs_docker_and_says_so(target: str) -> None:
    make = next(path for folder in os.environ["PATH"].split(":") if (path := Path(folder, "make")).exists())
    done = subprocess.run(
        [make, target], cwd=ROOT, env={"PATH": "/nowhere"}, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("make: Docker is missing or does not answer.")
