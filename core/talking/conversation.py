"""The conversation: what a person wrote, understood and answered, the same on every channel.

``receive`` takes one inbound message and does all of it in one transaction: the inbox row, the command with what
it moves, the answers in the outbox. A repeated webhook finds its row and changes nothing. A rule that says no
rolls back what the command did and becomes a sentence; a bug likewise, and says honestly that nothing was done.
"""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from core import catalogues, clock, inbox, lexicon, people
from core import sentences as say
from core.consent import pins
from core.db import Tx, transaction
from core.errors import Refusal, TryLater
from core.inbox import FOREIGN_CONTACT, Inbound
from core.messages import NO, TELEGRAM, YES, Message
from core.people import Address, Tenant
from core.talking import guards, lasting, questions, screens, understanding, words
from core.talking.asks import MISSING, Ask, TheirName, WhichLanguage
from core.talking.command import COMMANDS, Command, is_confirmation
from core.talking.commands import (  # noqa: F401 (registers them)
    agreeing,
    anyone,
    closing,
    consenting,
    disputing,
    excusing,
    going_on,
    guaranteeing,
    joining,
    linking,
    menu,
    money,
    officers,
    ordering,
    papers,
    pausing,
    paying,
    paying_out,
    replacing,
    ruling,
    seeing,
    witnessing,
)
from core.talking.questions import Question
from core.talking.talk import Talk
from core.telling import outbox
from core.telling.outbox import Outgoing

_log = structlog.get_logger(__name__)

# Said in the middle of a question they leave it open: it is asked again.
_ASIDES = frozenset({"LANG", "CALENDAR", "HELP"})
# Always work, whatever question is open; every other word does too, but answers are tried first for these.
ANSWER_WORDS = {"YES": "yes", "NO": "no"}


@dataclass(frozen=True)
class Handled:
    """What came of an inbound message. ``outgoing``: replies claimed by this process, to be delivered now.

    ``new`` is False for a repeat: then there is nothing to deliver. ``in_answer``: what is said in the answer to the
    webhook, where the channel does that, the same for a repeat. ``notified``: addresses with notices waiting for
    the workers. ``goes_on``: of a screen, whether it can be answered.
    """

    new: bool
    outgoing: list[Outgoing]
    notified: list[UUID]
    in_answer: list[str]
    goes_on: bool = False


@dataclass
class _Failure:
    """Why the first attempt was rolled back."""

    message: Message
    state: str
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)


async def receive(tenant: Tenant, inbound: Inbound, in_answer: bool = False) -> Handled:
    """Answer one message. Bad input gets a sentence; only a database that cannot be reached raises ``TryLater``.

    ``in_answer``: the replies go back in the answer to the webhook, so they are written as said, and a repeat gets
    them again.
    """
    hidden: list[bool] = []
    try:
        return await _attempt(tenant, inbound, None, in_answer=in_answer, hidden=hidden)
    except Refusal as refusal:
        failure = _Failure(say.refusal(refusal.code, refusal.facts), "refused", refusal.code)
    except (OperationalError, InterfaceError, TimeoutError, OSError) as error:
        raise TryLater(f"the database cannot be reached: {type(error).__name__}") from error
    except TryLater as later:
        failure = _Failure(say.FAILED(), "failed", str(later)[:200])
    except Exception as error:
        # The text of a message may hold a name or a number: only where it failed goes into the log.
        _log.exception("command_failed", gateway=inbound.gateway, external_id=inbound.external_id)
        failure = _Failure(say.FAILED(), "failed", type(error).__name__)
    if hidden:
        inbound = replace(inbound, text=pins.HIDDEN)
    return await _attempt(tenant, inbound, failure, in_answer=in_answer, hidden=hidden)


