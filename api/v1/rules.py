"""The rules of a group as the API writes them: money as money.

Owns the translation to and from ``core.rules``, which decides what adds up.
"""

import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from api.v1.shapes import Asked, Money, MoneyAsked
from core import rules
from core.errors import Refusal
from core.money import LARGEST_AMOUNT_MINOR
from core.rules import (
    MOST_LOTS,
    MOST_PAUSES,
    MOST_ROUNDS,
    Auction,
    Deduction,
    Fee,
    Fine,
    Holidays,
    Leaving,
    Order,
    Pause,
    Rhythm,
    Rules,
    Stage,
)

Collect = Annotated[
    Literal["pot", "begin", "round"],
    Field(description="taken from each pot; or paid apart by every lot with the first round, or with every round"),
]


class NoFee(Asked):
    """Nothing is kept."""

    kind: Literal["none"]


class PerMilleFee(Asked):
    """A part of each pot: 50 is five percent."""

    kind: Literal["per_mille"]
    per_mille: int = Field(ge=1, le=999)
    collect: Collect = "pot"


class FlatFee(Asked):
    """The same amount of each pot."""

    kind: Literal["flat"]
    amount: MoneyAsked
    collect: Collect = "pot"


class InstalmentsFee(Asked):
    """Whole contributions: 5 of 105."""

    kind: Literal["instalments"]
    instalments: int = Field(ge=1, le=MOST_LOTS)
    collect: Collect = "pot"


AnyFee = Annotated[NoFee | PerMilleFee | FlatFee | InstalmentsFee, Field(discriminator="kind")]


class FineAsked(Asked):
    """What is owed for a due that is paid late: an amount, or a part of what is open; once, or for every day begun."""

    kind: Literal["none", "flat", "per_mille", "daily", "daily_per_mille"] = "none"
    amount: MoneyAsked | None = Field(None, description="of a flat or daily fine")
    per_mille: int | None = Field(None, ge=1, le=1000, description="of the other two")
    most: MoneyAsked | None = Field(None, description="what one due can cost at most")
    grace_hours: int = Field(0, ge=0, le=24 * 60, description="after the due instant, before any fine")
    per: Literal["member", "due"] = Field("member", description="once for a member in a round, or for each lot's due")
    to: Literal["fund", "organiser", "charity", "members"] = "fund"


class DeductionAsked(Asked):
    """What else is taken from a pot, to a fund of its own name."""

    name: str = Field(pattern="^[a-z][a-z0-9_-]{0,30}$")
    amount: MoneyAsked | None = None
    per_mille: int | None = Field(None, ge=1, le=999)
    rounds: Literal["all", "first"] = "all"


class AuctionAsked(Asked):
    """How a pot is auctioned."""

    form: Literal["open", "sealed"] = "open"
    step: MoneyAsked | None = Field(None, description="how much more than the last each bid must be")
    most_per_mille: int = Field(400, ge=1, le=999, description="of the pot that can be bid")
    share: Literal["dividend", "set_off"] = "set_off"


class RhythmAsked(Asked):
    """How often a round comes, and on which day."""

    kind: Literal["daily", "weekly", "monthly", "days"]
    every: int = Field(1, ge=1, le=366, description="every how many of them")
    weekday: int | None = Field(None, ge=1, le=7, description="1 is Monday")
    nth: Literal[1, 2, 3, 4, -1] | None = Field(None, description="which of the month's weekdays; -1 is the last")
    day: int | None = Field(None, ge=1, le=31, description="of the month")
    calendar: Literal["gregorian", "ethiopian"] = "gregorian"


class HolidaysAsked(Asked):
    """Public holidays that move a due day."""

    country: str = Field("", pattern="^([A-Z]{2})?$", description="ISO 3166; empty: none moves")
    move: Literal["after", "before"] = "after"


class PauseAsked(Asked):
    """A time in which no round falls due: days of one time, a month of every Ethiopian year, or a fast by its name."""

    kind: Literal["days", "month", "fast"]
    from_on: date | None = None
    to_on: date | None = Field(None, description="the last day of it")
    month: int | None = Field(None, ge=1, le=13, description="1 is Meskerem, 13 Pagume")
    fast: Literal["lent", "filseta", "advent", "ramadan"] | None = None


class StageAsked(Asked):
    """From a round on, another order."""

    from_round: int = Field(ge=2, le=MOST_ROUNDS)
    order: Order


class LeavingAsked(Asked):
    """What somebody who leaves before receiving loses of what they have paid in."""

    fee_per_mille: int = Field(0, ge=0, le=1000)


