"""Runs a script of several SQL statements, which a prepared statement cannot hold."""

from typing import Any

from alembic import op


def run_script(sql: str) -> None:
    """Execute ``sql`` (any number of statements) inside the migration's transaction."""
    connection: Any = op.get_bind().connection
    connection.run_async(lambda raw: raw.execute(sql))
