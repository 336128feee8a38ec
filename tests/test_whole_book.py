"""Any rules, any history: every santim of every round is accounted for, by person, at every stop and at the close.

Hypothesis chooses all rules at once and whatever may happen (``any_equb``). ``BOOKS=300`` tries more of them than the
suite has time for.
"""

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from any_equb import Event, events, found, happen, rule_sets, settle, ways_to_fill_a_lot
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from talking import fetch

from core import clock, groups, ledger
from core.cycle import agenda, rounds
from core.db import Tx, transaction
from core.groups import Group
from core.operator.bootstrap import make_tenant
from core.rules import Rules

START = datetime(2026, 11, 24, 9, 54, tzinfo=UTC)
BOOKS = int(os.environ.get("BOOKS", "7"))


@dataclass(frozen=True)
class Move:
    """A transfer less what was reversed of it."""

    kind: str
    debit: str
    credit: str
    minor: int
    due: UUID | None
    leg: UUID | None


async def _moves(tx: Tx, group: Group) -> list[Move]:
    rows = await tx.session.execute(
        text(
            "SELECT t.kind, t.debit, t.credit, t.amount_minor, t.due_id, t.payout_leg_id FROM ledger_transfers t"
            " WHERE t.group_id = :g AND t.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM ledger_transfers b"
            "  WHERE b.group_id = t.group_id AND b.reverses = t.id)"
        ),
        {"g": group.group_id},
    )
    return [Move(*row) for row in rows]


async def _rows(tx: Tx, group: Group, query: str) -> list[Any]:
    return list((await tx.session.execute(text(query), {"g": group.group_id})).all())


async def check(tx: Tx, group: Group) -> None:
    """Every santim of every round, as the transfers, the dues and the payouts say, each without the others."""
    assert (await ledger.audit(tx.session, group_id=group.group_id)).findings == ()
    moves = await _moves(tx, group)
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    _everything_is_somebodys(balances, moves)
    await _by_person(tx, group, moves)
    await _by_round(tx, group, moves, balances)
    await _by_destination(tx, group, moves, balances)
    await _by_lot(tx, group, moves)


def _everything_is_somebodys(balances: Any, moves: list[Move]) -> None:
    """What people hold is what is owed; no pot, no fund and nobody's advance is below nothing."""
    held = sum(v for name, v in balances.items() if name.startswith(("held/", "provider/")))
    assert held == sum(v for name, v in balances.items() if name.startswith(("pot/", "advance/", "fee/", "fund/")))
    assert all(v >= 0 for name, v in balances.items() if not name.startswith(("held/", "provider/")))
    flows: Counter[str] = Counter()
    for move in moves:
        flows[move.credit] += move.minor
        flows[move.debit] -= move.minor
    for name, balance in balances.items():
        sign = -1 if name.startswith(("held/", "provider/")) else 1
        assert flows[name] * sign == balance, name


async def _by_person(tx: Tx, group: Group, moves: list[Move]) -> None:
    """What each was to pay is paid, still owed or excused; what each paid is in a pot, a fee, a fund or an advance."""
    paid: Counter[UUID] = Counter()
    for move in moves:
        if move.due is not None:
            paid[move.due] += move.minor
    dues = await _rows(
        tx, group, "SELECT id, member_id, amount_minor, account, excused_at FROM dues WHERE group_id = :g"
    )
    owed: Counter[UUID] = Counter()
    for due_id, member_id, amount, _, excused_at in dues:
        assert 0 <= paid[due_id] <= amount
        owed[member_id] += 0 if excused_at else amount - paid[due_id]
    assert set(paid) <= {row.id for row in dues}
    still: Counter[UUID] = Counter()
    for due in await rounds.open_dues(tx, group.group_id):
        still[due.member_id] += due.open_minor
    assert +owed == +still
    accounts = {row.id: row.account for row in dues}
    assert all(move.credit == accounts[move.due] for move in moves if move.due is not None)
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    for (number,) in await _rows(tx, group, "SELECT number FROM members WHERE group_id = :g"):
        name = f"advance/{number}"
        came = sum(move.minor for move in moves if move.credit == name)
        went = sum(move.minor for move in moves if move.debit == name)
        assert balances.get(name, 0) == came - went


