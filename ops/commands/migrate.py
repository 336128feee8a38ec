"""bring a database of your own up to date: roles (with EQUB_DATABASE_SUPERUSER_URL), schema, first tenant"""

from __future__ import annotations

import os
import subprocess
import sys

from ops import environment
from ops.commands import roles
from ops.environment import ROOT
from ops.errors import CannotStart


def main(arguments: list[str]) -> int:
    """0, or the exit status of what failed. Repeating it changes nothing."""
    if arguments:
        raise CannotStart("migrate takes no arguments", status=2)
    if os.environ.get(roles.SUPERUSER_VARIABLE):
        roles.main([])
    prepare = [sys.executable, "-m", "ops.prepare"]
    status = subprocess.run(prepare, cwd=ROOT, env=environment.load(), check=False).returncode
    if status == 0:
        print("the database is up to date")
    return status
