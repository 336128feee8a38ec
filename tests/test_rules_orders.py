"""Worked examples of how lots are found: each order played through the front door, in figures."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example
from neighbours import ABEBE, HANA, LEMA, SARA, WEEK, Neighbours, always_the_same, neighbours
from talking import ADDIS

from core.cycle import rounds
from core.db import transaction
from core.rules import Auction, Rules, Stage


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # The first due time is a week later, at 12:00.
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


async def found(equb: Neighbours) -> list[tuple[int, str, int]]:
    """(round, how, lot) of every lot that was found, in order."""
    rows = await equb.doors.rows(
        "SELECT r.number, d.kind, l.number FROM draws d"
        " JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
        " JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id WHERE d.group_id = :g"
        " ORDER BY r.cycle, r.number, d.ordinal",
        g=equb.group.group_id,
    )
    return [(number, kind, lot) for number, kind, lot in rows]


async def listed(equb: Neighbours, number: int) -> tuple[str, str]:
    """The lots on a round's list, and those left out with their reasons."""
    async with transaction(equb.doors.tenant.id) as tx:
        round_ = await rounds.round_by_number(tx, equb.group, number)
        assert round_ is not None
        frozen = await rounds.draw_list(tx, round_)
        assert frozen is not None
    within = ", ".join(label.lstrip("L0") for label in frozen.list_text.split())
    return within, ", ".join(f"{label.lstrip('L0')} ({why.replace('_', ' ')})" for label, why in frozen.exclusions)


async def test_a_round_has_its_hours(doors: Doors, example: Example) -> None:
    """A weekly equb that begins on Tuesday 24 November 2026; due at 18:00, 6 hours of grace, a reminder 48 hours
    before, the draw half an hour after the cut-off. Hana pays when the reminder has come."""
    example.chapter("Rhythm and days")
    equb = await neighbours(doors, due_hour=18, grace_hours=6, remind_hours=48, draw_delay_minutes=30)
    await equb.everybody_pays(besides=(4,))
    await doors.pass_time(timedelta(days=5))
    await equb.cash(4, 500)
    await equb.draw()
    (begun_at, *hours) = (
        await doors.rows(
            "SELECT opens_at, reminded_at, due_at, cutoff_at, draw_at FROM rounds WHERE group_id = :g AND number = 1",
            g=equb.group.group_id,
        )
    )[0]
    for what, at in zip(("reminder", "due", "cut-off", "draw"), hours, strict=True):
        example.row(what, round_1=f"{at.astimezone(ADDIS):%a %-d %b %H:%M}")
    reminded_at, due_at, cutoff_at, draw_at = hours
    assert abs(due_at - reminded_at - timedelta(hours=48)) < timedelta(minutes=1)
    assert cutoff_at - due_at == timedelta(hours=6)
    assert draw_at - cutoff_at == timedelta(minutes=30)
    assert begun_at < reminded_at


