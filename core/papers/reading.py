"""Reads a book from the database: a fixed number of statements, however many members and rounds.

Owns the statements and putting their rows together. The caller's transaction must be a snapshot
(``core.db.transaction(…, snapshot=True)``), because the book is compared with the ledger at the end, and what is
posted in between would look like a fault. Refuses to return a book that does not equal the ledger.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import repeat
from typing import Any, TypeVar
from uuid import UUID

from core import ledger
from core.db import Row, Tx
from core.groups import Group
from core.papers.book import (
    Account,
    Book,
    Due,
    Facts,
    Leg,
    Lot,
    Member,
    Move,
    Payment,
    Payout,
    Round,
    Transfer,
    prove,
)
from core.papers.undisturbed import undisturbed
from core.people import Tenant

N = TypeVar("N", Due, Payment, Move, Transfer)

# A reversal has the sides of what it reverses the other way round, and takes its amount away again.
_NET = "sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END)::bigint"

_MEMBERS = """
SELECT m.number, m.id, p.name, m.role, m.status FROM members m JOIN people p ON p.id = m.person_id
WHERE m.group_id = $1 ORDER BY m.number
"""
_LOTS = """
SELECT l.cycle, l.number, m.number AS member, h.share_numerator, h.share_denominator, r.number AS drawn_in,
       d.drawn_at, d.code
FROM lots l
JOIN holdings h ON h.group_id = l.group_id AND h.lot_id = l.id
JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id
LEFT JOIN draws d ON d.group_id = l.group_id AND d.lot_id = l.id
LEFT JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
WHERE l.group_id = $1 ORDER BY l.cycle, l.number, m.number
"""
_ROUNDS = """
SELECT r.cycle, r.number, r.due_at, r.opened_at, r.frozen_at, r.drawn_at FROM rounds r
WHERE r.group_id = $1 ORDER BY r.cycle, r.number
"""
_DUES = f"""
SELECT r.cycle, r.number AS round, m.number AS member, l.number AS lot, d.kind, d.amount_minor,
       coalesce(p.paid, 0)::bigint, d.due_at, d.excused_at IS NOT NULL, p.paid_at, coalesce(p.receipts, '')
FROM dues d
JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
LEFT JOIN (
    SELECT t.due_id, {_NET} AS paid, max(t.at) FILTER (WHERE t.reverses IS NULL) AS paid_at,
           string_agg(y.code, ' ') FILTER (WHERE t.reverses IS NULL AND y.reversed_at IS NULL) AS receipts
    FROM ledger_transfers t LEFT JOIN payments y ON y.group_id = t.group_id AND y.id = t.payment_id
    WHERE t.group_id = $1 AND t.due_id IS NOT NULL {{of_dues}} GROUP BY t.due_id
) p ON p.due_id = d.id
WHERE d.group_id = $1 {{of_member}} ORDER BY r.cycle, r.number, m.number, l.number, d.kind, d.id
"""
_PAYMENTS = f"""
SELECT y.code, m.number AS member, y.amount_minor, y.method,
       CASE WHEN y.reversed_at IS NOT NULL THEN 'reversed' WHEN y.verified_at IS NOT NULL THEN 'verified'
            WHEN y.recorded_at IS NOT NULL THEN 'recorded' WHEN y.declined_at IS NOT NULL THEN 'declined'
            ELSE 'claimed' END, y.claimed_at, y.recorded_at, coalesce(y.reversed_at, y.created_at),
       h.number AS held_by, y.reason, coalesce(p.net, 0)::bigint
FROM payments y
JOIN members m ON m.group_id = y.group_id AND m.id = y.member_id
LEFT JOIN members h ON h.group_id = y.group_id AND h.id = y.held_by
LEFT JOIN (
    SELECT t.payment_id, {_NET} AS net FROM ledger_transfers t
    WHERE t.group_id = $1 AND t.payment_id IS NOT NULL {{of_payments}} GROUP BY t.payment_id
) p ON p.payment_id = y.id
WHERE y.group_id = $1 {{of_member}} ORDER BY coalesce(y.recorded_at, y.claimed_at, y.created_at), y.id
"""
_LEGS = f"""
SELECT o.id, r.cycle, r.number AS round, l.number AS lot, o.gross_minor, o.deductions::text, o.amount_minor,
       m.number AS member, g.amount_minor AS part_minor, g.method,
       CASE WHEN g.received_at IS NOT NULL THEN 'received' WHEN g.paid_at IS NOT NULL THEN 'paid'
            WHEN g.denied_at IS NOT NULL THEN 'denied' ELSE 'planned' END AS status,
       g.paid_at, h.number AS held_by, g.received_at, coalesce(p.net, 0)::bigint AS net
