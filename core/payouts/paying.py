"""Paying a leg, hearing that it came, taking it back.

Each leg is one transfer out of its pot; what of the fee and the other deductions has become due with it goes with it,
and comes back with it.
"""

from uuid import UUID

from sqlalchemy import select, text

from core import ledger
from core.cycle.rounds import Round
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Lot, Member
from core.ids import new_id
from core.operator.audit import note
from core.payouts.netting import deductions_due, divide, fill_postings
from core.payouts.records import Leg, Payable, Payout, source
from core.payouts.sharing import payable, standing
from core.talking import questions


async def pay(
    tx: Tx,
    group: Group,
    leg_id: UUID,
    *,
    payer: Member | None,
    method: str = "cash",
    exactly_minor: int | None = None,
    supplier: str | None = None,
) -> Leg:
    """An officer (``payer``) has paid a leg: as much of it as the pot holds; the rest becomes a further leg.

    ``exactly_minor``: what they said they paid, whatever has come in since; refused when it is not there any more.
    ``supplier``: to whom it went, where the pot is a thing.

    Raises ``Refusal``: ``payout.nothing_there``, ``payout.waits``, ``payout.not_approved``, ``payout.already_paid``,
    ``payout.approver_pays``, ``payout.supplier_needed``, ``payout.no_thing``.
    """
    payout, round_, leg = await _held(tx, group, leg_id)
    if leg.paid_at is not None:
        raise Refusal("payout.already_paid")
    _require_approval(tx, group, payout)
    if supplier and not group.rule_set.thing:
        raise Refusal("payout.no_thing")
    if group.rule_set.thing and payout.kind == "pot" and not supplier:
        raise Refusal("payout.supplier_needed")
    one = next((p for p in await payable(tx, group, round_) if p.leg.id == leg_id), None)
    amount = one.now_minor if one else 0
    if one and one.missing_minor:
        raise Refusal("payout.waits", round=round_.number, amount=group.money(one.missing_minor))
    if amount <= 0 or (exactly_minor is not None and amount < exactly_minor):
        raise Refusal("payout.nothing_there", round=round_.number)
    amount = exactly_minor or amount
    await divide(tx, payout, leg, amount)
    leg.paid_at, leg.paid_by, leg.method, leg.denied_at = tx.now, tx.actor, method, None
    leg.held_by = payer.id if payer else None
    leg.supplier = supplier
    await tx.session.flush()
    await _post(tx, group, payout, round_, leg, payer)
    await note(tx, "payout.paid", group_id=group.group_id, subject=f"leg:{leg.id}", amount_minor=amount)
    return leg


async def _held(tx: Tx, group: Group, leg_id: UUID) -> tuple[Payout, Round, Leg]:
    """A leg with its payout and round, one payment out of a round's pots at a time."""
    first = await tx.session.get(Leg, (group.group_id, leg_id))
    payout = await tx.session.get(Payout, (group.group_id, first.payout_id)) if first else None
    if first is None or payout is None:
        raise NotFound("payout.unknown")
    round_ = await tx.session.get(Round, (group.group_id, payout.round_id), with_for_update=True)
    leg = await tx.session.get(Leg, (group.group_id, leg_id), with_for_update=True, populate_existing=True)
    if round_ is None or leg is None:
        raise NotFound("payout.unknown")
    return payout, round_, leg


def _require_approval(tx: Tx, group: Group, payout: Payout) -> None:
    if not group.rule_set.payout_approval:
        return
    if payout.approved_at is None:
        raise Refusal("payout.not_approved")
    if payout.approved_by == tx.actor:
        raise Refusal("payout.approver_pays")


