"""Choosing and changing rules: what is typed, who must agree, from when it holds, and that nobody is bound unasked."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from doors import Doors
from examples import Example

from core import groups
from core.cycle import cycles, rounds
from core.db import transaction
from core.errors import Refusal
from core.rules import Auction, Deduction, Fee, Fine, Holidays, Leaving, Rhythm, Rules, Stage
from core.talking import rule_words

TODAY = date(2026, 11, 24)
PLAIN = Rules(contribution_minor=100_000, lots=12)
ORGANISER, SARA, LEMA = "+251911000000", "+251911000001", "+251911000002"


# --- What is typed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("FEE 5%", {"fee": Fee(kind="per_mille", value=50)}),
        ("fee 2.5 percent begin", {"fee": Fee(kind="per_mille", value=25, collect="begin")}),
        ("ክፍያ 500 ብር", {"fee": Fee(kind="flat", value=50_000)}),
        ("FEE 5 INSTALMENTS", {"fee": Fee(kind="instalments", value=5)}),
        ("FINE 50", {"fine": Fine(kind="flat", value=5_000)}),
        ("ቅጣት 50 በየቀኑ ቢበዛ 200", {"fine": Fine(kind="daily", value=5_000, most_minor=20_000)}),
        (
            "FINE 5% LOT GRACE 24 TO charity",
            {"fine": Fine(kind="per_mille", value=50, per="due", grace_hours=24, to="charity")},
        ),
        ("FINE 1% daily", {"fine": Fine(kind="daily_per_mille", value=10)}),
        ("ORDER fixed", {"order": "fixed"}),
        ("ORDER once", {"order": "drawn_once"}),
        ("ORDER need FROM 6", {"later_orders": (Stage(from_round=6, order="need"),)}),
        (
            "AUCTION sealed max 30% dividend",
            {"order": "auction", "auction": Auction(form="sealed", most_per_mille=300, share="dividend")},
        ),
        ("AUCTION step 500", {"order": "auction", "auction": Auction(step_minor=50_000)}),
        ("DAY tuesday", {"rhythm": Rhythm(kind="weekly", weekday=2)}),
        ("DAY ቅዳሜ", {"rhythm": Rhythm(kind="weekly", weekday=6)}),
        ("DAY monthly 5", {"rhythm": Rhythm(kind="monthly", day=5)}),
        ("DAY 30 ethiopian", {"rhythm": Rhythm(kind="monthly", day=30, calendar="ethiopian")}),
        ("DAY last saturday", {"rhythm": Rhythm(kind="monthly", weekday=6, nth=-1)}),
        ("DAY 2 sunday", {"rhythm": Rhythm(kind="monthly", weekday=7, nth=2)}),
        ("DAY every 10 days", {"rhythm": Rhythm(kind="days", every=10)}),
        ("HOLIDAYS et before", {"holidays": Holidays(country="ET", move="before")}),
        ("DEDUCT reserve 1%", {"deductions": (Deduction(name="reserve", kind="per_mille", value=10),)}),
        ("DEDUCT food 200 first", {"deductions": (Deduction(name="food", kind="flat", value=20_000, rounds="first"),)}),
        ("POT wait", {"shortfall": "wait"}),
        ("NETTING yes", {"netting": True}),
        ("GUARANTORS 2", {"guarantors": 2}),
        ("LOAN 50%", {"loan_per_mille": 500}),
        ("THING white gabi", {"thing": "white gabi"}),
        ("LATE back", {"late_joiners": "back_pay"}),
        ("LEAVING 10%", {"leaving": Leaving(fee_per_mille=100)}),
        ("VOTE 60%", {"rule_change": "vote", "vote_per_mille": 600}),
        ("APPROVAL yes", {"payout_approval": True}),
        ("HOUR 18", {"due_hour": 18}),
        ("LOTS 20", {"lots": 20}),
        ("DRAWN 2", {"lots_per_round": 2}),
        ("AMOUNT 1,500", {"contribution_minor": 150_000}),
        ("LIKE daily", {"rhythm": Rhythm(kind="daily"), "fee": Fee(kind="instalments", value=5), "remind_hours": 0}),
    ],
)
def test_a_typed_rule_is_the_rule_and_nothing_else(typed: str, chosen: dict[str, object]) -> None:
    assert rule_words.changed(PLAIN, typed.split(), "ETB", today=TODAY) == PLAIN.model_copy(update=chosen)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "FINE", "FINE plenty", "FINE 50 60", "FINE 50 TO nobody", "FINE -50", "FEE 50 %% x", "ORDER chaos"),
        *("DAY yesterday", "DAY 45", "HOUR 25", "HOUR noon", "NETTING perhaps", "LOAN 200%", "LOAN 50", "LATE maybe"),
        *("AUCTION sealed open-ended", "DEDUCT 200", "DEDUCT food", "LIKE nothing", "LOTS 1", "DRAWN 0", "THINGS gabi"),
    ],
)
def test_half_a_rule_is_refused_and_never_guessed(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        rule_words.changed(PLAIN, typed.split(), "ETB", today=TODAY)
    assert refused.value.code in ("rule.not_understood", "amount.not_positive")


@pytest.mark.parametrize("typed", ["FEE no", "FINE 0", "HOLIDAYS no", "LOAN no", "LEAVING no", "VOTE no", "LATE no"])
def test_no_takes_a_rule_back(typed: str) -> None:
    chosen = PLAIN
    for one in ("FEE 5%", "FINE 50", "HOLIDAYS ET", "LOAN 50%", "LEAVING 10%", "VOTE yes", "LATE back"):
        chosen = rule_words.changed(chosen, one.split(), "ETB", today=TODAY)
    back = rule_words.changed(chosen, typed.split(), "ETB", today=TODAY)
    assert back != chosen
    assert rule_words.changed(back, typed.split(), "ETB", today=TODAY) == back


# --- Who must agree, and from when ---------------------------------------------------------------


async def _three(doors: Doors) -> UUID:
    group = await doors.found(ORGANISER, "Abebe", "NEW Merkato 1000 3 weekly")
    await doors.register(SARA, "Sara", f"JOIN {group.code}")
    await doors.register(LEMA, "Lema", f"JOIN {group.code}")
    return group.group_id


async def test_a_change_holds_from_the_next_round_on_and_what_was_is_judged_by_what_held(
    doors: Doors, example: Example
) -> None:
    """Three lots, weekly. In round 1 the organiser, the only officer, sets the reminder to 48 hours, then has rules
    changed by a vote of 60 percent; a further change in round 2 needs one more of the three members."""
    example.chapter("Changing the rules")
    group_id = await _three(doors)
    assert "begins" in await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()

    async def row(what: str) -> None:
        async with transaction(doors.tenant.id) as tx:
            group = await groups.by_id(tx, group_id)
            held = [await rounds.rules_of(tx, group, one) for one in await cycles.rounds_of(tx, group)]
        hours = {f"reminder_in_round_{n}": one.remind_hours for n, one in enumerate(held, 1)}
        example.row(
            what, **hours, vote_from_round=next((n for n, r in enumerate(held, 1) if r.rule_change == "vote"), 0)
        )

    await row("when it begins")
    await doors.sms(ORGANISER, "SET REMIND 48")
    assert "from round 2 on" in await doors.sms(ORGANISER, "1")
    await row("SET REMIND 48 in round 1")
    await doors.sms(ORGANISER, "SET VOTE 60%")
    assert "from round 2 on" in await doors.sms(ORGANISER, "1")
    await row("SET VOTE 60% in round 1")
    await doors.pass_time(timedelta(days=7))
    await doors.sms(ORGANISER, "SET REMIND 12")
    assert "The others are asked" in await doors.sms(ORGANISER, "1")
    await row("SET REMIND 12 in round 2, not agreed yet")
    await doors.deliver()
    assert "it is done" in await doors.sms(SARA, "1")
    await row("one of the two others agrees")
    await doors.pass_time(timedelta(days=7))
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, group_id)
        assert (group.rule_set.remind_hours, group.rule_set.rule_change) == (12, "vote")
        current = await rounds.current_round(tx, group)
        assert current is not None and current.number == 3


async def test_what_is_promised_for_the_whole_cycle_is_fixed_while_rounds_run(doors: Doors) -> None:
    group_id = await _three(doors)
    await doors.sms(ORGANISER, "BEGIN")
    await doors.wake()
    for words in (
        "SET AMOUNT 2000",
        "SET LOTS 4",
        "SET DAY monday",
        "SET FEE 5%",
        "SET NETTING yes",
        "SET HOLIDAYS ET",
    ):
        assert "fixed while the rounds run" in await doors.sms(ORGANISER, words), words
    async with transaction(doors.tenant.id) as tx:
        assert (await groups.by_id(tx, group_id)).rules_version == 1


async def test_who_says_no_to_new_rules_leaves_and_a_member_cannot_set_any(doors: Doors) -> None:
    await _three(doors)
    assert "Only the officers" in await doors.sms(SARA, "SET GRACE 5")
    await doors.sms(ORGANISER, "SET GRACE 5")
    assert "asked to accept" in await doors.sms(ORGANISER, "1")
    assert "2. Sara, 3. Lema" in await doors.sms(ORGANISER, "BEGIN")
    await doors.deliver()
    assert "You have accepted" in await doors.sms(SARA, "1")
    assert "no longer in Merkato" in await doors.sms(LEMA, "2")
    answer = await doors.sms(ORGANISER, "BEGIN")
    assert "2 of 3" in answer or "begins" in answer


async def test_more_lots_ask_nobody_again(doors: Doors) -> None:
    await _three(doors)
    await doors.sms(ORGANISER, "SET LOTS 4")
    assert await doors.sms(ORGANISER, "1") == "The rules of Merkato are changed."
