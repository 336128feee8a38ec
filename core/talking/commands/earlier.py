"""What STATUS says of earlier cycles: a debt and a pot outlive the cycle they are from."""

from core import sentences as say
from core.cycle import rounds
from core.groups import Group, Member
from core.messages import Message
from core.talking.talk import Talk

_UNPAID = """
SELECT r.cycle, l.number, g.amount_minor
FROM payout_legs g JOIN payouts o ON o.group_id = g.group_id AND o.id = g.payout_id
JOIN lots l ON l.group_id = o.group_id AND l.id = o.lot_id
JOIN rounds r ON r.group_id = o.group_id AND r.id = o.round_id
WHERE g.group_id = $1 AND g.member_id = $2 AND g.paid_at IS NULL AND r.cycle < $3 ORDER BY r.cycle, l.number
"""


async def lines(talk: Talk, group: Group, member: Member) -> list[Message]:
    """What the member still owes while no cycle runs, and what is still to come of pots of cycles before this one."""
    said: list[Message] = []
    if group.cycle == 1:
        return said
    if group.status == "forming":
        owed = sum(due.open_minor for due in await rounds.open_dues(talk.tx, group.group_id, member_id=member.id))
        if owed:
            said.append(say.STATUS_OLD_DEBT(amount=group.money(owed)))
    legs = await talk.tx.rows(_UNPAID, group.group_id, member.id, group.cycle)
    said += [say.STATUS_OLD_POT(cycle=cycle, lot=lot, amount=group.money(minor)) for cycle, lot, minor in legs]
    return said
