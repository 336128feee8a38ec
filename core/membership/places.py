"""What every lot owes in a round when some came late and some have left: one contribution for every other's pot.

A full lot pays one contribution into the pot of each lot that receives, and receives one from each. When somebody
leaves before receiving, their own pot is never made; those who had got a contribution from them give exactly that
back, in a round at the end which is theirs, and it is the refund. A lot that comes late pays into the pots that have
been, which grow by it, and there is one round more. A short place stands apart: it pays into a fund of its own and
receives what it has paid when the cycle ends. So everybody ends with as much received as paid.

Several lots found in one round cannot be taken apart like this; there nobody leaves or comes late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from sqlalchemy import func, select, text

from core import groups, payouts
from core import sentences as say
from core.cycle.rounds import Owed, Round
from core.db import Tx
from core.groups import Group, Lot
from core.ids import new_id
from core.ledger import Posting, balance, post
from core.money import split
from core.operator.audit import note
from core.payouts import Payout
from core.telling import notices


async def any_special(tx: Tx, group: Group, cycle: int) -> bool:
    """Whether anybody has left or holds a short place in a cycle: most cycles have neither."""
    found = await tx.session.scalar(
        text(
            "SELECT EXISTS (SELECT 1 FROM lots l WHERE l.group_id = :group AND l.cycle = :cycle"
            " AND (l.status = 'withdrawn' OR l.place = 'short'))"
        ),
        {"group": group.group_id, "cycle": cycle},
    )
    return bool(found)


async def withdrawn(tx: Tx, group: Group) -> set[int]:
    """The numbers of the lots of this cycle whose holders have left."""
    rows = await tx.session.scalars(
        select(Lot.number).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.status == "withdrawn")
    )
    return set(rows.all())


async def undrawn_lots(tx: Tx, group: Group, cycle: int) -> int:
    """How many lots are still to receive."""
    count = await tx.session.scalar(
        text(
            "SELECT count(*) FROM lots l WHERE l.group_id = :group AND l.cycle = :cycle AND l.status = 'active'"
            " AND l.place = 'full' AND NOT EXISTS (SELECT 1 FROM draws w WHERE w.group_id = l.group_id"
            " AND w.lot_id = l.id)"
        ),
        {"group": group.group_id, "cycle": cycle},
    )
    return int(count or 0)


async def waiting_rounds(tx: Tx, group: Group, cycle: int, *, besides: UUID | None = None) -> int:
    """How many rounds have opened and are not drawn."""
    query = select(func.count()).where(
        Round.group_id == group.group_id,
        Round.cycle == cycle,
        Round.opened_at.is_not(None),
        Round.drawn_at.is_(None),
    )
    if besides is not None:
        query = query.where(Round.id != besides)
    return int(await tx.session.scalar(query) or 0)


async def is_for_refund(tx: Tx, group: Group, round_: Round) -> bool:
    """Whether no lot is left to be found in this round, because somebody has left: it gives back what they had paid."""
    if not await any_special(tx, group, round_.cycle):
        return False
    before = await waiting_rounds(tx, group, round_.cycle, besides=round_.id)
    return await undrawn_lots(tx, group, round_.cycle) <= before


async def must_wait(tx: Tx, group: Group, all_rounds: Sequence[Round]) -> bool:
    """Whether the next round may not open yet: who gives back what is known only when the draws before it are held."""
    following = next((r for r in all_rounds if r.opened_at is None), None)
    if following is None or all(r.drawn_at for r in all_rounds if r.opened_at):
        return False
    return await is_for_refund(tx, group, following)


def refund_fund(cycle: int, lot: int) -> str:
    """The account in which a refund gathers."""
    return f"fund/refund-{cycle}-{lot}"


def place_fund(cycle: int, lot: int) -> str:
    """The account into which a short place pays."""
    return f"fund/place-{cycle}-{lot}"


@dataclass(frozen=True)
class _Holding:
    """One member's share of a lot, with how the lot stands."""

    holding_id: UUID
    lot_id: UUID
    member_id: UUID
    amount_minor: int
    number: int
    status: str
    place: str
    from_round: int


async def _holdings(tx: Tx, group: Group, cycle: int) -> list[_Holding]:
    rows = await tx.session.execute(
        text(
            "SELECT h.id, h.lot_id, h.member_id, h.amount_minor, l.number, l.status, l.place, l.from_round"
            " FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
            " JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id"
            " WHERE h.group_id = :group AND l.cycle = :cycle AND h.amount_minor > 0 ORDER BY l.number, m.number"
        ),
        {"group": group.group_id, "cycle": cycle},
    )
    return [_Holding(*row) for row in rows]


