"""Pauses of a running cycle: a time in which no round falls due. What the rules pause each year stands in the rules."""

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from api.tokens import Configurer, Reader
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, MemberReference, Page, Reason
from core import groups
from core.consent import pauses
from core.cycle import pausing
from core.db import Tx
from core.errors import Refusal
from core.groups import Member
from core.operator.rights import require_member

router = APIRouter(prefix=PREFIX, tags=["pauses"])


class NewPause(Asked):
    """An officer (`by`) proposes it. Either until a day, the first that is free again, or for the next `rounds`."""

    by: MemberReference
    until: date | None = None
    rounds: int | None = Field(None, ge=1, le=pausing.MOST_ROUNDS)
    reason: Reason

    @model_validator(mode="after")
    def _either(self) -> "NewPause":
        if (self.until is None) == (self.rounds is None):
            raise ValueError("give either until or rounds")
        return self


class Resumption(Asked):
    """An officer (`by`) proposes that the pause end now."""

    by: MemberReference


class PauseAsked(BaseModel):
    """Another officer, or two members, are asked on their phones; nothing moves before they agree."""

    proposal: UUID


class Pause(BaseModel):
    """No round falls due from `from_on` until `until_on`, the first day that is free again, or `ended_on`."""

    id: UUID
    cycle: int
    from_on: date
    until_on: date
    reason: str
    made_at: datetime
    ended_on: date | None


def _require_officer(by: Member) -> None:
    if by.status != "active":
        raise Refusal("member.suspended")
    require_member(by.role, "pause")


@router.get("/groups/{group_id}/pauses", summary="List the pauses", response_model=Page[Pause])
async def list_pauses(caller: Reader, group_id: UUID) -> Page[Pause]:
    """Of the present cycle, the oldest first."""
    async with caller.transaction() as tx:
        found = await pausing.of_cycle(tx, await groups.by_id(tx, group_id))
    items = [
        Pause(
            id=one.id,
            cycle=one.cycle,
            from_on=one.from_on,
            until_on=one.until_on,
            reason=one.reason,
            made_at=one.made_at,
            ended_on=one.ended_on,
        )
        for one in found
    ]
    return Page(items=items, next=None)


@router.post("/groups/{group_id}/pauses", summary="Propose a pause", status_code=201, response_model=PauseAsked)
async def propose_pause(caller: Configurer, group_id: UUID, asked: NewPause, deed: Once) -> Response:
    """The rounds that have not opened move, by whole steps of the rhythm, to days outside of it."""

    async def act(tx: Tx) -> PauseAsked:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        _require_officer(by)
        until = asked.until or await pausing.until_after(tx, group, asked.rounds or 1)
        made = await pauses.propose(tx, group, by, until_on=until, reason=asked.reason)
        return PauseAsked(proposal=made.id)

    return await deed.do(caller, act, status=201)


@router.post(
    "/groups/{group_id}/pauses/resume", summary="Propose to end a pause", status_code=201, response_model=PauseAsked
)
async def propose_resuming(caller: Configurer, group_id: UUID, asked: Resumption, deed: Once) -> Response:
    """The rounds move back to the next days of the rhythm."""

    async def act(tx: Tx) -> PauseAsked:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        _require_officer(by)
        return PauseAsked(proposal=(await pauses.propose_resuming(tx, group, by)).id)

    return await deed.do(caller, act, status=201)
