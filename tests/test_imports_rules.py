"""A paper book of an equb with rules of every kind: all can be written down, and the money comes to where it is."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from asking import Admin, owner_of
from books import Paper, balances, bring_in, problems, small, understood

from core import groups, payouts, people
from core.cycle import rounds
from core.db import Tx, transaction
from core.groups import Group
from core.membership import guarantors
from core.order import turns
from core.rules import Auction, Deduction, Fee, Fine, Holidays, Stage
from core.treasury import contributions

ROUNDS = (("1", "8/11/2026", "1"), ("2", "15/11/2026", "2"))


@pytest.fixture
async def owner(tenant: UUID, at: Callable[[str], datetime]) -> AsyncIterator[Admin]:
    at("2026-11-22 12:00")
    people.forget_tenants()
    async with owner_of(tenant) as signed_in:
        yield signed_in


def four(**rules: str) -> Paper:
    """Four lots of 1,000 a week, one each; two rounds held, everything paid in."""
    said = {"name_of_the_equb": "Merkato", "contribution": "1000", "lots": "4", "rhythm": "weekly"} | rules
    paper = Paper().rules(**said)
    for number, name in enumerate(("Abebe Kebede", "Sara Tesfaye", "Lema Bekele", "Hana Girma"), 1):
        paper.write("people", str(number), name, f"091100000{number}", "organiser" if number == 1 else "")
        paper.write("lots", str(number), str(number))
    for held in ROUNDS:
        paper.write("rounds", *held)
    return paper


def paid(paper: Paper, *, besides: tuple[tuple[int, str], ...] = ()) -> Paper:
    for number, day, _ in ROUNDS:
        for member in range(1, 5):
            if (member, number) not in besides:
                paper.write("payments", day, "in", str(member), "1000", "", "", number)
    return paper


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"order": "fixed"}, {"order": "fixed"}),
        (
            {"auction": "sealed dividend max 30%"},
            {"auction": Auction(form="sealed", most_per_mille=300, share="dividend")},
        ),
        ({"first_to_the_organiser": "yes"}, {"first_to_organiser": True}),
        ({"holidays": "ET before"}, {"holidays": Holidays(country="ET", move="before")}),
        (
            {"fine": "50 daily max 200 lot to organiser"},
            {"fine": Fine(kind="daily", value=5_000, most_minor=20_000, per="due", to="organiser")},
        ),
        (
            {"deduction": "food 60 first"},
            {"deductions": (Deduction(name="food", kind="flat", value=6_000, rounds="first"),)},
        ),
        ({"netting": "yes"}, {"netting": True}),
        ({"guarantors_needed": "2"}, {"guarantors": 2}),
        ({"loans": "50%"}, {"loan_per_mille": 500}),
        ({"thing": "gabi"}, {"thing": "gabi"}),
        ({"late_joiners": "back"}, {"late_joiners": "back_pay"}),
        ({"leaving": "5%"}, {}),
        ({"old_debts": "bar"}, {"old_debts": "bar"}),
        ({"closing": "share"}, {"closing": "share"}),
        ({"rule_changes": "60%"}, {"rule_change": "vote", "vote_per_mille": 600}),
        ({"when_a_pot_is_not_full": "wait"}, {"shortfall": "wait"}),
        ({"organiser's_fee": "500 begin"}, {"fee": Fee(kind="flat", value=50_000, collect="begin")}),
        ({"ቅጣት": "50 በየቀኑ"}, {"fine": Fine(kind="daily", value=5_000)}),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)
def test_every_rule_can_be_written_down(said: dict[str, str], expected: dict[str, Any]) -> None:
    book, _ = understood(small(**said).files)
    assert {code for codes in problems(book).values() for code in codes} <= {"rounds.none", "order.turn_missing"}
    assert book.rules is not None
    assert {name: getattr(book.rules, name) for name in expected} == expected
    assert book.rules.leaving.fee_per_mille == (50 if "leaving" in said else 0)


def test_a_later_order_is_one_more_row() -> None:
    paper = small().rules(order="drawn").rules(order="need from 2")
    book, _ = understood(paper.files)
    assert book.rules is not None
    assert book.rules.later_orders == (Stage(from_round=2, order="need"),)


def test_a_rule_that_is_not_understood_says_how_to_write_it() -> None:
    book, _ = understood(small(fine="something").files)
    ((_, problem),) = [(line, one) for line, one in book.problems() if one.severity == "error"]
    assert problem.sentence == (
        "I did not understand this rule: something. Write it as after the word SET, for example 50."
    )


async def test_what_is_deducted_fined_and_spent_is_in_its_fund(owner: Admin, tenant: UUID) -> None:
    paper = paid(four(fine="100 to charity").rules(deduction="reserve 5%").rules(deduction="food 60 first"))
    paper.write("payments", "9/11/2026", "out", "1", "3,740", "", "", "1")
    paper.write("payments", "16/11/2026", "fine", "3", "100")
    paper.write("payments", "16/11/2026", "out", "2", "3,800", "", "", "2")
    paper.write("payments", "17/11/2026", "spent", "1", "50", "", "", "", "", "", "coffee", "food")
    group = await bring_in(owner, paper)
    found = await balances(tenant, group["id"])
    assert {name: minor for name, minor in found.items() if name.startswith("fund/")} == {
        "fund/reserve": 40_000,
        "fund/food": 1_000,
        "fund/charity": 10_000,
    }
    assert found["held/1"] == 800_000 + 10_000 - 374_000 - 380_000 - 5_000


async def test_a_fund_spends_no_more_than_it_has() -> None:
    paper = paid(four().rules(deduction="food 60 first"))
    paper.write("payments", "9/11/2026", "out", "1", "3,940", "", "", "1")
    paper.write("payments", "10/11/2026", "spent", "1", "61", "", "", "", "", "", "", "food")
    paper.write("payments", "10/11/2026", "spent", "1", "1", "", "", "", "", "", "", "drinks")
    book, _ = understood(paper.files)
    assert problems(book)["payments 12"] == ["fund.unknown"]
    paper.tables["payments"].pop()
    book, _ = understood(paper.files)
    assert problems(book)["payments 11"] == ["fund.not_enough"]


async def test_what_a_winner_owes_is_set_off_on_paper_too(owner: Admin, tenant: UUID) -> None:
    paper = paid(four(netting="yes"), besides=((1, "1"),))
    paper.write("payments", "9/11/2026", "out", "1", "3,000", "", "", "1")
    group = await bring_in(owner, paper)
    found = await balances(tenant, group["id"])
    assert (found.get("pot/1/1", 0), found["held/1"]) == (0, 400_000)
    assert (await owner.get(f"/imports/{group['import']}"))["totals"]["owed"] == []


async def test_turns_to_come_stand_in_the_book(owner: Admin, tenant: UUID) -> None:
    paper = paid(four(order="fixed"))
    paper.write("rounds", "4", "29/11/2026", "3")
    group = await bring_in(owner, paper)
    async with transaction(tenant) as tx:
        found = await _group(tx, group["id"])
        laid = [(turn.round_number, lot.number) for turn, lot in await turns.of_cycle(tx, found)]
    assert laid == [(1, 1), (2, 2), (3, 4), (4, 3)], "lot 4 has no turn in the book and follows by number"
    lines = await owner.all(f"/imports/{group['import']}/lines", severity="warning", sheet="rounds", language="en")
    assert [p["said"] for line in lines for p in line["problems"]][-1].startswith("Lot 4 has no turn yet")


async def test_guarantors_of_the_book_answer(owner: Admin, tenant: UUID) -> None:
    paper = paid(four(guarantors_needed="1")).write("guarantors", "2", "Hana Girma").write("guarantors", "3", "1")
    group = await bring_in(owner, paper)
    async with transaction(tenant) as tx:
        found = await guarantors.standing(tx, await _group(tx, group["id"]))
    assert len(found) == 2


async def test_a_debt_of_an_earlier_cycle_comes_in_with_whom_it_is_owed_to(owner: Admin, tenant: UUID) -> None:
    paper = paid(four()).write("debts", "Hana Girma", "700", "", "earlier", "Sara Tesfaye")
    paper.write("debts", "Lema Bekele", "300", "", "earlier")
    group = await bring_in(owner, paper)
    totals = (await owner.get(f"/imports/{group['import']}"))["totals"]
    assert {one["name"]: one["amount"]["amount"] for one in totals["owed"]} == {
        "Lema Bekele": "300.00",
        "Hana Girma": "700.00",
    }
    async with transaction(tenant) as tx:
        found = await _group(tx, group["id"])
        dues = await rounds.open_dues(tx, found.group_id)
        assert [(due.cycle, due.open_minor) for due in dues if due.cycle < found.cycle] == [(1, 30_000), (1, 70_000)]
        hana = (await groups.seats(tx, found.group_id, number=4))[0].member
        officer = (await groups.seats(tx, found.group_id, number=1))[0].member
        assert await balances(tenant, group["id"]) == {"held/1": 800_000, "pot/2/1": 400_000, "pot/2/2": 400_000}
        # What Hana brings for her old debt waits for Sara.
        await contributions.record(tx, found, hana, amount_minor=70_000, holder=officer, payer=officer)
        waiting = [one for one in await payouts.waiting(tx, found) if one.round.cycle == 1 and one.now_minor]
        assert [(one.leg.amount_minor, one.now_minor) for one in waiting] == [(70_000, 70_000)]
        tx.keep = False
    undone = await owner.post(f"/imports/{group['import']}/undo", status=200)
    assert undone["status"] == "undone"
    assert await balances(tenant, group["id"]) == {}


async def _group(tx: Tx, group_id: str) -> Group:
    return await groups.by_id(tx, UUID(group_id))
