"""The database and its roles, made by a superuser before the first migration.

Owns: `migrations/roles.sql` being run, the database existing, passwords being those of our URLs.
Refuses: to touch tables (migrations do) and to remove a role or a database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from ops.errors import CannotStart

ROLES_SQL = Path(__file__).resolve().parent.parent / "migrations" / "roles.sql"


async def create(superuser_url: str, *, database: str, passwords: Mapping[str, str]) -> None:
    """Make the database (unless it is there) and the roles, and give the roles these passwords.

    `superuser_url` names any database of the server. Raises CannotStart with PostgreSQL's own sentence.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", database):
        raise CannotStart(f"a database cannot be called {database!r}: small letters, digits and _", status=2)
    try:
        await _create_database(superuser_url, database)
        connection = await asyncpg.connect(in_database(superuser_url, database))
        try:
            async with connection.transaction():
                await connection.execute(ROLES_SQL.read_text())
                for role, password in passwords.items():
                    statement = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)"
                    await connection.execute(await connection.fetchval(statement, role, password))
            # Its owner must exist first; an older database keeps its owner.
            await connection.execute(f"ALTER DATABASE {database} OWNER TO equb_owner")
        finally:
            await connection.close()
    except (asyncpg.PostgresError, OSError) as error:
        raise CannotStart(f"the database's roles could not be made: {error}") from None


async def _create_database(superuser_url: str, database: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", database):
            # The same order of letters everywhere, whatever the machine's locale.
            await connection.execute(
                f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'"
                " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
            )
    finally:
        await connection.close()


def in_database(url: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
