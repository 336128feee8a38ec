"""Money: whole minor units of one currency. Nothing else adds, splits or formats amounts.

A split always adds up to the whole: what division leaves over goes, one minor unit each, to the shares with
the largest remainders, ties in the order given, so that the same split comes out the same way every time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from core.errors import Refusal

# Digits after the point, ISO 4217. Only currencies that the neighbours of Ethiopia save in.
MINOR_DIGITS = {"ETB": 2, "USD": 2, "EUR": 2, "KES": 2, "ERN": 2, "DJF": 0, "SOS": 2, "SDG": 2, "SSP": 2}

# One lot's contribution above this is a typing mistake, and bigint sums stay far from their end.
LARGEST_AMOUNT_MINOR = 100_000_000_000

_PLAIN = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (santim, cents) of a currency; may be negative only in differences."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")

    @property
    def decimal(self) -> str:
        """``"1000.00"``: plain decimal notation with the currency's digits, as the API writes it."""
        digits = MINOR_DIGITS[self.currency]
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    @property
    def spoken(self) -> str:
        """``"1,000"`` or ``"1,000.50"``: for people, the same in every language; no needless zeros."""
        digits = MINOR_DIGITS[self.currency]
        whole = self.minor % 10**digits == 0
        return f"{Decimal(self.minor).scaleb(-digits):,.{0 if whole else digits}f}"


def parse_decimal(text: str, currency: str) -> Money:
    """``"1000.5"`` → Money. Raises ``Refusal("amount.…")`` for anything that is not a payable amount.

    Plain notation only: ``Decimal`` would take ``1e-999``, which is nothing, and ``1e999``, which it cannot scale.
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        raise Refusal("amount.not_understood", typed=text[:40])
    sign, whole, fraction = found[1], found[2].lstrip("0"), (found[3] or "").rstrip("0")
    if sign or not whole + fraction:
        raise Refusal("amount.not_positive")
    digits = MINOR_DIGITS[currency]
    # The length first: text of any length comes in, and long integers are slow to read.
    largest = LARGEST_AMOUNT_MINOR // 10**digits
    if len(whole) > len(str(largest)) or int(whole or "0") > largest or (int(whole or "0") == largest and fraction):
        raise Refusal("amount.too_large", largest=Money(LARGEST_AMOUNT_MINOR, currency))
    if len(fraction) > digits:
        raise Refusal("amount.too_fine", digits=digits)
    return Money(int(whole + fraction.ljust(digits, "0")), currency)


def split(total_minor: int, shares: Sequence[Fraction]) -> list[int]:
    """Split ``total_minor`` (≥ 0) by ``shares`` that add up to exactly 1; the parts add up to the total.

    Raises ``ValueError`` when the shares do not add up to 1 or one of them is not positive.
    """
    if total_minor < 0 or any(share <= 0 for share in shares) or sum(shares, Fraction(0)) != 1:
        raise ValueError("shares must be positive and add up to exactly 1, the total not negative")
    exact = [total_minor * share for share in shares]
    parts = [part.numerator // part.denominator for part in exact]
    left_over = total_minor - sum(parts)
    by_remainder = sorted(range(len(shares)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[:left_over]:
        parts[i] += 1
    return parts
