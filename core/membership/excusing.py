"""Excused and deferred dues: excused, nobody owes them and the pot is smaller; deferred, they are owed and not chased.

Excusing a contribution ends with the list of its round, because from then on somebody is promised the pot. What was
paid of it already is not lost: it is reversed and waits as paid in advance. Both are told to the member, with why.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from core import groups, ledger, payouts
from core import sentences as say
from core.cycle import rounds
from core.cycle.rounds import Due, Round
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member, Seat
from core.operator.audit import note
from core.telling import notices

LONGEST_REASON = 200


def tidy_reason(reason: str) -> str:
    """A reason as it is told: one line, not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:LONGEST_REASON]


async def excuse(tx: Tx, group: Group, who: Seat, *, round_number: int | None = None, reason: str) -> int:
    """A member owes nothing for a round (the open one, unless said); the number of the round.

    Raises ``Refusal``: ``excuse.no_round``, ``excuse.too_late`` (its list is fixed), ``excuse.nothing``.
    """
    round_ = await _round(tx, group, round_number)
    if round_ is None or round_.opened_at is None:
        raise Refusal("excuse.no_round", group=group.name)
    dues = await tx.session.scalars(
        select(Due).where(
            Due.group_id == group.group_id,
            Due.round_id == round_.id,
            Due.member_id == who.member.id,
            Due.excused_at.is_(None),
            Due.kind == "contribution",
        )
    )
    wanted = dues.all()
    if not wanted:
        raise Refusal("excuse.nothing", name=who.person.name, round=round_.number)
    moved = sum([await excuse_due(tx, group, due.id, reason=reason) for due in wanted])
    facts = {"group": group.name, "round": round_.number, "reason": tidy_reason(reason)}
    message = say.EXCUSED_YOU(**facts)
    if moved:
        message = say.EXCUSED_YOU_ADVANCE(**facts, amount=group.money(moved))
    event = f"excused:{round_.id}:{who.member.id}:{tx.now.isoformat()}"
    await notices.tell_person(tx, group, who.person.id, message, event=event)
    return round_.number


async def _round(tx: Tx, group: Group, number: int | None) -> Round | None:
    if number is None:
        return await rounds.current_round(tx, group)
    return await rounds.round_by_number(tx, group, number)


async def excuse_due(tx: Tx, group: Group, due_id: UUID, *, reason: str) -> int:
    """Nobody owes this due any more; what had been paid of it, in minor units, is the member's in advance.

    Raises ``NotFound("due.unknown")`` and ``Refusal``: ``excuse.too_late`` for a contribution whose list is fixed.
    """
    due = await tx.session.get(Due, (group.group_id, due_id))
    if due is None:
        raise NotFound("due.unknown")
    round_ = await tx.session.get(Round, (group.group_id, due.round_id), with_for_update={"key_share": True})
    # The member before the due: a payment holds its member, and waits for no due then.
    await groups.member(tx, group.group_id, due.member_id, lock=True)
    await tx.session.refresh(due, with_for_update=True)
    if due.excused_at is not None:
        return 0
    if due.kind == "contribution" and round_ is not None and (round_.frozen_at or round_.drawn_at):
        raise Refusal("excuse.too_late", round=round_.number)
    moved = await release_paid(tx, group, due)
    due.excused_at, due.reason = tx.now, tidy_reason(reason)
    await tx.session.flush()
    await note(
        tx, "due.excused", group_id=group.group_id, subject=f"due:{due.id}", reason=due.reason, moved_minor=moved
    )
    if moved:
        # Other dues may be open, for which it can stand at once.
        await payouts.after_late_money(tx, group, await rounds.settle_from_advances(tx, group))
    return moved


