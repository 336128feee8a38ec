"""Leaving a running cycle before receiving: the lot is withdrawn, and what it paid is given back at the cycle's end.

Refuses who has received: what they owe is a debt, not a membership. Refuses a part of a lot (somebody replaces its
holder instead), whoever must be found in the round that is open, and equbs in which several lots receive in a round.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text

from core import groups, ledger, payouts
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import cycles, rounds
from core.cycle.rounds import Due, Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Lot, Member
from core.membership import places
from core.messages import Message
from core.operator.audit import note
from core.operator.rights import officers_with
from core.telling import notices


@dataclass(frozen=True)
class Leave:
    """What leaving comes to: the lots, what was paid for them, what is kept of it, and the pots that are left."""

    lots: tuple[Lot, ...]
    paid_minor: int
    fee_minor: int
    pot_minor: int
    pot_before_minor: int


async def terms(tx: Tx, group: Group, who: Member) -> Leave:
    """What leaving would come to. Raises ``Refusal("leave.…")`` when it cannot be."""
    if who.role == "organiser":
        raise Refusal("member.organiser_stays", group=group.name)
    cycle = await cycles.current(tx, group)
    if cycle is None or group.status != "running":
        raise Refusal("group.not_running", group=group.name, status=group.status)
    rules = cycle.rule_set
    if rules.lots_per_round != 1:
        raise Refusal("leave.several_lots")
    lots = await _lots_to_leave(tx, group, who)
    full = sum(lot.place == "full" for lot in lots)
    undrawn = await places.undrawn_lots(tx, group, group.cycle)
    if full and undrawn - full < await places.waiting_rounds(tx, group, group.cycle):
        raise Refusal("leave.last", group=group.name)
    listed = select(Round.id).where(
        Round.group_id == group.group_id,
        Round.cycle == group.cycle,
        Round.frozen_at.is_not(None),
        Round.drawn_at.is_(None),
    )
    if await tx.session.scalar(listed.limit(1)):
        raise Refusal("leave.listed")
    paid = await _paid_for(tx, group, lots)
    everybody = await tx.session.scalar(
        text(
            "SELECT count(*) FROM lots WHERE group_id = :group AND cycle = :cycle AND status = 'active'"
            " AND place = 'full'"
        ),
        {"group": group.group_id, "cycle": group.cycle},
    )
    before = int(everybody or 0) * rules.contribution_minor
    return Leave(
        tuple(lots),
        paid,
        paid * rules.leaving.fee_per_mille // 1000,
        before - full * rules.contribution_minor,
        before,
    )


async def _lots_to_leave(tx: Tx, group: Group, who: Member) -> list[Lot]:
    """The lots that are wholly the member's and have not received."""
    rows = (
        await tx.session.execute(
            text(
                "SELECT h.lot_id, h.share_numerator = h.share_denominator,"
                " EXISTS (SELECT 1 FROM draws w WHERE w.group_id = h.group_id AND w.lot_id = h.lot_id)"
                " FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
                " WHERE h.group_id = :group AND h.member_id = :member AND l.cycle = :cycle AND l.status = 'active'"
            ),
            {"group": group.group_id, "member": who.id, "cycle": group.cycle},
        )
    ).all()
    if not rows:
        raise Refusal("leave.nothing", group=group.name)
    if all(received for _, _, received in rows):
        raise Refusal("leave.received", group=group.name)
    if any(not whole and not received for _, whole, received in rows):
        raise Refusal("leave.shared", group=group.name)
    wanted = [lot_id for lot_id, _, received in rows if not received]
    found = await tx.session.scalars(
        select(Lot).where(Lot.group_id == group.group_id, Lot.id.in_(wanted)).order_by(Lot.number)
    )
    return list(found.all())


async def _paid_for(tx: Tx, group: Group, lots: list[Lot]) -> int:
    """What has been paid in contributions for these lots, in minor units."""
    dues = await tx.session.scalars(
        select(Due.id).where(
            Due.group_id == group.group_id, Due.lot_id.in_([lot.id for lot in lots]), Due.kind == "contribution"
        )
    )
    paid = await ledger.paid_by_due(tx.session, group_id=group.group_id, due_ids=dues.all())
    return sum(paid.values())


