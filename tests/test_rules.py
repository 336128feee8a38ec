"""The rules themselves: what adds up, what is refused with what would, when rounds fall due. And their page."""

import ast
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import holidays
import pytest
from examples import CHAPTERS, RULES_PAGE, Example, sections
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import from_ethiopian, to_ethiopian
from core.errors import Refusal
from core.money import Money, split
from core.rules import TEMPLATES, Auction, Deduction, Fee, Fine, Holidays, Rhythm, Rules, Stage, due_instants, template

ADDIS = "Africa/Addis_Ababa"
SATURDAY = datetime(2026, 8, 1, 9, 0, tzinfo=UTC)


def birr(minor: int) -> Money:
    return Money(minor, "ETB")


def days(rules: Rules, *, begun_at: datetime = SATURDAY) -> list[date]:
    return [(at + timedelta(hours=3)).date() for at in due_instants(rules, begun_at=begun_at, timezone=ADDIS)]


# --- The page ------------------------------------------------------------------------------------


def test_every_section_of_the_page_is_written_by_a_test() -> None:
    tests = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(a.arg == "example" for a in node.args.args)
    }
    assert set(sections()) == {name for name in tests if name.startswith("test_")}


def test_the_page_has_its_chapters_in_order() -> None:
    found = [line.removeprefix("## ") for line in RULES_PAGE.read_text().splitlines() if line.startswith("## ")]
    assert found == list(CHAPTERS)


# --- What adds up ----------------------------------------------------------------------------------


def test_a_pot_is_what_all_lots_pay_in_a_round(example: Example) -> None:
    """A lot pays one contribution each round and receives one pot in a cycle. Several lots may receive in a round: the
    cycle is then shorter, and a pot smaller."""
    example.chapter("Lots, shares and pots")
    for contribution, lots, a_round in ((100_000, 120, 1), (2_000, 30, 1), (50_000, 20, 1), (20_000, 105, 5)):
        rules = Rules(contribution_minor=contribution, lots=lots, lots_per_round=a_round)
        rules.check(currency="ETB")
        assert rules.gross_pot_minor * lots == contribution * lots * rules.rounds
        example.row(
            f"{lots} lots of {birr(contribution).spoken}, {a_round} a round",
            rounds=rules.rounds,
            pot=birr(rules.pot_minor),
            paid_in_by_a_lot=birr(contribution * rules.rounds),
        )


def test_a_shared_lot_is_split_to_the_last_santim(example: Example) -> None:
    """A pot of 120,000 birr of a lot that several hold is split by their shares; what division leaves over goes, a
    santim each, to the largest remainders, the same way every time."""
    example.chapter("Lots, shares and pots")
    for shares in ("1/5 1/5 1/5 1/5 1/5", "3/10 7/10", "1/3 1/3 1/3", "1/7 6/7"):
        parts = split(12_000_000, [Fraction(one) for one in shares.split()])
        assert sum(parts) == 12_000_000
        example.row(shares.replace(" ", ", "), receive=", ".join(birr(part).spoken for part in parts))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_a_rule_set_whose_parts_add_up(name: str) -> None:
    rules = template(name, contribution_minor=100_000, lots=20)
    assert rules.contribution_minor == 100_000
    rules.check(currency="ETB")


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"lots_per_round": 3}, "rules.uneven"),
        ({"fee": Fee(kind="per_mille", value=1000)}, "rules.fee_eats_pot"),
        ({"deductions": (Deduction(name="food", kind="flat", value=1_000_000),)}, "rules.deductions_eat_pot"),
        ({"deductions": (Deduction(name="fines", kind="flat", value=100),)}, "rules.fund_twice"),
        ({"deductions": (Deduction(name="food", kind="flat", value=1),) * 2}, "rules.fund_twice"),
        ({"order": "auction", "fee": Fee(kind="per_mille", value=601)}, "rules.auction_eats_pot"),
        ({"order": "auction", "auction": Auction(step_minor=500_000)}, "rules.auction_step"),
        ({"later_orders": (Stage(from_round=11, order="need"),)}, "rules.stages"),
        ({"later_orders": (Stage(from_round=3, order="drawn_once"),)}, "rules.drawn_once_later"),
        ({"order": "auction", "auction": Auction(share="dividend"), "netting": True}, "rules.netting_dividend"),
        ({"rhythm": Rhythm(kind="daily", weekday=2)}, "rules.rhythm"),
        ({"rhythm": Rhythm(kind="monthly", weekday=2)}, "rules.rhythm"),
        ({"rhythm": Rhythm(kind="weekly", day=3)}, "rules.rhythm"),
        ({"rhythm": Rhythm(kind="monthly", day=31, calendar="ethiopian")}, "rules.rhythm"),
        ({"holidays": Holidays(country="XX")}, "rules.holidays"),
        ({"shortfall": "reserve"}, "rules.no_reserve"),
        ({"shortfall": "guarantor"}, "rules.no_guarantors"),
        ({"lots_per_round": 2, "late_joiners": "back_pay"}, "rules.late_joiners_one_lot"),
    ],
)
def test_what_does_not_add_up_is_refused(chosen: dict[str, object], code: str) -> None:
    rules = Rules.model_validate({"contribution_minor": 100_000, "lots": 10} | chosen)
    with pytest.raises(Refusal) as refused:
        rules.check(currency="ETB")
    assert refused.value.code == code


