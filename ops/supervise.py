"""Everything on one machine: which processes there are, in which order they come and go, when all is ready.

Owns: `./equb run` from an empty folder to the line `ready …`, and its end.
Refuses: to listen anywhere but on 127.0.0.1, and to leave a process behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops import embedded, environment, places, roles
from ops.environment import ROOT, USAGE
from ops.errors import CannotStart
from ops.process import Program
from ops.watch import Stopped, Watch, say

STOP_ORDER = ("api", "bot", "worker", "ticker", "sandbox", "valkey", "postgresql")
_LOOPBACK = "127.0.0.1"


class Machine:
    """One run of everything in one state folder."""

    def __init__(self, *, given: Mapping[str, str], home: Path, watch: Watch) -> None:
        self.home = home
        self.watch = watch
        self.sandbox = environment.mode(given) == "sandbox"
        self.port = environment.port(given)
        self.kept = environment.kept_secrets(home)
        own_database, own_redis = "EQUB_DATABASE_URL" not in given, "EQUB_REDIS_URL" not in given
        self.place = places.settle(home) if own_database or own_redis else None
        self.postgres_place = self.place if own_database else None
        self.valkey_place = self.place if own_redis else None
        self.sandbox_port = _kept_port(home / "sandbox-port") if self.sandbox else 0
        self.environment = self._composed(given)

    def _composed(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the children get: the settings given, and ours where they leave a gap."""
        ours = {
            "PORT": str(self.port),
            "EQUB_HOME": str(self.home),
            "EQUB_MODE": "sandbox" if self.sandbox else "production",
            "EQUB_PUBLIC_URL": f"http://{_LOOPBACK}:{self.port}",
            "PYTHONUNBUFFERED": "1",
        }
        if self.postgres_place is not None:
            for name, role in (("EQUB_DATABASE_URL", "equb_app"), ("EQUB_DATABASE_OWNER_URL", "equb_owner")):
                ours[name] = self.postgres_place.database_url(role=role, password=self.kept[role])
        if self.valkey_place is not None:
            ours["EQUB_REDIS_URL"] = self.valkey_place.redis_url()
        if self.sandbox or self.postgres_place is not None:
            ours |= {name: self.kept[name] for name in ("EQUB_SECRET_KEYS", "EQUB_INDEX_KEY", "EQUB_JWT_KEY")}
        composed = {**ours, **given, "EQUB_HOME": str(self.home)}
        if self.sandbox:
            outside = f"http://{_LOOPBACK}:{self.sandbox_port}"
            composed |= {
                "EQUB_CLOCK_FILE": str(self.home / "clock"),
                "EQUB_SANDBOX_URL": outside,
                "EQUB_TELEGRAM_API": outside,
                # Stand-ins have no limits: weeks of notices pass in the seconds in which the clock is moved.
                "EQUB_TELEGRAM_RATE": given.get("EQUB_TELEGRAM_RATE", "100000"),
                "EQUB_SMS_RATE": given.get("EQUB_SMS_RATE", "100000"),
                "EQUB_TWILIO_API": f"{outside}/twilio",
                "EQUB_SMS_HTTP_URL": f"{outside}/smsgw/send",
            }
        return composed

    # --- coming up -------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring everything up, until all of it answers. Raises CannotStart."""
        self._check_settings()
        self.watch.end_leftovers()
        _claim_port(self.port)
        if self.sandbox:
            # Slow to import and in need of nothing: it gets ready while the database does.
            self.watch.start(self._sandbox_program())
        self._start_valkey()
        self._start_postgres()
        self._prepare_database()
        if self.sandbox:
            self._learn_beacon()
        places.write_private(self.home / "environment.json", json.dumps(self._for_commands()))
        for program in self._own_programs():
            self.watch.start(program)
        self.watch.wait(
            self._all_answers, what=self._what_is_missing, seconds=120, pause_seconds=0.25, crashes_allowed=1
        )

    def _check_settings(self) -> None:
        """Let the product judge its settings before anything is started; it ends us with status 2."""
        from core.settings import settings

        os.environ.update(self.environment)
        settings()

    def _start_valkey(self) -> None:
        place = self.valkey_place
        if place is not None:
            self.watch.start(embedded.valkey(place, log=self._log("valkey")))
            self.watch.wait(lambda: embedded.valkey_answers(place), what=lambda: "valkey", seconds=60)

    def _start_postgres(self) -> None:
        place = self.postgres_place
        if place is None:
            return
        embedded.prepare_postgres(place)
        server = self.watch.start(
            embedded.postgres(place, log=self._log("postgresql")),
            before_start=lambda: embedded.clear_the_way_for_postgres(place),
        )

        def answers() -> bool:
            return server.process is not None and embedded.postgres_answers(place, server.process)

        # Replaying the log after a crash takes its time; nothing is wrong then.
        self.watch.wait(answers, what=lambda: "postgresql", seconds=300, crashes_allowed=2)
        passwords = {role: self.kept[role] for role in ("equb_owner", "equb_app")}
        asyncio.run(roles.create(place.superuser_url(), database="equb", passwords=passwords))

    def _prepare_database(self) -> None:
        if "EQUB_DATABASE_OWNER_URL" not in self.environment:
            say("equb: EQUB_DATABASE_OWNER_URL is not set, so migrations are left to you")
        self.watch.finish(self._python("migrations", "ops.prepare"), seconds=600)

    def _learn_beacon(self) -> None:
        """The sandbox has a beacon of its own key; the others learn it as production knows the real one."""
        found: dict[str, Any] = {}

        def answers() -> bool:
            status, body = _get(self.sandbox_port, "/sandbox/beacon/info")
            if status == http.client.OK:
                found.update(json.loads(body))
            return bool(found)

        self.watch.wait(answers, what=lambda: "the sandbox", seconds=60)
        self.environment |= {
            "EQUB_BEACON_URLS": ",".join(found["urls"]),
            "EQUB_BEACON_CHAIN": str(found["chain_hash"]),
            "EQUB_BEACON_PUBLIC_KEY": str(found["public_key"]),
            "EQUB_BEACON_GENESIS": str(found["genesis"]),
            "EQUB_BEACON_PERIOD": str(found["period"]),
        }

    def _all_answers(self) -> bool:
        if _get(self.port, "/readyz")[0] != http.client.OK:
            return False
        return not self.sandbox or _get(self.port, "/sandbox")[0] == http.client.OK

    def _what_is_missing(self) -> str:
        said = _get(self.port, "/readyz")[1].decode("utf-8", "replace")
        return f"the api ({said})" if said else "the api"

    # --- what runs -------------------------------------------------------------------------------

    def _log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    def _python(self, name: str, *arguments: str, stop_seconds: float = 10.0) -> Program:
        return Program(
            name=name,
            command=(sys.executable, "-m", *arguments),
            environment=self.environment,
            folder=ROOT,
            log=self._log(name),
            stop_seconds=stop_seconds,
        )

    def _own_programs(self) -> tuple[Program, ...]:
        """The very commands of production."""
        where = ("--host", _LOOPBACK, "--port", str(self.port), "--no-access-log", "--no-server-header")
        api = ("uvicorn", "api.app:app", *where, "--timeout-graceful-shutdown", "5")
        programs = [
            self._python("api", *api),
            self._python("worker", "workers", stop_seconds=20.0),
            self._python("ticker", "workers.ticker"),
        ]
        # A real bot without a webhook's secret: nobody can reach us, so we fetch.
        if self.environment.get("EQUB_TELEGRAM_TOKEN") and not self.environment.get("EQUB_TELEGRAM_SECRET"):
            programs.append(self._python("bot", "bot"))
        return tuple(programs)

    def _sandbox_program(self) -> Program:
        """The outside world: it learns nothing of us but where we listen."""
        known = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONUNBUFFERED", "VIRTUAL_ENV")
        bare = {name: self.environment[name] for name in known if name in self.environment}
        bare |= {
            "SANDBOX_PORT": str(self.sandbox_port),
            "SANDBOX_STATE": str(self.home / "sandbox.sqlite"),
            "SANDBOX_TARGET": f"http://{_LOOPBACK}:{self.port}",
            "SANDBOX_BEACON_SEED": self.kept["SANDBOX_BEACON_SEED"],
            "EQUB_CLOCK_FILE": str(self.home / "clock"),
        }
        return Program(
            name="sandbox",
            command=(sys.executable, "-m", "sandbox"),
            environment=bare,
            folder=ROOT,
            log=self._log("sandbox"),
        )

    def _for_commands(self) -> dict[str, str]:
        """The settings that an operator's command beside us needs to reach the same system."""
        return {name: value for name, value in self.environment.items() if name.startswith("EQUB_") or name == "PORT"}


