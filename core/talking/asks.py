"""Asks: how one value of a command is understood, asked for and offered.

A command is a typed function; each of its parameters is annotated with an Ask. An Ask finds its value among the
words of a line, knows it without asking, or puts a question and understands the answer. Values travel between
messages as text (``dump`` and ``load``). An Ask has no side effects.
"""

from collections.abc import Awaitable, Callable, Mapping
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core import catalogues, groups, lexicon, people, phones
from core import sentences as say
from core.calendar import ETHIOPIAN, GREGORIAN, to_ethiopian
from core.cycle import rounds
from core.errors import Refusal
from core.groups import Group, Seat
from core.messages import MOST_CHOICES, NO, YES, Choice, Message
from core.money import MINOR_DIGITS, Money
from core.operator.rights import member_may
from core.rules import MOST_LOTS, Rhythm, Rules
from core.talking import understanding
from core.talking.talk import Talk

MISSING: Any = object()
Given = Mapping[str, Any]
Found = tuple[Any, list[str]] | None

YES_NO = (Choice(say.YES(), YES), Choice(say.NO(), NO))


class Ask:
    """The contract, with answers that suit most: nothing is found, nothing is known, any text is the value.

    ``free``: whatever is written is the value, so that only NO alone says that the question is not to be answered.
    """

    free = False

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        """The value among the words of the line that called the command, and the words left; None if not there."""
        return None

    async def known(self, talk: Talk, given: Given) -> Any:
        """The value when it need not be asked for, else MISSING."""
        return MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        """How to ask, with what to offer."""
        raise AssertionError(f"{type(self).__name__} is never asked")

    async def answer(self, talk: Talk, given: Given, text: str) -> Any:
        """What the answer means. Raises ``Refusal`` when it means nothing; the question stays open."""
        found = await self.find(talk, given, text.split())
        if found is None or found[1]:
            raise Refusal("answer.not_understood", typed=text[:40])
        return found[0]

    def dump(self, value: Any) -> str:
        return str(value)

    async def load(self, talk: Talk, text: str) -> Any:
        return text


class TheirName(Ask):
    """What a person is called; asked of people we do not know yet."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return talk.person.name if talk.person else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        suggested = talk.inbound.name.strip()
        return say.ASK_NAME().offering(*([Choice(suggested, suggested)] if suggested else []))

    async def answer(self, talk: Talk, given: Given, text: str) -> str:
        return people.tidy_name(text)


class NewName(TheirName):
    """The name that NAME sets: whatever follows the word."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (people.tidy_name(" ".join(words)), []) if words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING


class WhichLanguage(Ask):
    """One of the languages that are complete, under its own name; asked of people we do not know yet."""

    def __init__(self, *, always: bool = False) -> None:
        self.always = always

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        if not self.always or not words:
            return None
        if len(words) > 1 and lexicon.meaning("languages", " ".join(words[:2])):
            return self._meant(" ".join(words[:2])), words[2:]
        return self._meant(words[0]), words[1:]

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING if self.always or talk.person is None else talk.person.language

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_LANGUAGE().offering(
            *(Choice(catalogues.NAMES[language], language) for language in catalogues.languages())
        )

    async def answer(self, talk: Talk, given: Given, text: str) -> str:
        return self._meant(text)

    @staticmethod
    def _meant(text: str) -> str:
        typed = understanding.fold(text)
        named = lexicon.meaning("languages", text)
        for language in catalogues.languages():
            if named == language or typed in (language, understanding.fold(catalogues.NAMES[language])):
                return language
        raise Refusal("language.not_understood", typed=text[:20])


