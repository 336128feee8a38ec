"""Coming late into a running cycle, as the rules allow: paying what the others have paid, or taking a shorter place.

With back pay there is one lot more and one round more: the late lot owes its contribution for every round that has
been, whose pots grow by it. A short place pays from now on and receives what it has paid, when the cycle ends.
Refuses parts of lots, and anybody once every lot has received.
"""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from uuid import UUID

from sqlalchemy import func, insert, select, text, update

from core import groups, payouts
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import cycles, pausing, rounds
from core.cycle.rounds import Owed, Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Holding, Lot, Member
from core.ids import new_id
from core.membership import places
from core.messages import Message
from core.operator.audit import note
from core.operator.rights import officers_with
from core.telling import notices


@dataclass(frozen=True)
class Late:
    """What coming late comes to. ``place``: full (back pay) or short. ``now_minor``: owed at once; the pot it gets."""

    place: str
    past_rounds: int
    rounds_to_pay: int
    now_minor: int
    pot_minor: int


async def terms(tx: Tx, group: Group) -> Late:
    """What coming late would come to now. Raises ``Refusal("late.…")`` when the rules or the time do not allow it."""
    cycle = await cycles.current(tx, group)
    if cycle is None or group.status != "running":
        raise Refusal("group.not_running", group=group.name, status=group.status)
    rules = cycle.rule_set
    if rules.late_joiners == "no":
        raise Refusal("late.not_allowed", group=group.name)
    if not await places.undrawn_lots(tx, group, group.cycle):
        raise Refusal("late.over", group=group.name)
    all_rounds = await cycles.rounds_of(tx, group)
    opened = [r for r in all_rounds if r.opened_at is not None]
    contribution = rules.contribution_minor
    if rules.late_joiners == "back_pay":
        lots = await _full_lots(tx, group)
        to_pay = len(all_rounds) + 1
        return Late("full", len(opened), to_pay, len(opened) * contribution, (lots + 1) * contribution)
    first = _first_round_of_short_place(list(all_rounds))
    to_pay = len(all_rounds) - first + 1
    if to_pay < 1:
        raise Refusal("late.over", group=group.name)
    owed_now = contribution if any(r.number == first and r.opened_at for r in all_rounds) else 0
    return Late("short", 0, to_pay, owed_now, to_pay * contribution)


def _first_round_of_short_place(all_rounds: list[Round]) -> int:
    """The round that is open and whose list is not fixed, or the next one."""
    return next((r.number for r in all_rounds if r.frozen_at is None and r.drawn_at is None), len(all_rounds) + 1)


async def _full_lots(tx: Tx, group: Group) -> int:
    count = await tx.session.scalar(
        select(func.count()).where(
            Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.status == "active", Lot.place == "full"
        )
    )
    return int(count or 0)


async def ask(tx: Tx, group: Group, who: Member, *, new: bool = False) -> Proposal:
    """Somebody who agrees to the rules and the sum wants a lot; an officer must agree. Raises as ``terms`` does.

    ``new``: they are a member for this alone, and no longer when nobody agrees.
    """
    comes_to = await terms(tx, group)
    seat = await groups.seat(tx, group.group_id, who.id)
    kind = say.ASK_ADMIT_BACK_PAY if comes_to.place == "full" else say.ASK_ADMIT_SHORT
    question = kind(
        group=group.name,
        name=seat.person.name,
        amount=group.money(comes_to.now_minor),
        rounds=comes_to.rounds_to_pay,
        pot=group.money(comes_to.pot_minor),
    )
    officers = await groups.seats(tx, group.group_id, roles=officers_with("admit"))
    asked = [s.member for s in officers if s.member.id != who.id]
    payload = {"member": str(who.id), "new": new or await _still_new(tx, group, who)}
    return await proposals.propose(tx, group, who, "late_join", payload, asked=asked, question=question, needed=1)


async def _still_new(tx: Tx, group: Group, who: Member) -> bool:
    """Whether they ask once more before anybody has answered what they first came with."""
    waiting = await proposals.open_proposals(tx, group, kind="late_join")
    return any(one.made_by == who.id and one.payload.get("new") for one in waiting)


