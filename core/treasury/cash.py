"""Cash in people's hands: who holds how much for the group, and handing it on, which both sides confirm.

What somebody holds stands on ``held/<number>`` in the book and nowhere else. Refuses to hand on more than is held,
and to move anything before the one who receives it has said that it came.
"""

from uuid import UUID

from sqlalchemy import select

from core import groups, ledger
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member, Seat
from core.messages import Message
from core.operator.audit import note
from core.operator.rights import member_may
from core.telling import notices
from core.treasury.contributions import check_amount


async def held_by(tx: Tx, group: Group, who: Member) -> int:
    """What a member holds for the group, in minor units; less than nothing when they have advanced their own."""
    return await ledger.balance(tx.session, group_id=group.group_id, account=f"held/{who.number}")


async def holders(tx: Tx, group: Group) -> list[tuple[Seat, int]]:
    """Everybody who holds cash for the group, by number, with how much in minor units."""
    everyone = {f"held/{s.member.number}": s for s in await groups.seats(tx, group.group_id, left=True)}
    balances = await ledger.balances(tx.session, group_id=group.group_id, accounts=everyone)
    return [(seat, balances[name]) for name, seat in everyone.items() if balances.get(name)]


async def hand_over(tx: Tx, group: Group, by: Member, to: Seat, *, amount_minor: int) -> Proposal:
    """Somebody who holds cash has handed it to an officer, who is asked whether it came.

    Raises ``Refusal``: ``amount.…``, ``cash.to_oneself``, ``cash.no_officer``, ``cash.not_held``.
    """
    check_amount(amount_minor)
    if to.member.id == by.id:
        raise Refusal("cash.to_oneself")
    if to.member.status != "active" or not member_may(to.member.role, "record"):
        raise Refusal("cash.no_officer", name=to.person.name)
    await _require_held(tx, group, by, amount_minor)
    giver = await groups.seat(tx, group.group_id, by.id)
    question = say.ASK_HANDOVER(group=group.name, name=giver.person.name, amount=group.money(amount_minor))
    payload = {"to": str(to.member.id), "amount_minor": amount_minor}
    return await proposals.propose(tx, group, by, "handover", payload, asked=[to.member], question=question)


async def _require_held(tx: Tx, group: Group, who: Member, amount_minor: int) -> None:
    have = await held_by(tx, group, who)
    if amount_minor > have:
        raise Refusal("cash.not_held", held=group.money(max(have, 0)))


async def _parties(tx: Tx, group: Group, proposal: Proposal) -> tuple[Seat, Seat]:
    giver = await groups.seat(tx, group.group_id, proposal.made_by)
    return giver, await groups.seat(tx, group.group_id, UUID(proposal.payload["to"]))


async def _move(tx: Tx, group: Group, proposal: Proposal) -> None:
    giver, taker = await _parties(tx, group, proposal)
    amount_minor = proposal.payload["amount_minor"]
    # One hand-over of somebody at a time: what is handed on twice must be there twice.
    await tx.session.execute(
        select(Member.id)
        .where(Member.group_id == group.group_id, Member.id == giver.member.id)
        .with_for_update(key_share=True)
    )
    await _require_held(tx, group, giver.member, amount_minor)
    posting = ledger.Posting(
        kind="handover",
        debit=f"held/{taker.member.number}",
        credit=f"held/{giver.member.number}",
        amount_minor=amount_minor,
        currency=group.currency,
        reference=f"handover:{proposal.id}",
    )
    await ledger.post(tx.session, group_id=group.group_id, postings=[posting], at=tx.now)
    await note(
        tx,
        "cash.handed_over",
        group_id=group.group_id,
        subject=f"member:{taker.member.number}",
        giver=giver.member.number,
        amount_minor=amount_minor,
    )
    message = say.HANDED_OVER(
        group=group.name, giver=giver.person.name, taker=taker.person.name, amount=group.money(amount_minor)
    )
    people = [giver.person.id, taker.person.id]
    for person_id in people:
        await notices.tell_person(tx, group, person_id, message, event=f"handover:{proposal.id}")
    # Who answers for the whole knows where its money is.
    organisers = await groups.seats(tx, group.group_id, roles=["organiser"])
    for seat in organisers:
        if seat.person.id not in people:
            await notices.tell_person(tx, group, seat.person.id, message, event=f"handover:{proposal.id}")


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    giver, taker = await _parties(tx, group, proposal)
    amount = group.money(proposal.payload["amount_minor"])
    return say.WHAT_HANDOVER(giver=giver.person.name, taker=taker.person.name, amount=amount)


proposals.register("handover", Kind(_move, _describe))
