"""What went wrong when somebody looked for it: two at once, late work, money that must come back, offices, digits."""

import asyncio
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from doors import Doors
from talking import fetch

from core import clock, groups, ledger, payouts, people
from core.consent import agreement
from core.cycle import agenda, cycles, rounds
from core.db import Tx, transaction
from core.groups import Group, Member
from core.order import found
from core.order.draw import verify
from core.rules import Fee, Rules
from core.treasury import contributions

ABEBE, SARA = "+251911000001", "+251911000002"


async def _running(doors: Doors, line: str = "NEW Merkato 1000 2 weekly") -> Group:
    group = await doors.found(ABEBE, "Abebe", line)
    await doors.register(SARA, "Sara", f"JOIN {group.code}")
    await doors.sms(ABEBE, "BEGIN")
    await doors.wake()
    return await doors.group(group.code)


async def _members(tx: Tx, group: Group) -> list[Member]:
    return [seat.member for seat in await groups.seats(tx, group.group_id)]


async def _pay(doors: Doors, group: Group, who: int, amount_minor: int) -> UUID:
    """A contribution in the organiser's hand; the payment's id."""
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        members = await _members(tx, group)
        made = await contributions.record(tx, group, members[who], amount_minor=amount_minor, holder=members[0])
    return made.payment.id


async def test_an_ethiopic_digit_answers_a_question_as_any_other(doors: Doors, superuser: Any) -> None:
    await _running(doors)
    await doors.sms(SARA, "PAY 1000")
    superuser.execute("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")
    assert "Sara" in await doors.sms(ABEBE, "፩")
    assert await doors.value("SELECT count(*) FROM payments WHERE verified_by = 'both'") == 1


async def test_a_raised_digit_is_no_answer_and_no_bug(doors: Doors, superuser: Any) -> None:
    await _running(doors)
    await doors.sms(SARA, "PAY 1000")
    superuser.execute("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")
    await doors.sms(ABEBE, "²")
    assert await doors.value("SELECT count(*) FROM inbox WHERE state = 'failed'") == 0
    assert await doors.value("SELECT count(*) FROM payments WHERE recorded_at IS NOT NULL") == 0


async def test_a_payment_and_a_round_that_opens_do_not_wait_for_each_other(doors: Doors) -> None:
    group = await _running(doors)
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        held = await groups.by_id(tx, group.group_id, lock=True)
        paying = asyncio.create_task(_pay(doors, group, 1, 150_000))
        await asyncio.sleep(0.3)
        second = await rounds.round_by_number(tx, held, 2)
        assert second is not None
        await rounds.open_round(tx, held, second)
    await paying
    async with transaction(doors.tenant.id) as tx:
        sara = (await _members(tx, group))[1]
        owed = sum(due.open_minor for due in await rounds.open_dues(tx, group.group_id, member_id=sara.id))
    assert owed == 50_000
    assert (await doors.audit()).findings == ()


async def test_a_list_that_is_late_is_drawn_from_a_beacon_that_nobody_knows_yet(doors: Doors) -> None:
    """After an outage over cut-off and draw: a list made when its beacon is public would prove nothing."""
    group = await _running(doors)
    for who in (0, 1):
        await _pay(doors, group, who, 100_000)
    draw_at = await doors.value("SELECT draw_at FROM rounds WHERE number = 1")
    clock.set_to(draw_at + timedelta(hours=2))
    await agenda.wake(doors.tenant.id, group.group_id, fetch)
    frozen_at, later = (await doors.rows("SELECT frozen_at, draw_at FROM draw_lists"))[0]
    assert frozen_at < later
    await doors.pass_time(timedelta(minutes=15))
    async with transaction(doors.tenant.id) as tx:
        first = await rounds.round_by_number(tx, group, 1)
        assert first is not None
        drawn = await found.of_round(tx, first)
    assert [verify(found.proof_of(one)).ok for one in drawn] == [True]


