"""What officers grant or take: EXCUSE, DEFER, SUSPEND."""

from datetime import datetime
from typing import Annotated

from core import sentences as say
from core.cycle import agenda
from core.errors import Refusal
from core.groups import Group, Seat
from core.membership import excusing
from core.messages import Message
from core.talking.asks import Given, Sure, WhichGroup, WhichMember
from core.talking.command import command
from core.talking.commands.slots import RoundNumber, Saying, Until
from core.talking.talk import Talk


@command("EXCUSE", about=say.ABOUT_EXCUSE, office=True)
async def excuse(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="excuse", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    round_: Annotated[int | None, RoundNumber()],
    reason: Annotated[str, Saying(say.ASK_REASON)],
) -> Message:
    """A member owes nothing for a round; its pot is smaller."""
    await talk.officer(group, "excuse")
    talk.group = group
    number = await excusing.excuse(talk.tx, group, member, round_number=round_, reason=reason)
    await agenda.look_again(talk.tx, group)
    return say.EXCUSED(name=member.person.name, round=number, group=group.name)


@command("DEFER", about=say.ABOUT_DEFER, office=True)
async def defer(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="excuse", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    until: Annotated[datetime, Until()],
    reason: Annotated[str, Saying(say.ASK_REASON)],
) -> Message:
    """What a member owes now is not chased for a while."""
    await talk.officer(group, "excuse")
    talk.group = group
    amount_minor = await excusing.defer(talk.tx, group, member, until=until, reason=reason)
    return say.DEFERRED(name=member.person.name, amount=group.money(amount_minor), due=until)


class _WhySuspend(Saying):
    """Why somebody is suspended, or why it is lifted: whoever asks hears which of the two it is."""

    async def question(self, talk: Talk, given: Given) -> Message:
        seat: Seat = given["member"]
        if seat.member.role == "organiser":
            raise Refusal("suspend.organiser", group=given["group"].name)
        if seat.member.status == "suspended":
            return say.ASK_WHY_LIFT(name=seat.person.name)
        return await super().question(talk, given)


async def _ask_suspend(talk: Talk, given: Given) -> Message:
    seat: Seat = given["member"]
    kind = say.SURE_RESTORE if seat.member.status == "suspended" else say.SURE_SUSPEND
    return kind(name=seat.person.name, group=given["group"].name)


@command("SUSPEND", about=say.ABOUT_SUSPEND, office=True)
async def suspend(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="suspend")],
    member: Annotated[Seat, WhichMember()],
    reason: Annotated[str, _WhySuspend(say.ASK_REASON)],
    sure: Annotated[bool, Sure(_ask_suspend)],
) -> Message:
    """Suspends a member, or lifts it."""
    await talk.officer(group, "suspend")
    talk.group = group
    suspended = await excusing.suspend(talk.tx, group, member, reason=reason)
    return (say.SUSPENDED if suspended else say.RESTORED)(name=member.person.name, group=group.name)