class WhichCalendar(Ask):
    """The Ethiopian calendar and clock, or the Gregorian calendar and the common clock."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        meant = lexicon.meaning("calendars", words[0]) if words else None
        return (meant, words[1:]) if meant else None

    async def question(self, talk: Talk, given: Given) -> Message:
        today = talk.tx.now.astimezone(ZoneInfo(talk.tenant.timezone)).date()
        year, month, day = to_ethiopian(today)
        return say.ASK_CALENDAR(ethiopian=f"{day}/{month}/{year}", gregorian=f"{today:%d/%m/%Y}").offering(
            Choice(say.CALENDAR_ETHIOPIAN(), ETHIOPIAN), Choice(say.CALENDAR_GREGORIAN(), GREGORIAN)
        )


class YesOrNo(Ask):
    """A plain yes or no; its question came with a notice."""

    async def answer(self, talk: Talk, given: Given, text: str) -> bool:
        if text in (YES, NO):
            return text == YES
        raise Refusal("answer.yes_or_no")

    def dump(self, value: Any) -> str:
        return YES if value else NO

    async def load(self, talk: Talk, text: str) -> bool:
        return text == YES


class Sure(YesOrNo):
    """Yes or no, before something is done: no ends the command. ``wanted`` decides whether to ask at all."""

    def __init__(
        self,
        message: Callable[[Talk, Given], Awaitable[Message]],
        *,
        wanted: Callable[[Talk, Given], Awaitable[bool]] | None = None,
    ) -> None:
        self.message = message
        self.wanted = wanted

    async def known(self, talk: Talk, given: Given) -> Any:
        return True if self.wanted and not await self.wanted(talk, given) else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        return (await self.message(talk, given)).offering(*YES_NO)


class WhichGroup(Ask):
    """One of the speaker's groups. Never asked of somebody who is in one; the last used is offered first.

    ``right``: only groups where the speaker's office carries it. ``statuses``: only groups in these, when any is.
    ``leaves``: how many words of the line are surely no name, however a group is called: SET LIKE hagbad.
    """

    def __init__(self, *, right: str | None = None, statuses: tuple[str, ...] = (), leaves: int = 0) -> None:
        self.right = right
        self.statuses = statuses
        self.leaves = leaves

    async def _eligible(self, talk: Talk, *, any_status: bool = False) -> list[Group]:
        mine = await talk.my_groups()
        if not mine:
            raise Refusal("group.none" if talk.person else "person.unknown_yet")
        allowed = [g for g, m in mine if self.right is None or member_may(m.role, self.right)]
        if not allowed:
            raise Refusal("rights.office", right=self.right)
        fitting = [g for g in allowed if g.status in self.statuses and not any_status] or allowed
        last = talk.person.last_group_id if talk.person else None
        return sorted(fitting, key=lambda g: g.group_id != last)

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        """A group's code or name (or the beginning of one) anywhere in the line."""
        if not words:
            return None
        # Whatever its status when it is called by its whole name: money may have to move in a group that is over.
        for mine, wholly in ((await self._eligible(talk), False), (await self._eligible(talk, any_status=True), True)):
            for size in range(len(words) - self.leaves, 0, -1):
                for start in range(len(words) - size + 1):
                    typed = " ".join(words[start : start + size])
                    meant = _group_called(mine, typed, wholly=wholly)
                    if meant is not None:
                        return meant, [*words[:start], *words[start + size :]]
        return None

    async def known(self, talk: Talk, given: Given) -> Any:
        mine = await self._eligible(talk)
        return mine[0] if len(mine) == 1 else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        mine = (await self._eligible(talk))[:MOST_CHOICES]
        return say.WHICH_GROUP().offering(*(Choice(g.name, str(g.group_id)) for g in mine))

    async def answer(self, talk: Talk, given: Given, text: str) -> Group:
        for group in await self._eligible(talk):
            if text == str(group.group_id):
                return group
        meant = _group_called(await self._eligible(talk), text)
        meant = meant or _group_called(await self._eligible(talk, any_status=True), text, wholly=True)
        if meant is None:
            raise Refusal("group.unknown_name", typed=text[:40])
        return meant

    def dump(self, value: Any) -> str:
        return str(value.group_id)

    async def load(self, talk: Talk, text: str) -> Group:
        return await groups.by_id(talk.tx, UUID(text))


def _group_called(mine: list[Group], typed: str, *, wholly: bool = False) -> Group | None:
    wanted = understanding.fold(typed)
    for group in mine:
        if wanted in (group.code.casefold(), understanding.fold(group.name)):
            return group
    starting = [g for g in mine if not wholly and len(wanted) >= 3 and understanding.fold(g.name).startswith(wanted)]
    return starting[0] if len(starting) == 1 else None


class GroupOfCode(Ask):
    """A group of this tenant by its code: what JOIN takes. Whom nobody can let in is told before giving a name."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        if not words:
            return None
        group = await groups.by_code(talk.tx, words[0])
        mine = {known.group_id for known, _ in await talk.my_groups()}
        if group.status == "running" and group.rule_set.late_joiners == "no" and group.group_id not in mine:
            groups.require_forming(group)
        return group, words[1:]

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_GROUP_CODE()

    def dump(self, value: Any) -> str:
        return str(value.group_id)

    async def load(self, talk: Talk, text: str) -> Group:
        return await groups.by_id(talk.tx, UUID(text))


class ShareOfLot(Ask):
    """How many lots somebody takes: 1 unless said."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        if not words:
            return None
        typed = "".join(words) if "/" in words else words[0]
        value = understanding.share(typed)
        if value is None:
            raise Refusal("share.not_understood", typed=" ".join(words)[:20])
        group: Group | None = given.get("group")
        if group is not None and group.status == "running" and value != 1:
            raise Refusal("late.whole_lot")
        return value, [] if "/" in words else words[1:]

    async def known(self, talk: Talk, given: Given) -> Any:
        return None

    def dump(self, value: Any) -> str:
        return "" if value is None else str(value)

    async def load(self, talk: Talk, text: str) -> Fraction | None:
        return Fraction(text) if text else None