def run() -> int:
    """Everything, until a signal ends it. The exit status of `./equb run`.

    Raises CannotStart when it cannot come up, or when a part of it keeps dying.
    """
    begun = time.monotonic()
    given = environment.load()
    environment.mode(given)
    environment.port(given)
    home = environment.home(given)
    with environment.hold(home):
        watch = Watch(home)
        try:
            machine = Machine(given=given, home=home, watch=watch)
            machine.start()
            _welcome(machine, seconds=time.monotonic() - begun)
            while True:
                watch.look_after()
                watch.pause(0.25)
        except Stopped as stopped:
            say(f"equb: {stopped}, ending")
        finally:
            watch.stop_all(STOP_ORDER)
    say("equb: ended; the next ./equb run goes on where this one stopped")
    return 0


def _welcome(machine: Machine, *, seconds: float) -> None:
    base = f"http://{_LOOPBACK}:{machine.port}"
    say(f"equb: up in {seconds:.1f} s; state and logs are in {machine.home}; Ctrl-C ends it")
    if machine.sandbox:
        say(f"  phones   {base}/sandbox")
    say(f"  console  {base}/console")
    say(f"  API      {base}/api/docs")
    say(f"ready {base}/")


def _claim_port(port: int) -> None:
    """Make sure that the port is free. Raises CannotStart (status 2) with what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_LOOPBACK, port))
        except PermissionError:
            raise CannotStart(f"port {port} needs root: set PORT to one above 1023", status=USAGE) from None
        except OSError:
            raise CannotStart(
                f"port {port} is in use: stop what listens there, or set PORT to another", status=USAGE
            ) from None


def _kept_port(file: Path) -> int:
    """A free port; the same as in the last run where possible, for addresses that were handed out live on."""
    for port in (int(file.read_text()) if file.exists() else 0, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial, contextlib.suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((_LOOPBACK, port))
            file.write_text(str(trial.getsockname()[1]))
            return int(trial.getsockname()[1])
    raise CannotStart("this machine has no free port left")


def _get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET on this machine; status 0 when nobody answers."""
    line = http.client.HTTPConnection(_LOOPBACK, port, timeout=5)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        line.close()
