"""Money beside contributions and pots: fines by hand, loans out of a pot, funds. What is told is told as by chat.

Dues of every kind are listed under ``dues``; here is what can be done about them. What needs the consent of others,
lending, spending and taking either back, is proposed here by an officer of the group and agreed to on phones.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import literal, or_, select

from api import nudge
from api.tokens import Payer, Reader, Recorder, Reverser
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, MemberReference, Money, MoneyAsked, Page, Reason
from core import groups
from core.cycle import agenda
from core.cycle.rounds import Due as DueRow
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.membership import excusing
from core.operator.rights import member_may
from core.telling import money_notices
from core.treasury import fines, funds, loans, taking_back
from core.treasury.loans import Loan as LoanRow

router = APIRouter(prefix=PREFIX, tags=["money"])


class Fine(BaseModel):
    """A fine that somebody owes or has paid: a due of the kind `fine`."""

    id: UUID
    member: UUID
    amount: Money
    reason: str | None
    due_at: datetime
    excused_at: datetime | None = Field(description="when it was taken back")


class NewFine(Asked):
    """Whom to fine, how much and what for; the member is told."""

    member: MemberReference
    amount: MoneyAsked
    reason: Reason


class WhyTakenBack(Asked):
    """Why a fine is taken back; the member is told."""

    reason: Reason


class Loan(BaseModel):
    """Money lent out of a pot, and how much of it has come back."""

    id: UUID
    member: UUID
    account: str = Field(examples=["pot/1/3"], description="the pot that it came from and goes back into")
    amount: Money
    repaid: Money
    given_at: datetime
    given_by: str
    reversed_at: datetime | None = Field(description="when it was taken back")


class NewLoan(Asked):
    """An officer (`officer`) lends to a member, who repays in parts with the following rounds."""

    member: MemberReference
    amount: MoneyAsked
    parts: int = Field(ge=1, le=600)
    officer: MemberReference = Field(description="out of whose hand it is given")


class LoanAsked(BaseModel):
    """A loan that was given (`loan`), or whose pot's holders are asked first (`proposal`)."""

    loan: UUID | None
    proposal: UUID | None


class TakingBack(Asked):
    """An officer (`officer`) proposes that it be taken back, and why."""

    officer: MemberReference
    reason: Reason


class NewSpending(Asked):
    """An officer (`officer`) wants to spend of a fund; another officer, or two members, must agree."""

    officer: MemberReference
    fund: str = Field(min_length=1, max_length=40)
    amount: MoneyAsked
    reason: Reason


class Proposed(BaseModel):
    """Somebody is asked on their phone; nothing is done before they agree."""

    proposal: UUID


class Spending(BaseModel):
    """What was spent of a fund."""

    id: UUID
    fund: str
    amount: Money
    reason: str
    spent_at: datetime


class Fund(BaseModel):
    """What was deducted from pots or fined, and is there."""

    name: str
    balance: Money


async def _officer(tx: Tx, group: Group, reference: UUID | int, right: str) -> Member:
    officer = await member_of(tx, group, reference)
    if officer.status != "active" or not member_may(officer.role, right):
        raise Refusal("payout.payer_no_officer")
    return officer


def _fine(due: DueRow, group: Group) -> Fine:
    return Fine(
        id=due.id,
        member=due.member_id,
        amount=Money.of(due.amount_minor, group.currency),
        reason=due.reason,
        due_at=due.due_at,
        excused_at=due.excused_at,
    )


@router.post("/groups/{group_id}/fines", summary="Fine a member", status_code=201, response_model=Fine)
async def fine_member(caller: Recorder, group_id: UUID, asked: NewFine, deed: Once) -> Response:
    """In the present round. What the rules fine by themselves needs no call."""

    async def act(tx: Tx) -> Fine:
        group = await groups.by_id(tx, group_id)
        member = await member_of(tx, group, asked.member)
        who = await groups.seat(tx, group.group_id, member.id)
        amount_minor = asked.amount.minor(group.currency)
        due = await fines.impose(tx, group, member, amount_minor=amount_minor, reason=asked.reason)
        await money_notices.fine_imposed(tx, group, who, due)
        return _fine(due, group)

    return await deed.do(caller, act, status=201, after=nudge.tick)


@router.post("/groups/{group_id}/fines/{fine_id}/take-back", summary="Take a fine back", response_model=Fine)
async def take_fine_back(caller: Reverser, group_id: UUID, fine_id: UUID, asked: WhyTakenBack, deed: Once) -> Response:
    """Nobody owes it any more; what was paid of it is the member's for other dues."""

    async def act(tx: Tx) -> Fine:
        group = await groups.by_id(tx, group_id)
        due = await tx.session.get(DueRow, (group.group_id, fine_id))
        if due is None or due.kind != "fine":
            raise NotFound("fine.unknown")
        await excusing.excuse_due(tx, group, due.id, reason=asked.reason)
        await money_notices.fine_excused(tx, group, await groups.seat(tx, group.group_id, due.member_id), due)
        await agenda.look_again(tx, group)
        return _fine(due, group)

    return await deed.do(caller, act, after=nudge.tick)


