"""Papers about a large group at the end of its cycle: 600 members, 120 lots, 120 rounds, 72,000 contributions.

The group is arranged with core's own verbs (contributions posted in bulk, nobody told: notices are measured
elsewhere). Then each paper is made as it is for somebody who asks: read from the database, compared with the ledger,
put into its form. The goal for each is 2 s.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bench.addis import FULL, QUICK
from bench.figures import Figure, against_goal, digits, median
from bench.groups import large_group, pay_in_bulk
from bench.machine import Machine
from bench.steps import back_to_now
from bench.town import Town, pass_time, town
from core import groups, papers, payouts
from core.cycle import rounds
from core.db import transaction
from core.groups import Group
from core.papers import Hand
from core.telling import outbox

GOAL_SECONDS = 2.0


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Every form of the book, one statement, the circle."""
    here = await town(machine, "papers")
    size = QUICK if quick else FULL
    group = await arrange(here, size.lots if quick else FULL.lots, quick=quick)
    back_to_now()
    times = 1 if quick else 3
    reading = [await _read(here, group) for _ in range(times)]
    book = reading[-1][1]
    figures = [
        Figure(
            "reading the book and comparing it with the ledger",
            median([seconds for seconds, _ in reading]),
            "s median",
            note=f"{len(book.members)} members, {len(book.rounds)} rounds, {len(book.dues):,} dues",
        )
    ]
    for form, language in (("csv", "en"), ("xlsx", "en"), ("xlsx", "am"), ("pdf", "en"), ("pdf", "am")):
        seconds, made = [], b""
        for _ in range(times):
            begun = time.perf_counter()
            _, book = await _read(here, group, with_transfers=form == "xlsx")
            made = papers.RENDERERS[form](book, Hand.of(language, here.tenant.timezone))
            seconds.append(time.perf_counter() - begun)
        note = f"{digits(len(made) / 1024)} KiB; longest {digits(max(seconds))}"
        figures.append(
            against_goal(f"the whole book, {form}, {language}", median(seconds), "s", GOAL_SECONDS, note=note)
        )
    return [*figures, *await _small(here, group, times)]


async def _small(here: Town, group: Group, times: int) -> list[Figure]:
    """One member's statement and the picture."""
    statement, picture, made = [], [], b""
    for _ in range(times):
        begun = time.perf_counter()
        async with transaction(here.tenant.id, snapshot=True) as tx:
            book = await papers.of_member(tx, here.tenant, group, 2)
        papers.RENDERERS["pdf"](book, Hand.of("am", here.tenant.timezone))
        statement.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        async with transaction(here.tenant.id, snapshot=True) as tx:
            circle = await papers.circle_of(tx, group)
        made = papers.draw_circle(circle, Hand.of("am", here.tenant.timezone))
        picture.append(time.perf_counter() - begun)
    return [
        against_goal("one member's statement, pdf, am", median(statement), "s", GOAL_SECONDS),
        against_goal("the circle, png, am", median(picture), "s", GOAL_SECONDS, note=f"{digits(len(made) / 1024)} KiB"),
    ]


async def _read(here: Town, group: Group, *, with_transfers: bool = False) -> tuple[float, Any]:
    begun = time.perf_counter()
    async with transaction(here.tenant.id, snapshot=True) as tx:
        present = await groups.by_id(tx, group.group_id)
        book = await papers.whole(tx, here.tenant, present, with_transfers=with_transfers)
    return time.perf_counter() - begun, book


async def arrange(here: Town, lots: int, *, quick: bool) -> Group:
    """A group with every round held, everybody paid, and every pot but the last paid out."""
    group = await large_group(here, QUICK if quick else FULL, lots_per_round=1)
    with nobody_told():
        for _ in range(lots):
            await pay_in_bulk(here, group)
            async with transaction(here.tenant.id) as tx:
                current = await rounds.current_round(tx, group)
            assert current is not None
            await pay_out(here, group)
            await pass_time(here, group, current.draw_at + timedelta(minutes=1))
    return await here.group(group.group_id)


async def pay_out(here: Town, group: Group) -> None:
    """The organiser pays out what the pots hold for those who were found."""
    async with transaction(here.tenant.id) as tx:
        for leg in await payouts.waiting(tx, group):
            if leg.now_minor:
                seat = (await groups.seats(tx, group.group_id, number=1))[0]
                await payouts.pay(tx, group, leg.leg.id, payer=seat.member)


@contextmanager
def nobody_told() -> Iterator[None]:
    """Hold rounds without a word about them."""
    tell: Callable[..., Any] = outbox.tell

    async def nothing(*_arguments: object, **_named: object) -> int:
        return 0

    outbox.tell = nothing
    try:
        yield
    finally:
        outbox.tell = tell
