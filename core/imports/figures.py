"""The figures of a paper book: dues, what is promised of pots, what each part of a payment went to, and the totals."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.imports.book import Debt, Payment
from core.payouts import account_of
from core.rules import Rules
from core.treasury import fines

if TYPE_CHECKING:
    from core.imports.replay import Move

CONTRIBUTION, FEE_DUE, FINE_DUE = "contribution", "fee", "fine"


@dataclass(slots=True)
class Due:
    """What one holding owed for a round that was held: its contribution, a fee that is paid apart, a fine."""

    round: int
    lot: int
    member: int
    amount_minor: int
    kind: str = CONTRIBUTION
    ordinal: int = 1
    paid_minor: int = 0

    @property
    def open_minor(self) -> int:
        return self.amount_minor - self.paid_minor

    @property
    def key(self) -> tuple[int, int, int, str, int]:
        """What tells it from every other due."""
        return self.round, self.lot, self.member, self.kind, self.ordinal

    def account(self, rules: Rules, pot: str) -> str:
        """The ledger account that a payment of it goes to."""
        if self.kind == FINE_DUE:
            return fines.account_of(rules.fine)
        return account_of("fee") if self.kind == FEE_DUE else pot


@dataclass(slots=True)
class Promise:
    """What one holder of a drawn lot gets of its pot, and what they have had."""

    round: int
    lot: int
    member: int
    amount_minor: int
    paid: list["Part"] = field(default_factory=list)

    @property
    def paid_minor(self) -> int:
        return sum(part.amount_minor for part in self.paid)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a payment: what it went to. ``due`` and ``promise`` are None for an advance, both stand in what was set
    off, which is of no payment (-1)."""

    payment: int
    amount_minor: int
    due: Due | None = None
    promise: Promise | None = None


@dataclass(slots=True)
class Sums:
    """The figures of a book, in minor units; members by number, rounds by number, funds by account."""

    dues: list[Due] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    moves: list["Move"] = field(default_factory=list)
    earlier: list[Debt] = field(default_factory=list)
    fees: dict[int, int] = field(default_factory=dict)
    funds: dict[str, int] = field(default_factory=dict)
    came_in: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    went_out: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    advance: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    owed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    in_minor: int = 0
    out_minor: int = 0


def source_of(payment: Payment) -> str:
    """The ledger account that money came into or went out of."""
    return f"held/{payment.officer}" if payment.officer is not None else f"provider/{payment.method}"
