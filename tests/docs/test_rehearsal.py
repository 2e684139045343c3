"""The rehearsal of the installation guide works as it is pasted."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_guides import ROOT


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="it needs bash and curl")
def test_rehearsal_leaves_a_shell_with_settings_for_running_simulators(tmp_path: Path) -> None:
    guide = (ROOT / "docs/install.md").read_text(encoding="utf-8").partition("## Rehearse it without accounts")[2]
    block = re.findall(r"^```sh\n(.*?)^```", guide, re.M | re.S)[0]
    pasted = re.sub(r"^make demo.*\n", "", block, flags=re.M)  # has its own test
    (tmp_path / ".venv").symlink_to(sys.prefix)
    typed = (
        f'{pasted}\ncurl -s "$TBOT_CW_URL/_sim/boards" -d "{{}}" >/dev/null; echo "board $BOARD of $TBOT_CW_COMPANY"'
    )
    stop = re.findall(r"`(kill [^`]+)`", guide)[0]
    done = subprocess.run(
        ["bash", "-c", f"{typed}\n{stop}; wait $SIMULATORS; echo stopped with $?"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert re.search(r"board \d+ of \w+\nstopped with 0\n", done.stdout), done
