"""Loans out of a pot, pots in kind, and old debts: what needs somebody else's word."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example
from neighbours import ABEBE, DAY, LEMA, SARA, WEEK, always_the_same, birr, neighbours
from sqlalchemy import text

from core import clock, groups
from core.cycle import rounds
from core.db import transaction
from core.groups.accepting import accept
from core.money import Money
from core.rules import Fine, Rhythm, Rules
from core.telling import money_notices
from core.treasury import contributions


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # The first due time is a week later, at 12:00.
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


# --- Loans -----------------------------------------------------------------------------------------


async def test_case_j_one_of_ten_women_borrows_from_the_pot(doors: Doors, example: Example) -> None:
    """A hagbad: ten women, 10 dollars a month, a pot of 100. In round 3 one borrows 30 of the pot with its holder's
    consent and repays in three parts."""
    example.chapter("Loans")
    group = await doors.found(ABEBE, "Amina", "NEW Hagbad 10 10 monthly")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        found.currency = "USD"
        rules = Rules(contribution_minor=1_000, lots=10, rhythm=Rhythm(kind="monthly"), loan_per_mille=500)
        await groups.change_rules(tx, found, rules)
        await accept(tx, found, (await groups.seats(tx, found.group_id, number=1))[0].member)
    phones = {1: ABEBE} | {n: f"+2519120000{n:02}" for n in range(2, 11)}
    for number in range(2, 11):
        await doors.register(phones[number], f"Woman {number}", f"JOIN {group.code}")
    assert "10 lots, 10 rounds" in await doors.sms(ABEBE, "BEGIN")
    await doors.wake()
    holder = borrower = 0
    for month in range(1, 11):
        for number in phones:
            await _pay_all(doors, group.group_id, number)
        round_ = await doors.rows(
            "SELECT draw_at FROM rounds WHERE group_id = :g AND number = :n", g=group.group_id, n=month
        )
        await doors.pass_time(round_[0][0] - _now() + timedelta(minutes=1))
        (holder_now,) = (
            await doors.rows(
                "SELECT m.number FROM draws d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id"
                " JOIN holdings h ON h.group_id = d.group_id AND h.lot_id = d.lot_id"
                " JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id"
                " WHERE d.group_id = :g AND r.number = :n",
                g=group.group_id,
                n=month,
            )
        )[0]
        if month == 3:
            holder = holder_now
            borrower = next(n for n in phones if n not in (1, holder))
            assert "At most 50 USD" in await doors.sms(ABEBE, f"LOAN {borrower} 60 3")
            asked = await doors.sms(ABEBE, f"LOAN {borrower} 30 3")
            assert "30 USD" in asked
            answer = await doors.sms(ABEBE, "1")
            await _read(doors)
            if holder != 1:
                assert "are asked about" in answer
                await doors.sms(phones[holder], "1")
        await doors.sms(ABEBE, f"PAYOUT {holder_now}")
        await doors.sms(ABEBE, "1")
        # What came back of the loan is the holder's at once.
        if month > 3 and "Did you pay" in await doors.sms(ABEBE, f"PAYOUT {holder}"):
            await doors.sms(ABEBE, "1")
        if 3 <= month <= 6:
            example.row(
                f"after round {month}",
                borrower_owes=_usd(await _loan_open(doors, group.group_id)),
                holder_of_round_3_has_received=_usd(await _received(doors, group.group_id, holder)),
            )
    for number in phones:
        assert await _received(doors, group.group_id, number) == 10_000, number
    await doors.pass_time(8 * DAY)
    assert (await doors.group(group.code)).status == "closed"


def _now() -> datetime:
    return clock.now()


def _usd(minor: int) -> str:
    return f"{Money(minor, 'USD').spoken} USD"


async def _read(doors: Doors) -> None:
    async with transaction(doors.tenant.id) as tx:
        await tx.session.execute(text("UPDATE outbox SET state = 'sent' WHERE state = 'queued'"))


async def _pay_all(doors: Doors, group_id: UUID, number: int) -> None:
    """Everything that a member owes now, in cash to the organiser."""
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        who = (await groups.seats(tx, group_id, number=number))[0].member
        officer = (await groups.seats(tx, group_id, number=1))[0].member
        owed = sum(due.open_minor for due in await rounds.open_dues(tx, group_id, member_id=who.id))
        group = await groups.by_id(tx, group_id)
        await contributions.record(tx, group, who, amount_minor=owed, holder=officer)


async def _received(doors: Doors, group_id: UUID, number: int) -> int:
    return int(
        await doors.value(
            "SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM payout_legs l JOIN members m"
            " ON m.group_id = l.group_id AND m.id = l.member_id"
            " WHERE l.group_id = :g AND l.paid_at IS NOT NULL AND m.number = :n",
            g=group_id,
            n=number,
        )
    )


async def _loan_open(doors: Doors, group_id: UUID) -> int:
    lent = await doors.value("SELECT sum(amount_minor)::bigint FROM loans WHERE group_id = :g", g=group_id)
    back = await doors.value(
        "SELECT coalesce(sum(t.amount_minor), 0)::bigint FROM dues d JOIN ledger_transfers t"
        " ON t.group_id = d.group_id AND t.due_id = d.id WHERE d.group_id = :g AND d.loan_id IS NOT NULL",
        g=group_id,
    )
    return int(lent) - int(back)


# --- Pots in kind ----------------------------------------------------------------------------------


async def test_a_gabi_is_paid_to_who_sells_it_and_handed_over(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; the pot is a gabi. The money goes to its weaver, and who gets it says so."""
    example.chapter("Pots in kind")
    equb = await neighbours(doors, thing="gabi")
    await equb.everybody_pays()
    lot = await equb.draw()
    number, phone = {1: (1, ABEBE), 2: (2, SARA), 3: (2, SARA), 4: (3, LEMA)}[lot]
    assert any("your pot is a gabi" in said for said in await equb.told("your_thing"))
    assert "From whom was the gabi bought?" in await equb.sms(ABEBE, f"PAYOUT {number}")
    asked = await equb.sms(ABEBE, "Weaver Alemu")
    assert "to Weaver Alemu for the gabi of" in asked
    await equb.sms(ABEBE, "1")
    method, supplier, amount = (
        await doors.rows("SELECT method, supplier, amount_minor FROM payout_legs WHERE paid_at IS NOT NULL")
    )[0]
    assert (method, supplier) == ("in_kind", "Weaver Alemu")
    if number != 1:
        assert "Was the gabi handed to you?" in (await equb.told("did_you_get_thing"))[0]
        await equb.see()
        assert "Thank you" in await equb.sms(phone, "1")
    assert await doors.value("SELECT received_at IS NOT NULL FROM payout_legs WHERE paid_at IS NOT NULL")
    example.row("one leg", to=supplier, amount=birr(amount), method=method)


