"""Disputes: what members say is wrong in the book, and what is answered. A correction is a reversal with its reason."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import nudge
from api.tokens import Reader, Recorder, Reverser
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, AskedPart, MemberReference, Page, Reason, cursor
from core import groups, listing
from core.cycle import agenda
from core.db import Tx
from core.treasury import disputes

router = APIRouter(prefix=PREFIX, tags=["disputes"])


class Dispute(BaseModel):
    """What a member said is wrong, and what came of it."""

    id: UUID
    member: UUID
    about: Literal["payment", "leg", "due"]
    subject: UUID = Field(description="the id of the payment, the leg of a payout or the due")
    said: str
    opened_at: datetime
    outcome: Literal["corrected", "stands", "withdrawn"] | None
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None


class NewDispute(Asked):
    """What a member said at a desk or by telephone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member": 7,
                    "about": "payment",
                    "subject": "019ab3c4-0000-7000-8000-000000000001",
                    "said": "it was 1,000",
                }
            ]
        }
    )
    member: MemberReference
    about: Literal["payment", "leg", "due"]
    subject: UUID
    said: Reason


class DisputeAnswer(Asked):
    """Corrected, which reverses what was wrong, or it stands; and why, which both sides read."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "corrected", "words": "the collector counted again"}]}
    )
    outcome: Literal["corrected", "stands"]
    words: Reason


def _shape(row: Any) -> Dispute:
    return Dispute.model_validate(
        {
            "id": row.id,
            "member": row.member_id,
            "about": row.about,
            "subject": row.subject_id,
            "said": row.said,
            "opened_at": row.opened_at,
            "outcome": row.outcome,
            "answer": row.answer,
            "answered_at": row.answered_at,
            "answered_by": row.answered_by,
        }
    )


@router.get("/groups/{group_id}/disputes", summary="List the disputes", response_model=Page[Dispute])
async def list_disputes(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    waiting: Annotated[bool, Query(description="only those without an answer")] = False,
) -> Page[Dispute]:
    """The newest first."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.disputes(tx, group, part.slice(UUID), waiting=waiting)
    return Page(items=[_shape(row) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/disputes/{dispute_id}", summary="Show a dispute", response_model=Dispute)
async def show_dispute(caller: Reader, group_id: UUID, dispute_id: UUID) -> Dispute:
    """One dispute."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        return _shape(await disputes.dispute(tx, group.group_id, dispute_id))


@router.post("/groups/{group_id}/disputes", summary="Write down a dispute", status_code=201, response_model=Dispute)
async def add_dispute(caller: Recorder, group_id: UUID, asked: NewDispute, deed: Once) -> Response:
    """The officers are asked, as when the member says it by chat."""

    async def act(tx: Tx) -> Dispute:
        group = await groups.by_id(tx, group_id)
        who = await member_of(tx, group, asked.member)
        subject = await disputes.subject_of(tx, group, asked.about, asked.subject)
        return _shape(await disputes.raise_(tx, group, who, subject, asked.said))

    return await deed.do(caller, act, status=201)


@router.post("/groups/{group_id}/disputes/{dispute_id}/answer", summary="Answer a dispute", response_model=Dispute)
async def answer_dispute(
    caller: Reverser, group_id: UUID, dispute_id: UUID, asked: DisputeAnswer, deed: Once
) -> Response:
    """Both sides hear the answer."""

    async def act(tx: Tx) -> Dispute:
        group = await groups.by_id(tx, group_id)
        dispute = await disputes.dispute(tx, group.group_id, dispute_id)
        await disputes.answer(tx, group, dispute, by=None, outcome=asked.outcome, words=asked.words)
        await agenda.look_again(tx, group)
        return _shape(dispute)

    return await deed.do(caller, act, after=nudge.tick)
