"""the conversation in a terminal, as one phone has it: `./equb talk [--phone +251911000001] [--telegram]`

Owns: handing the settings to `python -m core talk`, which says what can be typed: those of a running `./equb run`,
or the ones that are set where the database is one's own.
Refuses: to start a system. Nothing falls due while none runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from ops import environment
from ops.environment import ROOT
from ops.errors import CannotStart


def main(arguments: list[str]) -> int:
    """Talk until Ctrl-D; the exit status of the conversation. Raises CannotStart when no system runs."""
    command = [sys.executable, "-m", "core", "talk", *arguments]
    return subprocess.run(command, cwd=ROOT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    """What the processes of the system run with."""
    given = environment.load()
    if "EQUB_DATABASE_URL" in given:
        return given
    home = environment.home(given)
    last_run = home / "environment.json"
    try:
        with environment.hold(home):
            pass
    except CannotStart:  # it runs
        running: dict[str, str] = json.loads(last_run.read_text())
        # Its settings, our terminal.
        return {**os.environ, **running}
    raise CannotStart(f"no system runs in {home}: start one with ./equb run", status=2)
