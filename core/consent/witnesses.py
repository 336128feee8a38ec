"""The witnessed draw: paper lots before two witnesses, when the public number has been missing for a day.

Only then, and only where the round is drawn; two members who hold no office and no part of the lot confirm it on their
own phones, each with their PIN. It is shown for ever as witnessed, not computed.
"""

from uuid import UUID

from core import groups
from core import sentences as say
from core.consent import pins, proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import cycles, rounds
from core.cycle.rounds import DrawList, Round, lot_label
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member, Seat
from core.messages import Message
from core.order import draws, orders
from core.order.draw import lots_of
from core.order.found import lot_called, of_round

WITNESSES = 2


async def waiting(tx: Tx, group: Group) -> tuple[Round, DrawList]:
    """The round whose draw has waited for its beacon long enough. Raises ``Refusal("witness.not_yet")``."""
    for round_ in await cycles.rounds_of(tx, group):
        frozen = await rounds.draw_list(tx, round_) if round_.frozen_at and not round_.drawn_at else None
        drawn = draws.order_of(group.rule_set, round_.number) in ("drawn", "auction")
        if frozen and frozen.list_text and drawn and tx.now >= frozen.draw_at + draws.WITNESSED_AFTER:
            return round_, frozen
    raise Refusal("witness.not_yet")


async def propose(tx: Tx, group: Group, officer: Seat, lot_number: int) -> Proposal:
    """An officer says which paper lot came up; whoever holds no office and has a PIN is asked.

    Raises ``Refusal``: ``witness.not_yet``, ``witness.too_few``, ``order.not_on_list``.
    """
    round_, frozen = await waiting(tx, group)
    if lot_label(lot_number) not in lots_of(frozen.list_text):
        raise Refusal("order.not_on_list", lot=lot_number)
    holders = {held.member_id for held in await groups.holdings(tx, group) if held.lot_number == lot_number}
    asked: list[Member] = []
    for seat in await groups.seats(tx, group.group_id, roles=["member"]):
        if seat.member.id not in holders and await pins.has_pin(tx, seat.person.id):
            asked.append(seat.member)
    if len(asked) < WITNESSES:
        raise Refusal("witness.too_few")
    question = say.WITNESS_ASKED(group=group.name, round=round_.number, name=officer.person.name, lot=lot_number)
    payload = {"list": str(frozen.id), "round": round_.number, "lot": lot_number, "office": officer.member.role}
    return await proposals.propose(
        tx,
        group,
        officer.member,
        "witnessed",
        payload,
        asked=asked,
        question=question,
        needed=WITNESSES,
        command="_WITNESS",
    )


async def _carry_out(tx: Tx, group: Group, proposal: Proposal) -> None:
    group = await groups.by_id(tx, group.group_id, lock=True)
    round_, frozen = await waiting(tx, group)
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None or frozen.id != UUID(proposal.payload["list"]):
        raise Refusal("proposal.settled")
    lot = await lot_called(tx, group, group.cycle, lot_label(proposal.payload["lot"]))
    if lot.id in {one.lot_id for one in await of_round(tx, round_)}:
        raise Refusal("order.received", lot=lot.number)
    officer = await groups.member(tx, group.group_id, proposal.made_by)
    saw = [vote.member_id for vote in await proposals.votes_of(tx, proposal) if vote.answer]
    numbers = sorted([(await groups.member(tx, group.group_id, member_id)).number for member_id in saw])
    how = {
        "office": proposal.payload["office"],
        "number": str(officer.number),
        "witnesses": ", ".join(map(str, numbers)),
        "beacon_round": str(frozen.beacon_round),
    }
    said = say.HOW_WITNESSED()
    held = await draws.put_down(tx, group, round_, cycle, lot, "witnessed", frozen=frozen, how=how, said=said)
    await orders.decided(tx, group, round_, held)


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.WITNESS_WHAT(lot=proposal.payload["lot"])


proposals.register("witnessed", Kind(carry_out=_carry_out, describe=_describe))
