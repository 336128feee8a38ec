"""Notices: what members and officers are told when something happens in their group, in the same transaction.

Each is queued once by its event; who has paid, been told or left in the meantime is looked up at that moment.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core import groups, people
from core import sentences as say
from core.cycle import rounds
from core.cycle.cycles import Cycle
from core.cycle.rounds import DrawList, Round
from core.db import Tx
from core.groups import Group, Lot, Member, Seat
from core.messages import NO, YES, Choice, Message
from core.operator.rights import officers_with
from core.order import found
from core.order.auctions import Placed, TakenBack
from core.order.found import Held, OrderDraw
from core.order.ways import order_words
from core.payouts import Leg
from core.people import Address, Person
from core.rules import Rules
from core.talking import questions
from core.telling import outbox
from core.treasury.contributions import Payment, Settled


async def _timezone(tx: Tx) -> str:
    return (await people.tenant_of(tx)).timezone


async def tell_members(tx: Tx, group: Group, message: Message, *, event: str, besides: Iterable[UUID] = ()) -> int:
    """The same notice to every active member, but for the people in ``besides``; how many are told."""
    left_out = set(besides)
    everyone = [s.person.id for s in await groups.seats(tx, group.group_id) if s.person.id not in left_out]
    return await outbox.tell(tx, everyone, message, event=event, timezone=await _timezone(tx), group_id=group.group_id)


async def tell_officers(
    tx: Tx, group: Group, right: str, message: Message, *, event: str, besides: Iterable[UUID] = ()
) -> None:
    """A notice to the officers who carry a right, but for the people in ``besides``."""
    left_out = set(besides)
    officers = await groups.seats(tx, group.group_id, roles=officers_with(right))
    to = [s.person.id for s in officers if s.person.id not in left_out]
    await outbox.tell(tx, to, message, event=event, timezone=await _timezone(tx), group_id=group.group_id)


async def tell_person(tx: Tx, group: Group, person_id: UUID, message: Message, *, event: str) -> None:
    """A notice to one person."""
    await outbox.tell(tx, [person_id], message, event=event, timezone=await _timezone(tx), group_id=group.group_id)


async def ask(
    tx: Tx,
    group: Group,
    person_ids: Iterable[UUID],
    question: Message,
    *,
    command: str,
    filled: dict[str, str],
    about: UUID,
    event: str,
    lifetime: timedelta = questions.NOTICE_LIFETIME,
    slot: str = "answer",
    choices: Sequence[Choice] = (),
) -> None:
    """A question to several people, each on their own phone; the answers run ``command``. Yes or no, unless said."""
    message = _question(tx, question, command, filled, about, lifetime, slot, choices)
    await outbox.tell(tx, person_ids, message, event=event, timezone=await _timezone(tx), group_id=group.group_id)


async def round_opened(tx: Tx, group: Group, round_: Round, cycle: Cycle) -> None:
    """Round 1 is announced by itself, with the anchor of the draws; later ones with the draw before them."""
    if round_.number > 1:
        return
    told = {
        "group": group.name,
        "lots": cycle.rule_set.lots,
        "rounds": cycle.rule_set.rounds,
        "amount": group.money(cycle.rule_set.contribution_minor),
        "pot": group.money(cycle.rule_set.pot_minor),
        "due": round_.due_at,
        "anchor": cycle.anchor[:12],
    }
    if cycle.rule_set.orders == {"drawn"}:
        message = say.CYCLE_BEGUN(**told, draw=round_.draw_at, beacon=round_.beacon_round)
    else:
        message = say.CYCLE_BEGUN_ORDER(**told, how=order_words(cycle.rule_set))
    await tell_members(tx, group, message, event=f"round.opened:{round_.id}")


async def remind(tx: Tx, group: Group, round_: Round) -> int:
    """Remind those who owe something for this round or before; who has just paid is not reminded."""
    owing = {member_id: amount for member_id, amount, _ in await rounds.who_owes(tx, group)}
    seats = {s.person.id: s for s in await groups.seats(tx, group.group_id) if s.member.id in owing}

    async def message(person: Person, _address: Address) -> Message:
        amount = group.money(owing[seats[person.id].member.id])
        return say.REMINDER(group=group.name, amount=amount, due=round_.due_at, round=round_.number)

    event = f"reminder:{round_.id}"
    return await outbox.tell(
        tx, list(seats), message, event=event, timezone=await _timezone(tx), group_id=group.group_id
    )


# What somebody can do something about, and is told.
LEFT_OUT_FOR = {
    "arrears": say.LEFT_OUT,
    "no_guarantor": say.LEFT_OUT_GUARANTOR,
    "suspended": say.LEFT_OUT_SUSPENDED,
    "old_debt": say.LEFT_OUT_OLD_DEBT,
}


async def list_frozen(tx: Tx, group: Group, round_: Round, frozen: DrawList) -> None:
    """The list's code, to every member, before anybody can know the lot; officers hear who is left out."""
    event = f"list:{frozen.id}"
    if not frozen.list_text:
        # Said once: the next tries, day after day, are on record and nobody's telephone.
        if frozen.attempt == 1:
            await tell_members(tx, group, say.NOBODY_ELIGIBLE(group=group.name, round=round_.number), event=event)
        return
    values = {
        "group": group.name,
        "round": round_.number,
        "count": frozen.list_text.count("\n"),
        "code": frozen.list_hash[:12],
        "draw": frozen.draw_at,
        "beacon": frozen.beacon_round,
    }
    barred = {label: reason for label, reason in frozen.exclusions if reason in LEFT_OUT_FOR}
    left_out: dict[UUID, list[str]] = {}
    why: dict[UUID, str] = {}
    for held in await groups.holdings(tx, group):
        reason = barred.get(rounds.lot_label(held.lot_number))
        if reason is not None:
            who = await groups.seat(tx, group.group_id, held.member_id)
            left_out.setdefault(who.person.id, []).append(str(held.lot_number))
            why[who.person.id] = reason
    await tell_members(tx, group, say.LIST_FROZEN(**values), event=event, besides=left_out)
    for person_id, lots in left_out.items():
        message = LEFT_OUT_FOR[why[person_id]](**values, lots=", ".join(lots))
        await tell_person(tx, group, person_id, message, event=event)


