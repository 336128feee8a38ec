"""The order in which lots receive: ORDER, TURN, SWAP, PASS, MERGE, NEED, DECIDE and BID."""

from typing import Annotated, Any
from uuid import UUID

from core import groups
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import agenda
from core.cycle.rounds import lot_label
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Lot, Member, Seat
from core.messages import Message
from core.money import Money
from core.order import auctions, merging, needs, orders, turns
from core.order.found import lot_called
from core.order.ways import order_words
from core.talking import understanding
from core.talking.asks import MISSING, Ask, Found, Given, HowMuch, Sure, WhichGroup, WhichMember, Words
from core.talking.command import command
from core.talking.commands.anyone import undoes
from core.talking.talk import Talk
from core.telling import notices

MOST_LINES = 40


class RoundNumber(Ask):
    """The number of a round."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        number = understanding.number(words[0]) if words else None
        return (number, words[1:]) if number is not None else None

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_ROUND()

    async def load(self, talk: Talk, text: str) -> int:
        return int(text)


class Reason(Words):
    """Why somebody needs the pot: asked for when nothing follows the word."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        return say.ASK_NEED()


class Other(WhichMember):
    """A member whom the line names, or none."""

    async def known(self, talk: Talk, given: Given) -> Any:
        return None

    def dump(self, value: Any) -> str:
        return super().dump(value) if value else ""

    async def load(self, talk: Talk, text: str) -> Any:
        return await super().load(talk, text) if text else None


@command("ORDER", about=say.ABOUT_ORDER)
async def order(talk: Talk, group: Annotated[Group, WhichGroup()]) -> Message:
    """How lots are found, and whose turn is when."""
    await talk.membership(group)
    talk.group = group
    first, *more = order_words(group.rule_set)
    done = await turns.received(talk.tx, group)
    lines = [*more]
    for turn, lot in (await turns.of_cycle(talk.tx, group))[:MOST_LINES]:
        told = {"round": turn.round_number, "lot": lot.number, "names": await _names(talk.tx, group, lot)}
        lines.append((say.TURN_LINE_DONE if lot.id in done else say.TURN_LINE)(**told))
    return say.ORDER(group=group.name, how=first, lines=lines)


async def _names(tx: Tx, group: Group, lot: Lot) -> str:
    return ", ".join([seat.person.name for seat in await _holders(tx, group, [lot])])


async def _holders(tx: Tx, group: Group, lots: list[Lot]) -> list[Seat]:
    numbers = {lot.number for lot in lots}
    held = [one.member_id for one in await groups.holdings(tx, group) if one.lot_number in numbers]
    return [await groups.seat(tx, group.group_id, member_id) for member_id in dict.fromkeys(held)]


@command("TURN", about=say.ABOUT_TURN, office=True)
async def turn(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="begin", statuses=("forming",))],
    member: Annotated[Seat, WhichMember()],
    number: Annotated[int, RoundNumber()],
) -> Message:
    """The organiser gives a member's lot its turn, before the equb begins."""
    await talk.officer(group, "begin")
    talk.group = group
    held = await groups.holdings(talk.tx, group, member_id=member.member.id)
    if not held:
        raise Refusal("order.no_lot", name=member.person.name)
    placed = {lot.number for _, lot in await turns.of_cycle(talk.tx, group)}
    # Of several lots the first that has no turn yet.
    wanted = next((one.lot_number for one in held if one.lot_number not in placed), held[0].lot_number)
    lot = await lot_called(talk.tx, group, group.cycle, lot_label(wanted))
    await turns.set_turn(talk.tx, group, lot, number)
    return say.TURN_SET(group=group.name, lot=lot.number, name=member.person.name, round=number)


# --- changing places, with everybody's consent ---------------------------------------------------


@command("SWAP", about=say.ABOUT_SWAP)
async def swap(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
) -> Message:
    """Asks that the speaker's next turn and the other's change places."""
    me = await _with_turns(talk, group)
    lot, here = await turns.of_member(talk.tx, group, me, talk.me.name)
    other, there = await turns.of_member(talk.tx, group, member.member, member.person.name)
    told = {"group": group.name, "name": talk.me.name, "lot": lot.number, "other": other.number}
    return await _ask_all(talk, group, me, lot, other, say.SWAP_ASKED(**told, round=here, other_round=there))


