"""What a command and a round's steps read of the database, early in a cycle and late: the same, or rounds held cost.

A group of 600 members and 120 lots. PostgreSQL itself says for each statement how many pages it looked at
(``auto_explain``), which does not depend on what else the machine does. Between the two looks the rounds are held with
core's own verbs, contributions posted in bulk, pots paid out, nobody told.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench.addis import FULL, QUICK, Size
from bench.figures import Figure, digits, prove
from bench.groups import large_group, pay_in_bulk
from bench.machine import Machine
from bench.papers import nobody_told, pay_out
from bench.steps import back_to_now
from bench.town import HTTP, TWILIO, Phone, Town, pass_time, phone, town
from core import clock
from core.cycle import rounds
from core.db import dispose, transaction
from core.groups import Group

SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_parameter_max_length": "0",
}
Seen = dict[str, Counter[str]]  # what was done → statement → pages

_PLAN = re.compile(r"plan:\n(.*?\n\t\})\n", re.DOTALL)


class Pages:
    """What PostgreSQL has written down about statements since it was asked last."""

    def __init__(self, log: Path) -> None:
        self.log, self.read = log, 0

    def since(self) -> Counter[str]:
        """Statement → pages."""
        text = self.log.read_bytes()[self.read :].decode(errors="replace")
        self.read += len(text.encode())
        pages: Counter[str] = Counter()
        for found in _plans(text):
            top = found["Plan"]
            looked = top.get("Shared Hit Blocks", 0) + top.get("Shared Read Blocks", 0)
            pages[" ".join(found["Query Text"].split())] += looked
        return pages


def _plans(text: str) -> Iterator[dict[str, Any]]:
    for found in _PLAN.finditer(text):
        yield json.loads(found[1])


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Each command and the steps of a round, in the second round and in one of the last."""
    async with _explained(machine):
        here = await town(machine, "late")
        early, late, held = await _both_looks(machine, here, QUICK if quick else FULL)
    return [_figure(what, early[what], late[what], held) for what in early]


async def _both_looks(machine: Machine, here: Town, size: Size) -> tuple[Seen, Seen, list[int]]:
    """What was read in the second round and in one of the last, and how many rounds had been held before each."""
    group = await large_group(here, size, lots_per_round=1)
    await here.rows("UPDATE people SET consented_at = created_at WHERE tenant_id = :t RETURNING 1")
    await here.rows("UPDATE addresses SET verified_at = created_at WHERE tenant_id = :t RETURNING 1")
    pages = Pages(machine.home / "log" / "postgresql.log")
    looks: list[Seen] = []
    held = [1, size.lots - 2]
    for number in range(held[-1] + 1):
        if number in held:
            await _as_usual(machine)
            looks.append(await _look(here, group, pages))
        else:
            with nobody_told():
                await _hold(here, group)
    back_to_now()
    return looks[0], looks[1], held


def _figure(what: str, early: Counter[str], late: Counter[str], held: list[int]) -> Figure:
    grown = {statement: late[statement] - early[statement] for statement in late}
    worst = max(grown, key=lambda statement: grown[statement])
    note = f"{digits(early.total())} after {held[0]} round"
    if grown[worst] > max(20, early.total() // 5):
        note += f"; most of it more by {grown[worst]}: {worst[:100]}"
    return Figure(
        f"{what}, after {held[1]} rounds", late.total(), "pages", late.total() / max(early.total(), 1), "early", note
    )


@asynccontextmanager
async def _explained(machine: Machine) -> AsyncIterator[None]:
    """Have every statement of the program explained meanwhile."""
    # What tidies up by itself would do so in the one look and not in the other.
    await _anew(
        machine,
        *(f"ALTER ROLE equb_app SET {name} = '{value}'" for name, value in SETTINGS.items()),
        "ALTER SYSTEM SET autovacuum = off",
    )
    try:
        yield
    finally:
        await _anew(
            machine, *(f"ALTER ROLE equb_app RESET {name}" for name in SETTINGS), "ALTER SYSTEM RESET autovacuum"
        )


async def _anew(machine: Machine, *settings: str) -> None:
    """Change settings; every connection of the program ends, and the next has them."""
    superuser = await asyncpg.connect(machine.place.superuser_url("equb"))
    try:
        for statement in (*settings, "SELECT pg_reload_conf()"):
            await superuser.execute(statement)
        await dispose()
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'equb_app' AND state = 'idle'"
        )
    finally:
        await superuser.close()