def test_a_rule_that_a_group_has_not_chosen_does_not_change_what_its_members_accepted() -> None:
    rules = Rules(contribution_minor=100_000, lots=12, fine=Fine(kind="flat", value=5_000))
    same = Rules.model_validate_json(rules.model_dump_json(exclude_defaults=True))
    assert same.fingerprint() == rules.fingerprint()
    assert Rules(contribution_minor=100_000, lots=12).fingerprint() != rules.fingerprint()


@settings(deadline=None)
@given(
    contribution=st.integers(1, 10**9),
    lots=st.integers(2, 40),
    per_mille=st.integers(0, 999),
    taken=st.lists(st.tuples(st.sampled_from(["flat", "per_mille"]), st.integers(1, 400)), max_size=3),
)
def test_what_is_left_of_a_pot_and_what_is_taken_are_the_pot(
    contribution: int, lots: int, per_mille: int, taken: list[tuple[str, int]]
) -> None:
    deductions = tuple(
        Deduction.model_validate({"name": f"fund{n}", "kind": kind, "value": value})
        for n, (kind, value) in enumerate(taken)
    )
    fee = Fee(kind="per_mille", value=per_mille) if per_mille else Fee()
    rules = Rules(contribution_minor=contribution, lots=lots, fee=fee, deductions=deductions)
    assert rules.pot_minor + sum(amount for _, amount in rules.deductions_minor(2)) == rules.gross_pot_minor


@settings(deadline=None)
@given(
    value=st.integers(1, 10**9), lots=st.integers(2, 200), kind=st.sampled_from(["flat", "per_mille", "instalments"])
)
def test_a_fee_that_is_paid_with_every_round_adds_up_to_the_whole_fee(value: int, lots: int, kind: str) -> None:
    fee = Fee.model_validate({"kind": kind, "value": value, "collect": "round"})
    rules = Rules(contribution_minor=100_000, lots=lots, fee=fee)
    apart = [rules.fee_apart_minor(n) for n in range(1, rules.rounds + 1)]
    assert sum(apart) == rules.whole_fee_minor
    assert max(apart) - min(apart) <= 1
    assert rules.fee_minor == 0


def test_an_organisers_fee_has_many_forms(example: Example) -> None:
    """20 lots of 1,000 birr a week, pots of 20,000. The fee of a lot, taken from its pot, or paid apart by each lot:
    all of it with round 1, or a part with every round."""
    example.chapter("Fees")
    for name, kind, value in (
        ("5 percent", "per_mille", 50),
        ("500 birr", "flat", 50_000),
        ("2 instalments", "instalments", 2),
    ):
        for how, collect in (("from the pot", "pot"), ("with round 1", "begin"), ("with every round", "round")):
            fee = Fee.model_validate({"kind": kind, "value": value, "collect": collect})
            rules = Rules(contribution_minor=100_000, lots=20, fee=fee)
            rules.check(currency="ETB")
            apart = [rules.fee_apart_minor(number) for number in range(1, rules.rounds + 1)]
            assert rules.gross_pot_minor - rules.pot_minor + sum(apart) == rules.whole_fee_minor
            example.row(
                f"{name}, {how}",
                pot=birr(rules.pot_minor),
                apart_in_round_1=birr(apart[0]),
                apart_in_round_2=birr(apart[1]),
                fee_of_a_lot=birr(rules.whole_fee_minor),
            )


# --- When rounds fall due --------------------------------------------------------------------------


def test_due_days_of_every_rhythm(example: Example) -> None:
    """An equb that begins on Saturday 1 August 2026 at noon. A month without the day uses its last; in the Ethiopian
    calendar every month has thirty days and Pagume belongs to Nehase."""
    example.chapter("Rhythm and days")
    for name, rhythm in (
        ("every day", Rhythm(kind="daily")),
        ("every 10 days", Rhythm(kind="days", every=10)),
        ("every week on Tuesday", Rhythm(kind="weekly", weekday=2)),
        ("every second week", Rhythm(kind="weekly", every=2)),
        ("every month on the 31st", Rhythm(kind="monthly", day=31)),
        ("every month on the 30th of the Ethiopian month", Rhythm(kind="monthly", day=30, calendar="ethiopian")),
        ("every month on the last Saturday", Rhythm(kind="monthly", weekday=6, nth=-1)),
        ("every month on the second Sunday", Rhythm(kind="monthly", weekday=7, nth=2)),
    ):
        found = days(Rules(contribution_minor=100, lots=4, rhythm=rhythm))
        example.row(name, round_1=str(found[0]), round_2=str(found[1]), round_3=str(found[2]), round_4=str(found[3]))