async def _attempt(
    tenant: Tenant, inbound: Inbound, failure: _Failure | None, *, in_answer: bool, hidden: list[bool]
) -> Handled:
    async with transaction(tenant.id, now=clock.now()) as tx:
        meant = words.said(inbound.text)
        word = meant.command if meant else None
        taken = await inbox.take_in(tx, inbound, command=word)
        if not taken.new:
            return await _again(tx, taken.inbox_id, inbound, in_answer=in_answer)
        address, person = await people.speaker(tx, taken.address_id)
        if address.gateway != inbound.gateway:
            # Answers go back by the way the question came.
            address.gateway = inbound.gateway
            await tx.flush()
        tx.actor = f"person:{person.id}" if person else f"address:{address.id}"
        language = person.language if person else address.language
        language = language or await _guess_language(tx, tenant, inbound, address)
        talk = Talk(tx, tenant, inbound, address, person, language, taken.asked, hidden=hidden)
        answers = await _answers(talk, taken.inbox_id, failure)
        if hidden and not failure:
            await inbox.hide(tx, taken.inbox_id, instead=pins.HIDDEN)
        if failure:
            await inbox.keep(tx, taken.inbox_id, state=failure.state, failure=failure.reason)
        elif talk.undo or talk.word not in ("", word):
            await inbox.keep(tx, taken.inbox_id, command=talk.word or None, undo=talk.undo)
        outgoing = await outbox.reply(
            tx,
            address,
            answers,
            inbox_id=taken.inbox_id,
            language=talk.language,
            timezone=tenant.timezone,
            calendar=person.calendar if person else None,
            group_id=talk.group.group_id if talk.group else None,
            said=in_answer,
        )
        notified = sorted(tx.notified - {address.id})
    said = [out.text for out in outgoing] if in_answer else []
    goes_on = any(out.extras.get("open") for out in outgoing)
    return Handled(True, [] if in_answer else outgoing, notified, said, goes_on)


async def _again(tx: Tx, inbox_id: UUID, inbound: Inbound, *, in_answer: bool) -> Handled:
    """A repeat: nothing is done, and what was said in the answer is said again."""
    tx.keep = False
    if inbound.screen:
        text, goes_on = await screens.shown(tx, inbox_id)
        return Handled(False, [], [], [text], goes_on)
    return Handled(False, [], [], await outbox.reply_texts(tx, inbox_id) if in_answer else [])


async def _answers(talk: Talk, inbox_id: UUID, failure: _Failure | None) -> list[Message]:
    """What is said to a message, in the form that its channel needs."""
    if talk.inbound.screen:
        before = await screens.before(talk.tx, talk.inbound)
        if failure:
            screen = screens.refused(failure.message, before, talk)
        else:
            screen = await screens.step(talk, before, _understand)
        return [screens.message_of(screen, talk.language)]
    if failure:
        return [failure.message]
    watched = guards.watched(talk.inbound)
    if watched and await guards.is_machine(talk.tx, talk.inbound, talk.address.id, inbox_id):
        talk.word = guards.SILENT
        return []
    answers = await _understand(talk)
    if talk.helpless and watched:
        enough = await guards.had_enough_help(talk.tx, talk.tenant, talk.address.id, inbox_id)
        talk.word = guards.SILENT if enough else guards.HELPED
        answers = [] if enough else answers
    return lasting.in_parts(talk, answers) + await consenting.asked_again(talk)


async def _guess_language(tx: Tx, tenant: Tenant, inbound: Inbound, address: Address) -> str:
    """For somebody who has not chosen: the language of the word they used, else their app's, else the tenant's."""
    # A digit or a question mark is a word of no language.
    meant = words.heard(inbound.text) if any(letter.isalpha() for letter in inbound.text) else None
    spoken = [language for language in catalogues.languages() if meant and language in meant.languages]
    if spoken:
        # The answers to the questions that follow are in no language by themselves.
        address.language = tenant.language if tenant.language in spoken else spoken[0]
        await tx.session.flush()
        return address.language
    hint = inbound.language_hint[:2]
    if hint in catalogues.languages():
        return hint
    return tenant.language if tenant.language in catalogues.languages() else "en"


