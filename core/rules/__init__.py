"""The rules of a group: typed data, checked as a whole, hashed so that what a member accepted can be shown.

A rule set that does not add up is refused together with what would. No rule is written for one group: whatever
``docs/rules.md`` shows is a choice among these.
"""

from core.rules.checking import check, check_share
from core.rules.records import (
    FINEST_SHARE,
    MOST_LOTS,
    MOST_ROUNDS,
    ORDERS,
    Auction,
    Deduction,
    Fee,
    Fine,
    Holidays,
    Leaving,
    Order,
    Rhythm,
    Rules,
    Stage,
    read,
)
from core.rules.schedule import day_after, due_instants
from core.rules.templates import TEMPLATES, template

__all__ = [
    "FINEST_SHARE",
    "MOST_LOTS",
    "MOST_ROUNDS",
    "ORDERS",
    "TEMPLATES",
    "Auction",
    "Deduction",
    "Fee",
    "Fine",
    "Holidays",
    "Leaving",
    "Order",
    "Rhythm",
    "Rules",
    "Stage",
    "check",
    "check_share",
    "day_after",
    "due_instants",
    "read",
    "template",
]
