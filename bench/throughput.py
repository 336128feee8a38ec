"""Commands a second: two api processes, many people in several equbs, every webhook sent twice at once.

Both copies go to different processes at the same moment. Afterwards the books are read: no command lost, none done
twice, one reply for each, every birr where it belongs. The load comes from this one process, which is also the
providers; its share of the processor is told.
"""

import asyncio
import itertools
import os
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.figures import Figure, against_goal, digits, percentile, prove
from bench.machine import Machine
from bench.town import CHANNELS, TWILIO, Phone, Town, phone, town, wake
from core.db import transaction
from core.groups import Group
from core.ledger import audit

GOAL_PER_SECOND = 200.0
AMOUNT = 1000
# People that write at the same moment.
SIDE_BY_SIDE = 24
READS = ("HELP", "STATUS", "ROUND", "HISTORY", "RULES", "MEMBERS")


@dataclass
class Equb:
    """A group with its treasurer, who answers one thing at a time."""

    group: Group
    treasurer: Phone
    members: list[tuple[int, Phone]]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Load:
    """What was sent and answered. ``done`` counts unique commands by word."""

    done: Counter[str] = field(default_factory=Counter)
    external_ids: list[str] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Send for a while, then prove."""
    here = await town(machine, "throughput")
    equbs = await _equbs(here, count=2 if quick else 10, members=3 if quick else 24)
    before = await _books(here)
    load = Load()
    # Warmed up: both processes have planned every statement.
    await _send(here, equbs, load, seconds=0.3 if quick else 4.0)
    load.took_ms.clear()
    warm, cpu, told = sum(load.done.values()), machine.cpu_seconds(), machine.stub.taken.copy()
    begun = time.perf_counter()
    await _send(here, equbs, load, seconds=1.0 if quick else 25.0)
    seconds = time.perf_counter() - begun
    used = {part: now - cpu[part] for part, now in machine.cpu_seconds().items()}
    await _rest(here)
    await _prove(here, load, before)
    unique = sum(load.done.values()) - warm
    rate = unique / seconds
    cores = os.cpu_count() or 1
    share = {part: f"{value / seconds / cores * 100:.0f} %" for part, value in used.items()}
    mix = ", ".join(f"{word} {count}" for word, count in load.done.most_common())
    return [
        against_goal(
            "unique commands, each sent twice", rate, "per second", GOAL_PER_SECOND, note=f"{seconds:.0f} s; {mix}"
        ),
        Figure("both copies answered", percentile(load.took_ms, 50), "ms median", note=_tail(load.took_ms)),
        Figure(
            "processor a command and its copy: api",
            used["api"] / unique * 1000,
            "ms",
            note=f"PostgreSQL {digits(used['postgresql'] / unique * 1000)} ms, load and stub"
            f" {digits(used['bench'] / unique * 1000)} ms",
        ),
        # What was seen depends on who else uses the machine; the processor that it took, much less.
        against_goal(
            f"reckoned from it: {cores} cores with nothing else to do",
            cores / (sum(used.values()) / unique),
            "per second",
            GOAL_PER_SECOND,
            note="if every core were busy all the time",
        ),
        Figure(
            f"share of {cores} cores: api",
            used["api"] / seconds / cores * 100,
            "%",
            note=f"PostgreSQL {share['postgresql']}, load and stub {share['bench']}; the rest is other work or idle",
        ),
        Figure("replies that went out meanwhile", sum((machine.stub.taken - told).values()), "messages"),
        Figure("lost, done twice, or in the wrong book", 0, "commands", note=f"of {sum(load.done.values()):,}: proven"),
    ]


def _tail(took: list[float]) -> str:
    return f"p95 {digits(percentile(took, 95))}, p99 {digits(percentile(took, 99))}; {SIDE_BY_SIDE} people at once"


async def _equbs(here: Town, *, count: int, members: int) -> list[Equb]:
    numbers = itertools.count(1)

    async def one(name: int) -> Equb:
        treasurer = phone(next(numbers), CHANNELS[name % 3])
        await here.register(treasurer, f"NEW Iqub{name} {AMOUNT} {members + 1} weekly")
        code = await here.value(
            "SELECT g.group_id FROM groups g WHERE g.tenant_id = :t AND g.name = :name", name=f"Iqub{name}"
        )
        group = await here.group(code)
        joined = []
        for number in range(2, members + 2):
            somebody = phone(next(numbers), CHANNELS[number % 3])
            await here.register(somebody, f"JOIN {group.code}")
            joined.append((number, somebody))
        await here.say(treasurer, "BEGIN")
        await wake(group)
        return Equb(group, treasurer, joined)

    return list(await asyncio.gather(*(one(name) for name in range(count))))


async def _send(here: Town, equbs: list[Equb], load: Load, *, seconds: float) -> None:
    """Each free hand takes the next member and says what a member's week is made of."""
    deadline = time.perf_counter() + seconds
    # By turns through the groups, so that one treasurer is not waited for by everybody.
    weeks = itertools.cycle([(equb, *equb.members[n]) for n in range(len(equbs[0].members)) for equb in equbs])
    reads = itertools.cycle(READS)
    free = {id(member): asyncio.Lock() for equb in equbs for _, member in equb.members}

    async def hand() -> None:
        while time.perf_counter() < deadline:
            equb, number, member = next(weeks)
            async with free[id(member)]:
                await _twice(here, load, member, f"PAY {AMOUNT}")
                await _twice(here, load, member, "STATUS")
                async with equb.turn:
                    await _twice(here, load, equb.treasurer, f"CASH {number} {AMOUNT}")
                await _twice(here, load, member, "ROUND")
                await _twice(here, load, member, next(reads))

    await asyncio.gather(*(hand() for _ in range(SIDE_BY_SIDE)))


