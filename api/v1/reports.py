"""Papers for the office: the book of a group and the statement of a member as files, the picture of its circle.

Read in a snapshot, compared with the ledger, and made while others are answered. Nothing here shows a phone.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.tokens import Caller, Reader
from api.v1.members import member_of
from api.v1.shapes import PREFIX, LanguageCode, Money, Page, lot_name
from core import catalogues, groups, papers
from core.db import transaction
from core.groups import Group
from core.papers import Book, Hand

router = APIRouter(prefix=PREFIX, tags=["papers"])

Form = Literal["pdf", "csv", "xlsx"]
FILE_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}

AskedLanguage = Annotated[LanguageCode | None, Query(description="the tenant's unless given")]
AskedCalendar = Annotated[
    Literal["ethiopian", "gregorian"] | None, Query(description="that of most readers of the language unless given")
]
AskedTable = Annotated[
    Literal["members", "lots", "rounds", "dues", "contributions", "payouts", "accounts", "ledger"],
    Query(description="which table a CSV file holds"),
]


def files(*forms: str) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes an answer that is a file."""
    content = {FILE_TYPES[form].partition(";")[0]: _BINARY for form in forms}
    return {200: {"description": "The file.", "content": content}}


class Report(BaseModel):
    """Something that can be had of a group. ``path`` follows ``/api/v1``."""

    name: str
    about: str
    formats: list[str]
    path: str


class StatementTotals(BaseModel):
    """How a member stands."""

    due: Money = Field(description="what fell due or was called for, without what was excused")
    paid_in: Money
    open: Money
    late: Money
    advance: Money
    received: Money = Field(description="was paid out to the member")
    promised: Money = Field(description="of drawn lots, not paid out yet")


class StatementDue(BaseModel):
    """A due of the member, with the receipts of what was paid of it."""

    cycle: int
    round: int
    lot: str
    kind: str
    amount: Money
    paid: Money
    due_at: datetime
    paid_at: datetime | None
    status: Literal["paid", "part", "open", "late", "excused"]
    receipts: list[str]


class StatementPayment(BaseModel):
    """A contribution of the member."""

    receipt: str
    amount: Money
    method: str
    status: Literal["claimed", "declined", "recorded", "verified", "reversed"]
    claimed_at: datetime | None
    recorded_at: datetime | None


class StatementLeg(BaseModel):
    """A part of a pot for the member."""

    cycle: int
    round: int
    lot: str
    amount: Money
    method: str
    status: str
    paid_at: datetime | None
    received_at: datetime | None


class MemberStatement(BaseModel):
    """What concerns one member of a group. It was compared with the ledger when it was made."""

    group: UUID
    code: str
    name: str
    currency: str
    member: int = Field(description="the number in the group")
    member_name: str
    as_of: datetime
    totals: StatementTotals
    dues: list[StatementDue]
    payments: list[StatementPayment]
    payouts: list[StatementLeg]


@router.get("/groups/{group_id}/reports", summary="List what can be had of a group", response_model=Page[Report])
async def list_reports(caller: Reader, group_id: UUID) -> Page[Report]:
    """The reports of a group, the forms in which each can be had, and where."""
    async with caller.transaction() as tx:
        await groups.by_id(tx, group_id)
    path = f"/groups/{group_id}"
    items = [
        Report(
            name="book",
            about="the whole book: members, lots, rounds, dues, contributions, payouts, where the money is",
            formats=["pdf", "csv", "xlsx"],
            path=f"{path}/reports/book",
        ),
        Report(name="circle", about="who has received, who is due", formats=["png"], path=f"{path}/reports/circle"),
        Report(
            name="statement",
            about="the statement of one member: add its number or id as `member`",
            formats=["json", "pdf", "csv", "xlsx"],
            path=f"{path}/statement",
        ),
    ]
    return Page(items=items, next=None)


@router.get(
    "/groups/{group_id}/reports/book",
    summary="The whole book of a group",
    response_class=Response,
    responses=files("pdf", "csv", "xlsx"),
)
async def book(
    caller: Reader,
    group_id: UUID,
    format: Form = "pdf",
    language: AskedLanguage = None,
    calendar: AskedCalendar = None,
    table: AskedTable = "dues",
) -> Response:
    """To be printed and signed (`pdf`), or opened as a spreadsheet (`xlsx`: every table; `csv`: one of them)."""
    return await file_of(caller, group_id, form=format, hand=hand_of(caller, language, calendar), table=table)


