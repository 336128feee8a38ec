"""The orders: every lot receives once, however it is found; nobody presets a drawn round; every santim is somewhere.

People write SMS through the front door; only what nobody may do is tried from the inside.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from asking import neighbours, owner_of
from doors import Doors
from examples import Example

from core import clock, groups
from core import sentences as say
from core.beacon import Beacon
from core.cycle import cycles, rounds
from core.db import transaction
from core.errors import Refusal, TryLater
from core.groups import Group
from core.money import Money
from core.order import draw, draws, found, needs, turns
from core.order.draw import Record, record_from_json, record_seal, record_to_json
from ops.__main__ import main

ORGANISER = "+251911000000"
WEEK = timedelta(days=7)


def phone(number: int) -> str:
    return ORGANISER if number == 1 else f"+2519120{number:05}"


async def begun(doors: Doors, *settings: str, shares: tuple[str, ...] = ("2", "1/2", "1/2"), lots: int = 4) -> Group:
    """An equb of 1,000 a week: the organiser holds lot 1, the others what ``shares`` say; begun."""
    group = await doors.found(ORGANISER, "Abebe", f"NEW Merkato 1000 {lots} weekly")
    for setting in settings:
        assert "Is that right?" in await doors.sms(ORGANISER, f"SET {setting}"), setting
        await doors.sms(ORGANISER, "1")
    for number, share in enumerate(shares, 2):
        assert "You are member" in await doors.register(phone(number), f"Member {number}", f"JOIN {group.code} {share}")
    assert "begins" in await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()
    return group


async def pay_all(doors: Doors, group: Group, *, besides: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """Everybody's open dues come in cash, but for those of the members in ``besides``."""
    async with transaction(doors.tenant.id) as tx:
        owing = await rounds.who_owes(tx, group)
        numbers = {seat.member.id: seat.member.number for seat in await groups.seats(tx, group.group_id)}
    for member_id, amount, _ in owing:
        if numbers[member_id] not in besides:
            said = await doors.sms(ORGANISER, f"CASH {numbers[member_id]} {Money(amount, 'ETB').decimal}")
            if "Record it?" in said:
                await doors.sms(ORGANISER, "1")


# --- nobody presets a drawn round ----------------------------------------------------------------


async def test_nothing_gives_a_drawn_round_a_lot_that_somebody_chose(doors: Doors) -> None:
    group = await begun(doors)
    await pay_all(doors, group)
    for words in ("TURN 2 1", "SWAP 2", "PASS", "NEED hospital", "DECIDE 2", "BID 100"):
        answer = await doors.sms(ORGANISER, words)
        assert "Sure?" not in answer and "asked" not in answer and "stands" not in answer, (words, answer)
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, group.group_id, lock=True)
        first = await rounds.round_by_number(tx, group, 1)
        cycle = await cycles.current(tx, group)
        assert first is not None and cycle is not None
        clock.set_to(first.cutoff_at)
    async with transaction(doors.tenant.id) as tx:
        first = await rounds.round_by_number(tx, group, 1)
        assert first is not None
        frozen = await rounds.freeze(tx, group, first)
        lot = await found.lot_called(tx, group, 1, "L002")
        for kind in ("turn", "organiser", "need", "auction", "witnessed", "paper", "drawn"):
            with pytest.raises(Refusal, match=r"order\.other_way"):
                await draws.put_down(
                    tx, group, first, cycle, lot, kind, frozen=frozen, how={}, said=say.HOW_ORGANISER()
                )
        with pytest.raises(Refusal, match=r"order\.other_way"):
            await needs.decide(
                tx,
                group,
                await groups.seat(tx, group.group_id, (await groups.seats(tx, group.group_id))[1].member.id),
                officer=None,
            )
        with pytest.raises(Refusal, match=r"order\.drawn"):
            await turns.set_turn(tx, group, lot, 1)
    await doors.pass_time(timedelta(hours=1))
    assert await doors.rows("SELECT kind FROM draws WHERE group_id = :g", g=group.group_id) == [("drawn",)]


