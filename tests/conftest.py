"""What every test stands on: one PostgreSQL and one Valkey for the whole run, a database for each worker.

Owns: starting and ending the servers, the migrated template and its clones, the environment that the program
reads, emptying everything after each test, the clock, and keeping tests off the network.
Refuses: mocks of the database or of Redis. Tests arrange with the product's own verbs.

The servers belong to the process that was started (with xdist the controller); workers clone the template.
Rows are deleted after each test with triggers off: a rolled back savepoint would never fire the deferred
constraints of the ledger, and a truncate or a clone per test costs ten times as much.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import examples
import pytest
import redis
from examples import Example

from ops import embedded, roles

if TYPE_CHECKING:
    from doors import Doors

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "equb_template"
PASSWORDS = {"equb_owner": "owner-of-a-test", "equb_app": "app-of-a-test"}
# Fixed and worthless: they guard nothing but invented people.
KEYS = {
    "EQUB_SECRET_KEYS": "t1:" + "A" * 42 + "E=",
    "EQUB_INDEX_KEY": "B" * 42 + "E=",
    "EQUB_JWT_KEY": "C" * 42 + "E=",
}


@dataclass(frozen=True)
class Servers:
    """How a process of this run reaches the pair; travels to xdist workers as JSON."""

    folder: str
    superuser_url: str
    owner_url: str
    app_url: str
    redis_url: str


@dataclass(frozen=True)
class Mine:
    """This process's own corner of the servers."""

    servers: Servers
    database: str
    redis_url: str

    def url(self, url: str) -> str:
        return roles.in_database(url, self.database)


class Superuser:
    """A connection that sees and may do everything, usable from any test, with or without an event loop."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="superuser").start()
        self._connection: asyncpg.Connection[asyncpg.Record] = self._wait(asyncpg.connect(url))

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(timeout=60)

    def execute(self, sql: str, *values: object) -> None:
        self._wait(self._connection.execute(sql, *values))

    def rows(self, sql: str, *values: object) -> list[Any]:
        found: list[Any] = self._wait(self._connection.fetch(sql, *values))
        return found

    def value(self, sql: str, *values: object) -> Any:
        return self._wait(self._connection.fetchval(sql, *values))

    def close(self) -> None:
        self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)


_pair = pytest.StashKey[embedded.Pair]()
_mine = pytest.StashKey[Mine]()
_superuser = pytest.StashKey[Superuser]()
_wipe = pytest.StashKey[str]()


# --- once per run --------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    _keep_off_the_network()
    for name in [name for name in os.environ if name.startswith("EQUB_")]:
        del os.environ[name]  # what the person who runs the tests has set must not decide how they end
    if config.option.collectonly or config.option.help:
        return
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        servers, number = Servers(**json.loads(worker["equb"])), int(worker["workerid"].removeprefix("gw"))
    else:
        servers, number = _start_servers(config), 0
    mine = Mine(servers, f"equb_{number}", servers.redis_url.replace("db=0", f"db={number}"))
    config.stash[_mine] = mine
    _set_environment(mine)
    if worker is not None or not _has_workers(config):
        _claim_a_database(config, mine)


def _has_workers(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["equb"] = json.dumps(node.config.stash[_mine].servers.__dict__)


def _start_servers(config: pytest.Config) -> Servers:
    folder = Path(tempfile.mkdtemp(prefix="equb-tests-"))
    folder.chmod(0o711)  # as root PostgreSQL runs as nobody, who must get through to its data
    pair = embedded.start_pair(folder, durable=False)
    config.stash[_pair] = pair
    place = pair.place
    asyncio.run(roles.create(place.superuser_url(), database=TEMPLATE, passwords=PASSWORDS))
    servers = Servers(
        folder=str(folder),
        superuser_url=place.superuser_url(),
        owner_url=place.database_url(role="equb_owner", password=PASSWORDS["equb_owner"]),
        app_url=place.database_url(role="equb_app", password=PASSWORDS["equb_app"]),
        redis_url=place.redis_url(),
    )
    owner = roles.in_database(servers.owner_url, TEMPLATE)
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "EQUB_DATABASE_OWNER_URL": owner},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.exit(f"the migrations fail:\n{done.stdout}{done.stderr[-1500:]}", returncode=1)
    return servers


def _set_environment(mine: Mine) -> None:
    """Before any test module is imported, so that the program finds it whenever it first looks."""
    clock = Path(mine.servers.folder) / f"clock-{mine.database}"
    os.environ.update(KEYS)
    os.environ.update(
        EQUB_MODE="sandbox",
        EQUB_HOME=mine.servers.folder,
        EQUB_DATABASE_URL=mine.url(mine.servers.app_url),
        EQUB_DATABASE_OWNER_URL=mine.url(mine.servers.owner_url),
        EQUB_REDIS_URL=mine.redis_url,
        EQUB_CLOCK_FILE=str(clock),
        **_beacon(),
    )
    from core import logs

    logs.configure("warning")


def _beacon() -> dict[str, str]:
    """The tests' own randomness beacon, which `talking.fetch` speaks for."""
    from sandbox.beacon import GENESIS, PERIOD_SECONDS, Beacon

    beacon = Beacon("tests")
    return {
        "EQUB_BEACON_CHAIN": beacon.chain_hash,
        "EQUB_BEACON_PUBLIC_KEY": beacon.public_key,
        "EQUB_BEACON_GENESIS": str(GENESIS),
        "EQUB_BEACON_PERIOD": str(PERIOD_SECONDS),
    }


