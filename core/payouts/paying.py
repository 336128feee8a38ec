"""Paying a leg, hearing that it came, taking it back; setting off what a holder owes; what follows late money.

Each leg is one transfer out of its pot; what of the fee and the other deductions has become due with it goes with it,
and comes back with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text

from core import ledger, questions
from core.audit import note
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.ids import new_id
from core.payouts.records import Leg, Payable, Payout, new_leg, source
from core.payouts.sharing import RESERVE, Standing, account_of, payable, standing, whole_of
from core.rounds import Round


@dataclass(frozen=True)
class OwnDue:
    """What a holder still owes."""

    due_id: UUID
    member_id: UUID
    member_number: int
    account: str
    open_minor: int


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
    ``payout.approver_pays``.
    """
    payout, round_, leg = await _held(tx, group, leg_id)
    if leg.paid_at is not None:
        raise Refusal("payout.already_paid")
    _require_approval(tx, group, payout)
    one = next((p for p in await payable(tx, group, round_) if p.leg.id == leg_id), None)
    amount = one.now_minor if one else 0
    if one and one.missing_minor:
        raise Refusal("payout.waits", round=round_.number, amount=group.money(one.missing_minor))
    if amount <= 0 or (exactly_minor is not None and amount < exactly_minor):
        raise Refusal("payout.nothing_there", round=round_.number)
    amount = exactly_minor or amount
    await _divide(tx, payout, leg, amount)
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


async def _divide(tx: Tx, payout: Payout, leg: Leg, amount_minor: int) -> Leg | None:
    """Make the leg one of ``amount_minor``; what is left of it waits as a further leg, which is returned."""
    rest = leg.amount_minor - amount_minor
    if not rest:
        return None
    further = new_leg(tx, payout, holding_id=leg.holding_id, member_id=leg.member_id, amount_minor=rest, kind=leg.kind)
    tx.session.add(further)
    leg.amount_minor = amount_minor
    return further


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
    paid = ledger.Posting(
        kind="payout",
        debit=source(payout, round_),
        credit=target,
        amount_minor=leg.amount_minor,
        currency=group.currency,
        reference=f"leg:{leg.id}:{attempt}",
        payout_leg_id=leg.id,
        memo=await _draw_record(tx, group, payout),
    )
    postings = [paid]
    if source(payout, round_) == round_.pot:
        now = await standing(tx, group, round_)
        fill = _fill(group, now, round_, reference=f"reserve:{leg.id}:{attempt}")
        left = now.there_minor + now.fill_minor - leg.amount_minor
        taken = await _deductions_due(tx, group, round_, now, left_minor=left, tag=f"{leg.id}:{attempt}")
        postings = [*fill, paid, *taken]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)


def _fill(group: Group, now: Standing, round_: Round, *, reference: str) -> list[ledger.Posting]:
    """What the reserve adds to a pot that is not full."""
    if not now.fill_minor:
        return []
    return [
        ledger.Posting(
            kind="reserve",
            debit=RESERVE,
            credit=round_.pot,
            amount_minor=now.fill_minor,
            currency=group.currency,
            reference=reference,
        )
    ]


async def _deductions_due(
    tx: Tx, group: Group, round_: Round, now: Standing, *, left_minor: int, tag: str
) -> list[ledger.Posting]:
    """What of every deduction is due and not taken yet, as far as ``left_minor`` of the pot reaches."""
    deducted = now.parts().deducted_minor
    taken = await _taken(tx, group, round_) if deducted else {}
    postings = []
    for kind, whole in deducted.items():
        part = min(whole - taken.get(account_of(kind), 0), left_minor)
        if part <= 0:
            continue
        left_minor -= part
        postings.append(
            ledger.Posting(
                kind="fee" if kind == "fee" else "deduction",
                debit=round_.pot,
                credit=account_of(kind),
                amount_minor=part,
                currency=group.currency,
                reference=f"deduction:{tag}:{kind}",
            )
        )
    return postings


async def _taken(tx: Tx, group: Group, round_: Round) -> dict[str, int]:
    """By account: what has been deducted from the round's pot, less what was taken back."""
    rows = await tx.session.execute(
        text(
            "SELECT CASE WHEN debit = :pot THEN credit ELSE debit END,"
            " sum(CASE WHEN debit = :pot THEN amount_minor ELSE -amount_minor END)::bigint"
            " FROM ledger_transfers WHERE group_id = :group AND (debit = :pot OR credit = :pot)"
            " AND kind IN ('fee', 'fee.reversal', 'deduction', 'deduction.reversal') GROUP BY 1"
        ),
        {"group": group.group_id, "pot": round_.pot},
    )
    return {account: int(amount) for account, amount in rows}


async def _draw_record(tx: Tx, group: Group, payout: Payout) -> str:
    """The hash of the draw that a pot is paid for: the book says by what right money left it."""
    if payout.kind != "pot":
        return ""
    record = await tx.session.scalar(
        text("SELECT d.record_hash FROM draws d WHERE d.group_id = :group AND d.lot_id = :lot"),
        {"group": group.group_id, "lot": payout.lot_id},
    )
    return f"draw {record}" if record else ""