FROM payouts o
JOIN rounds r ON r.group_id = o.group_id AND r.id = o.round_id
JOIN lots l ON l.group_id = o.group_id AND l.id = o.lot_id
JOIN payout_legs g ON g.group_id = o.group_id AND g.payout_id = o.id
JOIN members m ON m.group_id = g.group_id AND m.id = g.member_id
LEFT JOIN members h ON h.group_id = g.group_id AND h.id = g.held_by
LEFT JOIN (
    SELECT t.payout_leg_id, {_NET} AS net FROM ledger_transfers t
    WHERE t.group_id = $1 AND t.payout_leg_id IS NOT NULL GROUP BY t.payout_leg_id
) p ON p.payout_leg_id = g.id
WHERE o.group_id = $1 {{of_member}} ORDER BY r.cycle, r.number, l.number, o.id, m.number, g.created_at, g.id
"""
_MOVES = f"""
SELECT CASE WHEN t.reverses IS NULL THEN t.debit ELSE t.credit END AS source,
       CASE WHEN t.reverses IS NULL THEN t.credit ELSE t.debit END AS target,
       t.due_id IS NOT NULL, t.payment_id IS NOT NULL, t.payout_leg_id IS NOT NULL, {_NET}
FROM ledger_transfers t WHERE t.group_id = $1 {{of_accounts}} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2
"""
_TRANSFERS = """
SELECT t.at, t.kind, t.debit, t.credit, t.amount_minor, coalesce(y.code, ''), t.memo
FROM ledger_transfers t LEFT JOIN payments y ON y.group_id = t.group_id AND y.id = t.payment_id
WHERE t.group_id = $1 ORDER BY t.seq
"""
_BEGAN = "SELECT c.begun_at FROM cycles c WHERE c.group_id = $1 AND c.number = $2"

_OF_DUES = "AND t.due_id IN (SELECT o.id FROM dues o WHERE o.group_id = $1 AND o.member_id = $2)"
_OF_PAYMENTS = "AND t.payment_id IN (SELECT o.id FROM payments o WHERE o.group_id = $1 AND o.member_id = $2)"


async def whole(tx: Tx, tenant: Tenant, group: Group, *, with_transfers: bool = False) -> Book:
    """The whole book of a group. Raises ``NotTheLedger``."""
    with undisturbed():
        return await _read(tx, tenant, group, None, with_transfers=with_transfers)


async def of_member(tx: Tx, tenant: Tenant, group: Group, number: int) -> Book:
    """What concerns one member: dues, payments, payouts, own accounts. Raises ``NotTheLedger``."""
    return await _read(tx, tenant, group, number, with_transfers=False)


async def _read(tx: Tx, tenant: Tenant, group: Group, of: int | None, *, with_transfers: bool) -> Book:
    """The book, compared with the ledger. ``of``: a member's number."""

    # Sorting a large group's dues would go to disk else.
    await tx.rows("SET LOCAL work_mem = '64MB'")

    async def ask(statement: str, **narrow: str) -> Sequence[Row]:
        said = statement.format(**{name: text if of is not None else "" for name, text in narrow.items()})
        return await tx.rows(said, group.group_id, *([me] if "$2" in said else []))

    seats = await ask(_MEMBERS)
    me: Any = next((row["id"] for row in seats if row["number"] == of), None)
    if of is not None and me is None:
        raise ValueError(f"no member {of}")
    dues = _as(Due, await ask(_DUES, of_dues=_OF_DUES, of_member="AND d.member_id = $2"))
    payments = _as(Payment, await ask(_PAYMENTS, of_payments=_OF_PAYMENTS, of_member="AND y.member_id = $2"))
    payouts = _payouts(await ask(_LEGS, of_member="AND g.member_id = $2"))
    own = f"AND (t.debit IN ('advance/{of}', 'held/{of}') OR t.credit IN ('advance/{of}', 'held/{of}'))"
    moves = _as(Move, await ask(_MOVES, of_accounts=own))
    lots = _lots(await ask(_LOTS), of)
    accounts = _accounts(moves, None if of is None else (f"advance/{of}", f"held/{of}"))
    book = Book(
        facts=await _facts(tx, tenant, group, lots=lots),
        of=of,
        names={row["number"]: row["name"] for row in seats},
        members=_members(seats, of, group.cycle, lots, dues, payouts, accounts, tx.now),
        lots=lots,
        rounds=_rounds(await ask(_ROUNDS), dues, payouts, moves, lots),
        dues=dues,
        payments=payments,
        payouts=payouts,
        accounts=accounts,
        moves=moves,
        transfers=_as(Transfer, await ask(_TRANSFERS)) if with_transfers else [],
    )
    wanted = None if of is None else [account.name for account in accounts]
    prove(book, await ledger.balances(tx.session, group_id=group.group_id, accounts=wanted))
    return book


