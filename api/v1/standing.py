"""How members stand: excused, deferred, suspended, answered for, replaced, late, gone; and cash in hand.

What a person has to agree to on their own phone is only asked for here; an administrator agrees for nobody.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import nudge
from api.tokens import Configurer, Reader, Recorder
from api.v1.deeds import Once
from api.v1.members import member_of
from api.v1.shapes import PREFIX, Asked, AskedPart, MemberReference, Money, MoneyAsked, Page, Reason, cursor, lot_name
from core import groups, listing, people, phones
from core.cycle import agenda, closing, rounds
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Seat
from core.membership import excusing, guarantors, joining_late, leaving, offices, replacing
from core.operator.rights import require_member
from core.telling import announcing, invitations
from core.treasury import cash

router = APIRouter(prefix=PREFIX, tags=["standing of members"])


class Excuse(Asked):
    """A member owes nothing for a round, the open one unless said. Possible until its list is fixed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"round": 3, "reason": "in hospital"}]})
    round: int | None = Field(None, ge=1, le=10_000)
    reason: Reason


class Deferral(Asked):
    """What a member owes now is not chased until then: no reminder, no fine, no bar from the draws."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-12-24T21:00:00+03:00", "reason": "the market burned down"}]}
    )
    until: datetime
    reason: Reason


class Suspension(Asked):
    """Suspended: no lot of theirs is found, no vote, no office; they still owe."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"suspended": True, "reason": "asked for it"}]})
    suspended: bool
    reason: Reason


class Standing(BaseModel):
    """A member as they stand now."""

    id: UUID
    number: int
    role: str
    status: str = Field(description="active, suspended or left")
    owed: Money
    deferred: Money = Field(description="of it, what is not chased now")


class LateJoiner(Asked):
    """Somebody who comes late, as the rules allow, and has agreed to the sum."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"person": "019ab3c4-0000-7000-8000-000000000001"}]})
    person: UUID


class LateLot(BaseModel):
    """The lot of somebody who came late."""

    member: UUID
    lot: str = Field(examples=["L013"])
    place: Literal["full", "short"]


class Replacement(Asked):
    """The phone of whoever is asked to take the place; ``dead``: as heir. ``by``: the officer who proposes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "+251911223344", "dead": False, "by": 1}]})
    phone: str = Field(min_length=4, max_length=40, pattern=r"^[+0-9 ()-]+$")
    dead: bool = False
    by: MemberReference


class AskedOf(BaseModel):
    """Somebody has been asked on their own phone; nothing is done before they agree."""

    asked: bool = True


class Closing(BaseModel):
    """A cycle that was closed over a debt; or what funds hold is `shared` out first, and must be paid before that."""

    owed: Money
    closed: bool
    shared: Money


class CashInHand(BaseModel):
    """What somebody holds for the group."""

    member: UUID
    member_number: int
    name: str
    held: Money


