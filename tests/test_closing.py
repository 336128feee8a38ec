"""What becomes of the funds when a cycle closes: kept for the next, or shared out by lots to the last santim."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from uuid import UUID

import pytest
from asking import owner_of
from doors import Doors
from examples import Example
from neighbours import ABEBE, DAY, WEEK, Neighbours, always_the_same, birr, neighbours

from core import ledger
from core.db import transaction
from core.rules import Deduction, Fine, Rules
from core.talking.rule_words import changed

RESERVE = Deduction(name="reserve", kind="flat", value=1_001)


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


async def _to_the_end(equb: Neighbours, *, late: int = 0) -> None:
    """Four rounds, all of them paid and paid out; in the first one a member pays late."""
    for week in range(4):
        await equb.everybody_pays(besides=(late,) if week == 0 and late else ())
        await equb.draw()
        if week == 0 and late:
            await equb.doors.pass_time(DAY)
            await equb.cash(late, await equb.owed(late) // 100)
        await equb.pay_out()
    await equb.doors.pass_time(DAY)


async def _funds(equb: Neighbours) -> dict[str, int]:
    async with transaction(equb.doors.tenant.id) as tx:
        balances = await ledger.balances(tx.session, group_id=equb.group.group_id)
    return {name: held for name, held in balances.items() if name.startswith("fund/") and held}


async def test_what_funds_hold_is_shared_out_when_the_cycle_closes(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week; 10.01 birr of each pot go to a reserve, 5 birr of the first to charity; a fine of
    100 birr. Sara pays late once. The rules share out what the funds hold; what is charity's stays for charity."""
    example.chapter("Closing a cycle")
    charity = Deduction(name="charity", kind="flat", value=500, rounds="first")
    equb = await neighbours(doors, closing="share", deductions=(RESERVE, charity), fine=Fine(kind="flat", value=10_000))
    assert "shared out to all lots alike" in await equb.sms(ABEBE, "RULES")
    await _to_the_end(equb, late=2)
    whole = 4 * 1_001 + 10_000
    assert await _funds(equb) == {"fund/members": whole, "fund/charity": 500}
    await equb.pay_out()
    shared = await equb.received("dividend")
    assert sum(shared.values()) == whole
    assert shared == {1: 3_501, 2: 7_002, 3: 1_751, 4: 1_750}
    for number, name in ((1, "Abebe, one lot"), (2, "Sara, two lots"), (3, "Lema, half a lot"), (4, "Hana, half")):
        example.row(name, receives=birr(shared[number]))
    await doors.pass_time(8 * DAY)
    assert (await doors.group(equb.group.code)).status == "closed"
    assert await _funds(equb) == {"fund/charity": 500}


async def test_what_funds_hold_is_kept_for_the_next_cycle_unless_said(doors: Doors) -> None:
    equb = await neighbours(doors, deductions=(RESERVE,), fine=Fine(kind="flat", value=10_000))
    await _to_the_end(equb, late=2)
    await doors.pass_time(8 * DAY)
    assert (await doors.group(equb.group.code)).status == "closed"
    assert await _funds(equb) == {"fund/reserve": 4 * 1_001, "fund/fines": 10_000}
    assert await equb.received("dividend") == {}


async def test_a_cycle_that_closes_over_a_debt_shares_out_first_and_the_rest_later(doors: Doors) -> None:
    """The organiser receives first and never pays the last round; Sara pays the second late, with her fine."""
    fine = Fine(kind="flat", value=10_000, to="members")
    equb = await neighbours(doors, closing="share", order="fixed", deductions=(RESERVE,), fine=fine)
    for week in range(4):
        await equb.everybody_pays(besides={1: (2,), 3: (1,)}.get(week, ()))
        await doors.pass_time(WEEK)
        if week == 1:
            await equb.cash(2, 2100)
        await equb.pay_out()
    await doors.pass_time(9 * DAY)
    owed = await equb.owed(1)
    assert owed == 100_000 + 10_000
    await equb.sms(ABEBE, "CLOSE")
    answer = await equb.sms(ABEBE, "1")
    assert "kept for the members and is theirs now" in answer
    assert (await doors.group(equb.group.code)).status == "running"
    await equb.pay_out()
    assert await equb.holds("fund/members") == 0
    await equb.sms(ABEBE, "CLOSE")
    assert "is closed" in await equb.sms(ABEBE, "1")
    # What is paid after all goes where it belongs: the rest of the pot to its holder, the fine to the next sharing.
    await equb.cash(1, owed // 100)
    await equb.pay_out()
    assert await equb.owed(1) == 0
    assert await _funds(equb) == {"fund/members": 10_000, "fund/reserve": 250}


async def test_closing_is_a_rule_that_is_typed_and_shown(tenant: UUID) -> None:
    rules = Rules(contribution_minor=1000, lots=4)
    shared = changed(rules, ["closing", "share"], "ETB", today=date(2026, 11, 24))
    assert shared.closing == "share"
    assert changed(shared, ["መዝጊያ", "ይቆይ"], "ETB", today=date(2026, 11, 24)).closing == "carry"
    async with owner_of(tenant) as admin:
        said = {"contribution": {"amount": "10.00", "currency": "ETB"}, "lots": 4, "closing": "share"}
        made = await admin.post("/groups", {"name": "Merkato", "currency": "ETB", "rules": said})
        assert (await admin.get(f"/groups/{made['id']}/rules"))["closing"] == "share"
