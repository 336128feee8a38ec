"""Rounds: opening one makes its dues, a reminder goes to those who still owe, the cut-off freezes the list.

Every function does one step inside the caller's transaction and is safe to repeat; ``core.cycle.agenda`` calls them
when they fall due.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import FetchedValue, Row, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import ledger
from core.db import Base, Tx, columns
from core.groups import Group, RuleVersion, holdings
from core.ids import new_id
from core.money import split
from core.order import draw
from core.order.draw import Exclusion
from core.rules import Rules, read
from core.settings import settings


class Round(Base):
    """One period. Open from ``opened_at``, list frozen at ``frozen_at``, lots drawn at ``drawn_at``."""

    __tablename__ = "rounds"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    number: Mapped[int]
    opens_at: Mapped[datetime]
    due_at: Mapped[datetime]
    cutoff_at: Mapped[datetime]
    draw_at: Mapped[datetime]
    beacon_round: Mapped[int]
    opened_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    drawn_at: Mapped[datetime | None]
    attempt: Mapped[int]
    fined_until: Mapped[datetime | None]
    fines_done_at: Mapped[datetime | None]

    @property
    def pot(self) -> str:
        """The ledger account of this round's pot."""
        return f"pot/{self.cycle}/{self.number}"

    @property
    def status(self) -> str:
        """planned, open, frozen or drawn."""
        if self.drawn_at:
            return "drawn"
        if self.frozen_at:
            return "frozen"
        return "open" if self.opened_at else "planned"


class Due(Base):
    """What one holding owes for one round: a contribution, a fine, a fee …

    ``account``: what a payment of it is credited to. Excused: nobody owes it any more. Deferred: owed, not chased.
    ``paid_minor``: what has been paid of it, written by the ledger with what it posts and by nobody else; an object
    read before that does not know.
    """

    __tablename__ = "dues"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    round_id: Mapped[UUID]
    holding_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    member_id: Mapped[UUID]
    kind: Mapped[str]
    ordinal: Mapped[int]
    amount_minor: Mapped[int]
    account: Mapped[str]
    due_at: Mapped[datetime]
    excused_at: Mapped[datetime | None]
    deferred_until: Mapped[datetime | None]
    reason: Mapped[str | None]
    loan_id: Mapped[UUID | None]
    paid_minor: Mapped[int] = mapped_column(server_default=FetchedValue())


class DrawList(Base):
    """The lots that a draw may choose from, frozen at the cut-off. Append-only."""

    __tablename__ = "draw_lists"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    round_id: Mapped[UUID]
    attempt: Mapped[int]
    list_text: Mapped[str]
    list_hash: Mapped[str]
    exclusions: Mapped[list[Any]]
    beacon_round: Mapped[int]
    draw_at: Mapped[datetime]
    frozen_at: Mapped[datetime]


@dataclass(frozen=True)
class OpenDue:
    """A due that is not fully paid: how much is open, and which account of the ledger a payment goes to."""

    due_id: UUID
    member_id: UUID
    round_number: int
    account: str
    lot_number: int
    amount_minor: int
    open_minor: int
    due_at: datetime
    kind: str
    deferred_until: datetime | None
    ahead: bool
    cycle: int


def beacon_of(instant: datetime) -> int:
    """The beacon round that decides a draw at that instant."""
    return draw.beacon_round_at(instant, settings().beacon_genesis, settings().beacon_period)


def lot_label(number: int) -> str:
    """How a lot stands in a draw list: ``L007``."""
    return f"L{number:03}"


# Open: not excused and not fully paid. The index of these holds nothing of what is settled, whatever was held before.
_OPEN_DUES = """
SELECT d.id, d.member_id, r.number, d.account, l.number, d.amount_minor,
       d.amount_minor - d.paid_minor, d.due_at, d.kind, d.deferred_until, r.opened_at IS NULL, r.cycle
FROM dues d
JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
WHERE d.group_id = $1 AND d.open
"""


