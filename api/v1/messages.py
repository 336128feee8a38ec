"""Messages: what was said to people or will be; the words only for who may see phones, codes to nobody."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.tokens import Caller, Reader, Resender
from api.v1.deeds import Once
from api.v1.shapes import PREFIX, AskedPart, Page, cursor
from core import listing
from core.db import Tx
from core.errors import NotFound, Refusal
from core.listing import Slice
from core.operator.audit import note
from core.telling import outbox
from core.telling.outbox import OutboxRow

router = APIRouter(prefix=PREFIX, tags=["messages"])

MessageState = Literal["queued", "sending", "sent", "delivered", "uncertain", "failed", "held"]
# Whoever reads these could become the person they were sent to.
_SECRET_KINDS = frozenset({"link_code"})
_RESENDABLE = frozenset({"failed", "held", "uncertain"})


class SentMessage(BaseModel):
    """A message to one address."""

    id: UUID
    kind: str = Field(description="which sentence it is")
    state: MessageState
    person: UUID | None
    name: str | None
    channel: str
    address: str = Field(description="masked, always")
    group: UUID | None
    language: str
    text: str | None = Field(description="null without the right see_phones, and for codes")
    attempts: int
    reason: str | None = Field(description="why it did not go, or not yet")
    created_at: datetime
    send_after: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


def _shape(row: Any, caller: Caller) -> SentMessage:
    shown = caller.may("see_phones") and row.kind not in _SECRET_KINDS
    return SentMessage(
        id=row.id,
        kind=row.kind,
        state=row.state,
        person=row.person_id,
        name=row.name,
        channel=row.channel,
        address=row.masked,
        group=row.group_id,
        language=row.language,
        text=row.text if shown else None,
        attempts=row.attempts,
        reason=row.reason,
        created_at=row.created_at,
        send_after=row.send_after,
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
    )


async def _one(tx: Tx, caller: Caller, message_id: UUID) -> SentMessage:
    found = (await listing.messages(tx, Slice(limit=1), message_id=message_id)).rows
    if not found:
        raise NotFound("message.unknown")
    return _shape(found[0], caller)


@router.get("/messages", summary="List the messages", response_model=Page[SentMessage])
async def list_messages(
    caller: Reader,
    part: AskedPart,
    state: MessageState | None = None,
    person: UUID | None = None,
    group: UUID | None = None,
) -> Page[SentMessage]:
    """The newest first."""
    async with caller.transaction() as tx:
        page = await listing.messages(tx, part.slice(UUID), state=state, person_id=person, group_id=group)
    return Page(items=[_shape(row, caller) for row in page.rows], next=cursor(page.next))


@router.get("/messages/{message_id}", summary="Show a message", response_model=SentMessage)
async def show_message(caller: Reader, message_id: UUID) -> SentMessage:
    """One message."""
    async with caller.transaction() as tx:
        return await _one(tx, caller, message_id)


@router.post("/messages/{message_id}/resend", summary="Send a message again", response_model=SentMessage)
async def resend_message(caller: Resender, message_id: UUID, deed: Once) -> Response:
    """One that failed, is held back or is uncertain. Who said STOP still gets nothing."""

    async def act(tx: Tx) -> SentMessage:
        row = await tx.session.get(OutboxRow, message_id, with_for_update=True)
        if row is None:
            raise NotFound("message.unknown")
        if row.state not in _RESENDABLE:
            raise Refusal("message.not_resendable", status=row.state)
        await outbox.resend(tx, message_id)
        tx.notified.add(row.address_id)
        await note(tx, "message.resent", group_id=row.group_id, subject=f"message:{row.id}", kind=row.kind)
        return await _one(tx, caller, message_id)

    return await deed.do(caller, act)
