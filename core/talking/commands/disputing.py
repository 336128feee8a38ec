"""The book is wrong, says a member: DISPUTE, and the officers' ANSWER."""

from typing import Annotated, Any
from uuid import UUID

from core import groups
from core import sentences as say
from core.cycle import agenda
from core.groups import Group
from core.messages import Message
from core.talking.asks import MISSING, Given, WhichGroup
from core.talking.command import command
from core.talking.commands.anyone import undoes
from core.talking.commands.slots import Named, Saying, WhatIsWrong, WhichDispute, WhichOutcome, subject
from core.talking.talk import Talk
from core.treasury import disputes
from core.treasury.disputes import Dispute, Outcome, Subject


class _WhatIsWrongWithIt(Saying):
    """What is wrong; not asked for when there is a dispute already, whose course is shown then."""

    async def known(self, talk: Talk, given: Given) -> Any:
        about = await subject(talk, given["group"], given["what"])
        return "" if await disputes.of_subject(talk.tx, given["group"], about.subject_id) else MISSING


@command("DISPUTE", about=say.ABOUT_DISPUTE)
async def dispute(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    what: Annotated[Subject | Named, WhatIsWrong()],
    said: Annotated[str, _WhatIsWrongWithIt(say.ASK_WHY_WRONG)],
) -> Message | list[Message]:
    """Says what is wrong with a receipt, a payout or a due; again, without words: what has come of it."""
    me = await talk.membership(group)
    talk.group = group
    about = await subject(talk, group, what)
    if not said:
        return await _course(talk, group, about)
    raised = await disputes.raise_(talk.tx, group, me, about, said)
    talk.can_undo("dispute", group=group.group_id, dispute=raised.id)
    return say.DISPUTE_RAISED(what=about.called)


@undoes("dispute")
async def _undo_dispute(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    found = await disputes.dispute(talk.tx, group.group_id, what["dispute"])
    about = await disputes.withdraw(talk.tx, group, found, by=await talk.membership(group))
    return say.UNDONE_DISPUTE(what=about.called)


async def _course(talk: Talk, group: Group, about: Subject) -> list[Message]:
    lines: list[Message] = []
    for one in await disputes.of_subject(talk.tx, group, about.subject_id):
        seat = await groups.seat(talk.tx, group.group_id, one.member_id)
        facts = {"group": group.name, "name": seat.person.name, "what": about.called}
        if one.outcome is None:
            lines.append(say.DISPUTE_WAITS(**facts, said=one.said, on=one.opened_at.date()))
        elif one.outcome == "withdrawn":
            lines.append(say.DISPUTE_WITHDRAWN(**facts))
        else:
            kind = say.DISPUTE_CORRECTED if one.outcome == "corrected" else say.DISPUTE_STANDS
            lines.append(kind(**facts, words=one.answer or ""))
    return lines


async def _answer(talk: Talk, group: Group, dispute: Dispute, outcome: Outcome, words: str) -> Message:
    me = await talk.officer(group, "answer")
    talk.group = group
    await disputes.answer(talk.tx, group, dispute, by=me, outcome=outcome, words=words)
    await agenda.look_again(talk.tx, group)
    seat = await groups.seat(talk.tx, group.group_id, dispute.member_id)
    if outcome == "corrected" and dispute.about != "due":
        about = await disputes.subject_of(talk.tx, group, dispute.about, dispute.subject_id)
        return say.DISPUTE_ANSWERED_BACK(name=seat.person.name, what=about.called)
    return say.DISPUTE_ANSWERED(name=seat.person.name)


@command("ANSWER", about=say.ABOUT_ANSWER, office=True)
async def answer(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="answer")],
    dispute: Annotated[Dispute, WhichDispute()],
    outcome: Annotated[Outcome, WhichOutcome()],
    words: Annotated[str, Saying(say.ASK_ANSWER)],
) -> Message:
    """An officer answers a dispute: corrected, or it stands, and why."""
    return await _answer(talk, group, dispute, outcome, words)


@command("_DISPUTE")
async def answer_asked(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    dispute: Annotated[Dispute, WhichDispute()],
    outcome: Annotated[Outcome, WhichOutcome()],
    words: Annotated[str, Saying(say.ASK_ANSWER)],
) -> Message:
    """The same, from the notice."""
    return await _answer(talk, group, dispute, outcome, words)