def _as(kind: type[N], rows: Sequence[Row]) -> list[N]:
    """Rows as named tuples of a kind: what ``_make`` does, without a call of Python for each of 200,000."""
    if not rows:
        return []
    if len(rows[0]) != len(kind._fields):
        raise ValueError(f"a row has not the fields of {kind.__name__}")
    return list(map(tuple.__new__, repeat(kind), rows))


async def _facts(tx: Tx, tenant: Tenant, group: Group, *, lots: Sequence[Lot]) -> Facts:
    rules = group.rule_set
    began = await tx.row(_BEGAN, group.group_id, group.cycle)
    drawn = {lot.drawn_in for lot in lots if lot.cycle == group.cycle and lot.drawn_in}
    return Facts(
        group_id=group.group_id,
        name=group.name,
        code=group.code,
        status=group.status,
        currency=group.currency,
        tenant=tenant.name,
        cycle=group.cycle,
        lots=rules.lots,
        rounds=rules.rounds,
        rounds_held=len(drawn),
        contribution_minor=rules.contribution_minor,
        pot_minor=rules.pot_minor,
        deductions=tuple(rules.deductions_minor(2)),
        rhythm=(rules.rhythm.kind, rules.rhythm.every),
        began_at=began["begun_at"] if began else None,
        as_of=tx.now,
    )


def _lots(rows: Sequence[Row], of: int | None) -> list[Lot]:
    """By cycle and number; in a member's book the lots that the member holds a part of."""
    holders: dict[tuple[int, int], list[tuple[int, Fraction]]] = defaultdict(list)
    about: dict[tuple[int, int], Row] = {}
    for row in rows:
        key = (row["cycle"], row["number"])
        holders[key].append((row["member"], Fraction(row["share_numerator"], row["share_denominator"])))
        about[key] = row
    return [
        Lot(*key, tuple(holders[key]), row["drawn_in"], row["drawn_at"], row["code"])
        for key, row in about.items()
        if of is None or any(member == of for member, _ in holders[key])
    ]


def _payouts(rows: Sequence[Row]) -> list[Payout]:
    legs: dict[UUID, list[Leg]] = defaultdict(list)
    about: dict[UUID, Row] = {}
    for row in rows:
        about[row["id"]] = row
        legs[row["id"]].append(
            Leg(
                row["member"],
                row["part_minor"],
                row["method"],
                row["status"],
                row["paid_at"],
                row["held_by"],
                row["received_at"],
                row["net"],
            )
        )
    return [
        Payout(
            cycle=row["cycle"],
            round=row["round"],
            lot=row["lot"],
            gross_minor=row["gross_minor"],
            deductions=tuple((item["kind"], item["amount_minor"]) for item in json.loads(row["deductions"])),
            amount_minor=row["amount_minor"],
            legs=tuple(legs[payout_id]),
        )
        for payout_id, row in about.items()
    ]


