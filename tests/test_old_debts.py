"""What a debt of an earlier cycle does in the next one: it is asked about, bars a lot, or is set off; in figures."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example
from neighbours import ABEBE, Neighbours, always_the_same, birr, neighbours
from test_rules_orders import found, listed

from core import groups
from core.cycle import rounds
from core.db import transaction
from core.membership import excusing


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # The first due time is a week later, at 12:00.
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


async def next_cycle(doors: Doors, rule: str, **rules: str) -> Neighbours:
    """A cycle with turns by lot number in whose last round Sara, who has received twice, did not pay; and the next."""
    equb = await neighbours(doors, order="fixed", old_debts=rule, **rules)
    for number in range(1, 5):
        await equb.everybody_pays(besides=(2,) if number == 4 else ())
        await equb.draw()
        await equb.pay_out()
    await doors.pass_time(timedelta(days=8))
    assert "2,000 birr is still owed" in await equb.sms(ABEBE, "CLOSE")
    await equb.sms(ABEBE, "1")
    assert "begins" in await equb.sms(ABEBE, "BEGIN")
    await doors.wake()
    return Neighbours(doors, await doors.group(equb.group.code))


async def old_debt(equb: Neighbours) -> int:
    """What Sara owes of the first cycle, in minor units."""
    async with transaction(equb.doors.tenant.id) as tx:
        sara = (await groups.seats(tx, equb.group.group_id, number=2))[0].member
        dues = await rounds.open_dues(tx, equb.group.group_id, member_id=sara.id)
    return sum(due.open_minor for due in dues if due.cycle == 1)


async def of_cycle(equb: Neighbours, cycle: int, number: int) -> int:
    """What a member was handed out of a cycle's pots, in minor units."""
    rows = await equb.doors.rows(
        "SELECT coalesce(sum(g.amount_minor), 0)::bigint FROM payout_legs g"
        " JOIN payouts o ON o.group_id = g.group_id AND o.id = g.payout_id"
        " JOIN rounds r ON r.group_id = o.group_id AND r.id = o.round_id"
        " JOIN members m ON m.group_id = g.group_id AND m.id = g.member_id"
        " WHERE g.group_id = :g AND r.cycle = :c AND m.number = :n AND g.paid_at IS NOT NULL AND g.method <> 'netted'",
        g=equb.group.group_id,
        c=cycle,
        n=number,
    )
    return int(rows[0][0])


async def test_a_debtor_of_an_earlier_cycle_is_asked(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week. Sara, who has received with both her lots, did not pay the last round of a cycle:
    she owes 2,000 birr, which Lema and Hana lack. In the next cycle she pays 2,000 birr in each round, and turns are by
    lot number. What she pays is for the new rounds, her lot receives in its turn, and she is asked whether the debt be
    kept of it; she says no."""
    equb = await next_cycle(doors, "ask")
    await play(equb, example)
    assert any("Shall that be kept of it?" in said for said in await equb.told("keep_debt"))
    assert (await old_debt(equb), await of_cycle(equb, 2, 2)) == (200_000, 800_000)


async def test_a_debt_of_an_earlier_cycle_bars_a_lot(doors: Doors, example: Example) -> None:
    """The same, where debts of an earlier cycle bar a lot. Sara is excused from round 1 and pays nothing in round 2:
    lot 4 takes the turn of lot 2. In round 3 she pays 6,000 birr, which go to the old debt first."""
    equb = await next_cycle(doors, "bar")
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, equb.group.group_id)
        sara = (await groups.seats(tx, group.group_id, number=2))[0]
        await excusing.excuse(tx, group, sara, round_number=1, reason="her shop burned down")
    await play(equb, example, sara=(0, 0, 6000))
    heard = [said for (said,) in await doors.rows("SELECT text FROM outbox")]
    assert any("something of an earlier cycle is still owed" in said for said in heard), "why a turn is passed over"
    assert await old_debt(equb) == 0


async def test_a_debt_of_an_earlier_cycle_is_set_off(doors: Doors, example: Example) -> None:
    """The same, where debts of an earlier cycle are set off: of the pot of lot 2, which is 4,000 birr, 2,000 are kept,
    and Lema and Hana receive what they lacked."""
    equb = await next_cycle(doors, "set_off")
    await play(equb, example)
    assert (await old_debt(equb), await of_cycle(equb, 2, 2)) == (0, 600_000)
    assert any("2,000 birr of your pot was kept for what you owed" in said for said in await equb.told("debt_kept"))


async def play(equb: Neighbours, example: Example, *, sara: tuple[int, int, int] = (2000, 2000, 2000)) -> None:
    """Three rounds of the second cycle, a row for each; what Sara pays in each, in birr."""
    example.chapter("Netting and old debts")
    for number, amount in enumerate(sara, 1):
        await equb.everybody_pays(besides=(2,))
        if amount:
            await equb.cash(2, amount)
        await equb.draw()
        _, left_out = await listed(equb, number)
        await equb.pay_out()
        (_, _, lot) = (await found(equb))[-1]
        missing = 400_000 - await of_cycle(equb, 1, 3) - await of_cycle(equb, 1, 4)
        example.row(
            f"round {number}",
            Sara_pays=birr(amount * 100),
            receives=f"lot {lot}",
            left_out=left_out or "–",
            Sara_owes_of_before=birr(await old_debt(equb)),
            Lema_and_Hana_lack=birr(missing),
        )
