"""The rules of a group: typed data, checked as a whole, hashed so that what a member accepted can be shown.

A rule set that does not add up is refused together with what would.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from core.errors import Refusal
from core.money import LARGEST_AMOUNT_MINOR, Money

MOST_LOTS = 600
MOST_ROUNDS = 600
# A share finer than this is a typing mistake, and cannot be divided into santim anyway.
FINEST_SHARE = 100


class Fee(BaseModel):
    """What the organiser keeps of each pot: nothing, per mille of it, a flat amount, or whole instalments."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["none", "per_mille", "flat", "instalments"] = "none"
    value: int = Field(0, ge=0, description="per mille; minor units; or how many contributions")


class Rhythm(BaseModel):
    """How often a round comes: daily, weekly, monthly (same day of the month), or every n days."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["daily", "weekly", "monthly", "days"]
    every: int = Field(1, ge=1, le=366)


class Rules(BaseModel):
    """Everything a group chooses. ``lots`` are planned while it forms and fixed when it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    contribution_minor: int = Field(gt=0, le=LARGEST_AMOUNT_MINOR)
    lots: int = Field(ge=2, le=MOST_LOTS)
    lots_per_round: int = Field(1, ge=1, le=MOST_LOTS)
    rhythm: Rhythm = Rhythm(kind="weekly")
    due_hour: int | None = Field(None, ge=0, le=23, description="local hour at which dues fall due")
    order: Literal["drawn"] = "drawn"
    fee: Fee = Fee()
    draw_delay_minutes: int = Field(10, ge=1, le=1440, description="from the cut-off to the draw")
    grace_hours: int = Field(0, ge=0, le=336, description="from the due instant to the cut-off")
    redraw_hours: int = Field(24, ge=1, le=336, description="until the next try when no lot may be drawn")
    remind_hours: int = Field(24, ge=0, le=336, description="before the due instant; 0 = no reminder")
    payout_approval: bool = Field(False, description="a second person must approve before a pot is paid")

    @property
    def rounds(self) -> int:
        """Rounds of a cycle: every lot receives once."""
        return self.lots // self.lots_per_round

    @property
    def gross_pot_minor(self) -> int:
        """One lot's pot before deductions: what all lots pay in a round, over the lots drawn in it."""
        return self.rounds * self.contribution_minor

    @property
    def fee_minor(self) -> int:
        """The organiser's fee, taken from each pot."""
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
    def pot_minor(self) -> int:
        """What a drawn lot receives."""
        return self.gross_pot_minor - self.fee_minor

    def check(self, *, currency: str, pot_minor: int | None = None) -> None:
        """Raise ``Refusal("rules.…")`` when the whole does not add up; its facts say what would."""
        if self.lots % self.lots_per_round:
            whole = [n for n in range(1, self.lots + 1) if self.lots % n == 0]
            near = min(whole, key=lambda n: (abs(n - self.lots_per_round), n))
            raise Refusal("rules.uneven", lots=self.lots, drawn=self.lots_per_round, offered=near)
        if self.rounds > MOST_ROUNDS:
            raise Refusal("rules.too_long", most=MOST_ROUNDS)
        if self.pot_minor <= 0:
            raise Refusal("rules.fee_eats_pot", pot=Money(self.gross_pot_minor, currency))
        if pot_minor is not None and pot_minor not in (self.pot_minor, self.gross_pot_minor):
            raise Refusal(
                "rules.does_not_add_up",
                lots=self.lots,
                contribution=Money(self.contribution_minor, currency),
                said=Money(pot_minor, currency),
                pot=Money(self.gross_pot_minor, currency),
                fitting_lots=pot_minor // self.contribution_minor * self.lots_per_round,
                fits=pot_minor % self.contribution_minor == 0,
            )

    def fingerprint(self) -> str:
        """SHA-256 of the rules in canonical JSON: what a member accepted."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def check_share(share: Fraction) -> None:
    """Raise ``Refusal("share.…")`` for a share of lots that nobody can hold."""
    if share < 0 or share > 100:
        raise Refusal("share.out_of_range")
    if share.denominator > FINEST_SHARE:
        raise Refusal("share.too_fine", finest=FINEST_SHARE)


def read(stored: dict[str, Any]) -> Rules:
    """The rules as they stand in a row."""
    return Rules.model_validate(stored)


def due_instants(rules: Rules, *, begun_at: datetime, timezone: str) -> Sequence[datetime]:
    """When each round of a cycle falls due, one period after another, from a beginning at ``begun_at``."""
    zone = ZoneInfo(timezone)
    first = _first_due(rules, begun_at.astimezone(zone))
    return [
        datetime.combine(_after(rules.rhythm, first.date(), n), first.time(), zone).astimezone(begun_at.tzinfo)
        for n in range(rules.rounds)
    ]


def _first_due(rules: Rules, begun: datetime) -> datetime:
    """The last due hour that leaves cut-off and draw inside the first period, in the group's local time.

    Without a chosen hour it is the last full hour between 8 and 20 that does: a weekly cycle begun on Tuesday
    at 12:54 falls due on Tuesdays at 12:00 and draws a little later.
    """
    period_ends = datetime.combine(_after(rules.rhythm, begun.date(), 1), begun.time(), begun.tzinfo)
    latest = period_ends - timedelta(minutes=rules.draw_delay_minutes + 20, hours=rules.grace_hours)
    hour = rules.due_hour
    if hour is None:
        hour = min(latest.hour, 20) if latest.hour >= 8 else 20
    first = datetime.combine(latest.date(), time(hour), begun.tzinfo)
    if first > latest:
        first -= timedelta(days=1)
    return first if first > begun else first + timedelta(days=1)


def _after(rhythm: Rhythm, start: date, periods: int) -> date:
    """The date ``periods`` periods after ``start``; a month without that day uses its last."""
    if rhythm.kind == "monthly":
        months = start.year * 12 + start.month - 1 + periods * rhythm.every
        year, month = divmod(months, 12)
        for day in range(start.day, 0, -1):
            try:
                return date(year, month + 1, day)
            except ValueError:
                continue
    step = {"daily": 1, "weekly": 7, "days": 1}[rhythm.kind] * rhythm.every
    return start + timedelta(days=step * periods)
