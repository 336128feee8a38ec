"""Closing a cycle in which somebody still owes, and what the end of a cycle brings, however it ends.

A debt outlives its cycle: what is owed stays due, and the pots that lack it stay owed to their holders. Refuses to
close over money that could be paid out, and before everybody had a week from the last cut-off.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text, update

from core import groups, payouts
from core import sentences as say
from core.cycle import cycles, rounds
from core.cycle.rounds import Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member
from core.membership import guarantors
from core.operator.audit import note
from core.telling import money_notices, notices
from core.treasury import funds

# From the last cut-off until a cycle may be closed over a debt.
WAIT = timedelta(days=7)


@dataclass(frozen=True)
class Closed:
    """What is still owed; and what was shared out, which must be paid before the cycle is closed."""

    owed_minor: int
    shared_minor: int


async def owed(tx: Tx, group: Group) -> int:
    """What is still owed in the group, in minor units, of whichever cycle."""
    return sum(due.open_minor for due in await rounds.open_dues(tx, group.group_id))


async def check(tx: Tx, group: Group) -> None:
    """Raise ``Refusal`` when the cycle cannot be closed.

    ``close.not_running``, ``close.not_over``, ``close.too_early``, ``close.pay_out``.
    """
    if group.status != "running":
        raise Refusal("close.not_running", group=group.name)
    if not await cycles.all_drawn(tx, group):
        raise Refusal("close.not_over", group=group.name)
    last = await tx.session.scalar(
        select(func.max(Round.cutoff_at)).where(Round.group_id == group.group_id, Round.cycle == group.cycle)
    )
    if last is not None and last + WAIT > tx.now:
        raise Refusal("close.too_early", due=last + WAIT)
    if any(one.now_minor > 0 for one in await payouts.waiting(tx, group)):
        raise Refusal("close.pay_out", group=group.name)


async def close(tx: Tx, group: Group) -> Closed:
    """Close the cycle with what is still owed. Raises as ``check`` does.

    What its funds hold for the members is shared out first, and then it stays open until that is paid.
    """
    await groups.by_id(tx, group.group_id, lock=True)
    await check(tx, group)
    shared = await funds.share_out(tx, group)
    if shared:
        await money_notices.shared_out(tx, group, shared)
        return Closed(await owed(tx, group), shared)
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None:
        raise Refusal("close.not_running", group=group.name)
    cycle.closed_at, group.status, group.wake_at = tx.now, "closed", None
    await tx.session.flush()
    owed_minor = await owed(tx, group)
    await note(tx, "cycle.closed", group_id=group.group_id, subject=f"cycle:{group.cycle}", still_owed_minor=owed_minor)
    message = say.CYCLE_CLOSED_OWING(group=group.name, cycle=group.cycle, owed=group.money(owed_minor))
    await notices.tell_members(tx, group, message, event=f"closed:{group.group_id}:{group.cycle}")
    await after(tx, group)
    return Closed(owed_minor, 0)


async def after(tx: Tx, group: Group) -> None:
    """What ends with a cycle: guarantees of those who owe nothing, and the membership of who has withdrawn."""
    await guarantors.release_settled(tx, group)
    gone = await tx.session.scalars(
        text(
            "SELECT h.member_id FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
            " WHERE h.group_id = :group AND l.cycle = :cycle"
            " GROUP BY h.member_id HAVING bool_and(l.status = 'withdrawn')"
        ),
        {"group": group.group_id, "cycle": group.cycle},
    )
    await tx.session.execute(
        update(Member)
        .where(Member.group_id == group.group_id, Member.id.in_(gone.all()), Member.role != "organiser")
        .values(status="left", left_at=tx.now)
        .execution_options(synchronize_session=False)
    )