class GroupName(Ask):
    """What a new equb is called: the words before the first number."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        size = next(
            (i for i, word in enumerate(words) if i and understanding.amount([word], talk.tenant.currency)), len(words)
        )
        if not words:
            return None
        return groups.tidy_group_name(" ".join(words[:size])), words[size:]

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_GROUP_NAME()

    async def answer(self, talk: Talk, given: Given, text: str) -> str:
        return groups.tidy_group_name(text)


class Contribution(Ask):
    """What one lot pays each round, in the tenant's currency."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        # The number of lots may follow it: whether 1 ሺህ 120 is one amount or an amount and lots, nobody guesses.
        found = understanding.amount(words, talk.tenant.currency, mixed=False)
        if found is None and understanding.amount(words, talk.tenant.currency):
            raise Refusal("amount.not_understood", typed=" ".join(words)[:40])
        return found

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_CONTRIBUTION()

    async def answer(self, talk: Talk, given: Given, text: str) -> Money:
        return _amount(text, talk.tenant.currency)

    def dump(self, value: Any) -> str:
        return f"{value.minor} {value.currency}"

    async def load(self, talk: Talk, text: str) -> Money:
        minor, currency = text.split()
        return Money(int(minor), currency)


def _amount(text: str, currency: str) -> Money:
    found = understanding.amount(text.split(), currency)
    if found is None or found[1]:
        raise Refusal("amount.not_understood", typed=text[:40])
    return found[0]


class PotSaid(Contribution):
    """The pot somebody expects, if they say one. What does not add up is refused here, before more is asked."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        found = await super().find(talk, given, words)
        if found is not None:
            self._check(talk, given, found[0])
        return found

    async def known(self, talk: Talk, given: Given) -> Any:
        self._check(talk, given, None)
        return None

    @staticmethod
    def _check(talk: Talk, given: Given, pot: Money | None) -> None:
        if {"contribution", "lots", "rhythm"} <= given.keys():
            rules = Rules(contribution_minor=given["contribution"].minor, lots=given["lots"], rhythm=given["rhythm"])
            rules.check(currency=talk.tenant.currency, pot_minor=pot.minor if pot else None)

    def dump(self, value: Any) -> str:
        return super().dump(value) if value else ""

    async def load(self, talk: Talk, text: str) -> Any:
        return await super().load(talk, text) if text else None


class HowManyLots(Ask):
    """How many lots a new equb has."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        for i, word in enumerate(words):
            count = understanding.number(word)
            if count is not None:
                return self._checked(count, word), [*words[:i], *words[i + 1 :]]
        return None

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_LOTS()

    async def answer(self, talk: Talk, given: Given, text: str) -> int:
        count = understanding.number(text.strip())
        if count is None:
            raise Refusal("lots.not_understood", typed=text[:20])
        return self._checked(count, text)

    @staticmethod
    def _checked(count: int, typed: str) -> int:
        if not 2 <= count <= MOST_LOTS:
            raise Refusal("lots.not_understood", typed=typed[:20])
        return count

    async def load(self, talk: Talk, text: str) -> int:
        return int(text)


