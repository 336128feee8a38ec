"""Payouts: a pot going to the holders of the lot that was drawn, in legs split by their shares.

A pot pays out what has come in, never what should have: while some still owe, each holder may get the part of
it that their share gives, and the rest follows in further legs. Where several lots are drawn in a round, and
for the organiser's fee, the same holds: everybody is entitled to their part of what is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import ledger, questions, rounds
from core.audit import note
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Holding, Lot, Member
from core.ids import new_id
from core.money import split
from core.rounds import Round
from core.rules import Rules


class Payout(Base):
    """One lot's pot of one round: gross, deductions by kind, and what the holders receive together."""

    __tablename__ = "payouts"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    round_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    kind: Mapped[str]
    gross_minor: Mapped[int]
    deductions: Mapped[list[Any]]
    amount_minor: Mapped[int]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    created_at: Mapped[datetime]


class Leg(Base):
    """A part of a pot to one holder: planned, then paid by an officer, then received, said the holder."""

    __tablename__ = "payout_legs"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    payout_id: Mapped[UUID]
    holding_id: Mapped[UUID]
    member_id: Mapped[UUID]
    kind: Mapped[str]
    amount_minor: Mapped[int]
    method: Mapped[str]
    supplier: Mapped[str | None]
    paid_at: Mapped[datetime | None]
    paid_by: Mapped[str | None]
    held_by: Mapped[UUID | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[str | None]
    denied_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def status(self) -> str:
        """planned, denied (the holder says it never came), paid or received."""
        if self.received_at:
            return "received"
        if self.paid_at:
            return "paid"
        return "denied" if self.denied_at else "planned"


@dataclass(frozen=True)
class Payable:
    """A leg that waits, with how much of it the pot can pay now."""

    leg: Leg
    payout: Payout
    round: Round
    lot_number: int
    now_minor: int


async def create(tx: Tx, group: Group, round_: Round, lot: Lot, rules: Rules) -> Payout:
    """The payout of a drawn lot, with a leg for each holder, split by shares to the last santim."""
    fee = rules.fee_minor
    payout = Payout(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        lot_id=lot.id,
        kind="pot",
        gross_minor=rules.gross_pot_minor,
        deductions=[{"kind": "fee", "amount_minor": fee}] if fee else [],
        amount_minor=rules.pot_minor,
        approved_at=None,
        approved_by=None,
        created_at=tx.now,
    )
    tx.session.add(payout)
    await tx.session.flush()
    holders = (
        await tx.session.execute(
            select(Holding, Member)
            .join(Member, (Member.group_id == Holding.group_id) & (Member.id == Holding.member_id))
            .where(Holding.group_id == group.group_id, Holding.lot_id == lot.id)
            .order_by(Member.number)
        )
    ).all()
    held = list(holders)
    parts = split(payout.amount_minor, [holding.share for holding, _ in held])
    tx.session.add_all(
        _leg(tx, payout, holding_id=holding.id, member_id=who.id, amount_minor=part)
        for (holding, who), part in zip(held, parts, strict=True)
        if part
    )
    await tx.session.flush()
    return payout


def _leg(tx: Tx, payout: Payout, *, holding_id: UUID, member_id: UUID, amount_minor: int) -> Leg:
    return Leg(
        group_id=payout.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        payout_id=payout.id,
        holding_id=holding_id,
        member_id=member_id,
        kind="pot",
        amount_minor=amount_minor,
        method="cash",
        supplier=None,
        paid_at=None,
        paid_by=None,
        held_by=None,
        received_at=None,
        received_by=None,
        denied_at=None,
        created_at=tx.now,
    )


async def approve(tx: Tx, group: Group, payout: Payout) -> None:
    """A second person agrees that a pot be paid."""
    if payout.approved_at is not None:
        raise Refusal("payout.already_approved")
    payout.approved_at, payout.approved_by = tx.now, tx.actor
    await tx.session.flush()
    await note(tx, "payout.approved", group_id=group.group_id, subject=f"payout:{payout.id}")


async def _legs_of_round(tx: Tx, round_: Round) -> Sequence[tuple[Leg, Payout, int]]:
    rows = await tx.session.execute(
        select(Leg, Payout, Lot.number)
        .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
        .join(Lot, (Lot.group_id == Payout.group_id) & (Lot.id == Payout.lot_id))
        .where(Leg.group_id == round_.group_id, Payout.round_id == round_.id)
        .order_by(Lot.number, Leg.created_at, Leg.id)
    )
    return list(rows)


async def payable(tx: Tx, group: Group, round_: Round) -> list[Payable]:
    """The legs of a round that wait, each with what the pot can pay of it now."""
    legs = await _legs_of_round(tx, round_)
    if not legs:
        return []
    entitled, _ = _entitlements(legs, await rounds.collected(tx, round_), waiting_minor=_waiting(group, round_, legs))
    # As the pot fills, rounding may give a part a santim less than it had: what is not there is nobody's yet.
    there = await ledger.balance(tx.session, group_id=group.group_id, account=round_.pot)
    answer = []
    for leg, payout, lot_number in legs:
        if leg.paid_at is None:
            now_minor = min(leg.amount_minor, entitled[leg.holding_id], there)
            answer.append(Payable(leg, payout, round_, lot_number, now_minor))
    return answer


def _waiting(group: Group, round_: Round, legs: Sequence[tuple[Leg, Payout, int]]) -> int:
    """What is kept for lots of the round that are still to be drawn, when not all could be drawn at once."""
    if round_.drawn_at is not None:
        return 0
    gross = {payout.id: payout.gross_minor for _, payout, _ in legs}
    return group.rule_set.gross_pot_minor * group.rule_set.lots_per_round - sum(gross.values())


def _entitlements(
    legs: Sequence[tuple[Leg, Payout, int]], came_in: int, *, waiting_minor: int
) -> tuple[dict[UUID, int], int]:
    """What each holding may get more of what came in, and what of it is the organiser's fee altogether.

    Everybody's part is in proportion to what they are promised, ``waiting_minor`` of it to lots that are not drawn
    yet; together the parts are what came in.
    """
    promised: dict[UUID, int] = {}
    paid: dict[UUID, int] = {}
    payouts: dict[UUID, Payout] = {}
    for leg, payout, _ in legs:
        payouts[payout.id] = payout
        promised[leg.holding_id] = promised.get(leg.holding_id, 0) + leg.amount_minor
        paid[leg.holding_id] = paid.get(leg.holding_id, 0) + (leg.amount_minor if leg.paid_at else 0)
    fee = sum(item["amount_minor"] for payout in payouts.values() for item in payout.deductions)
    whole = sum(promised.values()) + fee + waiting_minor
    weights = [Fraction(amount, whole) for amount in (*promised.values(), fee, waiting_minor) if amount]
    parts = split(min(came_in, whole), weights)
    entitled = {holding_id: max(0, part - paid[holding_id]) for holding_id, part in zip(promised, parts, strict=False)}
    return entitled, parts[len(promised)] if fee else 0


async def pay(
    tx: Tx,
    group: Group,
    leg_id: UUID,
    *,
    payer: Member | None,
    method: str = "cash",
    exactly_minor: int | None = None,
) -> Leg:
    """An officer (``payer``) has paid a leg: as much of it as the pot holds; the rest becomes a further leg.

    ``exactly_minor``: what they said they paid, whatever has come in since; refused when it is not there any more.

    Raises ``Refusal``: ``payout.nothing_there``, ``payout.not_approved``, ``payout.already_paid``,
    ``payout.approver_pays``.
    """
    first = await tx.session.get(Leg, (group.group_id, leg_id))
    if first is None:
        raise NotFound("payout.unknown")
    payout = await tx.session.get(Payout, (group.group_id, first.payout_id))
    if payout is None:
        raise NotFound("payout.unknown")
    # One payment out of a round's pot at a time.
    round_ = await tx.session.get(Round, (group.group_id, payout.round_id), with_for_update=True)
    leg = await tx.session.get(Leg, (group.group_id, leg_id), with_for_update=True, populate_existing=True)
    if round_ is None or leg is None:
        raise NotFound("payout.unknown")
    if leg.paid_at is not None:
        raise Refusal("payout.already_paid")
    _require_approval(tx, group, payout)
    amount = next((p.now_minor for p in await payable(tx, group, round_) if p.leg.id == leg_id), 0)
    if amount <= 0 or (exactly_minor is not None and amount < exactly_minor):
        raise Refusal("payout.nothing_there", round=round_.number)
    amount = exactly_minor or amount
    if amount < leg.amount_minor:
        rest = leg.amount_minor - amount
        tx.session.add(_leg(tx, payout, holding_id=leg.holding_id, member_id=leg.member_id, amount_minor=rest))
        leg.amount_minor = amount
    leg.paid_at, leg.paid_by, leg.method, leg.denied_at = tx.now, tx.actor, method, None
    leg.held_by = payer.id if payer else None
    await tx.session.flush()
    await _post(tx, group, round_, leg, payer)
    await note(tx, "payout.paid", group_id=group.group_id, subject=f"leg:{leg.id}", amount_minor=amount)
    return leg


def _require_approval(tx: Tx, group: Group, payout: Payout) -> None:
    if not group.rule_set.payout_approval:
        return
    if payout.approved_at is None:
        raise Refusal("payout.not_approved")
    if payout.approved_by == tx.actor:
        raise Refusal("payout.approver_pays")


async def _post(tx: Tx, group: Group, round_: Round, leg: Leg, payer: Member | None) -> None:
    """The leg's transfer, and what of the organiser's fee has become due with it."""
    source = f"held/{payer.number}" if payer else f"provider/{leg.method}"
    # A leg that was denied and is paid again is a new transfer; a repeated request finds paid_at set before.
    attempt = new_id()
    postings = [
        ledger.Posting(
            kind="payout",
            debit=round_.pot,
            credit=source,
            amount_minor=leg.amount_minor,
            currency=group.currency,
            reference=f"leg:{leg.id}:{attempt}",
            payout_leg_id=leg.id,
            memo=await _draw_record(tx, group, leg),
        )
    ]
    legs = await _legs_of_round(tx, round_)
    came_in = await rounds.collected(tx, round_)
    _, fee = _entitlements(legs, came_in, waiting_minor=_waiting(group, round_, legs))
    taken = await _fee_taken(tx, group, round_)
    left = await ledger.balance(tx.session, group_id=group.group_id, account=round_.pot) - leg.amount_minor
    fee = min(fee, taken + left)
    if fee > taken:
        postings.append(
            ledger.Posting(
                kind="fee",
                debit=round_.pot,
                credit="fee/organiser",
                amount_minor=fee - taken,
                currency=group.currency,
                reference=f"fee:{leg.id}:{attempt}",
            )
        )
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)


