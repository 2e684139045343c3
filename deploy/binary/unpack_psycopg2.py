"""Unpack the PostgreSQL driver when it is first imported: 13 MB that most commands never need.

Runs inside the packed program before anything else (a run-time hook of PyInstaller). A one-file program unpacks itself
at every start, so whatever waits in a zip makes `tbot list` start sooner.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.abc import MetaPathFinder

HERE: str = sys._MEIPASS  # type: ignore[attr-defined]


class _Unpacking(MetaPathFinder):
    """Finds no module; only sees when psycopg2 is wanted."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        if name == "psycopg2":
            sys.meta_path.remove(self)
            _unpack()


def _unpack() -> None:
    # `tbot demo` shares its directory with the server it starts: what one of them has unpacked, the other may run.
    if os.path.exists(f"{HERE}/psycopg2"):  # noqa: PTH110  (every command would have to import pathlib)
        return
    import tempfile
    import zipfile

    with tempfile.TemporaryDirectory(dir=HERE) as unfinished, zipfile.ZipFile(f"{HERE}/psycopg2.zip") as driver:
        driver.extractall(unfinished)
        for name in ("psycopg2_binary.libs", "psycopg2"):
            os.rename(f"{unfinished}/{name}", f"{HERE}/{name}")  # noqa: PTH104
    importlib.invalidate_caches()


sys.meta_path.insert(0, _Unpacking())
sys.path.append(f"{HERE}/tzdata.zip")  # one file instead of six hundred; zoneinfo finds it by importing `tzdata`
