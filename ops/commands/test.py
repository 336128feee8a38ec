"""set up and run the whole suite on two workers; arguments go to pytest (-n 0 for one process)"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from ops.environment import ROOT
from ops.errors import CannotStart

_PEERS = ROOT / "tests" / "peers"


def main(arguments: list[str]) -> int:
    """pytest's exit status."""
    _prepare_node_peers()
    workers = [] if any(word.startswith(("-n", "--numprocesses")) for word in arguments) else ["-n", "2"]
    return subprocess.run([sys.executable, "-m", "pytest", *workers, *arguments], cwd=ROOT, check=False).returncode


def _prepare_node_peers() -> None:
    """The independent implementations in Node that tests compare us with; without Node those are skipped."""
    if not (_PEERS / "package.json").exists():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print("equb: NODE IS MISSING: the tests against the Node peers will be skipped", file=sys.stderr)
        return
    lock = _PEERS / "package-lock.json"
    wanted = (lock if lock.exists() else _PEERS / "package.json").read_bytes()
    stamp = _PEERS / "node_modules" / ".equb-installed"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return
    how = ["ci"] if lock.exists() else ["install", "--no-package-lock"]
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        [npm, *how, *quiet], cwd=_PEERS, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise CannotStart(f"the Node peers of the tests could not be installed: {said[-1]}")
    stamp.write_bytes(wanted)