async def owed_in(tx: Tx, group: Group, round_: Round) -> list[Owed]:
    """What each holding owes for a round that opens."""
    held = await _holdings(tx, group, round_.cycle)
    owed = [
        Owed(one.holding_id, one.lot_id, one.member_id, one.amount_minor, place_fund(round_.cycle, one.number))
        for one in held
        if one.status == "active" and one.place == "short" and one.from_round <= round_.number
    ]
    if not await is_for_refund(tx, group, round_):
        return owed + [
            Owed(one.holding_id, one.lot_id, one.member_id, one.amount_minor, round_.pot)
            for one in held
            if one.status == "active" and one.place == "full"
        ]
    lot = await lot_of_refund(tx, group, round_)
    return owed + (await _given_back(tx, group, round_, lot, held) if lot else [])


async def lot_of_refund(tx: Tx, group: Group, round_: Round) -> Lot | None:
    """Whose refund a round at the end is: the first of them the lowest lot's, and so on."""
    gone = (
        await tx.session.scalars(
            select(Lot)
            .where(
                Lot.group_id == group.group_id,
                Lot.cycle == round_.cycle,
                Lot.status == "withdrawn",
                Lot.place == "full",
            )
            .order_by(Lot.number)
        )
    ).all()
    last = await tx.session.scalar(
        select(func.max(Round.number)).where(Round.group_id == group.group_id, Round.cycle == round_.cycle)
    )
    index = round_.number - (int(last or 0) - len(gone)) - 1
    return gone[index] if 0 <= index < len(gone) else None


async def _given_back(tx: Tx, group: Group, round_: Round, lot: Lot, held: list[_Holding]) -> list[Owed]:
    """Each lot that received owes what it had got from the one that left, a part of it as the fee for leaving."""
    per_mille = group.rule_set.leaving.fee_per_mille
    owed = []
    for receiver, amount_minor in await _received_from(tx, group, round_.cycle, lot):
        holders = [one for one in held if one.lot_id == receiver]
        whole = sum(one.amount_minor for one in holders)
        fee = amount_minor * per_mille // 1000
        for kind, account, part in (
            ("contribution", refund_fund(round_.cycle, lot.number), amount_minor - fee),
            ("leaving_fee", "fee/organiser", fee),
        ):
            parts = split_by(part, [one.amount_minor for one in holders], whole)
            owed += [
                Owed(one.holding_id, one.lot_id, one.member_id, minor, account, kind)
                for one, minor in zip(holders, parts, strict=True)
                if minor
            ]
    return owed


def split_by(amount_minor: int, weights: Sequence[int], whole: int) -> list[int]:
    """An amount split by what each holder pays of a contribution."""
    return split(amount_minor, [Fraction(weight, whole) for weight in weights])


async def _received_from(tx: Tx, group: Group, cycle: int, lot: Lot) -> list[tuple[UUID, int]]:
    """(lot that received, what of its pot came from this lot in minor units), by round."""
    rows = await tx.session.execute(
        text(
            "SELECT w.lot_id, sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END)::bigint"
            " FROM dues d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
            " JOIN draws w ON w.group_id = r.group_id AND w.round_id = r.id"
            " JOIN ledger_transfers t ON t.group_id = d.group_id AND t.due_id = d.id"
            " WHERE d.group_id = :group AND d.lot_id = :lot AND r.cycle = :cycle"
            " AND d.account = 'pot/' || r.cycle || '/' || r.number AND d.kind = 'contribution'"
            " GROUP BY w.lot_id, r.number"
            " HAVING sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END) > 0"
            " ORDER BY r.number"
        ),
        {"group": group.group_id, "lot": lot.id, "cycle": cycle},
    )
    return [(receiver, int(minor)) for receiver, minor in rows]


async def open_refund(tx: Tx, group: Group, round_: Round) -> Payout | None:
    """When a round at the end has opened: the payout by which the one who left gets back what they paid."""
    lot = await lot_of_refund(tx, group, round_)
    if lot is None:
        return None
    fund = refund_fund(round_.cycle, lot.number)
    due = await tx.session.scalar(
        text(
            "SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM dues d"
            " WHERE d.group_id = :group AND d.round_id = :round AND d.account = :fund"
        ),
        {"group": group.group_id, "round": round_.id, "fund": fund},
    )
    return await _pay_from_fund(tx, group, round_, lot, "refund", int(due or 0) + await _advances(tx, group, lot, fund))


