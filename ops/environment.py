"""The environment that our processes run in: the person's settings, and what is made up where they left gaps.

Owns: reading `.env`, the state folder and its lock, keys and passwords that are generated once and kept.
Refuses: to judge the product's settings (`core.settings` does), and to make up keys for a production whose
database is elsewhere: whoever loses those loses every phone number in it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from ops.errors import CannotStart
from ops.places import write_private

ROOT = Path(__file__).resolve().parent.parent
USAGE = 2

# With one of these set, messages would reach real people: the sandbox never runs beside them.
REAL_CREDENTIALS = (
    "EQUB_TELEGRAM_TOKEN",
    "EQUB_TWILIO_ACCOUNT_SID",
    "EQUB_TWILIO_AUTH_TOKEN",
    "EQUB_SMS_HTTP_URL",
    "EQUB_SMS_HTTP_SECRET",
)
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read_env_file(file: Path) -> dict[str, str]:
    """The settings of a `.env` file: lines KEY=VALUE, `#` comments, quotes around a value taken off.

    A missing file is an empty one. Raises CannotStart (status 2) naming the line that is something else.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{file.name} cannot be read: {error}", status=USAGE) from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CannotStart(f"{file.name} line {number} is not KEY=VALUE", status=USAGE)
        found[match[1]] = _unquote(match[2].strip(), f"{file.name} line {number}")
    return found


def _unquote(value: str, where: str) -> str:
    if value[:1] in ("'", '"'):
        end = value.find(value[0], 1)
        rest = value[end + 1 :].strip()
        if end < 0 or (rest and not rest.startswith("#")):
            raise CannotStart(f"{where}: a quote is not closed where the value ends", status=USAGE)
        return value[1:end]
    return re.split(r"\s#", value, maxsplit=1)[0].strip()


def load() -> dict[str, str]:
    """`.env` of the checkout (or EQUB_ENV_FILE) under the environment of this process, which wins.

    Empty means not set.

    Raises CannotStart (status 2) for a name in `.env` that is no setting: a slip must not pass silently.
    """
    file = ROOT / os.environ.get("EQUB_ENV_FILE", ".env")
    from_file = read_env_file(file)
    known = known_settings()
    for name in from_file:
        if name.startswith("EQUB_") and name not in known:
            raise CannotStart(f"{file.name}: {name} is not a setting (see .env.example)", status=USAGE)
    return {name: value for name, value in {**from_file, **os.environ}.items() if value != ""}


def known_settings() -> frozenset[str]:
    """The names of all settings, as they stand in the environment."""
    from core.settings import Settings

    return frozenset(
        str(field.validation_alias or f"EQUB_{name.upper()}") for name, field in Settings.model_fields.items()
    )


def mode(environment: Mapping[str, str]) -> str:
    """`sandbox` or `production`: what is set, else production as soon as there are real credentials.

    Raises CannotStart (status 2) for a sandbox with real credentials.
    """
    real = [name for name in REAL_CREDENTIALS if environment.get(name)]
    chosen = environment.get("EQUB_MODE") or ("production" if real else "sandbox")
    if chosen not in ("sandbox", "production"):
        raise CannotStart(f"EQUB_MODE is sandbox or production, not {chosen!r}", status=USAGE)
    if chosen == "sandbox" and real:
        raise CannotStart(
            f"the sandbox does not start while {real[0]} is set: take it out, or set EQUB_MODE=production",
            status=USAGE,
        )
    return chosen


def port(environment: Mapping[str, str]) -> int:
    """PORT, 8000 by default. Raises CannotStart (status 2) when it is no port number."""
    text = environment.get("PORT", "8000")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise CannotStart(f"PORT is a number from 1 to 65535, not {text!r}", status=USAGE)
    return int(text)


def home(environment: Mapping[str, str]) -> Path:
    """The state folder, made when it is missing; relative means: in the checkout."""
    folder = (ROOT / environment.get("EQUB_HOME", ".equb")).absolute()
    try:
        # As root, `nobody` has to pass through it to the database; what is secret in it is 0600 or 0700.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        (folder / "log").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"EQUB_HOME {folder} cannot be used: {error.strerror}") from None
    return folder


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Have the state folder for ourselves. Raises CannotStart when another process has it."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise CannotStart(
                f"{folder} is in use by process {holder}: stop that ./equb, or set another EQUB_HOME and PORT"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def kept_secrets(folder: Path) -> dict[str, str]:
    """Keys and passwords of this state folder, generated the first time."""
    file = folder / "secrets.json"
    with contextlib.suppress(FileNotFoundError):
        kept: dict[str, str] = json.loads(file.read_text())
        return kept
    made = {
        "EQUB_SECRET_KEYS": f"k1:{_key()}",
        "EQUB_INDEX_KEY": _key(),
        "EQUB_JWT_KEY": _key(),
        "SANDBOX_BEACON_SEED": secrets.token_hex(32),
        "equb_owner": secrets.token_urlsafe(24),
        "equb_app": secrets.token_urlsafe(24),
    }
    write_private(file, json.dumps(made, indent=1))
    return made


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
