"""Guarantors through the front door: asked when it comes to it, paying or not; and an organiser who is elected."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from asking import Admin, owner_of
from asking import neighbours as entered
from doors import Doors
from neighbours import ABEBE, DAY, HANA, LEMA, SARA, WEEK, Neighbours, always_the_same, neighbours

from core.rules import Stage


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


async def _answers_for(equb: Neighbours, phone: str, member: int) -> None:
    assert "answer" in (await equb.sms(phone, f"GUARANTEE {member}")).casefold()
    await equb.sms(phone, "1")


async def test_who_has_no_guarantor_is_left_out_and_told_why(doors: Doors) -> None:
    equb = await neighbours(doors, guarantors=1)
    await _answers_for(equb, SARA, 1)
    await equb.everybody_pays()
    assert await equb.draw() == 1, "the only lot whose holder is answered for"
    ((left_out,),) = await doors.rows("SELECT exclusions FROM draw_lists")
    assert sorted(left_out) == [["L002", "no_guarantor"], ["L003", "no_guarantor"], ["L004", "no_guarantor"]]
    assert len(await equb.told("left_out_guarantor")) == 3, "three people hold the three lots"


async def test_a_shared_lot_needs_a_guarantor_for_each_of_its_holders(doors: Doors) -> None:
    equb = await neighbours(doors, guarantors=1)
    await _answers_for(equb, SARA, 3)
    await equb.everybody_pays()
    await doors.pass_time(WEEK)
    assert await doors.value("SELECT count(*) FROM draws") == 0, "Hana, who holds the other half, has none"
    await _answers_for(equb, SARA, 4)
    assert await equb.draw() == 4


async def _first_round(doors: Doors) -> Neighbours:
    """Abebe, for whom Sara answers, has received the first pot."""
    equb = await neighbours(doors, guarantors=1, shortfall="guarantor", order="fixed")
    for phone, member in ((SARA, 1), (ABEBE, 2), (SARA, 3), (SARA, 4)):
        await _answers_for(equb, phone, member)
    await equb.everybody_pays()
    assert await equb.draw() == 1
    await equb.pay_out()
    assert await equb.told("guarantee_called") == []
    return equb


async def test_a_guarantor_is_called_at_the_cutoff_and_pays_what_is_missing(doors: Doors) -> None:
    equb = await _first_round(doors)
    assert "Guarantors are asked for what is missing" in await equb.sms(LEMA, "RULES")
    await equb.everybody_pays(besides=(1,))
    assert await equb.draw() == 2
    (called,) = await equb.told("guarantee_called")
    assert "owes 1,000 birr" in called
    assert "PAY 1000 FOR 1" in called
    assert "3,000 birr of 4,000 birr" in await equb.sms(ABEBE, "PAYOUT 2")
    await equb.sms(ABEBE, "1")
    assert "counts when an officer confirms" in await equb.sms(SARA, "PAY 1000 FOR 1")
    await equb.see()
    assert "Recorded: 1,000 birr" in await equb.sms(ABEBE, "1")
    assert await equb.owed(1) == 100_000, "the debtor's due of round 2 is paid; that of round 3 is to come"
    await equb.pay_out()
    assert (await equb.received())[2] == 400_000
    assert await equb.holds("pot/1/2") == 0


async def test_a_guarantor_who_does_not_pay_leaves_the_debt_and_the_guarantee_standing(doors: Doors) -> None:
    equb = await _first_round(doors)
    for _ in range(3):
        await equb.everybody_pays(besides=(1,))
        await equb.draw()
        await equb.pay_out()
    assert len(await equb.told("guarantee_called")) == 3, "asked once a round"
    assert await equb.owed(1) == 300_000
    assert {n: minor for n, minor in (await equb.received()).items() if n != 1} == {2: 600_000, 3: 150_000, 4: 150_000}
    await doors.pass_time(8 * DAY)
    await equb.sms(ABEBE, "CLOSE")
    assert "3,000 birr" in await equb.sms(ABEBE, "1")
    assert (await doors.group(equb.group.code)).status == "closed"
    standing = await doors.rows(
        "SELECT m.number, g.number FROM guarantees x JOIN members m ON m.id = x.member_id"
        " JOIN members g ON g.id = x.guarantor_id WHERE x.released_at IS NULL"
    )
    assert standing == [(1, 2)], "who owes nothing needs nobody any more; for Abebe Sara still answers"
    await equb.cash(1, 3000)
    await equb.pay_out()
    assert (await equb.received())[2] == 800_000


async def test_an_organiser_who_is_gone_is_succeeded_by_election(doors: Doors) -> None:
    equb = await neighbours(doors)
    await equb.sms(ABEBE, "ROLE 2 secretary")
    await equb.see()
    await equb.sms(SARA, "1")
    await equb.sms(ABEBE, "ROLE 3 collector")
    await equb.see()
    await equb.sms(LEMA, "1")
    assert "becomes organiser" in await equb.sms(SARA, "SUCCESSOR 3")
    assert "two officers and more than half of all" in await equb.sms(SARA, "1")
    await equb.see()
    organiser = "SELECT number FROM members WHERE role = 'organiser'"
    await equb.sms(HANA, "1")
    assert await doors.rows(organiser) == [(1,)], "not enough have said so"
    await equb.sms(LEMA, "1")
    assert await doors.rows(organiser) == [(3,)]
    assert "begins" not in await equb.sms(LEMA, "WHO")
    assert "Only the officers" in await equb.sms(ABEBE, "WHO")


# --- Through the API ---------------------------------------------------------------------------------------------


@pytest.fixture
async def admin(tenant: UUID, at: Callable[[str], object]) -> AsyncIterator[Admin]:
    at("2026-11-24 12:54")
    async with owner_of(tenant) as signed_in:
        yield signed_in


async def test_an_administrator_decides_who_receives_and_all_hear_of_it(admin: Admin) -> None:
    equb = await entered(admin, order="need")
    await equb.begin()
    for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
        await equb.pay(name, paid)
    await equb.until_drawn(1)
    decided = await admin.post(f"{equb.path}/decisions", {"member": 3}, key="once")
    assert (decided["round"], decided["lot"]) == (1, "L004")
    assert await admin.post(f"{equb.path}/decisions", {"member": 3}, key="once") == decided
    (payout,) = await admin.all(f"{equb.path}/payouts")
    assert [leg["amount"]["amount"] for leg in payout["legs"]] == ["1200.00", "2800.00"]
    (listed,) = await admin.all(f"{equb.path}/draws")
    assert (listed["code"], listed["kind"], listed["computed"]) == (decided["code"], "need", False)
    assert await admin.post(f"{equb.path}/decisions", {"member": 2}, status=422)


# --- Leaving where turns are drawn, and what an excused due does to a pot that is found -----------------------------


@pytest.mark.parametrize("order", ["drawn_once", "auction", "need"])
async def test_who_leaves_gets_back_what_they_paid_however_lots_are_found(doors: Doors, order: str) -> None:
    """The first pot is the organiser's; then Sara leaves with both of her lots."""
    equb = await neighbours(doors, order=order, first_to_organiser=True)
    await equb.everybody_pays()
    assert await equb.draw() == 1
    await equb.pay_out()
    await equb.sms(SARA, "LEAVE")
    await equb.sms(SARA, "1")
    await equb.see()
    await equb.sms(ABEBE, "1")
    assert await doors.value("SELECT count(*) FROM lots WHERE status = 'withdrawn'") == 2
    for _ in range(5):
        for number in (1, 3, 4):
            if owed := await equb.owed(number):
                await equb.cash(number, owed // 100)
        await doors.pass_time(8 * DAY)
        if order == "need":
            await equb.sms(ABEBE, "DECIDE 3")
            await equb.sms(ABEBE, "1")
        await equb.pay_out()
    assert await equb.received("refund") == {2: 200_000}
    # Abebe gave back the half of the first pot that came from Sara; the others got pots of two lots.
    assert await equb.received() == {1: 400_000, 3: 100_000, 4: 100_000}


# --- Two rounds at once, whose lots are found in different ways -------------------------------------------------------


async def test_officers_decide_a_later_round_while_an_earlier_one_still_looks_for_its_lot(doors: Doors) -> None:
    """Round 1 is drawn, from round 2 on the officers decide; in round 1 nobody has paid in time."""
    equb = await neighbours(doors, redraw_hours=40, later_orders=(Stage(from_round=2, order="need"),))
    await doors.pass_time(8 * DAY)
    assert await doors.value("SELECT count(*) FROM draws") == 0
    await doors.pass_time(WEEK - DAY - timedelta(hours=6))
    # Paid in time for the list of round 2, which is fixed before round 1 tries again.
    for number in (1, 2, 3, 4):
        await equb.cash(number, await equb.owed(number) // 100)
    for _ in range(12):
        frozen = await doors.rows("SELECT number FROM rounds WHERE frozen_at IS NOT NULL AND drawn_at IS NULL")
        if frozen == [(2,)]:
            break
        await doors.pass_time(timedelta(hours=6))
    undrawn = "SELECT number FROM rounds WHERE opened_at IS NOT NULL AND drawn_at IS NULL ORDER BY number"
    assert (await doors.rows(undrawn))[:2] == [(1,), (2,)], "both wait, and only one list is fixed at a time"
    await equb.sms(ABEBE, "DECIDE 3")
    await equb.sms(ABEBE, "1")
    found = "SELECT r.number, l.number FROM draws d JOIN lots l ON l.id = d.lot_id JOIN rounds r ON r.id = d.round_id"
    assert (2, 4) in await doors.rows(found)
    # Now the first round gets its turn again.
    await doors.pass_time(3 * DAY)
    assert 1 in [number for number, _ in await doors.rows(found)]