async def test_a_lot_is_drawn_among_those_that_have_paid(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week, one drawn in each round. Sara, who holds lots 2 and 3, does not pay round 2 in
    time, and pays it before round 3."""
    example.chapter("Orders")
    equb = await neighbours(doors)
    for number in (1, 2, 3):
        await equb.everybody_pays(besides=(2,) if number == 2 else ())
        if number == 3:
            await equb.cash(2, 2000)
        lot = await equb.draw()
        within, out = await listed(equb, number)
        assert str(lot) in within.split(", ")
        example.row(f"round {number}", on_the_list=within, left_out=out or "–", came_up=lot)
    assert len({lot for _, _, lot in await found(equb)}) == 3


async def test_turns_that_are_drawn_once_stand_for_the_whole_cycle(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; before round 1 one draw gives every lot its turn."""
    example.chapter("Orders")
    equb = await neighbours(doors, order="drawn_once")
    for _ in range(4):
        await equb.everybody_pays()
        await equb.draw()
    came = await found(equb)
    rows = await doors.rows(
        "SELECT o.ordinal, l.number FROM order_draws o JOIN lots l ON l.group_id = o.group_id AND l.id = o.lot_id"
        " WHERE o.group_id = :g ORDER BY 1",
        g=equb.group.group_id,
    )
    for (ordinal, lot), (number, kind, received) in zip(rows, came, strict=True):
        assert (ordinal, lot, kind) == (number, received, "turn")
        example.row(f"round {number}", drawn_before_round_1=lot, received=received)


async def test_the_officers_decide_who_needs_it_first(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; need first. In round 1 Hana, with half of lot 4, says that her child is ill; in
    round 2 nobody says anything. Abebe, an officer, decides both times, and everybody hears who decided."""
    example.chapter("Orders")
    equb = await neighbours(doors, order="need")
    for number, needy, decided in ((1, "Hana", 4), (2, "", 2)):
        await equb.everybody_pays()
        if needy:
            assert "officers are told" in await equb.sms(HANA, "NEED my child is ill")
        await doors.pass_time(WEEK)
        assert "Sure?" in await equb.sms(ABEBE, f"DECIDE {decided}")
        await equb.sms(ABEBE, "1")
        await doors.wake()
        _, kind, lot = (await found(equb))[-1]
        assert kind == "need"
        example.row(f"round {number}", says_they_need_it=needy or "nobody", decided_for_member=decided, lot=lot)
    heard = [said for (said,) in await doors.rows("SELECT text FROM outbox WHERE kind IN ('draw_held', 'your_turn')")]
    assert sum("decided by Abebe" in said for said in heard) == 8, "four members hear it, twice"


async def test_the_first_pot_goes_to_the_organiser(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; round 1 goes to the organiser's first lot, the others are drawn."""
    example.chapter("Orders")
    equb = await neighbours(doors, first_to_organiser=True)
    for number in (1, 2):
        await equb.everybody_pays()
        await equb.draw()
        _, kind, lot = (await found(equb))[-1]
        within, _ = await listed(equb, number)
        example.row(f"round {number}", on_the_list=within, how=kind, lot=lot)
    assert (await found(equb))[0] == (1, "organiser", 1)
    assert (await found(equb))[1][1] == "drawn"


async def test_the_order_may_change_with_a_round(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week: two rounds are drawn, then the officers decide."""
    example.chapter("Orders")
    equb = await neighbours(doors, later_orders=(Stage(from_round=3, order="need"),))
    for number in (1, 2, 3):
        await equb.everybody_pays()
        await doors.pass_time(WEEK)
        if number == 3:
            left = {1: 1, 2: 2, 3: 2, 4: 3}
            waiting = min(set(left) - {lot for _, _, lot in await found(equb)})
            await equb.sms(ABEBE, f"DECIDE {left[waiting]}")
            await equb.sms(ABEBE, "1")
            await doors.wake()
        _, kind, lot = (await found(equb))[-1]
        example.row(f"round {number}", how=kind, lot=lot)
    assert [kind for _, kind, _ in await found(equb)] == ["drawn", "drawn", "need"]


async def test_the_highest_of_sealed_bids_receives_and_the_others_get_a_dividend(
    doors: Doors, example: Example
) -> None:
    """Four lots of 1,000 birr a week, auctioned with sealed bids; what a bid leaves is paid out to all lots alike. Sara
    leaves 300 birr, Lema 200 for the lot that she shares with Hana."""
    example.chapter("Orders")
    equb = await neighbours(doors, order="auction", auction=Auction(form="sealed", share="dividend"))
    for phone, amount in ((SARA, 300), (LEMA, 200)):
        assert "Bid it?" in await equb.sms(phone, f"BID {amount}")
        await equb.sms(phone, "1")
    await equb.everybody_pays()
    assert await equb.draw() == 2
    await equb.pay_out()
    pot, dividend = await equb.received(), await equb.received("dividend")
    for number, name, bid in ((1, "Abebe", 0), (2, "Sara", 300), (3, "Lema", 200), (4, "Hana", 0)):
        example.row(
            name,
            bid=bid,
            of_the_pot=equb.group.money(pot.get(number, 0)),
            dividend=equb.group.money(dividend.get(number, 0)),
        )
    assert sum(pot.values()) + sum(dividend.values()) == 400_000


async def test_several_lots_are_drawn_in_a_round(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week, two drawn in a round: two rounds, and a pot is half of what comes in."""
    example.chapter("Orders")
    equb = await neighbours(doors, lots_per_round=2)
    for _ in range(2):
        await equb.everybody_pays()
        await equb.draw()
    rules: Rules = equb.group.rule_set
    for number in (1, 2):
        lots = sorted(lot for round_, _, lot in await found(equb) if round_ == number)
        assert len(lots) == 2
        pots = equb.group.money(rules.pot_minor)
        example.row(f"round {number}", lots=", ".join(map(str, lots)), pot_of_each=pots)
    assert sorted(lot for _, _, lot in await found(equb)) == [1, 2, 3, 4]


async def test_two_halves_of_different_lots_become_one(doors: Doors, example: Example) -> None:
    """Lots 2 and 3 are shared by two each. Lema and Kebede put their halves together when all four have agreed; Hana
    and Meron are left with the other lot. Everybody goes on paying 500 birr."""
    example.chapter("Lots, shares and pots")
    group = await doors.found(ABEBE, "Abebe", "NEW Merkato 1000 3 weekly")
    people = {2: (SARA, "Lema"), 3: (LEMA, "Hana"), 4: (HANA, "Kebede"), 5: ("+251911000005", "Meron")}
    for phone, name in people.values():
        await doors.register(phone, name, f"JOIN {group.code} 1/2")
    assert "begins" in await doors.sms(ABEBE, "BEGIN")
    await doors.wake()
    equb = Neighbours(doors, await doors.group(group.code))
    before = await held_by(equb)
    await equb.sms(SARA, "MERGE Kebede")
    await equb.see()
    for number in (3, 4, 5):
        await equb.sms(people[number][0], "1")
    now = await held_by(equb)
    for number, (_, name) in people.items():
        example.row(name, lot_before=before[number], lot_now=now[number], pays=equb.group.money(50_000))
    assert now[2] == now[4] != now[3] == now[5]


async def held_by(equb: Neighbours) -> dict[int, int]:
    """Member → the lot of which they hold a part."""
    rows = await equb.doors.rows(
        "SELECT m.number, l.number FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
        " JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id WHERE h.group_id = :g",
        g=equb.group.group_id,
    )
    return dict(rows)
