"""CLOSE: a cycle ends although somebody still owes."""

from typing import Annotated

from core import sentences as say
from core.cycle import closing
from core.groups import Group
from core.messages import Message
from core.talking.asks import Given, Sure, WhichGroup
from core.talking.command import command
from core.talking.talk import Talk


async def _ask_close(talk: Talk, given: Given) -> Message:
    group = given["group"]
    await closing.check(talk.tx, group)
    return say.SURE_CLOSE(group=group.name, owed=group.money(await closing.owed(talk.tx, group)))


@command("CLOSE", about=say.ABOUT_CLOSE, office=True)
async def close(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="close", statuses=("running",))],
    sure: Annotated[bool, Sure(_ask_close)],
) -> Message:
    """Ends the cycle; debts and what they are owed to stay."""
    await talk.officer(group, "close")
    talk.group = group
    closed = await closing.close(talk.tx, group)
    if closed.shared_minor:
        return say.SHARE_OUT(group=group.name, amount=group.money(closed.shared_minor))
    return say.CLOSED(group=group.name, owed=group.money(closed.owed_minor))
