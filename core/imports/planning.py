"""When the rounds of an imported equb are: those held as the book says, those to come on the days that follow. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from core.imports.book import Book
from core.imports.said import day as said_day
from core.imports.values import USUAL_DUE_HOUR
from core.rules import Rules, day_after, due_instants

# A round that is planned leaves people this long to pay.
SHORTEST_NOTICE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Planned:
    """A round of the cycle with its instants; ``held`` is whether it was drawn on paper."""

    number: int
    opens_at: datetime
    due_at: datetime
    cutoff_at: datetime
    draw_at: datetime
    held: bool


def plan(book: Book, *, now: datetime, timezone: str) -> list[Planned]:
    """Every round of the cycle in order. A round that should have been held by now is planned for the next such day."""
    assert book.rules is not None
    rules, zone = book.rules, ZoneInfo(timezone)
    dues = [_in_the_past(rules, _at(rules, one.on, zone), now) for one in book.rounds]
    to_come = _to_come(book, rules, now=now, zone=zone, timezone=timezone)
    planned: list[Planned] = []
    opens_at = now if not dues else _period_before(rules, book.rounds[0].on, zone)
    for number, due_at in enumerate([*dues, *to_come], 1):
        held = number <= len(dues)
        if number == len(dues) + 1:
            opens_at = now
        cutoff_at = due_at + timedelta(hours=rules.grace_hours)
        draw_at = cutoff_at + timedelta(minutes=rules.draw_delay_minutes)
        planned.append(Planned(number, opens_at, due_at, cutoff_at, draw_at, held))
        opens_at = draw_at
    return planned


def turns_of(book: Book) -> dict[int, list[int]]:
    """Round → its lots, where turns are known: as they were held, as the book has those to come, the others by number.

    Empty where lots are found in another way.
    """
    assert book.rules is not None
    rules = book.rules
    if not any(rules.order_of(n) in ("fixed", "drawn_once") for n in range(1, rules.rounds + 1)):
        return {}
    laid = {one.number: list(one.lots) for one in (*book.rounds, *book.turns.values())}
    placed = {lot for lots in laid.values() for lot in lots}
    rest = iter(lot for lot in range(1, rules.lots + 1) if lot not in placed)
    for number in range(1, rules.rounds + 1):
        lots = laid.setdefault(number, [])
        lots += [next(rest) for _ in range(rules.lots_per_round - len(lots))]
    return laid


def warn_of_rounds_missed(book: Book, *, now: datetime, timezone: str) -> None:
    """Say that a round should have been held since the last one in the book."""
    if book.rules is None or not book.rounds or len(book.rounds) >= book.rules.rounds:
        return
    number, zone = len(book.rounds) + 1, ZoneInfo(timezone)
    expected = next(iter(_days_after(book, book.rules)))
    first = next((one for one in plan(book, now=now, timezone=timezone) if not one.held), None)
    if first is not None and first.due_at.astimezone(zone).date() != expected:
        planned = said_day(first.due_at.astimezone(zone).date())
        book.sheet("rounds").warn("rounds.late", round=number, due=said_day(expected), planned=planned)


def _at(rules: Rules, day: date, zone: ZoneInfo) -> datetime:
    hour = USUAL_DUE_HOUR if rules.due_hour is None else rules.due_hour
    return datetime.combine(day, time(hour), zone)


def _in_the_past(rules: Rules, due_at: datetime, now: datetime) -> datetime:
    """A round that was held today before its usual hour has been held all the same."""
    drawn_by = due_at + timedelta(hours=rules.grace_hours, minutes=rules.draw_delay_minutes)
    return due_at if drawn_by <= now else now - (drawn_by - due_at)


def _period_before(rules: Rules, day: date, zone: ZoneInfo) -> datetime:
    return _at(rules, day, zone) - (_at(rules, day_after(rules, day, 1), zone) - _at(rules, day, zone))


def _days_after(book: Book, rules: Rules) -> Iterator[date]:
    """The days after the last round held. A series that was kept goes on from its first day: the 31st stays the 31st
    after a month that had none."""
    first, last, held = book.rounds[0].on, book.rounds[-1].on, len(book.rounds)
    kept = day_after(rules, first, held - 1) == last
    start, periods = (first, held - 1) if kept else (last, 0)
    return (day_after(rules, start, periods + n) for n in count(1))


def _to_come(book: Book, rules: Rules, *, now: datetime, zone: ZoneInfo, timezone: str) -> Sequence[datetime]:
    missing = rules.rounds - len(book.rounds)
    if not book.rounds:
        return due_instants(rules, begun_at=now, timezone=timezone)
    dues: list[datetime] = []
    for day in _days_after(book, rules):
        if len(dues) >= missing:
            break
        due_at = _at(rules, day, zone).astimezone(now.tzinfo)
        if due_at >= now + SHORTEST_NOTICE:
            dues.append(due_at)
    return dues
