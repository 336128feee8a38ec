"""Rows of an imported equb on their way into its tables: what is being written, the ids between them, and in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text

from core.db import Tx
from core.groups import Group
from core.imports.book import Book
from core.imports.figures import Sums
from core.imports.planning import Planned
from core.imports.records import Import
from core.imports.values import USUAL_DUE_HOUR
from core.rules import Rules

# Rows that go to the database in one statement, and transfers that are posted in one call.
AT_ONCE = 2_000


@dataclass
class Ids:
    """The ids that the rows refer to each other by."""

    members: dict[int, UUID] = field(default_factory=dict)
    lots: dict[int, UUID] = field(default_factory=dict)
    holdings: dict[tuple[int, int], UUID] = field(default_factory=dict)
    rounds: dict[int, UUID] = field(default_factory=dict)
    dues: dict[tuple[int, int, int, str, int], UUID] = field(default_factory=dict)
    payments: dict[int, UUID] = field(default_factory=dict)
    # By the identity of the part of a payment that the leg is.
    legs: dict[int, UUID] = field(default_factory=dict)
    # By lot: the hash of the record of the draw.
    records: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Writing:
    """What is being written, where, and when."""

    tx: Tx
    imported: Import
    book: Book
    sums: Sums
    group: Group
    planned: Sequence[Planned]
    rules: Rules
    zone: ZoneInfo
    ids: Ids

    def row(self, **values: Any) -> dict[str, Any]:
        """A row of the group."""
        return {"group_id": self.group.group_id, "tenant_id": self.tx.tenant_id, **values}

    def at(self, day: date) -> datetime:
        """The instant that a line of a day stands for: when dues fall due, or now on the day itself."""
        return min(datetime.combine(day, time(self.hour), self.zone), self.tx.now)

    @property
    def hour(self) -> int:
        """The hour that dues fall due at."""
        return USUAL_DUE_HOUR if self.rules.due_hour is None else self.rules.due_hour

    def pot(self, number: int) -> str:
        """The account of a round's pot."""
        return f"pot/{self.group.cycle}/{number}"

    @property
    def memo(self) -> str:
        return f"import {self.imported.code}"

    @property
    def actor(self) -> str:
        return f"import:{self.imported.code}"


async def write_rows(doing: Writing, table: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of a table."""
    for start in range(0, len(rows), AT_ONCE):
        await doing.tx.session.execute(insert(table), rows[start : start + AT_ONCE])


# How a column's values go to the database as one array.
_ARRAYS = {
    "UUID": "uuid[]",
    "BIGINTEGER": "bigint[]",
    "INTEGER": "bigint[]",
    "SMALLINTEGER": "bigint[]",
    "TEXT": "text[]",
    "DATETIME": "timestamptz[]",
}


async def write_many(doing: Writing, table: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """The same as arrays, for tens of thousands of rows: a row at a time takes three times as long."""
    if not rows:
        return
    own = {"group_id", "tenant_id"}
    columns = [column for column in table.__table__.columns if column.name in rows[0] and column.name not in own]
    names = ", ".join(column.name for column in columns)
    arrays = ", ".join(f"CAST(:{one.name} AS {_ARRAYS[type(one.type).__name__.upper()]})" for one in columns)
    statement = text(
        f"INSERT INTO {table.__tablename__} (group_id, tenant_id, {names})"
        f" SELECT :group, :tenant, {', '.join(f'v.{one.name}' for one in columns)} FROM unnest({arrays}) AS v ({names})"
    )
    here = {"group": doing.group.group_id, "tenant": doing.tx.tenant_id}
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        await doing.tx.session.execute(statement, here | {c.name: [row[c.name] for row in part] for c in columns})
