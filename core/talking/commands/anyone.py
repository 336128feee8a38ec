"""Words for anybody: START, HELP, LANG, STOP, NAME, UNDO, YES, NO, THANKS."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import select, update

from core import catalogues, groups, lexicon, payouts, people
from core import sentences as say
from core.consent import agreement
from core.cycle import rounds
from core.errors import Refusal
from core.inbox import InboxRow
from core.membership import guarantors
from core.messages import Choice, Message
from core.operator.rights import member_may
from core.talking import words
from core.talking.asks import NewName, WhichCalendar, WhichLanguage, Words
from core.talking.command import COMMANDS, command
from core.talking.talk import Talk
from core.telling import notices
from core.treasury import contributions

# What the first page of HELP shows; every other word stands on the second, HELP MORE.
FIRST_PAGE = frozenset(
    {
        *("PAY", "STATUS", "ROUND", "HISTORY", "RULES", "MEMBERS", "JOIN", "LEAVE", "NEW", "VERIFY", "LANG", "NAME"),
        *("LINK", "UNDO", "STOP", "START", "HELP", "YES", "NO", "THANKS", "CASH", "WHO", "INVITE", "BEGIN", "PAYOUT"),
    }
)

# What a chat keeps at hand below the keyboard.
MENU = ("STATUS", "PAY", "ROUND", "HISTORY", "MEMBERS", "HELP")


@command("START", about=say.ABOUT_START)
async def start(talk: Talk) -> Message | list[Message]:
    """Greets; messages go to this address again."""
    before = talk.address.state
    if before != "active":
        await people.set_state(talk.tx, talk.address.id, "active")
        if talk.person is not None and talk.person.consented_at is not None:
            if before == "stopped":
                await agreement.give(talk.tx, talk.person, talk.address, language=talk.language)
            return say.STARTED_AGAIN()
    if talk.person is not None:
        return say.WELCOME_BACK(name=talk.person.name).showing(
            menu=[words.word_for(word, talk.language) for word in MENU]
        )
    return say.WELCOME().offering(
        *(Choice(catalogues.NAMES[language], f"LANG {language}") for language in catalogues.languages())
    )


@command("HELP", about=say.ABOUT_HELP)
async def help_(talk: Talk, topic: Annotated[str, Words()]) -> Message | list[Message]:
    """The words most needed, with MORE the others, or what one does."""
    offices = {m.role for _, m in await talk.my_groups()}
    officer = any(member_may(office, "see_dues") for office in offices)
    if lexicon.is_a(topic, "words", "more"):
        return _second_page(talk.language, officer=officer)
    talk.helpless = not topic
    meant = words.command_of(topic.split()[0]) if topic else None
    if meant and (about := COMMANDS[meant[0]].about) is not None:
        return say.HELP_WORD(word=words.word_for(meant[0], talk.language), about=about())
    return [say.HELP(), say.HELP_OFFICER()] if officer else say.HELP()


def _second_page(language: str, *, officer: bool) -> list[Message]:
    def listed(*, office: bool) -> str:
        further = [c.word for c in COMMANDS.values() if c.about and c.office == office and c.word not in FIRST_PAGE]
        return ", ".join(sorted(words.word_for(word, language) for word in further))

    pages = [say.HELP_MORE(words=listed(office=False))]
    return [*pages, say.HELP_OFFICER_MORE(words=listed(office=True))] if officer else pages


@command("LANG", about=say.ABOUT_LANG)
async def lang(talk: Talk, language: Annotated[str, WhichLanguage(always=True)]) -> Message:
    """The language of everything that is said to this person from now on."""
    if talk.person is not None:
        talk.person.language = language
    talk.address.language = language
    await talk.tx.session.flush()
    talk.language = language
    return say.LANGUAGE_SET()


@command("CALENDAR", about=say.ABOUT_CALENDAR)
async def calendar(talk: Talk, chosen: Annotated[str, WhichCalendar()]) -> Message:
    """By which calendar and clock this person reads; the language's own unless they say."""
    talk.me.calendar = chosen
    await talk.tx.session.flush()
    return say.CALENDAR_SET(due=talk.tx.now)