async def _draw_record(tx: Tx, group: Group, leg: Leg) -> str:
    """The hash of the draw that the leg is paid for: the book says by what right money left the pot."""
    record = await tx.session.scalar(
        text(
            "SELECT d.record_hash FROM payouts p JOIN draws d ON d.group_id = p.group_id AND d.lot_id = p.lot_id"
            " WHERE p.group_id = :group AND p.id = :payout"
        ),
        {"group": group.group_id, "payout": leg.payout_id},
    )
    return f"draw {record}" if record else ""


async def _fee_taken(tx: Tx, group: Group, round_: Round) -> int:
    taken = await tx.session.scalar(
        text(
            "SELECT coalesce(sum(CASE WHEN debit = :pot THEN amount_minor ELSE -amount_minor END), 0)"
            " FROM ledger_transfers WHERE group_id = :group AND (debit = :pot OR credit = :pot)"
            " AND kind IN ('fee', 'fee.reversal')"
        ),
        {"group": group.group_id, "pot": round_.pot},
    )
    return int(taken or 0)


async def receive(tx: Tx, group: Group, leg: Leg) -> None:
    """The holder says that it came."""
    await tx.session.refresh(leg, with_for_update=True)
    if leg.paid_at is None:
        raise Refusal("payout.not_paid")
    if leg.received_at is None:
        leg.received_at, leg.received_by = tx.now, tx.actor
        await tx.session.flush()
        await questions.settle(tx, leg.id)


