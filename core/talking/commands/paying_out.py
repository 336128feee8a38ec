"""Money that goes out: PAYOUT (an officer has paid a holder), and the answer of the holder or of who saw it."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from core import groups, payouts
from core import sentences as say
from core.cycle import agenda
from core.errors import Refusal
from core.groups import Group, Seat
from core.messages import MOST_CHOICES, Choice, Message
from core.payouts import Leg, Payable
from core.talking.asks import MISSING, Ask, Found, Given, Kept, Sure, WhichGroup, WhichMember, YesOrNo
from core.talking.command import command
from core.talking.talk import Talk
from core.telling import money_notices, notices

LONGEST_SUPPLIER = 60


class Holder(WhichMember):
    """A member who waits for money of a pot; known when only one does."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        found = await super().find(talk, given, words)
        if found is not None and not await _of(talk, given["group"], found[0]):
            raise Refusal("payout.not_a_holder", name=found[0].person.name)
        return found

    async def known(self, talk: Talk, given: Given) -> Any:
        if not await _payable(talk, given["group"]):
            raise Refusal("payout.nothing_to_pay", group=given["group"].name)
        return MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        group = given["group"]
        choices = []
        for one in (await _payable(talk, group))[:MOST_CHOICES]:
            seat = await groups.seat(talk.tx, group.group_id, one.leg.member_id)
            label = say.PAYABLE_LABEL(
                name=seat.person.name,
                amount=group.money(one.now_minor),
                round=one.round.number,
                lot=one.lot_number,
            )
            choices.append(Choice(label, str(seat.member.number)))
        thing = group.rule_set.thing
        return (say.WHOSE_THING(thing=thing) if thing else say.WHOM_TO_PAY()).offering(*choices)


@dataclass(frozen=True)
class Part:
    """What an officer is about to say they have paid: so much of that leg."""

    leg_id: UUID
    amount_minor: int
    round_number: int


class NextLeg(Ask):
    """The leg that is paid next and how much of it, fixed when the officer is asked: that is what they say yes to."""

    async def known(self, talk: Talk, given: Given) -> Part:
        one = await _next_leg(talk, given["group"], given["member"])
        return Part(one.leg.id, one.now_minor, one.round.number)

    def dump(self, value: Any) -> str:
        return f"{value.leg_id} {value.amount_minor} {value.round_number}"

    async def load(self, talk: Talk, text: str) -> Part:
        leg_id, amount_minor, round_number = text.split()
        return Part(UUID(leg_id), int(amount_minor), int(round_number))


async def _payable(talk: Talk, group: Group) -> list[Payable]:
    return [one for one in await payouts.waiting(talk.tx, group) if one.now_minor > 0]


async def _of(talk: Talk, group: Group, seat: Seat) -> list[Payable]:
    return [one for one in await payouts.waiting(talk.tx, group) if one.leg.member_id == seat.member.id]


async def _next_leg(talk: Talk, group: Group, seat: Seat) -> Payable:
    waiting = await _of(talk, group, seat)
    if not waiting:
        raise Refusal("payout.not_a_holder", name=seat.person.name)
    now = next((one for one in waiting if one.now_minor > 0), None)
    if now is None and waiting[0].missing_minor:
        missing = group.money(waiting[0].missing_minor)
        raise Refusal("payout.waits", round=waiting[0].round.number, amount=missing)
    if now is None:
        raise Refusal("payout.nothing_there", round=waiting[0].round.number)
    return now


