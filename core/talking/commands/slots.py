"""Asks of what officers say: an office, a reason, a round, an instant until which something holds, a dispute."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core import groups, lexicon
from core import sentences as say
from core.errors import NotFound, Refusal
from core.groups import Group, Seat
from core.membership import excusing
from core.messages import MOST_CHOICES, Choice, Kind, Message
from core.operator.rights import officers_with
from core.talking.asks import MISSING, Ask, Found, Given, HowMuch, WhichMember, member_choice
from core.talking.talk import Talk
from core.talking.understanding import day, number
from core.treasury import cash, contributions, disputes
from core.treasury.disputes import Dispute, Subject


class WhichRole(Ask):
    """Secretary, collector, or member again."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        for size in (2, 1):
            role = lexicon.meaning("offices", " ".join(words[:size])) if len(words) >= size else None
            # The organiser's office is handed on in another way: core.membership.offices.
            if role is not None and role != "organiser":
                return role, words[size:]
        return None

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_WHICH_ROLE().offering(
            Choice(say.SECRETARY(), "secretary"),
            Choice(say.COLLECTOR(), "collector"),
            Choice(say.PLAIN_MEMBER(), "member"),
        )


class Saying(Ask):
    """Whatever follows, as it was typed; asked for when nothing does."""

    free = True

    def __init__(self, asked: Kind) -> None:
        self.asked = asked

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (" ".join(words), []) if words else None

    async def question(self, talk: Talk, given: Given) -> Message:
        return self.asked()


class HandedOn(HowMuch):
    """How much cash was handed on; what the speaker holds is offered."""

    async def question(self, talk: Talk, given: Given) -> Message:
        group: Group = given["group"]
        held = group.money(await cash.held_by(talk.tx, group, await talk.membership(group)))
        message = say.ASK_HANDED(amount=held)
        return message.offering(Choice(say.AMOUNT(amount=held), held.decimal)) if held.minor > 0 else message


class OtherOfficer(WhichMember):
    """An officer besides the speaker who may take cash for the equb: known when there is one, else offered."""

    async def _others(self, talk: Talk, given: Given) -> list[Seat]:
        me = await talk.membership(given["group"])
        officers = await groups.seats(talk.tx, given["group"].group_id, roles=officers_with("record"))
        return [seat for seat in officers if seat.member.id != me.id]

    async def known(self, talk: Talk, given: Given) -> Any:
        others = await self._others(talk, given)
        return others[0] if len(others) == 1 else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        others = (await self._others(talk, given))[:MOST_CHOICES]
        return say.ASK_MEMBER_AMONG().offering(*map(member_choice, others)) if others else say.ASK_MEMBER()


class ForWhom(WhichMember):
    """The member for whom somebody else brings the money: what follows FOR; nobody unless said."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        at = next((i for i, word in enumerate(words) if lexicon.is_a(word, "words", "for")), None)
        if at is None or at + 1 == len(words):
            return None
        found = await super().find(talk, given, words[at + 1 :])
        return (found[0], [*words[:at], *found[1]]) if found else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return None

    def dump(self, value: Any) -> str:
        return super().dump(value) if value else ""

    async def load(self, talk: Talk, text: str) -> Any:
        return await super().load(talk, text) if text else None


class RoundNumber(Ask):
    """The number of a round, with or without the word; the open one unless said."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        at = 1 if words and lexicon.is_a(words[0], "words", "round") else 0
        found = number(words[at]) if len(words) > at else None
        return (found, words[at + 1 :]) if found is not None else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return None

    def dump(self, value: Any) -> str:
        return "" if value is None else str(value)

    async def load(self, talk: Talk, text: str) -> int | None:
        return int(text) if text else None


class Until(Ask):
    """An instant: ``until 2026-12-24`` is the end of that day, ``2 rounds`` when the second round from now falls due.

    The next round unless said.
    """

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        rest = words[1:] if lexicon.is_a(words[0], "words", "until") else words
        zone = ZoneInfo(talk.tenant.timezone)
        found = day(rest, today=talk.tx.now.astimezone(zone).date())
        if found is not None:
            return await self.on_day(talk, found[0]), found[1]
        count = number(rest[0]) if len(rest) > 1 and lexicon.is_a(rest[1], "words", "round") else None
        if count is not None:
            return await self.after_rounds(talk, given, count), rest[2:]
        return None

    async def on_day(self, talk: Talk, on: date) -> Any:
        """What a day means: its end."""
        return datetime.combine(on, time(23, 59), ZoneInfo(talk.tenant.timezone))

    async def after_rounds(self, talk: Talk, given: Given, count: int) -> Any:
        """What so many rounds mean."""
        return await excusing.after_rounds(talk.tx, given["group"], count)

    async def known(self, talk: Talk, given: Given) -> Any:
        return await excusing.after_rounds(talk.tx, given["group"], 1)

    def dump(self, value: Any) -> str:
        return str(value.isoformat())

    async def load(self, talk: Talk, text: str) -> Any:
        return datetime.fromisoformat(text)


