"""MENU: what somebody can do, by numbers, for a phone that has nothing but digits.

Owns what stands in the menu, for whom and in which order, and the way back. A choice runs the very command whose
word it stands for. Refuses to know what commands do: what a number means is a question's row like any other.
"""

from dataclasses import dataclass
from typing import Annotated

from core import sentences as say
from core.errors import Refusal
from core.messages import MOST_CHOICES, Choice, Message
from core.operator.rights import member_may
from core.talking import lasting, questions
from core.talking.asks import Ask, Given, KeptNumber
from core.talking.command import COMMANDS, command
from core.talking.questions import MENU, Question
from core.talking.talk import Talk

# A form that was begun from a menu knows from which page, and what it has asked since.
FROM = "_menu"
ASKED = "_asked"

# The further entries of a page that is not the last stand behind its last number.
_ON_A_PAGE = MOST_CHOICES - 1
_PAGE = "page:"


@dataclass(frozen=True)
class _Entry:
    """A word of the menu. ``right``: of an office; ``statuses``: of groups in which it makes sense; none: always."""

    word: str
    right: str | None = None
    statuses: frozenset[str] = frozenset()


_RUNNING = frozenset({"running"})
_THERE = frozenset({"forming", "running", "closed"})
_ENTRIES = (
    _Entry("WHO", "see_dues", _RUNNING),
    _Entry("CASH", "record", _RUNNING),
    _Entry("PAYOUT", "pay_out", _RUNNING),
    _Entry("BEGIN", "begin", frozenset({"forming"})),
    _Entry("INVITE", "invite", frozenset({"forming", "closed"})),
    _Entry("STATUS", None, _THERE),
    _Entry("PAY", None, _RUNNING),
    _Entry("ROUND", None, _RUNNING),
    _Entry("HISTORY", None, _RUNNING),
    _Entry("MEMBERS", None, _THERE),
    _Entry("RULES", None, _THERE),
    _Entry("ORDER", None, _RUNNING),
    _Entry("DISPUTE", None, _RUNNING),
    _Entry("ANNOUNCE", "announce", _THERE),
    _Entry("EXCUSE", "excuse", _RUNNING),
    _Entry("CLOSE", "close", _RUNNING),
    _Entry("LEAVE", None, frozenset({"forming", "running"})),
    _Entry("JOIN"),
    _Entry("NEW"),
    _Entry("LANG"),
    _Entry("HELP"),
)


async def _words(talk: Talk) -> list[str]:
    """The words of whoever speaks, those needed most first."""
    mine = [(member.role, group.status) for group, member in await talk.my_groups()]

    def suits(entry: _Entry) -> bool:
        return not entry.statuses or any(
            status in entry.statuses and (entry.right is None or member_may(role, entry.right)) for role, status in mine
        )

    return [entry.word for entry in _ENTRIES if suits(entry)]


async def show(talk: Talk, page: int = 0) -> Message:
    """A page of the menu; digits answer it from now on."""
    words = await _words(talk)
    # A last page of one entry more is no page of its own.
    starts = [0]
    while len(words) - starts[-1] > MOST_CHOICES:
        starts.append(starts[-1] + _ON_A_PAGE)
    page = min(page, len(starts) - 1)
    last = page == len(starts) - 1
    here = words[starts[page] :] if last else words[starts[page] : starts[page] + _ON_A_PAGE]
    choices = [Choice(say.MENU_WORDS[word](), word) for word in here]
    if not last:
        choices.append(Choice(say.MENU_MORE(), f"{_PAGE}{page + 1}"))
    message = (say.MENU_FURTHER() if page else say.MENU()).offering(*choices)
    await questions.drop(talk.tx, talk.address.id, MENU)
    return await questions.pose(talk.tx, talk.address, message, command=MENU, slot="chosen", filled={"page": str(page)})


class _Chosen(Ask):
    """One of the entries that are offered; what is typed beside them is none."""

    async def answer(self, talk: Talk, given: Given, text: str) -> str:
        if text in COMMANDS or text.startswith(_PAGE):
            return text
        raise Refusal("answer.not_understood", typed=text[:40])


@command("MENU", about=say.ABOUT_MENU)
async def menu(talk: Talk) -> Message:
    """What one can do, by numbers."""
    return await show(talk)


@command(MENU)
async def chosen(talk: Talk, page: Annotated[int, KeptNumber()], chosen: Annotated[str, _Chosen()]) -> Message | None:
    """Another page, or the command behind a number."""
    if chosen.startswith(_PAGE):
        return await show(talk, int(chosen.removeprefix(_PAGE)))
    talk.goes_on = (chosen, {FROM: str(page)})
    return None


async def further(talk: Talk) -> list[Message] | None:
    """MORE: the rest of a long answer, else the next page of the menu; None where there is neither."""
    part = await lasting.next_part(talk)
    if part is not None:
        return [part]
    question = await newest(talk)
    if question is None or question.command != MENU:
        return None
    return [await show(talk, int(question.filled["page"]) + 1)]


async def newest(talk: Talk) -> Question | None:
    """The question that a bare digit answers, if any."""
    return next(iter(await questions.open_questions(talk.tx, talk.address.id, most=1)), None)


async def back(talk: Talk) -> Message | tuple[str, dict[str, str]] | None:
    """0, one step back: the page before; the question before, as (command, what is filled); the menu; or all over.

    None where no menu led here: then 0 takes back, as UNDO does.
    """
    question = await newest(talk)
    if question is None or (question.command != MENU and FROM not in question.filled):
        return None
    if question.command == MENU:
        page = int(question.filled["page"])
        if page:
            return await show(talk, page - 1)
        await questions.close(talk.tx, question)
        return say.NEVER_MIND()
    await questions.close(talk.tx, question)
    asked = question.filled.get(ASKED, "").split()
    if len(asked) < 2:
        return await show(talk, int(question.filled[FROM]))
    # What was known when that question was put stays; its answer, and whatever followed from it, goes.
    slots = [name for name, _ in COMMANDS[question.command].slots]
    kept = set(slots[: slots.index(asked[-2])])
    filled = {name: value for name, value in question.filled.items() if name in kept or name == FROM}
    return question.command, {**filled, ASKED: " ".join(asked[:-2])}


def trail(filled: dict[str, str], slot: str) -> dict[str, str]:
    """What a form keeps of the way it came, with the slot that it asks for now; nothing where no menu led to it."""
    if FROM not in filled:
        return {}
    before = [name for name in filled.get(ASKED, "").split() if name != slot]
    return {FROM: filled[FROM], ASKED: " ".join([*before, slot])}
