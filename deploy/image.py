"""Build the container image from deploy/Dockerfile (O15): `python -m deploy.image`, by `make image`.

With Docker where its daemon answers. Else with buildah, which needs no daemon: the image is kept in build/image, and as
an archive in dist/. Where Docker Hub cannot be reached, the base images are stand-ins made with debootstrap.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from deploy import commands
from ticketbot import errors

NAME = "ticketbot"
ARCHIVE = "dist/ticketbot-image.tar"
STORAGE = commands.ROOT / "build/image"
# Neither needs rights that a container or a CI machine lacks.
BUILDAH = ("buildah", f"--root={STORAGE}/storage", f"--runroot={STORAGE}/run", "--storage-driver=vfs")
ISOLATION = "--isolation=chroot"

_DEBIAN = "bookworm"
_DOCKERFILE = "deploy/Dockerfile"
_LABEL = "ticketbot.base"  # handed down to what is built on a stand-in
_STAND_IN = "a stand-in made with debootstrap"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_PULLED_WITHIN_S = 300.0


def build() -> None:
    """Build the image with what this machine has."""
    if has_docker():
        commands.run("docker", "build", *_options(NAME))
        commands.say(f"Built {NAME}: docker run --env-file deploy/.env -v tbot:/data -p 127.0.0.1:8080:8080 {NAME}")
        return
    commands.need({"buildah": "apt-get install buildah, or start Docker"})
    missing = [base for base in bases() if not _is_here(base)]
    if missing:
        commands.say(f"{missing[0]} cannot be pulled. Using stand-ins made with debootstrap: good for tests only")
        commands.need({"debootstrap": "apt-get install debootstrap"})
        make_stand_ins()
    options = (ISOLATION, "--pull=never", "--format=docker", f"--ignorefile={_DOCKERFILE}.dockerignore")
    commands.run(*BUILDAH, "build", "--quiet", *options, *_options(NAME))
    archive = commands.ROOT / ARCHIVE
    archive.parent.mkdir(exist_ok=True)
    archive.unlink(missing_ok=True)
    commands.run(*BUILDAH, "push", "--quiet", NAME, f"docker-archive:{archive}:{NAME}:latest", shows=False)
    base = config()["Labels"].get(_LABEL)
    commands.say(f"Built {ARCHIVE}{f' on {base}: for tests only' if base else ''}. docker load --input={ARCHIVE}")


def has_docker() -> bool:
    """Return whether a Docker daemon answers."""
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], check=False, capture_output=True).returncode == 0


def bases() -> list[str]:
    """Return the full names of the images that the Dockerfile starts from."""
    names = re.findall(r"^FROM (\S+)", (commands.ROOT / _DOCKERFILE).read_text(encoding="utf-8"), re.MULTILINE)
    return [f"docker.io/library/{name}" for name in names]


def config() -> dict[str, dict[str, str]]:
    """Return the configuration of the image that buildah has built."""
    shown = commands.run(*BUILDAH, "inspect", "--type=image", NAME, shows=False)
    found: dict[str, dict[str, str]] = json.loads(shown)["Docker"]["config"]
    return {"Labels": {}} | {name: value for name, value in found.items() if value is not None}


def make_stand_ins() -> None:
    """Make images that can stand in for those of the Dockerfile: Debian, and Debian with its Python."""
    if os.geteuid() != 0:
        raise errors.SettingsError("debootstrap needs root. Run `sudo make image`, or give access to Docker Hub")
    if any(_DEBIAN not in base for base in bases()):
        raise errors.SettingsError(f"The stand-ins are Debian {_DEBIAN}, and {_DOCKERFILE} wants another release")
    python, debian = bases()
    container = _buildah("from", "scratch")
    folder = Path(_buildah("mount", container))
    commands.run("debootstrap", "--variant=minbase", _DEBIAN, str(folder), shows=False)
    shutil.rmtree(folder / "var/cache/apt/archives")
    _commit(container, debian)
    container = _buildah("from", "--pull=never", debian)
    install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends libpython3.11 python3-venv"
    commands.run(*BUILDAH, "run", ISOLATION, container, "--", "sh", "-c", install, shows=False)
    _trust_what_this_machine_trusts(Path(_buildah("mount", container)))
    _commit(container, python)


def _options(tag: str) -> tuple[str, ...]:
    built_from = commands.built_from()
    return (f"--file={_DOCKERFILE}", f"--tag={tag}", f"--build-arg=TBOT_BUILT_FROM={built_from}", ".")


def _is_here(image: str) -> bool:
    """Return whether an image is in the storage, after an attempt to pull it."""
    pull = (*BUILDAH, "pull", "--quiet", "--policy=missing", image)
    try:
        return subprocess.run(pull, check=False, capture_output=True, timeout=_PULLED_WITHIN_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _trust_what_this_machine_trusts(folder: Path) -> None:
    """Give pip the certificates of this machine, which may be behind a proxy with one of its own."""
    if Path(_CERTIFICATES).exists():
        (folder / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_CERTIFICATES, folder / _CERTIFICATES.lstrip("/"))
        (folder / "etc/pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n", encoding="utf-8")


def _commit(container: str, image: str) -> None:
    _buildah("config", f"--label={_LABEL}={_STAND_IN}", container)
    _buildah("commit", "--quiet", "--rm", container, image)


def _buildah(*arguments: str) -> str:
    return commands.run(*BUILDAH, *arguments, shows=False).strip()


if __name__ == "__main__":
    sys.exit(commands.finish(build))
