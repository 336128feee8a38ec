"""How lots are found other than by the draw: turns, bids, and the officers' decision. What is computed: see rounds."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from api.tokens import Approver, Configurer, Reader
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, LotReference, MemberReference, Money, lot_name, lot_number
from core import groups
from core.cycle import agenda, rounds
from core.db import Tx
from core.errors import NotFound, Refusal
from core.order import auctions, found, needs, orders, turns
from core.order.found import lot_called

router = APIRouter(prefix=PREFIX, tags=["turns, bids and decisions"])


class Turn(BaseModel):
    """Which lot receives in which round, as it stands now."""

    round: int
    ordinal: int = Field(description="1 for the first lot of the round")
    lot: str = Field(examples=["L007"])
    source: str = Field(description="fixed by the group, or drawn_once")
    received: bool


class Turns(BaseModel):
    """The turns of the present cycle, in order; none where lots are found in another way."""

    items: list[Turn]


class NewTurn(Asked):
    """A lot's turn, while the group forms."""

    lot: LotReference
    round: int = Field(ge=1, le=600)


class Bid(BaseModel):
    """A bid as it was made. It names numbers, not people."""

    lot: str = Field(examples=["L007"])
    member_number: int
    amount: Money
    made_at: datetime
    stands: bool = Field(description="false: replaced by a later one of the same lot")


class Bids(BaseModel):
    """The bids of a round, in the order they were made."""

    items: list[Bid]


class Decision(Asked):
    """Who receives in the round whose list is fixed, where officers decide by need."""

    member: MemberReference


class Decided(BaseModel):
    """What was decided. ``code``: of the record, which says that an administrator did."""

    round: int
    lot: str
    code: str


async def _turns(tx: Tx, group: groups.Group) -> Turns:
    done = await found.lots_received(tx, group)
    return Turns(
        items=[
            Turn(
                round=turn.round_number,
                ordinal=turn.ordinal,
                lot=lot_name(lot.number),
                source=turn.source,
                received=lot.number in done,
            )
            for turn, lot in await turns.of_cycle(tx, group)
        ]
    )


@router.get("/groups/{group_id}/turns", summary="List the turns", response_model=Turns)
async def list_turns(caller: Reader, group_id: UUID) -> Turns:
    """Whose turn is when. While a group forms only those that were set; the others follow by lot number."""
    async with caller.transaction() as tx:
        return await _turns(tx, await groups.by_id(tx, group_id))


@router.post("/groups/{group_id}/turns", summary="Set a turn", response_model=Turns, status_code=201)
async def set_turn(caller: Configurer, group_id: UUID, asked: NewTurn, once: Once) -> Response:
    """Before the cycle begins; a lot that had the place changes places with this one."""

    async def act(tx: Tx) -> BaseModel:
        group = await groups.by_id(tx, group_id)
        known = {held.lot_number for held in await groups.holdings(tx, group)}
        if lot_number(asked.lot) not in known:
            raise NotFound("lot.unknown", lots=group.rule_set.lots)
        lot = await lot_called(tx, group, group.cycle, lot_name(lot_number(asked.lot)))
        await turns.set_turn(tx, group, lot, asked.round)
        return await _turns(tx, group)

    return await once.do(caller, act, status=201)


@router.get("/groups/{group_id}/rounds/{number}/bids", summary="List the bids of a round", response_model=Bids)
async def list_bids(caller: Reader, group_id: UUID, number: Annotated[int, Path(ge=1, le=1_000_000)]) -> Bids:
    """Sealed bids are shown to nobody, administrators neither, before the cut-off."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        round_ = await rounds.round_by_number(tx, group, number)
        if round_ is None:
            raise NotFound("round.unknown")
        if group.rule_set.auction.form == "sealed" and round_.frozen_at is None and round_.drawn_at is None:
            raise Refusal("auction.sealed")
        return Bids(
            items=[
                Bid(
                    lot=lot_name(lot),
                    member_number=member,
                    amount=Money.of(bid.discount_minor, group.currency),
                    made_at=bid.made_at,
                    stands=bid.withdrawn_at is None,
                )
                for bid, lot, member in await auctions.all_bids(tx, round_)
            ]
        )


@router.post("/groups/{group_id}/decisions", summary="Decide who receives", response_model=Decided, status_code=201)
async def decide(caller: Approver, group_id: UUID, asked: Decision, once: Once) -> Response:
    """In the round whose list is fixed, where the rules decide by need. Every member hears who it was and how."""

    async def act(tx: Tx) -> BaseModel:
        group = await groups.by_id(tx, group_id)
        who = await member_of(tx, group, asked.member)
        seat = await groups.seat(tx, group.group_id, who.id)
        round_, held = await needs.decide(tx, group, seat, officer=None)
        await orders.decided(tx, group, round_, held)
        await agenda.wake_now(tx, group)
        return Decided(round=round_.number, lot=lot_name(held.lot.number), code=held.draw.code)

    return await once.do(caller, act, status=201)