@router.get("/groups/{group_id}/loans", summary="List the loans", response_model=Page[Loan])
async def list_loans(
    caller: Reader, group_id: UUID, taken_back: Annotated[bool, Query(description="also those")] = False
) -> Page[Loan]:
    """The oldest first, with what has come back; unless `taken_back`, only those that stand."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        rows = await tx.session.scalars(
            select(LoanRow)
            .where(LoanRow.group_id == group.group_id, or_(literal(taken_back), LoanRow.reversed_at.is_(None)))
            .order_by(LoanRow.given_at, LoanRow.id)
        )
        items = [
            Loan(
                id=row.id,
                member=row.member_id,
                account=row.account,
                amount=Money.of(row.amount_minor, group.currency),
                repaid=Money.of(await loans.repaid(tx, group, row), group.currency),
                given_at=row.given_at,
                given_by=row.given_by,
                reversed_at=row.reversed_at,
            )
            for row in rows.all()
        ]
    return Page(items=items, next=None)


@router.post("/groups/{group_id}/loans", summary="Lend out of the pot", status_code=201, response_model=LoanAsked)
async def lend(caller: Payer, group_id: UUID, asked: NewLoan, deed: Once) -> Response:
    """Out of the newest pot that waits for its holders, who are asked on their phones first."""

    async def act(tx: Tx) -> LoanAsked:
        group = await groups.by_id(tx, group_id)
        officer = await _officer(tx, group, asked.officer, "lend")
        borrower = await groups.seat(tx, group.group_id, (await member_of(tx, group, asked.member)).id)
        amount_minor = asked.amount.minor(group.currency)
        made = await loans.propose(tx, group, officer, borrower, amount_minor=amount_minor, parts=asked.parts)
        given = isinstance(made, LoanRow)
        return LoanAsked(loan=made.id if given else None, proposal=None if given else made.id)

    return await deed.do(caller, act, status=201, after=nudge.tick)


@router.post(
    "/groups/{group_id}/loans/{loan_id}/take-back",
    summary="Propose to take a loan back",
    status_code=201,
    response_model=Proposed,
)
async def take_loan_back(caller: Payer, group_id: UUID, loan_id: UUID, asked: TakingBack, deed: Once) -> Response:
    """While nothing of it is repaid; the borrower is asked."""

    async def act(tx: Tx) -> Proposed:
        group = await groups.by_id(tx, group_id)
        officer = await _officer(tx, group, asked.officer, "lend")
        loan = await tx.session.get(LoanRow, (group.group_id, loan_id))
        if loan is None:
            raise NotFound("loan.unknown")
        made = await taking_back.propose_loan(tx, group, officer, loan, reason=asked.reason)
        return Proposed(proposal=made.id)

    return await deed.do(caller, act, status=201)


@router.get("/groups/{group_id}/spendings", summary="List what was spent", response_model=Page[Spending])
async def list_spendings(caller: Reader, group_id: UUID) -> Page[Spending]:
    """Of any fund, the newest first; what was taken back is left out."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        found = await taking_back.spendings(tx, group)
    items = [
        Spending(
            id=one.id,
            fund=one.fund,
            amount=Money.of(one.amount_minor, group.currency),
            reason=one.reason,
            spent_at=one.at,
        )
        for one in found
    ]
    return Page(items=items, next=None)


@router.post("/groups/{group_id}/spendings", summary="Propose to spend", status_code=201, response_model=Proposed)
async def propose_spending(caller: Payer, group_id: UUID, asked: NewSpending, deed: Once) -> Response:
    """Out of a fund, into the officer's hand who spends it."""

    async def act(tx: Tx) -> Proposed:
        group = await groups.by_id(tx, group_id)
        officer = await _officer(tx, group, asked.officer, "spend")
        fund = await funds.called(tx, group, asked.fund)
        amount_minor = asked.amount.minor(group.currency)
        made = await funds.propose_spending(
            tx, group, officer, fund=fund, amount_minor=amount_minor, reason=asked.reason
        )
        return Proposed(proposal=made.id)

    return await deed.do(caller, act, status=201)


@router.post(
    "/groups/{group_id}/spendings/{spending_id}/take-back",
    summary="Propose to take a spending back",
    status_code=201,
    response_model=Proposed,
)
async def take_spending_back(
    caller: Payer, group_id: UUID, spending_id: UUID, asked: TakingBack, deed: Once
) -> Response:
    """Another officer, or two members, are asked."""

    async def act(tx: Tx) -> Proposed:
        group = await groups.by_id(tx, group_id)
        officer = await _officer(tx, group, asked.officer, "spend")
        spent = await taking_back.spending(tx, group, spending_id=spending_id)
        made = await taking_back.propose_spending(tx, group, officer, spent, reason=asked.reason)
        return Proposed(proposal=made.id)

    return await deed.do(caller, act, status=201)


@router.get("/groups/{group_id}/funds", summary="List the funds", response_model=Page[Fund])
async def list_funds(caller: Reader, group_id: UUID) -> Page[Fund]:
    """By name, with what each holds."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        held = await funds.of_group(tx, group)
    items = [Fund(name=name, balance=Money.of(minor, group.currency)) for name, minor in sorted(held.items())]
    return Page(items=items, next=None)
