"""What a bid leaves to the others: shared among all lots of the cycle, paid out or set off against what they owe next.

To the last santim, the receiving lot's own part with the others. Set off, it goes from the pot to each member's
advance, as far as the pot holds it, and settles their next dues from there.
"""

from fractions import Fraction

from sqlalchemy import select

from core import groups, ledger, payouts
from core.cycle.rounds import Round
from core.db import Tx
from core.groups import Group, Holding, Lot, Member
from core.money import split
from core.operator.audit import note
from core.payouts import Leg, Payout, new_leg
from core.rules import Rules

DIVIDEND, SET_OFF = "dividend", "set_off"


async def share_out(tx: Tx, group: Group, round_: Round, payout: Payout, rules: Rules) -> None:
    """Make the legs of a payout's discount: one for every holding of the cycle, by its part of all lots.

    In the last round nothing is owed next, so it is paid out whatever the rules say.
    """
    discount = sum(item["amount_minor"] for item in payout.deductions if item["kind"] == "discount")
    if not discount:
        return
    rows = (
        await tx.session.execute(
            select(Holding, Lot.number, Member.number)
            .join(Lot, (Lot.group_id == Holding.group_id) & (Lot.id == Holding.lot_id))
            .join(Member, (Member.group_id == Holding.group_id) & (Member.id == Holding.member_id))
            .where(
                Lot.group_id == group.group_id,
                Lot.cycle == group.cycle,
                Lot.status == "active",
                Lot.place == "full",
            )
            .order_by(Lot.number, Member.number)
        )
    ).all()
    held = [holding for holding, _, _ in rows]
    lots = sum((holding.share for holding in held), Fraction(0))
    parts = split(discount, [holding.share / lots for holding in held])
    kind = SET_OFF if rules.auction.share == "set_off" and round_.number < rules.rounds else DIVIDEND
    legs = [(holding.id, holding.member_id, part) for holding, part in zip(held, parts, strict=True)]
    await payouts.add_legs(tx, payout, legs, kind=kind)


async def set_off(tx: Tx, group: Group) -> int:
    """Move what can be set off now from the pots to the members' advances; how many legs were."""
    waiting = (
        await tx.session.scalars(
            select(Round)
            .join(Payout, (Payout.group_id == Round.group_id) & (Payout.round_id == Round.id))
            .join(Leg, (Leg.group_id == Payout.group_id) & (Leg.payout_id == Payout.id))
            .where(Round.group_id == group.group_id, Leg.kind == SET_OFF, Leg.paid_at.is_(None))
            .order_by(Round.cycle, Round.number)
            .distinct()
        )
    ).all()
    return sum([await _set_off_round(tx, group, round_) for round_ in waiting])


async def _set_off_round(tx: Tx, group: Group, round_: Round) -> int:
    # One payment out of a round's pots at a time.
    await tx.session.get(Round, (group.group_id, round_.id), with_for_update=True)
    there = await ledger.balance(tx.session, group_id=group.group_id, account=round_.pot)
    postings, count = [], 0
    for one in await payouts.payable(tx, group, round_):
        part = min(one.now_minor, there)
        if one.leg.kind != SET_OFF or part <= 0:
            continue
        leg, there, count = one.leg, there - part, count + 1
        member = await groups.member(tx, group.group_id, leg.member_id)
        if part < leg.amount_minor:
            rest = leg.amount_minor - part
            ids = {"holding_id": leg.holding_id, "member_id": leg.member_id}
            tx.session.add(new_leg(tx, one.payout, **ids, amount_minor=rest, kind=SET_OFF))
            leg.amount_minor = part
        leg.paid_at = leg.received_at = tx.now
        leg.paid_by = leg.received_by = tx.actor
        leg.method = SET_OFF
        postings.append(
            ledger.Posting(
                kind="dividend.set_off",
                debit=round_.pot,
                credit=f"advance/{member.number}",
                amount_minor=part,
                currency=group.currency,
                reference=f"set_off:{leg.id}",
                payout_leg_id=leg.id,
            )
        )
    await tx.session.flush()
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    if count:
        await note(tx, "dividend.set_off", group_id=group.group_id, subject=f"round:{round_.cycle}/{round_.number}")
    return count
