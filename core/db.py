"""The database: one engine a process, and the one place where a transaction begins and commits.

``transaction(tenant_id)`` sets the tenant for row-level security before anything else runs; without it every
table of a tenant looks empty. Nothing here speaks to the network beside PostgreSQL, and nothing that does may
run inside such a transaction.

Inside there are two ways to the same connection: ``tx.session``, SQLAlchemy with its mapped objects, and
``tx.rows`` and its like, a statement in PostgreSQL's own words, which costs a fifth of that and is what every
message runs on. The session begins and ends no transaction of its own: the engine is in AUTOCOMMIT, and BEGIN,
COMMIT and ROLLBACK are said here, the first in one breath with the tenant.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NoReturn, TypeAlias, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Text, Uuid, inspect
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import set_committed_value

from core import clock
from core.settings import settings

_engine: AsyncEngine | None = None

Row: TypeAlias = asyncpg.Record
Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Base(DeclarativeBase):
    """Base of every mapped table. Migrations, not this metadata, make the schema."""

    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it as a plain dictionary)
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
    }


Mapped = TypeVar("Mapped", bound=Base)


@cache
def _attributes(kind: type[Base]) -> tuple[str, ...]:
    """The attributes of a mapped class in the order of its columns."""
    return tuple(prop.key for prop in inspect(kind).column_attrs)


@cache
def _key(kind: type[Base]) -> tuple[str, ...]:
    """The attributes of a mapped class that are its primary key, in order."""
    mapper = inspect(kind)
    return tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)


def columns(kind: type[Base], table: str) -> str:
    """The select list of ``Tx.entity``: every column of a mapped class, from what the statement calls its table."""
    return ", ".join(f"{table}.{prop.columns[0].name}" for prop in inspect(kind).column_attrs)


def width(kind: type[Base]) -> int:
    """How many columns ``columns`` names."""
    return len(_attributes(kind))


@dataclass
class Tx:
    """One unit of work: whose tenant it is, the instant it happens at, who does it, and the ways to its connection.

    ``actor`` is for the audit trail: ``person:<id>``, ``admin:<username>`` or ``system``. ``notified`` are the
    addresses for which notices were queued: whoever commits may nudge the workers. ``keep``: False when there is
    nothing to keep, so that the end needs no commit.
    """

    tenant_id: UUID
    now: datetime
    _connection: AsyncConnection = field(repr=False)
    _driver: Driver = field(repr=False)
    actor: str = "system"
    notified: set[UUID] = field(default_factory=set)
    keep: bool = True
    _session: AsyncSession | None = field(default=None, repr=False)

    @property
    def session(self) -> AsyncSession:
        """SQLAlchemy's session on this connection, made on first use. Committing is not its business."""
        if self._session is None:
            self._session = AsyncSession(self._connection, expire_on_commit=False, autoflush=False)
        return self._session

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        """All rows of a statement; its parameters are ``$1``, ``$2`` … JSON goes in as text."""
        _tell(statement, values)
        try:
            return await self._driver.fetch(statement, *values)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _raise(statement, error)

    async def row(self, statement: str, *values: Any) -> Row | None:
        """The first row of a statement, if any."""
        _tell(statement, values)
        try:
            return await self._driver.fetchrow(statement, *values)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _raise(statement, error)

    async def each(self, statement: str, runs: Sequence[Sequence[Any]]) -> None:
        """A statement once for each row of values, sent together and answered together."""
        for values in runs:
            _tell(statement, values)
        try:
            await self._driver.executemany(statement, runs)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _raise(statement, error)

    def entity(self, kind: type[Mapped], values: Sequence[Any], *, fresh: bool = False) -> Mapped:
        """The mapped object of a row that was read here, with the values of ``columns`` in their order.

        It is the session's: what is set on it is written by the next flush. One that the session knows already
        stays as it is, as with a query of the session's own, unless the row is ``fresh``: locked or just written.
        """
        given = dict(zip(_attributes(kind), values, strict=True))
        mapper, session = inspect(kind), self.session.sync_session
        key = mapper.identity_key_from_primary_key(tuple(given[name] for name in _key(kind)))
        known: Any = session.identity_map.get(key)
        if known is not None:
            for name in given if fresh else ():
                set_committed_value(known, name, given[name])
            return cast(Mapped, known)
        # What sqlalchemy.orm.make_transient_to_detached does, in a third of the time: everything is loaded here.
        made = cast(Mapped, mapper.class_manager.new_instance())
        made.__dict__.update(given)
        inspect(made).key = key
        session.add(made)
        return made

    async def flush(self) -> None:
        """Write what was changed on the session's objects, if anything was."""
        if self._session is not None and (self._session.dirty or self._session.new or self._session.deleted):
            await self._session.flush()


