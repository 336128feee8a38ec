"""Members of a group and the lots they hold: who, in which office, which share of which lot."""

import json
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from api.tokens import Caller, Configurer, Reader
from api.v1.deeds import Once
from api.v1.shapes import (
    PREFIX,
    Asked,
    AskedPart,
    LotReference,
    MemberReference,
    Money,
    Page,
    RoleName,
    Share,
    cursor,
    lot_name,
    lot_number,
    phone_shown,
    share_of,
)
from core import groups, listing, people
from core import sentences as say
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group
from core.listing import Slice
from core.membership import offices
from core.talking.commands.joining import share_words
from core.talking.describing import rhythm_words
from core.telling import invitations, notices

router = APIRouter(prefix=PREFIX, tags=["members and lots"])


class HeldLot(BaseModel):
    """A share of a lot."""

    lot: str = Field(examples=["L007"])
    share: str = Field(examples=["3/10"])


class Member(BaseModel):
    """A person in a group."""

    id: UUID
    number: int
    person: UUID
    name: str
    phone: str | None = Field(description="masked without the right see_phones")
    role: str
    status: str = Field(description="active, suspended or left")
    holdings: list[HeldLot] = Field(description="in the present cycle")
    accepted_version: int = Field(description="of the rules")
    consent: str = Field(description="to messages: given, asked, refused, or none (not asked yet)")
    joined_at: datetime
    left_at: datetime | None


class NewMember(Asked):
    """Somebody to add, with how many lots; 0 for none. Exact shares of exact lots are given at the lot.

    An office other than the organiser's is offered to them in the organiser's name: they accept it on their phone.
    """

    person: UUID
    share: Share = "1"
    role: RoleName = "member"


class LotHolding(BaseModel):
    """Who holds which share of a lot, and what that pays each round once the cycle has begun."""

    member: UUID
    member_number: int
    name: str
    share: str = Field(examples=["3/10"])
    pays: Money | None


class Lot(BaseModel):
    """The unit that pays one contribution each round and receives one pot in a cycle."""

    lot: str = Field(examples=["L007"])
    number: int
    holdings: list[LotHolding]
    free: str = Field(description="share that nobody holds", examples=["0"])
    drawn_in: int | None = Field(description="number of the round")


class NewHolding(Asked):
    """A share of this lot for a member."""

    member: MemberReference
    share: Share


def _member(row: Any, caller: Caller) -> Member:
    return Member(
        id=row.id,
        number=row.number,
        person=row.person_id,
        name=row.name,
        phone=phone_shown(row, clear=caller.may("see_phones")),
        role=row.role,
        status=row.status,
        holdings=[
            HeldLot(lot=lot_name(number), share=str(Fraction(top, bottom)))
            for number, top, bottom in json.loads(row.holdings)
        ],
        accepted_version=row.accepted_version,
        consent=row.consent,
        joined_at=row.joined_at,
        left_at=row.left_at,
    )


def _lot(row: Any, group: Group) -> Lot:
    holdings = []
    free = Fraction(1)
    for member_id, number, name, top, bottom, pays_minor in json.loads(row.holdings):
        share = Fraction(top, bottom)
        free -= share
        pays = Money.of(pays_minor, group.currency) if pays_minor is not None else None
        holdings.append(LotHolding(member=member_id, member_number=number, name=name, share=str(share), pays=pays))
    return Lot(lot=lot_name(row.number), number=row.number, holdings=holdings, free=str(free), drawn_in=row.drawn_in)


async def member_of(tx: Tx, group: Group, reference: UUID | int) -> groups.Member:
    """The member of that id or number. Raises ``NotFound("member.unknown")``."""
    if isinstance(reference, UUID):
        return await groups.member(tx, group.group_id, reference)
    found = await tx.session.scalar(
        select(groups.Member).where(groups.Member.group_id == group.group_id, groups.Member.number == reference)
    )
    if found is None:
        raise NotFound("member.unknown")
    return found


async def _one(tx: Tx, caller: Caller, group: Group, member_id: UUID) -> Member:
    found = (await listing.members(tx, group, Slice(limit=1), member_id=member_id)).rows
    if not found:
        raise NotFound("member.unknown")
    return _member(found[0], caller)


@router.get("/groups/{group_id}/members", summary="List the members", response_model=Page[Member])
async def list_members(caller: Reader, group_id: UUID, part: AskedPart) -> Page[Member]:
    """By number."""
    async with caller.transaction() as tx:
        page = await listing.members(tx, await groups.by_id(tx, group_id), part.slice(int))
    return Page(items=[_member(row, caller) for row in page.rows], next=cursor(page.next))


@router.get("/groups/{group_id}/members/{member_id}", summary="Show a member", response_model=Member)
async def show_member(caller: Reader, group_id: UUID, member_id: UUID) -> Member:
    """One member."""
    async with caller.transaction() as tx:
        return await _one(tx, caller, await groups.by_id(tx, group_id), member_id)


