"""Making a payout when a lot is found, and fitting it to what the dues of its round add up to later."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select

from core.cycle.rounds import Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Holding, Lot, Member
from core.ids import new_id
from core.money import split
from core.operator.audit import note
from core.payouts.netting import net_own
from core.payouts.records import Leg, Payout, new_leg
from core.payouts.sharing import fitted, gross_parts, lots_of, split_above
from core.rules import Rules


async def create(
    tx: Tx, group: Group, round_: Round, lot: Lot, rules: Rules, *, further: Sequence[tuple[str, int]] = ()
) -> Payout:
    """The payout of a lot that was found, with a leg for each holder, split by shares to the last santim.

    ``further``: what is taken from this pot beside what the rules deduct, as (kind, amount in minor units).
    Raises ``Refusal("payout.nothing_there")`` for a round in which nothing falls due.
    """
    before = len(await _pots_of(tx, round_))
    gross = (await gross_parts(tx, round_, lots_of(rules, round_, before + 1)))[before]
    if not gross:
        raise Refusal("payout.nothing_there", round=round_.number)
    deductions = fitted([*rules.deductions_minor(round_.number, gross), *further], gross)
    payout = Payout(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        lot_id=lot.id,
        kind="pot",
        gross_minor=gross,
        deductions=[{"kind": kind, "amount_minor": amount} for kind, amount in deductions],
        amount_minor=gross - sum(amount for _, amount in deductions),
        approved_at=None,
        approved_by=None,
        created_at=tx.now,
    )
    tx.session.add(payout)
    await tx.session.flush()
    held = await holders(tx, group, lot.id)
    parts = split(payout.amount_minor, [holding.share for holding, _ in held])
    await add_legs(tx, payout, [(h.id, who.id, part) for (h, who), part in zip(held, parts, strict=True)])
    await net_own(tx, group, round_)
    return payout


async def add_legs(tx: Tx, payout: Payout, parts: Sequence[tuple[UUID, UUID, int]], *, kind: str = "pot") -> list[Leg]:
    """Legs of a payout, as (holding, member, amount in minor units); those of nothing are left out."""
    legs = [
        new_leg(tx, payout, holding_id=holding_id, member_id=member_id, amount_minor=amount, kind=kind)
        for holding_id, member_id, amount in parts
        if amount
    ]
    tx.session.add_all(legs)
    await tx.session.flush()
    return legs


async def holders(tx: Tx, group: Group, lot_id: UUID) -> list[tuple[Holding, Member]]:
    """Who holds a lot, by member number."""
    rows = await tx.session.execute(
        select(Holding, Member)
        .join(Member, (Member.group_id == Holding.group_id) & (Member.id == Holding.member_id))
        .where(Holding.group_id == group.group_id, Holding.lot_id == lot_id)
        .order_by(Member.number)
    )
    return [(holding, who) for holding, who in rows]


async def _pots_of(tx: Tx, round_: Round) -> list[Payout]:
    rows = await tx.session.scalars(
        select(Payout)
        .where(Payout.group_id == round_.group_id, Payout.round_id == round_.id, Payout.kind == "pot")
        .order_by(Payout.created_at, Payout.id)
    )
    return list(rows.all())


async def refit(tx: Tx, group: Group, round_: Round) -> None:
    """Fit the payouts of a round to what its contributions add up to now.

    To be called whenever that changes after a lot was found: somebody was excused, came late, or left. What has been
    paid to anybody stays paid; a larger pot gives its holders a further leg. Does nothing where nothing changes.
    """
    pots = await _pots_of(tx, round_)
    if not pots:
        return
    # Nobody is paid out of these pots meanwhile.
    await tx.session.get(Round, (round_.group_id, round_.id), with_for_update=True)
    parts = await gross_parts(tx, round_, lots_of(group.rule_set, round_, len(pots)))
    for payout, gross in zip(pots, parts, strict=False):
        if gross != payout.gross_minor:
            before = payout.amount_minor
            await _refit_one(tx, group, round_, payout, gross)
            await note(
                tx,
                "payout.changed",
                group_id=group.group_id,
                subject=f"payout:{payout.id}",
                before_minor=before,
                amount_minor=payout.amount_minor,
            )


async def _refit_one(tx: Tx, group: Group, round_: Round, payout: Payout, gross_minor: int) -> None:
    legs = (
        await tx.session.scalars(
            select(Leg)
            .where(Leg.group_id == group.group_id, Leg.payout_id == payout.id, Leg.kind == "pot")
            .order_by(Leg.created_at, Leg.id)
        )
    ).all()
    held = await holders(tx, group, payout.lot_id)
    paid = [sum(leg.amount_minor for leg in legs if leg.holding_id == h.id and leg.paid_at) for h, _ in held]
    by_rule = group.rule_set.deductions_minor(round_.number, gross_minor)
    others = [(d["kind"], d["amount_minor"]) for d in payout.deductions if d["kind"] not in _by_rule_names(group)]
    deductions = fitted([*by_rule, *others], max(gross_minor, 1))
    amount = max(gross_minor - sum(part for _, part in deductions), sum(paid), 1)
    targets = split_above(amount, [h.share for h, _ in held], paid)
    payout.amount_minor = sum(targets)
    payout.gross_minor = payout.amount_minor + sum(part for _, part in deductions)
    payout.deductions = [{"kind": kind, "amount_minor": part} for kind, part in deductions]
    for (holding, who), target, had in zip(held, targets, paid, strict=True):
        waiting = [leg for leg in legs if leg.holding_id == holding.id and leg.paid_at is None]
        await _rest_of(tx, payout, holding.id, who.id, waiting, rest=target - had)
    await tx.session.flush()


def _by_rule_names(group: Group) -> set[str]:
    return {"fee", *(one.name for one in group.rule_set.deductions)}


async def _rest_of(tx: Tx, payout: Payout, holding_id: UUID, member_id: UUID, waiting: list[Leg], *, rest: int) -> None:
    """What still waits of a holder's part is one leg of ``rest``, or none."""
    for leg in waiting[1 if rest else 0 :]:
        await tx.session.execute(delete(Leg).where(Leg.group_id == leg.group_id, Leg.id == leg.id))
    if rest and waiting:
        waiting[0].amount_minor = rest
    elif rest:
        await add_legs(tx, payout, [(holding_id, member_id, rest)])


async def approve(tx: Tx, group: Group, payout: Payout) -> None:
    """A second person agrees that a pot be paid."""
    if payout.approved_at is not None:
        raise Refusal("payout.already_approved")
    payout.approved_at, payout.approved_by = tx.now, tx.actor
    await tx.session.flush()
    await note(tx, "payout.approved", group_id=group.group_id, subject=f"payout:{payout.id}")
