"""For whom a paper is written: language, calendar and time zone decide how everything on it reads.

Owns amounts, dates, names of accounts and the words of rows, as they stand in a table. The calendar is an argument:
``ethiopian`` prints the Ethiopian date first and the Gregorian one in digits beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from core import catalogues
from core.calendar import ETHIOPIAN, to_ethiopian
from core.messages import MONTHS, show_hour
from core.money import MINOR_DIGITS, Money
from core.papers import labels


@lru_cache(maxsize=20_000)
def _local(instant: datetime, timezone: str) -> datetime:
    return instant.astimezone(ZoneInfo(timezone))


@lru_cache(maxsize=20_000)
def _ethiopian(day: date, language: str) -> str:
    year, month, day_of_month = to_ethiopian(day)
    return f"{day_of_month} {catalogues.translate(language, MONTHS[month - 1].text)} {year}"


@lru_cache(maxsize=20_000)
def _gregorian(day: date, language: str) -> str:
    return f"{day.day} {catalogues.gregorian_month(day, language)} {day.year}"


@dataclass(frozen=True)
class Hand:
    """Whose hand a paper goes into."""

    language: str
    calendar: str
    timezone: str

    @classmethod
    def of(cls, language: str, timezone: str, calendar: str | None = None) -> "Hand":
        """With the calendar that they chose, or that is usual in the language."""
        return cls(language, calendar or catalogues.usual_calendar(language), timezone)

    @property
    def ethiopian(self) -> bool:
        return self.calendar == ETHIOPIAN

    def say(self, text: str, **values: object) -> str:
        """A label in the reader's language."""
        return catalogues.translate(self.language, text).format(**values)

    def word(self, table: Mapping[str, str], key: str) -> str:
        """The word for what stands in a row; the row's own where the table has none."""
        text = table.get(key)
        return self.say(text) if text is not None else key.replace("_", " ")

    def local(self, instant: datetime) -> datetime:
        """On the reader's clock."""
        return _local(instant, self.timezone)

    def ethiopian_day(self, instant: datetime) -> str:
        """``13 ኅዳር 2019``."""
        return _ethiopian(self.local(instant).date(), self.language)

    def day(self, instant: datetime | None) -> str:
        """``22 Nov 2026``, or ``13 ኅዳር 2019 (22/11/2026)`` for who counts by the Ethiopian calendar."""
        return "" if instant is None else self.on(self.local(instant).date())

    def on(self, day: date) -> str:
        """As ``day``, of a date."""
        if self.ethiopian:
            return f"{_ethiopian(day, self.language)} ({day:%d/%m/%Y})"
        return _gregorian(day, self.language)

    def both_days(self, instant: datetime) -> str:
        """Both calendars, the reader's own first, and the hour."""
        local = self.local(instant)
        ethiopian = _ethiopian(local.date(), self.language)
        hour = show_hour(local, self.language, ethiopian=self.ethiopian)
        if self.ethiopian:
            return f"{ethiopian} ({local:%d/%m/%Y}) {hour}"
        return f"{_gregorian(local.date(), self.language)} ({ethiopian}) {hour}"

    def amount(self, minor: int, currency: str) -> str:
        """``1,000.00``: always with the currency's digits, so that columns line up."""
        digits = MINOR_DIGITS[currency]
        sign, whole = ("-", -minor) if minor < 0 else ("", minor)
        if not digits:
            return f"{sign}{whole:,}"
        return f"{sign}{whole // 10**digits:,}.{whole % 10**digits:0{digits}}"

    def money(self, minor: int, currency: str) -> str:
        """``1,000 birr``, in a sentence."""
        name = self.say("birr") if currency == "ETB" else currency
        return f"{Money(minor, currency).spoken} {name}"

    def rhythm(self, kind: str, every: int) -> str:
        """``every week``."""
        if every == 1 and kind in labels.RHYTHMS:
            return self.say(labels.RHYTHMS[kind])
        days = every * {"weekly": 7}.get(kind, 1)
        return self.say(labels.EVERY_DAYS, count=days)

    def share(self, share: Fraction) -> str:
        """Nothing for a whole lot, else ``(3/10)``."""
        return "" if share == 1 else f" ({share})"

    def account(self, name: str, names: Mapping[int, str], *, many_cycles: bool = False) -> str:
        """An account in words: ``pot/1/2`` → "pot of round 2"."""
        kind, _, rest = name.partition("/")
        text = labels.ACCOUNTS_OF.get(kind)
        if text is None:
            return name
        if kind == "pot":
            cycle, _, number = rest.partition("/")
            return self.say(text, number=f"{cycle}/{number}" if many_cycles else number)
        if kind in ("held", "advance") and rest.isdigit():
            return self.say(text, name=f"{rest}. {names.get(int(rest), '')}".strip())
        if kind in ("fee", "fund"):
            return self.say(text, name=self.word({**labels.KINDS, **labels.ROLES}, rest))
        return self.say(text, name=self.word(labels.WAYS, rest))
