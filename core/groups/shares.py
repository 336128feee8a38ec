"""Who holds which share of which lot. A part is put into the first lot that has room for it; lots nobody holds go."""

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups.finding import by_id, require_forming
from core.groups.records import Group, Held, Holding, Lot, Member
from core.ids import new_id
from core.operator.audit import note
from core.rules import check_share

_HOLDINGS = """
SELECT l.number, h.share_numerator, h.share_denominator, h.member_id, h.id
FROM lots l JOIN holdings h ON h.group_id = l.group_id AND h.lot_id = l.id
JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id
WHERE l.group_id = $1 AND l.cycle = $2 {} ORDER BY l.number, m.number
"""


async def holdings(tx: Tx, group: Group, *, cycle: int | None = None, member_id: UUID | None = None) -> Sequence[Held]:
    """Every holding of a cycle (this one), by lot and member number; only those of one member, if given."""
    values: list[object] = [group.group_id, cycle or group.cycle]
    narrow = ""
    if member_id is not None:
        values.append(member_id)
        narrow = "AND h.member_id = $3"
    rows = await tx.rows(_HOLDINGS.format(narrow), *values)
    return [Held(n, Fraction(top, bottom), holder_id, h) for n, top, bottom, holder_id, h in rows]


async def lots_taken(tx: Tx, group: Group) -> int:
    """How many lots are taken, in whole or in part."""
    return len({held.lot_number for held in await holdings(tx, group)})


async def release(tx: Tx, group: Group, who: Member) -> None:
    """Give back everything a member holds in this cycle, and lots that nobody holds then."""
    here = select(Lot.id).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle)
    gone = await tx.session.execute(
        delete(Holding)
        .where(Holding.group_id == group.group_id, Holding.member_id == who.id, Holding.lot_id.in_(here))
        .returning(Holding.lot_id)
    )
    for lot_id in gone.scalars().all():
        # Nor has a lot a turn that is not there any more.
        await tx.session.execute(
            text(
                "DELETE FROM turns t WHERE t.group_id = :group AND t.lot_id = :lot AND NOT EXISTS"
                " (SELECT 1 FROM holdings h WHERE h.group_id = t.group_id AND h.lot_id = t.lot_id)"
            ),
            {"group": group.group_id, "lot": lot_id},
        )
        left = select(Holding.id).where(Holding.group_id == group.group_id, Holding.lot_id == lot_id)
        await tx.session.execute(delete(Lot).where(Lot.group_id == group.group_id, Lot.id == lot_id, ~left.exists()))


async def place(tx: Tx, group: Group, who: Member, share: Fraction) -> None:
    """Take ``share`` lots: whole ones are new, a part goes into the first lot that has room for it."""
    room: dict[int, Fraction] = {}
    for held in await holdings(tx, group):
        room[held.lot_number] = room.get(held.lot_number, Fraction(1)) - held.share
    free = [n for n in range(1, group.rule_set.lots + 1) if n not in room]
    whole, part = divmod(share, 1)
    wanted: list[tuple[int, Fraction]] = []
    for _ in range(whole):
        if not free:
            raise Refusal("group.full", group=group.name, lots=group.rule_set.lots)
        wanted.append((free.pop(0), Fraction(1)))
    if part:
        number = next((n for n in sorted(room) if room[n] >= part), None)
        if number is None:
            if not free:
                raise Refusal("group.full", group=group.name, lots=group.rule_set.lots)
            number = free.pop(0)
        wanted.append((number, part))
    for number, portion in wanted:
        await hold(tx, group, who, lot_number=number, share=portion)


async def hold(tx: Tx, group: Group, who: Member, *, lot_number: int, share: Fraction) -> None:
    """Give a member a share of a lot, which is made when it is new. The caller knows that there is room."""
    await tx.session.execute(
        insert(Lot)
        .values(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            cycle=group.cycle,
            number=lot_number,
        )
        .on_conflict_do_nothing()
    )
    lot_id = await tx.session.scalar(
        select(Lot.id).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.number == lot_number)
    )
    await tx.session.execute(
        insert(Holding).values(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            lot_id=lot_id,
            member_id=who.id,
            share_numerator=share.numerator,
            share_denominator=share.denominator,
        )
    )


async def give_share(tx: Tx, group: Group, who: Member, *, lot_number: int, share: Fraction) -> None:
    """Give a member exactly this share of exactly this lot, while the group forms.

    Raises ``Refusal``: ``group.not_forming``, ``share.…``, ``lot.unknown``, ``lot.held_already``, ``lot.no_room``.
    """
    group = await by_id(tx, group.group_id, lock=True)
    require_forming(group)
    check_share(share)
    if not 0 < share <= 1:
        raise Refusal("share.of_one_lot")
    if not 1 <= lot_number <= group.rule_set.lots:
        raise NotFound("lot.unknown", lots=group.rule_set.lots)
    there = [h for h in await holdings(tx, group) if h.lot_number == lot_number]
    if any(h.member_id == who.id for h in there):
        raise Refusal("lot.held_already", lot=lot_number)
    free = 1 - sum((h.share for h in there), Fraction(0))
    if share > free:
        raise Refusal("lot.no_room", lot=lot_number, free=free)
    await hold(tx, group, who, lot_number=lot_number, share=share)
    await note(
        tx,
        "lot.shared",
        group_id=group.group_id,
        subject=f"member:{who.number}",
        lot=lot_number,
        share=str(share),
    )
