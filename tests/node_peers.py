"""The peers in Node (``tests/peers``): whether they are here, and running them.

A test that needs them calls ``node()`` first: without Node or the packages it is skipped, with one reason for all of
them; in CI (``CI`` is set) it fails. Every server listens on loopback and ends with the block that started it.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

PEERS = Path(__file__).parent / "peers"
MODULES = PEERS / "node_modules"
TWILIO_OPENAPI = MODULES / "@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"
OLDEST_NODE = 20
START_SECONDS = 60.0


@lru_cache(maxsize=1)
def _missing() -> str:
    """What is not here; empty when all is."""
    program = shutil.which("node")
    if program is None:
        return "Node is not installed"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    if int(said.strip().removeprefix("v").partition(".")[0] or 0) < OLDEST_NODE:
        return f"Node {OLDEST_NODE} is needed, this is {said.strip() or 'none that answers'}"
    wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        found = MODULES / name / "package.json"
        if not found.exists() or json.loads(found.read_text())["version"] != version:
            return f"{name} {version} is not in tests/peers/node_modules (./equb test puts it there)"
    return ""


def node() -> str:
    """Node's program; skips the test when the peers are not here, and fails it in CI."""
    missing = _missing()
    if missing:
        reason = f"NOT COMPARED WITH THE PEERS IN NODE: {missing}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return shutil.which("node") or ""


def run(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program of the peers to its end; ``given`` is its standard input."""
    command = [node(), *map(str, arguments)]
    return subprocess.run(
        command, cwd=PEERS, env=_environment(), input=given, capture_output=True, text=True, timeout=120, check=False
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "NO_COLOR": "1", "NODE_NO_WARNINGS": "1"}


@asynccontextmanager
async def serving(program: str, *arguments: str | Path) -> AsyncIterator[str]:
    """A server of the peers (the path of its program in node_modules); yields where it listens."""
    command = [node(), "--import", "./leash.mjs", MODULES / program, *arguments]
    with tempfile.TemporaryFile() as log:
        running = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=PEERS,
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{await _port(running, log)}"
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()


async def _port(running: asyncio.subprocess.Process, log: Any) -> int:
    """The port that the leash tells, once the server listens."""
    seen = b""
    try:
        async with asyncio.timeout(START_SECONDS):
            while running.returncode is None:
                seen = os.pread(log.fileno(), 1 << 20, 0)
                for line in seen.splitlines():
                    if line.startswith(b"leash: "):
                        return int(line.removeprefix(b"leash: "))
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass
    pytest.fail(f"a peer did not start:\n{seen.decode(errors='replace')[-2000:]}")