# --- Old debts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, False])
async def test_an_old_debt_is_kept_only_on_the_debtors_word(doors: Doors, yes: bool) -> None:
    equb = await neighbours(doors, fine=Fine(kind="flat", value=30_000, grace_hours=0))
    await equb.everybody_pays()
    lot = await equb.draw()
    number, phone = {1: (1, ABEBE), 2: (2, SARA), 3: (2, SARA), 4: (3, LEMA)}[lot]
    # The holder is not paid yet, and is late with the next round and fined for it.
    await equb.everybody_pays(besides=(number,))
    await doors.pass_time(WEEK)
    owed = await equb.owed(number)
    late = {1: 100_000, 2: 200_000, 3: 50_000}[number] + 30_000
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        group = await groups.by_id(tx, equb.group.group_id)
        who = (await groups.seats(tx, group.group_id, number=number))[0]
        assert await money_notices.ask_debtor(tx, group, who, event="test") == late
    await equb.see()
    answer = await equb.sms(phone, "1" if yes else "2")
    kept = owed - await equb.owed(number)
    if not yes:
        assert kept == 0
        assert "nothing is kept" in answer
        return
    assert kept == late
    assert "was kept for what you owed" in answer
    await equb.pay_out()
    assert (await equb.received())[number] >= late
    assert await equb.holds("fund/fines") == 30_000


async def test_the_officer_hears_of_an_old_debt_before_paying(doors: Doors) -> None:
    equb = await neighbours(doors)
    await equb.everybody_pays()
    lot = await equb.draw()
    number = {1: 1, 2: 2, 3: 2, 4: 3}[lot]
    await equb.everybody_pays(besides=(number,))
    await doors.pass_time(WEEK)
    assert "from before and may say that it be kept" in await equb.sms(ABEBE, f"PAYOUT {number}")
