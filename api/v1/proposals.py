"""What waits for people's own word: proposals of every kind with their answers, and offices, which are accepted.

An administrator looks and asks here; who is asked answers on their own phone.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.tokens import Configurer, Reader
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, AskedPart, MemberReference, Page, cursor
from core import groups, listing
from core.consent import proposals
from core.db import Tx
from core.errors import NotFound
from core.groups import Group
from core.listing import Slice
from core.membership import offices
from core.messages import TELEGRAM, render
from core.messages import Reader as Words
from core.operator.rights import require_member

router = APIRouter(prefix=PREFIX, tags=["proposals and offices"])


class Answer(BaseModel):
    """Somebody who is asked, and what they said."""

    member: UUID
    answer: bool | None = Field(description="null until they say")
    answered_at: datetime | None


class Proposal(BaseModel):
    """Something that others must agree to before it is done."""

    id: UUID
    kind: str = Field(examples=["role", "successor", "guarantee", "cash", "rules"])
    what: str = Field(description="in English")
    made_by: UUID = Field(description="a member")
    made_at: datetime
    expires_at: datetime
    needed: int = Field(description="how many of those asked must agree")
    outcome: Literal["done", "refused", "expired", "withdrawn"] | None
    reason: str | None = Field(description="code of the refusal, where all agreed and it was no longer possible")
    settled_at: datetime | None
    answers: list[Answer]


class Office(Asked):
    """Another office for a member; `by`: the organiser, in whose name it is offered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "secretary", "by": 1}]})
    role: Literal["secretary", "collector", "member"]
    by: MemberReference


class Offered(BaseModel):
    """The proposal that the member is asked about; null where an office was taken away, which is done at once."""

    proposal: UUID | None


async def _shape(tx: Tx, group: Group, row: Any, timezone: str) -> Proposal:
    kept = await tx.session.get(proposals.Proposal, (group.group_id, row.id))
    if kept is None:
        raise NotFound("proposal.unknown")
    what = await proposals.KINDS[kept.kind].describe(tx, group, kept)
    answers = [
        Answer(member=vote.member_id, answer=vote.answer, answered_at=vote.answered_at)
        for vote in await proposals.votes_of(tx, kept)
    ]
    return Proposal.model_validate(
        {
            **{name: getattr(kept, name) for name in Proposal.model_fields if name not in ("what", "answers")},
            "what": render(what, Words("en", TELEGRAM, timezone)).text,
            "answers": answers,
        }
    )


@router.get("/groups/{group_id}/proposals", summary="List the proposals", response_model=Page[Proposal])
async def list_proposals(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    waiting: Annotated[bool, Query(description="only those that wait for answers")] = False,
) -> Page[Proposal]:
    """The newest first, with who has said what."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.proposals(tx, group, part.slice(UUID), waiting=waiting)
        items = [await _shape(tx, group, row, caller.tenant.timezone) for row in page.rows]
    return Page(items=items, next=cursor(page.next))


@router.get("/groups/{group_id}/proposals/{proposal_id}", summary="Show a proposal", response_model=Proposal)
async def show_proposal(caller: Reader, group_id: UUID, proposal_id: UUID) -> Proposal:
    """One proposal."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        found = (await listing.proposals(tx, group, Slice(limit=1), proposal_id=proposal_id)).rows
        if not found:
            raise NotFound("proposal.unknown")
        return await _shape(tx, group, found[0], caller.tenant.timezone)


@router.post(
    "/groups/{group_id}/members/{member_id}/role",
    summary="Offer a member an office",
    status_code=201,
    response_model=Offered,
)
async def offer_office(caller: Configurer, group_id: UUID, member_id: UUID, asked: Office, deed: Once) -> Response:
    """They accept it on their own phone; taking one away (`member`) needs nobody's consent. All are told."""

    async def act(tx: Tx) -> Offered:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        require_member(by.role, "appoint")
        who = await groups.seat(tx, group_id, member_id)
        made = await offices.offer(tx, group, by, who, asked.role)
        return Offered(proposal=made.id if made else None)

    return await deed.do(caller, act, status=201)