async def test_two_rounds_never_have_a_list_at_the_same_time(doors: Doors) -> None:
    """A second try of round 1 that falls on round 2: a lot in both lists could be drawn twice, and nothing after it."""
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        group = await _found(tx, Rules(contribution_minor=100_000, lots=2, redraw_hours=168))
    await doors.wake()
    await doors.pass_time(timedelta(days=8))
    for who in (0, 1):
        await _pay(doors, group, who, 200_000)
    await doors.pass_time(timedelta(days=8))
    lists = await doors.rows("SELECT list_text FROM draw_lists WHERE list_text <> '' ORDER BY frozen_at, id")
    assert [text.count("\n") for (text,) in lists] == [2, 1]
    assert await doors.value("SELECT count(DISTINCT lot_id) FROM draws") == 2


async def test_the_fee_of_a_payout_that_is_taken_back_goes_back_too(doors: Doors) -> None:
    """Else the contribution behind it could never be reversed."""
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        group = await _found(tx, Rules(contribution_minor=100_000, lots=2, fee=Fee(kind="per_mille", value=100)))
    await doors.wake()
    for who in (0, 1):
        wrong = await _pay(doors, group, who, 100_000)
    await doors.pass_time(timedelta(days=7))
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        group = await groups.by_id(tx, group.group_id)
        one = (await payouts.waiting(tx, group))[0]
        leg = await payouts.pay(tx, group, one.leg.id, payer=(await _members(tx, group))[0])
        assert await _balance(tx, group, "fee/organiser") == 20_000
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        await payouts.take_back(tx, group, await payouts.leg(tx, group.group_id, leg.id), denied=False)
        assert await _balance(tx, group, "fee/organiser") == 0
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        payment = await contributions.payment(tx, group.group_id, wrong)
        await contributions.reverse(tx, group, payment, reason="never came")
        assert await _balance(tx, group, "pot/1/1") == 100_000
    assert (await doors.audit()).findings == ()


async def _balance(tx: Tx, group: Group, account: str) -> int:
    return await ledger.balance(tx.session, group_id=group.group_id, account=account)


async def _found(tx: Tx, rules: Rules) -> Group:
    """A running group with a person for each lot."""
    who = [
        await people.person_with_phone(
            tx, phone=f"+25191100010{n}", name=f"Holder {n}x", language="en", gateway="twilio"
        )
        for n in range(rules.lots)
    ]
    for person in who:
        await agreement.give(tx, person, None, language="en")
    group = await groups.found(tx, who[0], name="Fees", currency="ETB", rules=rules)
    for person in who[1:]:
        await groups.join(tx, group, person, share=Fraction(1))
    await cycles.begin(tx, group, timezone="Africa/Addis_Ababa")
    return group


async def test_the_part_of_a_lot_that_is_still_to_be_drawn_stays_in_the_pot(doors: Doors) -> None:
    """Two lots a round, one of them late: the first holder gets a half of what came in, not the other's too."""
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        group = await _found(tx, Rules(contribution_minor=100_000, lots=4, lots_per_round=2))
    await doors.wake()
    await _pay(doors, group, 0, 100_000)
    await _pay(doors, group, 1, 60_000)
    first = await doors.value("SELECT draw_at FROM rounds WHERE number = 1")
    await doors.pass_time(first + timedelta(minutes=1) - clock.now())
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        waiting = await payouts.waiting(tx, await groups.by_id(tx, group.group_id))
        assert [(one.leg.amount_minor, one.now_minor) for one in waiting] == [(200_000, 80_000)]


async def test_a_payout_is_what_the_officer_said_yes_to(doors: Doors) -> None:
    """Money that comes in between the question and the answer was not in the holder's hand."""
    group = await _running(doors)
    await _pay(doors, group, 0, 100_000)
    await _pay(doors, group, 1, 40_000)
    first = await doors.value("SELECT draw_at FROM rounds WHERE number = 1")
    await doors.pass_time(first + timedelta(minutes=1) - clock.now())
    assert "1,400" in await doors.sms(ABEBE, "PAYOUT 1")
    await _pay(doors, group, 1, 60_000)
    assert "1,400" in await doors.sms(ABEBE, "1")
    assert await doors.rows("SELECT amount_minor FROM payout_legs WHERE paid_at IS NOT NULL") == [(140_000,)]


