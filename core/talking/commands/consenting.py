"""What somebody whom others have entered answers to the invitation, and how they are asked again when they write."""

from datetime import timedelta
from typing import Annotated

from core import groups
from core import sentences as say
from core.consent import agreement, rule_changes
from core.messages import Message
from core.talking import questions
from core.talking.asks import YesOrNo
from core.talking.command import command
from core.talking.commands import menu
from core.talking.talk import Talk
from core.telling import invitations

# Who writes without having agreed is asked at most so often.
AGAIN = timedelta(days=1)


@command("_CONSENT")
async def consent(talk: Talk, answer: Annotated[bool, YesOrNo()]) -> Message:
    """Yes or no to being kept and written to."""
    names = await _names(talk)
    if not answer:
        await agreement.refuse(talk.tx, talk.me, talk.address, language=talk.language)
        return say.NOT_AGREED(groups=names)
    await agreement.give(talk.tx, talk.me, talk.address, language=talk.language)
    for group, member in await talk.my_groups():
        # They could not be asked while they got no notices, and no cycle begins without their word.
        if group.status == "forming" and member.id in {s.member.id for s in await groups.not_accepted(talk.tx, group)}:
            await rule_changes.ask_to_accept(talk.tx, group, [talk.me.id])
    return say.AGREED_TO_BE_TOLD(name=talk.me.name, groups=names)


async def _names(talk: Talk) -> str:
    return ", ".join(group.name for group, _ in await talk.my_groups())


async def is_to_agree(talk: Talk) -> bool:
    """Whether whoever speaks was entered in a group by others and has not agreed."""
    return talk.person is not None and talk.person.consented_at is None and bool(await talk.my_groups())


async def asked_again(talk: Talk) -> list[Message]:
    """The question whether they agree, for somebody who writes without having said so: they read this now.

    Not while they are in the middle of something or in a menu, and not to whoever has said no, unless they write START.
    """
    if talk.person is None or talk.word in ("STOP", "_CONSENT") or not await is_to_agree(talk):
        return []
    shown_at = await agreement.shown_at(talk.tx, talk.address)
    if shown_at is not None and shown_at + AGAIN > talk.tx.now and talk.word != "START":
        return []
    if talk.word != "START" and await agreement.refused(talk.tx, [talk.person.id]):
        return []
    newest = await menu.newest(talk)
    if newest is not None and (newest.command == questions.MENU or not newest.command.startswith("_")):
        return []
    asked = say.CONSENT_ASKED(groups=await _names(talk))
    return [await invitations.question(talk.tx, talk.person, talk.address, asked)]
