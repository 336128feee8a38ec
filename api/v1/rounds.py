"""Rounds of a group, what falls due in them, and the draws with their proofs. Nothing here changes anything."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.tokens import Reader
from api.v1 import rules as shapes_of_rules
from api.v1.members import member_of
from api.v1.shapes import PREFIX, AskedPart, MemberQuery, Money, Number, Page, cursor, lot_name
from core import groups, listing
from core.errors import NotFound
from core.groups import Group
from core.ids import tidy_code
from core.listing import DueLine, Slice
from core.order import draws, found
from core.order.draw import Proof, Record
from core.rules import Order
from core.settings import settings

router = APIRouter(prefix=PREFIX, tags=["rounds, dues and draws"])


class Round(BaseModel):
    """One period: it opens, falls due, its list is frozen at the cut-off, its lots are drawn."""

    id: UUID
    cycle: int
    number: int
    status: Literal["planned", "open", "frozen", "drawn"]
    opens_at: datetime
    due_at: datetime
    cutoff_at: datetime
    draw_at: datetime
    opened_at: datetime | None
    frozen_at: datetime | None
    drawn_at: datetime | None
    beacon_round: int = Field(description="the round of the public beacon that decides the draw; 0: none did, on paper")
    attempt: int = Field(description="more than 1 when no lot could be drawn before")
    order: Order = Field(description="how its lots are found")
    owed: Money = Field(description="what falls due in it, without excused dues")
    collected: Money = Field(description="what has come into its pot, less what was reversed")
    pot: Money = Field(description="what a drawn lot receives when everybody pays")
    lots: list[str] = Field(description="drawn in it, in order", examples=[["L007"]])


class Due(BaseModel):
    """What one holding owes for one round."""

    id: UUID
    member: UUID
    member_number: int
    name: str
    cycle: int
    round: int
    lot: str
    kind: str = Field(examples=["contribution", "fee", "fine", "loan"])
    account: str = Field(examples=["pot/1/3", "fund/fines"], description="what a payment of it is credited to")
    reason: str | None = Field(description="what an officer said about it")
    amount: Money
    paid: Money
    due_at: datetime
    status: Literal["paid", "part", "open", "late", "excused"] = Field(description="from the ledger")


class Draw(BaseModel):
    """How a lot was found; of a computed draw with everything that is needed to check it.

    ``kind``: drawn; turn (its turn had come), organiser (the rules give round 1 to the organiser), need (officers
    decided), auction (the highest bid, or by lot among equal ones), witnessed (paper lots, before two witnesses) or
    paper (before the equb came here).
    """

    id: UUID
    code: str
    cycle: int
    round: int
    ordinal: int = Field(description="1 for the first draw of the round")
    kind: str
    computed: bool = Field(description="whether it was computed, and can be; else `proof` is a sealed record of it")
    how: dict[str, str] = Field(description="of a lot that was not computed: what belongs to its kind")
    list: str | None = Field(description="the lots it chose from, one a line; its SHA-256 is list_hash")
    list_hash: str | None
    beacon_round: int | None
    beacon: str | None = Field(description="the beacon's randomness, in hex")
    link: str | None = Field(description="of the sealed chain, in hex")
    lot: str = Field(examples=["L007"])
    drawn_at: datetime
    proof: dict[str, Any] = Field(
        description="the whole proof (equb-draw-v1); of a lot that was not computed the record of it (equb-record-v1);"
        " of a draw held on paper before the equb came here, which has no list, the record of that (equb-paper-v1)"
    )
    verify_at: str = Field(description="the page where anybody can check it")


def _round(row: Any, group: Group) -> Round:
    if row.drawn_at:
        status = "drawn"
    elif row.frozen_at:
        status = "frozen"
    else:
        status = "open" if row.opened_at else "planned"
    values = {name: value for name, value in row._mapping.items() if name not in ("rules", "owed", "collected", "lots")}
    return Round(
        **values,
        status=status,
        owed=Money.of(row.owed, group.currency),
        collected=Money.of(row.collected, group.currency),
        order=draws.order_of(shapes_of_rules.read(row.rules), row.number),
        pot=Money.of(shapes_of_rules.read(row.rules).pot_minor, group.currency),
        lots=[lot_name(number) for number in json.loads(row.lots)],
    )


def _due(line: DueLine, group: Group, now: datetime) -> Due:
    row = line.row
    return Due(
        id=row.id,
        member=row.member_id,
        member_number=row.member_number,
        name=row.name,
        cycle=row.cycle,
        round=row.round,
        lot=lot_name(row.lot),
        kind=row.kind,
        account=row.account,
        reason=row.reason,
        amount=Money.of(row.amount_minor, group.currency),
        paid=Money.of(line.paid_minor, group.currency),
        due_at=row.due_at,
        status=line.status(now),
    )


def _draw(row: Any) -> Draw:
    kept = found.read_kept(row.proof)
    listed = kept if isinstance(kept, Proof | Record) else None
    computed = kept if isinstance(kept, Proof) else None
    return Draw(
        id=row.id,
        code=row.code,
        cycle=row.cycle,
        round=row.round,
        ordinal=row.ordinal,
        kind=row.kind,
        computed=computed is not None,
        how=dict(kept.how) if isinstance(kept, Record) else {},
        list=listed.list_text if listed else None,
        list_hash=listed.list_hash if listed else None,
        beacon_round=computed.beacon.round if computed else None,
        beacon=computed.beacon.randomness if computed else None,
        link=computed.link if computed else None,
        lot=kept.lot,
        drawn_at=row.drawn_at,
        proof=json.loads(row.proof),
        verify_at=f"{settings().public_url}/verify/{row.code}",
    )


Cycle = Annotated[int | None, Query(ge=1, le=10_000, description="all of them unless given")]


@router.get("/groups/{group_id}/rounds", summary="List the rounds", response_model=Page[Round])
async def list_rounds(caller: Reader, group_id: UUID, part: AskedPart, cycle: Cycle = None) -> Page[Round]:
    """In order, cycle by cycle; those to come stand there from the beginning of the cycle."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.rounds(tx, group, part.slice(int, int), cycle=cycle)
    return Page(items=[_round(row, group) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/rounds/{number}", summary="Show a round", response_model=Round)
async def show_round(
    caller: Reader, group_id: UUID, number: Annotated[int, Path(ge=1, le=1_000_000)], cycle: Cycle = None
) -> Round:
    """A round of the present cycle, or of the one given."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.rounds(tx, group, Slice(limit=1), cycle=cycle or group.cycle, number=number)
    if not page.rows:
        raise NotFound("round.unknown")
    return _round(page.rows[0], group)


@router.get("/groups/{group_id}/dues", summary="List the dues", response_model=Page[Due])
async def list_dues(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    round: Number | None = None,
    member: MemberQuery | None = None,
    cycle: Cycle = None,
    kind: Annotated[str | None, Query(max_length=30, pattern=r"^[a-z_]+$", examples=["fine"])] = None,
) -> Page[Due]:
    """By round. What is paid of them is asked of the ledger."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        who = await member_of(tx, group, member) if member is not None else None
        lines, following = await listing.dues(
            tx,
            group,
            part.slice(int, int, UUID),
            cycle=cycle,
            round_number=round,
            member_id=who.id if who else None,
            kind=kind,
        )
        return Page(items=[_due(line, group, tx.now) for line in lines], next=cursor(following))


@router.get("/groups/{group_id}/draws", summary="List the draws", response_model=Page[Draw])
async def list_draws(caller: Reader, group_id: UUID, part: AskedPart) -> Page[Draw]:
    """In the order they were held."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.draws(tx, group, part.slice(int, int, int))
    return Page(items=[_draw(row) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/draws/{code}", summary="Show a draw", response_model=Draw)
async def show_draw(
    caller: Reader, group_id: UUID, code: Annotated[str, Path(max_length=32, pattern=r"^[A-Za-z0-9-]+$")]
) -> Draw:
    """One draw, by its code."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.draws(tx, group, Slice(limit=1), code=tidy_code(code))
    if not page.rows:
        raise NotFound("draw.unknown_code", typed=code[:20])
    return _draw(page.rows[0])