async def _understand(talk: Talk) -> list[Message]:
    """From text to answers: a button, a command word, or the answer to an open question."""
    if talk.inbound.contact_phone:
        return await _run(talk, COMMANDS["_CONTACT"], {}, [])
    text = talk.inbound.text.strip()
    if text == FOREIGN_CONTACT:
        return [say.FOREIGN_CONTACT()]
    if not text:
        return await _without_words(talk)
    if text.startswith(questions.BUTTON):
        pressed = await questions.pressed(talk.tx, talk.address.id, text)
        return await _answer(talk, *pressed) if pressed else [say.EXPIRED()]
    if lexicon.is_a(text, "words", "more") and (more := await menu.further(talk)) is not None:
        return more
    meant = words.said(text, talk.language)
    if meant and meant.command not in ANSWER_WORDS and not await _is_a_name(talk, meant):
        if meant.command in ("START", "MENU") and not meant.rest and (asked := await going_on.offer(talk)) is not None:
            return [asked]
        return await _call(talk, meant.command, list(meant.rest))
    answered = await _try_answers(talk, text, ANSWER_WORDS.get(meant.command) if meant else None)
    if answered is not None:
        return answered
    near = words.understood(text, talk.language)
    if near and near.command not in ANSWER_WORDS:
        return await _call(talk, near.command, list(near.rest))
    if meant and meant.command == "YES" and await consenting.is_to_agree(talk):
        # However long ago they were asked, and whatever they said then.
        return await _run(talk, COMMANDS["_CONSENT"], {"answer": YES}, [])
    if (asked := await going_on.offer(talk)) is not None:
        return [asked]
    talk.helpless = True
    if meant or understanding.number(text) is not None:
        return [say.NOTHING_ASKED()]
    return [say.NOT_UNDERSTOOD(typed=text[:40])]


async def _without_words(talk: Talk) -> list[Message]:
    """An empty SMS or a missed call is answered with the menu, or with what somebody was in the middle of."""
    talk.helpless = True
    if talk.inbound.channel == TELEGRAM:
        return [say.ONLY_TEXT()]
    return [await going_on.offer(talk, open_too=True) or await menu.show(talk)]


async def _is_a_name(talk: Talk, meant: words.Meant) -> bool:
    """Whether a greeting answers what somebody is called: ሰላም is a woman's name."""
    if meant.command != "START" or meant.rest or not talk.asked:
        return False
    newest = await menu.newest(talk)
    return newest is not None and isinstance(COMMANDS[newest.command].ask(newest.slot), TheirName)


async def _call(talk: Talk, word: str, rest: list[str]) -> list[Message]:
    """Run a command from its line."""
    if talk.asked and word in _ASIDES:
        form = next((q for q in await questions.open_questions(talk.tx, talk.address.id) if q.is_form), None)
        if form and word == "LANG" and rest and isinstance(COMMANDS[form.command].ask(form.slot), WhichLanguage):
            # Afaan Oromoo names the language, and begins with the word for it.
            return await _answer(talk, form, " ".join(rest))
        said = await _run(talk, COMMANDS[word], {}, rest)
        return [*said, *await _ask_again(talk, form)] if form else said
    if talk.asked:
        stepped = await menu.back(talk) if word == "UNDO" and talk.inbound.text.strip() == screens.BACK else None
        if isinstance(stepped, Message):
            return [stepped]
        if stepped is not None:
            return await _run(talk, COMMANDS[stepped[0]], stepped[1], [])
        if word == "UNDO" and await questions.has_form(talk.tx, talk.address.id):
            await questions.drop_forms(talk.tx, talk.address.id)
            return [say.NEVER_MIND()]
        await questions.drop_forms(talk.tx, talk.address.id)
    return await _run(talk, COMMANDS[word], {}, rest)


async def _ask_again(talk: Talk, form: Question) -> list[Message]:
    """A half-filled form's question once more, in the language that is spoken now; none where it was answered since."""
    if not await questions.close(talk.tx, form):
        return []
    asked = COMMANDS[form.command]
    given = await _load(talk, asked, form.filled)
    question = await asked.ask(form.slot).question(talk, given)
    again = await questions.pose(
        talk.tx, talk.address, question, command=form.command, slot=form.slot, filled=form.filled
    )
    return [again]


