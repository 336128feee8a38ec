"""Going on after a pause: a form that nobody answered for a day is not lost, and not filled by a late digit either.

Owns the question whether to go on. A form is put aside when it expires; the next thing that is no command is
answered with what was being asked, for some days.
"""

from typing import Annotated
from uuid import UUID

from core import sentences as say
from core.errors import Refusal
from core.messages import Message
from core.talking import questions, words
from core.talking.asks import YES_NO, Kept, YesOrNo
from core.talking.command import COMMANDS, command
from core.talking.commands import menu
from core.talking.questions import GO_ON
from core.talking.talk import Talk


async def offer(talk: Talk, *, open_too: bool = False) -> Message | None:
    """Say where somebody was and ask whether to go on; None where nothing waits.

    ``open_too``: also of a form that has not expired, for somebody who comes by another door.
    """
    question = await questions.put_aside(talk.tx, talk.address.id, open_too=open_too) if talk.asked else None
    if question is None:
        return None
    asked = COMMANDS[question.command]
    try:
        given = {
            name: await ask.load(talk, question.filled[name]) for name, ask in asked.slots if name in question.filled
        }
        was_asked = await asked.ask(question.slot).question(talk, given)
    except Refusal:
        # What it was about is over: there is nothing to go on with.
        await questions.close(talk.tx, question)
        return None
    await questions.drop(talk.tx, talk.address.id, GO_ON)
    message = say.GO_ON(word=words.word_for(question.command, talk.language), asked=was_asked).offering(*YES_NO)
    return await questions.pose(
        talk.tx, talk.address, message, command=GO_ON, slot="answer", filled={"question": str(question.id)}
    )


@command(GO_ON)
async def go_on(talk: Talk, question: Annotated[UUID, Kept()], answer: Annotated[bool, YesOrNo()]) -> Message | None:
    """The form again where it was, or not at all."""
    form = await questions.by_id(talk.tx, question)
    if form is None or not await questions.close(talk.tx, form):
        return say.EXPIRED()
    if answer:
        talk.goes_on = (form.command, dict(form.filled))
        return None
    return await menu.show(talk) if talk.inbound.screen else say.NEVER_MIND()
