"""Times in which no round falls due, as a group's rules have them: of one time, a month of every year, or a fast.

Pure arithmetic on dates. The fasts of the Orthodox church are exact; Ramadan is reckoned by the tabular calendar, and
the moon may be seen a day before or after.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from core.calendar import from_ethiopian, to_ethiopian
from core.rules.records import Pause

_DAY = timedelta(days=1)
# The great fast begins on a Monday, 55 days before Easter.
_LENT = timedelta(days=55)
# Julian dates are this much behind Gregorian ones from 1900 to 2099.
_JULIAN = timedelta(days=13)
# The ordinal of the day before 1 Muharram 1.
_HIJRA = 227_014


def is_paused(pauses: Sequence[Pause], day: date) -> bool:
    """Whether any of the pauses holds a day."""
    return any(_holds(pause, day) for pause in pauses)


def _holds(pause: Pause, day: date) -> bool:
    match pause.kind:
        case "days":
            return pause.from_on is not None and pause.to_on is not None and pause.from_on <= day <= pause.to_on
        case "month":
            return to_ethiopian(day)[1] == pause.month
        case _:
            return any(first <= day <= last for first, last in _fasts(pause.fast or "", day.year))


def _fasts(name: str, year: int) -> list[tuple[date, date]]:
    """The (first, last) days of a fast that may fall into a Gregorian year."""
    match name:
        case "lent":
            easter = orthodox_easter(year)
            return [(easter - _LENT, easter - _DAY)]
        case "filseta":
            return [(from_ethiopian(year - 8, 12, 1), from_ethiopian(year - 8, 12, 15))]
        case "advent":
            # From 15 Hidar to 28 Tahsas; it spans the turn of the Gregorian year.
            return [(from_ethiopian(y, 3, 15), from_ethiopian(y, 4, 28)) for y in (year - 8, year - 7)]
        case _:
            # The year of the hijra is shorter: two may begin in one of ours.
            about = (year - 622) * 33 // 32
            starts = [_hijri_month(about + n, 9) for n in range(-1, 3)]
            ends = [_hijri_month(about + n, 10) - _DAY for n in range(-1, 3)]
            return list(zip(starts, ends, strict=True))


def orthodox_easter(year: int) -> date:
    """Easter of the Orthodox churches in a Gregorian year (1900 to 2099)."""
    moon = (19 * (year % 19) + 15) % 30
    sunday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
    month, day = divmod(moon + sunday + 114, 31)
    return date(year, month, day + 1) + _JULIAN


def _hijri_month(year: int, month: int) -> date:
    """The first day of a month of the tabular Islamic calendar, in which eleven years of thirty are leap years."""
    days = (year - 1) * 354 + (3 + 11 * year) // 30 + (59 * (month - 1) + 1) // 2
    return date.fromordinal(_HIJRA + days + 1)


def well_formed(pause: Pause) -> bool:
    """Whether a pause says what its kind needs, and nothing of another."""
    said = {name for name in ("from_on", "to_on", "month", "fast") if getattr(pause, name) is not None}
    wanted = {"days": {"from_on", "to_on"}, "month": {"month"}, "fast": {"fast"}}[pause.kind]
    if said != wanted:
        return False
    return pause.from_on is None or pause.to_on is None or pause.from_on <= pause.to_on
