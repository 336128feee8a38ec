"""Taking somebody's place: REPLACE, HEIR, and the newcomer's answer on their own phone."""

from typing import Annotated, Any
from uuid import UUID

from core import groups, phones
from core import sentences as say
from core.errors import Refusal
from core.groups import Group, Seat
from core.membership import replacing
from core.messages import Message
from core.operator.rights import member_may, require_member
from core.talking.asks import (
    MISSING,
    YES_NO,
    Found,
    Given,
    Kept,
    Phone,
    TheirName,
    WhichGroup,
    WhichLanguage,
    WhichMember,
    YesOrNo,
)
from core.talking.command import command
from core.talking.commands.joining import the_person
from core.talking.talk import Talk


class PhoneOf(Phone):
    """The phone of whoever takes the place; asked for when it is missing."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_PHONE()

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        return (phones.to_e164("".join(words)), []) if words else None


@command("REPLACE", about=say.ABOUT_REPLACE)
async def replace(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    member: Annotated[Seat, WhichMember()],
    phone: Annotated[str, PhoneOf()],
) -> Message:
    """Somebody else takes a member's place: offered by an officer, or by the member."""
    me = await talk.membership(group)
    if member.member.id != me.id:
        require_member(me.role, "admit")
    talk.group = group
    await replacing.offer(talk.tx, group, me, member, phone, dead=False, timezone=talk.tenant.timezone)
    return say.PLACE_OFFERED(phone=phones.masked(phone), name=member.person.name)


@command("HEIR", about=say.ABOUT_HEIR, office=True)
async def heir(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="admit")],
    member: Annotated[Seat, WhichMember()],
    phone: Annotated[str, PhoneOf()],
) -> Message:
    """A member has died: the heir takes the place, when an officer and one more agree."""
    me = await talk.officer(group, "admit")
    talk.group = group
    await replacing.offer(talk.tx, group, me, member, phone, dead=True, timezone=talk.tenant.timezone)
    return say.PLACE_OFFERED(phone=phones.masked(phone), name=member.person.name)


class Wanted(YesOrNo):
    """Yes to a place; no ends it there."""

    async def answer(self, talk: Talk, given: Given, text: str) -> bool:
        if not await super().answer(talk, given, text):
            raise Refusal("place.declined")
        return True


class WithDebts(YesOrNo):
    """Whether the newcomer takes over what the other owes; asked only when there is something."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING if await self._owed(talk, given) else False

    async def _owed(self, talk: Talk, given: Given) -> int:
        group: Group = given["group"]
        return await replacing.owed(talk.tx, group, await groups.member(talk.tx, group.group_id, given["place"]))

    async def question(self, talk: Talk, given: Given) -> Message:
        group: Group = given["group"]
        seat = await groups.seat(talk.tx, group.group_id, given["place"])
        amount = group.money(await self._owed(talk, given))
        return say.ASK_TAKE_DEBTS(name=seat.person.name, amount=amount).offering(*YES_NO)


class _GroupKept(WhichGroup):
    """The group of a question that went to somebody who may be in none yet."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING


@command("_TAKE_PLACE")
async def take_place(
    talk: Talk,
    group: Annotated[Group, _GroupKept()],
    place: Annotated[UUID, Kept()],
    by: Annotated[UUID, Kept()],
    dead: Annotated[bool, YesOrNo()],
    wants: Annotated[bool, Wanted()],
    name: Annotated[str, TheirName()],
    language: Annotated[str, WhichLanguage()],
    debts: Annotated[bool, WithDebts()],
) -> Message:
    """The newcomer agrees; the others are asked."""
    by_member = await groups.member(talk.tx, group.group_id, by)
    if by_member.id != place and not member_may(by_member.role, "admit"):
        raise Refusal("rights.office", right="admit")
    who = await the_person(talk, name, language)
    talk.group = group
    await replacing.accept(talk.tx, group, who, place_id=place, by_id=by, dead=dead, debts=debts)
    talk.forget_groups()
    who.last_group_id = group.group_id
    await talk.tx.session.flush()
    return say.PLACE_ASKED(group=group.name)
