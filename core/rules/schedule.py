"""When the rounds of a cycle fall due: rhythm, calendar, hour, holidays and pauses. Pure arithmetic on dates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import count, islice
from zoneinfo import ZoneInfo

import holidays

from core.calendar import from_ethiopian, to_ethiopian
from core.errors import Refusal
from core.rules.pauses import is_paused
from core.rules.records import Holidays, Rhythm, Rules

# The hours in which dues fall due when the group has not chosen one.
_EARLIEST_HOUR, _LATEST_HOUR = 8, 20
# Holidays in a row are fewer than this anywhere.
_MOST_HOLIDAYS = 30
# Rules that leave no day free for so long are a mistake.
LONGEST_PAUSE = timedelta(days=3 * 366)


@dataclass(frozen=True)
class Step:
    """A round's due day. ``pause``: how much later it is than it would be without the pauses right before it."""

    day: date
    pause: timedelta


def due_instants(
    rules: Rules, *, begun_at: datetime, timezone: str, rounds: int | None = None, after_round: int = 0
) -> Sequence[datetime]:
    """When each round falls due, one period after another, from a cycle's beginning at ``begun_at``.

    ``rounds``: how many, where not as many as the rules have; ``after_round``: how many of them to leave out at the
    beginning. In the time zone of ``begun_at``; always rising, whatever holidays move, and none in a pause.
    Raises ``Refusal("rules.always_paused")``.
    """
    count = rounds if rounds is not None else rules.rounds
    steps = islice(due_steps(rules, begun_at=begun_at, timezone=timezone), after_round, count)
    return [due_at for due_at, _ in steps]


def due_steps(rules: Rules, *, begun_at: datetime, timezone: str) -> Iterator[tuple[datetime, timedelta]]:
    """As ``due_instants``, without end: when a round falls due, and by how much a pause right before it delays it."""
    zone = ZoneInfo(timezone)
    first = first_due(rules, begun_at.astimezone(zone))
    for step in steps_of(rules, first.date()):
        yield datetime.combine(step.day, first.time(), zone).astimezone(begun_at.tzinfo), step.pause


def steps_of(rules: Rules, first: date, *, besides: Callable[[date], bool] = lambda day: False) -> Iterator[Step]:
    """The due days of rounds from a first one on, without end.

    ``besides``: further days on which none falls due. Raises ``Refusal("rules.always_paused")`` when no day is left.
    """
    before: date | None = None
    wanted: date | None = None
    for n in count():
        day = _moved(_nth_day(rules.rhythm, first, n), rules.holidays)
        if before is not None and day <= before:
            # Two days moved onto one another, or the first of them over the second.
            day = _moved(before + timedelta(days=1), rules.holidays.model_copy(update={"move": "after"}))
        wanted = wanted or day
        if is_paused(rules.pauses, day) or besides(day):
            if day - wanted > LONGEST_PAUSE:
                raise Refusal("rules.always_paused")
            continue
        yield Step(day, day - wanted)
        before, wanted = day, None


def first_due(rules: Rules, begun: datetime) -> datetime:
    """The first due instant, in the group's local time.

    Where the rhythm names a day (a market day, a day of the month) it is the first such day whose due instant is
    still to come. Else the last due hour that leaves cut-off and draw inside the first period: a weekly cycle begun
    on Tuesday at 12:54 falls due on Tuesdays at 12:00 and draws a little later.
    """
    rhythm = rules.rhythm
    if rhythm.weekday is not None or rhythm.day is not None:
        hour = time(_LATEST_HOUR if rules.due_hour is None else rules.due_hour)
        day = _named_day(rhythm, begun.date())
        first = datetime.combine(day, hour, begun.tzinfo)
        if first > begun:
            return first
        return datetime.combine(_named_day(rhythm, day + timedelta(days=1)), hour, begun.tzinfo)
    period_ends = datetime.combine(_nth_day(rhythm, begun.date(), 1), begun.time(), begun.tzinfo)
    latest = period_ends - timedelta(minutes=rules.draw_delay_minutes + 20, hours=rules.grace_hours)
    chosen = rules.due_hour
    if chosen is None:
        chosen = min(latest.hour, _LATEST_HOUR) if latest.hour >= _EARLIEST_HOUR else _LATEST_HOUR
    first = datetime.combine(latest.date(), time(chosen), begun.tzinfo)
    if first > latest:
        first -= timedelta(days=1)
    # A grace longer than the period would begin before the beginning.
    while first <= begun:
        first += timedelta(days=1)
    return first


def _named_day(rhythm: Rhythm, earliest: date) -> date:
    """The first day from ``earliest`` on that the rhythm names."""
    if rhythm.kind == "weekly":
        return earliest + timedelta(days=((rhythm.weekday or 1) - earliest.isoweekday()) % 7)
    for months in (0, 1, 2):
        day = _in_month(rhythm, earliest, months)
        if day >= earliest:
            return day
    raise RuntimeError("a month has a day")


def _nth_day(rhythm: Rhythm, start: date, periods: int) -> date:
    """The date ``periods`` periods after ``start``; a month without that day uses its last."""
    if rhythm.kind == "monthly":
        return _in_month(rhythm, start, periods * rhythm.every)
    step = {"daily": 1, "weekly": 7, "days": 1}[rhythm.kind] * rhythm.every
    return start + timedelta(days=step * periods)


def _in_month(rhythm: Rhythm, start: date, months: int) -> date:
    """The rhythm's day in the month that is so many months after that of ``start``."""
    if rhythm.calendar == "ethiopian":
        year, month, day = to_ethiopian(start)
        # Pagume's five or six days are paid in as days of Nehase: nobody pays twice for a week.
        year, month = divmod(year * 12 + min(month, 12) - 1 + months, 12)
        first = from_ethiopian(year, month + 1, 1)
        return _day_of(rhythm, first, length=30, day=rhythm.day or min(day, 30))
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return _day_of(rhythm, first, length=(following - first).days, day=rhythm.day or start.day)


def _day_of(rhythm: Rhythm, first: date, *, length: int, day: int) -> date:
    """The day of a month that begins on ``first``: by number, or the nth weekday."""
    if rhythm.nth is None or rhythm.weekday is None:
        return first + timedelta(days=min(day, length) - 1)
    to_weekday = (rhythm.weekday - first.isoweekday()) % 7
    if rhythm.nth > 0:
        return first + timedelta(days=to_weekday + 7 * (rhythm.nth - 1))
    return first + timedelta(days=to_weekday + 7 * ((length - 1 - to_weekday) // 7))


def day_after(rules: Rules, start: date, periods: int) -> date:
    """The day of the round ``periods`` periods after one of ``start``: to go on from rounds that were held before."""
    return _moved(_nth_day(rules.rhythm, start, periods), rules.holidays)


def _moved(day: date, rule: Holidays) -> date:
    """The day, or where its holiday moves it."""
    if not rule.country:
        return day
    step = timedelta(days=1 if rule.move == "after" else -1)
    for _ in range(_MOST_HOLIDAYS):
        if day not in holidays_of(rule.country, day.year):
            return day
        day += step
    return day


@lru_cache(maxsize=256)
def holidays_of(country: str, year: int) -> frozenset[date]:
    """The public holidays of a country in a year."""
    return frozenset(holidays.country_holidays(country, years=year))


def holidays_known(country: str) -> bool:
    """Whether the library has the holidays of a country."""
    return country in holidays.list_supported_countries()
