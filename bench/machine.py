"""The machine that is measured: durable servers, our own processes as production starts them, a stub for providers.

Owns: a temporary folder with PostgreSQL (fsync on) and Valkey, the migrated schema, ``uvicorn api.app:app`` several
times on ports of their own, what each process has used of the processor, and a clock that can be moved.
No worker and no ticker run: what falls due is done by whoever measures, and notices stay in the outbox.
Refuses to use a database that exists.
"""

import asyncio
import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.web import Client, Stub
from ops import embedded, process, roles
from ops.environment import ROOT
from ops.errors import CannotStart
from ops.process import Program

# The stand-in of the randomness beacon: a measurement stands where tests stand, outside of the product.
from sandbox.beacon import GENESIS, PERIOD_SECONDS, Beacon

PASSWORDS = {"equb_owner": "bench", "equb_app": "bench"}
BEACON = Beacon("bench")


@dataclass
class Machine:
    """What runs. ``client`` posts to the processes, which send to ``stub``."""

    home: Path
    place: embedded.Place
    client: Client
    stub: Stub
    public_url: str
    processes: dict[str, int] = field(default_factory=dict)

    def cpu_seconds(self) -> dict[str, float]:
        """User and system seconds so far, by part: api, postgresql, valkey, bench (load and stub)."""
        used = {"bench": time.process_time()}
        for name, process_id in self.processes.items():
            part = name.partition(" ")[0]
            used[part] = used.get(part, 0.0) + _cpu_seconds(process_id)
        return used


def _cpu_seconds(process_id: int) -> float:
    """Of a process, its children that live and those that it has buried; 0.0 where there is no /proc."""
    total = 0.0
    children = {process_id}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) in children:
            total += sum(int(ticks) for ticks in fields[11:15])
        elif int(fields[1]) in children:
            total += sum(int(ticks) for ticks in fields[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextmanager
def servers(*, durable: bool = True) -> Iterator[embedded.Place]:
    """PostgreSQL and Valkey with the migrated schema, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="equb-bench-"))
    folder.chmod(0o711)  # as root PostgreSQL runs as nobody, who must get through to its data
    pair = embedded.start_pair(folder, durable=durable)
    try:
        asyncio.run(roles.create(pair.place.superuser_url(), database="equb", passwords=PASSWORDS))
        owner = pair.place.database_url(role="equb_owner", password=PASSWORDS["equb_owner"])
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=ROOT,
            env={**os.environ, "EQUB_DATABASE_OWNER_URL": owner},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield pair.place
    finally:
        pair.stop()
        for place in {pair.place.data, pair.place.sockets, pair.place.home}:
            shutil.rmtree(place, ignore_errors=True)


def set_environment(place: embedded.Place, *, public_url: str, provider_port: int) -> dict[str, str]:
    """The settings of our processes and of this one; whatever else was set of ours is not."""
    for name in [name for name in os.environ if name.startswith("EQUB_")]:
        del os.environ[name]
    os.environ.update(
        # The clock can only be moved in the sandbox; nothing else differs without its stand-ins.
        EQUB_MODE="sandbox",
        EQUB_HOME=str(place.home),
        EQUB_DATABASE_URL=place.database_url(role="equb_app", password=PASSWORDS["equb_app"]),
        EQUB_REDIS_URL=place.redis_url(),
        EQUB_PUBLIC_URL=public_url,
        EQUB_SECRET_KEYS=f"b1:{_key()}",
        EQUB_INDEX_KEY=_key(),
        EQUB_JWT_KEY=_key(),
        EQUB_CLOCK_FILE=str(place.home / "clock"),
        EQUB_TELEGRAM_API=f"http://127.0.0.1:{provider_port}",
        EQUB_BEACON_CHAIN=BEACON.chain_hash,
        EQUB_BEACON_PUBLIC_KEY=BEACON.public_key,
        EQUB_BEACON_GENESIS=str(GENESIS),
        EQUB_BEACON_PERIOD=str(PERIOD_SECONDS),
    )
    return dict(os.environ)


@asynccontextmanager
async def machine(place: embedded.Place, *, processes: int) -> AsyncIterator[Machine]:
    """The api, so many times, ready to answer. Raises CannotStart."""
    stub = Stub()
    await stub.start()
    ports = [free_port() for _ in range(processes)]
    public_url = f"http://127.0.0.1:{ports[0]}"
    environment = set_environment(place, public_url=public_url, provider_port=stub.port)
    running: list[tuple[subprocess.Popen[bytes], Program]] = []
    made = Machine(place.home, place, Client(ports), stub, public_url)
    made.processes["postgresql"] = int((place.postgres_data / "postmaster.pid").read_text().split("\n", 1)[0])
    try:
        for number, port in enumerate(ports):
            where = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--no-server-header")
            program = Program(
                name=f"api {number}",
                command=(sys.executable, "-m", "uvicorn", "api.app:app", *where, "--timeout-graceful-shutdown", "5"),
                environment=environment,
                folder=ROOT,
                log=place.home / "log" / f"api-{number}.log",
            )
            running.append((process.start(program), program))
            made.processes[program.name] = running[-1][0].pid
        for number in range(processes):
            await _until_ready(made, number, running[number])
        yield made
    finally:
        from core import db

        await db.dispose()
        made.client.close()
        stub.stop()
        for child, program in running:
            process.stop(child, program)


async def _until_ready(made: Machine, number: int, child: tuple[subprocess.Popen[bytes], Program]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            status, _ = await made.client.get("/readyz", process=number)
            if status == 200:
                return
        except OSError:
            pass
        if child[0].poll() is not None or time.monotonic() > deadline:
            raise CannotStart(f"{child[1].name} did not get ready: {embedded.last_line(child[1].log)}")
        await asyncio.sleep(0.1)
