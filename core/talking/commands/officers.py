"""What officers do among themselves and with all: ROLE, SUCCESSOR, HANDOVER, HOLDS, ANNOUNCE."""

from typing import Annotated

from core import sentences as say
from core.groups import Group, Seat
from core.membership import offices
from core.messages import Message
from core.money import Money
from core.talking.asks import Given, Sure, WhichGroup, WhichMember
from core.talking.command import command
from core.talking.commands.slots import HandedOn, OtherOfficer, Saying, WhichRole
from core.talking.talk import Talk
from core.telling import announcing
from core.treasury import cash


@command("ROLE", about=say.ABOUT_ROLE, office=True)
async def role(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="appoint")],
    member: Annotated[Seat, WhichMember()],
    office: Annotated[str, WhichRole()],
) -> Message:
    """Offers an office, or takes one away."""
    me = await talk.officer(group, "appoint")
    talk.group = group
    if await offices.offer(talk.tx, group, me, member, office) is None:
        return say.ROLE_TAKEN(name=member.person.name, group=group.name)
    return say.ASKED_OF(name=member.person.name)


async def _ask_successor(talk: Talk, given: Given) -> Message:
    return say.SURE_SUCCESSOR(name=given["member"].person.name, group=given["group"].name)


@command("SUCCESSOR", about=say.ABOUT_SUCCESSOR, office=True)
async def successor(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="succeed")],
    member: Annotated[Seat, WhichMember()],
    sure: Annotated[bool, Sure(_ask_successor)],
) -> Message:
    """Another organiser: handed over, or decided by officers and members when the organiser is gone."""
    me = await talk.officer(group, "succeed")
    talk.group = group
    await offices.hand_over(talk.tx, group, me, member)
    return say.ASKED_OF(name=member.person.name) if me.role == "organiser" else say.ASKED_ALL(group=group.name)


@command("HANDOVER", about=say.ABOUT_HANDOVER, office=True)
async def handover(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    member: Annotated[Seat, OtherOfficer()],
    amount: Annotated[Money, HandedOn()],
) -> Message:
    """Cash that I hold went to an officer; the book follows when they say that it came."""
    me = await talk.membership(group)
    talk.group = group
    await cash.hand_over(talk.tx, group, me, member, amount_minor=amount.minor)
    return say.ASKED_OF(name=member.person.name)


@command("HOLDS", about=say.ABOUT_HOLDS, office=True)
async def holds(talk: Talk, group: Annotated[Group, WhichGroup(right="see_dues")]) -> Message:
    """What cash each one holds for the group."""
    await talk.officer(group, "see_dues")
    talk.group = group
    lines = []
    for seat, held in await cash.holders(talk.tx, group):
        line = say.HOLDS_LINE if held > 0 else say.ADVANCED_LINE
        lines.append(line(number=seat.member.number, name=seat.person.name, amount=group.money(abs(held))))
    return say.HOLDS(group=group.name, lines=lines) if lines else say.HOLDS_NONE(group=group.name)


@command("ANNOUNCE", about=say.ABOUT_ANNOUNCE, office=True)
async def announce(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="announce")],
    words: Annotated[str, Saying(say.ASK_ANNOUNCEMENT)],
) -> Message:
    """The words to all members, untouched."""
    me = await talk.officer(group, "announce")
    talk.group = group
    count = await announcing.announce(talk.tx, group, me, words)
    return say.ANNOUNCED(group=group.name, count=count)
