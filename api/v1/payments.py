"""Payments: contributions that officers recorded or members claimed; recording, verifying, declining, reversing.

Whatever is done here is told to the same people as when it is done by chat.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import nudge
from api.tokens import Caller, Reader, Recorder, Reverser
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, AskedPart, MemberReference, Money, MoneyAsked, Page, Reason, cursor
from core import groups, listing
from core.cycle import agenda
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group
from core.listing import Slice
from core.operator.audit import note
from core.operator.rights import member_may
from core.telling import notices
from core.treasury import contributions
from core.treasury.contributions import Payment as PaymentRow

router = APIRouter(prefix=PREFIX, tags=["payments"])

Method = Literal["cash", "bank", "wallet"]
PaymentStatus = Literal["claimed", "declined", "recorded", "verified", "reversed"]


class Payment(BaseModel):
    """A contribution on its way from said to proved."""

    id: UUID
    code: str = Field(description="of the receipt")
    group: UUID
    group_code: str
    member: UUID
    member_number: int
    name: str
    amount: Money
    method: str
    status: PaymentStatus
    held_by: UUID | None = Field(description="the member who has the money for the group")
    reference: str | None
    claimed_at: datetime | None
    recorded_at: datetime | None
    recorded_by: str | None
    verified_at: datetime | None
    verified_by: str | None
    declined_at: datetime | None
    declined_by: str | None
    reversed_at: datetime | None
    reversed_by: str | None
    reason: str | None
    created_at: datetime


class NewPayment(Asked):
    """Money that came in. Cash is in an officer's hand: ``held_by`` says whose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"member": 7, "amount": {"amount": "1000.00", "currency": "ETB"}, "method": "cash", "held_by": 1}
            ]
        }
    )
    member: MemberReference
    amount: MoneyAsked
    method: Method = "cash"
    held_by: MemberReference | None = None
    reference: str | None = Field(None, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")


class NewPaymentOf(NewPayment):
    """The same, for a payment that is not addressed through its group."""

    model_config = ConfigDict(json_schema_extra=None)
    group: UUID


class WhyReversed(Asked):
    """Why it is taken back; the payer is told."""

    reason: Reason


def _shape(row: Any) -> Payment:
    if row.reversed_at:
        status = "reversed"
    elif row.verified_at:
        status = "verified"
    elif row.recorded_at:
        status = "recorded"
    else:
        status = "declined" if row.declined_at else "claimed"
    values = {name: value for name, value in row._mapping.items() if name in Payment.model_fields}
    return Payment(
        **values | {"amount": Money.of(row.amount_minor, row.currency)},
        group=row.group_id,
        member=row.member_id,
        status=status,
    )


async def _row(tx: Tx, payment_id: UUID) -> Any:
    found = (await listing.payments(tx, Slice(limit=1), payment_id=payment_id)).rows
    if not found:
        raise NotFound("payment.unknown")
    return found[0]


async def _found(tx: Tx, payment_id: UUID) -> tuple[Group, groups.Member, PaymentRow]:
    """A payment that is to be changed, with its group and payer."""
    group_id = (await _row(tx, payment_id)).group_id
    payment = await contributions.payment(tx, group_id, payment_id)
    return await groups.by_id(tx, group_id), await groups.member(tx, group_id, payment.member_id), payment


@router.get("/payments", summary="List the payments", response_model=Page[Payment])
async def list_payments(
    caller: Reader,
    part: AskedPart,
    group: UUID | None = None,
    member: Annotated[UUID | None, Query(description="a member's id")] = None,
    status: PaymentStatus | None = None,
) -> Page[Payment]:
    """Of the whole tenant, or of one group; the newest first."""
    async with caller.transaction() as tx:
        page = await listing.payments(tx, part.slice(UUID), group_id=group, member_id=member, status=status)
    return Page(items=[_shape(row) for row in page.rows], next=cursor(page.next))


@router.get("/payments/{payment_id}", summary="Show a payment", response_model=Payment)
async def show_payment(caller: Reader, payment_id: UUID) -> Payment:
    """One payment."""
    async with caller.transaction() as tx:
        return _shape(await _row(tx, payment_id))


@router.get("/groups/{group_id}/payments", summary="List a group's payments", response_model=Page[Payment])
async def list_group_payments(
    caller: Reader, group_id: UUID, part: AskedPart, status: PaymentStatus | None = None
) -> Page[Payment]:
    """The newest first."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.payments(tx, part.slice(UUID), group_id=group.group_id, status=status)
    return Page(items=[_shape(row) for row in page.rows], next=cursor(page.next))


@router.post("/payments", summary="Record a payment", status_code=201, response_model=Payment)
async def record_payment(caller: Recorder, asked: NewPaymentOf, deed: Once) -> Response:
    """Settles the member's dues, the oldest first; what is left over waits as paid in advance.

    A claim of the same amount that waits for an answer is what this answers, and is verified by it.
    """
    return await _record(caller, asked.group, asked, deed)


@router.post(
    "/groups/{group_id}/payments", summary="Record a payment in a group", status_code=201, response_model=Payment
)
async def record_group_payment(caller: Recorder, group_id: UUID, asked: NewPayment, deed: Once) -> Response:
    """The same as `POST /payments`, addressed through the group."""
    return await _record(caller, group_id, asked, deed)


async def _record(caller: Caller, group_id: UUID, asked: NewPayment, deed: Once) -> Response:
    async def act(tx: Tx) -> Payment:
        group = await groups.by_id(tx, group_id)
        who = await member_of(tx, group, asked.member)
        amount_minor = asked.amount.minor(group.currency)
        holder = await _holder(tx, group, asked)
        claims = await contributions.waiting_claims(tx, group.group_id, member_id=who.id)
        settled = await contributions.record(
            tx,
            group,
            who,
            amount_minor=amount_minor,
            holder=holder,
            method=asked.method,
            claimed=next((claim for claim in claims if claim.amount_minor == amount_minor), None),
            account=None if holder else f"provider/{asked.method}",
            reference=asked.reference,
        )
        payment = settled.payment
        await note(
            tx,
            "payment.recorded",
            group_id=group.group_id,
            subject=f"payment:{payment.code}",
            member=who.number,
            amount_minor=amount_minor,
            method=asked.method,
        )
        await notices.receipt(tx, group, who, settled)
        await agenda.look_again(tx, group)
        return _shape(await _row(tx, payment.id))

    return await deed.do(caller, act, status=201, after=nudge.tick)


async def _holder(tx: Tx, group: Group, asked: NewPayment) -> groups.Member | None:
    if asked.held_by is None:
        if asked.method == "cash":
            raise Refusal("payment.holder_needed")
        return None
    holder = await member_of(tx, group, asked.held_by)
    if holder.status != "active" or not member_may(holder.role, "record"):
        raise Refusal("payment.holder_no_officer")
    return holder


@router.post("/payments/{payment_id}/verify", summary="Verify a payment", response_model=Payment)
async def verify_payment(caller: Recorder, payment_id: UUID, deed: Once) -> Response:
    """A statement or the other side proves what was recorded."""

    async def act(tx: Tx) -> Payment:
        group, _, payment = await _found(tx, payment_id)
        await contributions.verify(tx, group, payment)
        await note(tx, "payment.verified", group_id=group.group_id, subject=f"payment:{payment.code}")
        return _shape(await _row(tx, payment_id))

    return await deed.do(caller, act)


@router.post("/payments/{payment_id}/decline", summary="Decline a claimed payment", response_model=Payment)
async def decline_payment(caller: Recorder, payment_id: UUID, deed: Once) -> Response:
    """The money that a member claims to have paid never came. The member is told."""

    async def act(tx: Tx) -> Payment:
        group, who, payment = await _found(tx, payment_id)
        await contributions.decline(tx, group, payment)
        await notices.declined(tx, group, who, payment)
        return _shape(await _row(tx, payment_id))

    return await deed.do(caller, act)


@router.post("/payments/{payment_id}/reverse", summary="Reverse a payment", response_model=Payment)
async def reverse_payment(caller: Reverser, payment_id: UUID, asked: WhyReversed, deed: Once) -> Response:
    """Every transfer it made is reversed and its dues are open again; the payer and the officers hear why.

    Refused (409) when the money has left the pot already: the payout has to be taken back first.
    """

    async def act(tx: Tx) -> Payment:
        group, who, payment = await _found(tx, payment_id)
        await contributions.reverse(tx, group, payment, reason=asked.reason)
        await notices.reversed_payment(tx, group, who, payment)
        await agenda.look_again(tx, group)
        return _shape(await _row(tx, payment_id))

    return await deed.do(caller, act, after=nudge.tick)
