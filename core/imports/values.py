"""What a single cell says: amounts, counts, shares, days, phones, rhythms. Pure; each reader takes text or a date.

What a book says thousands of times, an amount or a day, is read once.

Raises ``Unclear`` with a stable code and facts for what cannot be read or may mean two things: that is asked of the
organiser, never guessed. Careless writing is forgiven in words, and in the signs between the digits of an amount.
"""

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any

from core import lexicon, phones
from core.calendar import from_ethiopian
from core.errors import Refusal
from core.folding import fold
from core.imports.said import day as said_day
from core.imports.sheets import Cell
from core.money import MINOR_DIGITS
from core.rules import Fee, Rhythm
from core.talking import understanding

# When dues fall due where a book does not say it: at the end of a working day.
USUAL_DUE_HOUR = 18


class Unclear(Exception):
    """A cell that does not say one thing. ``facts`` are plain values."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def said(cell: Cell) -> str:
    """A cell as somebody would read it aloud."""
    return cell.isoformat() if isinstance(cell, date) else (cell or "")


def _words(cell: Cell) -> str:
    """The text of a cell that holds no formula. A spreadsheet computes; a book says."""
    if isinstance(cell, date):
        raise Unclear("cell.is_a_date", said=cell.isoformat())
    if cell is None or cell.startswith(("=", "@")):
        raise Unclear("cell.formula")
    return cell


def text(cell: Cell, _currency: str = "") -> str:
    """Words as they stand."""
    return _words(cell)


# 1 000 and 1'000 and 1,000 are one amount; a point or comma before one or two digits parts the santim.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([ ',’])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?")
_COMMA_CENTS = re.compile(r"\d+,\d{1,2}")


@lru_cache(maxsize=4096)
def amount(cell: Cell, currency: str) -> int:
    """An amount in minor units, more than nothing."""
    typed = _words(cell)
    try:
        found = understanding.amount(_one_number(typed).split(), currency)
    except Refusal as refusal:
        raise Unclear(refusal.code, said=typed[:40]) from None
    if found is None or found[1]:
        raise Unclear("amount.not_understood", said=typed[:40])
    return found[0].minor


def _one_number(typed: str) -> str:
    """The digits of an amount brought together where there is one way to do it."""
    number = re.search(r"\d[\d .,'’]*\d", typed)
    if number is None:
        return typed
    digits = number[0]
    if _GROUPED.fullmatch(digits):
        digits = re.sub(r"[ ',’](?=\d{3})", "", digits).replace(",", ".")
    elif _COMMA_CENTS.fullmatch(digits):
        digits = digits.replace(",", ".")
    return typed[: number.start()] + digits + typed[number.end() :]


def amount_or_nothing(cell: Cell, currency: str) -> int:
    """An amount that may be 0, or below it for what somebody is out of pocket."""
    typed = _words(cell)
    bare = typed.strip()
    if re.fullmatch(r"0+([.,]0+)?", bare):
        return 0
    if bare.startswith(("-", "−")):
        return -amount(bare[1:].strip(), currency)
    return amount(cell, currency)


def count(cell: Cell, _currency: str = "") -> int:
    """A whole number from 1."""
    typed = _words(cell)
    found = understanding.number(re.sub(r"^(no\.?|nr\.?|#|l0*|ቁ\.?)\s*", "", typed.strip(), flags=re.IGNORECASE))
    if found is None or found < 1:
        raise Unclear("number.not_understood", said=typed[:40])
    return found


def counts(cell: Cell) -> list[int]:
    """Whole numbers: ``7``, ``3, 7``, ``3 and 7``, ``L003``."""
    typed = _words(cell)
    return [count(one) for one in re.split(r"\s*(?:[,;&+/]|\band\b|እና)\s*|\s+", typed.strip()) if one]


def hours(cell: Cell, _currency: str = "") -> int:
    """A whole number from 0."""
    typed = _words(cell)
    return 0 if re.fullmatch("0+", typed.strip()) else count(typed)


def hour(cell: Cell, _currency: str = "") -> int:
    """An hour of the day, 0 to 23: ``18``, ``18:00``."""
    typed = _words(cell)
    found = re.fullmatch(r"(\d{1,2})(?::00(?::00)?)?", typed.strip(), re.ASCII)
    if found is None or int(found[1]) > 23:
        raise Unclear("hour.not_understood", said=typed[:40])
    return int(found[1])


_YES = {fold(word) for word in ("yes", "y", "true", "1", "አዎ", "አዎን")}
_NO = {fold(word) for word in ("no", "n", "false", "0", "አይ", "አይደለም", "የለም")}


def yes_or_no(cell: Cell, _currency: str = "") -> bool:
    """yes or no."""
    typed = fold(_words(cell))
    if typed in _YES or typed in _NO:
        return typed in _YES
    raise Unclear("word.not_understood", said=typed[:40], offered="yes, no")


def share(cell: Cell) -> Fraction:
    """A share of one lot, more than 0 and at most 1. A spreadsheet makes a date of 1/2: that is asked."""
    if isinstance(cell, date):
        raise Unclear("share.is_a_date", said=cell.isoformat())
    typed = _words(cell)
    try:
        found = understanding.share(typed)
    except Refusal as refusal:
        raise Unclear(refusal.code, said=typed[:40]) from None
    if found is None and re.fullmatch(r"0?\.\d{1,17}", typed, re.ASCII):
        # A third has no end in decimals; whoever wrote 0.333 meant it.
        exact = Fraction(typed if typed[0] == "0" else f"0{typed}")
        near = exact.limit_denominator(100)
        found = near if abs(near - exact) < Fraction(1, 2000) else None
    percent = re.fullmatch(r"(\d{1,3})\s*%", typed, re.ASCII)
    if percent:
        found = Fraction(int(percent[1]), 100)
    if found is None or not 0 < found <= 1:
        raise Unclear("share.not_understood", said=typed[:40])
    return found


def phone(cell: Cell) -> str:
    """An E.164 number, from however it is written: spaces, dots, dashes, 00 for +."""
    typed = _words(cell)
    bare = re.sub(r"[\s().\-/]", "", typed)
    try:
        return phones.to_e164(f"+{bare[2:]}" if bare.startswith("00") else bare)
    except Refusal:
        raise Unclear("phone.not_understood") from None


def rhythm(cell: Cell, _currency: str = "") -> Rhythm:
    """daily, weekly, monthly, every 5 days, በየሳምንቱ."""
    typed = _words(cell)
    found = understanding.rhythm(typed.split())
    if found is None or found[1]:
        raise Unclear("rhythm.not_understood", said=typed[:40])
    return found[0]


def fee(cell: Cell, currency: str) -> Fee:
    """What is kept of each pot: ``5%``, ``2.5 %``, ``500``, ``2 instalments``, ``none``; ``500 begin``: paid apart."""
    typed, collect = collected(_words(cell))
    if fold(typed) in ("none", "nothing", "no", "0", "የለም", "0%"):
        return Fee()
    part = re.fullmatch(r"(\d{1,2}(?:[.,]\d)?)\s*%", typed, re.ASCII)
    if part:
        return Fee(kind="per_mille", value=int(Fraction(part[1].replace(",", ".")) * 10), collect=collect)
    whole = re.fullmatch(r"(\d{1,3})\s*(?:instal?lments?|contributions?|መዋጮ|መዋጮዎች)", typed, re.ASCII | re.IGNORECASE)
    if whole:
        return Fee(kind="instalments", value=int(whole[1]), collect=collect)
    return Fee(kind="flat", value=amount(typed, currency), collect=collect)


def calendar(cell: Cell, _currency: str = "") -> str:
    """ethiopian or gregorian."""
    return word(cell, lexicon.known("calendars"))


def currency(cell: Cell, _currency: str = "") -> str:
    """A currency that is known here; birr is ETB."""
    typed = _words(cell)
    code = "ETB" if fold(typed) in ("birr", fold("ብር"), "br") else typed.strip().upper()
    if code not in MINOR_DIGITS:
        raise Unclear("word.not_understood", said=typed[:40], offered=", ".join(MINOR_DIGITS))
    return code


# What a word may be called: its key, and its other names.
Known = tuple[tuple[str, tuple[str, ...]], ...]


@lru_cache(maxsize=4096)
def word(cell: Cell, known: Known) -> str:
    """The one of the known words that the cell holds, one letter away in the longer ones."""
    typed = _words(cell)
    wanted = fold(typed)
    for key, names in known:
        if wanted in {fold(name) for name in (key, *names)}:
            return key
    near = {
        key
        for key, names in known
        if any(len(fold(name)) >= 5 and understanding.within_one_edit(wanted, fold(name)) for name in (key, *names))
    }
    if len(near) != 1:
        raise Unclear("word.not_understood", said=typed[:40], offered=", ".join(key for key, _ in known))
    return near.pop()


# --- days ----------------------------------------------------------------------------------------

# Every language's names of both calendars' months, folded.
_GREGORIAN_MONTHS = {name: int(number) for name, number in lexicon.table("gregorian_months").items()}
_ETHIOPIAN_MONTHS = {name: int(number) for name, number in lexicon.table("ethiopian_months").items()}

_ERAS = (
    ("ethiopian", re.compile(r"\s*(?:e\.?\s?c\.?|eth\.?|ዓ[./]?\s?ም\.?|ዓመተ ምሕረት)\s*$", re.IGNORECASE)),
    ("gregorian", re.compile(r"\s*(?:g\.?\s?c\.?|a\.?d\.?|እ[./]?ኤ[./]?አ\.?)\s*$", re.IGNORECASE)),
)
_NUMERIC = re.compile(r"(\d{1,4})\s*[/.\-\s]\s*(\d{1,2})\s*[/.\-\s]\s*(\d{1,4})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})\s*[.,/\-\s]?\s*([^\W\d_]+)\.?\s*[.,/\-\s]\s*(\d{4})")
_NAMED_FIRST = re.compile(r"([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?\s*,?\s+(\d{4})")
# An equb older than this is no running one.
_OLDEST_YEARS = 40
# Turns are laid for a cycle, not for a life.
_AHEAD_YEARS = 5


@dataclass(frozen=True)
class Days:
    """How the dates of a book are meant: its calendar, where it says one, and the present day.

    ``ahead``: days to come are meant too, of the years that follow.
    """

    today: date
    calendar: str | None = None
    ahead: bool = False


@lru_cache(maxsize=4096)
def day(cell: Cell, days: Days) -> date:
    """The Gregorian day of a date in either calendar.

    Digits alone may be of both; then the book's ``calendar`` decides, or that one of the two lies in the future, and
    otherwise it is asked. Day before month, always.
    """
    if isinstance(cell, date):
        # A spreadsheet makes a date of its own out of Ethiopian digits too: then what it holds may be either.
        meant = "gregorian" if days.calendar == "gregorian" else None
        return _either(cell.year, cell.month, cell.day, days=days, meant=meant, said=cell.isoformat())
    typed = _words(cell).strip()
    era, bare = None, re.sub(r"\s+\d{1,2}:\d{2}(:\d{2})?$", "", typed)
    for name, pattern in _ERAS:
        if pattern.search(bare):
            era, bare = name, pattern.sub("", bare)
            break
    named = _NAMED.fullmatch(bare)
    turned = _NAMED_FIRST.fullmatch(bare)
    if named or turned:
        number, month, year = (named[1], named[2], named[3]) if named else (turned[2], turned[1], turned[3])  # type: ignore[index]
        return _in_words(int(year), month, int(number), typed)
    found = _NUMERIC.fullmatch(bare)
    if found is None:
        raise Unclear("date.not_understood", said=typed[:40])
    first, middle, last = found[1], int(found[2]), found[3]
    if len(first) == 4:
        year, month_number, number = int(first), middle, int(last)
    elif len(last) == 4:
        year, month_number, number = int(last), middle, int(first)
    else:
        raise Unclear("date.year", said=typed[:40])
    if month_number > 13 and number <= 13:
        raise Unclear("date.month_first", said=typed[:40])
    return _either(year, month_number, number, days=days, meant=era or days.calendar, said=typed)


def _in_words(year: int, month: str, number: int, typed: str) -> date:
    name = fold(month)
    try:
        if name in _ETHIOPIAN_MONTHS:
            return from_ethiopian(year, _ETHIOPIAN_MONTHS[name], number)
        if name in _GREGORIAN_MONTHS:
            return date(year, _GREGORIAN_MONTHS[name], number)
    except (ValueError, OverflowError):
        pass
    raise Unclear("date.not_understood", said=typed[:40])


def _either(year: int, month: int, number: int, *, days: Days, meant: str | None, said: str) -> date:
    """The day that digits mean in the calendar meant, else in the only one that does not make it the future."""
    candidates: dict[str, date] = {}
    for name, make in (("gregorian", date), ("ethiopian", from_ethiopian)):
        try:
            candidates[name] = make(year, month, number)
        except (ValueError, OverflowError):
            continue
    if meant is not None:
        if meant not in candidates:
            raise Unclear("date.not_understood", said=said[:40])
        return candidates[meant]
    today = days.today
    oldest = today.replace(year=today.year - _OLDEST_YEARS, day=1)
    possible = [one for one in candidates.values() if oldest <= one <= today]
    if len(possible) == 1:
        return possible[0]
    latest = today.replace(year=today.year + _AHEAD_YEARS, day=1)
    following = [one for one in candidates.values() if today < one <= latest]
    if days.ahead and not possible and len(following) == 1:
        return following[0]
    if "gregorian" not in candidates:
        raise Unclear("date.not_understood", said=said[:40])
    if not possible:
        raise Unclear("date.in_future", said=said[:40])
    raise Unclear("date.two_calendars", said=said[:40], **{n: said_day(d) for n, d in candidates.items()})


def collected(typed: str) -> tuple[str, str]:
    """What a fee is without the word for how it is collected, and that: of the pot, with round 1, or every round."""
    left, found = [], "pot"
    for one in typed.split():
        meant = lexicon.meaning("words", one)
        found = {"begin": "begin", "round": "round"}.get(meant or "", found)
        left += [] if meant in ("begin", "round") else [one]
    return " ".join(left), found
