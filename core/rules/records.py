"""The rules as typed data, and what follows from them in figures. Pure: reads no clock and no database.

Amounts are in minor units, parts in per mille of what they are taken from. Whether a whole rule set adds up is
``core.rules.checking``'s business.
"""

import hashlib
import json
from datetime import date
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from core.money import LARGEST_AMOUNT_MINOR

MOST_LOTS = 600
MOST_ROUNDS = 600
MOST_PAUSES = 12
# A share finer than this is a typing mistake, and cannot be divided into santim anyway.
FINEST_SHARE = 100

# How the lot of a round is found: by a draw that anyone can check, each round or once for all rounds; as the group
# fixed it; by the officers, need first; by what the holders leave to the others.
Order = Literal["drawn", "drawn_once", "fixed", "need", "auction"]
ORDERS: tuple[Order, ...] = get_args(Order)


class Part(BaseModel):
    """Base of the parts of a rule set: frozen, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fee(Part):
    """What the organiser keeps: nothing, per mille of each pot, a flat amount of each, or whole instalments.

    ``collect``: taken from each pot; or paid apart by every lot, all of it with the first round (``begin``) or a part
    with every round (``round``). Apart it is the same sum for each lot, split among its holders by their shares: per
    mille of a pot is then per mille of what a lot commits to, since each pays in as much as a pot holds.
    """

    kind: Literal["none", "per_mille", "flat", "instalments"] = "none"
    value: int = Field(0, ge=0, le=LARGEST_AMOUNT_MINOR, description="per mille; minor units; or contributions")
    collect: Literal["pot", "begin", "round"] = "pot"


class Fine(Part):
    """What is owed for a due that is not paid in time: nothing, once a flat amount or a part of what is open, or for
    every day begun.

    Lateness ends when the payer said that they had paid, once that is verified. ``most_minor`` caps what one due can
    cost (0: no cap). ``per``: once for each lot's due, or once for a member in a round, however many lots they hold.
    """

    kind: Literal["none", "flat", "per_mille", "daily", "daily_per_mille"] = "none"
    value: int = Field(0, ge=0, le=LARGEST_AMOUNT_MINOR, description="minor units, or per mille of what is open")
    most_minor: int = Field(0, ge=0, le=LARGEST_AMOUNT_MINOR)
    grace_hours: int = Field(0, ge=0, le=24 * 60, description="after the due instant, before any fine")
    per: Literal["member", "due"] = "member"
    to: Literal["fund", "organiser", "charity", "members"] = Field(
        "fund", description="fund/fines, the organiser's fees, fund/charity, or back to the members at the cycle's end"
    )


class Deduction(Part):
    """Something else that is taken from a pot, to a fund of its own name: reserve, food, coffee, charity …"""

    name: str = Field(pattern="^[a-z][a-z0-9_-]{0,30}$")
    kind: Literal["flat", "per_mille"]
    value: int = Field(gt=0, le=LARGEST_AMOUNT_MINOR)
    rounds: Literal["all", "first"] = "all"


class Rhythm(Part):
    """How often a round comes: daily, weekly, monthly, or every n days.

    ``weekday`` (1 Monday … 7 Sunday): the market day of a weekly one; with ``nth`` (1–4, -1 the last) the day of a
    monthly one, else ``day`` of the month; a month without that day uses its last. ``calendar``: whose months; those
    of the Ethiopian have 30 days and Pagume, which is no month of payment but a part of Nehase.
    """

    kind: Literal["daily", "weekly", "monthly", "days"]
    every: int = Field(1, ge=1, le=366)
    weekday: int | None = Field(None, ge=1, le=7)
    nth: Literal[1, 2, 3, 4, -1] | None = None
    day: int | None = Field(None, ge=1, le=31)
    calendar: Literal["gregorian", "ethiopian"] = "gregorian"


class Holidays(Part):
    """Public holidays that move a due day: of which country (ISO 3166), and where to. Empty: none moves."""

    country: str = Field("", pattern="^([A-Z]{2})?$")
    move: Literal["after", "before"] = "after"


class Pause(Part):
    """A time in which no round falls due; those that would are held after it, in the same rhythm.

    Days of one time (``from_on`` to ``to_on``, both within), a ``month`` of every Ethiopian year, or a fast by its
    name, wherever it falls: Lent before Easter, Filseta (1 to 15 Nehase), Advent (15 Hidar to 28 Tahsas), Ramadan.
    """

    kind: Literal["days", "month", "fast"]
    from_on: date | None = None
    to_on: date | None = None
    month: int | None = Field(None, ge=1, le=13, description="1 is Meskerem, 13 Pagume")
    fast: Literal["lent", "filseta", "advent", "ramadan"] | None = None


class Stage(Part):
    """From this round on, another order: first five rounds drawn, then decided."""

    from_round: int = Field(ge=2, le=MOST_ROUNDS)
    order: Order


class Auction(Part):
    """How a pot is auctioned: open, where each bid must exceed the last by a step, or sealed until the cut-off.

    The highest discount receives, a tie is decided by lot; without a bid the lot is drawn. ``most_per_mille`` of the
    pot caps a discount. The discount goes to all lots alike: paid out (``dividend``) or set off against their next
    contribution (``set_off``).
    """

    form: Literal["open", "sealed"] = "open"
    step_minor: int = Field(100, ge=1, le=LARGEST_AMOUNT_MINOR)
    most_per_mille: int = Field(400, ge=1, le=999)
    share: Literal["dividend", "set_off"] = "set_off"


class Leaving(Part):
    """What somebody who leaves before receiving loses of what they have paid in: per mille, to the organiser's fees."""

    fee_per_mille: int = Field(0, ge=0, le=1000)