async def _by_round(tx: Tx, group: Group, moves: list[Move], balances: Any) -> None:
    """A pot's money came for its dues or from the reserve; it went to holders, fees, funds or a loan, or is there."""
    due_pots = {
        row.id: (row.account, row.kind)
        for row in await _rows(tx, group, "SELECT id, account, kind FROM dues WHERE group_id = :g")
    }
    legs = await _rows(
        tx,
        group,
        "SELECT l.id, l.amount_minor, l.paid_at, p.kind AS payout, 'pot/' || r.cycle || '/' || r.number AS pot"
        " FROM payout_legs l JOIN payouts p ON p.group_id = l.group_id AND p.id = l.payout_id"
        " JOIN rounds r ON r.group_id = p.group_id AND r.id = p.round_id WHERE l.group_id = :g",
    )
    by_leg = {leg.id: leg for leg in legs}
    posted = Counter({leg.id: 0 for leg in legs})
    for move in moves:
        if move.leg is not None:
            posted[move.leg] += move.minor
    for leg in legs:
        assert posted[leg.id] == (leg.amount_minor if leg.paid_at else 0), "a leg is paid exactly when the book says so"
    for pot in [name for name in balances if name.startswith("pot/")]:
        came_in = {"due": 0, "reserve": 0}
        went = {"leg": 0, "deducted": 0, "lent": 0, "reserve": 0}
        for move in moves:
            if move.credit == pot:
                assert move.due is not None or move.kind == "reserve", move
                came_in["due" if move.due is not None else "reserve"] += move.minor
                assert move.due is None or due_pots[move.due][1] in ("contribution", "loan")
            elif move.debit == pot:
                assert move.leg is None or by_leg[move.leg].pot == pot
                where = {"fee": "deducted", "deduction": "deducted", "loan": "lent", "reserve.back": "reserve"}
                went["leg" if move.leg is not None else where[move.kind]] += move.minor
        assert balances[pot] == sum(came_in.values()) - sum(went.values())


async def _by_destination(tx: Tx, group: Group, moves: list[Move], balances: Any) -> None:
    """Fees and funds hold what was paid or deducted for them, less what was spent, filled in, or given back."""
    dues = {row.id: row for row in await _rows(tx, group, "SELECT id, kind, account FROM dues WHERE group_id = :g")}
    inwards = {
        "fee/organiser": {"fee", "fine", "leaving_fee"},
        "fund/fines": {"fine"},
        "fund/charity": {"fine"},
        "fund/members": {"fine"},
    }
    outwards = {"spend", "reserve", "payout", "fund.share"}
    for name in [name for name in balances if name.startswith(("fee/", "fund/"))]:
        for move in moves:
            if move.credit == name and move.due is not None:
                kinds = inwards.get(name, {"contribution"})
                assert dues[move.due].kind in kinds, (name, dues[move.due].kind)
            elif move.credit == name:
                assert move.kind in {"fee", "deduction", "reserve.back", "fund.share", "refund.advance"}, move
            elif move.debit == name:
                assert move.kind in outwards, move


async def _by_lot(tx: Tx, group: Group, moves: list[Move]) -> None:
    """No lot twice; shares are whole; a payout is its gross less its deductions, and its legs are all of it."""
    lots = [row.lot_id for row in await _rows(tx, group, "SELECT lot_id FROM draws WHERE group_id = :g")]
    assert len(lots) == len(set(lots))
    shares: Counter[int] = Counter()
    for held in await groups.holdings(tx, group):
        shares[held.lot_number] += held.share  # type: ignore[assignment]
    assert all(share == 1 for share in shares.values())
    for payout in await _rows(
        tx,
        group,
        "SELECT p.gross_minor, p.amount_minor, coalesce((SELECT sum((d ->> 'amount_minor')::bigint)"
        " FROM jsonb_array_elements(p.deductions) d), 0)::bigint AS deducted,"
        " coalesce((SELECT sum((d ->> 'amount_minor')::bigint) FROM jsonb_array_elements(p.deductions) d"
        "  WHERE d ->> 'kind' = 'discount'), 0)::bigint AS discount,"
        " (SELECT sum(l.amount_minor) FROM payout_legs l WHERE l.group_id = p.group_id AND l.payout_id = p.id)::bigint"
        " AS legs FROM payouts p WHERE p.group_id = :g",
    ):
        assert payout.gross_minor == payout.amount_minor + payout.deducted
        assert payout.legs == payout.amount_minor + payout.discount


