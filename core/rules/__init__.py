"""The rules of a group: typed data, checked as a whole, hashed so that what a member accepted can be shown.

A rule set that does not add up is refused together with what would. No rule is written for one group: whatever
``docs/rules.md`` shows is a choice among these.
"""

from core.rules.checking import check, check_share
from core.rules.pauses import well_formed
from core.rules.records import (
    FINEST_SHARE,
    MOST_LOTS,
    MOST_PAUSES,
    MOST_ROUNDS,
    ORDERS,
    Auction,
    Deduction,
    Fee,
    Fine,
    Holidays,
    Leaving,
    Order,
    Pause,
    Rhythm,
    Rules,
    Stage,
    read,
)
from core.rules.schedule import Step, day_after, due_instants, due_steps, first_due, steps_of
from core.rules.templates import TEMPLATES, template

__all__ = [
    "FINEST_SHARE",
    "MOST_LOTS",
    "MOST_PAUSES",
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
    "Pause",
    "Rhythm",
    "Rules",
    "Stage",
    "Step",
    "check",
    "check_share",
    "day_after",
    "due_instants",
    "due_steps",
    "first_due",
    "read",
    "steps_of",
    "template",
    "well_formed",
]