class Handover(Asked):
    """Cash that one handed to another, who is asked to confirm it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"giver": 2, "taker": 1, "amount": {"amount": "1000.00", "currency": "ETB"}}]}
    )
    giver: MemberReference
    taker: MemberReference
    amount: MoneyAsked


class Announcement(Asked):
    """Words for all members, in the name of an officer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": 1, "text": "We meet on Saturday."}]})
    by: MemberReference
    text: str = Field(min_length=1, max_length=announcing.LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")


class Announced(BaseModel):
    """How many members are told."""

    told: int


class NewGuarantee(Asked):
    """Who shall answer for whom; ``by``: the officer who names them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"member": 7, "guarantor": 9, "by": 1}]})
    member: MemberReference
    guarantor: MemberReference
    by: MemberReference


class Guarantee(BaseModel):
    """A guarantor answers for a member's remaining dues."""

    id: UUID
    cycle: int
    member: UUID
    guarantor: UUID
    consented_at: datetime
    called_at: datetime | None
    released_at: datetime | None


class Succession(Asked):
    """Who shall be organiser; ``by``: the organiser, or an officer when the organiser is gone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"member": 2, "by": 1}]})
    member: MemberReference
    by: MemberReference


async def _seat(tx: Tx, group: Group, reference: UUID | int) -> Seat:
    return await groups.seat(tx, group.group_id, (await member_of(tx, group, reference)).id)


async def _standing(tx: Tx, group: Group, member_id: UUID) -> Standing:
    member = await groups.member(tx, group.group_id, member_id)
    dues = await rounds.open_dues(tx, group.group_id, member_id=member_id)
    later = sum(d.open_minor for d in dues if d.deferred_until is not None and d.deferred_until > tx.now)
    return Standing(
        id=member.id,
        number=member.number,
        role=member.role,
        status=member.status,
        owed=Money.of(sum(d.open_minor for d in dues), group.currency),
        deferred=Money.of(later, group.currency),
    )


@router.get(
    "/groups/{group_id}/members/{member_id}/standing", summary="Show how a member stands", response_model=Standing
)
async def show_standing(caller: Reader, group_id: UUID, member_id: UUID) -> Standing:
    """Status, office and what is owed."""
    async with caller.transaction() as tx:
        return await _standing(tx, await groups.by_id(tx, group_id), member_id)


@router.post("/groups/{group_id}/members/{member_id}/excuse", summary="Excuse a member", response_model=Standing)
async def excuse_member(caller: Configurer, group_id: UUID, member_id: UUID, asked: Excuse, deed: Once) -> Response:
    """What was paid for the round already waits as paid in advance. The member is told."""

    async def act(tx: Tx) -> Standing:
        group = await groups.by_id(tx, group_id, lock=True)
        seat = await groups.seat(tx, group_id, member_id)
        await excusing.excuse(tx, group, seat, round_number=asked.round, reason=asked.reason)
        await agenda.look_again(tx, group)
        return await _standing(tx, group, member_id)

    return await deed.do(caller, act, after=nudge.tick)


@router.post("/groups/{group_id}/members/{member_id}/defer", summary="Give a member time", response_model=Standing)
async def defer_member(caller: Configurer, group_id: UUID, member_id: UUID, asked: Deferral, deed: Once) -> Response:
    """It stays owed. The member is told."""

    async def act(tx: Tx) -> Standing:
        group = await groups.by_id(tx, group_id, lock=True)
        if asked.until.tzinfo is None:
            raise Refusal("defer.past")
        await excusing.defer(
            tx, group, await groups.seat(tx, group_id, member_id), until=asked.until, reason=asked.reason
        )
        return await _standing(tx, group, member_id)

    return await deed.do(caller, act)


@router.post("/groups/{group_id}/members/{member_id}/suspend", summary="Suspend a member", response_model=Standing)
async def suspend_member(
    caller: Configurer, group_id: UUID, member_id: UUID, asked: Suspension, deed: Once
) -> Response:
    """Or lift it. The member is told."""

    async def act(tx: Tx) -> Standing:
        group = await groups.by_id(tx, group_id, lock=True)
        seat = await groups.seat(tx, group_id, member_id)
        if seat.member.status == "left":
            raise NotFound("member.unknown")
        if (seat.member.status == "suspended") != asked.suspended:
            await excusing.suspend(tx, group, seat, reason=asked.reason)
        return await _standing(tx, group, member_id)

    return await deed.do(caller, act)


@router.post("/groups/{group_id}/members/{member_id}/leave", summary="Let a member leave", response_model=Standing)
async def let_leave(caller: Configurer, group_id: UUID, member_id: UUID, deed: Once) -> Response:
    """Before receiving, in a running cycle: the lot is withdrawn, what it paid comes back at the end. All are told."""

    async def act(tx: Tx) -> Standing:
        group = await groups.by_id(tx, group_id, lock=True)
        await leaving.leave(tx, group, await groups.member(tx, group_id, member_id))
        return await _standing(tx, group, member_id)

    return await deed.do(caller, act, after=nudge.tick)


@router.post("/groups/{group_id}/members/{member_id}/replace", summary="Offer a member's place", response_model=AskedOf)
async def offer_place(caller: Configurer, group_id: UUID, member_id: UUID, asked: Replacement, deed: Once) -> Response:
    """Whoever has the phone is asked, then those who must agree."""

    async def act(tx: Tx) -> AskedOf:
        group = await groups.by_id(tx, group_id, lock=True)
        by = await member_of(tx, group, asked.by)
        require_member(by.role, "admit")
        timezone = (await people.tenant_by_id(tx.tenant_id)).timezone
        seat = await groups.seat(tx, group_id, member_id)
        phone = phones.to_e164(asked.phone)
        await replacing.offer(tx, group, by, seat, phone, dead=asked.dead, timezone=timezone)
        return AskedOf()

    return await deed.do(caller, act)


@router.post("/groups/{group_id}/late-joiners", summary="Add a late joiner", status_code=201, response_model=LateLot)
async def add_late_joiner(caller: Configurer, group_id: UUID, asked: LateJoiner, deed: Once) -> Response:
    """A lot in a running cycle: with back pay, or a short place, as the rules say. All are told."""

    async def act(tx: Tx) -> LateLot:
        group = await groups.by_id(tx, group_id, lock=True)
        await joining_late.terms(tx, group)
        who = await groups.enrol(tx, group, await people.person(tx, asked.person))
        lot = await joining_late.admit(tx, group, who)
        await invitations.entered(tx, group, [asked.person])
        return LateLot(member=who.id, lot=lot_name(lot.number), place="full" if lot.place == "full" else "short")

    return await deed.do(caller, act, status=201, after=nudge.tick)


@router.post("/groups/{group_id}/close", summary="Close a cycle in which somebody owes", response_model=Closing)
async def close_cycle(caller: Configurer, group_id: UUID, deed: Once) -> Response:
    """A week after the last cut-off. Debts, and what they are owed to, stay."""

    async def act(tx: Tx) -> Closing:
        group = await groups.by_id(tx, group_id, lock=True)
        closed = await closing.close(tx, group)
        return Closing(
            owed=Money.of(closed.owed_minor, group.currency),
            closed=not closed.shared_minor,
            shared=Money.of(closed.shared_minor, group.currency),
        )

    return await deed.do(caller, act)


@router.get("/groups/{group_id}/cash", summary="Show cash in hand", response_model=Page[CashInHand])
async def show_cash(caller: Reader, group_id: UUID) -> Page[CashInHand]:
    """What each one holds for the group, by number; all of it at once."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        held = [
            CashInHand(
                member=seat.member.id,
                member_number=seat.member.number,
                name=seat.person.name,
                held=Money.of(minor, group.currency),
            )
            for seat, minor in await cash.holders(tx, group)
        ]
    return Page(items=held, next=None)


