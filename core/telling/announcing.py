"""Announcements: what an officer says to all members, word for word, in a frame that says who and in which group.

Owns how many there may be in a day, because each is a text to everybody.
"""

from sqlalchemy import exists, select

from core import groups
from core import sentences as say
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member
from core.operator.audit import note
from core.telling import notices
from core.telling.outbox import OutboxRow

MOST_A_DAY = 3
LONGEST = 300


async def announce(tx: Tx, group: Group, by: Member, words: str) -> int:
    """Tell all members who agreed to be told; how many others they are.

    Raises ``Refusal``: ``announce.empty``, ``announce.too_long``, ``announce.too_many``.
    """
    said = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    if not said:
        raise Refusal("announce.empty")
    if len(said) > LONGEST:
        raise Refusal("announce.too_long", most=LONGEST)
    seat = await groups.seat(tx, group.group_id, by.id)
    # One at a time, or two would take the same place of the day and one of them be lost.
    await groups.by_id(tx, group.group_id, lock=True)
    message = say.ANNOUNCEMENT(group=group.name, name=seat.person.name, said=said)
    event = await _free_event(tx, group)
    told = await notices.tell_members(tx, group, message, event=event, besides=[seat.person.id])
    await note(tx, "group.announced", group_id=group.group_id, subject=f"member:{by.number}", length=len(said))
    return told


async def _free_event(tx: Tx, group: Group) -> str:
    """The name of the day's next announcement: its row in the outbox is what counts it."""
    for number in range(1, MOST_A_DAY + 1):
        event = f"announcement:{group.group_id}:{tx.now.date()}:{number}"
        used = exists().where(OutboxRow.tenant_id == tx.tenant_id, OutboxRow.event == event)
        if not await tx.session.scalar(select(used)):
            return event
    raise Refusal("announce.too_many", most=MOST_A_DAY)
