"""Whether a rule set adds up. What does not is refused with what would; nothing is corrected silently."""

from datetime import UTC, datetime
from fractions import Fraction

from core.errors import Refusal
from core.money import Money
from core.rules.pauses import well_formed
from core.rules.records import FINEST_SHARE, MOST_ROUNDS, Rules
from core.rules.schedule import due_instants, holidays_known

_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def check(rules: Rules, *, currency: str, pot_minor: int | None = None) -> None:
    """Raise ``Refusal("rules.…")`` when the whole does not add up; its facts say what would.

    ``pot_minor``: the pot somebody expects, with or without what is deducted.
    """
    if rules.lots % rules.lots_per_round:
        whole = [n for n in range(1, rules.lots + 1) if rules.lots % n == 0]
        near = min(whole, key=lambda n: (abs(n - rules.lots_per_round), n))
        raise Refusal("rules.uneven", lots=rules.lots, drawn=rules.lots_per_round, offered=near)
    if rules.rounds > MOST_ROUNDS:
        raise Refusal("rules.too_long", most=MOST_ROUNDS)
    _check_pot(rules, currency)
    if pot_minor is not None and pot_minor not in (rules.pot_minor, rules.gross_pot_minor):
        raise Refusal(
            "rules.does_not_add_up",
            lots=rules.lots,
            contribution=Money(rules.contribution_minor, currency),
            said=Money(pot_minor, currency),
            pot=Money(rules.gross_pot_minor, currency),
            fitting_lots=pot_minor // rules.contribution_minor * rules.lots_per_round,
            fits=pot_minor % rules.contribution_minor == 0,
        )
    _check_order(rules)
    _check_rhythm(rules)
    _check_what_needs_another(rules)


def _check_pot(rules: Rules, currency: str) -> None:
    """Something must be left for who receives, in the round where most is taken and by the highest bid allowed."""
    pot = Money(rules.gross_pot_minor, currency)
    taken = sum(amount for _, amount in rules.deductions_minor(1))
    if taken >= rules.gross_pot_minor:
        only_fee = [name for name, _ in rules.deductions_minor(1)] == ["fee"]
        raise Refusal("rules.fee_eats_pot" if only_fee else "rules.deductions_eat_pot", pot=pot)
    names = [one.name for one in rules.deductions]
    if len(set(names)) != len(names) or set(names) & RESERVED_FUNDS:
        raise Refusal("rules.fund_twice", name=next(n for n in names if names.count(n) > 1 or n in RESERVED_FUNDS))
    if "auction" in rules.orders:
        most = rules.gross_pot_minor * rules.auction.most_per_mille // 1000
        if most + taken >= rules.gross_pot_minor:
            offered = (rules.gross_pot_minor - taken - 1) * 1000 // rules.gross_pot_minor
            raise Refusal("rules.auction_eats_pot", pot=pot, offered=max(offered // 10, 0))
        if rules.auction.step_minor > most:
            raise Refusal("rules.auction_step", amount=Money(most, currency))


# Funds that the program itself fills.
RESERVED_FUNDS = frozenset({"fee", "fines", "members"})


def _check_order(rules: Rules) -> None:
    starts = [stage.from_round for stage in rules.later_orders]
    if len(set(starts)) != len(starts) or any(start > rules.rounds for start in starts):
        raise Refusal("rules.stages", rounds=rules.rounds)
    if "drawn_once" in [stage.order for stage in rules.later_orders]:
        # What is drawn once is drawn before round 1, for all rounds.
        raise Refusal("rules.drawn_once_later")
    if rules.netting and rules.orders & {"auction"} and rules.auction.share == "dividend":
        raise Refusal("rules.netting_dividend")


def _check_rhythm(rules: Rules) -> None:
    rhythm = rules.rhythm
    if rhythm.weekday and rhythm.kind not in ("weekly", "monthly"):
        raise Refusal("rules.rhythm")
    monthly_only = rhythm.nth is not None or rhythm.day is not None or rhythm.calendar != "gregorian"
    if monthly_only and rhythm.kind != "monthly":
        raise Refusal("rules.rhythm")
    if rhythm.kind == "monthly" and (rhythm.weekday is None) != (rhythm.nth is None):
        raise Refusal("rules.rhythm")
    if rhythm.nth is not None and rhythm.day is not None:
        raise Refusal("rules.rhythm")
    if rhythm.calendar == "ethiopian" and (rhythm.day or 0) > 30:
        raise Refusal("rules.rhythm")
    if not all(well_formed(pause) for pause in rules.pauses):
        raise Refusal("rules.pause")
    if rules.pauses:
        # Whether any day is left at all; which ones are is found when the cycle begins.
        due_instants(rules, begun_at=_SOME_DAY, timezone="UTC")
    if rules.holidays.country and not holidays_known(rules.holidays.country):
        raise Refusal("rules.holidays", country=rules.holidays.country)


def _check_what_needs_another(rules: Rules) -> None:
    """Rules that mean nothing without another."""
    if rules.shortfall == "reserve" and "reserve" not in [one.name for one in rules.deductions]:
        raise Refusal("rules.no_reserve")
    if rules.shortfall == "guarantor" and not rules.guarantors:
        raise Refusal("rules.no_guarantors")
    if rules.late_joiners != "no" and rules.lots_per_round != 1:
        # A place more is a round more, and with several lots a round it would need several places at once.
        raise Refusal("rules.late_joiners_one_lot")
    if rules.leaving.fee_per_mille and rules.lots_per_round != 1:
        raise Refusal("rules.leaving_one_lot")


def check_share(share: Fraction) -> None:
    """Raise ``Refusal("share.…")`` for a share of lots that nobody can hold."""
    if share < 0 or share > 100:
        raise Refusal("share.out_of_range")
    if share.denominator > FINEST_SHARE:
        raise Refusal("share.too_fine", finest=FINEST_SHARE)
