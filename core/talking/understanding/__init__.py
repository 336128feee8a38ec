"""Understanding what people type: words, numbers, amounts, shares, days, hours and rhythms. Pure.

Careless typing is forgiven in words, never in amounts, names or codes.
"""

from core.folding import fold, skeleton, squeezed, within_one_edit
from core.talking.understanding.amounts import amount, share
from core.talking.understanding.dates import day, hour
from core.talking.understanding.numbers import LONGEST_ETHIOPIC, ethiopic_number, number
from core.talking.understanding.rhythms import rhythm

__all__ = [
    "LONGEST_ETHIOPIC",
    "amount",
    "day",
    "ethiopic_number",
    "fold",
    "hour",
    "number",
    "rhythm",
    "share",
    "skeleton",
    "squeezed",
    "within_one_edit",
]
