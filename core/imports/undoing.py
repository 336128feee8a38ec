"""Undoing an import as one: every transfer reversed, the group nobody's any more. Nothing is deleted.

Refuses as soon as anything has happened in the group that an undo would take away from people: a payment said or
recorded, a payout, a list frozen for a draw, an act of an officer or administrator. What the program does by itself,
opening the next round and settling it from advances, is taken back with the rest.
"""

from uuid import UUID

from sqlalchemy import text, update

from core import ledger
from core.cycle.rounds import Due
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member
from core.imports.records import Import
from core.ledger import Reversal, Transfer
from core.payouts import Leg
from core.treasury.contributions import Payment

REASON = "the import was undone"
_AT_ONCE = 1_000
# What the program does by itself when a round opens.
_BY_ITSELF = "contribution.from_advance"


async def undo(tx: Tx, imported: Import, group: Group) -> int:
    """Reverse everything; how many transfers there were. Raises ``Refusal("import.lived_on")`` with what happened."""
    await _require_untouched(tx, imported, group)
    reversed_ = await _reverse_all(tx, group, f"import {imported.code} undone")
    here = {"group": group.group_id, "now": tx.now, "actor": tx.actor}
    await tx.session.execute(
        update(Payment)
        .where(Payment.group_id == group.group_id)
        .values(reversed_at=tx.now, reversed_by=tx.actor, reason=REASON)
    )
    await tx.session.execute(
        update(Leg)
        .where(Leg.group_id == group.group_id)
        .values(paid_at=None, paid_by=None, held_by=None, received_at=None, received_by=None)
    )
    await tx.session.execute(update(Due).where(Due.group_id == group.group_id).values(excused_at=tx.now))
    await tx.session.execute(
        update(Member)
        .where(Member.group_id == group.group_id, Member.status != "left")
        .values(status="left", left_at=tx.now)
    )
    await _keep_quiet(tx, here)
    group.status, group.wake_at = "undone", None
    imported.status, imported.undone_at, imported.undone_by = "undone", tx.now, tx.actor
    # Who was in it by mistake has not asked to be kept.
    imported.content = imported.report = None
    await tx.session.flush()
    return reversed_


async def _keep_quiet(tx: Tx, here: dict[str, object]) -> None:
    """What waits to be told about the group is not told any more."""
    await tx.session.execute(
        text(
            "UPDATE outbox SET state = 'held', reason = 'the import was undone'"
            " WHERE group_id = :group AND state = 'queued'"
        ),
        {"group": here["group"]},
    )


async def _reverse_all(tx: Tx, group: Group, memo: str) -> int:
    """The newest first: what left an account comes back before what came into it goes."""
    made: list[Transfer] = []
    after: UUID | None = None
    while True:
        page = await ledger.transfers(tx.session, group_id=group.group_id, after=after, limit=_AT_ONCE)
        made += page
        if len(page) < _AT_ONCE:
            break
        after = page[-1].id
    made.sort(key=lambda transfer: transfer.seq, reverse=True)
    for start in range(0, len(made), _AT_ONCE):
        reversals = [
            Reversal(
                reverses=transfer.id, kind=f"{transfer.kind}.reversal", reference=f"reversal:{transfer.id}", memo=memo
            )
            for transfer in made[start : start + _AT_ONCE]
        ]
        await ledger.post(tx.session, group_id=group.group_id, postings=reversals, at=tx.now)
    return len(made)


# Each: what has happened, and how to see it. The group's own tables first, the tenant's log last.
_SIGNS = (
    (
        "payments",
        "SELECT count(*) FROM payments WHERE group_id = :group AND (recorded_by IS DISTINCT FROM :import_actor"
        " OR claimed_at IS NOT NULL OR verified_at IS NOT NULL OR reversed_at IS NOT NULL)",
    ),
    (
        "payouts",
        "SELECT count(*) FROM payout_legs WHERE group_id = :group AND ((paid_at IS NOT NULL AND paid_by IS DISTINCT"
        " FROM :import_actor) OR (received_at IS NOT NULL AND received_by IS DISTINCT FROM :import_actor)"
        " OR denied_at IS NOT NULL)",
    ),
    ("draws", "SELECT count(*) FROM draw_lists WHERE group_id = :group"),
    (
        "transfers",
        "SELECT count(*) FROM ledger_transfers WHERE group_id = :group AND memo NOT LIKE :memo AND kind <> :by_itself",
    ),
    (
        "acts",
        "SELECT count(*) FROM audit_log WHERE tenant_id = :tenant AND group_id = :group"
        " AND id > (SELECT id FROM audit_log WHERE tenant_id = :tenant AND group_id = :group"
        "           AND action = 'import.committed')",
    ),
)


async def _require_untouched(tx: Tx, imported: Import, group: Group) -> None:
    if group.status != "running":
        raise Refusal("import.lived_on", happened=[group.status])
    values = {
        "group": group.group_id,
        "tenant": tx.tenant_id,
        "import_actor": f"import:{imported.code}",
        "memo": f"import {imported.code}%",
        "by_itself": _BY_ITSELF,
    }
    happened = [
        what
        for what, query in _SIGNS
        if await tx.session.scalar(text(query), {n: v for n, v in values.items() if f":{n}" in query})
    ]
    if happened:
        raise Refusal("import.lived_on", happened=happened)