class Supplier(Ask):
    """Who sold the thing, where a pot is one; nobody where it is money."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        group = given.get("group")
        return (" ".join(words)[:LONGEST_SUPPLIER], []) if group and group.rule_set.thing and words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING if given["group"].rule_set.thing else ""

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_SUPPLIER(thing=given["group"].rule_set.thing)


async def _ask_sure(talk: Talk, given: Given) -> Message:
    asked = await _ask_paid(talk, given)
    seat: Seat = given["member"]
    owed = sum(due.open_minor for due in await payouts.old_debts(talk.tx, given["group"], seat.member))
    if not owed:
        return asked
    return say.SURE_PAYOUT_OWES(name=seat.person.name, owed=given["group"].money(owed), asked=asked)


async def _ask_paid(talk: Talk, given: Given) -> Message:
    group, seat = given["group"], given["member"]
    one = await _next_leg(talk, group, seat)
    who = {"name": seat.person.name, "number": seat.member.number, "lot": one.lot_number, "round": one.round.number}
    if given.get("supplier"):
        thing = {"supplier": given["supplier"], "thing": group.rule_set.thing, "amount": group.money(one.now_minor)}
        return say.SURE_THING(**thing, name=seat.person.name, number=seat.member.number, round=one.round.number)
    if one.now_minor < one.leg.amount_minor:
        whole = group.money(one.leg.amount_minor)
        return say.SURE_PAYOUT_PART(amount=group.money(one.now_minor), whole=whole, **who)
    return say.SURE_PAYOUT(amount=group.money(one.now_minor), group=group.name, **who)


@command("PAYOUT", about=say.ABOUT_PAYOUT)
async def payout(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="pay_out", statuses=("running",))],
    member: Annotated[Seat, Holder()],
    part: Annotated[Part, NextLeg()],
    supplier: Annotated[str, Supplier()],
    sure: Annotated[bool, Sure(_ask_sure)],
) -> Message:
    """An officer has paid a holder what the pot holds for them. The holder is asked whether it came."""
    officer = await talk.officer(group, "pay_out")
    leg = await payouts.pay(
        talk.tx,
        group,
        part.leg_id,
        payer=officer,
        exactly_minor=part.amount_minor,
        method="in_kind" if supplier else "cash",
        supplier=supplier or None,
    )
    talk.group = group
    amount = group.money(leg.amount_minor)
    if member.person.id == talk.me.id:
        # Who pays themselves has it in hand; the others see it in the book.
        await payouts.receive(talk.tx, group, leg)
        await agenda.look_again(talk.tx, group, confirmed=True)
        return _thanks(group, leg)
    await notices.leg_paid(talk.tx, group, leg, part.round_number, talk.me.name)
    if any(one.leg.id != leg.id for one in await _of(talk, group, member)):
        await money_notices.ask_debtor(talk.tx, group, member, event=f"leg:{leg.id}")
    await agenda.look_again(talk.tx, group)
    talk.can_undo("payout", group=group.group_id, leg=leg.id)
    told = {"amount": amount, "name": member.person.name, "round": part.round_number}
    if member.person.consented_at is None:
        return say.PAID_OUT_SILENT(**told, group=group.name)
    if supplier:
        return say.PAID_OUT_THING(**told, supplier=supplier, thing=group.rule_set.thing)
    return say.PAID_OUT(**told, group=group.name)


def _thanks(group: Group, leg: Leg) -> Message:
    if leg.supplier:
        return say.GOT_THING(thing=group.rule_set.thing, group=group.name)
    return say.GOT_IT(amount=group.money(leg.amount_minor), group=group.name)


@command("_GOT")
async def got(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    leg: Annotated[UUID, Kept()],
    answer: Annotated[bool, YesOrNo()],
) -> Message:
    """The holder says whether the money came."""
    paid = await payouts.leg(talk.tx, group.group_id, leg)
    member = await talk.membership(group)
    if paid.member_id != member.id:
        raise Refusal("rights.office")
    talk.group = group
    if answer:
        await payouts.receive(talk.tx, group, paid)
        await notices.leg_confirmed(talk.tx, group, paid, talk.me)
        await agenda.look_again(talk.tx, group, confirmed=True)
        return _thanks(group, paid)
    bought = bool(paid.supplier)
    await payouts.take_back(talk.tx, group, paid, denied=True)
    await notices.leg_denied(talk.tx, group, paid, talk.me.name, bought=bought)
    if bought:
        return say.DID_NOT_GET_THING(thing=group.rule_set.thing, group=group.name)
    return say.DID_NOT_GET(amount=group.money(paid.amount_minor), group=group.name)


@command("_SAW")
async def saw(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="pay_out")],
    leg: Annotated[UUID, Kept()],
    answer: Annotated[bool, YesOrNo()],
) -> Message:
    """An officer who did not pay says that a holder who gets no messages has the money; no leaves it open."""
    paid = await payouts.leg(talk.tx, group.group_id, leg)
    member = await talk.officer(group, "pay_out")
    if paid.held_by == member.id:
        raise Refusal("rights.office")
    talk.group = group
    if not answer:
        return say.NEVER_MIND()
    await payouts.receive(talk.tx, group, paid)
    holder = await groups.seat(talk.tx, group.group_id, paid.member_id)
    amount = group.money(paid.amount_minor)
    seen = say.LEG_SEEN(group=group.name, name=talk.me.name, to=holder.person.name, amount=amount)
    event = f"confirmed:{paid.id}"
    await notices.tell_officers(talk.tx, group, "pay_out", seen, event=event, besides=[talk.me.id])
    await agenda.look_again(talk.tx, group, confirmed=True)
    return seen
