"""Payouts: pots on their way to the holders of drawn lots, leg by leg; approving, paying, confirming, taking back."""

import json
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from api import nudge
from api.tokens import Approver, Payer, Reader
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, AskedPart, MemberReference, Money, Name, Number, Page, cursor, lot_name
from core import groups, listing, payouts
from core import sentences as say
from core.cycle import agenda
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group
from core.listing import Slice
from core.operator.audit import note
from core.operator.rights import member_may
from core.telling import notices

router = APIRouter(prefix=PREFIX, tags=["payouts"])


class Deduction(BaseModel):
    """What is taken from a pot before it is paid."""

    kind: str
    amount: Money


class PayoutLeg(BaseModel):
    """A part of a pot to one holder."""

    id: UUID
    member: UUID
    member_number: int
    name: str
    kind: str = Field(description="pot: the holder's part; dividend: another's part of what a bid or fines brought")
    amount: Money
    method: str = Field(description="netted: set off against what the holder owed; in_kind: paid to a supplier")
    supplier: str | None
    status: Literal["planned", "denied", "paid", "received"] = Field(
        description="denied: the holder says that it never came, and it waits again"
    )
    held_by: UUID | None = Field(description="the member out of whose hand it was paid")
    paid_at: datetime | None
    paid_by: str | None
    received_at: datetime | None
    denied_at: datetime | None


class Payout(BaseModel):
    """The pot of one lot."""

    id: UUID
    cycle: int
    round: int
    lot: str
    kind: str = Field(examples=["pot"], description="dividend: out of a fund, when the cycle ends")
    gross: Money
    deductions: list[Deduction]
    amount: Money = Field(description="what the holders receive together")
    status: Literal["planned", "part", "paid", "received"]
    approved_at: datetime | None
    approved_by: str | None
    created_at: datetime
    legs: list[PayoutLeg]


class HowPaid(Asked):
    """How a leg was paid. Cash comes out of an officer's hand: ``held_by`` says whose.

    A pot that is a thing is paid to its supplier (``in_kind``), also out of an officer's hand.
    """

    method: Literal["cash", "bank", "wallet", "in_kind"] = "cash"
    held_by: MemberReference | None = None
    supplier: Name | None = Field(None, description="who sold the thing, where the pot is one; then, and only then")

    @model_validator(mode="after")
    def _thing(self) -> "HowPaid":
        if (self.method == "in_kind") != (self.supplier is not None):
            raise ValueError("a supplier is named where the method is in_kind, and only there")
        return self


class HowTakenBack(Asked):
    """``denied``: the holder says so, rather than the one who recorded it; the officers are told."""

    denied: bool = False


def _leg(said: dict[str, Any], currency: str) -> PayoutLeg:
    if said["received_at"]:
        status = "received"
    elif said["paid_at"]:
        status = "paid"
    else:
        status = "denied" if said["denied_at"] else "planned"
    return PayoutLeg(
        amount=Money.of(said["amount_minor"], currency),
        status=status,
        **{name: value for name, value in said.items() if name != "amount_minor"},
    )


def _shape(row: Any, group: Group) -> Payout:
    legs = [_leg(said, group.currency) for said in json.loads(row.legs)]
    states = {leg.status for leg in legs}
    if states == {"received"}:
        status = "received"
    elif states <= {"received", "paid"}:
        status = "paid"
    else:
        status = "part" if states & {"received", "paid"} else "planned"
    return Payout(
        id=row.id,
        cycle=row.cycle,
        round=row.round,
        lot=lot_name(row.lot),
        kind=row.kind,
        gross=Money.of(row.gross_minor, group.currency),
        deductions=[
            Deduction(kind=item["kind"], amount=Money.of(item["amount_minor"], group.currency))
            for item in json.loads(row.deductions)
        ],
        amount=Money.of(row.amount_minor, group.currency),
        status=status,
        approved_at=row.approved_at,
        approved_by=row.approved_by,
        created_at=row.created_at,
        legs=legs,
    )


async def _one(tx: Tx, group: Group, payout_id: UUID) -> Payout:
    found = (await listing.payouts(tx, group, Slice(limit=1), payout_id=payout_id)).rows
    if not found:
        raise NotFound("payout.unknown")
    return _shape(found[0], group)


async def _leg_of(tx: Tx, group: Group, payout_id: UUID, leg_id: UUID) -> payouts.Leg:
    leg = await payouts.leg(tx, group.group_id, leg_id)
    if leg.payout_id != payout_id:
        raise NotFound("payout.unknown")
    return leg