def _tell(statement: str, values: Sequence[Any]) -> None:
    """Whoever listens to the engine's statements hears these too."""
    for listener in engine().sync_engine.dispatch.before_cursor_execute:
        listener(None, None, statement, values, None, False)


def _raise(statement: str, error: Exception) -> NoReturn:
    """The error as SQLAlchemy's, so that callers need to know one family only; what was written stays out of it."""
    state = getattr(error, "sqlstate", None) or ""
    kind: type[DBAPIError] = DBAPIError
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        kind = IntegrityError
    elif isinstance(error, asyncpg.InterfaceError):
        kind = InterfaceError
    elif state.startswith(("08", "53", "57P")):
        kind = OperationalError
    raise kind(statement, None, error, hide_parameters=True) from error


def engine_url(url: str) -> str:
    """The URL with asyncpg named as the driver (SQLAlchemy's default is another one)."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def engine() -> AsyncEngine:
    """The process's engine, made on first use, in the event loop that uses it."""
    global _engine
    if _engine is None:
        _engine = create_async_engine(
            engine_url(settings().database_url),
            pool_size=settings().database_pool_size,
            max_overflow=0,
            pool_timeout=30,
            # Transactions are begun and ended here, in words: see the top.
            isolation_level="AUTOCOMMIT",
            # An error's text goes into logs; what was written stays out of them.
            hide_parameters=True,
            connect_args={
                "timeout": 5,
                "command_timeout": 30,
                # JIT costs more than it saves on short statements; limits keep a stuck client from holding locks.
                "server_settings": {
                    "jit": "off",
                    "statement_timeout": "30000",
                    "idle_in_transaction_session_timeout": "30000",
                    "application_name": "equb",
                },
            },
        )
    return _engine


async def dispose() -> None:
    """Close the engine's connections; the next use makes a new engine."""
    global _engine
    if _engine is not None:
        await _engine.dispose()
        _engine = None


async def _checked_out() -> tuple[AsyncConnection, Driver]:
    """A connection of the pool that is not known to be closed."""
    while True:
        connection = await engine().connect()
        fairy = await connection.get_raw_connection()
        driver: Driver = fairy.driver_connection  # type: ignore[assignment]
        if not driver.is_closed():
            return connection, driver
        await connection.invalidate()
        await connection.close()


async def _say(driver: Driver, words: str) -> str:
    """One of the statements around a transaction; the server's word for what it did."""
    _tell(words, ())
    try:
        return await driver.execute(words)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _raise(words, error)


@asynccontextmanager
async def _begun(begin: str, make: Callable[[AsyncConnection, Driver], Tx]) -> AsyncIterator[Tx]:
    """From BEGIN to COMMIT, or to ROLLBACK on any exception; a connection that can do neither is given up."""
    connection, driver = await _checked_out()
    tx, ended = make(connection, driver), False
    try:
        try:
            await _say(driver, begin)
            yield tx
            await tx.flush()
            # A transaction in which something failed ends as if it had never been, and COMMIT only says so.
            if await _say(driver, "COMMIT" if tx.keep else "ROLLBACK") != ("COMMIT" if tx.keep else "ROLLBACK"):
                raise RuntimeError("the transaction had failed, and was rolled back instead of committed")
            ended = True
        except BaseException:
            if not ended and not driver.is_closed():
                await _say(driver, "ROLLBACK")
                ended = True
            raise
    finally:
        if tx._session is not None:
            tx._session.sync_session.close()
        if not ended:
            await connection.invalidate()
        await connection.close()


@asynccontextmanager
async def transaction(
    tenant_id: UUID, *, now: datetime | None = None, actor: str = "system", snapshot: bool = False
) -> AsyncIterator[Tx]:
    """One transaction in one tenant; commits at the end, rolls back on any exception.

    ``now`` defaults to the clock: everything inside happens at that one instant. ``snapshot``: all its statements see
    one state of the database, and may change nothing; for what is added up over several of them.
    """

    def make(connection: AsyncConnection, driver: Driver) -> Tx:
        return Tx(tenant_id, now or clock.now(), connection, driver, actor=actor)

    # SET LOCAL, not set_config: it ends with the transaction behind a pooler and travels to Citus workers.
    # It takes no parameters; a UUID's text holds nothing but hex and dashes.
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if snapshot else "BEGIN"
    async with _begun(f"{begin}; SET LOCAL app.tenant = '{UUID(str(tenant_id))}'", make) as tx:
        yield tx


@asynccontextmanager
async def unscoped() -> AsyncIterator[AsyncSession]:
    """A transaction in no tenant: sees ``tenants`` and the functions that look across tenants, nothing else."""

    def make(connection: AsyncConnection, driver: Driver) -> Tx:
        return Tx(UUID(int=0), clock.now(), connection, driver)

    async with _begun("BEGIN", make) as tx:
        yield tx.session
