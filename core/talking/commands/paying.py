"""Money that comes in: PAY (the payer says so), CASH (an officer says so), WHO (has not paid yet)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from core import groups
from core import sentences as say
from core.cycle import agenda, rounds
from core.errors import Refusal
from core.groups import Group, Seat
from core.messages import Message
from core.money import Money
from core.operator.rights import member_may
from core.talking.asks import Given, HowMuch, Kept, Sure, WhichGroup, WhichMember, YesOrNo
from core.talking.command import command
from core.talking.commands.seeing import silent_line
from core.talking.commands.slots import ForWhom
from core.talking.talk import Talk
from core.telling import notices
from core.treasury import cash as in_hand
from core.treasury import contributions
from core.treasury.contributions import Payment

# Lines of a list that fit a message; the rest is counted.
MOST_LINES = 20


@command("PAY", about=say.ABOUT_PAY)
async def pay(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("running",))],
    debtor: Annotated[Seat | None, ForWhom()],
    amount: Annotated[Money, HowMuch(of="debtor")],
) -> Message:
    """ "I have paid": a claim until an officer confirms it. An officer's own payment is in their hands already.

    ``debtor``: somebody else, for whose dues it is.
    """
    me = await talk.membership(group)
    talk.group = group
    _remember(talk, group)
    payer = me if debtor and debtor.member.id != me.id else None
    member = debtor.member if debtor else me
    if member_may(me.role, "record"):
        settled = await contributions.record(
            talk.tx, group, member, amount_minor=amount.minor, holder=me, method="cash", payer=payer
        )
        await agenda.look_again(talk.tx, group)
        talk.can_undo("payment", group=group.group_id, payment=settled.payment.id)
        if debtor and payer:
            await notices.receipt(talk.tx, group, member, settled, brought_by=talk.me.name)
            return notices.receipt_for_message(group, settled, debtor.person.name)
        return notices.receipt_message(group, settled)
    payment = await contributions.claim(talk.tx, group, member, amount_minor=amount.minor, payer=payer)
    await notices.claim_made(talk.tx, group, me, talk.me.name, payment, debtor=debtor if payer else None)
    talk.can_undo("claim", group=group.group_id, payment=payment.id)
    return say.CLAIMED(amount=amount, group=group.name, code=payment.code)


def _remember(talk: Talk, group: Group) -> None:
    if talk.me.last_group_id != group.group_id:
        talk.me.last_group_id = group.group_id


async def _owed(talk: Talk, group: Group, seat: Seat) -> list[int]:
    return [d.open_minor for d in await rounds.open_dues(talk.tx, group.group_id, member_id=seat.member.id)]


async def _unusual(talk: Talk, given: Given) -> bool:
    """Whether the amount is not what one expects of this member: a slip, or the same money twice, shows here."""
    group, seat, amount = given["group"], given["debtor"] or given["member"], given["amount"]
    if any(c.amount_minor == amount.minor for c in await _claims(talk, group, seat)):
        return False
    owed = await _owed(talk, group, seat)
    return amount.minor not in {sum(owed[:n]) for n in range(1, len(owed) + 1)}


async def _claims(talk: Talk, group: Group, seat: Seat) -> list[Payment]:
    if seat.member.id not in talk.claims:
        talk.claims[seat.member.id] = list(
            await contributions.waiting_claims(talk.tx, group.group_id, member_id=seat.member.id)
        )
    return talk.claims[seat.member.id]


async def _ask_sure(talk: Talk, given: Given) -> Message:
    group, seat = given["group"], given["debtor"] or given["member"]
    return say.SURE_CASH(
        amount=given["amount"],
        name=seat.person.name,
        number=seat.member.number,
        group=group.name,
        owed=group.money(sum(await _owed(talk, group, seat))),
    )


@command("CASH", about=say.ABOUT_CASH)
async def cash(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="record", statuses=("running",))],
    debtor: Annotated[Seat | None, ForWhom()],
    member: Annotated[Seat, WhichMember()],
    amount: Annotated[Money, HowMuch(of="member")],
    sure: Annotated[bool, Sure(_ask_sure, wanted=_unusual)],
) -> Message:
    """An officer took money from a member. A waiting claim of the same amount is what this answers.

    ``debtor``: somebody else, for whose dues the member brought it.
    """
    officer = await talk.officer(group, "record")
    talk.group = group
    _remember(talk, group)
    of = debtor or member
    payer = member if of.member.id != member.member.id else None
    claimed = next((c for c in await _claims(talk, group, of) if c.amount_minor == amount.minor), None)
    settled = await contributions.record(
        talk.tx,
        group,
        of.member,
        amount_minor=amount.minor,
        holder=officer,
        claimed=claimed,
        payer=payer.member if payer else None,
    )
    brought_by = payer.person.name if payer else ""
    await notices.receipt(talk.tx, group, of.member, settled, besides=[talk.me.id], brought_by=brought_by)
    if payer and payer.person.id != talk.me.id:
        await notices.receipt_for(talk.tx, group, payer.person.id, settled, of.person.name)
    await agenda.look_again(talk.tx, group)
    talk.can_undo("payment", group=group.group_id, payment=settled.payment.id)
    return say.RECORDED(
        amount=amount,
        name=member.person.name,
        number=member.member.number,
        group=group.name,
        code=settled.payment.code,
    )


@command("_CLAIM")
async def answer_claim(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    payment: Annotated[UUID, Kept()],
    answer: Annotated[bool, YesOrNo()],
) -> Message:
    """An officer answers a claim: it came, or it did not."""
    officer = await talk.officer(group, "record")
    claimed = await contributions.payment(talk.tx, group.group_id, payment)
    debtor = await groups.seat(talk.tx, group.group_id, claimed.member_id)
    payer = await groups.seat(talk.tx, group.group_id, claimed.payer_id) if claimed.payer_id else debtor
    if payer.person.id == talk.me.id:
        raise Refusal("rights.office")
    amount = group.money(claimed.amount_minor)
    talk.group = group
    if not answer:
        await contributions.decline(talk.tx, group, claimed)
        await notices.declined(talk.tx, group, payer.member, claimed)
        return say.CLAIM_REFUSED(amount=amount, name=payer.person.name)
    settled = await contributions.record(
        talk.tx, group, debtor.member, amount_minor=claimed.amount_minor, holder=officer, claimed=claimed
    )
    brought_by = payer.person.name if claimed.payer_id else ""
    await notices.receipt(talk.tx, group, debtor.member, settled, brought_by=brought_by)
    if claimed.payer_id:
        await notices.receipt_for(talk.tx, group, payer.person.id, settled, debtor.person.name)
    await agenda.look_again(talk.tx, group)
    talk.can_undo("payment", group=group.group_id, payment=claimed.id)
    return say.CLAIM_CONFIRMED(amount=amount, name=payer.person.name, group=group.name, code=claimed.code)


@command("WHO", about=say.ABOUT_WHO)
async def who(
    talk: Talk, group: Annotated[Group, WhichGroup(right="see_dues", statuses=("running",))]
) -> Message | list[Message]:
    """Who owes how much; how many claims wait."""
    await talk.officer(group, "see_dues")
    claims = await contributions.waiting_claims(talk.tx, group.group_id)
    after = [say.WHO_CLAIMS(count=len({c.member_id for c in claims}))] if claims else []
    deferred = await _owing_lines(talk, group, await rounds.who_owes(talk.tx, group, deferred=True))
    if deferred:
        after.append(say.WHO_DEFERRED(lines=deferred))
    # What they hold themselves STATUS tells them.
    held = [one for one in await in_hand.holders(talk.tx, group) if one[0].person.id != talk.me.id]
    if held:
        after.append(say.WHO_HOLDS(lines=_cash_lines(group, held)))
    after += silent_line(await groups.seats(talk.tx, group.group_id))
    lines = await _owing_lines(talk, group, await rounds.who_owes(talk.tx, group))
    if not lines:
        return [say.EVERYBODY_PAID(group=group.name), *after]
    return say.WHO(group=group.name, lines=[*lines, *after])


def _cash_lines(group: Group, held: Sequence[tuple[Seat, int]]) -> list[Message]:
    return [
        say.HOLDS_LINE(number=seat.member.number, name=seat.person.name, amount=group.money(amount))
        for seat, amount in held
    ]


async def _owing_lines(talk: Talk, group: Group, owing: Sequence[tuple[UUID, int, datetime]]) -> list[Message]:
    """A line for everybody who owes, the oldest debt first; also of who has left, because it is still owed."""
    seats = {s.member.id: s for s in await groups.seats(talk.tx, group.group_id, left=True)}
    parts = await _by_kind(talk, group)
    lines: list[Message] = []
    for member_id, amount, _ in sorted(owing, key=lambda one: (one[2], seats[one[0]].member.number)):
        seat = seats[member_id]
        line = say.WHO_LINE(number=seat.member.number, name=seat.person.name, amount=group.money(amount))
        lines.append(notices.of_it(group, line, parts.get(member_id, ()), line=True))
    if len(lines) > MOST_LINES:
        return [*lines[:MOST_LINES], say.AND_MORE(count=len(lines) - MOST_LINES)]
    return lines


async def _by_kind(talk: Talk, group: Group) -> dict[UUID, list[tuple[str, int]]]:
    """What each member owes now as (kind, minor units), where the rules know dues of several kinds."""
    rules = group.rule_set
    parts: dict[UUID, list[tuple[str, int]]] = {}
    if rules.fine.kind != "none" or rules.fee.collect != "pot" or rules.loan_per_mille:
        for due in await rounds.open_dues(talk.tx, group.group_id):
            if not due.ahead and (due.deferred_until is None or due.deferred_until <= talk.tx.now):
                parts.setdefault(due.member_id, []).append((due.kind, due.open_minor))
    return parts
