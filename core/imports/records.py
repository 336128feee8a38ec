"""Imports on record: what was understood of a file, sealed, until it is committed, undone or forgotten.

Owns the table and what is kept of a file: its cells until they are in the book, what was understood of each line for
as long as the group stands. Both hold names and phones, so both are sealed, and go when they are no longer needed.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.ids import new_code, new_id
from core.imports.sheets import Row, Sheet

CODE_LENGTH = 6
# A preview that nobody commits is forgotten: it holds what strangers told an organiser.
KEPT = timedelta(days=30)


class Import(Base):
    """A file that was handed in. ``previewed``, ``committed``, ``undone`` or ``forgotten``."""

    __tablename__ = "imports"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    code: Mapped[str]
    status: Mapped[str]
    file_name: Mapped[str]
    file_hash: Mapped[str]
    lines: Mapped[int]
    errors: Mapped[int]
    warnings: Mapped[int]
    content: Mapped[bytes | None]
    report: Mapped[bytes | None]
    group_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    committed_at: Mapped[datetime | None]
    committed_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]

    @property
    def sheets(self) -> list[Sheet]:
        """The cells of the file. Raises ``Refusal("import.forgotten")`` when they are no longer kept."""
        if self.content is None:
            raise Refusal("import.forgotten", code=self.code)
        kept = _unsealed(self.content, f"imports.content:{self.id}")
        return [Sheet(one["name"], tuple(Row(n, tuple(map(_cell, cells))) for n, cells in one["rows"])) for one in kept]

    @property
    def shown(self) -> dict[str, Any]:
        """What was understood: ``lines`` and ``totals``; empty when it is no longer kept."""
        if self.report is None:
            return {"lines": [], "totals": None}
        report: dict[str, Any] = _unsealed(self.report, f"imports.report:{self.id}")
        return report


@dataclass(frozen=True)
class Counts:
    """How many lines there are, and how many problems of each kind."""

    lines: int
    errors: int
    warnings: int


def new(
    tx: Tx, *, file_name: str, file_hash: str, sheets: Sequence[Sheet], report: Mapping[str, Any], counts: Counts
) -> Import:
    """A new preview, not written yet."""
    import_id = new_id()
    return Import(
        id=import_id,
        tenant_id=tx.tenant_id,
        code=new_code(CODE_LENGTH),
        status="previewed",
        file_name=file_name,
        file_hash=file_hash,
        lines=counts.lines,
        errors=counts.errors,
        warnings=counts.warnings,
        content=_sealed([_kept(sheet) for sheet in sheets], f"imports.content:{import_id}"),
        report=_sealed(report, f"imports.report:{import_id}"),
        group_id=None,
        created_at=tx.now,
        created_by=tx.actor,
        committed_at=None,
        committed_by=None,
        undone_at=None,
        undone_by=None,
    )


async def by_id(tx: Tx, import_id: UUID, *, lock: bool = False) -> Import:
    """An import of this tenant. Raises ``NotFound("import.unknown")``."""
    found = await tx.session.get(Import, import_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound("import.unknown")
    return found


async def by_code(tx: Tx, code: str) -> Import:
    """An import of this tenant by its code. Raises ``NotFound("import.unknown")``."""
    found = await tx.session.scalar(
        select(Import).where(Import.tenant_id == tx.tenant_id, Import.code == code.strip().upper())
    )
    if found is None:
        raise NotFound("import.unknown")
    return found


async def forget_old(tx: Tx) -> None:
    """Forget what was previewed long ago and never committed."""
    await tx.session.execute(
        update(Import)
        .where(Import.tenant_id == tx.tenant_id, Import.status == "previewed", Import.created_at < tx.now - KEPT)
        .values(status="forgotten", content=None, report=None)
    )


def _kept(sheet: Sheet) -> dict[str, Any]:
    rows = [
        [row.line, [{"d": cell.isoformat()} if isinstance(cell, date) else cell for cell in row.cells]]
        for row in sheet.rows
    ]
    return {"name": sheet.name, "rows": rows}


def _cell(kept: Any) -> str | date | None:
    if isinstance(kept, dict):
        return date.fromisoformat(kept["d"])
    return None if kept is None else str(kept)


def _sealed(said: Any, place: str) -> bytes:
    packed = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return crypto.seal(gzip.compress(packed, compresslevel=5), place)


def _unsealed(sealed: bytes, place: str) -> Any:
    return json.loads(gzip.decompress(crypto.unseal(sealed, place)))
