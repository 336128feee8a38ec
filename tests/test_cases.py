"""Real groups, through the front door, to their numbers. The whole of case A runs in ``./equb bench``."""

import re
from datetime import timedelta

from doors import Doors

from core.groups import Group
from core.order import found
from core.order.draw import verify

ORGANISER = "+251911000000"
WEEK = timedelta(days=7)


def phone(number: int) -> str:
    return f"+2519120{number:05}"


async def _in_and_out(doors: Doors, group: Group) -> tuple[int, int]:
    came_in = await doors.value(
        "SELECT coalesce(sum(CASE WHEN reverses IS NULL THEN amount_minor ELSE -amount_minor END), 0)::bigint"
        " FROM ledger_transfers WHERE group_id = :g AND due_id IS NOT NULL",
        g=group.group_id,
    )
    went_out = await doors.value(
        "SELECT coalesce(sum(CASE WHEN reverses IS NULL THEN amount_minor ELSE -amount_minor END), 0)::bigint"
        " FROM ledger_transfers WHERE group_id = :g AND payout_leg_id IS NOT NULL",
        g=group.group_id,
    )
    return came_in, went_out


async def _received(doors: Doors, group: Group) -> dict[int, int]:
    """What each member was paid out, by number, in minor units."""
    rows = await doors.rows(
        "SELECT m.number, sum(l.amount_minor)::bigint FROM payout_legs l"
        " JOIN members m ON m.group_id = l.group_id AND m.id = l.member_id"
        " WHERE l.group_id = :g AND l.paid_at IS NOT NULL GROUP BY m.number",
        g=group.group_id,
    )
    return dict(rows)


async def _every_draw_verifies(doors: Doors, group: Group) -> int:
    codes = await doors.rows("SELECT code FROM draws WHERE group_id = :g", g=group.group_id)
    for (code,) in codes:
        proof = await found.public_proof(code)
        assert proof is not None
        assert verify(proof).ok, code
    return len(codes)


async def test_a_small_case_a_pays_every_holder_exactly_the_share(doors: Doors) -> None:
    """Alemayehu's equb in small: 8 lots of 1,000 a week, one shared by five, one 3/10 and 7/10, one by two."""
    group = await doors.found(ORGANISER, "Alemayehu", "NEW Addis 1000 8 weekly")
    shares = ["1"] * 4 + ["1/5"] * 5 + ["3/10", "7/10"] + ["1/2", "1/2"]
    for number, share in enumerate(shares, 2):
        answer = await doors.register(phone(number), f"Member {number}", f"JOIN {group.code} {share}")
        assert f"You are member {number} of Addis" in answer
    assert "Addis begins: 8 lots, 8 rounds" in await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()
    amounts = {1: 1000} | {n: int(1000 * eval(share)) for n, share in enumerate(shares, 2)}  # noqa: S307 (our own)
    for week in range(8):
        for number, amount in amounts.items():
            if week == 2 and number == 4:
                continue  # pays late, next week
            if week == 3 and number == 4:
                assert "Recorded: 2,000 birr" in await doors.sms(ORGANISER, f"CASH {number} 2000")
            elif week == 4 and number == 5:
                await doors.sms(ORGANISER, f"CASH {number} 400")
                assert "Recorded: 400 birr" in await doors.sms(ORGANISER, "1")
                assert "Recorded: 600 birr" in await doors.sms(ORGANISER, f"CASH {number} 600")
            elif number % 3 == 0 and number != 1:
                assert "Noted" in await doors.sms(phone(number), f"PAY {amount}")
                answer = await doors.sms(ORGANISER, f"CASH {number} {amount}")
                assert "Recorded" in answer
            else:
                answer = await doors.sms(ORGANISER, f"CASH {number} {amount}" if number != 1 else f"PAY {amount}")
                assert "Receipt" in answer, answer
        if week == 5:
            # Paid twice by mistake, noticed, taken back.
            await doors.sms(ORGANISER, "CASH 6 200")
            twice = await doors.sms(ORGANISER, "1")
            assert "Recorded: 200 birr" in twice
            assert "Taken back: 200 birr" in await doors.sms(ORGANISER, "UNDO")
        await doors.pass_time(WEEK)
        await doors.pay_everybody_out(group, ORGANISER)
    assert await _in_and_out(doors, group) == (8 * 8 * 100_000, 8 * 8 * 100_000)
    received = await _received(doors, group)
    assert received == {number: amount * 100 * 8 for number, amount in amounts.items()}
    assert await _every_draw_verifies(doors, group) == 8
    assert len(await doors.rows("SELECT DISTINCT lot_id FROM draws WHERE group_id = :g", g=group.group_id)) == 8
    memos = {m for (m,) in await doors.rows("SELECT memo FROM ledger_transfers WHERE kind = 'payout'")}
    records = {
        f"draw {r}" for (r,) in await doors.rows("SELECT record_hash FROM draws WHERE group_id = :g", g=group.group_id)
    }
    assert memos == records, "beside each payout stands the hash of its draw"
    report = await doors.audit()
    assert report.findings == ()
    await doors.pass_time(timedelta(days=8))
    assert (await doors.group(group.code)).status == "closed"