class RulesAsked(Asked):
    """Everything that a group chooses."""

    contribution: MoneyAsked = Field(description="what one lot pays each round")
    lots: int = Field(ge=2, le=MOST_LOTS, description="each pays every round and receives the pot once")
    lots_per_round: int = Field(1, ge=1, le=MOST_LOTS, description="how many receive in a round")
    rhythm: RhythmAsked = RhythmAsked(kind="weekly")
    due_hour: int | None = Field(None, ge=0, le=23, description="the local hour at which dues fall due")
    grace_hours: int = Field(0, ge=0, le=336, description="from the due instant to the cut-off")
    draw_delay_minutes: int = Field(10, ge=1, le=1440, description="from the cut-off to the draw")
    redraw_hours: int = Field(24, ge=1, le=336, description="until the next try when no lot may be drawn")
    remind_hours: int = Field(24, ge=0, le=336, description="before the due instant; 0: no reminder")
    holidays: HolidaysAsked = HolidaysAsked()
    pauses: list[PauseAsked] = Field([], max_length=MOST_PAUSES)
    order: Order = "drawn"
    later_orders: list[StageAsked] = Field([], max_length=10)
    first_to_organiser: bool = False
    auction: AuctionAsked = AuctionAsked()
    guarantors: int = Field(0, ge=0, le=3, description="how many a member needs before one of their lots is found")
    fee: AnyFee = NoFee(kind="none")
    fine: FineAsked = FineAsked()
    deductions: list[DeductionAsked] = Field([], max_length=10)
    netting: bool = Field(False, description="what a holder still owes for the round is set off against the pot")
    shortfall: Literal["pay_there", "wait", "reserve", "guarantor"] = "pay_there"
    payout_approval: bool = Field(False, description="a second person must approve before a pot is paid")
    loan_per_mille: int = Field(0, ge=0, le=1000, description="of a round's pot that may be lent; 0: no loans")
    thing: str = Field("", max_length=40, description="what the pot is, when it is no money")
    late_joiners: Literal["no", "back_pay", "short_place"] = "no"
    leaving: LeavingAsked = LeavingAsked()
    old_debts: Literal["ask", "bar", "set_off"] = Field("ask", description="what a debt of an earlier cycle does")
    closing: Literal["carry", "share"] = Field("carry", description="what funds hold when a cycle closes")
    rule_change: Literal["officers", "vote"] = "officers"
    vote_per_mille: int = Field(667, ge=1, le=1000, description="of the members that a vote needs")

    def as_rules(self, currency: str) -> Rules:
        """The rules in the group's currency. Raises ``Refusal``."""
        values = self.model_dump(exclude={"contribution", "fee", "fine", "deductions", "auction"})
        try:
            return Rules.model_validate(
                values
                | {
                    "contribution_minor": self.contribution.minor(currency),
                    "fee": _fee(self.fee, currency),
                    "fine": _fine(self.fine, currency),
                    "deductions": [_deduction(one, currency) for one in self.deductions],
                    "auction": _auction(self.auction, currency),
                }
            )
        except ValidationError as error:
            raise Refusal("rules.malformed", what=error.errors()[0]["msg"]) from None


def _fee(fee: NoFee | PerMilleFee | FlatFee | InstalmentsFee, currency: str) -> Fee:
    match fee:
        case PerMilleFee():
            return Fee(kind="per_mille", value=fee.per_mille, collect=fee.collect)
        case FlatFee():
            return Fee(kind="flat", value=fee.amount.minor(currency), collect=fee.collect)
        case InstalmentsFee():
            return Fee(kind="instalments", value=fee.instalments, collect=fee.collect)
        case NoFee():
            return Fee()


def _either(amount: MoneyAsked | None, per_mille: int | None, currency: str, *, flat: bool) -> int:
    """The one of the two that the kind asks for. Raises ``Refusal`` when it is missing, or the other is there."""
    wanted, other = (amount, per_mille) if flat else (per_mille, amount)
    if wanted is None or other is not None:
        raise Refusal("rules.malformed", what="give either an amount or per_mille, as the kind says")
    return amount.minor(currency) if amount is not None else per_mille or 0


def _fine(fine: FineAsked, currency: str) -> Fine:
    if fine.kind == "none":
        return Fine()
    return Fine(
        kind=fine.kind,
        value=_either(fine.amount, fine.per_mille, currency, flat=fine.kind in ("flat", "daily")),
        most_minor=fine.most.minor(currency) if fine.most else 0,
        grace_hours=fine.grace_hours,
        per=fine.per,
        to=fine.to,
    )


def _deduction(one: DeductionAsked, currency: str) -> Deduction:
    flat = one.amount is not None
    value = _either(one.amount, one.per_mille, currency, flat=flat)
    return Deduction(name=one.name, kind="flat" if flat else "per_mille", value=value, rounds=one.rounds)


