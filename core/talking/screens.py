"""Screens: the conversation of a phone that dialled a menu (USSD), a step at a time and 160 characters at a time.

Owns what stands on such a screen, its pages, and what the next digit means: what is on the screen, nothing else. A
notice that asks something meanwhile is answered by SMS; a step whose screen we never sent is answered with the menu
and does nothing. Each step is a message in the inbox and its screen the reply, so a repeated step is shown the same
screen, and a session that is cut leaves what a text conversation leaves: what was done, or a form to go on with.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from core import sentences as say
from core.db import Tx
from core.errors import Refusal
from core.inbox import Inbound
from core.messages import SMS, Message, Reader, render, sentence
from core.segments import pieces
from core.talking import questions, words
from core.talking.commands import going_on, menu
from core.talking.questions import MENU
from core.talking.talk import Talk
from core.talking.understanding import number

# What a screen holds, less the word by which the gateway is told whether the session goes on.
LONGEST = 160 - len("CON ")
MORE, BACK = "98", "0"

Understand = Callable[[Talk], Awaitable[list[Message]]]


@dataclass(frozen=True)
class Screen:
    """``body``: all of the answer; ``asked``: its question alone. ``page`` is shown, from 0.

    ``choices``: the data that 1, 2, 3 … stand for; ``command`` and ``nonce``: of the question, empty without one.
    """

    body: str
    asked: str = ""
    page: int = 0
    choices: tuple[str, ...] = ()
    command: str = ""
    nonce: str = ""

    def pages(self, language: str) -> list[str]:
        """The texts of the pages, each with the way on and back."""
        reader = Reader(language, SMS)
        more, back = "\n" + sentence(say.SCREEN_MORE(), reader), "\n" + sentence(say.SCREEN_BACK(), reader)
        home = back if self.command and self.command != MENU else ""
        if len(self.body) + len(home) <= LONGEST:
            return [self.body + home]
        cut = pages_of(self.body, longest=LONGEST - len(more) - len(back))
        last = len(cut) - 1
        return [
            text
            + (more if at < last else "")
            + (back if at and (at < last or self.command) else home if not at else "")
            for at, text in enumerate(cut)
        ]

    def goes_on(self, language: str) -> bool:
        """Whether anything can be answered."""
        return bool(self.command or self.choices) or self.page < len(self.pages(language)) - 1


def pages_of(text: str, *, longest: int) -> list[str]:
    """A text in pages of at most ``longest`` characters, at line ends where lines fit."""
    found: list[str] = []
    for line in text.split("\n"):
        for piece in pieces(line, longest=longest):
            if found and len(found[-1]) + 1 + len(piece) <= longest:
                found[-1] += f"\n{piece}"
            else:
                found.append(piece)
    return found


async def step(talk: Talk, before: Screen | None, understand: Understand) -> Screen:
    """What the next screen shows."""
    typed = talk.inbound.text.strip()
    if before is None or not before.goes_on(talk.language):
        return await _screen(talk, [await going_on.offer(talk, open_too=True) or await menu.show(talk)])
    if typed == MORE and before.page < len(before.pages(talk.language)) - 1:
        return replace(before, page=before.page + 1)
    if typed == BACK and before.page:
        return replace(before, page=before.page - 1)
    if not typed:
        return before
    return await _screen(talk, await _answers(talk, before, typed, understand))


async def _answers(talk: Talk, before: Screen, typed: str, understand: Understand) -> list[Message]:
    if before.nonce and not await questions.is_open(talk.tx, talk.address.id, before.nonce):
        return [say.EXPIRED()]
    if typed == BACK:
        return [await _one_back(talk, understand)]
    chosen = number(typed)
    if chosen is not None and 1 <= chosen <= len(before.choices):
        talk.inbound = replace(talk.inbound, text=before.choices[chosen - 1])
    elif before.command.startswith("_"):
        # A notice may have asked something since: only what is on the screen is answered here.
        meant = words.said(typed)
        if meant is None or meant.command in ("YES", "NO"):
            raise Refusal("answer.not_understood", typed=typed[:40])
    return await understand(talk)


async def _one_back(talk: Talk, understand: Understand) -> Message:
    """Never UNDO: what was done stays done, whatever was on the screen."""
    question = await menu.newest(talk)
    if question is not None and (question.command == MENU or menu.FROM in question.filled):
        return (await understand(talk))[0]
    await questions.drop_forms(talk.tx, talk.address.id)
    return await menu.show(talk)


async def _screen(talk: Talk, answers: list[Message]) -> Screen:
    """Answers as one screen; what the last of them offers is what digits choose."""
    reader = Reader(talk.language, SMS, talk.tenant.timezone)
    last = answers[-1] if answers else say.NEVER_MIND()
    texts = [*(sentence(message, reader) for message in answers[:-1]), render(last, reader).text]
    choices = tuple(choice.value for choice in last.choices)
    asked = await questions.posed_now(talk.tx, talk.address.id)
    return Screen(
        body="\n".join(texts),
        asked=texts[-1],
        choices=choices,
        command=asked.command if asked else "",
        nonce=asked.nonce if asked else "",
    )


def refused(message: Message, before: Screen | None, talk: Talk) -> Screen:
    """A rule's no, above the question that is still open."""
    text = sentence(message, Reader(talk.language, SMS, talk.tenant.timezone))
    if before is None or not before.command:
        return Screen(body=text)
    return replace(before, body=f"{text}\n{before.asked}", page=0)


def message_of(screen: Screen, language: str) -> Message:
    """The screen as the reply that is kept; ``shown`` reads it again."""
    pages = screen.pages(language)
    kept = {**asdict(screen), "choices": list(screen.choices)}
    return say.VERBATIM(text=pages[screen.page]).showing(screen=kept, open=screen.goes_on(language))


_SHOWN = """
SELECT o.text, (o.extras -> 'screen')::text, (o.extras -> 'open')::text FROM outbox o
WHERE o.tenant_id = $1 AND o.inbox_id = $2 AND o.extras ? 'screen' ORDER BY o.seq LIMIT 1
"""
_STEP = "SELECT i.id FROM inbox i WHERE i.tenant_id = $1 AND i.gateway = $2 AND i.external_id = $3"


async def shown(tx: Tx, inbox_id: UUID) -> tuple[str, bool]:
    """What a step was answered with, and whether the session went on."""
    row = await tx.row(_SHOWN, tx.tenant_id, inbox_id)
    return (row[0], row[2] == "true") if row else ("", False)


async def before(tx: Tx, inbound: Inbound) -> Screen | None:
    """The screen that a step answers; None for who has just dialled, and for a step that we never saw."""
    if not inbound.before:
        return None
    step = await tx.row(_STEP, tx.tenant_id, inbound.gateway, inbound.before)
    row = await tx.row(_SHOWN, tx.tenant_id, step[0]) if step else None
    if row is None:
        return None
    kept = json.loads(row[1])
    return Screen(**{**kept, "choices": tuple(kept["choices"])})
