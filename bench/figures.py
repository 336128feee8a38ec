"""Figures: what a measurement says, each with what it is held against, and how they are printed.

Refuses to judge: a goal that is missed is a ratio beyond 1 (or below it, for rates), never an error. An error is a
promise that did not hold: ``prove`` ends the run.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``against`` names what ``ratio`` divides by; ``note`` is what else was seen."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    note: str = ""


class NotKept(Exception):
    """A promise of the product did not hold while it was measured."""


def prove(held: bool, promise: str) -> None:
    """Go on when it held. Raises ``NotKept`` with the promise."""
    if not held:
        raise NotKept(promise)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many per cent of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def against_goal(name: str, value: float, unit: str, goal: float, *, note: str = "") -> Figure:
    """A figure with the goal that was set for it."""
    return Figure(name, value, unit, value / goal, f"goal {goal:g}", note)


def lines(figures: Sequence[Figure]) -> list[str]:
    """The table."""
    width = max([len(figure.name) for figure in figures] + [10])
    unit = max([len(figure.unit) for figure in figures] + [4])
    against = max([len(figure.against) for figure in figures] + [4])
    table = [f"{'what':<{width}}  {'figure':>10}  {'unit':<{unit}}  {'ratio':>6}  {'to':<{against}}  besides".rstrip()]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        line = f"{figure.name:<{width}}  {digits(figure.value):>10}  {figure.unit:<{unit}}  {ratio:>6}"
        table.append(f"{line}  {figure.against:<{against}}  {figure.note}".rstrip())
    return table


def digits(value: float) -> str:
    """As many digits as such a figure is good for."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