def _claim_a_database(config: pytest.Config, mine: Mine) -> None:
    """Clone the template, and note how to bring the clone back to what it is now."""
    maintenance = Superuser(mine.servers.superuser_url)
    # A crashed worker's successor comes with the same name.
    maintenance.execute(f"DROP DATABASE IF EXISTS {mine.database} WITH (FORCE)")
    maintenance.execute(f"CREATE DATABASE {mine.database} TEMPLATE {TEMPLATE} OWNER equb_owner")
    maintenance.close()
    superuser = Superuser(mine.url(mine.servers.superuser_url))
    superuser.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")
    tables = superuser.rows(
        """SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             AND c.relname <> 'alembic_version' ORDER BY 1"""
    )
    steps = []
    superuser.execute("CREATE SCHEMA as_migrated")
    for number, (name,) in enumerate(tables):
        steps.append(f"DELETE FROM {name}")
        if superuser.value(f"SELECT EXISTS (SELECT FROM {name})"):
            superuser.execute(f"CREATE TABLE as_migrated.t{number} AS TABLE {name}")
            steps.append(f"INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM as_migrated.t{number}")
    config.stash[_superuser] = superuser
    config.stash[_wipe] = ";".join(steps)


def pytest_unconfigure(config: pytest.Config) -> None:
    superuser = config.stash.get(_superuser, None)
    if superuser is not None:
        superuser.close()
    pair = config.stash.get(_pair, None)
    if pair is not None:
        pair.stop()
        for folder in {pair.place.data, pair.place.sockets, pair.place.home}:
            shutil.rmtree(folder, ignore_errors=True)


def _keep_off_the_network() -> None:
    """Refuse every connection and name look-up that would leave this machine."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if isinstance(host, bytes):
            host = host.decode()
        if host in (None, "", "localhost") or _is_loopback(str(host)):
            return
        raise PermissionError(f"tests stay on this machine: {host} was asked for")

    sys.addaudithook(watch)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly what this run did not prove."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    reasons: dict[str, int] = {}
    for report in skipped:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] = reasons.get(reason.removeprefix("Skipped: "), 0) + 1
    terminalreporter.section(f"NOT PROVEN: {len(skipped)} skipped", yellow=True, bold=True)
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count:4} x {reason}", yellow=True)


# --- for each test -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mine(pytestconfig: pytest.Config) -> Mine:
    """This worker's corner of the servers."""
    return pytestconfig.stash[_mine]


@pytest.fixture(scope="session")
def superuser(pytestconfig: pytest.Config) -> Superuser:
    """Sees all tenants and may do everything; triggers do not fire for it. For arranging and looking only."""
    return pytestconfig.stash[_superuser]


@pytest.fixture(scope="session")
def database_url(mine: Mine) -> str:
    """This worker's database as `equb_app`, the role of the program."""
    return mine.url(mine.servers.app_url)


@pytest.fixture(scope="session")
def owner_url(mine: Mine) -> str:
    """The same database as `equb_owner`, the role of the migrations."""
    return mine.url(mine.servers.owner_url)


@pytest.fixture(scope="session")
def superuser_url(mine: Mine) -> str:
    """The same database as the server's superuser."""
    return mine.url(mine.servers.superuser_url)


@pytest.fixture(scope="session")
def redis_url(mine: Mine) -> str:
    """This worker's own numbered database of the Valkey."""
    return mine.redis_url


@pytest.fixture(scope="session")
def _memory(redis_url: str) -> Iterator[redis.Redis]:
    memory = redis.Redis.from_url(redis_url)
    yield memory
    memory.close()


@pytest.fixture(autouse=True)
def _leave_nothing(
    pytestconfig: pytest.Config, superuser: Superuser, mine: Mine, _memory: redis.Redis
) -> Iterator[None]:
    """Empty the database and the Redis after each test, and put the clock right."""
    yield
    Path(os.environ["EQUB_CLOCK_FILE"]).unlink(missing_ok=True)
    _memory.flushdb()
    try:
        superuser.execute(pytestconfig.stash[_wipe])
    except asyncpg.LockNotAvailableError:
        superuser.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
        )
        superuser.execute(pytestconfig.stash[_wipe])
        pytest.fail("this test left a transaction open that held rows; it was ended by force")


@pytest.fixture
def tenant(superuser: Superuser) -> UUID:
    """A fresh tenant, ready to be used: its id."""
    from core.ids import new_id

    made = new_id()
    superuser.execute(
        "INSERT INTO tenants (id, code, name, created_at) VALUES ($1, $2, 'Tests', now())",
        made,
        f"t{made.hex[-12:]}",
    )
    return made


@pytest.fixture
async def doors(tenant: UUID) -> AsyncIterator[Doors]:
    """The tenant's SMS door, open; see `doors.py`."""
    from doors import doors_of

    async with doors_of(tenant) as open_doors:
        yield open_doors


@pytest.fixture
def at() -> Callable[[str | datetime], datetime]:
    """Set the clock: `at("2026-01-05 09:00")` (Addis Ababa unless it has an offset). Put right afterwards."""
    from core import clock

    def move(instant: str | datetime) -> datetime:
        moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo("Africa/Addis_Ababa"))
        clock.set_to(moment)
        return moment

    return move


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Iterator[Example]:
    """A section of ``docs/rules.md``, compared with the page when the test has played its example."""
    section = Example(request.node.originalname, request.node.obj.__doc__ or "")
    yield section
    report = getattr(request.node, "called", None)
    if report is not None and report.passed:
        examples.check(section)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let fixtures see how their test went."""
    report = yield
    if report.when == "call":
        item.called = report  # type: ignore[attr-defined]
    return report