async def test_an_office_is_gone_with_the_one_who_left(doors: Doors) -> None:
    group = await doors.found(ABEBE, "Abebe", "NEW Merkato 1000 3 weekly")
    await doors.register(SARA, "Sara", f"JOIN {group.code}")
    async with transaction(doors.tenant.id, now=clock.now()) as tx:
        await groups.give_role(tx, group, (await _members(tx, group))[1], "secretary")
    await doors.sms(SARA, "LEAVE")
    await doors.sms(SARA, f"JOIN {group.code}")
    roles: list[Any] = await doors.rows("SELECT role, status FROM members ORDER BY number")
    assert roles == [("organiser", "active"), ("member", "active")]


async def test_a_group_can_be_named_whatever_its_status(doors: Doors) -> None:
    """Money may still have to move in one that is over while another of the officer's runs."""
    await _running(doors)
    await doors.sms(ABEBE, "NEW Second 500 3 weekly")
    assert "Second" in await doors.sms(ABEBE, "PAYOUT Second")
    assert "Merkato" in await doors.sms(ABEBE, "PAYOUT")


async def test_a_name_that_means_two_members_is_asked_about(doors: Doors) -> None:
    """Somebody calls themselves by another's first name, to catch what is meant for the other."""
    group = await doors.found(ABEBE, "Dawit", "NEW Merkato 1000 3 weekly")
    await doors.register(SARA, "Abebe Kebede", f"JOIN {group.code}")
    await doors.register("+251911000003", "Abebe", f"JOIN {group.code}")
    await doors.sms(ABEBE, "BEGIN")
    await doors.wake()
    assert "2. Abebe Kebede, 3. Abebe" in await doors.sms(ABEBE, "CASH Abebe 1000")
    assert await doors.value("SELECT count(*) FROM payments") == 0
    assert "Recorded: 1,000 birr from Abebe Kebede" in await doors.sms(ABEBE, "CASH 2 1000")


async def test_what_a_list_was_frozen_with_is_not_undone(doors: Doors) -> None:
    """Pay just before the cut-off, stand in the draw, take it back just after."""
    await _running(doors)
    clock.set_to(clock.now() + timedelta(days=7) - timedelta(minutes=60))
    await doors.wake()
    due = await doors.value("SELECT cutoff_at FROM rounds WHERE number = 1")
    clock.set_to(due - timedelta(minutes=2))
    assert "received 1,000 birr" in await doors.sms(ABEBE, "PAY 1000")
    clock.set_to(due + timedelta(minutes=1))
    await doors.wake()
    assert "too late" in await doors.sms(ABEBE, "UNDO")
    assert await doors.value("SELECT count(*) FROM payments WHERE reversed_at IS NOT NULL") == 0


async def test_only_the_organiser_opens_the_next_cycle(doors: Doors) -> None:
    group = await _running(doors)
    for _week in range(2):
        await doors.sms(ABEBE, "PAY 1000")
        await doors.sms(ABEBE, "CASH 2 1000")
        await doors.pass_time(timedelta(days=7))
        for number in (1, 2):
            if "Did you pay" in await doors.sms(ABEBE, f"PAYOUT {number}"):
                await doors.sms(ABEBE, "1")
    await doors.pass_time(timedelta(days=9))
    assert (await doors.group(group.code)).status == "closed"
    answer = await doors.register("+251911000003", "Lema", f"JOIN {group.code}")
    assert "The organiser opens the next one" in answer
    assert (await doors.group(group.code)).status == "closed"
    await doors.sms(ABEBE, "INVITE")
    assert (await doors.group(group.code)).status == "forming"
