"""The whole of Alemayehu's equb, through the webhooks: 600 people, 120 lots, 120 weekly rounds, 72,000 contributions.

Everybody is invited, joins with a share, and pays every week to one of nine officers, who write CASH; some say PAY
first, some pay late, some in parts, one is written down twice and taken back. The clock is moved to each draw, and
what falls due is done by this process as a worker does it. Officers pay the pots out in legs, holders answer YES.
Notices are written to the outbox and stay there: nobody delivers them. At the end everything is added up.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from bench.addis import FULL, LOT_MINOR, QUICK, SMALL, Size
from bench.figures import Figure, NotKept, digits, median, prove
from bench.machine import Machine
from bench.steps import back_to_now
from bench.town import HTTP, TELEGRAM, TWILIO, Phone, Town, pass_time, phone, town
from core import clock, payouts
from core.cycle import rounds
from core.db import transaction
from core.groups import Group
from core.ledger import audit
from core.order import found
from core.order.draw import verify

OFFICERS = 9
SIDE_BY_SIDE = 12


@dataclass
class Equb:
    """The group with everybody's phone and what each pays a round; members count from 1, the organiser."""

    here: Town
    group: Group
    phones: list[Phone]
    amounts: list[int]
    officers: int
    payments: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    late: set[int] = field(default_factory=set)
    round_seconds: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def part(self, name: str) -> AsyncIterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begun


