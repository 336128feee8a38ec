"""What posting costs: the ledger with all its safeguards against a bare function that has none.

Owns: a PostgreSQL of its own (durable, fsync on), both functions in it, and the table of figures. Everything is
measured in one run, with one driver, by turns, and printed as the median of the turns with its ratio to bare.
Bare is a transfer, two entries and two balances in one PL/pgSQL function: no idempotency, no check that an
account stays above zero, no hash, no tenant, no index but the primary keys and entries by account.

Run `python -m bench.ledger [seconds per measurement, default 2]`. Refuses to use a database that exists.
"""

import asyncio
import itertools
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from core import ledger
from core.ids import new_id
from ops import embedded, roles

CLIENTS = 8
GROUPS = 200
MEMBERS = 30
ROUNDS = 20
TURNS = 3
PASSWORDS = {"equb_owner": "bench", "equb_app": "bench"}

BARE = """
CREATE SCHEMA bare;
CREATE TABLE bare.accounts (id integer PRIMARY KEY, balance_minor bigint NOT NULL DEFAULT 0);
CREATE TABLE bare.transfers (id uuid PRIMARY KEY, reference text NOT NULL, debit integer NOT NULL,
    credit integer NOT NULL, amount_minor bigint NOT NULL, at timestamptz NOT NULL);
CREATE TABLE bare.entries (transfer_id uuid NOT NULL, account integer NOT NULL, amount_minor bigint NOT NULL,
    PRIMARY KEY (transfer_id, account));
CREATE INDEX ON bare.entries (account);
INSERT INTO bare.accounts SELECT generate_series(0, 9999);
CREATE FUNCTION bare.post(i uuid, r text, d integer, c integer, a bigint, t timestamptz) RETURNS uuid
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bare.transfers VALUES (i, r, d, c, a, t);
    INSERT INTO bare.entries VALUES (i, d, -a), (i, c, a);
    UPDATE bare.accounts SET balance_minor = balance_minor - a WHERE id = d;
    UPDATE bare.accounts SET balance_minor = balance_minor + a WHERE id = c;
    RETURN i;
END $$;
GRANT USAGE ON SCHEMA bare TO equb_app;
GRANT ALL ON ALL TABLES IN SCHEMA bare TO equb_app;
"""
BARE_POST = "SELECT bare.post($1, $2, $3, $4, $5, $6)"

Connection = Any  # asyncpg's, or SQLAlchemy's session factory
Work = Callable[[Connection, bool], Awaitable[int]]


@dataclass(frozen=True)
class Bench:
    """Where to post: connections, engine, and the groups that exist."""

    connections: list[Any]
    engine: AsyncEngine
    tenant_id: UUID
    groups: list[UUID]
    seconds: float


def now() -> datetime:
    return datetime.now(UTC)


def contribution(hot: bool) -> ledger.Posting:
    """One contribution to the pot that everybody pays into, or to one of many."""
    pot = 1 if hot else random.randint(1, ROUNDS)
    return ledger.Posting(
        kind="contribution",
        debit=f"held/{random.randint(1, MEMBERS)}",
        credit=f"pot/1/{pot}",
        amount_minor=100_00,
        currency="ETB",
        reference=f"bench:{new_id()}",
        payment_id=new_id(),
        due_id=new_id(),
    )


def group(bench: Bench, hot: bool) -> UUID:
    return bench.groups[0] if hot else random.choice(bench.groups)


def bare_values(hot: bool) -> tuple[Any, ...]:
    credit = 1 if hot else random.randint(0, 4999)
    return (new_id(), f"bench:{new_id()}", random.randint(5000, 9999), credit, 100_00, now())


# --- what is measured; each returns how many contributions it has posted -------------------------


def bare_alone(_: Bench) -> Work:
    async def work(connection: Connection, hot: bool) -> int:
        await connection.fetchval(BARE_POST, *bare_values(hot))
        return 1

    return work


def ours_alone(bench: Bench, count: int = 1) -> Work:
    """One round trip; the connection has the tenant set already, as behind no application of ours."""

    async def work(connection: Connection, hot: bool) -> int:
        requests = [ledger.book._request(contribution(hot)) for _ in range(count)]
        await connection.fetch(ledger.book._POST, group(bench, hot), now(), requests)
        return count

    return work


def bare_in_transaction(bench: Bench) -> Work:
    async def work(connection: Connection, hot: bool) -> int:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
            await connection.fetchval(BARE_POST, *bare_values(hot))
        return 1

    return work