@router.get("/groups/{group_id}/payouts", summary="List the payouts", response_model=Page[Payout])
async def list_payouts(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    round: Number | None = None,
) -> Page[Payout]:
    """By round and lot."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.payouts(tx, group, part.slice(int, int, int, str), round_number=round)
    return Page(items=[_shape(row, group) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/payouts/{payout_id}", summary="Show a payout", response_model=Payout)
async def show_payout(caller: Reader, group_id: UUID, payout_id: UUID) -> Payout:
    """One payout with its legs."""
    async with caller.transaction() as tx:
        return await _one(tx, await groups.by_id(tx, group_id), payout_id)


@router.post("/groups/{group_id}/payouts/{payout_id}/approve", summary="Approve a payout", response_model=Payout)
async def approve_payout(caller: Approver, group_id: UUID, payout_id: UUID, deed: Once) -> Response:
    """A second person agrees that the pot be paid. Who approved it cannot pay it."""

    async def act(tx: Tx) -> Payout:
        group = await groups.by_id(tx, group_id)
        payout = await tx.session.get(payouts.Payout, (group.group_id, payout_id), with_for_update=True)
        if payout is None:
            raise NotFound("payout.unknown")
        await payouts.approve(tx, group, payout)
        return await _one(tx, group, payout_id)

    return await deed.do(caller, act)


@router.post("/groups/{group_id}/payouts/{payout_id}/legs/{leg_id}/pay", summary="Pay a leg", response_model=Payout)
async def pay_leg(caller: Payer, group_id: UUID, payout_id: UUID, leg_id: UUID, asked: HowPaid, deed: Once) -> Response:
    """As much of it as the pot holds; the rest becomes a further leg. The holder is asked whether it came."""

    async def act(tx: Tx) -> Payout:
        group = await groups.by_id(tx, group_id)
        await _leg_of(tx, group, payout_id, leg_id)
        payer, name = await _who_paid(tx, group, caller.tenant.name, asked)
        leg = await payouts.pay(tx, group, leg_id, payer=payer, method=asked.method, supplier=asked.supplier)
        made = await _one(tx, group, payout_id)
        await notices.leg_paid(tx, group, leg, made.round, name)
        await agenda.look_again(tx, group)
        return made

    return await deed.do(caller, act, after=nudge.tick)


async def _who_paid(tx: Tx, group: Group, tenant_name: str, asked: HowPaid) -> tuple[groups.Member | None, str]:
    """Out of whose hand it came, and the name that the holder is told."""
    if asked.held_by is None:
        if asked.method in ("cash", "in_kind"):
            raise Refusal("payout.payer_needed")
        return None, tenant_name
    payer = await member_of(tx, group, asked.held_by)
    if payer.status != "active" or not member_may(payer.role, "pay_out"):
        raise Refusal("payout.payer_no_officer")
    return payer, (await groups.seat(tx, group.group_id, payer.id)).person.name


@router.post(
    "/groups/{group_id}/payouts/{payout_id}/legs/{leg_id}/receive", summary="Confirm a leg", response_model=Payout
)
async def confirm_leg(caller: Payer, group_id: UUID, payout_id: UUID, leg_id: UUID, deed: Once) -> Response:
    """The holder has said, in some other way than here, that it came. The officers are told."""

    async def act(tx: Tx) -> Payout:
        group = await groups.by_id(tx, group_id)
        leg = await _leg_of(tx, group, payout_id, leg_id)
        await payouts.receive(tx, group, leg)
        await note(tx, "payout.received", group_id=group.group_id, subject=f"leg:{leg.id}")
        holder = await groups.seat(tx, group.group_id, leg.member_id)
        confirmed = say.LEG_CONFIRMED(group=group.name, name=holder.person.name, amount=group.money(leg.amount_minor))
        event = f"confirmed:{leg.id}"
        await notices.tell_officers(tx, group, "pay_out", confirmed, event=event, besides=[holder.person.id])
        await agenda.look_again(tx, group)
        return await _one(tx, group, payout_id)

    return await deed.do(caller, act, after=nudge.tick)


@router.post(
    "/groups/{group_id}/payouts/{payout_id}/legs/{leg_id}/take-back", summary="Take a leg back", response_model=Payout
)
async def take_leg_back(
    caller: Payer, group_id: UUID, payout_id: UUID, leg_id: UUID, asked: HowTakenBack, deed: Once
) -> Response:
    """It was recorded as paid and was not: its transfer is reversed and it waits again."""

    async def act(tx: Tx) -> Payout:
        group = await groups.by_id(tx, group_id)
        leg = await _leg_of(tx, group, payout_id, leg_id)
        bought = bool(leg.supplier)
        await payouts.take_back(tx, group, leg, denied=asked.denied)
        if asked.denied:
            holder = await groups.seat(tx, group.group_id, leg.member_id)
            await notices.leg_denied(tx, group, leg, holder.person.name, bought=bought)
        await agenda.look_again(tx, group)
        return await _one(tx, group, payout_id)

    return await deed.do(caller, act, after=nudge.tick)
