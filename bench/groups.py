"""The steps of a large group's life: beginning, opening, freezing, drawing, closing, for 600 members and 120 lots.

The group is made by core's own verbs, its contributions are posted in bulk (one call of the book a round), and time
is moved through everything that falls due, as a worker does it. Besides: what a contribution costs in bulk.
"""

import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, update

from bench.addis import FULL, LOT_MINOR, QUICK, Size
from bench.figures import Figure, digits, median, prove
from bench.machine import Machine
from bench.steps import back_to_now, watched
from bench.town import HTTP, Town, pass_time, phone, town
from core import clock, groups, ledger, people
from core.consent import agreement
from core.cycle import agenda, cycles, rounds
from core.db import transaction
from core.groups import Group
from core.ids import RECEIPT_CODE_LENGTH, new_code, new_id
from core.payouts import Leg
from core.rules import Rules
from core.treasury.contributions import Payment


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Some rounds of a group of 120 rounds, and a whole cycle of one that draws half of its lots in a round."""
    here = await town(machine, "groups")
    size = QUICK if quick else FULL
    members = len(size.shares)
    with watched() as took:
        group = await large_group(here, size, lots_per_round=1)
        bulk_ms = [await _round(here, group) for _ in range(2 if quick else 6)]
        back_to_now()
        with watched() as at_the_end:
            short = await large_group(here, size, lots_per_round=size.lots // 2)
            for _ in range(2):
                await _round(here, short)
            await _settle(here, short)
            await pass_time(here, short, clock.now() + timedelta(days=8))
        prove((await here.group(short.group_id)).status == "closed", "a cycle whose pots are paid out closes")
        back_to_now()
    for step in ("closing the cycle", "telling the end"):
        # It is tried whenever a round is over; the last time it closes.
        took[step] = at_the_end[step][-1:]
    for step in took:
        if step not in ("closing the cycle", "telling the end"):
            # The second group draws 60 lots at once: its draws are none of everyday's.
            took[step] = took[step][: len(took[step]) - len(at_the_end[step])]
    # Later rounds are announced with the draw before them.
    del took["telling that the cycle begins"][1:]
    figures = [
        Figure(f"{step}, {members} members", median(seconds) * 1000, "ms median", note=_note(seconds))
        for step, seconds in took.items()
        if seconds
    ]
    figures.append(
        Figure(
            "a contribution, posted in bulk by the round",
            median(bulk_ms),
            "ms each",
            note=f"{digits(1000 / median(bulk_ms))} a second; payments and book, one transaction for {members}",
        )
    )
    return figures


def _note(seconds: list[float]) -> str:
    return f"longest {digits(max(seconds) * 1000)} (n = {len(seconds)})"


async def large_group(here: Town, size: Size, *, lots_per_round: int) -> Group:
    """A group that has just begun its cycle."""
    rules = Rules(contribution_minor=LOT_MINOR, lots=size.lots, lots_per_round=lots_per_round)
    async with transaction(here.tenant.id) as tx:
        first = phone(1, HTTP)
        known = await people.person_with_phone(tx, phone=first.address, name=first.name, language="en", gateway=HTTP)
        await agreement.give(tx, known, None, language="en")
        group = await groups.found(tx, known, name=f"Addis {lots_per_round}", currency="ETB", rules=rules)
        for number, share in enumerate(size.shares[1:], 2):
            one = phone(number, HTTP)
            who = await people.person_with_phone(tx, phone=one.address, name=one.name, language="en", gateway=HTTP)
            await agreement.give(tx, who, None, language="en")
            await groups.join(tx, group, who, share=share)
    async with transaction(here.tenant.id) as tx:
        found = await groups.by_id(tx, group.group_id)
        await cycles.begin(tx, found, timezone=here.tenant.timezone)
    await pass_time(here, group, clock.now())
    return await here.group(group.group_id)


async def _round(here: Town, group: Group) -> float:
    """Everybody pays, in bulk; then time passes to after the draw. Milliseconds for each contribution."""
    begun = time.perf_counter()
    posted = await pay_in_bulk(here, group)
    took_ms = (time.perf_counter() - begun) * 1000 / posted
    async with transaction(here.tenant.id) as tx:
        current = await rounds.current_round(tx, group)
    assert current is not None
    await pass_time(here, group, current.draw_at + timedelta(minutes=1))
    return took_ms


async def pay_in_bulk(here: Town, group: Group, *, but: int | None = None) -> int:
    """A payment and a transfer for every open due, in one transaction; how many. ``but``: one member pays nothing."""
    async with transaction(here.tenant.id) as tx:
        left_out = await groups.seats(tx, group.group_id, number=but) if but else ()
        late = {seat.member.id for seat in left_out}
        dues = [due for due in await rounds.open_dues(tx, group.group_id) if due.member_id not in late]
        ids = [new_id() for _ in dues]
        payments = [
            {
                "group_id": group.group_id,
                "id": payment_id,
                "tenant_id": here.tenant.id,
                # Longer than a real one: in bulk nobody looks whether a code is taken, and of 72,000 some would be.
                "code": new_code(RECEIPT_CODE_LENGTH + 3),
                "member_id": due.member_id,
                "amount_minor": due.open_minor,
                "method": "cash",
                "recorded_at": tx.now,
                "recorded_by": tx.actor,
                "created_at": tx.now,
            }
            for payment_id, due in zip(ids, dues, strict=True)
        ]
        await tx.session.execute(insert(Payment), payments)
        postings = [
            ledger.Posting(
                kind="contribution",
                debit="held/1",
                credit=due.account,
                amount_minor=due.open_minor,
                currency=group.currency,
                reference=f"payment:{payment_id}:0",
                payment_id=payment_id,
                due_id=due.due_id,
            )
            for payment_id, due in zip(ids, dues, strict=True)
        ]
        await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    return len(dues)


async def _settle(here: Town, group: Group) -> None:
    """Every pot is paid out and received: what closing waits for. The book of it is of no interest here."""
    async with transaction(here.tenant.id) as tx:
        mine: UUID = group.group_id
        await tx.session.execute(update(Leg).where(Leg.group_id == mine).values(paid_at=tx.now, received_at=tx.now))
        await agenda.look_again(tx, await groups.by_id(tx, mine))