# Why a lot is in no list, whatever it has paid. Guarantors of a member that the rules want and who still answer.
_BARRED = """CASE WHEN l.status = 'withdrawn' THEN 'withdrawn' WHEN l.place = 'short' THEN 'short_place'
    WHEN EXISTS (SELECT 1 FROM holdings h JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id
                 WHERE h.group_id = l.group_id AND h.lot_id = l.id AND m.status = 'suspended') THEN 'suspended'
    WHEN EXISTS (SELECT 1 FROM holdings h WHERE h.group_id = l.group_id AND h.lot_id = l.id
                 AND CAST(:guarantors AS bigint) > (
                    SELECT count(*) FROM guarantees g
                    JOIN members s ON s.group_id = g.group_id AND s.id = g.guarantor_id
                    WHERE g.group_id = h.group_id AND g.member_id = h.member_id AND g.cycle = :cycle
                      AND g.released_at IS NULL AND s.status = 'active')) THEN 'no_guarantor' END"""


async def open_dues(tx: Tx, group_id: UUID, *, member_id: UUID | None = None) -> list[OpenDue]:
    """The dues not fully paid, oldest first: of one member or of all."""
    narrow, values = (" AND d.member_id = $2", [group_id, member_id]) if member_id else ("", [group_id])
    rows = await tx.rows(f"{_OPEN_DUES}{narrow} ORDER BY d.due_at, r.number, l.number, d.id", *values)
    return [OpenDue(*row) for row in rows]


def in_turn(group: Group, dues: Iterable[OpenDue]) -> list[OpenDue]:
    """Dues in the order in which money settles them: the oldest first.

    A debt of an earlier cycle comes after the dues of this one, unless the rules want it paid before anything is
    received: who pays for this round has paid for this round.
    """
    if group.rule_set.old_debts == "bar":
        return list(dues)
    return sorted(dues, key=lambda due: 2 if due.ahead else int(due.cycle < group.cycle))


def late_pots(tx: Tx, dues: Iterable[OpenDue]) -> set[str]:
    """The pots of dues that have fallen due: a lot may have been found for them already."""
    return {due.account for due in dues if due.due_at < tx.now and due.account.startswith("pot/")}


@dataclass(frozen=True)
class Owed:
    """What one holding shall owe for a round, and which account of the ledger it is for."""

    holding_id: UUID
    lot_id: UUID
    member_id: UUID
    amount_minor: int
    account: str
    kind: str = "contribution"


async def open_round(tx: Tx, group: Group, round_: Round, owed: Sequence[Owed] | None = None) -> set[str]:
    """Make the round's dues and settle them from what members have paid in advance.

    Each holding owes its contribution (or what ``owed`` says, where some came late or have left:
    ``core.membership.places``) and, where the organiser's fee is paid apart, its part of the lot's fee. Returns the
    pots of earlier rounds that something went to.
    """
    # Nobody's payment may slip between the new dues and the settling from advances.
    await tx.session.execute(
        text("SELECT 1 FROM members WHERE group_id = :group ORDER BY id FOR NO KEY UPDATE"),
        {"group": group.group_id},
    )
    holdings = (
        await tx.session.execute(
            text(
                "SELECT h.id, h.lot_id, h.member_id, h.amount_minor, h.share_numerator, h.share_denominator"
                " FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id"
                " JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id"
                " WHERE h.group_id = :group AND l.cycle = :cycle AND l.status = 'active' AND l.place = 'full'"
                " AND h.amount_minor > 0 ORDER BY l.number, m.number"
            ),
            {"group": group.group_id, "cycle": round_.cycle},
        )
    ).all()
    if owed is None:
        owed = [Owed(row.id, row.lot_id, row.member_id, row.amount_minor, round_.pot) for row in holdings]
    await make_owed(tx, round_, owed)
    fee = group.rule_set.fee_apart_minor(round_.number)
    if fee:
        by_lot: dict[UUID, list[Row[Any]]] = {}
        for row in holdings:
            by_lot.setdefault(row.lot_id, []).append(row)
        fees = [
            (row.id, row.lot_id, row.member_id, part)
            for rows in by_lot.values()
            for row, part in zip(rows, _by_shares(fee, rows), strict=True)
        ]
        await make_dues(tx, round_, fees, kind="fee", account="fee/organiser")
    round_.opened_at = tx.now
    await tx.session.flush()
    return await settle_from_advances(tx, group)


async def make_owed(tx: Tx, round_: Round, owed: Sequence[Owed], *, due_at: datetime | None = None) -> None:
    """Write down dues of several kinds and accounts; due with the round, unless said."""
    for kind, account in dict.fromkeys((one.kind, one.account) for one in owed):
        rows = [
            (one.holding_id, one.lot_id, one.member_id, one.amount_minor)
            for one in owed
            if (one.kind, one.account) == (kind, account)
        ]
        await make_dues(tx, round_, rows, kind=kind, account=account, due_at=due_at)


