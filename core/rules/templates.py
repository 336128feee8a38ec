"""Rule sets to start from: what is usual in one kind of equb. Each is only a beginning; every rule can be changed."""

from typing import Any

from core.rules.records import Auction, Deduction, Fee, Fine, Rhythm, Rules

# What each kind has of its own; contribution, lots and rhythm are the group's, where it says them.
TEMPLATES: dict[str, dict[str, Any]] = {
    "neighbours": {},
    "market": {"rhythm": Rhythm(kind="weekly"), "fine": Fine(kind="per_mille", value=50, grace_hours=24)},
    "workplace": {
        "rhythm": Rhythm(kind="monthly"),
        "order": "drawn_once",
        "deductions": (Deduction(name="reserve", kind="per_mille", value=10),),
    },
    "daily": {"rhythm": Rhythm(kind="daily"), "fee": Fee(kind="instalments", value=5), "remind_hours": 0},
    "chit": {
        "rhythm": Rhythm(kind="monthly"),
        "order": "auction",
        "auction": Auction(),
        "fee": Fee(kind="per_mille", value=50),
        "guarantors": 1,
    },
    "hagbad": {"rhythm": Rhythm(kind="monthly"), "order": "fixed", "loan_per_mille": 500},
    "in_kind": {"rhythm": Rhythm(kind="weekly"), "thing": "gabi"},
}


def template(name: str, *, contribution_minor: int, lots: int, **chosen: Any) -> Rules:
    """The rules of a template with a group's own figures; ``chosen`` wins over what the template says.

    Raises ``KeyError`` for a name that is none.
    """
    return Rules(contribution_minor=contribution_minor, lots=lots, **(TEMPLATES[name] | chosen))