async def admit(tx: Tx, group: Group, who: Member) -> Lot:
    """Give a member a late lot. All are told: the pots grow and there is a round more, or a short place stands apart.

    Raises as ``terms`` does.
    """
    await groups.by_id(tx, group.group_id, lock=True)
    comes_to = await terms(tx, group)
    all_rounds = list(await cycles.rounds_of(tx, group))
    first = 1 if comes_to.place == "full" else _first_round_of_short_place(all_rounds)
    lot, holding_id = await _new_lot(tx, group, who, place=comes_to.place, from_round=first)
    # Nobody's payment may slip between the new dues and the settling from advances.
    await groups.member(tx, group.group_id, who.id, lock=True)
    for round_ in all_rounds:
        if round_.opened_at is None or round_.number < first:
            continue
        account = round_.pot if comes_to.place == "full" else places.place_fund(group.cycle, lot.number)
        owed = [Owed(holding_id, lot.id, who.id, group.rule_set.contribution_minor, account)]
        fee = group.rule_set.fee_apart_minor(round_.number)
        if fee and comes_to.place == "full":
            owed.append(Owed(holding_id, lot.id, who.id, fee, "fee/organiser", "fee"))
        await rounds.make_owed(tx, round_, owed, due_at=max(round_.due_at, tx.now))
        if comes_to.place == "full":
            await payouts.refit(tx, group, round_)
    if comes_to.place == "full":
        await _one_round_more(tx, group, all_rounds[-1], lot)
    await payouts.after_late_money(tx, group, await rounds.settle_from_advances(tx, group))
    group.wake_at = tx.now
    await tx.session.flush()
    await note(
        tx,
        "member.came_late",
        group_id=group.group_id,
        subject=f"member:{who.number}",
        lot=lot.number,
        place=comes_to.place,
        now_minor=comes_to.now_minor,
    )
    await _tell(tx, group, who, lot, comes_to)
    return lot


async def _new_lot(tx: Tx, group: Group, who: Member, *, place: str, from_round: int) -> tuple[Lot, UUID]:
    last = await tx.session.scalar(
        select(func.max(Lot.number)).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle)
    )
    await groups.hold(tx, group, who, lot_number=int(last or 0) + 1, share=Fraction(1))
    lot = await tx.session.scalar(
        select(Lot).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.number == int(last or 0) + 1)
    )
    if lot is None:
        raise RuntimeError("a lot that was made is not there")
    lot.place, lot.from_round = place, from_round
    holding_id = await tx.session.scalar(
        update(Holding)
        .where(Holding.group_id == group.group_id, Holding.lot_id == lot.id)
        .values(amount_minor=group.rule_set.contribution_minor)
        .returning(Holding.id)
    )
    if holding_id is None:
        raise RuntimeError("a holding that was made is not there")
    await tx.session.flush()
    return lot, holding_id


async def _one_round_more(tx: Tx, group: Group, last: Round, lot: Lot) -> None:
    """A round after the last, in which every lot pays once more; turns that are known end with the late lot's."""
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None:
        raise RuntimeError("a running group has no cycle")
    rules = cycle.rule_set.model_copy(update={"lots": cycle.rule_set.lots + 1})
    number = last.number + 1
    due_at, delay = await pausing.after_the_last(tx, group)
    cutoff_at = due_at + timedelta(hours=rules.grace_hours)
    draw_at = cutoff_at + timedelta(minutes=rules.draw_delay_minutes)
    await tx.session.execute(
        insert(Round).values(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            cycle=group.cycle,
            number=number,
            opens_at=last.draw_at + delay,
            due_at=due_at,
            cutoff_at=cutoff_at,
            draw_at=draw_at,
            beacon_round=rounds.beacon_of(draw_at),
            attempt=1,
        )
    )
    cycle.rules = group.rules = rules.model_dump(mode="json")
    # Where turns are known the new one is the last of those that are found, before any that only give back.
    await tx.session.execute(
        text(
            "INSERT INTO turns (group_id, cycle, round_number, ordinal, tenant_id, lot_id, source)"
            " SELECT t.group_id, t.cycle, max(t.round_number) + 1, 1, t.tenant_id, :lot, 'late' FROM turns t"
            " WHERE t.group_id = :group AND t.cycle = :cycle GROUP BY t.group_id, t.cycle, t.tenant_id"
        ),
        {"group": group.group_id, "cycle": group.cycle, "lot": lot.id},
    )
    await tx.session.flush()


async def _tell(tx: Tx, group: Group, who: Member, lot: Lot, comes_to: Late) -> None:
    seat = await groups.seat(tx, group.group_id, who.id)
    event = f"late:{lot.id}"
    facts = {"group": group.name, "lot": lot.number, "rounds": comes_to.rounds_to_pay}
    amounts = {"amount": group.money(comes_to.now_minor), "pot": group.money(comes_to.pot_minor)}
    full = comes_to.place == "full"
    yours = (say.LATE_YOU if full else say.LATE_YOU_SHORT)(**facts, **amounts)
    await notices.tell_person(tx, group, seat.person.id, yours, event=event)
    told = (say.LATE_ALL if full else say.LATE_ALL_SHORT)(**facts, name=seat.person.name, pot=amounts["pot"])
    await notices.tell_members(tx, group, told, event=event, besides=[seat.person.id])


async def _agreed(tx: Tx, group: Group, proposal: Proposal) -> None:
    await admit(tx, group, await groups.member(tx, group.group_id, UUID(proposal.payload["member"])))


async def _came_to_nothing(tx: Tx, group: Group, proposal: Proposal) -> None:
    if proposal.payload.get("new"):
        await groups.unenrol(tx, group, await groups.member(tx, group.group_id, UUID(proposal.payload["member"])))


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    seat = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    return say.WHAT_LATE(name=seat.person.name)


proposals.register("late_join", Kind(_agreed, _describe, in_vain=_came_to_nothing))
