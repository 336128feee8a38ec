"""A paper book as it was understood: its rules, people, lots, rounds held, payments and debts, line by line.

Owns the values and the lines with their problems; ``core.imports.understanding`` makes them from sheets,
``core.imports.adding_up`` says what follows from them. Members are known by their numbers here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from core.imports import said
from core.messages import Message
from core.money import Money
from core.rules import Rules

ERROR: Literal["error"] = "error"
WARNING: Literal["warning"] = "warning"

IN, OUT, FEE, FINE, SPENT = "in", "out", "fee", "fine", "spent"
# What money comes in by; the rest goes out.
COMES_IN = frozenset({IN, FINE})

# What a debt is of: the rounds held (compared with the lines), a fine, or a cycle before this one (entered as it is).
ROUNDS, EARLIER = "rounds", "earlier"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong (error: nothing is written until it is gone) or worth a look (warning)."""

    code: str
    severity: Literal["error", "warning"]
    column: str
    facts: Mapping[str, Any]

    @property
    def message(self) -> Message:
        """What is the matter."""
        return said.message(self.code, **self.facts)

    @property
    def sentence(self) -> str:
        """What is the matter, in English."""
        return said.spoken(self.message)


@dataclass(slots=True)
class Line:
    """A line of a sheet: what was understood of it, and what is wrong with it. Line 0 is the sheet as a whole."""

    sheet: str
    line: int
    understood: Message | None = None
    problems: list[Problem] = field(default_factory=list)

    def says(self, name: str, /, **facts: Any) -> None:
        """What was understood of the line."""
        self.understood = said.message(name, **facts)

    def error(self, code: str, /, column: str = "", **facts: Any) -> None:
        self.problems.append(Problem(code, ERROR, column, facts))

    def warn(self, code: str, /, column: str = "", **facts: Any) -> None:
        self.problems.append(Problem(code, WARNING, column, facts))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the equb. ``phone`` is E.164."""

    line: Line
    number: int
    name: str
    phone: str | None
    role: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A member's share of a lot."""

    line: Line
    lot: int
    member: int
    share: Fraction


@dataclass(frozen=True, slots=True)
class RoundHeld:
    """A round that was held on paper, with the lots that came up, in order."""

    line: Line
    number: int
    on: date
    lots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in (``in``, a ``fine``), went out of a pot (``out``) or a fund (``spent``), or was taken
    by the organiser as his ``fee``.
    """

    line: Line
    what: str
    on: date
    member: int
    amount_minor: int
    method: str
    officer: int | None
    round: int | None
    lot: int | None
    reference: str | None
    fund: str | None = None


@dataclass(frozen=True, slots=True)
class Debt:
    """What somebody owes, as the book says: ``of`` the rounds held, a fine, or an earlier cycle ``to`` a member."""

    line: Line
    member: int
    amount_minor: int
    of: str = ROUNDS
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Guaranteed:
    """Who answers for whom."""

    line: Line
    member: int
    guarantor: int


@dataclass(slots=True)
class Book:
    """Everything that was understood; ``rules`` is None while they cannot be read."""

    name: str = ""
    currency: str = "ETB"
    rules: Rules | None = None
    cash_in_hand_minor: int | None = None
    people: dict[int, Person] = field(default_factory=dict)
    holdings: list[Holding] = field(default_factory=list)
    rounds: list[RoundHeld] = field(default_factory=list)
    # Rounds to come whose lots are known, by number.
    turns: dict[int, RoundHeld] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    guaranteed: list[Guaranteed] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def money(self, minor: int) -> Money:
        """An amount in the book's currency."""
        return Money(minor, self.currency)

    def sheet(self, key: str) -> Line:
        """The line of a sheet as a whole, for what concerns no single line."""
        for line in self.lines:
            if line.sheet == key and line.line == 0:
                return line
        self.lines.append(Line(key, 0))
        return self.lines[-1]

    @property
    def organiser(self) -> Person | None:
        """The one organiser, if there is one."""
        return next((one for one in self.people.values() if one.role == "organiser"), None)

    def shares_of(self, lot: int) -> list[Holding]:
        """The holdings of a lot by member number."""
        return sorted((one for one in self.holdings if one.lot == lot), key=lambda one: one.member)

    def problems(self) -> Iterable[tuple[Line, Problem]]:
        """Every problem with its line."""
        return ((line, problem) for line in self.lines for problem in line.problems)

    @property
    def sound(self) -> bool:
        """Whether nothing stands in the way of writing it."""
        return not any(problem.severity == ERROR for _, problem in self.problems())