async def _waits(tx: Tx, group: Group) -> list[Any]:
    """What keeps a cycle from closing: rounds, legs, dues, lists."""
    questions = (
        "SELECT number, due_at, opened_at, frozen_at, attempt FROM rounds WHERE drawn_at IS NULL AND group_id = :g",
        "SELECT kind, amount_minor, denied_at FROM payout_legs WHERE paid_at IS NULL AND group_id = :g",
        "SELECT list_text, exclusions FROM draw_lists WHERE group_id = :g ORDER BY frozen_at DESC LIMIT 1",
        "SELECT number, status, role FROM members WHERE group_id = :g",
    )
    return [group.wake_at, *[row for question in questions for row in await _rows(tx, group, question)]]


async def _at_the_close(tx: Tx, group: Group) -> None:
    """Nobody owes, nothing waits, every pot is empty: contributions are payouts, fees and funds, to the last santim."""
    moves = await _moves(tx, group)
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    assert {name: v for name, v in balances.items() if name.startswith("pot/") and v} == {}
    assert await rounds.open_dues(tx, group.group_id) == []
    paid_in = sum(
        m.minor for m in moves if m.due is not None and m.debit.startswith(("held/", "advance/", "provider/"))
    )
    paid_out = sum(m.minor for m in moves if m.leg is not None)
    lent = sum(m.minor for m in moves if m.kind == "loan")
    spent = sum(m.minor for m in moves if m.kind == "spend")
    refunded = sum(m.minor for m in moves if m.kind == "refund.advance")
    kept = sum(v for name, v in balances.items() if name.startswith(("fee/", "fund/")))
    assert paid_in + refunded == paid_out + lent + spent + kept
    if group.rule_set.closing == "share":
        funds = {name for name, v in balances.items() if name.startswith("fund/") and v}
        assert funds <= {"fund/charity"}, "what funds held is the members'"


@pytest.mark.timeout(60 + 20 * BOOKS)
@settings(
    max_examples=BOOKS,
    deadline=None,
    derandomize="BOOKS" not in os.environ,
    # A long history is told by its seed; making it shorter takes longer than reading it.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data(), lots=st.lists(ways_to_fill_a_lot, min_size=2, max_size=6), history=events)
async def test_whatever_the_rules_every_santim_of_every_round_is_accounted_for(
    data: st.DataObject, lots: list[tuple[Fraction, ...]], history: list[Event]
) -> None:
    rules: Rules | None = data.draw(rule_sets(len(lots)))
    assume(rules is not None)
    assert rules is not None
    tenant_id = await make_tenant("book", "Book")
    clock.set_to(START)
    async with transaction(tenant_id, now=clock.now()) as tx:
        group = await found(tx, lots, rules)
    await agenda.wake(tenant_id, group.group_id, fetch)
    for number, event in enumerate(history):
        await happen(tenant_id, group.group_id, event)
        if number % 15 == 14:
            async with transaction(tenant_id, now=clock.now()) as tx:
                await check(tx, await groups.by_id(tx, group.group_id))
    status = await settle(tenant_id, group.group_id)
    async with transaction(tenant_id, now=clock.now()) as tx:
        present = await groups.by_id(tx, group.group_id)
        await check(tx, present)
        assert status == "closed", f"everybody has paid and is paid, and yet there waits: {await _waits(tx, present)}"
        await _at_the_close(tx, present)