async def net_own(tx: Tx, group: Group, round_: Round) -> list[Leg]:
    """Set off what holders of the round's found lots still owe for this round against what they are to receive.

    It goes from the pot to the member's advance and from there to the due, in one posting, so that the pot is never
    below zero and both stand in the book. Nothing happens unless the rules say so. Returns the legs set off.
    """
    if not group.rule_set.netting:
        return []
    now = await standing(tx, group, round_)
    waiting = [(leg, payout) for leg, payout, _ in now.legs if leg.paid_at is None and leg.kind == "pot"]
    owed = await own_dues(tx, group, round_, [leg.member_id for leg, _ in waiting])
    there, netted = now.there_minor, []
    for due in owed:
        left = due.open_minor
        for n, (leg, payout) in enumerate(waiting):
            part = min(left, leg.amount_minor, there) if leg.member_id == due.member_id else 0
            if part <= 0 or leg.paid_at is not None:
                continue
            rest = await _divide(tx, payout, leg, part)
            if rest is not None:
                waiting[n] = (rest, payout)
            netted.append((leg, due))
            left -= part
            # What goes into the pot again costs it nothing; what goes elsewhere is out of it.
            there -= 0 if due.account == round_.pot else part
            set_off(tx, leg)
    await tx.session.flush()
    postings = [one for leg, due in netted for one in netting_postings(group, leg, due, pot=round_.pot)]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    for leg, _ in netted:
        await note(tx, "payout.netted", group_id=group.group_id, subject=f"leg:{leg.id}", amount_minor=leg.amount_minor)
    return [leg for leg, _ in netted]


def set_off(tx: Tx, leg: Leg) -> None:
    """The leg is paid by what its holder owed: nobody hands it over, nobody has to confirm it."""
    leg.paid_at = leg.received_at = tx.now
    leg.paid_by = leg.received_by = tx.actor
    leg.method, leg.held_by, leg.denied_at = "netted", None, None


def netting_postings(group: Group, leg: Leg, due: OwnDue, *, pot: str) -> list[ledger.Posting]:
    """The two transfers by which a leg pays a due: out of the pot to the member, and from there to the due."""
    return [
        ledger.Posting(
            kind="payout.netted",
            debit=pot,
            credit=f"advance/{due.member_number}",
            amount_minor=leg.amount_minor,
            currency=group.currency,
            reference=f"netted:{leg.id}",
            payout_leg_id=leg.id,
        ),
        ledger.Posting(
            kind="contribution.netted",
            debit=f"advance/{due.member_number}",
            credit=due.account,
            amount_minor=leg.amount_minor,
            currency=group.currency,
            reference=f"netted:{leg.id}:due",
            due_id=due.due_id,
        ),
    ]


async def own_dues(tx: Tx, group: Group, round_: Round, member_ids: Sequence[UUID]) -> list[OwnDue]:
    """What of the round's contributions and fees these members still owe, by lot."""
    rows = await tx.session.execute(
        text(
            """
            SELECT d.id, d.member_id, m.number, d.account, d.amount_minor -
                (SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END), 0)
                 FROM ledger_transfers t WHERE t.group_id = d.group_id AND t.due_id = d.id)::bigint AS open
            FROM dues d JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
            JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
            WHERE d.group_id = :group AND d.round_id = :round AND d.member_id = ANY (CAST(:members AS uuid[]))
                AND d.kind IN ('contribution', 'fee') AND d.excused_at IS NULL
            ORDER BY d.kind, l.number, d.id
            """
        ),
        {"group": group.group_id, "round": round_.id, "members": list(set(member_ids))},
    )
    return [OwnDue(*row) for row in rows if row.open > 0]


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


async def after_late_money(tx: Tx, group: Group, pots: Iterable[str]) -> list[Leg]:
    """What follows when money comes into pots whose lots are found already; the legs that were set off by it.

    What holders owe is set off first. What the reserve had filled goes back to it. Where every leg is paid, what is
    left of the deductions is taken: no leg's payment will do it any more.
    """
    rules = group.rule_set
    if not (rules.netting or rules.shortfall == "reserve" or rules.fee.kind != "none" or rules.deductions):
        return []
    netted: list[Leg] = []
    for pot in sorted(set(pots)):
        _, cycle, number = pot.split("/")
        round_ = await tx.session.scalar(
            select(Round)
            .where(Round.group_id == group.group_id, Round.cycle == int(cycle), Round.number == int(number))
            .with_for_update()
        )
        if round_ is None:
            continue
        netted += await net_own(tx, group, round_)
        now = await standing(tx, group, round_)
        if not now.legs:
            continue
        postings = _given_back(group, round_, now)
        left = now.there_minor - sum(one.amount_minor for one in postings)
        if all(leg.paid_at for leg, _, _ in now.legs):
            postings += await _deductions_due(tx, group, round_, now, left_minor=left, tag=f"{round_.id}:{new_id()}")
        await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    return netted


def _given_back(group: Group, round_: Round, now: Standing) -> list[ledger.Posting]:
    """What a pot has over goes back to the reserve that filled it."""
    promised = whole_of(now.legs, waiting_minor=now.waiting_minor)
    back = min(now.came.filled_minor, now.came.own_minor - promised, now.there_minor)
    if back <= 0:
        return []
    return [
        ledger.Posting(
            kind="reserve.back",
            debit=round_.pot,
            credit=RESERVE,
            amount_minor=back,
            currency=group.currency,
            reference=f"reserve.back:{round_.id}:{new_id()}",
        )
    ]


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
