"""What the picture of a circle shows: the lots of the present cycle, whose they are, and how each stands.

Owns reading it (a handful of statements) and the rule of what may be seen: that a lot is due or late is for members,
so that ``public`` leaves it out. Refuses to know amounts that somebody owes, and phones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from core.cycle import pausing
from core.cycle.rounds import lot_label
from core.db import Tx
from core.groups import Group

Standing = Literal["good", "due", "late", "hidden"]

_ROUND = """
SELECT r.number, r.due_at, r.frozen_at IS NOT NULL AS frozen, r.drawn_at IS NOT NULL AS drawn,
       (SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM dues d
        WHERE d.group_id = r.group_id AND d.round_id = r.id AND d.kind = 'contribution' AND d.excused_at IS NULL)
           AS pot,
       (SELECT l.list_text FROM draw_lists l WHERE l.group_id = r.group_id AND l.round_id = r.id
        AND l.attempt = r.attempt) AS list_text
FROM rounds r WHERE r.group_id = $1 AND r.cycle = $2 AND r.opened_at IS NOT NULL ORDER BY r.number DESC LIMIT 1
"""
_LOTS = """
SELECT l.id, l.number, d.lot_id IS NOT NULL AS received FROM lots l
LEFT JOIN draws d ON d.group_id = l.group_id AND d.lot_id = l.id
WHERE l.group_id = $1 AND l.cycle = $2 AND l.status = 'active' ORDER BY l.number
"""
# Where the order is known before, the lots of the present round.
_TURNS = """
SELECT t.lot_id FROM turns t WHERE t.group_id = $1 AND t.cycle = $2 AND t.round_number = $3
"""
_HOLDERS = """
SELECT h.lot_id, p.name FROM holdings h
JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id
JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id
JOIN people p ON p.id = m.person_id
WHERE h.group_id = $1 AND l.cycle = $2 ORDER BY m.number
"""
# What is not paid of each lot's dues: how many dues, and the oldest of them.
_OPEN = """
SELECT d.lot_id, min(d.due_at) AS oldest FROM dues d
WHERE d.group_id = $1 AND d.open GROUP BY d.lot_id
"""
_POT = """
SELECT coalesce(sum(CASE WHEN t.credit = $2 THEN t.amount_minor ELSE -t.amount_minor END), 0)::bigint AS collected
FROM ledger_transfers t WHERE t.group_id = $1 AND t.due_id IS NOT NULL AND (t.credit = $2 OR t.debit = $2)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A lot on the circle. ``next``: on the list that is drawn from now, or it is this lot's turn."""

    number: int
    names: tuple[str, ...]
    received: bool
    next: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Circle:
    """A group as it stands in its present round; ``round`` is None before it has begun.

    ``by_turns``: the order is known, so that who is next is not a matter of a draw. ``paused_until``: no further round
    falls due before that day.
    """

    name: str
    status: str
    round: int | None
    rounds: int
    due_at: datetime | None
    collected_minor: int
    pot_minor: int
    currency: str
    as_of: datetime
    by_turns: bool
    places: Sequence[Place]
    paused_until: date | None = None


async def circle_of(tx: Tx, group: Group, *, public: bool = False) -> Circle:
    """The circle of a group now. ``public``: without who is due or late."""
    values = (group.group_id, group.cycle)
    current = await tx.row(_ROUND, *values)
    names: dict[UUID, list[str]] = {}
    for row in await tx.rows(_HOLDERS, *values):
        names.setdefault(row["lot_id"], []).append(row["name"])
    oldest = {row["lot_id"]: row["oldest"] for row in await tx.rows(_OPEN, group.group_id)}
    listed: set[str] = set()
    if current is not None and current["frozen"] and not current["drawn"]:
        listed = set((current["list_text"] or "").split())
    turns = set()
    if current is not None and not current["drawn"]:
        turns = {row["lot_id"] for row in await tx.rows(_TURNS, *values, current["number"])}
    places = []
    for row in await tx.rows(_LOTS, *values):
        standing: Standing = "good"
        if public:
            standing = "hidden"
        elif row["id"] in oldest:
            standing = "late" if oldest[row["id"]] < tx.now else "due"
        is_next = row["id"] in turns if turns else lot_label(row["number"]) in listed
        places.append(Place(row["number"], tuple(names.get(row["id"], ())), row["received"], is_next, standing))
    pot = await tx.row(_POT, group.group_id, f"pot/{group.cycle}/{current['number']}") if current else None
    paused = await pausing.present(tx, group)
    return Circle(
        name=group.name,
        status=group.status,
        round=current["number"] if current else None,
        rounds=group.rule_set.rounds,
        due_at=current["due_at"] if current else None,
        collected_minor=pot["collected"] if pot else 0,
        pot_minor=current["pot"] if current else group.rule_set.contribution_minor * group.rule_set.lots,
        currency=group.currency,
        as_of=tx.now,
        by_turns=bool(turns),
        places=places,
        paused_until=paused[0] if paused else None,
    )
