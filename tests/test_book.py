"""The book stays right whatever happens: random groups, random histories.

Hypothesis makes groups (shares that fill lots, fees, several lots a round) and what happens in them (payments whole,
in part, late, in advance; reversals; draws; payouts; holders who deny). After every history: the ledger balances,
no pot is negative, no lot is drawn twice, shares are whole, every santim is somewhere.
"""

from fractions import Fraction
from typing import Any

from histories import Event, begun, events, fees, happen, lived, ways_to_fill_a_lot, ways_with_money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from core import clock, groups, ledger
from core.cycle import cycles, rounds
from core.db import Tx, transaction
from core.groups import Group
from core.rules import Fee
from core.treasury import fines


async def _check(tx: Tx, group: Group) -> None:
    report = await ledger.audit(tx.session, group_id=group.group_id)
    assert report.findings == ()
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    held = sum(v for name, v in balances.items() if name.startswith(("held/", "provider/")))
    owed = sum(v for name, v in balances.items() if name.startswith(("pot/", "advance/", "fee/", "fund/")))
    assert held == owed, "every santim somebody holds is owed to somebody"
    assert all(v >= 0 for name, v in balances.items() if name.startswith(("pot/", "advance/", "fund/")))
    twice = await tx.session.scalar(
        text(
            "SELECT count(*) FROM (SELECT lot_id FROM draws WHERE group_id = :g GROUP BY lot_id HAVING count(*) > 1) x"
        ),
        {"g": group.group_id},
    )
    assert twice == 0
    for held_share in await _shares(tx, group):
        assert held_share == 1
    await _legs_add_up(tx, group)
    await _fines_keep_to_the_rule(tx, group)
    await _dues_are_never_overpaid(tx, group)


async def _shares(tx: Tx, group: Group) -> list[Fraction]:
    whole: dict[int, Fraction] = {}
    for one in await groups.holdings(tx, group):
        whole[one.lot_number] = whole.get(one.lot_number, Fraction(0)) + one.share
    return list(whole.values())


async def _legs_add_up(tx: Tx, group: Group) -> None:
    wrong = await tx.session.scalar(
        text(
            "SELECT count(*) FROM payouts p WHERE p.group_id = :g AND p.amount_minor <>"
            " (SELECT sum(l.amount_minor) FROM payout_legs l WHERE l.group_id = p.group_id AND l.payout_id = p.id)"
        ),
        {"g": group.group_id},
    )
    assert wrong == 0
    unposted = await tx.session.scalar(
        text(
            "SELECT count(*) FROM payout_legs l WHERE l.group_id = :g AND"
            " (CASE WHEN l.paid_at IS NULL THEN 0 ELSE l.amount_minor END) <>"
            " (SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END), 0)"
            "  FROM ledger_transfers t WHERE t.group_id = l.group_id AND t.payout_leg_id = l.id)"
        ),
        {"g": group.group_id},
    )
    assert unposted == 0, "a leg is paid exactly when the book says so"


async def _fines_keep_to_the_rule(tx: Tx, group: Group) -> None:
    """Never above the cap, never for what was paid when it fell due, always to where the rules say."""
    rule = group.rule_set.fine
    fined = await tx.session.execute(
        text(
            "SELECT d.account, sum(d.amount_minor)::bigint FROM dues d WHERE d.group_id = :g AND d.kind = 'fine'"
            " GROUP BY d.account, d.round_id, CASE WHEN :by_member THEN d.member_id ELSE d.holding_id END"
        ),
        {"g": group.group_id, "by_member": rule.per == "member"},
    )
    for account, amount in fined:
        assert rule.kind != "none"
        assert account == fines.account_of(rule)
        assert not rule.most_minor or amount <= rule.most_minor
    early = await tx.session.scalar(
        text(
            "SELECT count(*) FROM dues f WHERE f.group_id = :g AND f.kind = 'fine' AND NOT EXISTS (SELECT 1 FROM dues d"
            " WHERE d.group_id = f.group_id AND d.round_id = f.round_id AND d.member_id = f.member_id"
            " AND d.kind <> 'fine' AND d.amount_minor > (SELECT coalesce(sum(t.amount_minor), 0)"
            "  FROM ledger_transfers t LEFT JOIN payments p ON p.group_id = t.group_id AND p.id = t.payment_id"
            "  WHERE t.group_id = d.group_id AND t.due_id = d.id AND t.reverses IS NULL AND p.reversed_at IS NULL"
            "  AND coalesce(p.claimed_at, t.at) <= f.due_at))"
        ),
        {"g": group.group_id},
    )
    assert early == 0, "nobody is fined for what they had paid"