@command("PASS", about=say.ABOUT_PASS)
async def pass_(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("running",))],
    member: Annotated[Seat | None, Other()],
) -> Message:
    """Gives the speaker's next turn to a member, or to whose turn comes after; the speaker takes theirs."""
    me = await _with_turns(talk, group)
    lot, here = await turns.of_member(talk.tx, group, me, talk.me.name)
    if member is not None:
        other, there = await turns.of_member(talk.tx, group, member.member, member.person.name)
    else:
        other, there = await turns.after(talk.tx, group, lot)
    told = {"group": group.name, "name": talk.me.name, "lot": lot.number, "other": other.number}
    return await _ask_all(talk, group, me, lot, other, say.PASS_ASKED(**told, round=here, other_round=there))


async def _with_turns(talk: Talk, group: Group) -> Member:
    me = await talk.membership(group)
    talk.group = group
    if not turns.uses_turns(group.rule_set):
        raise Refusal("order.drawn", group=group.name)
    return me


async def _ask_all(talk: Talk, group: Group, me: Member, lot: Lot, other: Lot, question: Message) -> Message:
    """Everybody who holds a part of either lot, and the organiser."""
    if lot.id == other.id:
        raise Refusal("order.same_lot")
    concerned = await _holders(talk.tx, group, [lot, other])
    concerned += await groups.seats(talk.tx, group.group_id, roles=["organiser"])
    asked = {seat.member.id: seat.member for seat in concerned if seat.member.id != me.id}
    payload = {"lot": str(lot.id), "other": str(other.id)}
    await proposals.propose(talk.tx, group, me, "swap", payload, asked=list(asked.values()), question=question)
    return say.SWAP_WAITS(group=group.name, lot=lot.number, other=other.number)


async def _lots_of(tx: Tx, proposal: Proposal) -> tuple[Lot, Lot]:
    lots = [await tx.session.get(Lot, (proposal.group_id, UUID(proposal.payload[name]))) for name in ("lot", "other")]
    one, other = lots
    if one is None or other is None:
        raise Refusal("proposal.unknown")
    return one, other


async def _swap(tx: Tx, group: Group, proposal: Proposal) -> None:
    one, other = await _lots_of(tx, proposal)
    now = await turns.swap(tx, group, one, other)
    message = say.SWAPPED(
        group=group.name, lot=one.number, round=now[one.id], other=other.number, other_round=now[other.id]
    )
    await notices.tell_members(tx, group, message, event=f"swapped:{proposal.id}")


async def _swap_words(tx: Tx, group: Group, proposal: Proposal) -> Message:
    one, other = await _lots_of(tx, proposal)
    return say.SWAP_WHAT(lot=one.number, other=other.number)


proposals.register("swap", Kind(carry_out=_swap, describe=_swap_words))


@command("MERGE", about=say.ABOUT_MERGE)
async def merge(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("forming", "running"))],
    member: Annotated[Seat, WhichMember()],
) -> Message:
    """Asks that the speaker's part and the other's become one lot, and what is left of both the other."""
    me = await talk.membership(group)
    talk.group = group
    one, two = await merging.parts(talk.tx, group, me, member.member, member.person.name)
    others = [who for who in await merging.concerned(talk.tx, group, one, two) if who.id != me.id]
    lots = f"{one.lot_number}, {two.lot_number}"
    question = say.MERGE_ASKED(group=group.name, name=talk.me.name, other=member.person.name, lots=lots)
    payload = {"one": str(one.holding_id), "two": str(two.holding_id), "lots": lots}
    await proposals.propose(talk.tx, group, me, "merge", payload, asked=others, question=question)
    return say.MERGE_WAITS(group=group.name, lots=lots)


async def _merge(tx: Tx, group: Group, proposal: Proposal) -> None:
    concerned = {vote.member_id for vote in await proposals.votes_of(tx, proposal)} | {proposal.made_by}
    kept, other = await merging.merge(tx, group, UUID(proposal.payload["one"]), UUID(proposal.payload["two"]))
    told = {"group": group.name, "lot": kept.number, "names": await _names(tx, group, kept)}
    message = say.MERGED(**told)
    if other is not None:
        message = say.MERGED_BOTH(**told, other=other.number, others=await _names(tx, group, other))
    seats = [await groups.seat(tx, group.group_id, member_id) for member_id in concerned]
    for seat in sorted(seats, key=lambda seat: seat.member.number):
        await notices.tell_person(tx, group, seat.person.id, message, event=f"merged:{proposal.id}")


