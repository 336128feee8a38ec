"""The money of a paper book once more, line after line, as the running book would have moved it.

What is deducted from a pot is not in the lines: it is taken with every part of a pot that is paid, by what had come in
by then, and so are what a winner's own dues set off and what a reserve fills. What the lines pay out before enough had
come in waits until it had. The moves come out in the order in which they can be posted: no account is ever below zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from core.imports.book import COMES_IN, FEE, OUT, SPENT, Book
from core.imports.figures import CONTRIBUTION, Due, Part, Promise, Sums
from core.money import split
from core.payouts import RESERVE, account_of

# Kinds of moves beside those of the lines.
NET, DEDUCT, FILL, BACK = "net", "deduct", "fill", "back"


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer: of a line (``payment``), or what follows from it. ``name``: of a deduction."""

    on: date
    what: str
    amount_minor: int
    payment: int | None = None
    part: Part | None = None
    round: int | None = None
    name: str = ""


@dataclass(slots=True)
class _Pot:
    """A round's pot as it stands: what came in (``own``: without what the reserve gave), went out, was taken of it."""

    on: date
    promises: list[Promise]
    deducted: dict[str, int]
    own_minor: int = 0
    filled_minor: int = 0
    out_minor: int = 0
    taken: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def whole_minor(self) -> int:
        return sum(one.amount_minor for one in self.promises) + sum(self.deducted.values())

    @property
    def there_minor(self) -> int:
        return self.own_minor + self.filled_minor - self.out_minor - sum(self.taken.values())

    @property
    def all_paid(self) -> bool:
        return all(self.paid[id(one)] >= one.amount_minor for one in self.promises)

    def entitled(self) -> dict[str, int]:
        """What every deduction is entitled to of what came in."""
        amounts = [one.amount_minor for one in self.promises] + list(self.deducted.values())
        if not self.whole_minor:
            return {}
        parts = split(
            min(self.own_minor + self.filled_minor, self.whole_minor), [Fraction(n, self.whole_minor) for n in amounts]
        )
        return dict(zip(self.deducted, parts[len(self.promises) :], strict=True))


def replay(book: Book, sums: Sums) -> list[Move]:
    """Every move in order; sets off what winners owe where the rules do, and fills the figures of funds and fees."""
    return _Replay(book, sums).run()


