"""What STATUS says of earlier cycles: a debt and a pot outlive the cycle they are from."""

from sqlalchemy import select

from core import rounds
from core import sentences as say
from core.groups import Group, Lot, Member
from core.messages import Message
from core.payouts import Leg, Payout
from core.rounds import Round
from core.talk import Talk


async def lines(talk: Talk, group: Group, member: Member) -> list[Message]:
    """What the member still owes while no cycle runs, and what is still to come of pots of cycles before this one."""
    said: list[Message] = []
    owed = sum(due.open_minor for due in await rounds.open_dues(talk.tx, group.group_id, member_id=member.id))
    if group.status == "forming" and owed:
        said.append(say.STATUS_OLD_DEBT(amount=group.money(owed)))
    legs = await talk.tx.session.execute(
        select(Round.cycle, Lot.number, Leg.amount_minor)
        .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
        .join(Lot, (Lot.group_id == Payout.group_id) & (Lot.id == Payout.lot_id))
        .join(Round, (Round.group_id == Payout.group_id) & (Round.id == Payout.round_id))
        .where(
            Leg.group_id == group.group_id,
            Leg.member_id == member.id,
            Leg.paid_at.is_(None),
            Round.cycle < group.cycle,
        )
        .order_by(Round.cycle, Lot.number)
    )
    said += [say.STATUS_OLD_POT(cycle=cycle, lot=lot, amount=group.money(minor)) for cycle, lot, minor in legs]
    return said