async def _as_usual(machine: Machine) -> None:
    """Tidied up, as it is with autovacuum."""
    superuser = await asyncpg.connect(machine.place.superuser_url("equb"))
    try:
        await superuser.execute("VACUUM ANALYZE")
    finally:
        await superuser.close()


async def _look(here: Town, group: Group, pages: Pages) -> Seen:
    """A round as people hold it: some pay by writing, the rest in bulk; then what falls due, and the payout."""
    organiser, seen = Phone(TWILIO, phone(1, HTTP).address, "Person 1"), dict[str, Counter[str]]()
    due = {m: minor // 100 for m, minor in await _owed(here, group)}
    warm, claims, some = ([n for n in due if n > 1][start : start + 2] for start in (0, 2, 4))

    async def look(what: str, *letters: tuple[Phone, str, str]) -> None:
        pages.since()
        for who, words, answer in letters:
            said = await here.say(who, words)
            prove(answer in said, f"{words!r} is answered with {answer!r}: {said}")
        await asyncio.sleep(0.1)
        seen[what] = Counter({s: n // len(letters) for s, n in pages.since().items()})

    def of(number: int) -> Phone:
        return Phone(TWILIO, phone(number, HTTP).address, f"Person {number}")

    # The first of each fills caches, in each of the two processes and on whichever connection they use then.
    for number in (*warm, *warm):
        await here.say(organiser, f"CASH {number} {due[number]}")
        await here.say(organiser, "1")
    for words in ("STATUS", "ROUND", "WHO"):
        for number in warm:
            await here.say(of(number) if words != "WHO" else organiser, words)
    await look("STATUS", *((of(n), "STATUS", "owe") for n in some))
    await look("PAY", *((of(n), f"PAY {due[n]}", "") for n in claims))
    await look("CASH for a claim", *((organiser, f"CASH {n} {due[n]}", "Recorded") for n in claims))
    await look("CASH", *((organiser, f"CASH {n} {due[n]}", "Recorded") for n in some))
    await look("ROUND", *((of(n), "ROUND", "") for n in some))
    await pay_in_bulk(here, group, but=max(due))
    await look("WHO", *((organiser, "WHO", "") for _ in range(2)))

    async def step(what: str, doing: Callable[[], Awaitable[Any]]) -> None:
        pages.since()
        await doing()
        await asyncio.sleep(0.1)
        seen[what] = pages.since()

    async with transaction(here.tenant.id) as tx:
        current = await rounds.current_round(tx, group)
    assert current is not None
    until = current.draw_at + timedelta(minutes=1)
    await step("reminding, freezing, drawing, opening", lambda: pass_time(here, group, until))
    await step("paying a pot out", lambda: pay_out(here, group))
    return seen


async def _owed(here: Town, group: Group) -> list[tuple[int, int]]:
    """(member's number, what they owe in minor units)"""
    async with transaction(here.tenant.id) as tx:
        open_ones = await rounds.open_dues(tx, group.group_id)
    numbers = dict(
        [tuple(row) for row in await here.rows("SELECT id, number FROM members WHERE group_id = :g", g=group.group_id)]
    )
    owed: Counter[int] = Counter()
    for due in open_ones:
        owed[numbers[due.member_id]] += due.open_minor
    return sorted(owed.items())


async def _hold(here: Town, group: Group) -> None:
    await pay_in_bulk(here, group)
    async with transaction(here.tenant.id) as tx:
        current = await rounds.current_round(tx, group)
    assert current is not None and current.draw_at > clock.now()
    await pay_out(here, group)
    await pass_time(here, group, current.draw_at + timedelta(minutes=1))