async def ask(tx: Tx, group: Group, who: Member) -> Proposal:
    """A member wants to leave: an officer must agree. Raises as ``terms`` does, and ``proposal.nobody``."""
    comes_to = await terms(tx, group, who)
    seat = await groups.seat(tx, group.group_id, who.id)
    officers = await groups.seats(tx, group.group_id, roles=officers_with("admit"))
    question = say.ASK_LET_LEAVE(
        group=group.name,
        name=seat.person.name,
        paid=group.money(comes_to.paid_minor),
        fee=group.money(comes_to.fee_minor),
        pot=group.money(comes_to.pot_minor),
        whole=group.money(comes_to.pot_before_minor),
    )
    asked = [s.member for s in officers if s.member.id != who.id]
    return await proposals.propose(
        tx, group, who, "leave", {"member": str(who.id)}, asked=asked, question=question, needed=1
    )


async def leave(tx: Tx, group: Group, who: Member) -> Leave:
    """Withdraw the member's lots: they owe nothing more and are in no list; the pots that are left are smaller.

    Raises as ``terms`` does.
    """
    await groups.by_id(tx, group.group_id, lock=True)
    # No payment comes in between what is owed and its being excused.
    await groups.member(tx, group.group_id, who.id, lock=True)
    comes_to = await terms(tx, group, who)
    for lot in comes_to.lots:
        lot.status = "withdrawn"
        await tx.session.flush()
        await _excuse(tx, group, lot)
        await _move_turns_up(tx, group, lot)
    await note(
        tx,
        "member.leaves",
        group_id=group.group_id,
        subject=f"member:{who.number}",
        lots=[lot.number for lot in comes_to.lots],
        paid_minor=comes_to.paid_minor,
    )
    seat = await groups.seat(tx, group.group_id, who.id)
    facts = {"group": group.name, "name": seat.person.name, "pot": group.money(comes_to.pot_minor)}
    event = f"leaves:{who.id}:{tx.now.isoformat()}"
    told = say.LEAVES(**facts)
    await notices.tell_members(tx, group, told, event=event, besides=[seat.person.id])
    back = group.money(comes_to.paid_minor - comes_to.fee_minor)
    yours = say.YOU_LEAVE(group=group.name, amount=back, fee=group.money(comes_to.fee_minor))
    await notices.tell_person(tx, group, seat.person.id, yours, event=event)
    return comes_to


async def _excuse(tx: Tx, group: Group, lot: Lot) -> None:
    """Nothing more is owed for the lot; what was paid stays in the pots it was paid into."""
    open_ones = {due.due_id for due in await rounds.open_dues(tx, group.group_id) if due.lot_number == lot.number}
    dues = await tx.session.scalars(
        select(Due).where(Due.group_id == group.group_id, Due.lot_id == lot.id, Due.id.in_(open_ones))
    )
    concerned: set[UUID] = set()
    for due in dues.all():
        due.excused_at, due.reason = tx.now, "left"
        concerned.add(due.round_id)
    await tx.session.flush()
    for round_id in concerned:
        round_ = await tx.session.get(Round, (group.group_id, round_id))
        if round_ is not None:
            await payouts.refit(tx, group, round_)


async def _move_turns_up(tx: Tx, group: Group, lot: Lot) -> None:
    """Where turns are known, who came after moves up by one: the round that is free is the last, for the refund."""
    values = {"group": group.group_id, "lot": lot.id, "cycle": group.cycle}
    mine = await tx.session.scalar(
        text("SELECT round_number FROM turns WHERE group_id = :group AND lot_id = :lot AND cycle = :cycle"), values
    )
    if mine is None:
        return
    await tx.session.execute(text("DELETE FROM turns WHERE group_id = :group AND lot_id = :lot"), values)
    later = await tx.session.scalars(
        text(
            "SELECT round_number FROM turns WHERE group_id = :group AND cycle = :cycle AND round_number > :round"
            " ORDER BY round_number"
        ),
        {**values, "round": mine},
    )
    for number in later.all():
        # One after the other, into the place that has just become free.
        await tx.session.execute(
            text(
                "UPDATE turns SET round_number = round_number - 1 WHERE group_id = :group AND cycle = :cycle"
                " AND round_number = :round"
            ),
            {**values, "round": number},
        )


async def _agreed(tx: Tx, group: Group, proposal: Proposal) -> None:
    await leave(tx, group, await groups.member(tx, group.group_id, UUID(proposal.payload["member"])))


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    seat = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    return say.WHAT_LEAVE(name=seat.person.name)


proposals.register("leave", Kind(_agreed, _describe))
