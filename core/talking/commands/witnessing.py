"""WITNESS: a lot drawn on paper before witnesses; PIN: what they confirm it with."""

from typing import Annotated, Any
from uuid import UUID

from core import sentences as say
from core.consent import pins, proposals, witnesses
from core.cycle import agenda
from core.errors import Refusal
from core.groups import Group, Seat
from core.messages import Message
from core.talking import questions, understanding
from core.talking.asks import MISSING, Ask, Found, Given, Kept, WhichGroup, YesOrNo
from core.talking.command import command
from core.talking.commands.agreeing import heard
from core.talking.talk import Talk
from core.telling import outbox


class Secret(Ask):
    """Digits that are kept nowhere: the message that holds them is kept without its text."""

    def __init__(self, *, new: bool) -> None:
        self.new = new

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        talk.hide()
        return ([pins.tidy(word) for word in words[:2]], words[2:]) if words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        # Whoever says no is not asked for a PIN.
        return [] if given.get("answer") is False else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_NEW_PIN() if self.new else say.ASK_PIN()

    async def answer(self, talk: Talk, given: Given, text: str) -> list[str]:
        talk.hide()
        return [pins.tidy(word) for word in text.split()[:2]]

    def dump(self, value: Any) -> str:
        return " ".join(value)

    async def load(self, talk: Talk, text: str) -> list[str]:
        return text.split()


class LotNumber(Ask):
    """The number of a lot, 7 or L007."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        number = understanding.number(words[0].upper().removeprefix("L")) if words else None
        return (number, words[1:]) if number is not None else None

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_LOT()

    async def load(self, talk: Talk, text: str) -> int:
        return int(text)


@command("PIN", about=say.ABOUT_PIN)
async def pin(talk: Talk, typed: Annotated[list[str], Secret(new=True)]) -> Message:
    """Sets the speaker's PIN; who has one says the old one first."""
    me = talk.me
    if await pins.has_pin(talk.tx, me.id):
        if len(typed) < 2:
            return await _set_anew(talk, typed[0])
        if not await pins.is_right(talk.tx, me.id, typed[0]):
            return say.WRONG_PIN()
    await pins.set_pin(talk.tx, me.id, typed[-1])
    return say.PIN_SET()


async def _set_anew(talk: Talk, pin: str) -> Message:
    """Without the old one: only where an administrator has allowed it. All of the person's addresses hear of it."""
    me = talk.me
    proven_at = await pins.set_anew(talk.tx, me.id, pin, address_since=talk.address.verified_at)
    if proven_at is None:
        raise Refusal("pin.old")
    message = say.PIN_SET_ANEW(due=proven_at, name=talk.tenant.name)
    event = f"pin:{me.id}:{talk.tx.now.isoformat()}"
    await outbox.tell_everywhere(talk.tx, me, message, event=event, besides=talk.address.id)
    return message


@command("WITNESS", about=say.ABOUT_WITNESS, office=True)
async def witness(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="decide", statuses=("running",))],
    lot: Annotated[int, LotNumber()],
) -> Message:
    """An officer enters the paper lot that came up; two witnesses must confirm it."""
    me = await talk.officer(group, "decide")
    talk.group = group
    await witnesses.propose(talk.tx, group, Seat(me, talk.me), lot)
    return say.WITNESS_WAITS(group=group.name)


@command("_WITNESS")
async def witnessed(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    proposal: Annotated[UUID, Kept()],
    answer: Annotated[bool, YesOrNo()],
    typed: Annotated[list[str], Secret(new=False)],
) -> Message:
    """A witness confirms with their PIN what they saw, or says that they did not."""
    talk.group = group
    me = await talk.membership(group)
    if answer and (again := await _again(talk, typed)) is not None:
        filled = {"group": str(group.group_id), "proposal": str(proposal), "answer": "yes"}
        return await questions.pose(
            talk.tx,
            talk.address,
            again,
            command="_WITNESS",
            slot="typed",
            filled=filled,
            lifetime=proposals.LIFETIME,
            about=proposal,
        )
    answered = await proposals.answer(talk.tx, group, proposal, me, yes=answer)
    await agenda.wake_now(talk.tx, group)
    return heard(group, answered) if answer else say.NEVER_MIND()


async def _again(talk: Talk, typed: list[str]) -> Message | None:
    """Why the PIN has to be sent once more, or None: it is theirs, and confirms."""
    due = await pins.unproven_until(talk.tx, talk.me.id)
    if due is not None:
        return say.PIN_TOO_NEW(due=due)
    return None if typed and await pins.is_right(talk.tx, talk.me.id, typed[0]) else say.WRONG_PIN()
