"""The rules of a group as the API writes them: money as money, the fee as one of four kinds.

Owns the translation to and from ``core.rules``, which decides what adds up.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from api.v1.shapes import Asked, Money, MoneyAsked
from core import rules
from core.errors import Refusal
from core.money import LARGEST_AMOUNT_MINOR
from core.rules import MOST_LOTS, Fee, Rhythm, Rules


class NoFee(Asked):
    """Nothing is kept."""

    kind: Literal["none"]


class PerMilleFee(Asked):
    """A part of each pot: 50 is five percent."""

    kind: Literal["per_mille"]
    per_mille: int = Field(ge=1, le=999)


class FlatFee(Asked):
    """The same amount of each pot."""

    kind: Literal["flat"]
    amount: MoneyAsked


class InstalmentsFee(Asked):
    """Whole contributions: 5 of 105."""

    kind: Literal["instalments"]
    instalments: int = Field(ge=1, le=MOST_LOTS)


AnyFee = Annotated[NoFee | PerMilleFee | FlatFee | InstalmentsFee, Field(discriminator="kind")]


class RhythmAsked(Asked):
    """How often a round comes."""

    kind: Literal["daily", "weekly", "monthly", "days"]
    every: int = Field(1, ge=1, le=366, description="every how many of them")


class RulesAsked(Asked):
    """Everything that a group chooses."""

    contribution: MoneyAsked = Field(description="what one lot pays each round")
    lots: int = Field(ge=2, le=MOST_LOTS, description="each pays every round and receives the pot once")
    lots_per_round: int = Field(1, ge=1, le=MOST_LOTS, description="how many are drawn in a round")
    rhythm: RhythmAsked = RhythmAsked(kind="weekly")
    due_hour: int | None = Field(None, ge=0, le=23, description="the local hour at which dues fall due")
    order: Literal["drawn"] = "drawn"
    fee: AnyFee = NoFee(kind="none")
    draw_delay_minutes: int = Field(10, ge=1, le=1440, description="from the cut-off to the draw")
    grace_hours: int = Field(0, ge=0, le=336, description="from the due instant to the cut-off")
    redraw_hours: int = Field(24, ge=1, le=336, description="until the next try when no lot may be drawn")
    remind_hours: int = Field(24, ge=0, le=336, description="before the due instant; 0: no reminder")
    payout_approval: bool = Field(False, description="a second person must approve before a pot is paid")

    def as_rules(self, currency: str) -> Rules:
        """The rules in the group's currency. Raises ``Refusal``."""
        values = self.model_dump(exclude={"contribution", "fee", "rhythm"})
        try:
            return Rules(
                contribution_minor=self.contribution.minor(currency),
                rhythm=Rhythm(kind=self.rhythm.kind, every=self.rhythm.every),
                fee=_fee(self.fee, currency),
                **values,
            )
        except ValidationError as error:
            raise Refusal("rules.malformed", what=error.errors()[0]["msg"]) from None


def _fee(fee: NoFee | PerMilleFee | FlatFee | InstalmentsFee, currency: str) -> Fee:
    match fee:
        case PerMilleFee():
            return Fee(kind="per_mille", value=fee.per_mille)
        case FlatFee():
            return Fee(kind="flat", value=fee.amount.minor(currency))
        case InstalmentsFee():
            return Fee(kind="instalments", value=fee.instalments)
        case NoFee():
            return Fee()


class FeeShown(BaseModel):
    """What the organiser keeps of each pot; which member stands beside ``kind`` depends on it."""

    kind: Literal["none", "per_mille", "flat", "instalments"]
    per_mille: int | None = None
    amount: Money | None = None
    instalments: int | None = None


class RulesShown(BaseModel):
    """The rules, and what follows from them."""

    contribution: Money
    lots: int
    lots_per_round: int
    rhythm: Rhythm
    due_hour: int | None
    order: str
    fee: FeeShown
    draw_delay_minutes: int
    grace_hours: int
    redraw_hours: int
    remind_hours: int
    payout_approval: bool
    rounds: int = Field(description="of a cycle")
    pot: Money = Field(description="what a drawn lot receives")
    hash: str = Field(description="SHA-256 of the rules: what a member accepted")


def shown(stored: Rules, currency: str) -> RulesShown:
    """Rules as the API shows them."""
    plain = stored.model_dump(exclude={"contribution_minor", "fee", "rhythm"})
    fee = FeeShown(kind=stored.fee.kind)
    match stored.fee.kind:
        case "per_mille":
            fee.per_mille = stored.fee.value
        case "flat":
            fee.amount = Money.of(stored.fee.value, currency)
        case "instalments":
            fee.instalments = stored.fee.value
    return RulesShown(
        contribution=Money.of(stored.contribution_minor, currency),
        fee=fee,
        rhythm=stored.rhythm,
        rounds=stored.rounds,
        pot=Money.of(stored.pot_minor, currency),
        hash=stored.fingerprint(),
        **plain,
    )


def read(text: str) -> Rules:
    """The rules of a row's JSON text."""
    said: dict[str, Any] = json.loads(text)
    return rules.read(said)


def pot_minor(pot: MoneyAsked | None, currency: str) -> int | None:
    """What was said of the pot, if anything. Raises ``Refusal``."""
    return min(pot.minor(currency), LARGEST_AMOUNT_MINOR) if pot is not None else None
