"""measure: the ledger, chat commands, throughput, rounds, the whole of case A; prints a table with ratios

Owns: which measurements there are, and in which order they run (all of them unless some are named).
Refuses: to judge the figures, and to use any database but its own in a temporary folder. Ends with 1 when a promise
of the product did not hold while it was measured.
"""

from __future__ import annotations

import subprocess
import sys

from ops.environment import ROOT
from ops.errors import CannotStart

LEDGER = "ledger"
ON_ONE_MACHINE = ("commands", "anatomy", "throughput", "groups", "late", "papers", "case-a")
OPTIONS = ("--quick", "--small")


def main(arguments: list[str]) -> int:
    """Run the measurements named (default: all). Raises CannotStart (status 2) for a name that is none."""
    options = [word for word in arguments if word in OPTIONS]
    names = [word for word in arguments if word not in OPTIONS]
    unknown = [name for name in names if name not in (LEDGER, *ON_ONE_MACHINE)]
    if unknown:
        known = ", ".join((LEDGER, *ON_ONE_MACHINE))
        raise CannotStart(f"there is no measurement {unknown[0]!r}: {known}; options {', '.join(OPTIONS)}", status=2)
    programs = []
    if not names or LEDGER in names:
        programs.append(["bench.ledger"])
    others = [name for name in ON_ONE_MACHINE if name in names or not names]
    if others:
        programs.append(["bench", *others, *options])
    return max(
        subprocess.run([sys.executable, "-m", *program], cwd=ROOT, check=False).returncode for program in programs
    )
