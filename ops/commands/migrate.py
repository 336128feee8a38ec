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
    """The exit status of the first step that fails, or 0. Repeating it changes nothing."""
    if arguments:
        raise CannotStart("migrate takes no arguments", status=2)
    if os.environ.get(roles.SUPERUSER_VARIABLE):
        roles.main([])
    given = environment.load()
    for step in (("alembic", "upgrade", "head"), ("core.bootstrap",)):
        done = subprocess.run([sys.executable, "-m", *step], cwd=ROOT, env=given, check=False)
        if done.returncode != 0:
            return done.returncode
    print("the database is up to date")
    return 0
