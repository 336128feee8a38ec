"""The report of a paper book, as plain values: what was understood of each line, what is wrong, and the totals."""

from collections.abc import Mapping
from typing import Any

from core import catalogues
from core.imports import said
from core.imports.book import ERROR, Book, Line, Problem
from core.imports.figures import Sums
from core.imports.records import Counts
from core.imports.words import BY_KEY
from core.messages import Message, pack
from core.money import Money

# Lines in the order of the sheets, whatever order a file has them in.
_ORDER = {key: place for place, key in enumerate(BY_KEY)}


def report(book: Book, sums: Sums) -> dict[str, Any]:
    """``lines`` and ``totals``; amounts in minor units."""
    lines = sorted(
        (line for line in book.lines if line.line or line.problems),
        key=lambda line: (_ORDER.get(line.sheet, len(_ORDER)), line.sheet, line.line),
    )
    return {"lines": [_line(line) for line in lines], "totals": _totals(book, sums)}


def language_of(wanted: str) -> str:
    """The first language of an ``Accept-Language`` header in which we speak; English without one."""
    offered = catalogues.languages()
    said_first = (one.partition(";")[0].strip()[:2].lower() for one in wanted.split(","))
    return next((language for language in said_first if language in offered), "en")


def counts(made: Mapping[str, Any]) -> Counts:
    """How many lines and problems a report has."""
    severities = [problem["severity"] for line in made["lines"] for problem in line["problems"]]
    errors = severities.count(ERROR)
    return Counts(lines=len(made["lines"]), errors=errors, warnings=len(severities) - errors)


def _line(line: Line) -> dict[str, Any]:
    return {
        "sheet": line.sheet,
        "line": line.line,
        "understood": pack(line.understood) if line.understood is not None else "",
        "problems": [_problem(problem) for problem in line.problems],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "column": problem.column,
        "said": pack(problem.message),
        "facts": {name: _plain(value) for name, value in problem.facts.items()},
    }


def _plain(value: Any) -> Any:
    """A fact for programs: amounts in decimals, what is said of something in English."""
    if isinstance(value, Money):
        return value.decimal
    return said.spoken(value) if isinstance(value, Message) else value


def spoken(line: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A line of a report in somebody's language."""
    problems = [{**problem, "said": said.spoken(problem["said"], language)} for problem in line["problems"]]
    return {**line, "understood": said.spoken(line["understood"], language), "problems": problems}


def _totals(book: Book, sums: Sums) -> dict[str, Any]:
    rules = book.rules
    return {
        "name": book.name,
        "currency": book.currency,
        "people": len(book.people),
        "lots": rules.lots if rules else 0,
        "rounds": rules.rounds if rules else 0,
        "rounds_held": len(book.rounds),
        "contribution_minor": rules.contribution_minor if rules else 0,
        "pot_minor": rules.pot_minor if rules else 0,
        "in_minor": sums.in_minor,
        "out_minor": sums.out_minor,
        "balance_minor": sums.in_minor - sums.out_minor,
        "fee_minor": sum(sums.fees.values()),
        "owed": _by_member(book, sums.owed),
        "advance": _by_member(book, sums.advance),
        "held": [_held(book, source, minor) for source, minor in sorted(sums.held.items()) if minor],
    }


def _by_member(book: Book, amounts: Mapping[int, int]) -> list[dict[str, Any]]:
    return [
        {"number": member, "name": book.people[member].name, "minor": minor}
        for member, minor in sorted(amounts.items())
        if minor
    ]


def _held(book: Book, source: str, minor: int) -> dict[str, Any]:
    kind, _, which = source.partition("/")
    if kind == "held":
        return {"account": source, "number": int(which), "name": book.people[int(which)].name, "minor": minor}
    return {"account": source, "number": None, "name": which, "minor": minor}