async def _try_answers(talk: Talk, text: str, yes_or_no: str | None) -> list[Message] | None:
    """The text as the answer to the newest open question, or to an older one that it fits; None: no question."""
    refused: Refusal | None = None
    if not talk.asked:
        return None
    for question in await questions.open_questions(talk.tx, talk.address.id):
        if question.command == questions.MENU and understanding.number(text) is None:
            # A menu takes numbers; words mean what they mean without it.
            continue
        value = yes_or_no or text
        chosen = understanding.number(text)
        if chosen is not None and 1 <= chosen <= len(question.choices):
            value = str(question.choices[chosen - 1])
        elif yes_or_no and question.choices and yes_or_no not in question.choices:
            # "Yes" to a question whose first choice is the obvious one.
            value = str(question.choices[0]) if yes_or_no == "yes" else text
        try:
            return await _answer(talk, question, value)
        except Refusal as refusal:
            if not refusal.code.startswith(("answer.", "amount.not_understood", "lots.", "rhythm.", "language.")):
                raise
            refused = refused or refusal
    if refused is not None:
        raise refused
    return None


async def _answer(talk: Talk, question: Question, value: str) -> list[Message]:
    """Fill the question's slot and go on with its command."""
    asked = COMMANDS[question.command]
    given = await _load(talk, asked, question.filled)
    ask = asked.ask(question.slot)
    if ask.free and value == NO:
        await questions.close(talk.tx, question)
        return [say.NEVER_MIND()]
    meant = await ask.answer(talk, given, value)
    if not await questions.close(talk.tx, question):
        return [say.EXPIRED()]
    if isinstance(ask, WhichLanguage):
        # Spoken from here on, whatever becomes of the command that asked.
        talk.address.language = talk.language = meant
        await talk.tx.session.flush()
    return await _run(talk, asked, {**question.filled, question.slot: ask.dump(meant)}, [])


async def _load(talk: Talk, asked: Command, filled: dict[str, str]) -> dict[str, Any]:
    return {name: await ask.load(talk, filled[name]) for name, ask in asked.slots if name in filled}


async def _run(talk: Talk, asked: Command, filled: dict[str, str], line: list[str]) -> list[Message]:
    """Fill the slots from what is given, the line and what is known; ask for the first that is missing, or run."""
    talk.word = asked.word
    given = await _load(talk, asked, filled)
    line, missing = await _fill(talk, asked, given, line)
    if asked.slots and not all(map(words.may_be_left, line)):
        raise Refusal("words.left_over", typed=" ".join(line)[:40], word=words.word_for(asked.word, talk.language))
    if missing:
        name, ask = missing
        keep = {slot: a.dump(given[slot]) for slot, a in asked.slots if slot in given}
        keep |= menu.trail(filled, name)
        question = await ask.question(talk, given)
        posed = await questions.pose(talk.tx, talk.address, question, command=asked.word, slot=name, filled=keep)
        return [posed]
    if any(given[name] is False for name, ask in asked.slots if is_confirmation(ask)):
        return [say.NEVER_MIND()]
    answers = await asked.run(talk, **given)
    if talk.goes_on is not None:
        (word, onward), talk.goes_on = talk.goes_on, None
        return await _run(talk, COMMANDS[word], onward, [])
    if answers is None:
        return []
    return [answers] if isinstance(answers, Message) else answers


async def _fill(
    talk: Talk, asked: Command, given: dict[str, Any], line: list[str]
) -> tuple[list[str], tuple[str, Ask] | None]:
    """Fill ``given``; returns the words left over and the first slot that must be asked for."""
    missing: tuple[str, Ask] | None = None
    for name, ask in asked.slots:
        if name in given:
            continue
        found = await ask.find(talk, given, line) if line else None
        if found is not None:
            given[name], line = found
            continue
        # What is known may depend on what is still missing; the first missing slot is asked for anyway.
        value = MISSING if missing else await ask.known(talk, given)
        if value is not MISSING:
            given[name] = value
        elif missing is None:
            missing = (name, ask)
    return line, missing