async def _dues_are_never_overpaid(tx: Tx, group: Group) -> None:
    due_ids = [
        d.id for d in (await tx.session.scalars(select(rounds.Due).where(rounds.Due.group_id == group.group_id)))
    ]
    paid = await ledger.paid_by_due(tx.session, group_id=group.group_id, due_ids=due_ids)
    amounts = {
        d.id: d.amount_minor
        for d in await tx.session.scalars(select(rounds.Due).where(rounds.Due.group_id == group.group_id))
    }
    assert all(0 <= paid[due_id] <= amounts[due_id] for due_id in due_ids)


@settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(ways_to_fill_a_lot, min_size=2, max_size=6),
    several=st.booleans(),
    fee=fees,
    ways=ways_with_money,
    contribution=st.integers(1_000, 250_000),
    history=events,
)
async def test_whatever_happens_every_santim_is_somewhere(
    lots: list[tuple[Fraction, ...]],
    several: bool,
    fee: Fee,
    ways: dict[str, Any],
    contribution: int,
    history: list[Event],
) -> None:
    # One round of two lots would be eaten by a fee of one instalment.
    per_round = 2 if several and len(lots) in (4, 6) else 1
    tenant_id, group = await begun("book", lots, fee, contribution, ways, lots_per_round=per_round)
    await lived(tenant_id, group, history)
    async with transaction(tenant_id, now=clock.now()) as tx:
        await _check(tx, await groups.by_id(tx, group.group_id))


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(ways_to_fill_a_lot, min_size=2, max_size=5),
    fee=fees,
    ways=ways_with_money,
    contribution=st.integers(1_000, 250_000),
    history=events,
)
async def test_who_pays_everything_receives_everything(
    lots: list[tuple[Fraction, ...]], fee: Fee, ways: dict[str, Any], contribution: int, history: list[Event]
) -> None:
    """However a cycle begins, once all pay up and all are paid out it closes, and each holder has exactly the share."""
    tenant_id, group = await begun("book", lots, fee, contribution, ways)
    await lived(tenant_id, group, history)
    for _ in range(len(lots) * 3 + 5):
        async with transaction(tenant_id, now=clock.now()) as tx:
            present = await groups.by_id(tx, group.group_id)
            if present.status == "closed":
                break
            count = len(await groups.seats(tx, group.group_id))
        for who in range(count):
            await happen(tenant_id, group.group_id, Event("pay", who, 1))
        for _ in range(3 * count):
            await happen(tenant_id, group.group_id, Event("payout", 0, 1))
        await happen(tenant_id, group.group_id, Event("pass", 7, 1))
    async with transaction(tenant_id, now=clock.now()) as tx:
        present = await groups.by_id(tx, group.group_id)
        await _check(tx, present)
        assert present.status == "closed"
        rules = present.rule_set
        paid_in, paid_out = await cycles.totals(tx, present)
        assert paid_in == rules.contribution_minor * rules.lots * rules.rounds
        taken = sum(amount for number in range(1, rules.rounds + 1) for _, amount in rules.deductions_minor(number))
        assert paid_out == paid_in - taken
        balances = await ledger.balances(tx.session, group_id=group.group_id)
        assert all(left == 0 for name, left in balances.items() if name.startswith("pot/")), "every pot is paid out"
        kept = sum(left for name, left in balances.items() if name.startswith(("fee/", "fund/")))
        apart = rules.lots * sum(rules.fee_apart_minor(number) for number in range(1, rules.rounds + 1))
        fined, given_back = await _fined_and_given_back(tx, present)
        assert kept == taken + apart + fined - given_back, "all that was taken is where it belongs"


async def _fined_and_given_back(tx: Tx, group: Group) -> tuple[int, int]:
    """Every fine there was, and what of them went back to the members."""
    fined = await tx.session.scalar(
        text("SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM dues d WHERE d.group_id = :g AND d.kind = 'fine'"),
        {"g": group.group_id},
    )
    given_back = await tx.session.scalar(
        text(
            "SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM payout_legs l"
            " WHERE l.group_id = :g AND l.kind = 'dividend' AND l.paid_at IS NOT NULL"
        ),
        {"g": group.group_id},
    )
    return int(fined or 0), int(given_back or 0)
