"""Worked examples of what is agreed about people: guarantors, grace, cash in hand, places, disputes; in figures."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example
from neighbours import ABEBE, DAY, HANA, LEMA, SARA, Neighbours, always_the_same, birr, neighbours
from test_rules_orders import listed

from core import clock, groups
from core.cycle import rounds
from core.db import transaction
from core.rules import Fine

NAMES = {1: "Abebe", 2: "Sara", 3: "Lema", 4: "Hana"}


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # The first due time is a week later, at 12:00.
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


async def until_lot_of(equb: Neighbours, number: int) -> None:
    """Rounds in which everybody pays and is paid, until a lot of that member has come up."""
    for _ in range(4):
        await equb.everybody_pays()
        lot = await equb.draw()
        if {1: 1, 2: 2, 3: 2, 4: 3}[lot] == number:
            return
        await equb.pay_out()
    raise AssertionError("every lot comes up once")


# --- Guarantors ----------------------------------------------------------------------------------


async def test_a_lot_is_found_only_when_its_holders_have_guarantors(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; everybody needs a guarantor before a lot of theirs is found. Sara answers for
    Abebe and for Lema, Abebe for Sara, and nobody for Hana, who shares lot 4 with Lema."""
    example.chapter("Guarantors")
    equb = await neighbours(doors, guarantors=1)
    for phone, other in ((SARA, 1), (SARA, 3), (ABEBE, 2)):
        assert "do you answer for" in await equb.sms(phone, f"GUARANTEE {other}")
        await equb.sms(phone, "1")
    await equb.everybody_pays()
    await equb.draw()
    within, out = await listed(equb, 1)
    for lot, holders, guarantors in ((1, "Abebe", 1), (2, "Sara", 1), (3, "Sara", 1), (4, "Lema and Hana", "1 and 0")):
        there = "yes" if str(lot) in within.split(", ") else "no"
        example.row(f"lot {lot}", held_by=holders, guarantors=guarantors, in_the_draw=there)
    assert (within, out) == ("1, 2, 3", "4 (no guarantor)")


async def test_a_guarantor_is_asked_for_what_somebody_who_has_received_does_not_pay(
    doors: Doors, example: Example
) -> None:
    """Four lots of 1,000 birr a week; a pot that is not full is asked of the guarantors. Sara, for whom Lema answers,
    has received with lot 2 or 3, and does not pay her 2,000 birr of the next round."""
    example.chapter("Guarantors")
    equb = await neighbours(doors, guarantors=1, shortfall="guarantor")
    for phone, other in ((LEMA, 2), (SARA, 1), (SARA, 3), (ABEBE, 4)):
        await equb.sms(phone, f"GUARANTEE {other}")
        await equb.sms(phone, "1")
    await until_lot_of(equb, 2)
    await equb.pay_out()
    await equb.everybody_pays(besides=(2,))
    await equb.draw()
    assert await late(equb, 2) == 200_000
    assert "owes 2,000 birr. Please pay it" in (await equb.told("guarantee_called"))[-1]
    example.row("when the list is fixed", Sara_owes=birr(await late(equb, 2)), Lema_has_paid_for_her=birr(0))
    await equb.sms(LEMA, "PAY 1500 FOR 2")
    await equb.see()
    await equb.sms(ABEBE, "1")
    example.row("when Lema has brought it", Sara_owes=birr(await late(equb, 2)), Lema_has_paid_for_her=birr(150_000))
    assert await late(equb, 2) == 50_000
    example.note("Lema is asked for 2,000 birr; the book says of the 1,500 that Lema brought them for Sara.")


async def late(equb: Neighbours, number: int) -> int:
    """What a member owes of rounds that have fallen due, in minor units."""
    async with transaction(equb.doors.tenant.id) as tx:
        seat = (await groups.seats(tx, equb.group.group_id, number=number))[0]
        dues = await rounds.open_dues(tx, equb.group.group_id, member_id=seat.member.id)
    return sum(due.open_minor for due in dues if due.due_at < clock.now())


# --- Excused, deferred, suspended ----------------------------------------------------------------


