"""format, lint, types, import rules, catalogues, migrations; one line each, details of what fails"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops import embedded, roles
from ops.environment import ROOT
from ops.errors import CannotStart

_PACKAGES = ("core", "bot", "sms", "api", "workers", "ops", "sandbox", "bench", "tests", "migrations")


@dataclass(frozen=True)
class Verdict:
    """How one check ended; `details` is what a person needs when it failed."""

    name: str
    passed: bool
    seconds: float
    details: str


def main(arguments: list[str]) -> int:
    """0 when everything passes, 1 otherwise."""
    if arguments:
        raise CannotStart("check takes no arguments", status=2)
    verdicts = []
    for name, command in _commands():
        verdicts.append(_run(name, command))
        _show(verdicts[-1])
    verdicts.append(_migrations())
    _show(verdicts[-1])
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    print(f"check: {', '.join(failed)} failed" if failed else f"check: all {len(verdicts)} passed")
    return 1 if failed else 0


def _commands() -> Iterator[tuple[str, list[str]]]:
    yield "format", ["ruff", "format", "--check", "--quiet", "."]
    yield "lint", ["ruff", "check", "--quiet", "."]
    yield "types", ["mypy", *_typed()]
    # It cannot be run as a module; this is what its console script does.
    yield "imports", ["-c", "import importlinter.cli; importlinter.cli.lint_imports_command()"]
    yield "catalogues", ["core.catalogues", "check"]


def _typed() -> list[str]:
    """Every folder with Python of ours. Paths, not packages: tests are deliberately none."""
    return [name for name in _PACKAGES if any((ROOT / name).rglob("*.py"))]


def _run(name: str, words: list[str]) -> Verdict:
    begun = time.monotonic()
    command = [sys.executable, *([] if words[0] == "-c" else ["-m"]), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    details = (done.stdout + done.stderr).strip()
    return Verdict(name, done.returncode == 0, time.monotonic() - begun, details)


def _show(verdict: Verdict) -> None:
    print(f"{'ok  ' if verdict.passed else 'FAIL'}  {verdict.name:<12} {verdict.seconds:5.1f} s", flush=True)
    if not verdict.passed:
        print(verdict.details, flush=True)


def _migrations() -> Verdict:
    """One head, and an empty database gets there; also a second time, which must change nothing."""
    begun = time.monotonic()
    heads = _run("heads", ["alembic", "heads"])
    if not heads.passed or len(heads.details.splitlines()) != 1:
        said = f"there must be exactly one head:\n{heads.details}"
        return Verdict("migrations", passed=False, seconds=time.monotonic() - begun, details=said)
    try:
        with empty_database() as owner_url:
            os.environ["EQUB_DATABASE_OWNER_URL"] = owner_url
            for _ in range(2):
                upgrade = _run("upgrade", ["alembic", "upgrade", "head"])
                if not upgrade.passed:
                    break
    except CannotStart as obstacle:
        return Verdict("migrations", passed=False, seconds=time.monotonic() - begun, details=str(obstacle))
    return Verdict("migrations", upgrade.passed, time.monotonic() - begun, upgrade.details)


@contextmanager
def empty_database() -> Iterator[str]:
    """A PostgreSQL of its own for a while, with the roles made: the owner's URL of its empty database."""
    folder = Path(tempfile.mkdtemp(prefix="equb-check-"))
    folder.chmod(0o711)  # as root PostgreSQL runs as nobody, who must get through to its data
    try:
        pair = embedded.start_pair(folder, durable=False)
        try:
            place = pair.place
            asyncio.run(roles.create(place.superuser_url(), database="equb", passwords={"equb_owner": "check"}))
            yield place.database_url(role="equb_owner", password="check")  # noqa: S106  # dies with its server
        finally:
            pair.stop()
            for temporary in {place.data, place.sockets}:
                shutil.rmtree(temporary, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
