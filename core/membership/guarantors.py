"""Guarantors: members who answer for another's remaining dues once that one has received.

A guarantee exists only once the guarantor has consented on their own phone. It is called when the other has received
and owes past a cut-off: then the guarantor is told and asked, once a round; paying is theirs to do. Released when the
cycle ends, unless the other still owes from it. Refuses a guarantee for oneself; a circle is only warned of.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import groups
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import rounds
from core.cycle.rounds import Round
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member, Seat
from core.ids import new_id
from core.messages import Message
from core.operator.audit import note
from core.telling import notices


class Guarantee(Base):
    """Who (``guarantor_id``) answers for whom in a cycle. ``called_at``: when they were last asked to pay."""

    __tablename__ = "guarantees"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    member_id: Mapped[UUID]
    guarantor_id: Mapped[UUID]
    consented_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]


async def standing(
    tx: Tx, group: Group, *, member_id: UUID | None = None, guarantor_id: UUID | None = None
) -> Sequence[Guarantee]:
    """The guarantees that are not released: all, those for a member, or those that a member gives."""
    query = select(Guarantee).where(Guarantee.group_id == group.group_id, Guarantee.released_at.is_(None))
    if member_id is not None:
        query = query.where(Guarantee.member_id == member_id)
    if guarantor_id is not None:
        query = query.where(Guarantee.guarantor_id == guarantor_id)
    return (await tx.session.scalars(query.order_by(Guarantee.consented_at, Guarantee.id))).all()


async def is_circle(tx: Tx, group: Group, member_id: UUID, guarantor_id: UUID) -> bool:
    """Whether the member already answers for the guarantor, directly or by others."""
    answers_for: dict[UUID, list[UUID]] = {}
    for one in await standing(tx, group):
        answers_for.setdefault(one.guarantor_id, []).append(one.member_id)
    seen: set[UUID] = set()
    reached = [member_id]
    while reached:
        at = reached.pop()
        if at == guarantor_id:
            return True
        if at not in seen:
            seen.add(at)
            reached += answers_for.get(at, [])
    return False


async def check(tx: Tx, group: Group, member: Seat, guarantor: Member) -> None:
    """Raise ``Refusal``: ``guarantee.oneself``, ``guarantee.stands``, ``member.suspended``, ``guarantee.may_not``."""
    if member.member.id == guarantor.id:
        raise Refusal("guarantee.oneself")
    if guarantor.status != "active":
        raise Refusal("guarantee.may_not")
    for one in await standing(tx, group, member_id=member.member.id, guarantor_id=guarantor.id):
        if one.cycle == group.cycle:
            raise Refusal("guarantee.stands", name=member.person.name)


async def give(tx: Tx, group: Group, member: Seat, guarantor: Member) -> Guarantee:
    """The guarantor consents: from now on they answer for the member in this cycle. Both and the officers are told."""
    await check(tx, group, member, guarantor)
    made = Guarantee(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        cycle=group.cycle,
        member_id=member.member.id,
        guarantor_id=guarantor.id,
        consented_at=tx.now,
        called_at=None,
        released_at=None,
    )
    tx.session.add(made)
    await tx.session.flush()
    await note(
        tx,
        "guarantee.given",
        group_id=group.group_id,
        subject=f"member:{member.member.number}",
        guarantor=guarantor.number,
    )
    giver = await groups.seat(tx, group.group_id, guarantor.id)
    message = say.GUARANTEE_STANDS(group=group.name, name=giver.person.name, of=member.person.name)
    event = f"guarantee:{made.id}"
    await notices.tell_person(tx, group, member.person.id, message, event=event)
    told = [member.person.id, giver.person.id]
    await notices.tell_officers(tx, group, "guarantors", message, event=event, besides=told)
    return made


async def ask(tx: Tx, group: Group, by: Member, member: Seat, guarantor: Seat) -> Proposal:
    """An officer names somebody as guarantor, who is asked on their own phone. Raises as ``check`` does."""
    await check(tx, group, member, guarantor.member)
    kind = say.ASK_GUARANTEE
    if await is_circle(tx, group, member.member.id, guarantor.member.id):
        kind = say.ASK_GUARANTEE_CIRCLE
    question = kind(group=group.name, name=member.person.name)
    payload = {"member": str(member.member.id), "guarantor": str(guarantor.member.id)}
    return await proposals.propose(tx, group, by, "guarantee", payload, asked=[guarantor.member], question=question)


async def _consented(tx: Tx, group: Group, proposal: Proposal) -> None:
    member = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    await give(tx, group, member, await groups.member(tx, group.group_id, UUID(proposal.payload["guarantor"])))


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    member = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    guarantor = await groups.seat(tx, group.group_id, UUID(proposal.payload["guarantor"]))
    return say.WHAT_GUARANTEE(name=guarantor.person.name, of=member.person.name)


proposals.register("guarantee", Kind(_consented, _describe))


async def release(tx: Tx, group: Group, guarantee: Guarantee) -> None:
    """The guarantor answers for nothing any more, and is told."""
    if guarantee.released_at is not None:
        return
    guarantee.released_at = tx.now
    await tx.session.flush()
    member = await groups.seat(tx, group.group_id, guarantee.member_id)
    guarantor = await groups.seat(tx, group.group_id, guarantee.guarantor_id)
    await note(
        tx,
        "guarantee.released",
        group_id=group.group_id,
        subject=f"member:{member.member.number}",
        guarantor=guarantor.member.number,
    )
    if guarantor.member.status != "left":
        message = say.GUARANTEE_RELEASED(group=group.name, name=member.person.name)
        await notices.tell_person(tx, group, guarantor.person.id, message, event=f"released:{guarantee.id}")


async def withdraw(tx: Tx, group: Group, guarantee: Guarantee) -> None:
    """A guarantee is taken back, while the member has not received. Raises ``Refusal("guarantee.needed")``."""
    if guarantee.member_id in await _have_received(tx, group):
        raise Refusal("guarantee.needed")
    await release(tx, group, guarantee)


async def release_settled(tx: Tx, group: Group) -> None:
    """At the end of a cycle: whoever answers for somebody who owes nothing is released."""
    owing = {due.member_id for due in await rounds.open_dues(tx, group.group_id)}
    for one in await standing(tx, group):
        if one.member_id not in owing:
            await release(tx, group, one)


async def _have_received(tx: Tx, group: Group) -> set[UUID]:
    """The members who hold a lot that was found, in this cycle or, still owing, in one before."""
    rows = await tx.session.scalars(
        text(
            "SELECT DISTINCT h.member_id FROM draws w"
            " JOIN holdings h ON h.group_id = w.group_id AND h.lot_id = w.lot_id WHERE w.group_id = :group"
        ),
        {"group": group.group_id},
    )
    return set(rows.all())


async def call_overdue(tx: Tx, group: Group, round_: Round) -> None:
    """At a round's cut-off: whoever has received and owes past it is answered for by their guarantors."""
    given = await standing(tx, group)
    if not given:
        return
    received = await _have_received(tx, group)
    owed: dict[UUID, int] = {}
    for due in await rounds.open_dues(tx, group.group_id):
        deferred = due.deferred_until is not None and due.deferred_until > round_.cutoff_at
        if due.member_id in received and due.due_at <= round_.cutoff_at and not deferred:
            owed[due.member_id] = owed.get(due.member_id, 0) + due.open_minor
    for member_id, amount_minor in owed.items():
        await call(tx, group, member_id, amount_minor=amount_minor, round_=round_)


async def call(tx: Tx, group: Group, member_id: UUID, *, amount_minor: int, round_: Round) -> int:
    """Tell each guarantor of a member what that one owes, and ask them to pay it; how many there are.

    Once for a round, however often it is called.
    """
    member = await groups.seat(tx, group.group_id, member_id)
    count = 0
    for one in await standing(tx, group, member_id=member_id):
        guarantor = await groups.seat(tx, group.group_id, one.guarantor_id)
        if guarantor.member.status == "left":
            continue
        count += 1
        one.called_at = tx.now
        message = say.GUARANTEE_CALLED(
            group=group.name,
            name=member.person.name,
            number=member.member.number,
            amount=group.money(amount_minor),
            paid=group.money(amount_minor).decimal.removesuffix(".00"),
        )
        await notices.tell_person(tx, group, guarantor.person.id, message, event=f"called:{one.id}:{round_.id}")
    await tx.session.flush()
    return count


async def guarantee(tx: Tx, group_id: UUID, guarantee_id: UUID) -> Guarantee:
    """A guarantee. Raises ``NotFound("guarantee.unknown")``."""
    found = await tx.session.get(Guarantee, (group_id, guarantee_id))
    if found is None:
        raise NotFound("guarantee.unknown")
    return found