class _Replay:
    def __init__(self, book: Book, sums: Sums) -> None:
        assert book.rules is not None
        self.book, self.sums, self.rules = book, sums, book.rules
        self.moves: list[Move] = []
        self.funds: dict[str, int] = defaultdict(int)
        self.waiting: list[Part] = []
        self.pots: dict[int, _Pot] = {}
        for one in book.rounds:
            mine = sorted((p for p in sums.promises if p.round == one.number), key=lambda p: (p.lot, p.member))
            each = self.rules.deductions_minor(one.number)
            self.pots[one.number] = _Pot(one.on, mine, {name: minor * len(one.lots) for name, minor in each})

    def run(self) -> list[Move]:
        by_payment: dict[int, list[Part]] = defaultdict(list)
        for part in self.sums.parts:
            by_payment[part.payment].append(part)
        lines = sorted(enumerate(self.book.payments), key=lambda pair: (pair[1].on, pair[0]))
        rounds = iter(sorted(self.pots.items()))
        following = next(rounds, None)
        for place, payment in lines:
            # A round that was held before this day has set off what its winners owed.
            while following is not None and following[1].on < payment.on:
                self._net(following[0], following[1].on)
                following = next(rounds, None)
            match payment.what:
                case what if what in COMES_IN:
                    for part in by_payment[place]:
                        self._in(part, payment.on)
                    self._later(payment.on)
                case what if what == OUT:
                    self.waiting += by_payment[place]
                    self._later(payment.on)
                case _:
                    self._taken(place)
        while following is not None:
            self._net(following[0], following[1].on)
            following = next(rounds, None)
        self._later(lines[-1][1].on if lines else date.min)
        self._overdrawn()
        self.sums.funds = dict(self.funds)
        return self.moves

    # --- what comes in ---

    def _in(self, part: Part, on: date) -> None:
        due = part.due
        what = "advance" if due is None else "in"
        self.moves.append(Move(on, what, part.amount_minor, part.payment, part))
        if due is None:
            return
        if due.kind != CONTRIBUTION:
            self.funds[due.account(self.rules, "")] += part.amount_minor
            return
        self._came(due.round, part.amount_minor, on)

    def _came(self, number: int, amount_minor: int, on: date) -> None:
        pot = self.pots[number]
        pot.own_minor += amount_minor
        if pot.on <= on:
            self._net(number, on)
        back = min(pot.filled_minor, pot.own_minor + pot.filled_minor - pot.whole_minor, pot.there_minor)
        if back > 0:
            pot.filled_minor -= back
            self.funds[RESERVE] += back
            self.moves.append(Move(on, BACK, back, round=number))
        if pot.promises and pot.on <= on and pot.all_paid:
            self._deduct(number, on)

    # --- what goes out ---

    def _later(self, on: date) -> None:
        """What the pots can pay now of what the lines have paid out of them; the rest goes on waiting."""
        still = []
        for part in self.waiting:
            promise = part.promise
            assert promise is not None
            pot = self.pots[promise.round]
            fill = self._missing(pot)
            if pot.there_minor + fill < part.amount_minor:
                still.append(part)
                continue
            if fill:
                pot.filled_minor += fill
                self.funds[RESERVE] -= fill
                self.moves.append(Move(on, FILL, fill, round=promise.round))
            pot.out_minor += part.amount_minor
            pot.paid[id(promise)] += part.amount_minor
            self.moves.append(Move(on, OUT, part.amount_minor, part.payment, part, promise.round))
            self._deduct(promise.round, on, part)
        self.waiting = still

    def _missing(self, pot: _Pot) -> int:
        """What the reserve can add to a pot that is not full."""
        if self.rules.shortfall != "reserve":
            return 0
        return max(0, min(pot.whole_minor - pot.own_minor - pot.filled_minor, self.funds[RESERVE]))

    def _deduct(self, number: int, on: date, with_: Part | None = None) -> None:
        """What of every deduction is due by now; ``with_``: the part of a pot with which it is taken and comes back."""
        pot = self.pots[number]
        short = self.rules.shortfall == "reserve" and pot.own_minor + pot.filled_minor < pot.whole_minor
        for name, whole in pot.entitled().items():
            account = account_of(name)
            # What the reserve gives it does not take again at once.
            part = min(whole - pot.taken[name], pot.there_minor) if not (account == RESERVE and short) else 0
            if self.rules.shortfall != "reserve":
                # What the lines say was paid out comes first.
                most = self.sums.came_in[number] - self.sums.went_out[number] - sum(pot.taken.values())
                part = min(part, most)
            if part > 0:
                pot.taken[name] += part
                self.funds[account] += part
                self.moves.append(Move(on, DEDUCT, part, part=with_, round=number, name=name))
                if name == "fee":
                    self.sums.fees[number] = self.sums.fees.get(number, 0) + part

    def _overdrawn(self) -> None:
        """What was paid out of a pot and never came in, nor could be filled."""
        for part in self.waiting:
            payment = self.book.payments[part.payment]
            number = part.promise.round if part.promise is not None else 0
            pot = self.pots[number]
            facts = {"out": pot.out_minor + part.amount_minor, "came_in": pot.own_minor + pot.filled_minor}
            more = facts["out"] - facts["came_in"]
            said = {name: self.book.money(minor) for name, minor in (facts | {"more": more}).items()}
            payment.line.error("pot.overdrawn", "amount", round=number, **said)

    # --- what winners owe themselves ---

    def _net(self, number: int, on: date) -> None:
        """Set off what the holders of the lots found still owe for the round, once there is something in its pot."""
        pot = self.pots[number]
        if not self.rules.netting or pot.there_minor <= 0:
            return
        for due, promise in self._own(pot, number):
            left = min(due.open_minor, promise.amount_minor - promise.paid_minor, pot.there_minor)
            if left > 0:
                part = Part(-1, left, due, promise)
                due.paid_minor += part.amount_minor
                promise.paid.append(part)
                pot.paid[id(promise)] += part.amount_minor
                pot.out_minor += part.amount_minor
                self.sums.went_out[number] += part.amount_minor
                self.moves.append(Move(on, NET, part.amount_minor, part=part, round=number))
                if due.kind == CONTRIBUTION:
                    pot.own_minor += part.amount_minor
                    self.sums.came_in[number] += part.amount_minor
                else:
                    self.funds[due.account(self.rules, "")] += part.amount_minor

    def _own(self, pot: _Pot, number: int) -> Iterable[tuple[Due, Promise]]:
        mine = [due for due in self.sums.dues if due.round == number and due.kind != "fine" and due.open_minor]
        for promise in pot.promises:
            for due in sorted(mine, key=lambda due: (due.kind, due.lot)):
                if due.member == promise.member:
                    yield due, promise

    # --- what officers took ---

    def _taken(self, place: int) -> None:
        payment = self.book.payments[place]
        account = account_of("fee") if payment.what == FEE else f"fund/{payment.fund}"
        there, minor = self.funds[account], payment.amount_minor
        self.funds[account] -= minor
        self.moves.append(Move(payment.on, payment.what, minor, place))
        if there < minor and payment.what == SPENT and payment.fund:
            facts = {"fund": payment.fund, "there": self.book.money(there), "taken": self.book.money(minor)}
            payment.line.error("fund.not_enough", "amount", **facts)