def _auction(auction: AuctionAsked, currency: str) -> Auction:
    chosen = {"form": auction.form, "most_per_mille": auction.most_per_mille, "share": auction.share}
    if auction.step is not None:
        chosen["step_minor"] = auction.step.minor(currency)
    return Auction.model_validate(chosen)


class FeeShown(BaseModel):
    """What the organiser keeps of each lot; which member stands beside ``kind`` depends on it."""

    kind: Literal["none", "per_mille", "flat", "instalments"]
    per_mille: int | None = None
    amount: Money | None = None
    instalments: int | None = None
    collect: Literal["pot", "begin", "round"] = "pot"


class FineShown(BaseModel):
    """What a late due costs."""

    kind: str
    amount: Money | None = None
    per_mille: int | None = None
    most: Money | None = None
    grace_hours: int
    per: str
    to: str


class DeductionShown(BaseModel):
    """What else is taken from a pot."""

    name: str
    amount: Money | None = None
    per_mille: int | None = None
    rounds: str


class AuctionShown(BaseModel):
    """How a pot is auctioned."""

    form: str
    step: Money
    most_per_mille: int
    share: str


class RulesShown(BaseModel):
    """The rules, and what follows from them."""

    contribution: Money
    lots: int
    lots_per_round: int
    rhythm: Rhythm
    due_hour: int | None
    grace_hours: int
    draw_delay_minutes: int
    redraw_hours: int
    remind_hours: int
    holidays: Holidays
    pauses: list[Pause]
    order: Order
    later_orders: list[Stage]
    first_to_organiser: bool
    auction: AuctionShown
    guarantors: int
    fee: FeeShown
    fine: FineShown
    deductions: list[DeductionShown]
    netting: bool
    shortfall: str
    payout_approval: bool
    loan_per_mille: int
    thing: str
    late_joiners: str
    leaving: Leaving
    old_debts: str
    closing: str
    rule_change: str
    vote_per_mille: int
    rounds: int = Field(description="of a cycle")
    pot: Money = Field(description="what a lot receives, when all have paid")
    hash: str = Field(description="SHA-256 of the rules: what a member accepted")


def shown(stored: Rules, currency: str) -> RulesShown:
    """Rules as the API shows them."""
    in_figures = {"contribution_minor", "fee", "fine", "deductions", "auction", "rhythm", "holidays", "leaving"}
    plain = stored.model_dump(exclude=in_figures | {"later_orders", "pauses"})
    auction = stored.auction
    return RulesShown(
        contribution=Money.of(stored.contribution_minor, currency),
        fee=_fee_shown(stored.fee, currency),
        fine=_fine_shown(stored.fine, currency),
        deductions=[
            DeductionShown(
                name=one.name,
                amount=Money.of(one.value, currency) if one.kind == "flat" else None,
                per_mille=one.value if one.kind == "per_mille" else None,
                rounds=one.rounds,
            )
            for one in stored.deductions
        ],
        auction=AuctionShown(
            form=auction.form,
            step=Money.of(auction.step_minor, currency),
            most_per_mille=auction.most_per_mille,
            share=auction.share,
        ),
        rhythm=stored.rhythm,
        holidays=stored.holidays,
        pauses=list(stored.pauses),
        leaving=stored.leaving,
        later_orders=list(stored.later_orders),
        rounds=stored.rounds,
        pot=Money.of(stored.pot_minor, currency),
        hash=stored.fingerprint(),
        **plain,
    )


def _fee_shown(stored: Fee, currency: str) -> FeeShown:
    fee = FeeShown(kind=stored.kind, collect=stored.collect)
    match stored.kind:
        case "per_mille":
            fee.per_mille = stored.value
        case "flat":
            fee.amount = Money.of(stored.value, currency)
        case "instalments":
            fee.instalments = stored.value
    return fee


def _fine_shown(stored: Fine, currency: str) -> FineShown:
    in_money = stored.kind in ("flat", "daily")
    return FineShown(
        kind=stored.kind,
        amount=Money.of(stored.value, currency) if in_money else None,
        per_mille=None if in_money or stored.kind == "none" else stored.value,
        most=Money.of(stored.most_minor, currency) if stored.most_minor else None,
        grace_hours=stored.grace_hours,
        per=stored.per,
        to=stored.to,
    )


def read(text: str) -> Rules:
    """The rules of a row's JSON text."""
    said: dict[str, Any] = json.loads(text)
    return rules.read(said)


def pot_minor(pot: MoneyAsked | None, currency: str) -> int | None:
    """What was said of the pot, if anything. Raises ``Refusal``."""
    return min(pot.minor(currency), LARGEST_AMOUNT_MINOR) if pot is not None else None