async def test_who_is_excused_owes_nothing_who_is_deferred_owes_it_later(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week, a fine of 50 birr. In round 1 Hana is excused, Lema has two rounds more time, and
    Sara is suspended and pays nothing."""
    example.chapter("Excused, deferred, suspended")
    equb = await neighbours(doors, fine=Fine(kind="flat", value=5_000))
    await equb.cash(1, 1000)
    assert "owes nothing" in await equb.sms(ABEBE, "EXCUSE 4 her child is ill")
    assert "is not asked for before" in await equb.sms(ABEBE, "DEFER 3 2 rounds the market burned down")
    await equb.sms(ABEBE, "SUSPEND 2 has not come")
    await equb.sms(ABEBE, "1")
    await doors.pass_time(timedelta(days=6, hours=23, minutes=10))
    within, out = await listed(equb, 1)
    await doors.pass_time(DAY)
    for number, state in ((1, "has paid"), (2, "suspended"), (3, "deferred"), (4, "excused")):
        example.row(
            f"{NAMES[number]}, {state}",
            owes_of_round_1=birr(await of_round(equb, number)),
            fine=birr(await equb.fined(number)),
        )
    example.note(f"On the list of round 1: lot {within}. Left out: {out}.")
    assert [await of_round(equb, n) for n in (1, 2, 3, 4)] == [0, 200_000, 50_000, 0]
    assert [await equb.fined(n) for n in (1, 2, 3, 4)] == [0, 5_000, 0, 0]
    pot = int(await doors.value("SELECT amount_minor FROM payouts WHERE group_id = :g", g=equb.group.group_id))
    assert pot == 350_000
    example.note(f"The pot of round 1 is {birr(pot).spoken} birr: what Hana is excused of is nobody's to pay.")


async def of_round(equb: Neighbours, number: int, round_number: int = 1) -> int:
    """What a member still owes of a round's contributions, in minor units."""
    return int(
        await equb.doors.value(
            "SELECT coalesce(sum(d.amount_minor - (SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN"
            " t.amount_minor ELSE -t.amount_minor END), 0) FROM ledger_transfers t WHERE t.group_id = d.group_id"
            " AND t.due_id = d.id)), 0)::bigint FROM dues d JOIN members m ON m.group_id = d.group_id"
            " AND m.id = d.member_id JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
            " WHERE d.group_id = :g AND m.number = :n AND r.number = :r AND d.kind = 'contribution'"
            " AND d.excused_at IS NULL",
            g=equb.group.group_id,
            n=number,
            r=round_number,
        )
    )


# --- Handing over --------------------------------------------------------------------------------


async def test_cash_goes_from_hand_to_hand_when_both_say_so(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week. Sara is collector: she takes the contributions of Lema and Hana and hands 800
    birr to Abebe, who says yes, and then the rest, of which Abebe says that it did not come."""
    example.chapter("Handing over")
    equb = await neighbours(doors)
    await equb.sms(ABEBE, "ROLE 2 collector")
    await equb.see()
    await equb.sms(SARA, "1")

    async def now(what: str) -> None:
        example.row(what, Abebe_holds=birr(await equb.holds("held/1")), Sara_holds=birr(await equb.holds("held/2")))

    await equb.cash(1, 1000)
    for number in (3, 4):
        assert "Recorded" in await equb.sms(SARA, f"CASH {number} 500")
    await now("when all have paid")
    assert "is asked" in await equb.sms(SARA, "HANDOVER 1 800")
    await now("Sara says that she handed over 800")
    await equb.see()
    await equb.sms(ABEBE, "1")
    await now("Abebe says that it came")
    assert "You hold 200 birr" in await equb.sms(SARA, "HANDOVER 1 300")
    await equb.sms(SARA, "HANDOVER 1 200")
    await equb.see()
    await equb.sms(ABEBE, "2")
    await now("Abebe says that 200 more did not come")
    assert (await equb.holds("held/1"), await equb.holds("held/2")) == (180_000, 20_000)


async def test_who_takes_a_place_takes_what_it_owes_and_what_it_gets(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week. Lema, with half of lot 4, has paid round 1 and owes round 2 when Meron takes the
    place and its debt, which all agree to. From then on the place is Meron's: she pays for it and receives."""
    example.chapter("Handing over")
    equb = await neighbours(doors)
    meron = "+251911000005"
    await equb.everybody_pays()
    await equb.draw()
    await equb.pay_out()
    before = await of_round(equb, 3, 2)
    assert "is asked to take the place of Lema" in await equb.sms(ABEBE, "REPLACE 3 0911000005")
    await equb.see()
    for words in ("1", "Meron", "English", "1", "1"):
        await equb.sms(meron, words)
    await equb.see()
    await equb.sms(LEMA, "1")
    await equb.see()
    await equb.sms(ABEBE, "1")
    example.row("before", Lema_owes=birr(before), Meron_owes="–")
    now = await of_round(equb, 3, 2), await of_round(equb, 5, 2)
    example.row("after", Lema_owes=birr(now[0]), Meron_owes=birr(now[1]))
    assert now == (0, before)
    assert before == 50_000


# --- Disputes ------------------------------------------------------------------------------------


async def test_a_receipt_that_was_wrong_is_reversed_and_written_anew(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week. Abebe writes 1,500 birr for Sara's two lots; she says that it was 2,000. He takes
    the receipt back with a reason, and writes another. Nothing is ever edited: both stand in the book."""
    example.chapter("Disputes")
    equb = await neighbours(doors)

    async def now(what: str) -> None:
        rows = await doors.rows(
            "SELECT p.amount_minor, p.reversed_at IS NOT NULL FROM payments p JOIN members m"
            " ON m.group_id = p.group_id AND m.id = p.member_id WHERE p.group_id = :g AND m.number = 2 ORDER BY p.id",
            g=equb.group.group_id,
        )
        receipts = ", ".join(f"{birr(amount).spoken}{' (taken back)' if back else ''}" for amount, back in rows)
        holds, owes = birr(await equb.holds("held/1")), birr(await equb.owed(2))
        example.row(what, Saras_receipts=receipts, Sara_owes=owes, Abebe_holds=holds)

    recorded = await equb.cash(2, 1500)
    await now("as Abebe wrote it")
    code = recorded.partition("Receipt ")[2].split(".")[0]
    assert "officers are asked" in await equb.sms(SARA, f"DISPUTE {code} it was 2000")
    await now("Sara disputes it")
    assert "Taken back" in await equb.sms(ABEBE, f"ANSWER {code} corrected a hundred note was counted twice")
    await now("Abebe corrects it")
    await equb.cash(2, 2000)
    await now("and writes what came")
    assert (await equb.owed(2), await equb.holds("held/1")) == (0, 200_000)


async def test_a_dispute_that_stands_changes_nothing(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week. Hana says that she was promised a week more; the officers answer that it stands,
    and both sides read why."""
    example.chapter("Disputes")
    equb = await neighbours(doors)
    before = birr(await equb.owed(4))
    assert "officers are asked" in await equb.sms(HANA, "DISPUTE ROUND 1 I was promised a week more")
    assert "hears your answer" in await equb.sms(ABEBE, "ANSWER stands nobody has agreed to that")
    example.row("Hana owes", before=before, after=birr(await equb.owed(4)))
    assert await equb.owed(4) == 50_000
    assert "nobody has agreed to that" in (await equb.told("dispute_stands"))[0]