async def take_back(tx: Tx, group: Group, leg: Leg, *, denied: bool) -> None:
    """A leg that was recorded as paid was not: its transfer is reversed, the fee taken with it too; it waits again.

    ``denied``: the holder says so, rather than the officer who recorded it.
    """
    await tx.session.refresh(leg, with_for_update=True)
    if leg.paid_at is None or leg.received_at is not None:
        raise Refusal("payout.not_paid" if leg.paid_at is None else "payout.already_received")
    round_ = await tx.session.scalar(
        select(Round)
        .join(Payout, (Payout.group_id == Round.group_id) & (Payout.round_id == Round.id))
        .where(Payout.group_id == group.group_id, Payout.id == leg.payout_id)
    )
    if round_ is None:
        raise NotFound("payout.unknown")
    made = await tx.session.execute(
        text(
            "SELECT t.id, t.kind FROM ledger_transfers t WHERE t.group_id = :group AND t.debit = :pot"
            " AND (t.payout_leg_id = :leg OR t.reference LIKE :fee) AND t.reverses IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM ledger_transfers b WHERE b.group_id = t.group_id AND b.reverses = t.id) ORDER BY t.id"
        ),
        {"group": group.group_id, "pot": round_.pot, "leg": leg.id, "fee": f"fee:{leg.id}:%"},
    )
    reversals = [
        ledger.Reversal(reverses=transfer_id, kind=f"{kind}.reversal", reference=f"reversal:{transfer_id}")
        for transfer_id, kind in made
    ]
    await ledger.post(tx.session, group_id=group.group_id, postings=reversals, at=tx.now)
    leg.paid_at, leg.paid_by, leg.held_by = None, None, None
    leg.denied_at = tx.now if denied else None
    await tx.session.flush()
    await questions.settle(tx, leg.id)
    await note(tx, "payout.denied" if denied else "payout.taken_back", group_id=group.group_id, subject=f"leg:{leg.id}")


async def waiting(tx: Tx, group: Group) -> list[Payable]:
    """Every leg of the group that waits for payment, oldest round first."""
    rows = await tx.session.scalars(
        select(Round)
        .where(
            Round.group_id == group.group_id,
            Round.id.in_(
                select(Payout.round_id)
                .join(Leg, (Leg.group_id == Payout.group_id) & (Leg.payout_id == Payout.id))
                .where(Payout.group_id == group.group_id, Leg.paid_at.is_(None))
            ),
        )
        .order_by(Round.cycle, Round.number)
    )
    return [one for round_ in rows.all() for one in await payable(tx, group, round_)]


async def leg(tx: Tx, group_id: UUID, leg_id: UUID) -> Leg:
    """A leg. Raises ``NotFound("payout.unknown")``."""
    found = await tx.session.get(Leg, (group_id, leg_id))
    if found is None:
        raise NotFound("payout.unknown")
    return found