class WhatIsWrong(Ask):
    """What a member disputes: a receipt by its code, ``ROUND 3`` (what I owe for it), ``LOT 3`` (what I got for it)."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        if not words:
            return None
        group: Group = given["group"]
        who = await talk.membership(group)
        count = number(words[1]) if len(words) > 1 else None
        if count is not None and lexicon.is_a(words[0], "words", "round"):
            return await disputes.my_due(talk.tx, group, who, count), words[2:]
        if count is not None and lexicon.is_a(words[0], "words", "lot"):
            return await disputes.my_leg(talk.tx, group, who, count), words[2:]
        payment = await contributions.by_code(talk.tx, group.group_id, words[0])
        return await disputes.subject_of(talk.tx, group, "payment", payment.id), words[1:]

    async def question(self, talk: Talk, given: Given) -> Message:
        group: Group = given["group"]
        who = await talk.membership(group)
        recent = await contributions.of_member(talk.tx, group.group_id, who.id, limit=MOST_CHOICES)
        label = say.RECEIPT_NAMED
        return say.ASK_WHAT_IS_WRONG().offering(
            *(Choice(label(code=p.code, amount=group.money(p.amount_minor)), p.code) for p in recent)
        )

    def dump(self, value: Any) -> str:
        return f"{value.about} {value.subject_id}"

    async def load(self, talk: Talk, text: str) -> Any:
        # A group is needed to look it up; DISPUTE does so when it runs.
        about, subject_id = text.split()
        return Named(about, UUID(subject_id))


class Named:
    """A subject that was named in an earlier message."""

    def __init__(self, about: str, subject_id: UUID) -> None:
        self.about = about
        self.subject_id = subject_id


async def subject(talk: Talk, group: Group, value: "Subject | Named") -> Subject:
    """What ``WhatIsWrong`` found, now or in an earlier message."""
    return (
        value
        if isinstance(value, Subject)
        else await disputes.subject_of(talk.tx, group, value.about, value.subject_id)
    )


class WhichDispute(Ask):
    """A dispute that waits for an answer: by the code of the receipt it is about, or among those there are."""

    async def _open(self, talk: Talk, given: Given) -> list[Dispute]:
        return list(await disputes.open_ones(talk.tx, given["group"]))

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        if not words:
            return None
        waiting = await self._open(talk, given)
        try:
            payment = await contributions.by_code(talk.tx, given["group"].group_id, words[0])
        except NotFound:
            return next(((one, words[1:]) for one in waiting if str(one.id) == words[0]), None)
        found = next((one for one in waiting if one.subject_id == payment.id), None)
        if found is None:
            raise Refusal("dispute.none_of", code=payment.code)
        return found, words[1:]

    async def known(self, talk: Talk, given: Given) -> Any:
        waiting = await self._open(talk, given)
        if not waiting:
            raise Refusal("dispute.none", group=given["group"].name)
        return waiting[0] if len(waiting) == 1 else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        group: Group = given["group"]
        choices = []
        for one in (await self._open(talk, given))[:MOST_CHOICES]:
            about = await disputes.subject_of(talk.tx, group, one.about, one.subject_id)
            name = (await groups.seat(talk.tx, group.group_id, one.member_id)).person.name
            choices.append(Choice(say.DISPUTE_LABEL(name=name, what=about.called), str(one.id)))
        return say.ASK_WHICH_DISPUTE().offering(*choices)

    def dump(self, value: Any) -> str:
        return f"{value.group_id} {value.id}"

    async def load(self, talk: Talk, text: str) -> Dispute:
        group_id, dispute_id = text.split()
        return await disputes.dispute(talk.tx, UUID(group_id), UUID(dispute_id))


class WhichOutcome(Ask):
    """Corrected, or it stands."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        outcome = lexicon.meaning("outcomes", words[0]) if words else None
        return (outcome, words[1:]) if outcome else None

    async def question(self, talk: Talk, given: Given) -> Message:
        one: Dispute | None = given.get("dispute")
        asked = say.ASK_OUTCOME()
        if one is not None:
            about = await disputes.subject_of(talk.tx, given["group"], one.about, one.subject_id)
            seat = await groups.seat(talk.tx, one.group_id, one.member_id)
            asked = say.ASK_OUTCOME_OF(name=seat.person.name, what=about.called)
        return asked.offering(Choice(say.CORRECT_IT(), "corrected"), Choice(say.IT_STANDS(), "stands"))