def _accounts(moves: Iterable[Move], only: tuple[str, ...] | None) -> list[Account]:
    """Every account that money moved on; outside money comes by being debited, inside by being credited."""
    came: dict[str, int] = defaultdict(int)
    went: dict[str, int] = defaultdict(int)
    for move in moves:
        for name, is_source in ((move.source, True), (move.target, False)):
            outside = name.startswith(("held/", "provider/"))
            (came if outside is is_source else went)[name] += move.net_minor
    names = sorted({*came, *went}) if only is None else [name for name in only if name in came or name in went]
    return [Account(name, came[name], went[name], came[name] - went[name]) for name in names]


def _rounds(
    rows: Sequence[Row], dues: Sequence[Due], payouts: Sequence[Payout], moves: Sequence[Move], lots: Sequence[Lot]
) -> list[Round]:
    """Rounds that have opened. In a member's book the sums are the member's own."""
    owed: dict[tuple[int, int], int] = defaultdict(int)
    paid: dict[tuple[int, int], int] = defaultdict(int)
    out: dict[tuple[int, int], int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    left: dict[str, int] = defaultdict(int)
    drawn: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for due in dues:
        if not due.excused:
            owed[due.cycle, due.round] += due.amount_minor
        paid[due.cycle, due.round] += due.paid_minor
    for payout in payouts:
        out[payout.cycle, payout.round] += payout.paid_minor
    for move in moves:
        left[move.target] += move.net_minor
        left[move.source] -= move.net_minor
        if move.target.startswith(("fee/", "fund/")) and not move.for_due:
            kept[move.source] += move.net_minor
    for lot in lots:
        drawn[lot.cycle, lot.drawn_in].append(lot.number)
    return [
        Round(
            cycle=row["cycle"],
            number=row["number"],
            status="drawn"
            if row["drawn_at"]
            else "frozen"
            if row["frozen_at"]
            else "open"
            if row["opened_at"]
            else "planned",
            due_at=row["due_at"],
            drawn_at=row["drawn_at"],
            lots=tuple(drawn[row["cycle"], row["number"]]),
            owed_minor=owed[row["cycle"], row["number"]],
            collected_minor=paid[row["cycle"], row["number"]],
            paid_out_minor=out[row["cycle"], row["number"]],
            kept_minor=kept[_pot(row)],
            left_minor=left[_pot(row)],
        )
        for row in rows
    ]


def _pot(row: Row) -> str:
    return f"pot/{row['cycle']}/{row['number']}"


def _members(
    seats: Sequence[Row],
    of: int | None,
    cycle: int,
    lots: Sequence[Lot],
    dues: Sequence[Due],
    payouts: Sequence[Payout],
    accounts: Sequence[Account],
    now: datetime,
) -> list[Member]:
    """Everybody's standing, or that of one."""
    sums: dict[str, dict[int, int]] = {name: defaultdict(int) for name in _SUMS}
    for due in dues:
        open_minor = due.open_minor
        sums["owed_minor"][due.member] += 0 if due.excused else due.amount_minor
        sums["paid_minor"][due.member] += due.paid_minor
        sums["open_minor"][due.member] += open_minor
        if open_minor and due.due_at < now:
            sums["late_minor"][due.member] += open_minor
    for payout in payouts:
        for leg in payout.legs:
            sums["received_minor" if leg.paid_at else "promised_minor"][leg.member] += leg.amount_minor
    held: dict[int, list[tuple[int, Fraction]]] = defaultdict(list)
    for lot in lots:
        if lot.cycle == cycle:
            for member, share in lot.holders:
                held[member].append((lot.number, share))
    there: Mapping[str, int] = {account.name: account.balance_minor for account in accounts}
    return [
        Member(
            number=row["number"],
            name=row["name"],
            role=row["role"],
            status=row["status"],
            lots=tuple(held[row["number"]]),
            advance_minor=there.get(f"advance/{row['number']}", 0),
            held_minor=there.get(f"held/{row['number']}", 0),
            **{name: by_member[row["number"]] for name, by_member in sums.items()},
        )
        for row in seats
        if of is None or row["number"] == of
    ]


_SUMS = ("owed_minor", "paid_minor", "open_minor", "late_minor", "promised_minor", "received_minor")
