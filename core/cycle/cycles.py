"""Cycles: all the rounds until every lot has received once. Beginning one fixes members, lots and rules.

When a cycle begins a secret is made and the end of its hash chain published; each draw reveals one link more,
so that nobody, the operator included, can choose the secret later (``core.order.draw``).
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto, groups
from core.cycle.rounds import Round, beacon_of
from core.db import Base, Tx
from core.errors import Refusal
from core.groups import Group, Holding, Lot
from core.ids import new_id
from core.money import split
from core.operator.audit import note
from core.order import draw
from core.rules import Rules, due_steps, read

# How long a holder may say that a payout never came before a cycle is closed over it.
UNANSWERED = timedelta(days=7)
# Links beyond one for each lot: a draw that was announced and could not be held may cost one.
SPARE_LINKS = 64


class Cycle(Base):
    """One cycle of a group, with its rules as fixed, and the sealed secret behind its draws."""

    __tablename__ = "cycles"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    rules: Mapped[dict[str, Any]]
    anchor: Mapped[str]
    secret: Mapped[bytes]
    chain_length: Mapped[int]
    links_used: Mapped[int]
    begun_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    @property
    def rule_set(self) -> Rules:
        return read(self.rules)


async def current(tx: Tx, group: Group, *, lock: bool = False) -> Cycle | None:
    """The group's cycle, if it has begun."""
    return await tx.session.get(
        Cycle, (group.group_id, group.cycle), with_for_update=lock or None, populate_existing=lock
    )


async def incomplete_lots(tx: Tx, group: Group) -> list[tuple[int, Fraction]]:
    """Lots that are taken only in part: (number, share that is free)."""
    room: dict[int, Fraction] = {}
    for held in await groups.holdings(tx, group):
        room[held.lot_number] = room.get(held.lot_number, Fraction(1)) - held.share
    return [(number, free) for number, free in sorted(room.items()) if free]


async def ready_to_begin(tx: Tx, group: Group) -> int:
    """How many lots a cycle would begin with. Raises ``Refusal`` when it cannot begin."""
    if group.status == "closed":
        await groups.reopen(tx, group)
    if group.status != "forming":
        raise Refusal("group.not_forming", group=group.name, status=group.status)
    unfilled = await incomplete_lots(tx, group)
    if unfilled:
        raise Refusal("cycle.lot_not_full", lot=unfilled[0][0], free=unfilled[0][1], count=len(unfilled))
    taken = await groups.lots_taken(tx, group)
    if taken < 2:
        raise Refusal("cycle.too_few_lots", group=group.name)
    group.rule_set.model_copy(update={"lots": taken}).check(currency=group.currency)
    missing = await groups.not_accepted(tx, group)
    if missing:
        raise Refusal("rule.not_accepted", who=", ".join(f"{s.member.number}. {s.person.name}" for s in missing[:5]))
    if group.rule_set.first_to_organiser:
        organisers = {seat.member.id for seat in await groups.seats(tx, group.group_id, roles=["organiser"])}
        if not any(held.member_id in organisers for held in await groups.holdings(tx, group)):
            raise Refusal("order.organiser_no_lot", group=group.name)
    return taken


async def begin(tx: Tx, group: Group, *, timezone: str) -> Cycle:
    """Begin the cycle: fix lots and rules, plan every round, publish the anchor. Round 1 opens when woken."""
    group = await groups.by_id(tx, group.group_id, lock=True)
    taken = await ready_to_begin(tx, group)
    rules = group.rule_set.model_copy(update={"lots": taken})
    await _renumber_lots(tx, group)
    await _fix_amounts(tx, group, rules)
    cycle = sealed(tx, group, rules, begun_at=tx.now)
    await _plan_rounds(tx, group, rules, timezone)
    group.status, group.rules, group.wake_at = "running", cycle.rules, tx.now
    await tx.session.flush()
    await note(
        tx,
        "cycle.begun",
        group_id=group.group_id,
        subject=f"cycle:{group.cycle}",
        lots=taken,
        anchor=cycle.anchor,
        rules_hash=rules.fingerprint(),
    )
    return cycle


def sealed(tx: Tx, group: Group, rules: Rules, *, begun_at: datetime) -> Cycle:
    """The row of the group's cycle under these rules, with a new secret and the anchor of its draws."""
    secret = new_secret()
    length = rules.lots + SPARE_LINKS
    cycle = Cycle(
        group_id=group.group_id,
        number=group.cycle,
        tenant_id=tx.tenant_id,
        rules=rules.model_dump(mode="json"),
        anchor=draw.chain(secret, length),
        secret=crypto.seal(secret, f"cycles.secret:{group.group_id}:{group.cycle}"),
        chain_length=length,
        links_used=0,
        begun_at=begun_at,
        closed_at=None,
    )
    tx.session.add(cycle)
    return cycle


def new_secret() -> bytes:
    """What a cycle's draws are committed to."""
    return secrets.token_bytes(32)


async def _renumber_lots(tx: Tx, group: Group) -> None:
    """Close the gaps that people who left have made in the lots' numbers."""
    lots = await tx.session.scalars(
        select(Lot).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle).order_by(Lot.number)
    )
    # Ascending, so that no number is taken by another lot at the moment it is given.
    for number, lot in enumerate(lots.all(), 1):
        if lot.number != number:
            lot.number = number
            await tx.session.flush()


