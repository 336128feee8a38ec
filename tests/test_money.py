"""Money in every form, through the front door: fees apart, fines, funds, netting, short pots."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example
from neighbours import ABEBE, DAY, HANA, LEMA, SARA, WEEK, always_the_same, birr, neighbours

from core import clock, groups
from core.db import transaction
from core.rules import Deduction, Fee, Fine
from core.treasury import contributions


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # The first due time is a week later, at 12:00.
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


# --- Fees ------------------------------------------------------------------------------------------


async def test_a_fee_apart_is_paid_once_for_each_lot(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; the organiser's fee is 100 birr a lot, paid apart with the first round. Sara
    holds two lots; Lema and Hana share one."""
    example.chapter("Fees")
    equb = await neighbours(doors, fee=Fee(kind="flat", value=10_000, collect="begin"))
    for number, name, lots in ((1, "Abebe", "1"), (2, "Sara", "2"), (3, "Lema", "1/2"), (4, "Hana", "1/2")):
        fee = await equb.owed(number, "fee")
        example.row(name, lots=lots, contribution=birr(await equb.owed(number, "contribution")), fee=birr(fee))
    assert [await equb.owed(n, "fee") for n in (1, 2, 3, 4)] == [10_000, 20_000, 5_000, 5_000]
    assert "Of it organiser's fee: 100 birr" in await equb.sms(ABEBE, "PAY 1100")
    assert await equb.holds("fee/organiser") == 10_000
    assert "Sara: 2,200 birr, of it organiser's fee 200 birr" in await equb.sms(ABEBE, "WHO")
    for number, amount in ((2, 2200), (3, 550), (4, 550)):
        await equb.cash(number, amount)
    await equb.draw()
    await equb.pay_out()
    assert sum((await equb.received()).values()) == 400_000, "the fee is not taken from the pot as well"
    assert await equb.holds("fee/organiser") == 40_000


async def test_a_fee_with_every_round_adds_up_to_the_whole_fee(doors: Doors) -> None:
    equb = await neighbours(doors, fee=Fee(kind="flat", value=9_999, collect="round"))
    fees = []
    for _ in range(4):
        fees.append(await equb.owed(1, "fee"))
        for number in (1, 2, 3, 4):
            owed = await equb.owed(number)
            async with transaction(doors.tenant.id) as tx:
                seat = (await groups.seats(tx, equb.group.group_id, number=number))[0].member
                officer = (await groups.seats(tx, equb.group.group_id, number=1))[0].member
                found = await groups.by_id(tx, equb.group.group_id)
                await contributions.record(tx, found, seat, amount_minor=owed, holder=officer)
        await equb.draw()
    assert sum(fees) == 9_999
    assert await equb.holds("fee/organiser") == 4 * 9_999


# --- Fines -----------------------------------------------------------------------------------------