async def _post(tx: Tx, group: Group, payout: Payout, round_: Round, leg: Leg, payer: Member | None) -> None:
    """The leg's transfer, what the reserve adds to the pot before it, and the deductions that have become due."""
    target = f"held/{payer.number}" if payer else f"provider/{leg.method}"
    # A leg that was denied and is paid again is a new transfer; a repeated request finds paid_at set before.
    attempt = new_id()
    lot = await tx.session.get(Lot, (group.group_id, payout.lot_id))
    account = source(payout, round_, lot.number if lot else 0)
    paid = ledger.Posting(
        kind="payout",
        debit=account,
        credit=target,
        amount_minor=leg.amount_minor,
        currency=group.currency,
        reference=f"leg:{leg.id}:{attempt}",
        payout_leg_id=leg.id,
        memo=await _draw_record(tx, group, payout),
    )
    postings = [paid]
    if account == round_.pot:
        now = await standing(tx, group, round_)
        fill = fill_postings(group, now, round_, reference=f"reserve:{leg.id}:{attempt}")
        left = now.there_minor + now.fill_minor - leg.amount_minor
        taken = await deductions_due(tx, group, round_, now, left_minor=left, tag=f"{leg.id}:{attempt}")
        postings = [*fill, paid, *taken]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)


async def _draw_record(tx: Tx, group: Group, payout: Payout) -> str:
    """The hash of the draw that a pot is paid for: the book says by what right money left it."""
    if payout.kind != "pot":
        return ""
    record = await tx.session.scalar(
        text("SELECT d.record_hash FROM draws d WHERE d.group_id = :group AND d.lot_id = :lot"),
        {"group": group.group_id, "lot": payout.lot_id},
    )
    return f"draw {record}" if record else ""


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
    """A leg that was recorded as paid was not: its transfer is reversed, what was deducted with it too; it waits again.

    What the reserve has added stays in the pot for it. ``denied``: the holder says so, rather than the officer who
    recorded it.
    """
    await tx.session.refresh(leg, with_for_update=True)
    if leg.paid_at is None or leg.received_at is not None:
        raise Refusal("payout.not_paid" if leg.paid_at is None else "payout.already_received")
    made = await tx.session.execute(
        text(
            "SELECT t.id, t.kind FROM ledger_transfers t JOIN payouts p ON p.group_id = t.group_id AND p.id = :payout"
            " JOIN rounds r ON r.group_id = p.group_id AND r.id = p.round_id"
            " WHERE t.group_id = :group AND (t.payout_leg_id = :leg OR"
            "  (t.debit = 'pot/' || r.cycle || '/' || r.number AND t.reference LIKE ANY (ARRAY[:taken, :fee])))"
            " AND t.reverses IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM ledger_transfers b WHERE b.group_id = t.group_id AND b.reverses = t.id) ORDER BY t.id"
        ),
        # Before deductions of any kind there was only the fee, under a reference of its own.
        {
            "group": group.group_id,
            "payout": leg.payout_id,
            "leg": leg.id,
            "taken": f"deduction:{leg.id}:%",
            "fee": f"fee:{leg.id}:%",
        },
    )
    reversals = [
        ledger.Reversal(reverses=transfer_id, kind=f"{kind}.reversal", reference=f"reversal:{transfer_id}")
        for transfer_id, kind in made
    ]
    await ledger.post(tx.session, group_id=group.group_id, postings=reversals, at=tx.now)
    leg.paid_at, leg.paid_by, leg.held_by, leg.supplier = None, None, None, None
    leg.denied_at = tx.now if denied else None
    await tx.session.flush()
    await questions.settle(tx, leg.id)
    await note(tx, "payout.denied" if denied else "payout.taken_back", group_id=group.group_id, subject=f"leg:{leg.id}")


async def waiting(tx: Tx, group: Group) -> list[Payable]:
    """Every leg of the group that waits for somebody to pay it, oldest round first."""
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
    legs = [one for round_ in rows.all() for one in await payable(tx, group, round_)]
    # What is set off against the next dues goes into nobody's hands.
    return [one for one in legs if one.leg.kind != "set_off"]


async def leg(tx: Tx, group_id: UUID, leg_id: UUID) -> Leg:
    """A leg. Raises ``NotFound("payout.unknown")``."""
    found = await tx.session.get(Leg, (group_id, leg_id))
    if found is None:
        raise NotFound("payout.unknown")
    return found