async def _merge_words(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.MERGE_WHAT(lots=proposal.payload["lots"])


proposals.register("merge", Kind(carry_out=_merge, describe=_merge_words))


# --- need first ----------------------------------------------------------------------------------


@command("NEED", about=say.ABOUT_NEED)
async def need(
    talk: Talk, group: Annotated[Group, WhichGroup(statuses=("running",))], reason: Annotated[str, Reason()]
) -> Message:
    """A member says why they need the pot soon; the officers are told."""
    me = await talk.membership(group)
    talk.group = group
    said = await needs.say_need(talk.tx, group, me, talk.me.name, reason)
    told = say.NEED_TOLD(group=group.name, name=talk.me.name, number=me.number, reason=said.reason)
    await notices.tell_officers(talk.tx, group, "decide", told, event=f"need:{said.id}", besides=[talk.me.id])
    return say.NEED_NOTED(group=group.name)


async def _ask_decide(talk: Talk, given: Given) -> Message:
    group, seat = given["group"], given["member"]
    round_, frozen = await needs.to_decide(talk.tx, group)
    lot = await needs.lot_to_decide(talk.tx, group, round_, frozen, seat)
    return say.SURE_DECIDE(
        group=group.name, round=round_.number, lot=lot.number, name=seat.person.name, number=seat.member.number
    )


@command("DECIDE", about=say.ABOUT_DECIDE, office=True)
async def decide(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="decide", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    sure: Annotated[bool, Sure(_ask_decide)],
) -> Message:
    """An officer decides who receives in the round whose list is fixed; everybody hears who decided."""
    me = await talk.officer(group, "decide")
    talk.group = group
    round_, held = await needs.decide(talk.tx, group, member, officer=Seat(me, talk.me))
    await orders.decided(talk.tx, group, round_, held)
    await agenda.wake_now(talk.tx, group)
    return say.DECIDED(group=group.name, round=round_.number, lot=held.lot.number, name=member.person.name)


# --- auction -------------------------------------------------------------------------------------


class Discount(HowMuch):
    """What somebody leaves to the others."""

    async def question(self, talk: Talk, given: Given) -> Message:
        group = given["group"]
        return say.ASK_BID(amount=group.money(auctions.most_minor(group.rule_set)))


async def _ask_bid(talk: Talk, given: Given) -> Message:
    group = given["group"]
    round_ = await auctions.open_auction(talk.tx, group)
    lot = await auctions.lot_of(talk.tx, group, await talk.membership(group), talk.me.name)
    await auctions.require_enough(talk.tx, group, round_, given["amount"].minor)
    pot = group.money(group.rule_set.pot_minor)
    return say.SURE_BID(group=group.name, round=round_.number, lot=lot.number, amount=given["amount"], pot=pot)


@command("BID", about=say.ABOUT_BID)
async def bid(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("running",))],
    amount: Annotated[Money, Discount()],
    sure: Annotated[bool, Sure(_ask_bid)],
) -> Message:
    """Says what the speaker's lot leaves to all to receive in this round."""
    me = await talk.membership(group)
    talk.group = group
    placed = await auctions.bid(talk.tx, group, me, talk.me.name, discount_minor=amount.minor)
    await notices.bid_made(talk.tx, group, placed, by=talk.me.id)
    # What nobody sees nobody has acted upon: it can be taken back as long as bids are taken.
    until = placed.round.cutoff_at if group.rule_set.auction.form == "sealed" else None
    talk.can_undo("bid", until=until, group=group.group_id, bid=placed.bid.id)
    return say.BID_NOTED(
        group=group.name,
        round=placed.round.number,
        lot=placed.lot.number,
        amount=amount,
        due=placed.round.cutoff_at,
    )


@undoes("bid")
async def _undo_bid(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    talk.group = group
    taken = await auctions.take_back(talk.tx, group, await talk.membership(group), what["bid"])
    await notices.bid_taken_back(talk.tx, group, taken, by=talk.me.id)
    told = {"group": group.name, "round": taken.round.number, "amount": group.money(taken.bid.discount_minor)}
    if taken.stands_again is None:
        return say.UNDONE_BID(**told)
    return say.UNDONE_BID_EARLIER(**told, left=group.money(taken.stands_again.discount_minor))