@router.get(
    "/groups/{group_id}/reports/circle",
    summary="The picture of a group's circle",
    response_class=Response,
    responses=files("png"),
)
async def circle(
    caller: Reader, group_id: UUID, language: AskedLanguage = None, calendar: AskedCalendar = None
) -> Response:
    """Who has received, who is in the draw, who has paid, who is due or late."""
    hand = hand_of(caller, language, calendar)
    async with transaction(caller.tenant.id, snapshot=True) as tx:
        group = await groups.by_id(tx, group_id)
        shown = await papers.circle_of(tx, group)
    made = await asyncio.to_thread(papers.draw_circle, shown, hand)
    return _file(made, "png", f"{group.code}-circle")


def hand_of(caller: Caller, language: str | None, calendar: str | None) -> Hand:
    """For whom it is written: as asked, else as the tenant's people read."""
    usual = caller.tenant.language if caller.tenant.language in catalogues.languages() else "en"
    chosen = language or usual
    return Hand(chosen, calendar or catalogues.usual_calendar(chosen), caller.tenant.timezone)


async def file_of(
    caller: Caller,
    group_id: UUID,
    *,
    form: Form,
    hand: Hand,
    member: UUID | int | None = None,
    table: str = "dues",
) -> Response:
    """The book of a group, or a member's part of it, as a file."""
    transfers = form == "xlsx" or (form == "csv" and table == "ledger")
    group, shown = await _read(caller, group_id, member, with_transfers=transfers)
    if form == "csv":
        made = await asyncio.to_thread(papers.csv_of, shown, hand, table)
    else:
        made = await asyncio.to_thread(papers.RENDERERS[form], shown, hand)
    what = f"-{table}" if form == "csv" else ""
    return _file(made, form, f"{group.code}-{'book' if shown.of is None else f'statement-{shown.of}'}{what}")


async def _read(
    caller: Caller, group_id: UUID, member: UUID | int | None, *, with_transfers: bool = False
) -> tuple[Group, Book]:
    async with transaction(caller.tenant.id, snapshot=True) as tx:
        group = await groups.by_id(tx, group_id)
        if member is None:
            return group, await papers.whole(tx, caller.tenant, group, with_transfers=with_transfers)
        who = await member_of(tx, group, member)
        return group, await papers.of_member(tx, caller.tenant, group, who.number)


def _file(content: bytes, form: str, name: str) -> Response:
    headers = _HEADERS | {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Response(content, media_type=FILE_TYPES[form], headers=headers)


async def statement_of(caller: Caller, group_id: UUID, member: UUID | int) -> MemberStatement:
    """A member's statement as data."""
    group, shown = await _read(caller, group_id, member)
    one, now = shown.members[0], shown.facts.as_of

    def money(minor: int) -> Money:
        return Money.of(minor, group.currency)

    return MemberStatement(
        group=group.group_id,
        code=group.code,
        name=group.name,
        currency=group.currency,
        member=one.number,
        member_name=one.name,
        as_of=now,
        totals=StatementTotals(
            due=money(one.owed_minor),
            paid_in=money(shown.totals.paid_in_minor),
            open=money(one.open_minor),
            late=money(one.late_minor),
            advance=money(one.advance_minor),
            received=money(one.received_minor),
            promised=money(one.promised_minor),
        ),
        dues=[
            StatementDue(
                cycle=due.cycle,
                round=due.round,
                lot=lot_name(due.lot),
                kind=due.kind,
                amount=money(due.amount_minor),
                paid=money(due.paid_minor),
                due_at=due.due_at,
                paid_at=due.paid_at if due.paid_minor else None,
                status=due.status(now),
                receipts=due.receipts.split(),
            )
            for due in shown.dues
        ],
        payments=[
            StatementPayment(
                receipt=payment.receipt,
                amount=money(payment.amount_minor),
                method=payment.method,
                status=payment.status,
                claimed_at=payment.claimed_at,
                recorded_at=payment.recorded_at,
            )
            for payment in shown.payments
        ],
        payouts=[
            StatementLeg(
                cycle=payout.cycle,
                round=payout.round,
                lot=lot_name(payout.lot),
                amount=money(leg.amount_minor),
                method=leg.method,
                status=leg.status,
                paid_at=leg.paid_at,
                received_at=leg.received_at,
            )
            for payout in shown.payouts
            for leg in payout.legs
        ],
    )