@router.post("/groups/{group_id}/members", summary="Add a member", status_code=201, response_model=Member)
async def add_member(caller: Configurer, group_id: UUID, asked: NewMember, deed: Once) -> Response:
    """While the group forms. Who has consented is told that they are in; who has not gets one invitation, no more."""

    async def act(tx: Tx) -> Member:
        group = await groups.by_id(tx, group_id, lock=True)
        person = await people.person(tx, asked.person)
        known = await groups.membership(tx, group.group_id, person.id)
        if known is not None and known.status == "active":
            raise Refusal("member.in_already", member=known.id)
        if asked.role == "organiser" and await groups.seats(tx, group.group_id, roles=["organiser"]):
            raise Refusal("group.has_organiser")
        # The organiser is who the group is founded for; every other office is accepted by who gets it.
        at_once = asked.role if asked.role == "organiser" else "member"
        who = await groups.join(tx, group, person, share=share_of(asked.share), role=at_once)
        await invitations.entered(tx, group, [person.id])
        made = await _one(tx, caller, group, who.id)
        # Who gets no lot now gets one in a moment, at the lot; then is the time to tell them.
        if made.holdings or asked.role != "member":
            await _tell(tx, group, who, made)
        if asked.role != at_once:
            await _offer(tx, group, groups.Seat(who, person), asked.role)
        return made

    return await deed.do(caller, act, status=201)


async def _offer(tx: Tx, group: Group, who: groups.Seat, role: str) -> None:
    organisers = await groups.seats(tx, group.group_id, roles=["organiser"])
    if not organisers:
        raise Refusal("role.no_organiser")
    await offices.offer(tx, group, organisers[0].member, who, role)


async def _tell(tx: Tx, group: Group, who: groups.Member, made: Member) -> None:
    """What JOIN would have answered, to somebody who has agreed to hear from us."""
    share = sum((Fraction(held.share) for held in made.holdings), Fraction(0))
    if share:
        rules = group.rule_set
        message = say.JOINED(
            number=who.number,
            group=group.name,
            share=share_words(share),
            lots=", ".join(str(lot_number(held.lot)) for held in made.holdings),
            amount=group.money(int(rules.contribution_minor * share)),
            rhythm=rhythm_words(rules.rhythm),
        )
    else:
        message = say.JOINED_WITHOUT(number=who.number, group=group.name)
    # Two changes at one instant are told once, by what they have come to.
    event = f"added:{who.id}:{tx.now.isoformat()}:{share}"
    await notices.tell_person(tx, group, who.person_id, message, event=event)


@router.post(
    "/groups/{group_id}/members/{member_id}/acceptance",
    summary="Record that a member accepts the rules",
    status_code=201,
    response_model=Member,
)
async def accept_rules(caller: Configurer, group_id: UUID, member_id: UUID, deed: Once) -> Response:
    """For somebody who has signed the rules as they are now on paper, or cannot answer on a phone."""

    async def act(tx: Tx) -> Member:
        group = await groups.by_id(tx, group_id)
        await groups.accept(tx, group, await groups.member(tx, group_id, member_id, lock=True))
        return await _one(tx, caller, group, member_id)

    return await deed.do(caller, act, status=201)


@router.get("/groups/{group_id}/lots", summary="List the lots", response_model=Page[Lot])
async def list_lots(
    caller: Reader,
    group_id: UUID,
    part: AskedPart,
    cycle: Annotated[int | None, Query(ge=1, le=10_000, description="the present one unless given")] = None,
) -> Page[Lot]:
    """Those that somebody holds, by number, with who holds which share."""
    async with caller.transaction() as tx:
        group = await groups.by_id(tx, group_id)
        page = await listing.lots(tx, group, part.slice(int), cycle=cycle or group.cycle)
    return Page(items=[_lot(row, group) for row in page.rows], next=cursor(page.next))


@router.post(
    "/groups/{group_id}/lots/{lot}/holdings",
    summary="Give a member a share of a lot",
    status_code=201,
    response_model=Lot,
)
async def give_share(
    caller: Configurer,
    group_id: UUID,
    lot: Annotated[LotReference, Path()],
    asked: NewHolding,
    deed: Once,
) -> Response:
    """Exactly this share of exactly this lot, while the group forms: 3/10 and 7/10, five times 1/5."""

    async def act(tx: Tx) -> Lot:
        group = await groups.by_id(tx, group_id, lock=True)
        who = await member_of(tx, group, asked.member)
        await groups.give_share(tx, group, who, lot_number=lot_number(lot), share=share_of(asked.share))
        await _tell(tx, group, who, await _one(tx, caller, group, who.id))
        page = await listing.lots(tx, group, Slice(limit=1), cycle=group.cycle, number=lot_number(lot))
        return _lot(page.rows[0], group)

    return await deed.do(caller, act, status=201)
