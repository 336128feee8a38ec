"""Coming late and leaving, in figures: whoever joins and leaves when, everybody ends with as much received as paid."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from doors import Doors
from examples import Example

from core import groups
from core.cycle import cycles
from core.db import transaction
from core.errors import Refusal
from core.groups import Group
from core.membership import joining_late, leaving
from core.money import Money
from core.rules import Leaving

ORGANISER = "+251911000000"
WEEK = timedelta(days=7)


def phone(number: int) -> str:
    return f"+2519120{number:05}"


async def _equb(doors: Doors, shares: list[str], **rules: Any) -> Group:
    """An organiser with a lot, and a member for each share; lots of 100 birr a week, begun."""
    group = await doors.found(ORGANISER, "Abebe", "NEW Places 100 9 weekly")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        await groups.change_rules(tx, found, found.rule_set.model_copy(update=rules))
        await groups.accept(tx, found, (await groups.seats(tx, group.group_id))[0].member)
    for number, share in enumerate(shares, 2):
        await doors.register(phone(number), f"Member {number}", f"JOIN {group.code} {share}")
    answer = await doors.sms(ORGANISER, "BEGIN")
    if "Begin with" in answer:
        answer = await doors.sms(ORGANISER, "1")
    assert "begins" in answer, answer
    await doors.wake()
    return await doors.group(group.code)


async def _everybody_pays(doors: Doors, group: Group) -> None:
    rows = await doors.rows("SELECT number FROM members WHERE group_id = :g ORDER BY number", g=group.group_id)
    for (number,) in rows:
        owed = await _owed(doors, group, number)
        if owed:
            answer = await doors.sms(ORGANISER, f"CASH {number} {Money(owed, 'ETB').decimal}")
            assert "Recorded" in answer or "received" in answer, answer


async def _owed(doors: Doors, group: Group, number: int) -> int:
    return int(
        await doors.value(
            "SELECT coalesce(sum(d.amount_minor - (SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN"
            " t.amount_minor ELSE -t.amount_minor END), 0) FROM ledger_transfers t WHERE t.group_id = d.group_id"
            " AND t.due_id = d.id)), 0)::bigint FROM dues d JOIN members m ON m.group_id = d.group_id"
            " AND m.id = d.member_id WHERE d.group_id = :g AND m.number = :n AND d.excused_at IS NULL",
            g=group.group_id,
            n=number,
        )
    )


async def _by_lot(doors: Doors, group: Group) -> dict[int, tuple[int, int]]:
    """Lot → (paid in for it, received for it), from the book alone."""
    rows = await doors.rows(
        "SELECT l.number, coalesce((SELECT sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor"
        " END) FROM dues d JOIN ledger_transfers t ON t.group_id = d.group_id AND t.due_id = d.id"
        " WHERE d.group_id = l.group_id AND d.lot_id = l.id), 0)::bigint,"
        " coalesce((SELECT sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END)"
        " FROM payouts p JOIN payout_legs g ON g.group_id = p.group_id AND g.payout_id = p.id"
        " JOIN ledger_transfers t ON t.group_id = g.group_id AND t.payout_leg_id = g.id"
        " WHERE p.group_id = l.group_id AND p.lot_id = l.id), 0)::bigint"
        " FROM lots l WHERE l.group_id = :g ORDER BY l.number",
        g=group.group_id,
    )
    return {number: (paid, received) for number, paid, received in rows}


async def _leaves(doors: Doors, group: Group, number: int) -> bool:
    """A member leaves, an officer agrees; False when the rules say no."""
    answer = await doors.sms(phone(number), "LEAVE")
    if "Leave Places?" not in answer:
        return False
    assert "officers of Places are asked" in await doors.sms(phone(number), "1")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        who = await groups.find_members(tx, group.group_id, str(number))
        await leaving.leave(tx, found, who[0].member)
    return True


async def _comes_late(doors: Doors, group: Group, number: int) -> bool:
    answer = await doors.register(phone(number), f"Late {number}", f"JOIN {group.code}")
    if "Join if" not in answer:
        return False
    await doors.sms(phone(number), "1")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        who = (await groups.find_members(tx, group.group_id, f"Late {number}"))[0]
        await joining_late.admit(tx, found, who.member)
    await doors.wake()
    return True


async def _to_the_end(doors: Doors, group: Group, *, rounds: int) -> Group:
    for _ in range(rounds):
        await _everybody_pays(doors, group)
        await doors.pass_time(WEEK)
        await doors.pay_everybody_out(group, ORGANISER)
    await _everybody_pays(doors, group)
    await doors.pay_everybody_out(group, ORGANISER)
    await doors.pass_time(timedelta(days=16))
    return await doors.group(group.code)


@pytest.mark.parametrize("seed", range(10))
async def test_whoever_comes_and_leaves_when_everybody_ends_even(doors: Doors, seed: int) -> None:
    chance = Random(seed)
    rule = chance.choice(["back_pay", "short_place"])
    shares = ["1", "2", "1/2", "1/2"][: chance.choice([2, 4, 4])]
    group = await _equb(doors, shares, late_joiners=rule, order="fixed" if seed % 3 == 2 else "drawn")
    came = 0
    for week in range(12):
        if chance.random() < 0.6:
            if chance.random() < 0.5:
                number = chance.choice([2, 3])
                if (owed := await _owed(doors, group, number)) > 3:
                    # Who leaves may have paid a part of the round that is open.
                    await doors.sms(ORGANISER, f"CASH {number} {Money(owed // 3, 'ETB').decimal}")
                    await doors.sms(ORGANISER, "1")
                await _leaves(doors, group, number)
            elif came < 2:
                came += await _comes_late(doors, group, 10 + week)
        if chance.random() < 0.3:
            # One pays only a part in time, and the rest with the next.
            number = chance.choice([1, 2])
            owed = await _owed(doors, group, number)
            if owed > 3:
                await doors.sms(ORGANISER, f"CASH {number} {Money(owed // 3, 'ETB').decimal}")
                await doors.sms(ORGANISER, "1")
        else:
            await _everybody_pays(doors, group)
        await doors.pass_time(WEEK)
        if chance.random() < 0.7:
            await doors.pay_everybody_out(group, ORGANISER)
    group = await _to_the_end(doors, group, rounds=4)
    assert group.status == "closed"
    for number, (paid, received) in (await _by_lot(doors, group)).items():
        assert paid == received, (number, paid, received)
    assert (await doors.audit()).findings == ()
    assert await _balances(doors, group) == {}


async def _balances(doors: Doors, group: Group) -> dict[str, int]:
    """What lies on pots and funds when all is over."""
    rows = await doors.rows(
        "SELECT a.name, (SELECT coalesce(sum(CASE WHEN t.credit = a.name THEN t.amount_minor ELSE -t.amount_minor END),"
        " 0) FROM ledger_transfers t WHERE t.group_id = a.group_id AND a.name IN (t.debit, t.credit))::bigint"
        " FROM ledger_accounts a WHERE a.group_id = :g AND (a.name LIKE 'pot/%' OR a.name LIKE 'fund/%')",
        g=group.group_id,
    )
    return {name: minor for name, minor in rows if minor}


async def test_who_leaves_gets_back_what_they_paid_less_the_fee(doors: Doors, example: Example) -> None:
    """Four lots of 100 birr a week; 5 percent is the fee for leaving. One leaves after two rounds, before receiving."""
    example.chapter("Leaving")
    group = await _equb(doors, ["1", "1", "1"], leaving=Leaving(fee_per_mille=50))
    for _ in range(2):
        await _everybody_pays(doors, group)
        await doors.pass_time(WEEK)
        await doors.pay_everybody_out(group, ORGANISER)
    drawn = {n for (n,) in await doors.rows("SELECT l.number FROM draws d JOIN lots l ON l.id = d.lot_id")}
    leaver = next(n for n in (2, 3, 4) if n not in drawn)
    assert await _leaves(doors, group, leaver)
    group = await _to_the_end(doors, group, rounds=3)
    assert group.status == "closed"
    shown: dict[str, tuple[int, int]] = {}
    for number, (paid, received) in (await _by_lot(doors, group)).items():
        what = "The one who left" if number == leaver else "Received before" if number in drawn else "Received after"
        assert shown.setdefault(what, (paid, received)) == (paid, received)
        assert received == (paid * 95 // 100 if number == leaver else paid)
    for what, (paid, received) in sorted(shown.items()):
        example.row(what, paid=Money(paid, "ETB"), received=Money(received, "ETB"))
    fee = await doors.value("SELECT sum(amount_minor)::bigint FROM ledger_transfers WHERE credit = 'fee/organiser'")
    example.note(f"The fee of {Money(fee, 'ETB').spoken} birr is the organiser's.")
    assert await _balances(doors, group) == {}


async def test_who_comes_late_pays_the_rounds_that_have_been(doors: Doors, example: Example) -> None:
    """Three lots of 100 birr a week. A fourth comes when two rounds are over and the third is open."""
    example.chapter("Coming late")
    group = await _equb(doors, ["1", "1"], late_joiners="back_pay")
    for _ in range(2):
        await _everybody_pays(doors, group)
        await doors.pass_time(WEEK)
        await doors.pay_everybody_out(group, ORGANISER)
    assert await _comes_late(doors, group, 9)
    assert await _owed(doors, group, 4) == 30_000
    group = await _to_the_end(doors, group, rounds=3)
    for number, (paid, received) in (await _by_lot(doors, group)).items():
        what = "late" if number == 4 else "from the beginning"
        example.row(f"Lot {number}, {what}", paid=Money(paid, "ETB"), received=Money(received, "ETB"))
        assert (paid, received) == (40_000, 40_000)
    assert group.status == "closed"


async def test_a_short_place_gets_what_it_has_paid_and_changes_no_pot(doors: Doors, example: Example) -> None:
    """Three lots of 100 birr a week. Somebody takes a short place in the second round."""
    example.chapter("Coming late")
    group = await _equb(doors, ["1", "1"], late_joiners="short_place")
    await _everybody_pays(doors, group)
    await doors.pass_time(WEEK)
    assert await _comes_late(doors, group, 9)
    group = await _to_the_end(doors, group, rounds=3)
    for number, (paid, received) in (await _by_lot(doors, group)).items():
        what = "the short place" if number == 4 else "a full lot"
        example.row(f"Lot {number}, {what}", paid=Money(paid, "ETB"), received=Money(received, "ETB"))
        assert (paid, received) == ((20_000, 20_000) if number == 4 else (30_000, 30_000))
    drawn = await doors.rows("SELECT l.number FROM draws d JOIN lots l ON l.id = d.lot_id")
    assert (4,) not in drawn


async def test_who_has_received_cannot_leave_and_a_shared_lot_is_not_torn(doors: Doors) -> None:
    group = await _equb(doors, ["1", "1/2", "1/2"])
    assert "Your lot is shared" in await doors.sms(phone(3), "LEAVE")
    await _everybody_pays(doors, group)
    await doors.pass_time(WEEK)
    (drawn,) = await doors.rows("SELECT l.number FROM draws d JOIN lots l ON l.id = d.lot_id")
    async with transaction(doors.tenant.id) as tx:
        found = await groups.by_code(tx, group.code)
        assert await cycles.current(tx, found)
        for held in await groups.holdings(tx, found):
            who = await groups.member(tx, group.group_id, held.member_id)
            if held.lot_number == drawn[0] and who.role != "organiser":
                with pytest.raises(Refusal, match=r"leave\.received"):
                    await leaving.terms(tx, found, who)