class HowOften(Ask):
    """The rhythm of a new equb."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return understanding.rhythm(words)

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_RHYTHM().offering(
            Choice(say.WEEKLY(), "weekly"), Choice(say.MONTHLY(), "monthly"), Choice(say.DAILY(), "daily")
        )

    async def answer(self, talk: Talk, given: Given, text: str) -> Rhythm:
        found = understanding.rhythm(text.split())
        if found is None or found[1]:
            raise Refusal("rhythm.not_understood", typed=text[:40])
        return found[0]

    def dump(self, value: Any) -> str:
        return str(value.model_dump_json())

    async def load(self, talk: Talk, text: str) -> Rhythm:
        return Rhythm.model_validate_json(text)


class HowMuch(Ask):
    """An amount in the group's currency; what is owed is offered. ``of``: the slot of the member who pays."""

    def __init__(self, *, of: str | None = None) -> None:
        self.of = of

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return understanding.amount(words, _currency(talk, given))

    async def question(self, talk: Talk, given: Given) -> Message:
        group = given["group"]
        seat: Seat | None = given.get(self.of) if self.of else None
        member_id = seat.member.id if seat else (await talk.membership(group)).id
        dues = await rounds.open_dues(talk.tx, group.group_id, member_id=member_id)
        owed = sum(due.open_minor for due in dues if not due.ahead)
        amount = group.money(owed)
        if seat:
            message = say.ASK_AMOUNT_OF(name=seat.person.name, amount=amount)
        elif owed:
            message = say.ASK_AMOUNT(group=group.name, amount=amount)
        else:
            return say.ASK_AMOUNT_FREE(group=group.name)
        return message.offering(Choice(say.AMOUNT(amount=amount), amount.decimal)) if owed else message

    async def answer(self, talk: Talk, given: Given, text: str) -> Money:
        return _amount(text, _currency(talk, given))

    def dump(self, value: Any) -> str:
        return f"{value.minor} {value.currency}"

    async def load(self, talk: Talk, text: str) -> Money:
        minor, currency = text.split()
        return Money(int(minor), currency)


def _currency(talk: Talk, given: Given) -> str:
    group = given.get("group")
    currency = group.currency if group else talk.tenant.currency
    return currency if currency in MINOR_DIGITS else "ETB"


class WhichMember(Ask):
    """A member of the group, by number in the list, name or phone."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        group = given.get("group")
        if group is None or not words:
            return None
        # The longest run of words from the start that names somebody; an amount follows it.
        longest = 1 if words[0].isdigit() else min(len(words), 4)
        for size in range(longest, 0, -1):
            typed = " ".join(words[:size])
            meant = await _members_called(talk, group, typed)
            if len(meant) > 1:
                raise _ambiguous(typed, meant)
            if meant:
                return meant[0], words[size:]
        alone = len(words) == 1 or understanding.amount(words[1:2], _currency(talk, given)) is not None
        if alone and not await _members_called(talk, group, words[0]):
            raise Refusal("member.not_found", typed=words[0][:40], group=group.name)
        return None

    async def question(self, talk: Talk, given: Given) -> Message:
        seats = await groups.seats(talk.tx, given["group"].group_id)
        if len(seats) > MOST_CHOICES:
            return say.ASK_MEMBER()
        return say.ASK_MEMBER_AMONG().offering(*map(member_choice, seats))

    async def answer(self, talk: Talk, given: Given, text: str) -> Seat:
        group = given["group"]
        meant = await _members_called(talk, group, text)
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise _ambiguous(text, meant)
        raise Refusal("member.not_found", typed=text[:40], group=group.name)

    def dump(self, value: Any) -> str:
        return f"{value.member.group_id} {value.member.id}"

    async def load(self, talk: Talk, text: str) -> Seat:
        group_id, member_id = text.split()
        return await groups.seat(talk.tx, UUID(group_id), UUID(member_id))


def _ambiguous(typed: str, meant: list[Seat]) -> Refusal:
    some = ", ".join(f"{seat.member.number}. {seat.person.name}" for seat in meant[:MOST_CHOICES])
    return Refusal("member.ambiguous", typed=typed[:40], who=some)


async def _members_called(talk: Talk, group: Group, typed: str) -> list[Seat]:
    if "/" in typed and len(typed) > 30:
        return []
    meant = list(await groups.find_members(talk.tx, group.group_id, typed))
    if meant or sum(c.isdigit() for c in typed) < 9:
        return meant
    try:
        phone = phones.to_e164(typed)
    except Refusal:
        return []
    address = await people.find_address(talk.tx, channel="sms", value=phone)
    if address is None or address.person_id is None:
        return []
    return [s for s in await groups.seats(talk.tx, group.group_id) if s.person.id == address.person_id]


def member_choice(seat: Seat) -> Choice:
    """A member as one of several to choose from."""
    label = say.MEMBER_LABEL(number=seat.member.number, name=seat.person.name)
    return Choice(label, str(seat.member.number))


class Words(Ask):
    """Whatever follows, as it was typed; empty when nothing does."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (" ".join(words), []) if words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return ""


class Phone(Ask):
    """A phone number in any habit of writing; none when nothing follows."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (phones.to_e164("".join(words)), []) if words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return ""


class Kept(Ask):
    """A value that only a question's own row can hold: an id that nobody types."""

    async def load(self, talk: Talk, text: str) -> UUID:
        return UUID(text)


class KeptNumber(Ask):
    """A whole number that only a question's own row can hold."""

    async def load(self, talk: Talk, text: str) -> int:
        return int(text)
