"""Tenants as they are made and changed: code, name, currency, time zone, language, whether they are active.

How a tenant is reached stands in ``core.operator.gateways``; what is remembered of tenants in ``core.people``,
which has to forget it when one was changed (``people.forget_tenants``, after the commit).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import catalogues
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.ids import new_id
from core.money import MINOR_DIGITS
from core.operator.audit import note
from core.people import tidy_name

CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")


class TenantRow(Base):
    """A tenant's row. Not kept apart by row-level security: whoever arrives has to be led to a tenant first."""

    __tablename__ = "tenants"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    status: Mapped[str]
    currency: Mapped[str]
    timezone: Mapped[str]
    language: Mapped[str]
    created_at: Mapped[datetime]


async def page(tx: Tx, *, after: str | None, limit: int, only: UUID | None = None) -> Sequence[TenantRow]:
    """Tenants by code, from the one after ``after``: all of them, or only the one of that id."""
    query = select(TenantRow).order_by(TenantRow.code).limit(limit)
    if after is not None:
        query = query.where(TenantRow.code > after)
    if only is not None:
        query = query.where(TenantRow.id == only)
    return (await tx.session.scalars(query)).all()


async def by_id(tx: Tx, tenant_id: UUID) -> TenantRow:
    """The tenant, active or not. Raises ``NotFound("tenant.unknown")``."""
    found = await tx.session.get(TenantRow, tenant_id)
    if found is None:
        raise NotFound("tenant.unknown")
    return found


def _check(*, currency: str | None = None, timezone: str | None = None, language: str | None = None) -> None:
    if currency is not None and currency not in MINOR_DIGITS:
        raise Refusal("tenant.currency_unknown", known=", ".join(MINOR_DIGITS))
    if timezone is not None and timezone not in available_timezones():
        raise Refusal("tenant.timezone_unknown")
    if language is not None and language not in catalogues.NAMES:
        raise Refusal("language.not_understood", typed=language)


async def create(tx: Tx, *, code: str, name: str, currency: str, timezone: str, language: str) -> TenantRow:
    """Make a tenant. Raises ``Refusal("tenant.…")``; its gateways are configured after the commit."""
    if not CODE.fullmatch(code):
        raise Refusal("tenant.code_not_understood")
    _check(currency=currency, timezone=timezone, language=language)
    made: TenantRow | None = await tx.session.scalar(
        insert(TenantRow)
        .values(
            id=new_id(),
            code=code,
            name=tidy_name(name),
            status="active",
            currency=currency,
            timezone=timezone,
            language=language,
            created_at=tx.now,
        )
        .on_conflict_do_nothing(index_elements=["code"])
        .returning(TenantRow)
    )
    if made is None:
        raise Refusal("tenant.code_taken", code=code)
    await note(tx, "tenant.created", subject=f"tenant:{code}", name=made.name)
    return made


async def change(tx: Tx, tenant: TenantRow, **values: Any) -> None:
    """Change ``name``, ``timezone``, ``language`` or ``status``. A currency stays: books are kept in it."""
    _check(timezone=values.get("timezone"), language=values.get("language"))
    if "name" in values:
        values["name"] = tidy_name(values["name"])
    for field, value in values.items():
        setattr(tenant, field, value)
    await tx.session.flush()
    await note(tx, "tenant.changed", subject=f"tenant:{tenant.code}", **values)
