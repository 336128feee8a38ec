"""Two parts of different lots put together to one lot, and what was left of both to the other: all of it, and no more.

Who holds half of lot 3 and who holds half of lot 5 share lot 3 afterwards; the others of lot 3 move to the freed half
of lot 5. Refuses parts that do not add up to exactly one lot, lots that have received, and lists already fixed.
"""

from fractions import Fraction
from uuid import UUID

from sqlalchemy import delete, select, text, update

from core import groups
from core.cycle import cycles
from core.cycle.rounds import lot_label
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Held, Holding, Lot, Member
from core.money import split
from core.operator.audit import note
from core.order import found
from core.order.found import lot_called


async def parts(tx: Tx, group: Group, who: Member, other: Member, name: str) -> tuple[Held, Held]:
    """The part of each that together make one lot. Raises ``Refusal("merge.not_one")``."""
    done = await found.lots_received(tx, group)
    mine = [h for h in await groups.holdings(tx, group, member_id=who.id) if h.lot_number not in done]
    theirs = [h for h in await groups.holdings(tx, group, member_id=other.id) if h.lot_number not in done]
    for one in mine:
        for two in theirs:
            if one.share + two.share == Fraction(1) and one.lot_number != two.lot_number:
                return one, two
    raise Refusal("merge.not_one", name=name)


async def concerned(tx: Tx, group: Group, one: Held, two: Held) -> list[Member]:
    """Everybody who holds a part of either lot."""
    lots = {one.lot_number, two.lot_number}
    ids = dict.fromkeys(h.member_id for h in await groups.holdings(tx, group) if h.lot_number in lots)
    return [await groups.member(tx, group.group_id, member_id) for member_id in ids]


async def merge(tx: Tx, group: Group, one_id: UUID, two_id: UUID) -> tuple[Lot, Lot | None]:
    """Put the two holdings together in the lot of the first; who else was there takes the place of the second.

    Returns both lots; None for the other when nobody is left to hold it.

    Dues that were made move with their holdings, so that each lot answers for those who hold it now.
    Raises ``Refusal``: ``merge.not_one``, ``merge.same_member``, ``merge.list_fixed``, ``order.received``.
    """
    group = await groups.by_id(tx, group.group_id, lock=True)
    held = await groups.holdings(tx, group)
    one = next((h for h in held if h.holding_id == one_id), None)
    two = next((h for h in held if h.holding_id == two_id), None)
    if one is None or two is None or one.share + two.share != 1 or one.lot_number == two.lot_number:
        raise Refusal("merge.not_one", name="")
    for number in (one.lot_number, two.lot_number):
        if number in await found.lots_received(tx, group):
            raise Refusal("order.received", lot=number)
    await _require_no_list(tx, group)
    here = [h for h in held if h.lot_number == one.lot_number and h.holding_id != one_id]
    there = [h for h in held if h.lot_number == two.lot_number and h.holding_id != two_id]
    if {two.member_id} & {one.member_id} or {h.member_id for h in here} & {h.member_id for h in there}:
        raise Refusal("merge.same_member")
    kept = await lot_called(tx, group, group.cycle, lot_label(one.lot_number))
    other = await lot_called(tx, group, group.cycle, lot_label(two.lot_number))
    # First out of the way, so that nobody stands in a lot twice in between.
    await _move(tx, group, [two_id], kept)
    await _move(tx, group, [h.holding_id for h in here], other)
    for lot in (kept, other):
        await _fix_amounts(tx, group, lot)
    if not here and not there:
        await tx.session.execute(
            text("DELETE FROM turns WHERE group_id = :group AND lot_id = :lot"),
            {"group": group.group_id, "lot": other.id},
        )
        await tx.session.execute(delete(Lot).where(Lot.group_id == group.group_id, Lot.id == other.id))
    await note(tx, "lots.merged", group_id=group.group_id, subject=f"lot:{kept.number}", other=two.lot_number)
    return kept, other if here or there else None


async def _require_no_list(tx: Tx, group: Group) -> None:
    for round_ in await cycles.rounds_of(tx, group):
        if round_.frozen_at is not None and round_.drawn_at is None:
            raise Refusal("merge.list_fixed", round=round_.number)


async def _move(tx: Tx, group: Group, holding_ids: list[UUID], lot: Lot) -> None:
    await tx.session.execute(
        update(Holding).where(Holding.group_id == group.group_id, Holding.id.in_(holding_ids)).values(lot_id=lot.id)
    )
    await tx.session.execute(
        text("UPDATE dues SET lot_id = :lot WHERE group_id = :group AND holding_id = ANY (CAST(:holdings AS uuid[]))"),
        {"group": group.group_id, "lot": lot.id, "holdings": holding_ids},
    )


async def _fix_amounts(tx: Tx, group: Group, lot: Lot) -> None:
    """What each part pays from the next round on: the lot's contribution, split anew to the last santim."""
    if group.status != "running":
        return
    rows = (
        await tx.session.scalars(
            select(Holding)
            .join(Member, (Member.group_id == Holding.group_id) & (Member.id == Holding.member_id))
            .where(Holding.group_id == group.group_id, Holding.lot_id == lot.id)
            .order_by(Member.number)
            .execution_options(populate_existing=True)
        )
    ).all()
    amounts = split(group.rule_set.contribution_minor, [holding.share for holding in rows])
    for holding, amount in zip(rows, amounts, strict=True):
        holding.amount_minor = amount
    await tx.session.flush()
