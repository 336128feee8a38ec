"""Alembic's entry: migrates the database of ``EQUB_DATABASE_OWNER_URL`` as its owner, in one transaction."""

import asyncio
import os
import sys
from typing import Any

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def _migrate(connection: Any) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        # Two migrations at once (two hosts starting together): the second waits and finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(727382)")
        context.run_migrations()


async def _run() -> None:
    url = os.environ.get("EQUB_DATABASE_OWNER_URL", "")
    if not url:
        print("equb: EQUB_DATABASE_OWNER_URL is not set (see .env.example)", file=sys.stderr)
        raise SystemExit(2)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