def _by_shares(total_minor: int, rows: Sequence[Row[Any]]) -> list[int]:
    """A lot's fee, split among its holders to the last santim: the lot pays it once, whoever holds it."""
    return split(total_minor, [Fraction(row.share_numerator, row.share_denominator) for row in rows])


async def make_dues(
    tx: Tx,
    round_: Round,
    owed: Sequence[tuple[UUID, UUID, UUID, int]],
    *,
    kind: str,
    account: str,
    due_at: datetime | None = None,
    ordinal: int = 1,
    reason: str | None = None,
    loan_id: UUID | None = None,
) -> list[UUID]:
    """Dues of a round, as (holding, lot, member, amount in minor units); the members who owe one now.

    A due of the same kind and ordinal that is there stays as it is, and nothing is nobody's due.
    """
    some = [one for one in owed if one[3] > 0]
    if not some:
        return []
    made = await tx.session.scalars(
        text(
            "INSERT INTO dues (group_id, id, tenant_id, round_id, holding_id, lot_id, member_id, amount_minor,"
            " account, due_at, kind, ordinal, reason, loan_id)"
            " SELECT :group, v.id, :tenant, :round, v.holding, v.lot, v.member, v.amount, :account, :due_at,"
            " :kind, :ordinal, CAST(:reason AS text), CAST(:loan AS uuid)"
            " FROM unnest(CAST(:ids AS uuid[]), CAST(:holdings AS uuid[]), CAST(:lots AS uuid[]),"
            " CAST(:members AS uuid[]), CAST(:amounts AS bigint[])) AS v (id, holding, lot, member, amount)"
            " ON CONFLICT (group_id, round_id, holding_id, kind, ordinal) DO NOTHING RETURNING member_id"
        ),
        {
            "group": round_.group_id,
            "tenant": tx.tenant_id,
            "round": round_.id,
            "account": account,
            "due_at": due_at or round_.due_at,
            "kind": kind,
            "ordinal": ordinal,
            "reason": reason,
            "loan": loan_id,
            "ids": [new_id() for _ in some],
            "holdings": [one[0] for one in some],
            "lots": [one[1] for one in some],
            "members": [one[2] for one in some],
            "amounts": [one[3] for one in some],
        },
    )
    return list(made.all())


async def settle_from_advances(tx: Tx, group: Group, *, member_id: UUID | None = None) -> set[str]:
    """Move what members have paid in advance to the dues it was paid for, the oldest first; of one member or of all.

    The caller holds the members. Returns the pots that something went to although they had fallen due.
    """
    accounts = await tx.session.execute(
        text(
            "SELECT a.name, m.id FROM ledger_accounts a JOIN members m ON m.group_id = a.group_id"
            " AND a.name = 'advance/' || m.number WHERE a.group_id = :group"
            " AND (CAST(:member AS uuid) IS NULL OR m.id = :member) ORDER BY m.number"
        ),
        {"group": group.group_id, "member": member_id},
    )
    member_of: dict[str, UUID] = {name: who for name, who in accounts}  # noqa: C416 (rows are not pairs to mypy)
    if not member_of:
        return set()
    funds = await ledger.balances(tx.session, group_id=group.group_id, accounts=member_of)
    settled: list[OpenDue] = []
    postings = []
    for account, who in member_of.items():
        left = funds.get(account, 0)
        if left <= 0:
            continue
        for due in in_turn(group, await open_dues(tx, group.group_id, member_id=who)):
            part = min(left, due.open_minor)
            if part == 0:
                break
            left -= part
            settled.append(due)
            postings.append(
                ledger.Posting(
                    kind="contribution.from_advance",
                    debit=account,
                    credit=due.account,
                    amount_minor=part,
                    currency=group.currency,
                    # A due may be settled from advances more than once only after a reversal; the transfer's
                    # own id keeps those apart, and the members' locks keep this from running twice at once.
                    reference=f"advance:{due.due_id}:{new_id()}",
                    due_id=due.due_id,
                )
            )
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    return late_pots(tx, settled)