async def test_an_officer_decides_about_a_lot_of_their_own_only_when_nobody_else_may(doors: Doors) -> None:
    group = await begun(doors, "ORDER need")
    await doors.sms(ORGANISER, "ROLE 2 secretary")
    await doors.sms(ORGANISER, "1")
    await doors.deliver()
    await doors.sms(phone(2), "1")
    assert await doors.value("SELECT role FROM members WHERE group_id = :g AND number = 2", g=group.group_id) == (
        "secretary"
    )
    await pay_all(doors, group)
    await doors.pass_time(WEEK)
    await doors.sms(ORGANISER, "DECIDE 1")
    assert "Another officer must decide" in await doors.sms(ORGANISER, "1")
    await doors.sms(phone(2), "DECIDE 1")
    assert "All hear it, with your name" in await doors.sms(phone(2), "1")
    kept = await found.public_record(
        str(await doors.value("SELECT code FROM draws WHERE group_id = :g", g=group.group_id))
    )
    assert isinstance(kept, Record)
    assert (kept.kind, kept.lot, dict(kept.how)) == ("need", "L001", {"office": "secretary", "number": "2"})


# --- before witnesses, when the public number is missing ------------------------------------------


async def test_paper_lots_count_only_after_a_day_without_the_beacon_and_with_two_pins(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await begun(doors, shares=("1", "1", "1"))

    async def unreachable(number: int) -> Beacon:
        raise TryLater(f"no beacon round {number}")

    await pay_all(doors, group)
    for number in (2, 3, 4):
        assert "It is set" in await doors.sms(phone(number), f"PIN {number}{number}{number}{number}")
    monkeypatch.setattr("doors.fetch", unreachable)
    async with transaction(doors.tenant.id) as tx:
        first = await rounds.round_by_number(tx, group, 1)
    assert first is not None
    for instant in (first.opens_at, first.cutoff_at - timedelta(days=1), first.cutoff_at, first.draw_at):
        clock.set_to(max(instant, clock.now()))
        with suppress(TryLater):
            await doors.wake()
    assert "missing for 24 hours" in await doors.sms(ORGANISER, "WITNESS 2")
    clock.set_to(first.draw_at + timedelta(hours=24))
    assert "Two must confirm" in await doors.sms(ORGANISER, "WITNESS 2")
    await doors.deliver()
    assert "no open question" in await doors.sms(phone(2), "1")  # it is their own lot
    assert "secret digits" in await doors.sms(phone(3), "1")
    assert "not your secret digits" in await doors.sms(phone(3), "9999")
    assert "noted" in await doors.sms(phone(3), "3333")
    assert await doors.rows("SELECT 1 FROM draws WHERE group_id = :g", g=group.group_id) == []
    await doors.sms(phone(4), "1")
    assert "With your answer it is done" in await doors.sms(phone(4), "4444")
    kept = await found.public_record(
        str(await doors.value("SELECT code FROM draws WHERE group_id = :g", g=group.group_id))
    )
    assert isinstance(kept, Record)
    assert (kept.kind, kept.lot, kept.how["witnesses"]) == ("witnessed", "L002", "3, 4")
    assert "drawn on paper before two witnesses, members 3, 4. Not computed" in await doors.sms(phone(3), "VERIFY")
    texts = {text for (text,) in await doors.rows("SELECT text FROM inbox")}
    assert not [text for text in texts if any(digits in text for digits in ("2222", "3333", "4444", "9999"))]
    assert await doors.rows("SELECT 1 FROM questions WHERE filled::text ~ '3333|4444'") == []
    assert await doors.rows("SELECT 1 FROM outbox WHERE text ~ '3333|4444|9999'") == []


async def test_five_wrong_pins_make_even_the_right_one_wait(doors: Doors) -> None:
    await doors.found(ORGANISER, "Abebe", "NEW Merkato 1000 4 weekly")
    assert "not 4 to 6 digits" in await doors.sms(ORGANISER, "PIN 12")
    assert "It is set" in await doors.sms(ORGANISER, "PIN 1234")
    assert "the old and the new" in await doors.sms(ORGANISER, "PIN 5678")
    for _ in range(5):
        assert "not your secret digits" in await doors.sms(ORGANISER, "PIN 0000 5678")
    assert "Too many wrong tries" in await doors.sms(ORGANISER, "PIN 1234 5678")
    clock.set_to(clock.now() + timedelta(hours=1, minutes=1))
    assert "It is set" in await doors.sms(ORGANISER, "PIN 1234 5678")
    texts = {text for (text,) in await doors.rows("SELECT text FROM inbox")}
    assert not [text for text in texts if "1234" in text or "5678" in text or "PIN 12" in text]


# --- every lot once, every santim somewhere ------------------------------------------------------

ORDERS = {
    "drawn": (),
    "fixed": ("ORDER fixed",),
    "drawn once": ("ORDER once",),
    "need": ("ORDER need", "FEE 3%"),
    "auction, set off": ("AUCTION open step 1",),
    "auction, dividend": ("AUCTION sealed dividend",),
    "first to the organiser": ("FIRST yes",),
    "drawn, then fixed": ("ORDER fixed FROM 3",),
    "fixed, then auction": ("ORDER fixed", "ORDER auction FROM 3"),
    "two a round, by turns": ("ORDER fixed", "DRAWN 2"),
    "two a round, auctioned": ("AUCTION sealed", "DRAWN 2"),
}


@pytest.mark.parametrize("name", ORDERS)
async def test_whatever_the_order_every_lot_receives_once_and_every_santim_is_somewhere(
    doors: Doors, name: str
) -> None:
    chance = Random(name)
    group = await begun(doors, *ORDERS[name], shares=("2", "3/10", "7/10", "1", "1"), lots=6)
    count = 6 // group_rules(await doors.group(group.code))
    for _ in range(count * 3):
        group = await doors.group(group.code)
        if await doors.value("SELECT count(*) FROM draws WHERE group_id = :g", g=group.group_id) == 6:
            break
        await pay_all(doors, group, besides={chance.randint(2, 6)})
        for number in range(1, 7):
            answer = await doors.sms(phone(number), f"BID {chance.choice([10, 10, 20.5, 333.33])}")
            if "Bid it?" in answer:
                await doors.sms(phone(number), "1")
        await doors.pass_time(WEEK)
        for number in range(1, 7):
            if "Sure?" in await doors.sms(ORGANISER, f"DECIDE {number}"):
                await doors.sms(ORGANISER, "1")
                break
        await doors.wake()
    await pay_all(doors, group)
    await doors.pass_time(WEEK)
    await doors.pay_everybody_out(group, ORGANISER)
    await doors.pass_time(3 * WEEK)
    await pay_all(doors, group)
    await doors.pay_everybody_out(group, ORGANISER)
    kinds = await doors.rows("SELECT kind, lot_id FROM draws WHERE group_id = :g", g=group.group_id)
    assert len(kinds) == len({lot for _, lot in kinds}) == 6
    assert (await doors.audit()).findings == ()
    balances = await doors.rows(
        "SELECT t.name, t.balance FROM (SELECT a.account AS name, sum(a.change)::bigint AS balance FROM"
        " (SELECT credit AS account, amount_minor AS change FROM ledger_transfers WHERE group_id = :g UNION ALL"
        " SELECT debit, -amount_minor FROM ledger_transfers WHERE group_id = :g) a GROUP BY 1) t WHERE t.balance <> 0",
        g=group.group_id,
    )
    # What is not paid out is the organiser's fee, in the organiser's hand, or an advance of somebody's.
    assert not [name for name, _ in balances if str(name).startswith("pot/")], balances
    for (proof,) in await doors.rows("SELECT proof ->> 'json' FROM draws WHERE group_id = :g", g=group.group_id):
        kept = found.read_kept(proof)
        if isinstance(kept, Record):
            assert record_seal(kept) == kept.record
        else:
            assert isinstance(kept, draw.Proof)
            assert draw.verify(kept).ok


def group_rules(group: Group) -> int:
    return group.rule_set.lots_per_round


async def test_equal_bids_are_decided_by_a_draw_among_them_that_anybody_can_check(doors: Doors) -> None:
    group = await begun(doors, "AUCTION sealed", shares=("1", "1", "1"))
    for number in (1, 2, 3):
        await doors.sms(phone(number), f"BID {100 if number < 3 else 90}")
        await doors.sms(phone(number), "1")
    await pay_all(doors, group)
    await doors.pass_time(WEEK)
    proof = await found.public_proof(
        str(await doors.value("SELECT code FROM draws WHERE group_id = :g", g=group.group_id))
    )
    assert proof is not None
    assert draw.verify(proof).ok
    assert proof.list_text == "L001\nL002\n"
    assert {one.lot: one.reason for one in proof.exclusions} == {"L003": "outbid", "L004": "outbid"}
    kind = await doors.value("SELECT kind FROM draws WHERE group_id = :g", g=group.group_id)
    deductions = await doors.value("SELECT deductions FROM payouts WHERE group_id = :g", g=group.group_id)
    assert (kind, deductions) == ("auction", [{"kind": "discount", "amount_minor": 10_000}])


def test_a_tie_favours_no_lot() -> None:
    chance = Random("ties")
    came_up = Counter(
        draw.draw("EQ-TEST", 1, "L002\nL005\nL009\n", chance.randbytes(32), chance.randbytes(32)).lot
        for _ in range(6000)
    )
    expected = 2000
    assert sum((n - expected) ** 2 / expected for n in came_up.values()) < 13.8


async def bid(doors: Doors, number: int, amount: int) -> str:
    await doors.sms(phone(number), f"BID {amount}")
    return await doors.sms(phone(number), "1")


async def bids(doors: Doors, group: Group) -> list[int]:
    """What is bid now, the highest first, in birr."""
    rows = await doors.rows(
        "SELECT discount_minor FROM bids WHERE group_id = :g AND withdrawn_at IS NULL ORDER BY 1 DESC", g=group.group_id
    )
    return [minor // 100 for (minor,) in rows]


async def test_an_open_bid_is_taken_back_while_nobody_has_bid_more(doors: Doors) -> None:
    group = await begun(doors, "AUCTION open step 100", shares=("1", "1/2", "1/2"), lots=3)
    await bid(doors, 2, 100)
    await bid(doors, 3, 200)
    assert await doors.sms(phone(2), "UNDO") == "Somebody has bid more since: your bid cannot be taken back."
    await bid(doors, 2, 300)
    await doors.deliver()
    assert await bids(doors, group) == [300, 200]
    # What stood before stands again, and whoever was outbid by it hears that they are not.
    assert await doors.sms(phone(2), "0") == (
        "Merkato, round 1: your bid of 300 birr is taken back, the one of 100 birr stands again."
    )
    assert await bids(doors, group) == [200, 100]
    told = "SELECT text FROM outbox WHERE kind = 'highest_again' ORDER BY seq"
    assert [row[0] for row in await doors.rows(told)] == [
        "Merkato, round 1: a bid was taken back, yours of 200 birr is the highest again."
    ] * 2
    assert await doors.sms(phone(3), "UNDO") == "Merkato, round 1: your bid of 200 birr is taken back."
    shared = await doors.rows("SELECT text FROM outbox WHERE kind = 'bid_taken_back'")
    assert [row[0] for row in shared] == ["Merkato, round 1: the bid of 200 birr for your lot 3 was taken back."]
    assert await bids(doors, group) == [100]


async def test_an_open_bid_stands_after_a_quarter_of_an_hour_and_nobody_takes_back_anothers(doors: Doors) -> None:
    """Who bids high, waits until all others have given up and takes it back would have the pot for nothing."""
    group = await begun(doors, "AUCTION open step 100", shares=("1", "1"), lots=3)
    await bid(doors, 2, 500)
    assert "too late" in await doors.sms(phone(3), "UNDO")
    clock.set_to(clock.now() + timedelta(minutes=16))
    assert "too late" in await doors.sms(phone(2), "UNDO")
    assert await bids(doors, group) == [500]


async def test_a_bid_of_the_last_minutes_stands_once_no_bids_are_taken(doors: Doors) -> None:
    group = await begun(doors, "AUCTION open step 100", shares=("1", "1"), lots=3)
    cutoff_at = await doors.value("SELECT cutoff_at FROM rounds WHERE group_id = :g AND number = 1", g=group.group_id)
    clock.set_to(cutoff_at - timedelta(minutes=5))
    await bid(doors, 2, 500)
    clock.set_to(cutoff_at)
    assert await doors.sms(phone(2), "UNDO") == "No bids are taken any more: what was bid stands."
    assert await bids(doors, group) == [500]


async def test_a_sealed_bid_is_taken_back_until_bids_close_and_not_after(doors: Doors) -> None:
    group = await begun(doors, "AUCTION sealed", shares=("1", "1"), lots=3)
    await bid(doors, 2, 100)
    await bid(doors, 3, 300)
    await doors.pass_time(timedelta(days=3))
    assert "your bid of 100 birr is taken back" in await doors.sms(phone(2), "UNDO")
    assert await bids(doors, group) == [300]
    cutoff_at = await doors.value("SELECT cutoff_at FROM rounds WHERE group_id = :g AND number = 1", g=group.group_id)
    clock.set_to(cutoff_at)
    assert "too late" in await doors.sms(phone(3), "UNDO")
    assert await bids(doors, group) == [300]


# --- changing places -----------------------------------------------------------------------------


async def test_two_halves_become_one_lot_when_all_four_agree(doors: Doors) -> None:
    group = await begun(doors, "ORDER fixed", shares=("1", "1/2", "1/2", "1/2", "1/2"))
    assert "all holders of lots 3, 4 are asked" in await doors.sms(phone(3), "MERGE 5")
    await doors.deliver()
    for number in (4, 5):
        assert "noted" in await doors.sms(phone(number), "1")
    before = await doors.rows("SELECT DISTINCT lot_id FROM dues WHERE group_id = :g", g=group.group_id)
    await doors.sms(phone(6), "1")
    held = await doors.rows(
        "SELECT l.number, m.number, h.amount_minor FROM holdings h"
        " JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
        " JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id"
        " WHERE h.group_id = :g AND l.number > 2 ORDER BY 1, 2",
        g=group.group_id,
    )
    assert held == [(3, 3, 50_000), (3, 5, 50_000), (4, 4, 50_000), (4, 6, 50_000)]
    assert await doors.rows("SELECT DISTINCT lot_id FROM dues WHERE group_id = :g", g=group.group_id) == before
    wrong = await doors.value(
        "SELECT count(*) FROM dues d JOIN holdings h ON h.group_id = d.group_id AND h.id = d.holding_id"
        " WHERE d.group_id = :g AND d.lot_id <> h.lot_id",
        g=group.group_id,
    )
    assert wrong == 0


# --- a record is never shown as a proof ----------------------------------------------------------


async def test_a_record_says_of_itself_that_nothing_was_computed(
    doors: Doors, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    group = await begun(doors, "ORDER fixed")
    await pay_all(doors, group)
    await doors.pass_time(WEEK)
    code = str(await doors.value("SELECT code FROM draws WHERE group_id = :g", g=group.group_id))
    assert "Not computed" in await doors.sms(phone(2), f"VERIFY {code}")
    page = await doors.client.get(f"/verify/{code}")
    assert "This lot was not computed" in page.text
    assert "its turn had come" in page.text.lower()
    text = (await doors.client.get(f"/verify/{code}.json")).text
    assert record_to_json(record_from_json(text)) == text
    file = tmp_path_factory.mktemp("record") / "record.json"
    file.write_text(text)
    assert main(["verify-draw", str(file)]) == 2
    assert "NOT COMPUTED: turn" in capsys.readouterr().out
    file.write_text(text.replace("L001", "L002"))
    assert main(["verify-draw", str(file)]) == 1


# --- in figures ----------------------------------------------------------------------------------


async def test_what_a_bid_leaves_is_shared_among_all_lots(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week, auctioned; lot 3 is shared by two. Member 2 leaves 401.01 birr to receive in
    round 1. It is shared among all four lots, the receiving one too, and set off against what each owes next."""
    example.chapter("Orders")
    group = await begun(doors, "AUCTION open step 1", shares=("1", "1/2", "1/2", "1"))
    await doors.sms(phone(2), "BID 401.01")
    await doors.sms(phone(2), "1")
    await pay_all(doors, group)
    await doors.pass_time(WEEK)
    async with transaction(doors.tenant.id) as tx:
        owed = {member_id: amount for member_id, amount, _ in await rounds.who_owes(tx, group)}
        seats = await groups.seats(tx, group.group_id)
    total = 0
    for seat in seats:
        rows = await doors.rows(
            "SELECT kind, sum(amount_minor)::bigint FROM payout_legs WHERE group_id = :g AND member_id = :m"
            " GROUP BY kind",
            g=group.group_id,
            m=seat.member.id,
        )
        legs = {kind: int(amount) for kind, amount in rows}
        total += sum(legs.values())
        example.row(
            f"member {seat.member.number}",
            of_the_pot=Money(legs.get("pot", 0), "ETB"),
            set_off=Money(legs.get("set_off", 0), "ETB"),
            owed_in_round_2=Money(owed.get(seat.member.id, 0), "ETB"),
        )
    assert total == 400_000


async def test_a_turn_is_passed_over_for_what_is_owed(doors: Doors, example: Example) -> None:
    """Four lots with fixed turns, by lot number. In round 1 the organiser has not paid: lot 1 is passed over with the
    reason named, and changes places with the next lot that has paid everything."""
    example.chapter("Orders")
    group = await begun(doors, "ORDER fixed", shares=("1", "1", "1"))
    await pay_all(doors, group, besides={1, 2})
    before = await laid(doors, group)
    await doors.pass_time(WEEK)
    now = await laid(doors, group)
    for number in range(1, 5):
        example.row(f"lot {number}", round_before=before[number], round_now=now[number])
    assert (now[3], now[1]) == (1, 3)


async def laid(doors: Doors, group: Group) -> dict[int, int]:
    """The round of each lot's turn, by its number."""
    async with transaction(doors.tenant.id) as tx:
        return {lot.number: turn.round_number for turn, lot in await turns.of_cycle(tx, group)}


# --- through the admin API -----------------------------------------------------------------------


async def test_an_administrator_sets_turns_reads_bids_and_decides_under_their_office(tenant: UUID) -> None:
    async with owner_of(tenant) as owner:
        equb = await neighbours(owner, order="fixed")
        set_anew = await owner.post(f"{equb.path}/turns", {"lot": "L003", "round": 1})
        assert [(one["round"], one["lot"]) for one in set_anew["items"]] == [(1, "L003")]
        refused = await owner.post(f"{equb.path}/decisions", {"member": 1}, status=422)
        assert refused["type"].startswith("/problems/order.")
        await equb.begin()
        laid = await owner.get(f"{equb.path}/turns")
        assert [one["lot"] for one in laid["items"]] == ["L003", "L001", "L002", "L004"]
        for name, due in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
            await equb.pay(name, due)
        drawn = await equb.until_drawn(1)
        assert (drawn["order"], drawn["lots"]) == ("fixed", ["L003"])
        (draw_,) = await owner.all(f"{equb.path}/draws")
        assert (draw_["kind"], draw_["computed"], draw_["beacon"]) == ("turn", False, None)
        assert draw_["how"] == {"order": "fixed"}
