"""Auctions: what the holders of a lot leave to all others to receive in this round.

Open, where each bid must exceed the last by a step and everybody may know the highest; or sealed, where nobody sees
any before the cut-off. Owns bids, their limits, and who has bid most. Refuses bids that cannot win or cannot be paid:
too low, too high, for a lot that has received or owes something. Equal bids are decided by lot, never here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import groups
from core import sentences as say
from core.cycle import cycles, rounds
from core.cycle.cycles import Cycle
from core.cycle.rounds import DrawList, Round
from core.db import Base, Tx
from core.errors import Refusal
from core.groups import Group, Lot, Member
from core.ids import new_id
from core.operator.audit import note
from core.order import draws
from core.order.draw import lots_of
from core.order.found import Draw, Held, of_round
from core.rules import Rules


class Bid(Base):
    """What a lot's holder would leave to the others. Withdrawn: replaced by a later one of the same lot."""

    __tablename__ = "bids"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    round_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    member_id: Mapped[UUID]
    discount_minor: Mapped[int]
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Placed:
    """A bid that was taken, for which lot of which round, and the lot that it outbids, if any."""

    bid: Bid
    lot: Lot
    round: Round
    outbid: Bid | None


@dataclass(frozen=True)
class TakenBack:
    """A bid that was taken back, for which lot of which round; what stands again of it; whose is the highest now."""

    bid: Bid
    lot: Lot
    round: Round
    stands_again: Bid | None
    highest: Bid | None


def most_minor(rules: Rules) -> int:
    """The highest discount that may be bid."""
    return rules.gross_pot_minor * rules.auction.most_per_mille // 1000


async def open_auction(tx: Tx, group: Group) -> Round:
    """The round whose auction is open now. Raises ``Refusal("auction.none")``."""
    rules = group.rule_set
    for round_ in await cycles.rounds_of(tx, group):
        is_open = round_.opened_at is not None and round_.frozen_at is None and round_.drawn_at is None
        if is_open and draws.order_of(rules, round_.number) == "auction" and group.status == "running":
            return round_
    raise Refusal("auction.none", group=group.name)


async def standing(tx: Tx, round_: Round) -> list[Bid]:
    """The bids that stand, one a lot, the highest first; of equal ones the first made."""
    rows = await tx.session.scalars(
        select(Bid)
        .where(Bid.group_id == round_.group_id, Bid.round_id == round_.id, Bid.withdrawn_at.is_(None))
        .order_by(Bid.discount_minor.desc(), Bid.made_at, Bid.id)
    )
    return list(rows.all())


async def all_bids(tx: Tx, round_: Round) -> Sequence[tuple[Bid, int, int]]:
    """Every bid of a round as it was made, with the numbers of its lot and member."""
    rows = await tx.session.execute(
        select(Bid, Lot.number, Member.number)
        .join(Lot, (Lot.group_id == Bid.group_id) & (Lot.id == Bid.lot_id))
        .join(Member, (Member.group_id == Bid.group_id) & (Member.id == Bid.member_id))
        .where(Bid.group_id == round_.group_id, Bid.round_id == round_.id)
        .order_by(Bid.made_at, Bid.id)
    )
    return [(bid, lot, member) for bid, lot, member in rows]


async def lot_of(tx: Tx, group: Group, who: Member, name: str) -> Lot:
    """The first of the member's lots that may bid now. Raises ``Refusal``: ``order.no_lot``, ``auction.arrears``."""
    mine = [held.lot_number for held in await groups.holdings(tx, group, member_id=who.id)]
    rows = await tx.session.scalars(
        select(Lot)
        .where(
            Lot.group_id == group.group_id,
            Lot.cycle == group.cycle,
            Lot.number.in_(mine),
            Lot.status == "active",
            Lot.id.not_in(select(Draw.lot_id).where(Draw.group_id == group.group_id)),
        )
        .order_by(Lot.number)
    )
    lots = rows.all()
    if not lots:
        raise Refusal("order.no_lot", name=name)
    late = {due.lot_number for due in await rounds.open_dues(tx, group.group_id) if due.due_at <= tx.now}
    for lot in lots:
        if lot.number not in late:
            return lot
    raise Refusal("auction.arrears", lot=lots[0].number)


async def bid(tx: Tx, group: Group, who: Member, name: str, *, discount_minor: int) -> Placed:
    """Take a bid for the member's lot in the open auction. A lot's new bid replaces its last.

    Raises ``Refusal``: ``auction.none``, ``auction.too_high``, ``auction.too_low``, ``auction.arrears`` …
    """
    group = await groups.by_id(tx, group.group_id, lock=True)
    round_, rules = await open_auction(tx, group), group.rule_set
    lot = await lot_of(tx, group, who, name)
    before = await require_enough(tx, group, round_, discount_minor)
    await tx.session.execute(
        update(Bid)
        .where(
            Bid.group_id == group.group_id,
            Bid.round_id == round_.id,
            Bid.lot_id == lot.id,
            Bid.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=tx.now)
    )
    made = Bid(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        lot_id=lot.id,
        member_id=who.id,
        discount_minor=discount_minor,
        made_at=tx.now,
        withdrawn_at=None,
    )
    tx.session.add(made)
    await tx.session.flush()
    # A sealed bid's amount stands in no log that officers read.
    await note(tx, "auction.bid", group_id=group.group_id, subject=f"lot:{lot.number}", round=round_.number)
    is_open = rules.auction.form == "open"
    outbid = before[0] if is_open and before and before[0].lot_id != lot.id else None
    return Placed(made, lot, round_, outbid)


