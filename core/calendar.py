"""The Ethiopian calendar and clock, as arithmetic on day numbers.

The Ethiopian year has twelve months of 30 days and Pagume of 5 or 6; every fourth year (those whose number
leaves 3 when divided by 4) has the sixth. Hours are counted from six in the morning.
"""

from datetime import date, datetime, time

ETHIOPIAN, GREGORIAN = "ethiopian", "gregorian"

# The proleptic Gregorian ordinal of 1 Meskerem 1 less one.
_EPOCH = 2795


def to_ethiopian(day: date) -> tuple[int, int, int]:
    """(year, month 1–13, day 1–30) of a Gregorian date."""
    number = day.toordinal() - _EPOCH - 1
    cycle, in_cycle = divmod(number, 1461)
    # The leap day falls at the end of the third year of each four, so the split is 365, 365, 366, 365.
    starts = (0, 365, 730, 1096)
    year_in_cycle = max(i for i in range(4) if starts[i] <= in_cycle)
    day_of_year = in_cycle - starts[year_in_cycle]
    return cycle * 4 + year_in_cycle + 1, day_of_year // 30 + 1, day_of_year % 30 + 1


def from_ethiopian(year: int, month: int, day: int) -> date:
    """The Gregorian date of an Ethiopian one. Raises ``ValueError`` when there is no such day."""
    longest = 30 if month < 13 else 6 if year % 4 == 3 else 5
    if not (year >= 1 and 1 <= month <= 13 and 1 <= day <= longest):
        raise ValueError(f"no such Ethiopian date: {day}/{month}/{year}")
    cycle, year_in_cycle = divmod(year - 1, 4)
    ordinal = cycle * 1461 + (0, 365, 730, 1096)[year_in_cycle] + (month - 1) * 30 + day
    return date.fromordinal(ordinal + _EPOCH)


def to_ethiopian_hour(local: datetime | time) -> tuple[str, int, int]:
    """(part of the day, hour 1–12, minute): 09:30 is ``("morning", 3, 30)``."""
    part = ("night", "morning", "afternoon", "evening")[local.hour // 6]
    return part, (local.hour - 6) % 12 or 12, local.minute