class Rules(Part):
    """Everything a group chooses. ``lots`` are planned while it forms and fixed when it begins."""

    contribution_minor: int = Field(gt=0, le=LARGEST_AMOUNT_MINOR)
    lots: int = Field(ge=2, le=MOST_LOTS)
    lots_per_round: int = Field(1, ge=1, le=MOST_LOTS)

    rhythm: Rhythm = Rhythm(kind="weekly")
    due_hour: int | None = Field(None, ge=0, le=23, description="local hour at which dues fall due")
    grace_hours: int = Field(0, ge=0, le=336, description="from the due instant to the cut-off")
    draw_delay_minutes: int = Field(10, ge=1, le=1440, description="from the cut-off to the draw")
    redraw_hours: int = Field(24, ge=1, le=336, description="until the next try when no lot may be drawn")
    remind_hours: int = Field(24, ge=0, le=336, description="before the due instant; 0 = no reminder")
    holidays: Holidays = Holidays()
    pauses: tuple[Pause, ...] = Field((), max_length=MOST_PAUSES)

    order: Order = "drawn"
    later_orders: tuple[Stage, ...] = Field((), max_length=10)
    first_to_organiser: bool = Field(False, description="round 1 goes to the organiser's first lot, undrawn")
    auction: Auction = Auction()
    guarantors: int = Field(0, ge=0, le=3, description="how many a member needs before one of their lots is found")

    fee: Fee = Fee()
    fine: Fine = Fine()
    deductions: tuple[Deduction, ...] = Field((), max_length=10)
    netting: bool = Field(False, description="what a holder still owes for the round is set off against the pot")
    shortfall: Literal["pay_there", "wait", "reserve", "guarantor"] = Field(
        "pay_there",
        description="a pot that is not full: pay what is there, wait, fill it from fund/reserve, or ask the guarantors",
    )
    payout_approval: bool = Field(False, description="a second person must approve before a pot is paid")
    loan_per_mille: int = Field(0, ge=0, le=1000, description="of a round's pot that may be lent; 0 = no loans")
    thing: str = Field("", max_length=40, description="what the pot is, when it is no money: a gabi, a cow")

    late_joiners: Literal["no", "back_pay", "short_place"] = "no"
    leaving: Leaving = Leaving()
    old_debts: Literal["ask", "bar", "set_off"] = Field(
        "ask",
        description="what a debt of an earlier cycle does in this one: its debtor is asked at the payout; a lot of "
        "theirs receives only when it is paid; or it is set off against their pot, as all have accepted",
    )
    closing: Literal["carry", "share"] = Field(
        "carry", description="what funds hold when a cycle closes: kept for the next, or shared out by lots"
    )
    rule_change: Literal["officers", "vote"] = Field("officers", description="who may change these while a cycle runs")
    vote_per_mille: int = Field(667, ge=1, le=1000, description="of the members that a vote needs")

    @property
    def rounds(self) -> int:
        """Rounds of a cycle: every lot receives once."""
        return self.lots // self.lots_per_round

    @property
    def gross_pot_minor(self) -> int:
        """One lot's pot before deductions: what all lots pay in a round, over the lots found in it."""
        return self.rounds * self.contribution_minor

    @property
    def whole_fee_minor(self) -> int:
        """The organiser's fee of one lot in a cycle, however it is collected."""
        match self.fee.kind:
            case "per_mille":
                return self.gross_pot_minor * self.fee.value // 1000
            case "flat":
                return self.fee.value
            case "instalments":
                return self.fee.value * self.contribution_minor
            case _:
                return 0

    @property
    def fee_minor(self) -> int:
        """What of the organiser's fee is taken from each pot."""
        return self.whole_fee_minor if self.fee.collect == "pot" else 0

    def fee_apart_minor(self, round_number: int) -> int:
        """What of the organiser's fee each lot pays beside its contribution in a round (from 1)."""
        if self.fee.collect == "pot" or self.fee.kind == "none":
            return 0
        if self.fee.collect == "begin":
            return self.whole_fee_minor if round_number == 1 else 0
        each, left_over = divmod(self.whole_fee_minor, self.rounds)
        return each + (1 if round_number <= left_over else 0)

    def deductions_minor(self, round_number: int, gross_minor: int | None = None) -> list[tuple[str, int]]:
        """(kind, amount) of everything taken from each pot of a round before its holders' part, the fee first.

        ``gross_minor``: the pot it is taken from, where that is not the planned one; flat amounts stay.
        """
        gross = self.gross_pot_minor if gross_minor is None else gross_minor
        taken = []
        fee = gross * self.fee.value // 1000 if self.fee.kind == "per_mille" else self.whole_fee_minor
        if fee and self.fee.collect == "pot":
            taken.append(("fee", fee))
        for one in self.deductions:
            if one.rounds == "first" and round_number != 1:
                continue
            amount = one.value if one.kind == "flat" else gross * one.value // 1000
            if amount:
                taken.append((one.name, amount))
        return taken

    @property
    def pot_minor(self) -> int:
        """What a lot's holders receive together, in a round without deductions of its own and without a discount."""
        return self.gross_pot_minor - sum(amount for _, amount in self.deductions_minor(2))

    def order_of(self, round_number: int) -> Order:
        """How the lots of a round (from 1) are found."""
        order = self.order
        for stage in sorted(self.later_orders, key=lambda stage: stage.from_round):
            if stage.from_round <= round_number:
                order = stage.order
        if round_number == 1 and self.first_to_organiser:
            return "fixed"
        return order

    @property
    def orders(self) -> frozenset[Order]:
        """Every way of finding a lot that occurs in a cycle."""
        return frozenset(self.order_of(n) for n in range(1, self.rounds + 1))

    def check(self, *, currency: str, pot_minor: int | None = None) -> None:
        """Raise ``Refusal("rules.…")`` when the whole does not add up; its facts say what would."""
        from core.rules.checking import check

        check(self, currency=currency, pot_minor=pot_minor)

    def fingerprint(self) -> str:
        """SHA-256 of the rules in canonical JSON: what a member accepted.

        Only what differs from the defaults is hashed: a rule that is added to the program later, and that a group has
        not chosen, does not change what its members accepted.
        """
        said = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def read(stored: dict[str, Any]) -> Rules:
    """The rules as they stand in a row."""
    return Rules.model_validate(stored)