async def test_case_b_thirty_weavers_twenty_birr_each_saturday(doors: Doors) -> None:
    """30 people, 20 Br a week, pot 600 Br, 30 rounds; a whole year's contributions are paid in advance by one."""
    group = await doors.found(ORGANISER, "Alemayehu", "NEW Weavers 20 30 weekly")
    for number in range(2, 31):
        await doors.register(phone(number), f"Weaver {number}", f"JOIN {group.code}")
    answer = await doors.sms(ORGANISER, "BEGIN")
    assert "30 lots, 30 rounds" in answer
    await doors.wake()
    await doors.sms(ORGANISER, "CASH 2 600")
    assert "Recorded: 600 birr" in await doors.sms(ORGANISER, "1")
    assert "580 birr is paid in advance" in await doors.sms(phone(2), "STATUS")
    for _week in range(3):
        await doors.sms(ORGANISER, "PAY 20")
        for number in range(3, 31):
            await doors.sms(ORGANISER, f"CASH {number} 20")
        assert "nobody owes anything" in await doors.sms(ORGANISER, "WHO")
        await doors.pass_time(WEEK)
        await doors.pay_everybody_out(group, ORGANISER)
    pots = await doors.rows("SELECT amount_minor FROM payouts WHERE group_id = :g", g=group.group_id)
    assert pots == [(60_000,)] * 3
    assert await _in_and_out(doors, group) == (3 * 60_000 + 2_000, 3 * 60_000)
    assert (await doors.audit()).findings == ()


async def test_case_d_what_does_not_add_up_is_refused_with_what_would(doors: Doors) -> None:
    """ "10 members, 500 a month, pot 10,000" does not add up: 20 lots of 500 do, or a pot of 5,000."""
    answer = await doors.sms(ORGANISER, "NEW Gazeta 500 10 monthly 10000")
    assert "does not add up" in answer
    assert "5,000 birr" in answer
    assert "20 lots" in answer
    assert await doors.value("SELECT count(*) FROM groups") == 0
    offered = await doors.found(ORGANISER, "Tsehay", "NEW Gazeta 500 20 monthly 10000")
    assert offered.rule_set.pot_minor == 1_000_000
    assert offered.rule_set.rounds == 20


async def test_case_i_a_daily_equb_leaves_five_instalments_to_the_organiser(doors: Doors) -> None:
    """200 a day for 105 days = 21,000 paid, 20,000 received, 1,000 the organiser's; two lots drawn a day."""
    from core.rules import Fee, Rhythm, Rules

    rules = Rules(
        contribution_minor=20_000,
        lots=210,
        lots_per_round=2,
        rhythm=Rhythm(kind="daily"),
        fee=Fee(kind="instalments", value=5),
    )
    assert (rules.rounds, rules.gross_pot_minor, rules.pot_minor) == (105, 2_100_000, 2_000_000)
    # The same in small through the door: 6 lots, 2 a day, 3 days, half an instalment kept.
    group = await doors.found(ORGANISER, "Dagna", "NEW Daily 200 6 daily")
    for words in ("SET DRAWN 2", "SET FEE 100"):
        assert "Is that right?" in await doors.sms(ORGANISER, words)
        assert "The rules of Daily are changed." in await doors.sms(ORGANISER, "1")
    for number in range(2, 7):
        await doors.register(phone(number), f"Trader {number}", f"JOIN {group.code}")
    assert "6 lots, 3 rounds" in await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()
    for _day in range(3):
        await doors.sms(ORGANISER, "PAY 200")
        for number in range(2, 7):
            await doors.sms(ORGANISER, f"CASH {number} 200")
        await doors.pass_time(timedelta(days=1))
        await doors.pay_everybody_out(group, ORGANISER)
    assert await _in_and_out(doors, group) == (6 * 3 * 20_000, 6 * 50_000)
    fee = await doors.value(
        "SELECT sum(amount_minor)::bigint FROM ledger_transfers WHERE group_id = :g AND kind = 'fee'", g=group.group_id
    )
    assert fee == 6 * 10_000
    assert await _received(doors, group) == dict.fromkeys(range(1, 7), 50_000)
    assert await _every_draw_verifies(doors, group) == 6
    assert (await doors.audit()).findings == ()


async def test_alemayehus_shares_split_to_his_numbers() -> None:
    """A lot shared by five gives 24,000 each of 120,000; 3/10 and 7/10 give 36,000 and 84,000."""
    from fractions import Fraction

    from core.money import split
    from core.rules import Rules

    rules = Rules(contribution_minor=100_000, lots=120)
    assert rules.pot_minor == 12_000_000
    assert rules.rounds * rules.lots * rules.contribution_minor == 1_440_000_000
    assert split(rules.pot_minor, [Fraction(1, 5)] * 5) == [2_400_000] * 5
    assert split(rules.pot_minor, [Fraction(3, 10), Fraction(7, 10)]) == [3_600_000, 8_400_000]
    assert split(rules.contribution_minor, [Fraction(1, 5)] * 5) == [20_000] * 5


async def test_a_name_of_a_draw_code_stands_in_every_announcement(doors: Doors) -> None:
    """Everybody who hears of a draw gets the code by which to check it."""
    group = await doors.found(ORGANISER, "Abebe", "NEW Two 100 2 weekly")
    await doors.register(phone(2), "Sara", f"JOIN {group.code}")
    await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()
    await doors.sms(ORGANISER, "PAY 100")
    await doors.sms(ORGANISER, "CASH 2 100")
    await doors.pass_time(WEEK)
    told = await doors.rows("SELECT text FROM outbox WHERE kind IN ('draw_held', 'your_lot')")
    assert len(told) == 2
    for (words,) in told:
        found = re.search(r"VERIFY (\S+)", words)
        assert found, words
        assert "All 10 checks hold" in await doors.sms(phone(2), f"VERIFY {found[1]}")
