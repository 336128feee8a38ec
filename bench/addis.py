"""Alemayehu's equb: who holds which share. 600 people, 120 lots; some held by five, some by ten, one 3/10 and 7/10."""

from dataclasses import dataclass
from fractions import Fraction

LOT_MINOR = 1_000_00


@dataclass(frozen=True)
class Size:
    """How many lots are held by one, by five and by ten; one more is shared 3/10 and 7/10."""

    whole: int
    fifths: int
    tenths: int

    @property
    def lots(self) -> int:
        return self.whole + self.fifths + self.tenths + 1

    @property
    def shares(self) -> list[Fraction]:
        """What each member holds, in the order in which they join; the first is the organiser."""
        shared = [Fraction(1, 5)] * (5 * self.fifths) + [Fraction(1, 10)] * (10 * self.tenths)
        return [Fraction(1)] * self.whole + shared + [Fraction(3, 10), Fraction(7, 10)]


FULL = Size(whole=28, fifths=68, tenths=23)
SMALL = Size(whole=3, fifths=5, tenths=3)
QUICK = Size(whole=2, fifths=1, tenths=0)
