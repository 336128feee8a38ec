"""The audit log: who did what, when, to what. Append-only; the database refuses to change or remove a row."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Tx
from core.ids import new_id


class AuditRow(Base):
    """One act. ``actor``: member:<id>, person:<id>, admin:<username> or system. No phones, no secrets."""

    __tablename__ = "audit_log"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    group_id: Mapped[UUID | None]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]]


async def note(tx: Tx, action: str, *, subject: str, group_id: UUID | None = None, **details: Any) -> None:
    """Write down an act of ``tx.actor`` in the transaction that does it."""
    await tx.session.execute(
        insert(AuditRow).values(
            id=new_id(),
            tenant_id=tx.tenant_id,
            at=tx.now,
            actor=tx.actor,
            action=action,
            group_id=group_id,
            subject=subject,
            details=details,
        )
    )