async def _fix_amounts(tx: Tx, group: Group, rules: Rules) -> None:
    """What each holding pays a round: the contribution of its lot, split by shares to the last santim."""
    by_lot: dict[int, list[groups.Held]] = {}
    for held in await groups.holdings(tx, group):
        by_lot.setdefault(held.lot_number, []).append(held)
    amounts = []
    for holders in by_lot.values():
        parts = split(rules.contribution_minor, [held.share for held in holders])
        amounts += [
            {"group_id": group.group_id, "id": held.holding_id, "amount_minor": part}
            for held, part in zip(holders, parts, strict=True)
        ]
    await tx.session.execute(update(Holding), amounts)


async def _plan_rounds(tx: Tx, group: Group, rules: Rules, timezone: str) -> None:
    opens_at = tx.now
    rows = []
    steps = islice(due_steps(rules, begun_at=tx.now, timezone=timezone), rules.rounds)
    for number, (due_at, pause) in enumerate(steps, 1):
        # A round after a pause opens later by as much; the first one is open when the cycle has begun.
        opens_at += pause if number > 1 else timedelta(0)
        cutoff_at = due_at + timedelta(hours=rules.grace_hours)
        draw_at = cutoff_at + timedelta(minutes=rules.draw_delay_minutes)
        rows.append(
            {
                "group_id": group.group_id,
                "id": new_id(),
                "tenant_id": tx.tenant_id,
                "cycle": group.cycle,
                "number": number,
                "opens_at": opens_at,
                "due_at": due_at,
                "cutoff_at": cutoff_at,
                "draw_at": draw_at,
                "beacon_round": beacon_of(draw_at),
                "attempt": 1,
            }
        )
        opens_at = draw_at
    await tx.session.execute(insert(Round), rows)


async def close_if_done(tx: Tx, group: Group) -> bool:
    """Close the cycle once every lot has received, all of it, and nobody owes anything.

    A leg that its holder has not confirmed counts as received after ``UNANSWERED``; the group is woken then.
    """
    cycle = await current(tx, group, lock=True)
    if cycle is None or cycle.closed_at is not None:
        return False
    if not await settled(tx, group):
        return False
    unanswered_since = await tx.session.scalar(
        text("SELECT max(paid_at) FROM payout_legs WHERE group_id = :group AND received_at IS NULL"),
        {"group": group.group_id},
    )
    if unanswered_since is not None and unanswered_since + UNANSWERED > tx.now:
        group.wake_at = unanswered_since + UNANSWERED
        await tx.session.flush()
        return False
    cycle.closed_at, group.status, group.wake_at = tx.now, "closed", None
    await tx.session.flush()
    await note(tx, "cycle.closed", group_id=group.group_id, subject=f"cycle:{group.cycle}")
    return True


async def settled(tx: Tx, group: Group) -> bool:
    """Whether every lot was found, every leg is paid and nobody owes anything."""
    return await all_drawn(tx, group) and not await _unsettled(tx, group)


async def all_drawn(tx: Tx, group: Group) -> bool:
    """Whether every round of the cycle has been drawn."""
    undrawn = await tx.session.scalar(
        select(Round.id)
        .where(Round.group_id == group.group_id, Round.cycle == group.cycle, Round.drawn_at.is_(None))
        .limit(1)
    )
    return undrawn is None


async def _unsettled(tx: Tx, group: Group) -> bool:
    """Whether a leg is unpaid or a due of the cycle not covered by what was posted for it."""
    return bool(
        await tx.session.scalar(
            text(
                """
                SELECT EXISTS (
                    SELECT 1 FROM payout_legs l
                    JOIN payouts p ON p.group_id = l.group_id AND p.id = l.payout_id
                    JOIN rounds r ON r.group_id = p.group_id AND r.id = p.round_id
                    WHERE l.group_id = :group AND r.cycle = :cycle AND l.paid_at IS NULL
                ) OR EXISTS (
                    SELECT 1 FROM dues d
                    JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
                    WHERE d.group_id = :group AND r.cycle = :cycle AND d.open
                )
                """
            ),
            {"group": group.group_id, "cycle": group.cycle},
        )
    )


async def totals(tx: Tx, group: Group, *, cycle: int | None = None) -> tuple[int, int]:
    """(what came into the pots of a cycle, what was paid out of them), in minor units, less reversals and loans."""
    row = (
        await tx.session.execute(
            text(
                """
                SELECT coalesce(sum(CASE WHEN due_id IS NULL AND kind NOT IN ('loan', 'loan.reversal') THEN 0
                                         WHEN credit LIKE :pot THEN amount_minor
                                         ELSE -amount_minor END), 0),
                       coalesce(sum(CASE WHEN payout_leg_id IS NULL THEN 0 WHEN debit LIKE :pot THEN amount_minor
                                         ELSE -amount_minor END), 0)
                FROM ledger_transfers WHERE group_id = :group AND (credit LIKE :pot OR debit LIKE :pot)
                """
            ),
            {"group": group.group_id, "pot": f"pot/{cycle or group.cycle}/%"},
        )
    ).one()
    return int(row[0]), int(row[1])


async def rounds_held(tx: Tx, group: Group) -> int:
    """How many rounds of this cycle have been drawn."""
    count = await tx.session.scalar(
        select(func.count()).where(
            Round.group_id == group.group_id, Round.cycle == group.cycle, Round.drawn_at.is_not(None)
        )
    )
    return int(count or 0)


async def rounds_of(tx: Tx, group: Group) -> Sequence[Round]:
    """The rounds of this cycle in order."""
    rows = await tx.session.scalars(
        select(Round).where(Round.group_id == group.group_id, Round.cycle == group.cycle).order_by(Round.number)
    )
    return rows.all()
