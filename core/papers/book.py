"""A book: everything that a paper about a group says, as plain data, and the proof that it equals the ledger.

Owns the shape (a group's whole book, or what concerns one member of it) and ``prove``: what the tables say of dues,
payments and payouts is compared with what the ledger says was moved. Refuses to be printed when they differ.
Knows no language, no calendar and no file format. Amounts are minor units of ``currency``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

# Accounts whose money somebody has; all others say whom it is owed to or what it is for.
OUTSIDE = ("held/", "provider/")


class NotTheLedger(RuntimeError):
    """A book does not equal the ledger: a bug, or somebody changed rows by hand. Names what, tells no amounts."""


class Due(NamedTuple):
    """What one holding owes for one round, and what has been paid of it, when last, and with which receipts."""

    cycle: int
    round: int
    member: int
    lot: int
    kind: str
    amount_minor: int
    paid_minor: int
    due_at: datetime
    excused: bool
    paid_at: datetime | None
    receipts: str

    def status(self, now: datetime) -> str:
        """excused, paid, late, part or open."""
        if self.excused:
            return "excused"
        if self.paid_minor >= self.amount_minor:
            return "paid"
        if self.due_at < now:
            return "late"
        return "part" if self.paid_minor else "open"

    @property
    def open_minor(self) -> int:
        return 0 if self.excused else self.amount_minor - self.paid_minor


class Payment(NamedTuple):
    """A contribution: said, recorded, proved, declined or taken back. ``net_minor``: what the ledger moved for it."""

    receipt: str
    member: int
    amount_minor: int
    method: str
    status: str
    claimed_at: datetime | None
    recorded_at: datetime | None
    reversed_at: datetime | None
    held_by: int | None
    reason: str | None
    net_minor: int

    @property
    def standing(self) -> bool:
        return self.status in ("recorded", "verified")

    @property
    def at(self) -> datetime:
        """When it was recorded, or said where nobody has recorded it."""
        return self.recorded_at or self.claimed_at or self.reversed_at  # type: ignore[return-value]


class Leg(NamedTuple):
    """A part of a pot on its way to one holder. ``net_minor``: what the ledger moved for it."""

    member: int
    amount_minor: int
    method: str
    status: str
    paid_at: datetime | None
    held_by: int | None
    received_at: datetime | None
    net_minor: int


@dataclass(frozen=True, slots=True)
class Payout:
    """The pot of a drawn lot: what it is made of, and its legs (in a member's book those of the member alone)."""

    cycle: int
    round: int
    lot: int
    gross_minor: int
    deductions: tuple[tuple[str, int], ...]
    amount_minor: int
    legs: tuple[Leg, ...]

    @property
    def paid_minor(self) -> int:
        return sum(leg.amount_minor for leg in self.legs if leg.paid_at)


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot, who holds it, and when it was drawn."""

    cycle: int
    number: int
    holders: tuple[tuple[int, Fraction], ...]
    drawn_in: int | None
    drawn_at: datetime | None
    draw_code: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """A round with its pot: what came in for dues, what was paid out, what was kept back, what is left."""

    cycle: int
    number: int
    status: str
    due_at: datetime
    drawn_at: datetime | None
    lots: tuple[int, ...]
    owed_minor: int
    collected_minor: int
    paid_out_minor: int
    kept_minor: int
    left_minor: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member and how they stand with the group. ``lots``: of the present cycle, with the share of each."""

    number: int
    name: str
    role: str
    status: str
    lots: tuple[tuple[int, Fraction], ...]
    owed_minor: int
    paid_minor: int
    open_minor: int
    late_minor: int
    advance_minor: int
    promised_minor: int
    received_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the ledger: what came, what went (less reversals), and what is there."""

    name: str
    came_minor: int
    went_minor: int
    balance_minor: int


class Move(NamedTuple):
    """What went from one account to another altogether, less reversals, by what it was for."""

    source: str
    target: str
    for_due: bool
    by_payment: bool
    by_leg: bool
    net_minor: int


class Transfer(NamedTuple):
    """A line of the ledger."""

    at: datetime
    kind: str
    debit: str
    credit: str
    amount_minor: int
    receipt: str
    memo: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is printed at the top: the group and its rules in short."""

    group_id: UUID
    name: str
    code: str
    status: str
    currency: str
    tenant: str
    cycle: int
    lots: int
    rounds: int
    rounds_held: int
    contribution_minor: int
    pot_minor: int
    deductions: tuple[tuple[str, int], ...]
    rhythm: tuple[str, int]
    began_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """What it adds up to."""

    owed_minor: int
    paid_in_minor: int
    paid_out_minor: int
    open_minor: int
    late_minor: int
    in_hand_minor: int
    in_pots_minor: int
    in_advance_minor: int
    kept_minor: int


@dataclass(frozen=True, slots=True)
class Book:
    """The whole book of a group, or, with ``of``, what concerns the member of that number.

    ``names``: everybody's by number. ``transfers`` is empty unless they were asked for.
    """

    facts: Facts
    of: int | None
    names: Mapping[int, str]
    members: Sequence[Member]
    lots: Sequence[Lot]
    rounds: Sequence[Round]
    dues: Sequence[Due]
    payments: Sequence[Payment]
    payouts: Sequence[Payout]
    accounts: Sequence[Account]
    moves: Sequence[Move]
    transfers: Sequence[Transfer]

    @property
    def totals(self) -> Totals:
        """Added up from the lines."""

        def balance(*kinds: str) -> int:
            return sum(one.balance_minor for one in self.accounts if one.name.startswith(kinds))

        now = self.facts.as_of
        return Totals(
            owed_minor=sum(due.amount_minor for due in self.dues if not due.excused),
            paid_in_minor=sum(payment.amount_minor for payment in self.payments if payment.standing),
            paid_out_minor=sum(payout.paid_minor for payout in self.payouts),
            open_minor=sum(due.open_minor for due in self.dues),
            late_minor=sum(due.open_minor for due in self.dues if due.due_at < now),
            in_hand_minor=balance(*OUTSIDE),
            in_pots_minor=balance("pot/"),
            in_advance_minor=balance("advance/"),
            kept_minor=balance("fee/", "fund/"),
        )


def prove(book: Book, ledger_balances: Mapping[str, int]) -> None:
    """Raise ``NotTheLedger`` where the book says something else than the ledger.

    ``ledger_balances``: by account, asked of the ledger itself. Every due, payment and leg must be moved exactly as
    its row says; what is in hand must be what came in less what went out, and equal what is owed inside.
    """
    for due in book.dues:
        if not 0 <= due.paid_minor <= due.amount_minor:
            raise NotTheLedger(f"due of member {due.member}, round {due.cycle}/{due.round}: more or less paid than due")
    for payment in book.payments:
        if payment.net_minor != (payment.amount_minor if payment.standing else 0):
            raise NotTheLedger(f"receipt {payment.receipt}")
    for payout in book.payouts:
        for leg in payout.legs:
            if leg.net_minor != (leg.amount_minor if leg.paid_at else 0):
                raise NotTheLedger(f"payout of lot {payout.lot}, round {payout.cycle}/{payout.round}")
    for account in book.accounts:
        if account.balance_minor != ledger_balances.get(account.name, 0):
            raise NotTheLedger(f"account {account.name}")
    if book.of is None:
        _prove_whole(book, ledger_balances)


def _prove_whole(book: Book, ledger_balances: Mapping[str, int]) -> None:
    if {account.name for account in book.accounts} != set(ledger_balances):
        raise NotTheLedger("an account is missing")
    totals = book.totals
    inside = totals.in_pots_minor + totals.in_advance_minor + totals.kept_minor
    if totals.in_hand_minor != inside:
        raise NotTheLedger("what is in hand is not what is owed inside")
    # What is neither a contribution nor a payout: a fund that was spent, a loan. Between two hands nothing changes.
    # A payout may also be set off inside, against what its holder owes.
    other = sum(_inward(move) - _by_rows(move) for move in book.moves)
    if totals.paid_in_minor - totals.paid_out_minor + other != totals.in_hand_minor:
        raise NotTheLedger("what came in less what went out is not what is in hand")
    for_dues = sum(move.net_minor for move in book.moves if move.for_due)
    if for_dues != sum(due.paid_minor for due in book.dues):
        raise NotTheLedger("what was paid of the dues is not what the ledger moved for them")


def _inward(move: Move) -> int:
    came, went = move.source.startswith(OUTSIDE), move.target.startswith(OUTSIDE)
    return (move.net_minor if came else 0) - (move.net_minor if went else 0)


def _by_rows(move: Move) -> int:
    """What of a move the rows of payments and payouts count as come in or gone out."""
    return move.net_minor if move.by_payment else -move.net_minor if move.by_leg else 0