async def draw_waits(tx: Tx, group: Group, round_: Round, frozen: DrawList, *, until: datetime) -> None:
    """The public number has not come, to every member; from ``until`` on paper lots may be drawn. Said once a list."""
    event = f"waits:{frozen.id}"
    if not await outbox.is_queued(tx, event):
        message = say.DRAW_WAITS(group=group.name, round=round_.number, due=until)
        await tell_members(tx, group, message, event=event)


async def list_to_decide(tx: Tx, group: Group, round_: Round, frozen: DrawList) -> None:
    """The list's code, to every member, before the officers decide."""
    count = frozen.list_text.count("\n")
    message = say.LIST_TO_DECIDE(group=group.name, round=round_.number, count=count, code=frozen.list_hash[:12])
    await tell_members(tx, group, message, event=f"list:{frozen.id}")


async def list_tied(tx: Tx, group: Group, round_: Round, tied: DrawList) -> None:
    """Equal bids: which lots, and the list from which the draw decides, to every member."""
    message = say.LIST_TIED(
        group=group.name,
        round=round_.number,
        count=tied.list_text.count("\n"),
        draw=tied.draw_at,
        code=tied.list_hash[:12],
        beacon=tied.beacon_round,
    )
    await tell_members(tx, group, message, event=f"list:{tied.id}")


