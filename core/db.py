"""The database: one engine a process, and the one place where a transaction begins and commits.

``transaction(tenant_id)`` sets the tenant for row-level security before anything else runs; without it every
table of a tenant looks empty. Nothing here speaks to the network beside PostgreSQL, and nothing that does may
run inside such a transaction.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from core import clock
from core.settings import settings

_engine: AsyncEngine | None = None


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


@dataclass
class Tx:
    """One unit of work: its session, whose tenant it is, the instant it happens at, and who does it.

    ``actor`` is for the audit trail: ``person:<id>``, ``admin:<username>`` or ``system``. ``notified`` are the
    addresses for which notices were queued: whoever commits may nudge the workers.
    """

    session: AsyncSession
    tenant_id: UUID
    now: datetime
    actor: str = "system"
    notified: set[UUID] = field(default_factory=set)


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


@asynccontextmanager
async def transaction(tenant_id: UUID, *, now: datetime | None = None, actor: str = "system") -> AsyncIterator[Tx]:
    """One transaction in one tenant; commits at the end, rolls back on any exception.

    ``now`` defaults to the clock: everything inside happens at that one instant.
    """
    async with AsyncSession(engine(), expire_on_commit=False, autoflush=False) as session, session.begin():
        connection = await session.connection()
        # SET LOCAL, not set_config: it ends with the transaction behind a pooler and travels to Citus workers.
        # It takes no parameters; a UUID's text holds nothing but hex and dashes.
        await connection.exec_driver_sql(f"SET LOCAL app.tenant = '{UUID(str(tenant_id))}'")
        yield Tx(session=session, tenant_id=tenant_id, now=now or clock.now(), actor=actor)


@asynccontextmanager
async def unscoped() -> AsyncIterator[AsyncSession]:
    """A transaction in no tenant: sees ``tenants`` and the functions that look across tenants, nothing else."""
    async with AsyncSession(engine(), expire_on_commit=False, autoflush=False) as session, session.begin():
        yield session