async def freeze(tx: Tx, group: Group, round_: Round) -> DrawList:
    """Freeze the list of lots that may be drawn: not received yet, and all dues paid. Repeats find the first.

    Where holders' own contributions are set off against the pot, those of this round need not be paid.

    From here on nothing is added or dropped, whatever is paid or reversed before the draw. A list that is late, after
    an outage, is drawn from later too: it must never be made when its beacon can be known.
    """
    known = await draw_list(tx, round_)
    if known is not None:
        return known
    rows = await tx.session.execute(
        text(
            f"""
            SELECT l.number,
                   EXISTS (SELECT 1 FROM draws w WHERE w.group_id = l.group_id AND w.lot_id = l.id),
                   l.id IN (SELECT d.lot_id FROM dues d WHERE d.group_id = :group AND d.open AND d.due_at <= :cutoff
                            AND (d.deferred_until IS NULL OR d.deferred_until <= :cutoff)
                            AND NOT (:netting AND d.round_id = :round AND d.kind IN ('contribution', 'fee'))),
                   l.id IN (SELECT d.lot_id FROM dues d WHERE d.group_id = :group AND d.round_id = :round),
                   {_BARRED}
            FROM lots l WHERE l.group_id = :group AND l.cycle = :cycle ORDER BY l.number
            """
        ),
        {
            "group": group.group_id,
            "cycle": round_.cycle,
            "cutoff": round_.cutoff_at,
            "round": round_.id,
            "netting": group.rule_set.netting,
            "guarantors": group.rule_set.guarantors,
        },
    )
    owing = await _lots_that_old_debts_bar(tx, group, round_)
    eligible: list[str] = []
    exclusions: list[Exclusion] = []
    for number, received, in_arrears, has_dues, barred in rows:
        label = lot_label(number)
        if received:
            exclusions.append(Exclusion(label, "received"))
        elif barred in ("withdrawn", "short_place"):
            exclusions.append(Exclusion(label, barred))
        elif number in owing:
            exclusions.append(Exclusion(label, "old_debt"))
        elif in_arrears or not has_dues:
            # A lot without any due has paid nothing: that nothing is missing does not make it fully paid.
            exclusions.append(Exclusion(label, "arrears"))
        elif barred:
            exclusions.append(Exclusion(label, barred))
        else:
            eligible.append(label)
    list_text = draw.list_text(eligible) if eligible else ""
    if eligible and tx.now >= round_.draw_at:
        round_.draw_at = tx.now + timedelta(minutes=group.rule_set.draw_delay_minutes)
        round_.beacon_round = beacon_of(round_.draw_at)
    frozen = DrawList(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        attempt=round_.attempt,
        list_text=list_text,
        list_hash=draw.list_hash(list_text),
        exclusions=[[e.lot, e.reason] for e in exclusions],
        beacon_round=round_.beacon_round,
        draw_at=round_.draw_at,
        frozen_at=tx.now,
    )
    tx.session.add(frozen)
    round_.frozen_at = tx.now
    await tx.session.flush()
    return frozen


async def _lots_that_old_debts_bar(tx: Tx, group: Group, round_: Round) -> set[int]:
    """The lots of which somebody holds a part who owes of an earlier cycle, where the rules bar them for it."""
    if group.rule_set.old_debts != "bar":
        return set()
    debtors = {
        due.member_id
        for due in await open_dues(tx, group.group_id)
        if due.cycle < round_.cycle and (due.deferred_until is None or due.deferred_until <= round_.cutoff_at)
    }
    return {held.lot_number for held in await holdings(tx, group) if held.member_id in debtors}


async def freeze_among(tx: Tx, round_: Round, wider: DrawList, labels: Sequence[str], *, left_out: str) -> DrawList:
    """A list of some lots of a list that was just frozen, for the same draw; the others are left out, with why."""
    list_text = draw.list_text(labels)
    others = [[label, left_out] for label in draw.lots_of(wider.list_text) if label not in labels]
    frozen = DrawList(
        group_id=round_.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=round_.id,
        attempt=round_.attempt,
        list_text=list_text,
        list_hash=draw.list_hash(list_text),
        exclusions=sorted([*wider.exclusions, *others]),
        beacon_round=wider.beacon_round,
        draw_at=wider.draw_at,
        frozen_at=tx.now,
    )
    tx.session.add(frozen)
    await tx.session.flush()
    return frozen


async def frozen_since(tx: Tx, group: Group, instant: datetime) -> bool:
    """Whether a list of the group has been frozen at or after an instant."""
    found = await tx.session.scalar(
        select(DrawList.id).where(DrawList.group_id == group.group_id, DrawList.frozen_at >= instant).limit(1)
    )
    return found is not None


