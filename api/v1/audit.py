"""The audit log: who did what, when, to what. It can be read and nothing else."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.tokens import Reader
from api.v1.shapes import PREFIX, AskedPart, Page, Word, cursor
from core import listing

router = APIRouter(prefix=PREFIX, tags=["audit"])


class Act(BaseModel):
    """One act."""

    id: UUID
    at: datetime
    actor: str = Field(examples=["admin:almaz", "person:0198…", "system"])
    action: str = Field(examples=["payment.recorded"])
    group: UUID | None
    subject: str = Field(examples=["payment:K7QW3D"])
    details: dict[str, Any]


@router.get("/audit", summary="List who did what", response_model=Page[Act])
async def list_audit(
    caller: Reader,
    part: AskedPart,
    group: UUID | None = None,
    actor: Word | None = None,
    action: Word | None = None,
) -> Page[Act]:
    """The newest first."""
    async with caller.transaction() as tx:
        page = await listing.audit(tx, part.slice(UUID), group_id=group, actor=actor, action=action)
    acts = [
        Act(
            id=row.id,
            at=row.at,
            actor=row.actor,
            action=row.action,
            group=row.group_id,
            subject=row.subject,
            details=json.loads(row.details),
        )
        for row in page.rows
    ]
    return Page(items=acts, next=cursor(page.next))
