"""Need first: members say why they need the pot, the officers decide, and who decided is named for ever."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import groups
from core import sentences as say
from core.cycle import cycles, rounds
from core.cycle.rounds import DrawList, Round
from core.db import Base, Tx
from core.errors import Refusal
from core.groups import Group, Lot, Member, Seat
from core.ids import new_id
from core.operator.audit import note
from core.operator.rights import officers_with
from core.order import draw, draws, found
from core.order.found import Held

# Longer reasons are cut: officers read them on small screens.
LONGEST_REASON = 120


class Need(Base):
    """Why a member asks to receive soon. Settled when one of their lots has received."""

    __tablename__ = "needs"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    member_id: Mapped[UUID]
    reason: Mapped[str]
    said_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


async def say_need(tx: Tx, group: Group, who: Member, name: str, reason: str) -> Need:
    """A member asks; what they said before is replaced. Raises ``Refusal``: ``order.no_need``, ``order.no_lot``."""
    if "need" not in group.rule_set.orders or group.status != "running":
        raise Refusal("order.no_need", group=group.name)
    if not await _waiting_lots(tx, group, who):
        raise Refusal("order.no_lot", name=name)
    await _settle(tx, group, [who.id])
    need = Need(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        cycle=group.cycle,
        member_id=who.id,
        reason=reason[:LONGEST_REASON],
        said_at=tx.now,
        settled_at=None,
    )
    tx.session.add(need)
    await tx.session.flush()
    return need


async def _waiting_lots(tx: Tx, group: Group, who: Member) -> list[Lot]:
    """The member's lots that have not received."""
    rows = await tx.session.scalars(
        select(Lot)
        .where(
            Lot.group_id == group.group_id,
            Lot.cycle == group.cycle,
            Lot.id.not_in(select(found.Draw.lot_id).where(found.Draw.group_id == group.group_id)),
            Lot.number.in_([held.lot_number for held in await groups.holdings(tx, group, member_id=who.id)]),
        )
        .order_by(Lot.number)
    )
    return list(rows.all())


async def open_needs(tx: Tx, group: Group) -> Sequence[Need]:
    """Who has asked and still waits, the longest first."""
    rows = await tx.session.scalars(
        select(Need)
        .where(Need.group_id == group.group_id, Need.cycle == group.cycle, Need.settled_at.is_(None))
        .order_by(Need.said_at, Need.id)
    )
    return rows.all()


async def _settle(tx: Tx, group: Group, member_ids: Sequence[UUID]) -> None:
    await tx.session.execute(
        update(Need)
        .where(Need.group_id == group.group_id, Need.member_id.in_(member_ids), Need.settled_at.is_(None))
        .values(settled_at=tx.now)
    )


async def to_decide(tx: Tx, group: Group) -> tuple[Round, DrawList]:
    """The round whose list is fixed and waits for a decision. Raises ``Refusal``."""
    rules = group.rule_set
    waiting = [r for r in await cycles.rounds_of(tx, group) if r.opened_at is not None and r.drawn_at is None]
    decided = [r for r in waiting if draws.order_of(rules, r.number) == "need"]
    for round_ in decided:
        frozen = await rounds.draw_list(tx, round_) if round_.frozen_at is not None else None
        if frozen is not None and frozen.list_text:
            # An earlier round may still look for its lots in another way; it waits for this list.
            return round_, frozen
    if decided:
        first = decided[0]
        raise Refusal("order.list_open", group=group.name, round=first.number, due=first.cutoff_at)
    if waiting:
        raise Refusal("order.other_way", round=waiting[0].number)
    raise Refusal("order.no_need", group=group.name)


async def lot_to_decide(tx: Tx, group: Group, round_: Round, frozen: DrawList, seat: Seat) -> Lot:
    """The member's lot on the list. Raises ``Refusal("order.not_eligible")``."""
    eligible = draw.lots_of(frozen.list_text)
    for lot in await _waiting_lots(tx, group, seat.member):
        if rounds.lot_label(lot.number) in eligible:
            return lot
    raise Refusal("order.not_eligible", name=seat.person.name, round=round_.number)


async def decide(tx: Tx, group: Group, seat: Seat, *, officer: Seat | None) -> tuple[Round, Held]:
    """An officer, or an administrator (None), decides who receives in the round whose list is fixed.

    Nobody decides about their own lot while another officer may. Raises ``Refusal``.
    """
    group = await groups.by_id(tx, group.group_id, lock=True)
    round_, frozen = await to_decide(tx, group)
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None:
        raise Refusal("order.no_need", group=group.name)
    lot = await lot_to_decide(tx, group, round_, frozen, seat)
    holders = {held.member_id for held in await groups.holdings(tx, group) if held.lot_number == lot.number}
    if officer is not None and officer.member.id in holders:
        others = await groups.seats(tx, group.group_id, roles=officers_with("decide"))
        if any(one.member.id not in holders for one in others):
            raise Refusal("order.decide_self")
    how = {"office": officer.member.role, "number": str(officer.member.number)} if officer else {"office": "admin"}
    said = say.HOW_NEED(by=officer.person.name if officer else say.ADMINISTRATOR())
    held = await draws.put_down(tx, group, round_, cycle, lot, "need", frozen=frozen, how=how, said=said)
    await _settle(tx, group, list(holders))
    await note(tx, "need.decided", group_id=group.group_id, subject=f"lot:{lot.number}", round=round_.number)
    return round_, held
