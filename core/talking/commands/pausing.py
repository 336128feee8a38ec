"""A time in which no round falls due: PAUSE, and RESUME before it is over."""

from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from core import sentences as say
from core.consent import pauses
from core.cycle import pausing
from core.groups import Group
from core.membership.excusing import tidy_reason
from core.messages import Message
from core.talking.asks import MISSING, Given, Sure, WhichGroup
from core.talking.command import command
from core.talking.commands.slots import Saying, Until
from core.talking.talk import Talk


class UntilDay(Until):
    """The first day on which a round may fall due again: ``until 2027-01-20``, or after ``2 rounds``."""

    async def after_rounds(self, talk: Talk, given: Given, count: int) -> Any:
        return await pausing.until_after(talk.tx, given["group"], count)

    async def on_day(self, talk: Talk, on: date) -> Any:
        return on

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_PAUSE()

    async def load(self, talk: Talk, text: str) -> Any:
        return date.fromisoformat(text)


async def _ask_pause(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    moved = await pausing.check(talk.tx, group, given["until"])
    return say.SURE_PAUSE(
        group=group.name, until=given["until"], reason=given["reason"], round=moved.round.number, due=moved.due_at
    )


@command("PAUSE", about=say.ABOUT_PAUSE, office=True)
async def pause(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="pause", statuses=("running",))],
    until: Annotated[date, UntilDay()],
    reason: Annotated[str, Saying(say.ASK_WHAT_FOR)],
    sure: Annotated[bool, Sure(_ask_pause)],
) -> Message:
    """The rounds that have not begun wait until a day; another officer, or two members, must agree."""
    me = await talk.officer(group, "pause")
    talk.group = group
    await pauses.propose(talk.tx, group, me, until_on=until, reason=tidy_reason(reason))
    return say.PAUSE_ASKED(group=group.name)


async def _ask_resume(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    moved = await pausing.check_resume(talk.tx, group)
    return say.SURE_RESUME(group=group.name, round=moved.round.number, due=moved.due_at)


@command("RESUME", about=say.ABOUT_RESUME, office=True)
async def resume(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="pause", statuses=("running",))],
    sure: Annotated[bool, Sure(_ask_resume)],
) -> Message:
    """The pause ends before its day, by the same consent."""
    me = await talk.officer(group, "pause")
    talk.group = group
    await pauses.propose_resuming(talk.tx, group, me)
    return say.RESUME_ASKED(group=group.name)


async def lines(talk: Talk, group: Group) -> list[Message]:
    """That the group pauses now, for whoever asks how it stands."""
    found = await pausing.present(talk.tx, group)
    return [say.PAUSED_UNTIL(until=found[0], reason=found[1])] if found else []


async def history(talk: Talk, group: Group) -> list[Message]:
    """The pauses of the cycle, the newest first."""
    zone = ZoneInfo(talk.tenant.timezone)
    return [
        say.PAUSE_LINE(on=one.made_at.astimezone(zone).date(), until=one.free_on, reason=one.reason)
        for one in reversed(await pausing.of_cycle(talk.tx, group))
        if one.free_on > one.from_on
    ]