async def _twice(here: Town, load: Load, who: Phone, words: str) -> None:
    letter = here.letter(who, words)
    begun = time.perf_counter()
    first, second = await asyncio.gather(here.post(letter, process=0), here.post(letter, process=1))
    load.took_ms.append((time.perf_counter() - begun) * 1000)
    prove(who.channel != TWILIO or first == second != "", f"both copies get the same answer ({words})")
    load.done[words.split()[0]] += 1
    load.external_ids.append(letter.external_id)


async def _rest(here: Town) -> None:
    """Until every reply is delivered."""
    for _ in range(300):
        if not await here.value("SELECT count(*) FROM outbox WHERE tenant_id = :t AND state = 'sending'"):
            return
        await asyncio.sleep(0.1)
    prove(held=False, promise="replies are delivered within half a minute")


async def _books(here: Town) -> Counter[str]:
    """How many rows there are of everything that a command writes."""
    found: Counter[str] = Counter()
    for table in ("inbox", "payments", "ledger_transfers"):
        found[table] = await here.value(f"SELECT count(*) FROM {table} WHERE tenant_id = :t")  # noqa: S608 (our names)
    found["replies"] = await here.value("SELECT count(*) FROM outbox WHERE tenant_id = :t AND priority = 0")
    return found


async def _prove(here: Town, load: Load, before: Counter[str]) -> None:
    unique = sum(load.done.values())
    made = await _books(here)
    made.subtract(before)
    prove(made["inbox"] == unique, f"one row in the inbox for each of {unique} commands, not {made['inbox']}")
    known = await here.value("SELECT count(*) FROM inbox WHERE external_id = ANY(:ids)", ids=load.external_ids)
    prove(known == unique, f"every command is in the inbox: {known} of {unique}")
    odd = await here.rows("SELECT state, failure, count(*) FROM inbox WHERE state <> 'done' GROUP BY 1, 2")
    prove(not odd, f"every command was done: {odd}")
    without = await here.value(
        "SELECT count(*) FROM inbox i WHERE i.external_id = ANY(:ids) AND (SELECT count(*) FROM outbox o"
        " WHERE o.inbox_id = i.id AND o.priority = 0) <> 1",
        ids=load.external_ids,
    )
    prove(without == 0 and made["replies"] == unique, f"one reply for each command: {without} have not")
    unsaid = await here.rows("SELECT state, count(*) FROM outbox WHERE priority = 0 AND state <> 'sent' GROUP BY 1")
    prove(not unsaid, f"every reply was sent: {unsaid}")
    prove(made["payments"] == load.done["PAY"], f"one payment for each PAY: {made['payments']}")
    prove(made["ledger_transfers"] == load.done["CASH"], f"one transfer for each CASH: {made['ledger_transfers']}")
    booked = await here.value("SELECT sum(amount_minor)::bigint FROM ledger_transfers WHERE tenant_id = :t")
    prove(booked == load.done["CASH"] * AMOUNT * 100, f"the sum of the transfers: {booked}")
    async with transaction(here.tenant.id) as tx:
        report = await audit(tx.session)
    prove(report.sound, f"the audit is clean: {report.findings[:3]}")