def ours_in_transaction(bench: Bench) -> Work:
    async def work(connection: Connection, hot: bool) -> int:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
            request = ledger.book._request(contribution(hot))
            await connection.fetch(ledger.book._POST, group(bench, hot), now(), [request])
        return 1

    return work


def bare_in_session(bench: Bench) -> Work:
    async def work(_: Connection, hot: bool) -> int:
        async with AsyncSession(bench.engine, autoflush=False) as session, session.begin():
            connection = await session.connection()
            await connection.exec_driver_sql(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
            await connection.exec_driver_sql(BARE_POST, bare_values(hot))
        return 1

    return work


def ours_in_session(bench: Bench, count: int = 1) -> Work:
    """As the application does it: a session, the tenant, `core.ledger.post`, commit."""

    async def work(_: Connection, hot: bool) -> int:
        postings = [contribution(hot) for _ in range(count)]
        async with AsyncSession(bench.engine, autoflush=False) as session, session.begin():
            await (await session.connection()).exec_driver_sql(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
            await ledger.post(session, group_id=group(bench, hot), postings=postings, at=now())
        return count

    return work


def ours_repeated(bench: Bench) -> Work:
    """A key that was posted before: what a repeated webhook costs."""
    request = ledger.book._request(contribution(True))

    async def work(connection: Connection, _: bool) -> int:
        await connection.fetch(ledger.book._POST, bench.groups[1], now(), [request])
        return 1

    return work


# --- measuring -----------------------------------------------------------------------------------


async def rate(bench: Bench, work: Work, *, hot: bool, clients: int = CLIENTS) -> float:
    """Contributions per second of `clients` at once."""
    for connection in bench.connections[:clients]:
        await work(connection, hot)
    posted = 0
    started = time.perf_counter()
    deadline = started + bench.seconds

    async def client(connection: Connection) -> None:
        nonlocal posted
        while time.perf_counter() < deadline:
            posted += await work(connection, hot)

    await asyncio.gather(*(client(connection) for connection in bench.connections[:clients]))
    return posted / (time.perf_counter() - started)


async def by_turns(bench: Bench, *works: tuple[Work, bool, int]) -> list[float]:
    """The median rate of each over TURNS, one after the other, so that the machine's moods hit all alike."""
    turns = [[await rate(bench, work, hot=hot, clients=n) for work, hot, n in works] for _ in range(TURNS)]
    return [statistics.median(turn[i] for turn in turns) for i in range(len(works))]


async def measure(bench: Bench) -> None:
    """Print the tables."""
    print(f"{'single contributions, ' + str(CLIENTS) + ' clients':<52}{'bare/s':>9}{'ours/s':>9}{'ratio':>8}")
    pairs = (
        ("one round trip (asyncpg)", bare_alone(bench), ours_alone(bench)),
        ("in a transaction with SET LOCAL (asyncpg)", bare_in_transaction(bench), ours_in_transaction(bench)),
        ("in a transaction with SET LOCAL (SQLAlchemy)", bare_in_session(bench), ours_in_session(bench)),
    )
    single = 0.0
    for (name, bare, ours), hot in itertools.product(pairs, (False, True)):
        of_bare, of_ours = await by_turns(bench, (bare, hot, CLIENTS), (ours, hot, CLIENTS))
        single = single or of_bare
        where = "hot pot" if hot else "uniform"
        print(f"{name + ', ' + where:<52}{of_bare:>9,.0f}{of_ours:>9,.0f}{of_ours / of_bare:>8.2f}", flush=True)
    (again,) = await by_turns(bench, (ours_repeated(bench), True, CLIENTS))
    print(f"{'a key that was posted before (asyncpg)':<61}{again:>9,.0f}{again / single:>8.2f}")

    print(f"\n{'a round in one call, into one pot':<52}{'bare/s':>9}{'ours/s':>9}{'ratio':>8}")
    for count, clients in itertools.product((120, 600), (1, 4)):
        for name, work in (("asyncpg", ours_alone(bench, count)), ("session", ours_in_session(bench, count))):
            (found,) = await by_turns(bench, (work, True, clients))
            label = f"{count} contributions, {clients} client{'s' * (clients > 1)} ({name})"
            print(f"{label:<52}{single:>9,.0f}{found:>9,.0f}{found / single:>8.2f}", flush=True)
    await measure_reading(bench)


async def measure_reading(bench: Bench, rounds: int = 120, members: int = 600) -> None:
    """A whole cycle of a very large group in one book: what reading and auditing it takes."""
    print(f"\na book of {rounds} rounds x {members} contributions", flush=True)
    large = bench.groups[-1]
    dues = [new_id() for _ in range(members)]
    async with AsyncSession(bench.engine) as session, session.begin():
        await (await session.connection()).exec_driver_sql(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
        for number in range(1, rounds + 1):
            postings = [
                ledger.Posting(
                    kind="contribution",
                    debit=f"held/{member % 10}",
                    credit=f"pot/1/{number}",
                    amount_minor=100_00,
                    currency="ETB",
                    reference=f"book:{number}:{member}",
                    due_id=dues[member] if number == rounds else new_id(),
                )
                for member in range(members)
            ]
            await ledger.post(session, group_id=large, postings=postings, at=now())
    async with AsyncSession(bench.engine) as session, session.begin():
        await (await session.connection()).exec_driver_sql(f"SET LOCAL app.tenant = '{bench.tenant_id}'")
        reads: dict[str, Callable[[], Awaitable[Any]]] = {
            "balance of a pot": lambda: ledger.balance(session, group_id=large, account="pot/1/1"),
            "balance of a collector": lambda: ledger.balance(session, group_id=large, account="held/1"),
            "all balances": lambda: ledger.balances(session, group_id=large),
            "what a round's dues have been paid": lambda: ledger.paid_by_due(session, group_id=large, due_ids=dues),
            "a page of 100 transfers": lambda: ledger.transfers(session, group_id=large),
            "audit": lambda: ledger.audit(session, large),
        }
        for name, read in reads.items():
            took = []
            for _ in range(TURNS):
                started = time.perf_counter()
                await read()
                took.append(time.perf_counter() - started)
            print(f"{name:<52}{statistics.median(took) * 1000:>9,.1f} ms", flush=True)


# --- a server for it -----------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[embedded.Place]:
    """A PostgreSQL with durable settings and the migrated schema, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="equb-bench-"))
    folder.chmod(0o711)  # as root PostgreSQL runs as nobody, who must get through to its data
    pair = embedded.start_pair(folder, durable=True)
    try:
        asyncio.run(roles.create(pair.place.superuser_url(), database="equb", passwords=PASSWORDS))
        owner = pair.place.database_url(role="equb_owner", password=PASSWORDS["equb_owner"])
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            env={**os.environ, "EQUB_DATABASE_OWNER_URL": owner},
            check=True,
        )
        yield pair.place
    finally:
        pair.stop()
        for place in {pair.place.data, pair.place.sockets, pair.place.home}:
            shutil.rmtree(place, ignore_errors=True)


async def prepare(place: embedded.Place, seconds: float) -> Bench:
    """Both schemas filled with accounts, and the clients connected."""
    tenant_id, groups = new_id(), [new_id() for _ in range(GROUPS)]
    superuser = await asyncpg.connect(place.superuser_url("equb"))
    await superuser.execute(BARE)
    await superuser.execute(
        "INSERT INTO tenants (id, code, name, created_at) VALUES ($1, 'bench', 'Bench', now())", tenant_id
    )
    await superuser.execute(
        "INSERT INTO groups (group_id, tenant_id, code, name, currency, rules, created_at)"
        " SELECT g, $1, 'BENCH', 'Bench', 'ETB', '{}', now() FROM unnest($2::uuid[]) AS g",
        tenant_id,
        groups,
    )
    url = place.database_url(role="equb_app", password=PASSWORDS["equb_app"])
    settings = {"app.tenant": str(tenant_id), "jit": "off"}
    connections = [await asyncpg.connect(url, server_settings=settings) for _ in range(CLIENTS)]
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=CLIENTS,
        connect_args={"server_settings": {"jit": "off"}},
    )
    bench = Bench(connections, engine, tenant_id, groups, seconds)
    for group_id in groups:
        requests = [ledger.book._request(contribution(False)) for _ in range(60)]
        await connections[0].fetch(ledger.book._POST, group_id, now(), requests)
    await superuser.execute("VACUUM ANALYZE")
    await superuser.execute("CHECKPOINT")
    await superuser.close()
    return bench


async def run(place: embedded.Place, seconds: float) -> None:
    """Prepare, measure, close."""
    bench = await prepare(place, seconds)
    try:
        await measure(bench)
    finally:
        await bench.engine.dispose()
        for connection in bench.connections:
            await connection.close()


def main(arguments: list[str]) -> int:
    """Measure and print; 0 when it ran through."""
    with server() as place:
        asyncio.run(run(place, float(arguments[0]) if arguments else 2.0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