async def draw_list(tx: Tx, round_: Round) -> DrawList | None:
    """The frozen list of the round's present attempt, if any."""
    return await tx.session.scalar(
        select(DrawList).where(
            DrawList.group_id == round_.group_id,
            DrawList.round_id == round_.id,
            DrawList.attempt == round_.attempt,
        )
    )


_COLLECTED = """
SELECT coalesce(sum(CASE WHEN t.credit = $2 THEN t.amount_minor ELSE -t.amount_minor END), 0)
FROM ledger_transfers t WHERE t.group_id = $1 AND (t.credit = $2 OR t.debit = $2)
    AND (t.due_id IS NOT NULL OR t.kind IN ('loan', 'loan.reversal'))
"""


async def collected(tx: Tx, round_: Round) -> int:
    """What has come into the round's pot so far, less what was reversed or lent; payouts do not lessen it."""
    row = await tx.row(_COLLECTED, round_.group_id, round_.pot)
    return int(row[0]) if row else 0


_CURRENT = f"""
SELECT {columns(Round, "r")} FROM rounds r WHERE r.group_id = $1 AND r.cycle = $2 AND r.opened_at IS NOT NULL
ORDER BY r.number DESC LIMIT 1
"""


async def current_round(tx: Tx, group: Group) -> Round | None:
    """The newest round that is open, or the last one of the cycle."""
    row = await tx.row(_CURRENT, group.group_id, group.cycle)
    return tx.entity(Round, row[:]) if row else None


_FOLLOWING = """
SELECT min(r.due_at) FROM rounds r WHERE r.group_id = $1 AND r.cycle = $2 AND r.due_at > $3
"""


async def next_due_at(tx: Tx, group: Group) -> datetime | None:
    """When the next contribution of this cycle falls due, whether its round has begun or not."""
    row = await tx.row(_FOLLOWING, group.group_id, group.cycle, tx.now)
    return row[0] if row else None


async def round_by_number(tx: Tx, group: Group, number: int) -> Round | None:
    """A round of this cycle."""
    return await tx.session.scalar(
        select(Round).where(Round.group_id == group.group_id, Round.cycle == group.cycle, Round.number == number)
    )


async def who_owes(tx: Tx, group: Group, *, deferred: bool = False) -> Sequence[tuple[UUID, int, datetime]]:
    """(member, open amount in minor units, oldest due instant) of everybody who owes something and may be chased.

    What belongs to rounds that have not begun, the parts of a loan, is not asked for yet. ``deferred``: instead of
    those dues the ones that are not chased now.
    """
    open_by_member: dict[UUID, tuple[int, datetime]] = {}
    for due in await open_dues(tx, group.group_id):
        if due.ahead or deferred != (due.deferred_until is not None and due.deferred_until > tx.now):
            continue
        amount, oldest = open_by_member.get(due.member_id, (0, due.due_at))
        open_by_member[due.member_id] = (amount + due.open_minor, min(oldest, due.due_at))
    return [(member_id, amount, oldest) for member_id, (amount, oldest) in open_by_member.items()]


async def rules_of(tx: Tx, group: Group, round_: Round) -> Rules:
    """The rules that held when a round opened: what is judged of it later is judged by these."""
    return (await rules_by_round(tx, group, [round_])).get(round_.number, group.rule_set)


async def rules_by_round(tx: Tx, group: Group, some: Sequence[Round]) -> dict[int, Rules]:
    """The rules that held in each of some rounds of a cycle, by number; {} where they have never changed in it."""
    if not some:
        return {}
    rows = await tx.session.execute(
        select(RuleVersion.from_round, RuleVersion.rules)
        .where(RuleVersion.group_id == group.group_id, RuleVersion.cycle == some[0].cycle, RuleVersion.from_round > 1)
        .order_by(RuleVersion.version)
    )
    changes = [(int(start), stored) for start, stored in rows]
    if not changes:
        return {}
    begun = await tx.session.scalar(
        select(RuleVersion.rules)
        .where(RuleVersion.group_id == group.group_id, RuleVersion.cycle <= some[0].cycle, RuleVersion.from_round == 1)
        .order_by(RuleVersion.version.desc())
        .limit(1)
    )
    lots = {"lots": group.rules["lots"]}
    held = {}
    for round_ in some:
        newest = [stored for start, stored in changes if start <= round_.number]
        held[round_.number] = read((newest[-1] if newest else begun or group.rules) | lots)
    return held