def test_a_holiday_moves_a_due_day(example: Example) -> None:
    """Due every Saturday; Ethiopian Christmas 2023 was one. Two rounds never fall on one day."""
    example.chapter("Rhythm and days")
    begun = datetime(2022, 12, 19, 9, 0, tzinfo=UTC)
    for name, move in (
        ("no holidays", Holidays()),
        ("moved after", Holidays(country="ET")),
        ("moved before", Holidays(country="ET", move="before")),
    ):
        rules = Rules(contribution_minor=100, lots=4, rhythm=Rhythm(kind="weekly", weekday=6), holidays=move)
        found = days(rules, begun_at=begun)
        example.row(name, round_2=str(found[1]), round_3=str(found[2]), round_4=str(found[3]))


rhythms = st.one_of(
    st.builds(Rhythm, kind=st.just("daily"), every=st.integers(1, 9)),
    st.builds(Rhythm, kind=st.just("days"), every=st.integers(1, 60)),
    st.builds(Rhythm, kind=st.just("weekly"), weekday=st.integers(1, 7), every=st.integers(1, 4)),
    st.builds(Rhythm, kind=st.just("monthly"), day=st.integers(1, 31)),
    st.builds(Rhythm, kind=st.just("monthly"), day=st.integers(1, 30), calendar=st.just("ethiopian")),
    st.builds(
        Rhythm,
        kind=st.just("monthly"),
        weekday=st.integers(1, 7),
        nth=st.sampled_from([1, 2, 3, 4, -1]),
        calendar=st.sampled_from(["gregorian", "ethiopian"]),
    ),
    st.builds(Rhythm, kind=st.sampled_from(["weekly", "monthly"]), every=st.integers(1, 3)),
)


@settings(deadline=None)
@given(
    rhythm=rhythms,
    lots=st.integers(2, 60),
    begun=st.integers(0, 16 * 365 * 24),
    hour=st.none() | st.integers(0, 23),
    grace=st.sampled_from([0, 5, 240, 336]),
    country=st.sampled_from(["", "ET", "KE", "DJ"]),
    move=st.sampled_from(["after", "before"]),
)
def test_rounds_fall_due_one_after_another_on_their_days(
    rhythm: Rhythm, lots: int, begun: int, hour: int | None, grace: int, country: str, move: str
) -> None:
    moved = Holidays.model_validate({"country": country, "move": move})
    rules = Rules(contribution_minor=100, lots=lots, rhythm=rhythm, due_hour=hour, grace_hours=grace, holidays=moved)
    begun_at = datetime(2024, 1, 1, 0, 30, tzinfo=UTC) + timedelta(hours=begun)
    found = due_instants(rules, begun_at=begun_at, timezone=ADDIS)
    assert len(found) == lots
    assert found[0] > begun_at or country
    assert all(one < other for one, other in pairwise(found))
    shown = [(at + timedelta(hours=3)).date() for at in found]
    if country:
        known = holidays.country_holidays(country, years=range(shown[0].year, shown[-1].year + 1))
        assert not any(day in known for day in shown)
        return
    if rhythm.weekday:
        assert {day.isoweekday() for day in shown} == {rhythm.weekday}
    if rhythm.day and rhythm.calendar == "ethiopian":
        assert {to_ethiopian(day)[2] for day in shown} == {rhythm.day}
        assert all(to_ethiopian(day)[1] <= 12 for day in shown)
    if rhythm.nth and rhythm.nth > 0:
        of_month = [to_ethiopian(day)[2] if rhythm.calendar == "ethiopian" else day.day for day in shown]
        assert all((day - 1) // 7 + 1 == rhythm.nth for day in of_month)


@settings(deadline=None)
@given(day=st.dates(date(1950, 1, 1), date(2090, 1, 1)))
def test_an_ethiopian_date_goes_there_and_back(day: date) -> None:
    assert from_ethiopian(*to_ethiopian(day)) == day


def test_rounds_after_some_are_the_rest_of_the_same_plan() -> None:
    rules = Rules(contribution_minor=100, lots=10)
    whole = due_instants(rules, begun_at=SATURDAY, timezone=ADDIS, rounds=12)
    assert due_instants(rules, begun_at=SATURDAY, timezone=ADDIS, rounds=12, after_round=10) == whole[10:]
    assert whole[:10] == due_instants(rules, begun_at=SATURDAY, timezone=ADDIS)