@command("STOP", about=say.ABOUT_STOP)
async def stop(talk: Talk) -> Message:
    """No more messages to this address; answers to what it writes still come."""
    if talk.address.state != "stopped":
        await people.set_state(talk.tx, talk.address.id, "stopped")
        await agreement.stop(talk.tx, talk.person, talk.address, language=talk.language)
    return say.STOPPED()


@command("NAME", about=say.ABOUT_NAME)
async def name(talk: Talk, called: Annotated[str, NewName()]) -> Message:
    """Sets the speaker's own name."""
    talk.me.name = called
    await talk.tx.session.flush()
    return say.NAME_SET(name=called)


@command("THANKS")
async def thanks(talk: Talk) -> Message:
    """Politeness gets no error."""
    return say.THANKS()


@command("YES")
@command("NO")
async def nothing_asked(talk: Talk) -> Message:
    """Answers without a question."""
    return say.NOTHING_ASKED()


@command("UNDO", about=say.ABOUT_UNDO)
async def undo(talk: Talk) -> Message:
    """Takes back the last thing this address did, while that is possible."""
    row = await talk.tx.session.scalar(
        select(InboxRow)
        .where(InboxRow.address_id == talk.address.id, InboxRow.undo.is_not(None))
        .order_by(InboxRow.received_at.desc(), InboxRow.id.desc())
        .limit(1)
    )
    if row is None or row.undo is None:
        return say.NOTHING_TO_UNDO()
    if datetime.fromisoformat(row.undo["until"]) < talk.tx.now:
        raise Refusal("undo.too_late")
    what = {key: UUID(value) for key, value in row.undo.items() if key not in ("action", "until")}
    done = await _UNDO[row.undo["action"]](talk, what)
    # Taken back once; the update is conditional so that two UNDOs at once do it once.
    await talk.tx.session.execute(update(InboxRow).where(InboxRow.id == row.id).values(undo=None))
    return done


Undo = Callable[[Talk, dict[str, UUID]], Awaitable[Message]]
_UNDO: dict[str, Undo] = {}


def undoes(action: str) -> Callable[[Undo], Undo]:
    """Register how an action is taken back."""

    def register(undo_it: Undo) -> Undo:
        _UNDO[action] = undo_it
        return undo_it

    return register


@undoes("payment")
async def _undo_payment(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    payment = await contributions.payment(talk.tx, group.group_id, what["payment"])
    seat = await groups.seat(talk.tx, group.group_id, payment.member_id)
    await talk.officer(group, "record")
    if payment.recorded_at and await rounds.frozen_since(talk.tx, group, payment.recorded_at):
        # Or somebody could pay just before a list is fixed, stand in the draw, and take it back just after.
        raise Refusal("undo.too_late")
    await contributions.reverse(talk.tx, group, payment, reason="")
    await notices.reversed_payment(talk.tx, group, seat.member, payment, besides=[talk.me.id])
    return say.UNDONE_PAYMENT(amount=group.money(payment.amount_minor), name=seat.person.name, code=payment.code)


@undoes("claim")
async def _undo_claim(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    payment = await contributions.payment(talk.tx, group.group_id, what["payment"])
    await contributions.decline(talk.tx, group, payment)
    return say.UNDONE_CLAIM(amount=group.money(payment.amount_minor))


@undoes("payout")
async def _undo_payout(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    leg = await payouts.leg(talk.tx, group.group_id, what["leg"])
    seat = await groups.seat(talk.tx, group.group_id, leg.member_id)
    await talk.officer(group, "pay_out")
    await payouts.take_back(talk.tx, group, leg, denied=False)
    return say.UNDONE_PAYOUT(amount=group.money(leg.amount_minor), name=seat.person.name)


@undoes("join")
async def _undo_join(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    if group.status == "running":
        raise Refusal("undo.too_late")
    await groups.leave(talk.tx, group, await groups.member(talk.tx, group.group_id, what["member"]))
    talk.forget_groups()
    return say.UNDONE_JOIN(group=group.name)


@undoes("guarantee")
async def _undo_guarantee(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    given = await guarantors.guarantee(talk.tx, group.group_id, what["guarantee"])
    await guarantors.withdraw(talk.tx, group, given)
    return say.UNDONE_GUARANTEE(group=group.name)
