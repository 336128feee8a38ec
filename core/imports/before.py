"""What is owed of a cycle before the imported one: a cycle of its own that is over, with a round for each creditor.

Each debtor holds a lot of it and owes a due; the creditor waits for the pot of their round, as for any pot that is not
full. So a debt outlives its cycle here as everywhere.
"""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.cycle import cycles
from core.cycle.rounds import Due as DueRow
from core.cycle.rounds import Round
from core.groups import Holding, Lot
from core.ids import new_id
from core.imports.book import Debt
from core.imports.rows import Writing, write_rows
from core.payouts import Leg, Payout


async def write(doing: Writing) -> None:
    """Write the debts of before, if there are any."""
    by_creditor: dict[int, list[Debt]] = defaultdict(list)
    for debt in doing.sums.earlier:
        by_creditor[debt.to or 0].append(debt)
    if not by_creditor:
        return
    group, rules, over = doing.group, doing.rules, doing.planned[0].opens_at - timedelta(days=1)
    group.cycle = 1
    cycle = cycles.sealed(doing.tx, group, rules, begun_at=over - timedelta(days=1))
    cycle.closed_at = over
    group.cycle = 2
    await doing.tx.session.flush()
    members = sorted({*by_creditor, *(debt.member for debt in doing.sums.earlier)})
    held = await _lots(doing, members)
    for number, (creditor, debts) in enumerate(sorted(by_creditor.items()), 1):
        round_id = new_id()
        instants = dict.fromkeys(("due_at", "cutoff_at", "reminded_at", "frozen_at"), over)
        instants |= dict.fromkeys(("draw_at", "drawn_at"), over + timedelta(minutes=1))
        opened = over - timedelta(days=1)
        common: dict[str, Any] = {"cycle": 1, "number": number, "opens_at": opened, "opened_at": opened, "attempt": 1}
        await write_rows(doing, Round, [doing.row(id=round_id, beacon_round=0, **common, **instants)])
        await _owed(doing, round_id, f"pot/1/{number}", debts, held)
        await _promised(doing, round_id, creditor, sum(debt.amount_minor for debt in debts), held)


async def _lots(doing: Writing, members: list[int]) -> dict[int, tuple[UUID, UUID]]:
    """Member → (lot, holding) of the cycle before."""
    held = {member: (new_id(), new_id()) for member in members}
    lots = [doing.row(id=lot, cycle=1, number=n) for n, (lot, _) in enumerate(held.values(), 1)]
    await write_rows(doing, Lot, lots)
    whole = {"share_numerator": 1, "share_denominator": 1, "amount_minor": doing.rules.contribution_minor}
    holdings = [
        doing.row(id=holding, lot_id=lot, member_id=doing.ids.members[member], **whole)
        for member, (lot, holding) in held.items()
    ]
    await write_rows(doing, Holding, holdings)
    return held


async def _owed(
    doing: Writing, round_id: UUID, pot: str, debts: list[Debt], held: dict[int, tuple[UUID, UUID]]
) -> None:
    over = doing.planned[0].opens_at - timedelta(days=1)
    rows = []
    for debt in debts:
        lot_id, holding_id = held[debt.member]
        of = {"holding_id": holding_id, "lot_id": lot_id, "member_id": doing.ids.members[debt.member]}
        owed = {"amount_minor": debt.amount_minor, "account": pot, "due_at": over}
        rows.append(doing.row(id=new_id(), round_id=round_id, kind="contribution", ordinal=1, **of, **owed))
    await write_rows(doing, DueRow, rows)


async def _promised(
    doing: Writing, round_id: UUID, creditor: int, amount_minor: int, held: dict[int, tuple[UUID, UUID]]
) -> None:
    lot_id, holding_id = held[creditor]
    payout_id, over = new_id(), doing.planned[0].opens_at - timedelta(days=1)
    amounts = {"gross_minor": amount_minor, "amount_minor": amount_minor, "deductions": []}
    payout = doing.row(id=payout_id, round_id=round_id, lot_id=lot_id, created_at=over, **amounts)
    await write_rows(doing, Payout, [payout])
    leg = {"payout_id": payout_id, "holding_id": holding_id, "member_id": doing.ids.members[creditor]}
    unpaid = {"amount_minor": amount_minor, "method": "cash", "created_at": over}
    await write_rows(doing, Leg, [doing.row(id=new_id(), **leg, **unpaid)])