@router.post("/groups/{group_id}/handovers", summary="Hand cash on", status_code=201, response_model=AskedOf)
async def hand_over(caller: Recorder, group_id: UUID, asked: Handover, deed: Once) -> Response:
    """The one who takes it is asked on their phone; the book follows when they confirm it."""

    async def act(tx: Tx) -> AskedOf:
        group = await groups.by_id(tx, group_id)
        giver, taker = await member_of(tx, group, asked.giver), await _seat(tx, group, asked.taker)
        await cash.hand_over(tx, group, giver, taker, amount_minor=asked.amount.minor(group.currency))
        return AskedOf()

    return await deed.do(caller, act, status=201)


@router.post(
    "/groups/{group_id}/announcements", summary="Announce something", status_code=201, response_model=Announced
)
async def announce(caller: Configurer, group_id: UUID, asked: Announcement, deed: Once) -> Response:
    """To all members, word for word; so many a day."""

    async def act(tx: Tx) -> Announced:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        require_member(by.role, "announce")
        return Announced(told=await announcing.announce(tx, group, by, asked.text))

    return await deed.do(caller, act, status=201)


@router.post("/groups/{group_id}/successor", summary="Propose an organiser", status_code=201, response_model=AskedOf)
async def propose_successor(caller: Configurer, group_id: UUID, asked: Succession, deed: Once) -> Response:
    """Handed over by the organiser, or decided by two officers and more than half of the members."""

    async def act(tx: Tx) -> AskedOf:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        require_member(by.role, "succeed")
        await offices.hand_over(tx, group, by, await _seat(tx, group, asked.member))
        return AskedOf()

    return await deed.do(caller, act, status=201)


def _guarantee(row: Any) -> Guarantee:
    return Guarantee(
        id=row.id,
        cycle=row.cycle,
        member=row.member_id,
        guarantor=row.guarantor_id,
        consented_at=row.consented_at,
        called_at=row.called_at,
        released_at=row.released_at,
    )


@router.get("/groups/{group_id}/guarantees", summary="List the guarantees", response_model=Page[Guarantee])
async def list_guarantees(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    standing: Annotated[bool, Query(description="only those that are not released")] = False,
) -> Page[Guarantee]:
    """The newest first."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.guarantees(tx, group, part.slice(UUID), standing=standing)
    return Page(items=[_guarantee(row) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/guarantees/{guarantee_id}", summary="Show a guarantee", response_model=Guarantee)
async def show_guarantee(caller: Reader, group_id: UUID, guarantee_id: UUID) -> Guarantee:
    """One guarantee."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        return _guarantee(await guarantors.guarantee(tx, group.group_id, guarantee_id))


@router.post("/groups/{group_id}/guarantees", summary="Name a guarantor", status_code=201, response_model=AskedOf)
async def name_guarantor(caller: Configurer, group_id: UUID, asked: NewGuarantee, deed: Once) -> Response:
    """The guarantor is asked on their own phone."""

    async def act(tx: Tx) -> AskedOf:
        group = await groups.by_id(tx, group_id)
        by = await member_of(tx, group, asked.by)
        require_member(by.role, "guarantors")
        member, guarantor = await _seat(tx, group, asked.member), await _seat(tx, group, asked.guarantor)
        await guarantors.ask(tx, group, by, member, guarantor)
        return AskedOf()

    return await deed.do(caller, act, status=201)


@router.post(
    "/groups/{group_id}/guarantees/{guarantee_id}/release", summary="Release a guarantor", response_model=Guarantee
)
async def release_guarantor(caller: Configurer, group_id: UUID, guarantee_id: UUID, deed: Once) -> Response:
    """While the member has not received. The guarantor is told."""

    async def act(tx: Tx) -> Guarantee:
        group = await groups.by_id(tx, group_id)
        row = await guarantors.guarantee(tx, group.group_id, guarantee_id)
        await guarantors.withdraw(tx, group, row)
        return _guarantee(row)

    return await deed.do(caller, act)