async def auction_opened(tx: Tx, group: Group, round_: Round, rules: Rules) -> None:
    """To whoever may still bid: until when, and how much at most."""
    received = await found.lots_received(tx, group)
    waiting = {held.member_id for held in await groups.holdings(tx, group) if held.lot_number not in received}
    people_of = [s.person.id for s in await groups.seats(tx, group.group_id) if s.member.id in waiting]
    kind = say.AUCTION_OPEN if rules.auction.form == "open" else say.AUCTION_SEALED
    message = kind(
        group=group.name,
        round=round_.number,
        due=round_.cutoff_at,
        amount=group.money(rules.gross_pot_minor * rules.auction.most_per_mille // 1000),
        pot=group.money(rules.pot_minor),
    )
    event = f"auction:{round_.id}"
    await outbox.tell(tx, people_of, message, event=event, timezone=await _timezone(tx), group_id=group.group_id)


async def bid_made(tx: Tx, group: Group, placed: Placed, *, by: UUID) -> None:
    """To the lot's other holders; and to those of the lot that is outbid, where bids are open."""
    amount = group.money(placed.bid.discount_minor)
    told = {"group": group.name, "round": placed.round.number, "amount": amount}
    for holder in await _holders(tx, group, placed.lot.number):
        if holder.person.id != by:
            message = say.BID_FOR_LOT(**told, lot=placed.lot.number)
            await tell_person(tx, group, holder.person.id, message, event=f"bid:{placed.bid.id}")
    outbid = await tx.session.get(Lot, (group.group_id, placed.outbid.lot_id)) if placed.outbid else None
    for holder in await _holders(tx, group, outbid.number if outbid else 0):
        if holder.person.id != by:
            await tell_person(tx, group, holder.person.id, say.OUTBID(**told), event=f"outbid:{placed.bid.id}")


async def bid_taken_back(tx: Tx, group: Group, taken: TakenBack, *, by: UUID) -> None:
    """To the lot's other holders; and to those whose bid is the highest again, where bids are open."""
    told = {"group": group.name, "round": taken.round.number}
    for holder in await _holders(tx, group, taken.lot.number):
        if holder.person.id != by:
            amount = group.money(taken.bid.discount_minor)
            message = say.BID_TAKEN_BACK(**told, lot=taken.lot.number, amount=amount)
            await tell_person(tx, group, holder.person.id, message, event=f"bid.back:{taken.bid.id}")
    if taken.highest is None or taken.highest.lot_id == taken.lot.id:
        return
    lot = await tx.session.get(Lot, (group.group_id, taken.highest.lot_id))
    message = say.HIGHEST_AGAIN(**told, amount=group.money(taken.highest.discount_minor))
    for holder in await _holders(tx, group, lot.number if lot else 0):
        if holder.person.id != by:
            await tell_person(tx, group, holder.person.id, message, event=f"bid.highest:{taken.bid.id}")


async def order_sealed(tx: Tx, group: Group, sealed: DrawList) -> None:
    """When the turns are drawn, with which beacon round, from which list: before anybody can know them."""
    message = say.ORDER_SEALED(
        group=group.name,
        count=sealed.list_text.count("\n"),
        draw=sealed.draw_at,
        beacon=sealed.beacon_round,
        list=sealed.list_hash[:12],
    )
    await tell_members(tx, group, message, event=f"order_list:{sealed.id}")


async def order_held(tx: Tx, group: Group, picks: Sequence[OrderDraw]) -> None:
    """To each member: the turns of their lots, and how to check them."""
    mine: dict[UUID, list[Message]] = {}
    codes: dict[UUID, str] = {}
    for ordinal, pick in enumerate(picks, 1):
        lot = await tx.session.get(Lot, (group.group_id, pick.lot_id))
        number = -(-ordinal // group.rule_set.lots_per_round)
        for seat in await _holders(tx, group, lot.number if lot else 0):
            told = say.YOUR_TURN_OF_LOT(lot=lot.number if lot else 0, round=number)
            mine.setdefault(seat.person.id, []).append(told)
            codes.setdefault(seat.person.id, pick.code)
    for person_id, lines in mine.items():
        message = say.ORDER_HELD(group=group.name, lines=lines, code=codes[person_id])
        await tell_person(tx, group, person_id, message, event=f"order:{picks[0].id}")


async def draw_held(tx: Tx, group: Group, round_: Round, held: Sequence[Held], next_round: Round | None) -> None:
    """Who it was, how to check it, and what is due next: one message to every member."""
    lines = []
    winners: set[UUID] = set()
    for one in held:
        names = []
        for holding in await _holders(tx, group, one.lot.number):
            winners.add(holding.person.id)
            names.append(holding.person.name)
        told = {"lot": one.lot.number, "names": ", ".join(names), "code": one.draw.code}
        lines += [say.FOUND_LOT(**told, how=one.how) if one.how else say.DRAWN_LOT(**told), *one.more]
    after = say.NEXT_DUE(due=next_round.due_at, round=next_round.number) if next_round else say.LAST_ROUND()
    message = say.DRAW_HELD(group=group.name, round=round_.number, lots=lines, next=after)
    event = f"draw:{held[0].draw.id}"
    await tell_members(tx, group, message, event=event, besides=winners)
    for one in held:
        await _tell_holders(tx, group, round_, one, after, event)
    there = group.money(sum(one.payout.amount_minor for one in held))
    pot = say.POT_TO_PAY(group=group.name, round=round_.number, amount=there)
    if thing := group.rule_set.thing:
        pot = say.THING_TO_BUY(group=group.name, round=round_.number, amount=there, thing=thing)
    await tell_officers(tx, group, "pay_out", pot, event=f"pot:{held[0].draw.id}")


async def _holders(tx: Tx, group: Group, lot_number: int) -> list[Seat]:
    held = [h for h in await groups.holdings(tx, group) if h.lot_number == lot_number]
    return [await groups.seat(tx, group.group_id, h.member_id) for h in held]


async def _tell_holders(tx: Tx, group: Group, round_: Round, one: Held, after: Message, event: str) -> None:
    for holder in await _holders(tx, group, one.lot.number):
        told = {
            "group": group.name,
            "round": round_.number,
            "lot": one.lot.number,
            "pot": group.money(one.payout.amount_minor),
            "code": one.draw.code,
            "next": after,
        }
        message = say.YOUR_TURN(**told, how=one.how) if one.how else say.YOUR_LOT(**told)
        await tell_person(tx, group, holder.person.id, message, event=event)


async def receipt(
    tx: Tx, group: Group, who: Member, settled: Settled, *, besides: Iterable[UUID] = (), brought_by: str = ""
) -> None:
    """To the member whose dues it settles, for a contribution that an officer recorded."""
    if who.person_id in set(besides):
        return
    message = receipt_message(group, settled)
    if brought_by:
        amount = group.money(settled.payment.amount_minor)
        message = say.RECEIPT_BROUGHT(group=group.name, amount=amount, name=brought_by, code=settled.payment.code)
    await tell_person(tx, group, who.person_id, message, event=f"receipt:{settled.payment.id}")


def receipt_message(group: Group, settled: Settled) -> Message:
    """What a receipt says: amount, the rounds it went to, what waits as an advance, and its code."""
    numbers = sorted({due.round_number for due, _ in settled.parts})
    common = {
        "group": group.name,
        "amount": group.money(settled.payment.amount_minor),
        "code": settled.payment.code,
    }
    if not numbers:
        return say.RECEIPT_ADVANCE(**common)
    spoken = ", ".join(str(number) for number in numbers)
    if settled.advance_minor:
        receipt = say.RECEIPT_AND_ADVANCE(**common, rounds=spoken, advance=group.money(settled.advance_minor))
    else:
        receipt = say.RECEIPT(**common, rounds=spoken)
    return of_it(group, receipt, [(due.kind, part) for due, part in settled.parts])


def of_it(group: Group, first: Message, parts: Iterable[tuple[str, int]], *, line: bool = False) -> Message:
    """A message about an amount with what of it is no contribution: fees, fines, loans, as (kind, minor units)."""
    by_kind: dict[str, int] = {}
    for due_kind, part in parts:
        by_kind[due_kind] = by_kind.get(due_kind, 0) + part
    for due_kind, amount in by_kind.items():
        if due_kind != "contribution":
            form = say.LINE_OF_IT if line else say.OF_IT
            first = form(first=first, due_kind=say.due_word(due_kind), amount=group.money(amount))
    return first


def receipt_for_message(group: Group, settled: Settled, name: str) -> Message:
    """What a receipt says to whoever brought money for somebody else's dues."""
    amount = group.money(settled.payment.amount_minor)
    return say.RECEIPT_FOR(group=group.name, amount=amount, name=name, code=settled.payment.code)


async def receipt_for(tx: Tx, group: Group, person_id: UUID, settled: Settled, name: str) -> None:
    """To whoever brought money for the dues of somebody called ``name``."""
    message = receipt_for_message(group, settled, name)
    await tell_person(tx, group, person_id, message, event=f"receipt:{settled.payment.id}")


async def reversed_payment(
    tx: Tx, group: Group, who: Member, payment: Payment, *, besides: Iterable[UUID] = ()
) -> None:
    """To the payer and to the officers: a recorded contribution was taken back, and why."""
    seat = await groups.seat(tx, group.group_id, who.id)
    facts = {
        "group": group.name,
        "amount": group.money(payment.amount_minor),
        "code": payment.code,
        "name": seat.person.name,
    }
    # Who takes back what they have just typed is asked for no reason.
    message = say.PAYMENT_REVERSED(**facts, reason=payment.reason) if payment.reason else say.PAYMENT_UNDONE(**facts)
    event = f"reversed:{payment.id}"
    if who.person_id not in set(besides):
        await tell_person(tx, group, who.person_id, message, event=event)
    await tell_officers(tx, group, "reverse", message, event=event, besides=[who.person_id, *besides])


async def declined(tx: Tx, group: Group, who: Member, payment: Payment) -> None:
    """To the payer: an officer says the claimed money did not come."""
    message = say.CLAIM_DECLINED(group=group.name, amount=group.money(payment.amount_minor), code=payment.code)
    await tell_person(tx, group, who.person_id, message, event=f"declined:{payment.id}")


async def claim_made(
    tx: Tx, group: Group, who: Member, name: str, payment: Payment, *, debtor: Seat | None = None
) -> None:
    """To the officers who may record: did it come? Each gets a question; the first answer counts.

    ``debtor``: for whose dues it is, if not for those of ``who``.
    """
    facts = {"name": name, "number": who.number, "amount": group.money(payment.amount_minor), "group": group.name}
    asked = say.CLAIM_TO_OFFICER(**facts)
    if debtor is not None:
        asked = say.CLAIM_FOR_TO_OFFICER(**facts, of=debtor.person.name)
    filled = {"group": str(group.group_id), "payment": str(payment.id)}
    officers = await groups.seats(tx, group.group_id, roles=officers_with("record"))
    to = [s.person.id for s in officers if s.person.id != who.person_id]
    event = f"claim:{payment.id}"
    await ask(tx, group, to, asked, command="_CLAIM", filled=filled, about=payment.id, event=event)


async def leg_paid(tx: Tx, group: Group, leg: Leg, round_number: int, payer: str) -> None:
    """To the holder: did it come? Who has not agreed to get messages is not asked; the officers who did not pay are."""
    seat = await groups.seat(tx, group.group_id, leg.member_id)
    facts = {"group": group.name, "amount": group.money(leg.amount_minor), "round": round_number, "payer": payer}
    asked, to, command = say.DID_YOU_GET(**facts), [seat.person.id], "_GOT"
    if leg.supplier:
        asked = say.DID_YOU_GET_THING(**facts, supplier=leg.supplier, thing=group.rule_set.thing)
    if seat.person.consented_at is None:
        officers = await groups.seats(tx, group.group_id, roles=officers_with("pay_out"))
        asked, command = say.DID_THEY_GET(**facts, name=seat.person.name), "_SAW"
        to = [s.person.id for s in officers if s.member.id != leg.held_by]
    filled = {"group": str(group.group_id), "leg": str(leg.id)}
    event = f"leg:{leg.id}:{tx.now.isoformat()}"
    await ask(tx, group, to, asked, command=command, filled=filled, about=leg.id, event=event)


def _question(
    tx: Tx,
    asked: Message,
    command: str,
    filled: dict[str, str],
    about: UUID,
    lifetime: timedelta = questions.NOTICE_LIFETIME,
    slot: str = "answer",
    choices: Sequence[Choice] = (),
) -> Callable[[Person, Address], Awaitable[Message | None]]:
    """A question to whoever is told, kept for each address of its own."""

    async def message(_person: Person, address: Address) -> Message:
        return await questions.pose(
            tx,
            address,
            asked.offering(*(choices or (Choice(say.YES(), YES), Choice(say.NO(), NO)))),
            command=command,
            slot=slot,
            filled=filled,
            lifetime=lifetime,
            about=about,
        )

    return message


async def leg_denied(tx: Tx, group: Group, leg: Leg, name: str, *, bought: bool) -> None:
    """To the officers: the holder says that a payout never came; ``bought``: that the thing it paid for did not."""
    message = say.LEG_DENIED(group=group.name, amount=group.money(leg.amount_minor), name=name)
    if bought:
        message = say.THING_DENIED(group=group.name, thing=group.rule_set.thing, name=name)
    await tell_officers(tx, group, "pay_out", message, event=f"denied:{leg.id}:{tx.now.isoformat()}")


async def leg_confirmed(tx: Tx, group: Group, leg: Leg, holder: Person) -> None:
    """To the officers: the holder says that a payout came."""
    message = say.LEG_CONFIRMED(group=group.name, name=holder.name, amount=group.money(leg.amount_minor))
    if leg.supplier:
        message = say.THING_CONFIRMED(group=group.name, name=holder.name, thing=group.rule_set.thing)
    await tell_officers(tx, group, "pay_out", message, event=f"confirmed:{leg.id}", besides=[holder.id])


async def cycle_closed(tx: Tx, group: Group, paid_in: int, paid_out: int) -> None:
    """To everybody: what came in and what went out, and that a new cycle may begin."""
    message = say.CYCLE_CLOSED(
        group=group.name, cycle=group.cycle, paid_in=group.money(paid_in), paid_out=group.money(paid_out)
    )
    await tell_members(tx, group, message, event=f"closed:{group.group_id}:{group.cycle}")


async def dispute_raised(tx: Tx, group: Group, question: Message, dispute_id: UUID, *, besides: Iterable[UUID]) -> None:
    """To the officers who may answer: is it corrected, or does it stand?"""
    left_out = set(besides)
    officers = await groups.seats(tx, group.group_id, roles=officers_with("answer"))
    to = [s.person.id for s in officers if s.person.id not in left_out]
    filled = {"group": str(group.group_id), "dispute": f"{group.group_id} {dispute_id}"}
    choices = (Choice(say.CORRECT_IT(), "corrected"), Choice(say.IT_STANDS(), "stands"))
    event = f"dispute:{dispute_id}"
    await ask(
        tx,
        group,
        to,
        question,
        command="_DISPUTE",
        filled=filled,
        about=dispute_id,
        event=event,
        slot="outcome",
        choices=choices,
    )