async def take_back(tx: Tx, group: Group, who: Member, bid_id: UUID) -> TakenBack:
    """Take a bid back while bids are taken; the one of the same lot that it replaced stands again.

    An open one only while it is the highest: others have gone by it, and who bids high, waits until all have given up
    and takes it back would have the pot for nothing. Nor for long: that is the caller's. Raises ``Refusal``:
    ``auction.over``, ``auction.overbid``, ``auction.replaced``.
    """
    group = await groups.by_id(tx, group.group_id, lock=True)
    made = await tx.session.get(Bid, (group.group_id, bid_id), with_for_update=True, populate_existing=True)
    if made is None or made.member_id != who.id:
        raise RuntimeError("a bid that could be taken back is not there")
    round_ = await tx.session.get(Round, (group.group_id, made.round_id))
    lot = await tx.session.get(Lot, (group.group_id, made.lot_id))
    if round_ is None or lot is None or round_.frozen_at is not None or round_.cutoff_at <= tx.now:
        raise Refusal("auction.over")
    if made.withdrawn_at is not None:
        raise Refusal("auction.replaced", lot=lot.number)
    is_open = group.rule_set.auction.form == "open"
    if is_open and (await standing(tx, round_))[0].id != made.id:
        raise Refusal("auction.overbid")
    made.withdrawn_at = tx.now
    earlier = await tx.session.scalar(
        select(Bid).where(
            Bid.group_id == group.group_id,
            Bid.round_id == round_.id,
            Bid.lot_id == lot.id,
            Bid.withdrawn_at == made.made_at,
        )
    )
    if earlier is not None:
        earlier.withdrawn_at = None
    await tx.session.flush()
    await note(tx, "auction.bid_taken_back", group_id=group.group_id, subject=f"lot:{lot.number}", round=round_.number)
    left = await standing(tx, round_) if is_open else []
    return TakenBack(made, lot, round_, earlier, left[0] if left else None)


async def require_enough(tx: Tx, group: Group, round_: Round, discount_minor: int) -> list[Bid]:
    """The bids that stand, when one of this amount may join them. Raises ``Refusal("auction.too_…")``."""
    rules, before = group.rule_set, await standing(tx, round_)
    if discount_minor > most_minor(rules):
        raise Refusal("auction.too_high", amount=group.money(most_minor(rules)))
    least = least_minor(rules, before)
    if discount_minor < least:
        raise Refusal("auction.too_low", amount=group.money(least))
    return before


def least_minor(rules: Rules, before: Sequence[Bid]) -> int:
    """The lowest discount that may be bid now. A sealed auction tells nobody what others have bid."""
    if rules.auction.form == "sealed":
        return 1
    return (before[0].discount_minor if before else 0) + rules.auction.step_minor


async def settle(
    tx: Tx, group: Group, round_: Round, cycle: Cycle, frozen: DrawList, places: int
) -> tuple[list[Held], DrawList | None]:
    """Give the round's places to the highest bids of lots on the list, at the cut-off.

    Where equal bids are more than the places left, they get a list of their own, from which the draw decides: it is
    returned, fixed. Places for which nobody has bid wait for the draw from the list that was fixed before.
    """
    found = {one.lot_id for one in await of_round(tx, round_)}
    eligible = lots_of(frozen.list_text)
    numbers = await _numbers(tx, group)
    valid = [
        one
        for one in await standing(tx, round_)
        if one.lot_id not in found and rounds.lot_label(numbers[one.lot_id].number) in eligible
    ]
    held: list[Held] = []
    while places and valid:
        level = [one for one in valid if one.discount_minor == valid[0].discount_minor]
        if len(level) > places:
            tied = [rounds.lot_label(numbers[one.lot_id].number) for one in level]
            return held, await _tie(tx, round_, frozen, tied)
        for one in level:
            held.append(await _received(tx, group, round_, cycle, frozen, numbers[one.lot_id], one, len(valid)))
        places, valid = places - len(level), valid[len(level) :]
    return held, None


async def _received(
    tx: Tx, group: Group, round_: Round, cycle: Cycle, frozen: DrawList, lot: Lot, best: Bid, bids: int
) -> Held:
    amount = group.money(best.discount_minor)
    how = {"discount": f"{amount.decimal} {amount.currency}", "bids": str(bids)}
    said = say.HOW_AUCTION(amount=amount)
    return await draws.put_down(
        tx,
        group,
        round_,
        cycle,
        lot,
        "auction",
        frozen=frozen,
        how=how,
        said=said,
        discount_minor=best.discount_minor,
    )


async def _numbers(tx: Tx, group: Group) -> dict[UUID, Lot]:
    rows = await tx.session.scalars(select(Lot).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle))
    return {lot.id: lot for lot in rows.all()}


async def _tie(tx: Tx, round_: Round, frozen: DrawList, tied: Iterable[str]) -> DrawList:
    """The list of the lots with equal bids, fixed before anybody can know the beacon of the draw."""
    round_.attempt += 1
    await tx.session.flush()
    return await rounds.freeze_among(tx, round_, frozen, list(tied), left_out="outbid")