async def measure(machine: Machine, *, quick: bool, small: bool) -> list[Figure]:
    """The whole cycle, then the proof."""
    size = QUICK if quick else SMALL if small else FULL
    begun = time.perf_counter()
    here = await town(machine, "addis")
    equb = await _found(here, size)
    cpu = machine.cpu_seconds()
    for number in range(1, size.lots + 1):
        started = time.perf_counter()
        await _round(equb, number, size.lots)
        equb.round_seconds.append(time.perf_counter() - started)
        if number % max(1, size.lots // 12) == 0:
            done = len(equb.phones) * number
            print(
                f"  round {number} of {size.lots}: {done:,} contributions, {_clock(begun)}", file=sys.stderr, flush=True
            )
    used = {part: now - cpu[part] for part, now in machine.cpu_seconds().items()}
    async with equb.part("the proof"):
        await pass_time(here, equb.group, clock.now() + timedelta(days=8))
        note = await _prove(equb, size)
    back_to_now()
    return _figures(equb, size, whole=time.perf_counter() - begun, used=used, proof=note)


def _clock(begun: float) -> str:
    seconds = int(time.perf_counter() - begun)
    return f"{seconds // 60}:{seconds % 60:02}"


def _figures(equb: Equb, size: Size, *, whole: float, used: dict[str, float], proof: str) -> list[Figure]:
    dues = len(equb.phones) * size.lots
    spent = equb.seconds["contributions"]
    tenth = max(1, size.lots // 10)
    first, last = median(equb.round_seconds[:tenth]), median(equb.round_seconds[-tenth:])
    parts = ", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in equb.seconds.items())
    return [
        Figure(f"case A: {len(equb.phones)} people, {size.lots} lots and rounds", whole, "s", note=parts),
        Figure(
            "case A: contributions through the webhooks", dues / spent, "per second", note=f"{dues:,} in {spent:.0f} s"
        ),
        Figure(
            "case A: processor a contribution, all parts: api",
            used["api"] * 1000 / dues,
            "ms",
            note=f"PostgreSQL {digits(used['postgresql'] * 1000 / dues)},"
            f" bench (load, stub, what falls due) {digits(used['bench'] * 1000 / dues)}",
        ),
        Figure("case A: a late round to an early one", last, "s median", last / first, f"{digits(first)} s"),
        Figure("case A: in and out", size.lots * size.lots * LOT_MINOR / 100, "birr", note=proof),
    ]


# --- founding ------------------------------------------------------------------------------------


def _channel(number: int) -> str:
    return (TELEGRAM, HTTP, TWILIO)[number % 3]


async def _found(here: Town, size: Size) -> Equb:
    """NEW, everybody's JOIN with their share, offices, BEGIN."""
    begun = time.perf_counter()
    organiser = Phone(TWILIO, phone(1, TWILIO).address, "Alemayehu")
    group = await here.found(organiser, f"NEW Addis 1000 {size.lots} weekly")
    phones = [organiser] + [phone(number, _channel(number)) for number in range(2, len(size.shares) + 1)]
    lines = [f"JOIN {group.code} {share}" for share in size.shares]
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def introduce(number: int) -> None:
        async with free:
            await here.introduce(phones[number], lines[number])

    await asyncio.gather(*(introduce(number) for number in range(1, len(phones))))
    for one in phones[1:]:
        # In order, because parts fill one lot after the other.
        await here.say(one, "1")
    officers = min(OFFICERS, size.whole)
    for number in range(2, officers + 1):
        await here.office(group, number, "collector")
    answer = await here.say(organiser, "BEGIN")
    prove(f"{size.lots} lots, {size.lots} rounds" in answer, f"the cycle begins with every lot: {answer}")
    await pass_time(here, group, clock.now())
    amounts = [int(share * LOT_MINOR) // 100 for share in size.shares]
    equb = Equb(here, await here.group(group.group_id), phones, amounts, officers)
    equb.seconds["founding"] = time.perf_counter() - begun
    return equb


# --- a round -------------------------------------------------------------------------------------


async def _round(equb: Equb, number: int, last: int) -> None:
    async with equb.part("contributions"):
        await _collect(equb, number, last)
    async with equb.part("what falls due"):
        async with transaction(equb.here.tenant.id) as tx:
            current = await rounds.round_by_number(tx, equb.group, number)
        assert current is not None
        await pass_time(equb.here, equb.group, current.draw_at + timedelta(minutes=1))
    async with equb.part("payouts"):
        await _pay_out(equb)


async def _collect(equb: Equb, number: int, last: int) -> None:
    """Every officer collects from their own members, side by side, one after the other."""
    everybody = range(equb.officers + 1, len(equb.phones) + 1)
    late = {m for m in everybody if m % 60 == number % 60} if number % 4 == 1 and number < last - 2 else set[int]()
    behind, equb.late = equb.late, late
    # In the morning: an officer is asked about each of these, and a bare "1" answers the newest question.
    for member in everybody:
        if (member + number) % 10 == 0 and member not in late | behind:
            await equb.here.say(equb.phones[member - 1], f"PAY {equb.amounts[member - 1]}")

    async def officer(mine: int) -> None:
        desk = equb.phones[mine - 1]
        await equb.here.say(desk, f"PAY {equb.amounts[mine - 1]}")
        equb.payments += 1
        for member in everybody:
            if member % equb.officers == mine - 1 and member not in late:
                await _contribution(equb, desk, member, number, behind=member in behind)
        if mine == 1 and number == 2:
            await _twice_by_mistake(equb, desk, equb.officers + 1)

    await asyncio.gather(*(officer(mine) for mine in range(1, equb.officers + 1)))


async def _contribution(equb: Equb, desk: Phone, member: int, number: int, *, behind: bool) -> None:
    """One member's week: all at once (perhaps said by PAY before), two weeks together, or in two parts."""
    here, amount = equb.here, equb.amounts[member - 1]
    if behind:
        await here.say(desk, f"CASH {member} {amount * 2}")
    elif member % 97 == number % 97 and (member + number) % 10:
        # Less than what is owed is asked about first.
        await here.say(desk, f"CASH {member} {amount * 2 // 5}")
        await here.say(desk, "1")
        await here.say(desk, f"CASH {member} {amount * 3 // 5}")
        equb.payments += 1
    else:
        await here.say(desk, f"CASH {member} {amount}")
    equb.payments += 1


async def _twice_by_mistake(equb: Equb, desk: Phone, member: int) -> None:
    await equb.here.say(desk, f"CASH {member} {equb.amounts[member - 1]}")
    await equb.here.say(desk, "1")
    answer = await equb.here.say(desk, "UNDO")
    prove("Taken back" in answer, f"a payment written down twice is taken back: {answer}")
    equb.payments += 1


async def _pay_out(equb: Equb) -> None:
    """The organiser pays every leg that the pots have money for; who got it says so."""
    here, organiser = equb.here, equb.phones[0]
    while True:
        async with transaction(here.tenant.id) as tx:
            waiting = [one.leg.member_id for one in await payouts.waiting(tx, equb.group) if one.now_minor > 0]
        if not waiting:
            return
        found = await here.rows(
            "SELECT number FROM members WHERE group_id = :g AND id = ANY(:ids) ORDER BY number",
            g=equb.group.group_id,
            ids=waiting,
        )
        for (member,) in found:
            await here.say(organiser, f"PAYOUT {member}")
            paid = await here.say(organiser, "1")
            if not paid:
                raise NotKept(f"a pot that holds money pays it out to member {member}")
        await _confirm(equb, [member for (member,) in found if member != 1])


async def _confirm(equb: Equb, members: Sequence[int]) -> None:
    # No worker runs here, and nobody can answer a question that has not reached their phone.
    await equb.here.rows("UPDATE outbox SET state = 'sent' WHERE state = 'queued' AND kind = 'did_you_get' RETURNING 1")
    free = asyncio.Semaphore(SIDE_BY_SIDE)

    async def yes(member: int) -> None:
        async with free:
            await equb.here.say(equb.phones[member - 1], "YES")

    await asyncio.gather(*(yes(member) for member in members))


# --- the proof -----------------------------------------------------------------------------------


async def _prove(equb: Equb, size: Size) -> str:
    """Every figure of the case, from the rows. Raises ``NotKept``."""
    here, group = equb.here, equb.group
    whole = size.lots * size.lots * LOT_MINOR
    moved = await here.rows(
        "SELECT sum(signed) FILTER (WHERE due_id IS NOT NULL)::bigint,"
        " sum(signed) FILTER (WHERE payout_leg_id IS NOT NULL)::bigint FROM (SELECT due_id, payout_leg_id,"
        " CASE WHEN reverses IS NULL THEN amount_minor ELSE -amount_minor END AS signed"
        " FROM ledger_transfers WHERE group_id = :g) AS t",
        g=group.group_id,
    )
    prove(tuple(moved[0]) == (whole, whole), f"{whole} santim in and out, not {moved[0]}")
    received = await here.rows(
        "SELECT m.number, sum(l.amount_minor)::bigint FROM payout_legs l JOIN members m ON m.group_id = l.group_id"
        " AND m.id = l.member_id WHERE l.group_id = :g AND l.received_at IS NOT NULL GROUP BY m.number",
        g=group.group_id,
    )
    expected = {n: int(share * LOT_MINOR * size.lots) for n, share in enumerate(size.shares, 1)}
    prove({row[0]: row[1] for row in received} == expected, "every holder receives exactly the share")
    payments = await here.value("SELECT count(*) FROM payments WHERE group_id = :g", g=group.group_id)
    prove(payments == equb.payments, f"{equb.payments} payments were written down, not {payments}")
    paid = await here.value(
        "SELECT count(*) FROM dues d WHERE d.group_id = :g AND d.amount_minor ="
        " (SELECT sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END)"
        " FROM ledger_transfers t WHERE t.group_id = d.group_id AND t.due_id = d.id)",
        g=group.group_id,
    )
    prove(paid == len(equb.phones) * size.lots, f"every contribution is paid exactly once: {paid}")
    odd = await here.rows("SELECT text, state, failure FROM inbox WHERE state <> 'done' LIMIT 3")
    prove(not odd, f"every message was understood and done: {odd}")
    await _verify_draws(equb, size)
    async with transaction(here.tenant.id) as tx:
        report = await audit(tx.session, group.group_id)
    prove(report.sound, f"the audit is clean: {report.findings[:3]}")
    status = (await here.group(group.group_id)).status
    prove(status == "closed", f"the cycle is closed when all is paid and answered, not {status}")
    notices = await here.value("SELECT count(*) FROM outbox WHERE tenant_id = :t AND state = 'queued'")
    return (
        f"exactly, and out; every holder the share; {size.lots} draws verify; audit of {report.transfers:,} transfers"
        f" clean in {digits(report.seconds)} s; {here.spoken:,} webhooks, {notices:,} notices written"
    )


async def _verify_draws(equb: Equb, size: Size) -> None:
    codes = await equb.here.rows("SELECT code, lot_id FROM draws WHERE group_id = :g", g=equb.group.group_id)
    prove(len({lot for _, lot in codes}) == size.lots == len(codes), "every lot is drawn once")
    for code, _ in codes:
        proof = await found.public_proof(code)
        prove(proof is not None and verify(proof).ok, f"the draw {code} verifies")