async def release_paid(tx: Tx, group: Group, due: Due) -> int:
    """Turn what was paid of a due into the member's advance, by reversals; how much, in minor units."""
    who = await groups.member(tx, group.group_id, due.member_id, lock=True)
    made = await ledger.transfers(tx.session, group_id=group.group_id, due_id=due.id, limit=1000)
    gone_back = {t.reverses for t in made if t.reverses is not None}
    postings: list[ledger.Posting | ledger.Reversal] = []
    moved = 0
    for transfer in made:
        if transfer.reverses is not None or transfer.id in gone_back:
            continue
        moved += transfer.amount_minor
        postings.append(
            ledger.Reversal(reverses=transfer.id, kind=f"{transfer.kind}.reversal", reference=f"reversal:{transfer.id}")
        )
        # What came out of an advance is there again by its reversal.
        if not transfer.debit.startswith("advance/"):
            postings.append(
                ledger.Posting(
                    kind="contribution.advance",
                    debit=transfer.debit,
                    credit=f"advance/{who.number}",
                    amount_minor=transfer.amount_minor,
                    currency=group.currency,
                    reference=f"released:{transfer.id}",
                    payment_id=transfer.payment_id,
                )
            )
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    return moved


async def defer(tx: Tx, group: Group, who: Seat, *, until: datetime, reason: str) -> int:
    """What a member owes now is not chased until an instant; how much it is, in minor units.

    No reminder, no fine and no bar from the draws before that. Raises ``Refusal``: ``defer.past``, ``defer.nothing``.
    """
    if until <= tx.now:
        raise Refusal("defer.past")
    await groups.member(tx, group.group_id, who.member.id, lock=True)
    owed = await rounds.open_dues(tx, group.group_id, member_id=who.member.id)
    if not owed:
        raise Refusal("defer.nothing", name=who.person.name)
    await tx.session.execute(
        update(Due)
        .where(Due.group_id == group.group_id, Due.id.in_([due.due_id for due in owed]))
        .values(deferred_until=until, reason=tidy_reason(reason))
    )
    amount_minor = sum(due.open_minor for due in owed)
    await note(
        tx,
        "dues.deferred",
        group_id=group.group_id,
        subject=f"member:{who.member.number}",
        until=until.isoformat(),
        amount_minor=amount_minor,
        reason=tidy_reason(reason),
    )
    message = say.DEFERRED_YOU(
        group=group.name, amount=group.money(amount_minor), due=until, reason=tidy_reason(reason)
    )
    event = f"deferred:{who.member.id}:{tx.now.isoformat()}"
    await notices.tell_person(tx, group, who.person.id, message, event=event)
    return amount_minor


async def after_rounds(tx: Tx, group: Group, count: int) -> datetime:
    """When the round falls due that is so many after the open one, or the last one there is."""
    planned: Sequence[Round] = (
        await tx.session.scalars(
            select(Round)
            .where(Round.group_id == group.group_id, Round.cycle == group.cycle, Round.due_at > tx.now)
            .order_by(Round.number)
        )
    ).all()
    now = await rounds.current_round(tx, group)
    if now is None or not planned:
        raise Refusal("excuse.no_round", group=group.name)
    later = [round_ for round_ in planned if round_.number >= now.number + count]
    return (later[0] if later else planned[-1]).due_at


async def suspend(tx: Tx, group: Group, who: Seat, *, reason: str) -> bool:
    """Suspend a member, or lift it; whether they are suspended now.

    Suspended: no lot of theirs can be found, they have no vote and no office; they still owe. Raises
    ``Refusal("suspend.organiser")``.
    """
    member: Member = who.member
    if member.role == "organiser":
        raise Refusal("suspend.organiser", group=group.name)
    suspended = member.status != "suspended"
    member.status = "suspended" if suspended else "active"
    if suspended:
        member.role = "member"
    await tx.session.flush()
    reason = tidy_reason(reason)
    what = "member.suspended" if suspended else "member.restored"
    await note(tx, what, group_id=group.group_id, subject=f"member:{member.number}", reason=reason)
    kind = say.SUSPENDED_YOU if suspended else say.RESTORED_YOU
    message = kind(group=group.name, reason=reason)
    await notices.tell_person(tx, group, who.person.id, message, event=f"{what}:{member.id}:{tx.now.isoformat()}")
    return suspended
