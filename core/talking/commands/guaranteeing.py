"""Answering for another member: GUARANTEE (I do), GUARANTOR (an officer names somebody who is asked)."""

from typing import Annotated

from core import sentences as say
from core.groups import Group, Seat
from core.membership import guarantors
from core.messages import Message
from core.talking.asks import Given, Sure, WhichGroup, WhichMember
from core.talking.command import command
from core.talking.talk import Talk


async def _ask_sure(talk: Talk, given: Given) -> Message:
    group, member = given["group"], given["member"]
    me = await talk.membership(group)
    await guarantors.check(talk.tx, group, member, me)
    circle = await guarantors.is_circle(talk.tx, group, member.member.id, me.id)
    return (say.ASK_GUARANTEE_CIRCLE if circle else say.ASK_GUARANTEE)(group=group.name, name=member.person.name)


@command("GUARANTEE", about=say.ABOUT_GUARANTEE)
async def guarantee(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    member: Annotated[Seat, WhichMember()],
    sure: Annotated[bool, Sure(_ask_sure)],
) -> Message:
    """The speaker answers for another member's dues after that one has received."""
    me = await talk.membership(group)
    talk.group = group
    made = await guarantors.give(talk.tx, group, member, me)
    talk.can_undo("guarantee", group=group.group_id, guarantee=made.id)
    return say.GUARANTEE_GIVEN(group=group.name, name=member.person.name)


class Guarantor(WhichMember):
    """The one who shall answer; named second."""


@command("GUARANTOR", about=say.ABOUT_GUARANTOR, office=True)
async def guarantor(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="guarantors")],
    member: Annotated[Seat, WhichMember()],
    by: Annotated[Seat, Guarantor()],
) -> Message:
    """An officer names a guarantor for a member; it stands when that one agrees on their own phone."""
    me = await talk.officer(group, "guarantors")
    talk.group = group
    await guarantors.ask(talk.tx, group, me, member, by)
    return say.ASKED_OF(name=by.person.name)
