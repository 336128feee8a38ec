"""Days and hours as people write them, in both calendars and on both clocks. Pure.

The year tells the calendars apart: they are seven or eight years from each other, and nobody speaks of a day that
far away. What is understood is said back with both dates before anything rests on it.
"""

import re
from collections.abc import Sequence
from datetime import date, time, timedelta

from core import lexicon
from core.calendar import from_ethiopian, to_ethiopian, to_ethiopian_hour
from core.errors import Refusal
from core.folding import fold
from core.talking.understanding.numbers import number

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_YEAR = re.compile(r"[12]\d{3}|[፩-፼]{3,}", re.ASCII)
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.ASCII)
# A day that people speak of lies at most so far away.
_FAR = timedelta(days=3 * 366)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def day(words: Sequence[str], *, today: date) -> tuple[date, list[str]] | None:
    """A day at the beginning of the words, and the words after it; None when there is none.

    2026-12-24 · 24/12/2026 · 15/3/2019 (Ethiopian) · 15 ኅዳር 2019 · ኅዳር 15 · 24 December · tomorrow · Friday.
    Raises ``Refusal("date.not_understood")`` for what is a date and cannot be.
    """
    if not words:
        return None
    if found := _ISO.fullmatch(words[0]):
        year, month, number_of_day = map(int, found.groups())
        return _either(year, month, number_of_day, words[0], today), list(words[1:])
    if found := _DAY_FIRST.fullmatch(words[0]):
        number_of_day, month, year = map(int, found.groups())
        return _either(year, month, number_of_day, words[0], today), list(words[1:])
    named = _named_day(words, today) or _relative(words, today)
    if named is None:
        return None
    meant, size = named
    return meant, list(words[size:])


def _either(year: int, month: int, number_of_day: int, typed: str, today: date) -> date:
    """The day in the calendar in which its year is near."""
    for convert in (date, from_ethiopian):
        try:
            meant = convert(year, month, number_of_day)
        except ValueError:
            continue
        if abs(meant - today) <= _FAR:
            return meant
    raise Refusal("date.not_understood", typed=typed[:40])


def _month(word: str) -> list[tuple[str, int]]:
    """What a month's name may mean: (calendar, number); Sadaasa is Hidar, and November to others."""
    folded = fold(word)
    found = []
    for calendar in ("ethiopian", "gregorian"):
        key = lexicon.table(f"{calendar}_months").get(folded)
        if key is not None:
            found.append((calendar, int(key)))
    return found


def _named_day(words: Sequence[str], today: date) -> tuple[date, int] | None:
    if len(words) < 2:
        return None
    for day_at, month_at in ((0, 1), (1, 0)):
        months = _month(words[month_at])
        ordinal = _ORDINAL.fullmatch(fold(words[day_at]))
        number_of_day = int(ordinal[1]) if ordinal else number(fold(words[day_at]))
        if not months or number_of_day is None or not 1 <= number_of_day <= 31:
            continue
        year = number(fold(words[2])) if len(words) > 2 and _YEAR.fullmatch(fold(words[2])) else None
        size = 2 if year is None else 3
        typed = " ".join(words[:size])
        if year is None:
            return _next_one(months, number_of_day, today, typed), size
        for calendar, month in months:
            try:
                meant = (from_ethiopian if calendar == "ethiopian" else date)(year, month, number_of_day)
            except ValueError:
                continue
            if abs(meant - today) <= _FAR:
                return meant, size
        raise Refusal("date.not_understood", typed=typed[:40])
    return None


def _next_one(months: list[tuple[str, int]], number_of_day: int, today: date, typed: str) -> date:
    """The next day of that name, today included."""
    calendar, month = months[0]
    year = to_ethiopian(today)[0] if calendar == "ethiopian" else today.year
    for candidate in (year, year + 1):
        try:
            meant = (from_ethiopian if calendar == "ethiopian" else date)(candidate, month, number_of_day)
        except ValueError:
            continue
        if meant >= today:
            return meant
    raise Refusal("date.not_understood", typed=typed[:40])


def _relative(words: Sequence[str], today: date) -> tuple[date, int] | None:
    near = lexicon.meaning("days", words[0])
    if near is not None:
        return today + timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[near]), 1
    weekday = lexicon.meaning("weekdays", words[0])
    if weekday is not None:
        ahead = (WEEKDAYS.index(weekday) - today.weekday()) % 7
        return today + timedelta(days=ahead or 7), 1
    return None


_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?", re.ASCII)
_PARTS = ("night", "morning", "afternoon", "evening")


def hour(words: Sequence[str]) -> time | None:
    """An hour of the day, from all of the words: 18 · 18:30 · 6 pm · 3 ሰዓት ጠዋት (09:00) · ማታ 2:30 (20:30).

    With a part of the day it is on the Ethiopian clock, without one on the common clock; None when it is no hour.
    """
    part = half = None
    suffix = ""
    shown: list[str] = []
    for word in words:
        folded = fold(word)
        if lexicon.is_a(word, "clock", "hour"):
            continue
        found = next((key for key in _PARTS if folded in lexicon.names("clock", key)), None)
        if found is not None:
            if part not in (None, found):
                return None
            part = found
        elif lexicon.is_a(word, "clock", "half"):
            half = 30
        elif lexicon.is_a(word, "clock", "am") or lexicon.is_a(word, "clock", "pm"):
            suffix = "am" if lexicon.is_a(word, "clock", "am") else "pm"
        else:
            shown.append(word.casefold())
    if len(shown) == 1 and (glued := re.fullmatch(r"([\d:.]+)(am|pm)", shown[0])):
        shown, suffix = [glued[1]], glued[2]
    typed = " ".join(shown)
    found_clock = _CLOCK.fullmatch(typed)
    count = int(found_clock[1]) if found_clock else number(typed)
    minute = half or int(found_clock[2] or 0 if found_clock else 0)
    if count is None or minute > 59 or (part and suffix):
        return None
    if not part and not suffix:
        return time(count, minute) if count <= 23 else None
    if not 1 <= count <= 12:
        return None
    if suffix:
        return time(count % 12 + 12 * (suffix == "pm"), minute)
    # An hour belongs to one part of the day: 3 in the afternoon is on somebody else's clock, and nobody guesses.
    return next(
        (time(common, minute) for common in range(24) if to_ethiopian_hour(time(common))[:2] == (part, count)), None
    )
