"""Check everything below deploy/ that can be checked without deploying it: `python -m deploy.check`, by `make check`.

What a check needs and the machine lacks (systemd) is named and left out; everything else comes with the dev extra.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate

from deploy.lightsail import inputs
from ticketbot.settings import table

BIN = Path(sys.executable).parent
NOT_HERE = "not here"
# systemd's own measure of what a service could do to the machine, in tenths: 0 is nothing, 100 everything.
LARGEST_EXPOSURE = 20


def main(root: Path) -> int:
    """Run all checks on the checkout at `root` and say how each went. Returns 1 when something is wrong."""
    is_wrong = False
    for check in (compose, dockerfile, lightsail, systemd, cron, shell):
        problems = list(check(root))
        left_out = problems == [NOT_HERE]
        print(f"{check.__name__:<11} {'left out: no systemd here' if left_out else 'wrong' if problems else 'ok'}")
        if problems and not left_out:
            is_wrong = True
            print("\n".join(problems))
    return int(is_wrong)


def compose(root: Path) -> Iterator[str]:
    """Yield what the Compose specification does not allow in the compose files."""
    for name in ("docker-compose.yml", "test-db.yml"):
        yield from _said(BIN / "check-jsonschema", "--builtin-schema=vendor.compose-spec", root / "deploy" / name)


def dockerfile(root: Path) -> Iterator[str]:
    """Yield what hadolint finds in the Dockerfile, shell lines included, and files it copies that are kept out."""
    yield from _said(BIN / "hadolint", root / "deploy/Dockerfile")
    let_in = [line[1:] for line in _lines(root / "deploy/Dockerfile.dockerignore") if line.startswith("!")]
    yield from (
        f"deploy/Dockerfile.dockerignore lets {name} in, which is missing"
        for name in let_in
        if not (root / name).exists()
    )


def lightsail(_root: Path) -> Iterator[str]:
    """Yield what Lightsail's own API model refuses in what we ask of it, with every setting set."""
    loaded = botocore.loaders.Loader().load_service_model("lightsail", "service-2")
    model = botocore.model.ServiceModel(loaded)
    for operation, given in (
        ("CreateContainerService", inputs.service()),
        ("CreateContainerServiceDeployment", inputs.deployment(_all_settings(), ":ticketbot.tbot.1")),
    ):
        shape = model.operation_model(operation).input_shape
        report = botocore.validate.ParamValidator().validate(given, shape)
        if report.has_errors():
            yield f"{operation}: {report.generate_report()}"
        yield from (f"{operation}: {word}" for word in _wrong_words(given, shape))


def systemd(root: Path) -> Iterator[str]:
    """Yield what systemd does not understand in the unit, or finds too open."""
    if shutil.which("systemd-analyze") is None:
        yield NOT_HERE
        return
    unit = root / "deploy/systemd/tbot.service"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / unit.name
        copy.write_text(unit.read_text().replace("/usr/local/bin/tbot", "/bin/true"))  # which need not be installed
        yield from _said("systemd-analyze", "verify", "--recursive-errors=no", copy)
        yield from _said("systemd-analyze", "security", "--offline=true", f"--threshold={LARGEST_EXPOSURE}", copy)


def cron(root: Path) -> Iterator[str]:
    """Yield the lines of the crontab that are neither comment, variable, nor five times, a user and a command."""
    for line in _lines(root / "deploy/cron/tbot"):
        words = line.split()
        if not words or line.startswith("#") or "=" in words[0]:
            continue
        if len(words) < 7 or not all(set(word) <= set("0123456789*/,-") for word in words[:5]) or words[6] != "tbot":
            yield f"deploy/cron/tbot: {line}"


def shell(root: Path) -> Iterator[str]:
    """Yield what shellcheck finds in our scripts."""
    scripts = [root / ".ci/run", *sorted((root / "deploy").rglob("*.sh"))]
    yield from _said(BIN / "shellcheck", *(path for path in scripts if path.exists()))


def _all_settings() -> table.Settings:
    environ = {row.name: row.example for row in table.TABLE if row.example}
    return table.load({}, environ)


def _wrong_words(given: Any, shape: Any, where: str = "") -> Iterator[str]:
    """Yield values outside of the enumerations of the model, which botocore leaves for the service to refuse."""
    if shape.type_name == "structure":
        for name, value in given.items():
            yield from _wrong_words(value, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "map":
        for name, value in given.items():
            yield from _wrong_words(value, shape.value, f"{where}.{name}")
    elif shape.type_name == "string" and shape.enum and given not in shape.enum:
        yield f"{where} is {given!r}, not one of {', '.join(shape.enum)}"


def _said(*command: str | Path) -> Iterator[str]:
    done = subprocess.run(command, check=False, text=True, capture_output=True)
    if done.returncode:
        yield (done.stdout + done.stderr).strip()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent.parent))