async def test_a_fine_counts_from_when_the_payer_said_it(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; a fine of 50 birr for who has not paid 24 hours after the due time. Sara, who
    holds two lots, says in time that she has paid, and the collector gets to it two days later."""
    example.chapter("Fines")
    equb = await neighbours(doors, fine=Fine(kind="flat", value=5_000, grace_hours=24), grace_hours=48)
    await equb.cash(1, 1000)
    await equb.sms(SARA, "PAY 2000")
    await equb.sms(LEMA, "PAY 500")
    await doors.pass_time(timedelta(days=6, hours=1))
    assert await equb.fined(2) == 0, "a claim that waits holds the fine back"
    assert await equb.fined(3) == 0
    assert await equb.fined(4) == 5_000
    assert any("a fine of 50 birr, because round 1 was not paid in time" in t for t in await equb.told("fined"))
    assert "Recorded" in await equb.cash(2, 2000)
    example.row("Sara: said in time, recorded two days late", fine=birr(await equb.fined(2)))
    await equb.see()
    await equb.sms(ABEBE, "2")
    assert await equb.fined(3) == 5_000, "what was declined was never paid"
    example.row("Lema: said in time, and it never came", fine=birr(await equb.fined(3)))
    example.row("Hana: said nothing", fine=birr(await equb.fined(4)))
    assert await equb.fined(2) == 0
    assert "you owe 550 birr" in (said := await equb.sms(HANA, "STATUS"))
    assert "Of it fine: 50 birr" in said
    await equb.cash(4, 550)
    assert await equb.holds("fund/fines") == 5_000
    example.note("Hana's fine goes to the group's fund of fines when she pays it.")


@pytest.mark.parametrize(("per", "expected"), [("member", 9_000), ("due", 18_000)])
async def test_every_day_late_is_fined_up_to_the_cap(doors: Doors, per: str, expected: int) -> None:
    fine = Fine(kind="daily", value=4_000, most_minor=9_000, per=per, to="organiser")
    equb = await neighbours(doors, fine=fine, grace_hours=120)
    await equb.everybody_pays(besides=(2,))
    await doors.pass_time(2 * DAY)
    days = [await equb.fined(2)]
    for _ in range(4):
        await doors.pass_time(DAY)
        days.append(await equb.fined(2))
    assert days[-1] == expected
    assert days == sorted(days)
    assert [await equb.fined(n) for n in (1, 3, 4)] == [0, 0, 0]
    await equb.cash(2, 2000 + expected // 100)
    assert await equb.holds("fee/organiser") == expected
    await doors.pass_time(DAY)
    assert await equb.fined(2) == expected, "paid is paid"


async def test_a_fine_for_every_day_grows_up_to_its_cap(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; a fine of 40 birr for every day late, at most 90 birr, to the organiser. Sara,
    with two lots, does not pay round 1."""
    example.chapter("Fines")
    fine = Fine(kind="daily", value=4_000, most_minor=9_000, to="organiser")
    equb = await neighbours(doors, fine=fine, grace_hours=120)
    await equb.everybody_pays(besides=(2,))
    due_at = await doors.value("SELECT due_at FROM rounds WHERE group_id = :g AND number = 1", g=equb.group.group_id)
    for hours in (0, 1, 25, 49, 73):
        await doors.pass_time(due_at + timedelta(hours=hours) - clock.now())
        example.row(f"{hours} hours after falling due", fine=birr(await equb.fined(2)))
    await equb.cash(2, 2090)
    assert await equb.holds("fee/organiser") == 9_000


async def test_a_part_of_what_is_open_is_fined(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; a fine of 5 percent of what is open at the due time."""
    example.chapter("Fines")
    equb = await neighbours(doors, fine=Fine(kind="per_mille", value=50), grace_hours=24)
    await equb.everybody_pays(besides=(2, 3))
    await equb.cash(2, 1500)
    await doors.pass_time(WEEK)
    for number, name, paid in ((2, "Sara, two lots", 150_000), (3, "Lema, half a lot", 0), (1, "Abebe", 100_000)):
        example.row(name, paid_in_time=birr(paid), fine=birr(await equb.fined(number)))
    assert [await equb.fined(n) for n in (1, 2, 3, 4)] == [0, 2_500, 2_500, 0]


async def test_excused_and_deferred_dues_are_not_fined(doors: Doors) -> None:
    equb = await neighbours(doors, fine=Fine(kind="daily", value=1_000), grace_hours=24)
    await equb.sms(ABEBE, "EXCUSE 3 mourning")
    await equb.sms(ABEBE, "DEFER 4 2 rounds harvest")
    await equb.everybody_pays(besides=(3, 4))
    await doors.pass_time(WEEK + 2 * DAY)
    assert [await equb.fined(n) for n in (1, 2, 3, 4)] == [0, 0, 0, 0]


async def test_an_officer_fines_and_takes_it_back(doors: Doors) -> None:
    equb = await neighbours(doors, fine=Fine(to="charity"))
    assert "Sara is fined 70 birr" in await equb.sms(ABEBE, "FINE 2 70 came late to the meeting")
    assert await equb.told("fine_imposed") == [
        "Merkato: the officers fined you 70 birr. Reason: came late to the meeting"
    ]
    await equb.cash(2, 2070)
    assert await equb.holds("fund/charity") == 7_000
    assert "Only the officers" in await equb.sms(SARA, "FINE 3 10 no reason")
    await equb.sms(ABEBE, "FINE 3 20 wrong name")
    assert "Taken back: the fine of 20 birr for Lema" in await equb.sms(ABEBE, "UNDO")
    assert await equb.fined(3) == 0
    assert len(await equb.told("fine_excused")) == 1


async def test_fines_kept_for_the_members_come_back_to_all_lots_alike(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; a fine of 100 birr, kept for the members. Sara pays late in round 1."""
    example.chapter("Fines")
    equb = await neighbours(doors, fine=Fine(kind="flat", value=10_000, to="members"), grace_hours=24)
    for week in range(4):
        await equb.everybody_pays(besides=(2,) if week == 0 else ())
        await equb.draw()
        if week == 0:
            await doors.pass_time(DAY)
            await equb.cash(2, 2100)
        await equb.pay_out()
    await doors.pass_time(DAY)
    assert await equb.holds("fund/members") == 10_000
    await equb.pay_out()
    dividends = await equb.received("dividend")
    assert dividends == {1: 2_500, 2: 5_000, 3: 1_250, 4: 1_250}
    for number, name in (
        (1, "Abebe, one lot"),
        (2, "Sara, two lots"),
        (3, "Lema, half a lot"),
        (4, "Hana, half a lot"),
    ):
        example.row(name, comes_back=birr(dividends[number]))
    await doors.pass_time(8 * DAY)
    assert (await doors.group(equb.group.code)).status == "closed"
    assert await equb.holds("fund/members") == 0


# --- Deductions and funds --------------------------------------------------------------------------


async def test_a_fund_is_spent_only_when_others_agree(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; 2 percent of each pot to a reserve, and 60 birr of the first for food. Abebe, the
    only officer, wants to spend 40 birr of the food money: two members must agree."""
    example.chapter("Deductions and funds")
    deductions = (
        Deduction(name="reserve", kind="per_mille", value=20),
        Deduction(name="food", kind="flat", value=6_000, rounds="first"),
    )
    equb = await neighbours(doors, deductions=deductions)
    for _ in range(2):
        await equb.everybody_pays()
        await equb.draw()
        await equb.pay_out()
    assert (await equb.holds("fund/reserve"), await equb.holds("fund/food")) == (16_000, 6_000)
    assert sum((await equb.received()).values()) == 2 * 400_000 - 22_000
    assert "Ask the others?" in await equb.sms(ABEBE, "SPEND food 40 coffee for the meeting")
    await equb.sms(ABEBE, "1")
    await equb.see()
    await equb.sms(SARA, "1")
    assert await equb.holds("fund/food") == 6_000, "one is not enough"
    await equb.sms(HANA, "1")
    assert await equb.holds("fund/food") == 2_000
    assert (await equb.told("spent"))[0].endswith("was spent for: coffee for the meeting. 20 birr is left.")
    assert "The fund holds 20 birr" in await equb.sms(ABEBE, "SPEND food 30 more coffee") + await equb.sms(ABEBE, "1")
    example.row("Reserve, after two pots of 4,000", fund=birr(16_000))
    example.row("Food, after the first pot", fund=birr(6_000))
    example.row("Food, after 40 birr were spent", fund=birr(await equb.holds("fund/food")))


# --- Pots that are not full ------------------------------------------------------------------------


async def test_a_group_that_waits_pays_a_pot_only_when_it_is_whole(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; a pot is paid only when it is whole. Sara, with two lots, pays after the draw."""
    example.chapter("Pots that are not full")
    equb = await neighbours(doors, shortfall="wait")
    await equb.everybody_pays(besides=(2,))
    lot = await equb.draw()
    number = 1 if lot == 1 else 3
    answer = await equb.sms(ABEBE, f"PAYOUT {number}")
    assert "2,000 birr is missing" in answer
    assert any("2,000 birr is still missing" in said for said in await equb.told("pot_waits"))
    example.row("after the draw", in_the_pot=birr(await equb.holds("pot/1/1")), paid_out=birr(0))
    await equb.cash(2, 4000)
    await equb.pay_out()
    received = await equb.received()
    assert sum(received.values()) == 400_000
    example.row("when Sara has paid", in_the_pot=birr(400_000), paid_out=birr(sum(received.values())))


async def test_the_reserve_fills_a_small_pot_and_gets_it_back(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; 10 percent of each pot to a reserve that fills pots that are not full. Sara pays
    1,500 of her 2,000 birr late in round 2."""
    example.chapter("Pots that are not full")
    equb = await neighbours(
        doors, shortfall="reserve", deductions=(Deduction(name="reserve", kind="per_mille", value=100),)
    )
    await equb.everybody_pays()
    await equb.draw()
    await equb.pay_out()
    assert await equb.holds("fund/reserve") == 40_000
    example.row("after round 1", reserve=birr(40_000), paid_out=birr(360_000))
    await equb.everybody_pays(besides=(2,))
    await equb.cash(2, 500)
    await equb.draw()
    await equb.pay_out()
    second = sum((await equb.received()).values()) - 360_000
    # 2,500 came in and 400 from the reserve; a tenth of that stays for the reserve until the pot is full.
    assert second == 261_000
    example.row("round 2, 1,500 missing", reserve=birr(await equb.holds("fund/reserve")), paid_out=birr(second))
    await equb.cash(2, 1500)
    await equb.pay_out()
    assert await equb.holds("fund/reserve") == 80_000
    assert sum((await equb.received()).values()) == 2 * 360_000
    example.row("when Sara has paid", reserve=birr(80_000), paid_out=birr(360_000))


# --- Netting and old debts -------------------------------------------------------------------------


async def test_what_a_winner_owes_for_the_round_is_set_off(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; what a holder still owes for the round is set off against the pot. Nobody but
    Abebe has paid when the lot is drawn."""
    example.chapter("Netting and old debts")
    equb = await neighbours(doors, netting=True)
    await equb.cash(1, 1000)
    lot = await equb.draw()
    held_by = {1: (1,), 2: (2,), 3: (2,), 4: (3, 4)}[lot]
    rows = await doors.rows("SELECT l.method, l.amount_minor FROM payout_legs l ORDER BY l.method, l.amount_minor")
    netted = sum(amount for method, amount in rows if method == "netted")
    assert netted == {1: 0, 2: 200_000, 3: 200_000, 4: 100_000}[lot]
    # Round 2 has opened with the draw: that is all they owe.
    of_round = {1: 100_000, 2: 200_000, 3: 50_000, 4: 50_000}
    assert [await equb.owed(number, "contribution") for number in held_by] == [of_round[number] for number in held_by]
    assert sum(amount for _, amount in rows) == 400_000
    assert await equb.holds("pot/1/1") == 100_000, "what is set off neither fills nor empties a pot"
    await equb.everybody_pays(besides=(1, *held_by))
    await equb.pay_out()
    example.row("the drawn lot's holders", owed=birr(netted), set_off=birr(netted), pot=birr(400_000))
