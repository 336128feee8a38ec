"""The book of a group: its accounts, its transfers, and the statement that shows both together. Read only.

Nothing is ever posted here: money moves by payments and payouts, and a mistake is reversed there.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.tokens import Caller, Reader
from api.v1.reports import AskedCalendar, AskedLanguage, MemberStatement, file_of, files, hand_of, statement_of
from api.v1.shapes import PREFIX, AskedPart, MemberQuery, Money, Page, Part, cursor
from core import groups, listing
from core.groups import Group
from core.ledger import Transfer as TransferRow
from core.listing import Account as AccountRow

router = APIRouter(prefix=PREFIX, tags=["ledger"])

AskedGroup = Annotated[UUID, Query(description="the group whose book it is")]


class Account(BaseModel):
    """An account. ``pot/1/2``: the pot of cycle 1, round 2; ``held/3``: what member 3 has in hand for the group."""

    id: UUID
    name: str
    kind: str = Field(description="debit: money that somebody has; credit: money that is owed")
    balance: Money = Field(description="on its own side")


class Transfer(BaseModel):
    """An amount from one account to another. Never changed; a mistake has a transfer that reverses it."""

    id: UUID
    kind: str
    debit: str
    credit: str
    amount: Money
    at: datetime = Field(description="when it happened")
    posted_at: datetime = Field(description="when it was written")
    reference: str
    payment: UUID | None
    due: UUID | None
    leg: UUID | None
    reverses: UUID | None
    memo: str
    hash: str = Field(description="of the chain that it is a link of")


class StatementLine(Transfer):
    """A transfer, and what stood on both its accounts after it."""

    debit_balance: Money
    credit_balance: Money


class Totals(BaseModel):
    """Of the whole book, less what was reversed."""

    paid_in: Money = Field(serialization_alias="in", description="came into the pots for dues")
    paid_out: Money = Field(serialization_alias="out", description="was paid to holders")
    fees: Money = Field(description="the organiser's")


class Statement(BaseModel):
    """Every transfer of a group, page by page: what one page closes with the next one opens with."""

    group: UUID
    code: str
    name: str
    currency: str
    totals: Totals
    opening: list[Account] = Field(description="the accounts before the first line")
    items: list[StatementLine]
    closing: list[Account] = Field(description="the accounts after the last line")
    next: str | None


def _account(row: AccountRow, group: Group, balance_minor: int) -> Account:
    return Account(
        # An account is known by group and name; this names it in one word, always the same.
        id=uuid5(group.group_id, row.name),
        name=row.name,
        kind="debit" if row.debit_normal else "credit",
        balance=Money.of(balance_minor, group.currency),
    )


def _transfer(row: TransferRow) -> Transfer:
    return Transfer(
        id=row.id,
        kind=row.kind,
        debit=row.debit,
        credit=row.credit,
        amount=Money.of(row.amount_minor, row.currency),
        at=row.at,
        posted_at=row.posted_at,
        reference=row.reference,
        payment=row.payment_id,
        due=row.due_id,
        leg=row.payout_leg_id,
        reverses=row.reverses,
        memo=row.memo,
        hash=row.hash.hex(),
    )


@router.get("/ledger/accounts", summary="List the accounts of a group", response_model=Page[Account])
async def list_accounts(caller: Reader, group: AskedGroup) -> Page[Account]:
    """All of them by name, with their balances now."""
    async with caller.transaction() as tx:
        of_group = await groups.by_id(tx, group)
        rows = await listing.accounts_at(tx, of_group)
    return Page(items=[_account(row, of_group, row.balance_minor) for row in rows], next=None)


@router.get("/ledger/transfers", summary="List the transfers of a group", response_model=Page[Transfer])
async def list_transfers(
    caller: Reader,
    group: AskedGroup,
    part: AskedPart,
    account: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z0-9/_-]+$", examples=["held/3"])] = None,
) -> Page[Transfer]:
    """In the order of the book; all, or those of one account."""
    async with caller.transaction() as tx:
        of_group = await groups.by_id(tx, group)
        rows, following = await listing.transfers(tx, of_group, part.slice(UUID), account=account)
    return Page(items=[_transfer(row) for row in rows], next=cursor(following))


@router.get(
    "/groups/{group_id}/statement",
    summary="Show the statement of a group or of a member",
    response_model=Statement | MemberStatement,
    responses=files("pdf", "csv", "xlsx"),
)
async def show_statement(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    member: MemberQuery | None = None,
    format: Literal["json", "pdf", "csv", "xlsx"] = "json",
    language: AskedLanguage = None,
    calendar: AskedCalendar = None,
) -> Statement | MemberStatement | Response:
    """Of the group: every transfer with the balances that it left behind, page by page. Of one `member`: dues,
    contributions with receipts, payouts. As a file (`pdf`, `csv`, `xlsx`) it is written for people, in `language`."""
    if format != "json":
        hand = hand_of(caller, language, calendar)
        return await file_of(caller, group_id, form=format, hand=hand, member=member)
    if member is not None:
        return await statement_of(caller, group_id, member)
    return await _transfers_of(caller, group_id, part)


async def _transfers_of(caller: Caller, group_id: UUID, part: Part) -> Statement:
    wanted = part.slice(UUID)
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        rows, following = await listing.transfers(tx, group, wanted)
        opening = await listing.accounts_at(tx, group, until=wanted.after[0] if wanted.after else UUID(int=0))
        paid_in, paid_out, fees = await listing.money_moved(tx, group)
    accounts = {account.name: account for account in opening}
    balances = {account.name: account.balance_minor for account in opening}
    lines = []
    for row in rows:
        for name, change in ((row.debit, row.amount_minor), (row.credit, -row.amount_minor)):
            balances[name] += change if accounts[name].debit_normal else -change
        lines.append(
            StatementLine(
                **_transfer(row).model_dump(),
                debit_balance=Money.of(balances[row.debit], group.currency),
                credit_balance=Money.of(balances[row.credit], group.currency),
            )
        )
    totals = Totals(
        paid_in=Money.of(paid_in, group.currency),
        paid_out=Money.of(paid_out, group.currency),
        fees=Money.of(fees, group.currency),
    )
    return Statement(
        group=group.group_id,
        code=group.code,
        name=group.name,
        currency=group.currency,
        totals=totals,
        opening=[_account(row, group, row.balance_minor) for row in opening],
        items=lines,
        closing=[_account(row, group, balances[row.name]) for row in opening],
        next=cursor(following),
    )