async def _advances(tx: Tx, group: Group, lot: Lot, fund: str) -> int:
    """What holders who hold nothing else have paid in advance goes back with the refund."""
    moved = 0
    for _, who in await payouts.holders(tx, group, lot.id):
        others = await tx.session.scalar(
            text(
                "SELECT count(*) FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
                " WHERE h.group_id = :group AND h.member_id = :member AND l.cycle = :cycle AND l.status = 'active'"
            ),
            {"group": group.group_id, "member": who.id, "cycle": lot.cycle},
        )
        have = await balance(tx.session, group_id=group.group_id, account=f"advance/{who.number}")
        if others or have <= 0:
            continue
        posting = Posting(
            kind="refund.advance",
            debit=f"advance/{who.number}",
            credit=fund,
            amount_minor=have,
            currency=group.currency,
            reference=f"refund:{lot.id}:{who.id}",
        )
        await post(tx.session, group_id=group.group_id, postings=[posting], at=tx.now)
        moved += have
    return moved


async def pay_places(tx: Tx, group: Group, round_: Round) -> list[Payout]:
    """When the last round is over: short places get what they have paid, those who left them early as well."""
    lots = await tx.session.scalars(
        select(Lot)
        .where(Lot.group_id == group.group_id, Lot.cycle == round_.cycle, Lot.place == "short")
        .order_by(Lot.number)
    )
    made = []
    for lot in lots.all():
        fund = place_fund(round_.cycle, lot.number)
        owed = await tx.session.scalar(
            text(
                "SELECT coalesce(sum(CASE WHEN d.excused_at IS NULL THEN d.amount_minor ELSE d.paid_minor END), 0)"
                "::bigint FROM dues d WHERE d.group_id = :group AND d.lot_id = :lot AND d.account = :fund"
            ),
            {"group": group.group_id, "lot": lot.id, "fund": fund},
        )
        payout = await _pay_from_fund(tx, group, round_, lot, "place", int(owed or 0))
        made += [payout] if payout else []
    return made


async def _pay_from_fund(tx: Tx, group: Group, round_: Round, lot: Lot, kind: str, amount_minor: int) -> Payout | None:
    if not amount_minor:
        return None
    payout = Payout(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        lot_id=lot.id,
        kind=kind,
        gross_minor=amount_minor,
        deductions=[],
        amount_minor=amount_minor,
        approved_at=None,
        approved_by=None,
        created_at=tx.now,
    )
    tx.session.add(payout)
    await tx.session.flush()
    held = await payouts.holders(tx, group, lot.id)
    parts = split(amount_minor, [holding.share for holding, _ in held])
    await payouts.add_legs(
        tx, payout, [(h.id, who.id, part) for (h, who), part in zip(held, parts, strict=True)], kind=kind
    )
    await note(tx, f"payout.{kind}", group_id=group.group_id, subject=f"payout:{payout.id}", amount_minor=amount_minor)
    return payout


async def finish(tx: Tx, group: Group) -> None:
    """When no round is left: what short places are owed is made a payout, once."""
    short = await tx.session.scalar(
        text(
            "SELECT EXISTS (SELECT 1 FROM lots l WHERE l.group_id = :group AND l.cycle = :cycle AND l.place = 'short'"
            " AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.group_id = l.group_id AND p.lot_id = l.id))"
        ),
        {"group": group.group_id, "cycle": group.cycle},
    )
    last = await tx.session.scalar(
        select(Round)
        .where(Round.group_id == group.group_id, Round.cycle == group.cycle)
        .order_by(Round.number.desc())
        .limit(1)
    )
    if not short or last is None:
        return
    for payout in await pay_places(tx, group, last):
        await _tell(tx, group, payout)


async def open_refund_round(tx: Tx, group: Group, round_: Round) -> None:
    """What a round at the end brings to the one who left; its days follow from when it could open."""
    payout = await open_refund(tx, group, round_)
    if payout is not None:
        await _tell(tx, group, payout)


async def _tell(tx: Tx, group: Group, payout: Payout) -> None:
    """To whom it goes, and to the officers who pay it."""
    for holding, who in await payouts.holders(tx, group, payout.lot_id):
        legs = [leg for leg in await payouts.waiting(tx, group) if leg.leg.holding_id == holding.id]
        amount = group.money(sum(one.leg.amount_minor for one in legs))
        seat = await groups.seat(tx, group.group_id, who.id)
        facts = {"group": group.name, "amount": amount}
        event = f"fund:{payout.id}:{who.id}"
        await notices.tell_person(tx, group, seat.person.id, say.REFUND_YOU(**facts), event=event)
        officers = say.REFUND_TO_PAY(**facts, name=seat.person.name, number=who.number)
        await notices.tell_officers(tx, group, "pay_out", officers, event=event, besides=[seat.person.id])
