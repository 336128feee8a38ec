"""The book stays right whatever happens: random groups, random histories.

Hypothesis makes groups (shares that fill lots, fees, several lots a round) and what happens in them (payments whole,
in part, late, in advance; reversals; draws; payouts; holders who deny). After every history: the ledger balances,
no pot is negative, no lot is drawn twice, shares are whole, every santim is somewhere.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from talking import fetch

from core import clock, groups, ledger, payouts, people
from core.cycle import agenda, cycles, rounds
from core.db import Tx, transaction
from core.errors import Refusal
from core.groups import Group
from core.ids import new_id
from core.operator.bootstrap import make_tenant
from core.payouts import Leg
from core.rules import Deduction, Fee, Fine, Rhythm, Rules
from core.treasury import contributions, fines
from core.treasury.contributions import Payment

START = datetime(2026, 11, 24, 9, 54, tzinfo=UTC)

ways_to_fill_a_lot = st.sampled_from(
    [
        (Fraction(1),),
        (Fraction(1, 2), Fraction(1, 2)),
        (Fraction(3, 10), Fraction(7, 10)),
        (Fraction(1, 5),) * 5,
        (Fraction(1, 3),) * 3,
        (Fraction(1, 7), Fraction(6, 7)),
    ]
)
fees = st.sampled_from(
    [
        Fee(),
        Fee(kind="per_mille", value=25),
        Fee(kind="flat", value=777),
        Fee(kind="instalments", value=1),
        Fee(kind="flat", value=777, collect="round"),
        Fee(kind="per_mille", value=25, collect="begin"),
    ]
)


# What may be chosen beside the fee, in all combinations.
ways_with_money = st.fixed_dictionaries(
    {
        "deductions": st.sampled_from(
            [
                (),
                (Deduction(name="reserve", kind="per_mille", value=33),),
                (
                    Deduction(name="food", kind="flat", value=101, rounds="first"),
                    Deduction(name="reserve", kind="flat", value=7),
                ),
                (
                    Deduction(name="coffee", kind="per_mille", value=7),
                    Deduction(name="reserve", kind="per_mille", value=90),
                ),
            ]
        ),
        "netting": st.booleans(),
        "fine": st.builds(
            Fine,
            kind=st.sampled_from(["none", "flat", "per_mille", "daily", "daily_per_mille"]),
            value=st.sampled_from([7, 50, 333]),
            most_minor=st.sampled_from([0, 400]),
            per=st.sampled_from(["member", "due"]),
            to=st.sampled_from(["fund", "organiser", "charity", "members"]),
            grace_hours=st.sampled_from([0, 30]),
        ),
        "shortfall": st.sampled_from(["pay_there", "wait", "reserve"]),
    }
).map(lambda ways: ways if ways["deductions"] or ways["shortfall"] != "reserve" else ways | {"shortfall": "wait"})


@dataclass(frozen=True)
class Event:
    """Something that happens: ``who`` and ``what`` pick among the members, payments or legs there are."""

    kind: str
    who: int
    amount: int


events = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(
            [
                *("pay", "pay", "pay", "part", "advance", "claim", "answer", "decline"),
                *("reverse", "payout", "deny", "keep", "pass", "pass"),
            ]
        ),
        who=st.integers(0, 10_000),
        amount=st.integers(1, 250_000),
    ),
    max_size=40,
)


async def _group(
    tx: Tx,
    lots: list[tuple[Fraction, ...]],
    lots_per_round: int,
    fee: Fee,
    contribution: int,
    ways: dict[str, Any] | None = None,
) -> Group:
    rules = Rules(
        contribution_minor=contribution,
        lots=len(lots),
        lots_per_round=lots_per_round,
        rhythm=Rhythm(kind="weekly"),
        fee=fee,
        **(ways or {}),
    )
    group = await groups.found(tx, None, name="Random", currency="ETB", rules=rules)
    number = 0
    for lot_number, shares in enumerate(lots, 1):
        for share in shares:
            # Every third holder already has a part of another lot: several lots per person, several people per lot.
            number += 1
            person = people.Person(
                id=new_id(),
                tenant_id=tx.tenant_id,
                name=f"P{number}",
                language="en",
                consented_at=tx.now,
                erased_at=None,
                last_group_id=None,
                created_at=tx.now,
            )
            tx.session.add(person)
            await tx.session.flush()
            member = await groups.join(
                tx, group, person, share=Fraction(0), role="organiser" if number == 1 else "member"
            )
            await groups.hold(tx, group, member, lot_number=lot_number, share=share)
    await cycles.begin(tx, group, timezone="Africa/Addis_Ababa")
    return group


async def _happen(tenant_id: UUID, group_id: UUID, event: Event) -> None:
    if event.kind == "pass":
        clock.set_to(clock.now() + timedelta(days=event.who % 9 + 1))
        await agenda.wake(tenant_id, group_id, fetch)
        return
    try:
        async with transaction(tenant_id, now=clock.now()) as tx:
            group = await groups.by_id(tx, group_id)
            seats = await groups.seats(tx, group_id)
            member = seats[event.who % len(seats)].member
            await _act(tx, group, member, event)
            await agenda.look_again(tx, group)
    except Refusal:
        return


async def _act(tx: Tx, group: Group, member: groups.Member, event: Event) -> None:
    officer = (await groups.seats(tx, group.group_id, roles=["organiser"]))[0].member
    owed = sum(d.open_minor for d in await rounds.open_dues(tx, group.group_id, member_id=member.id))
    match event.kind:
        case "pay" if owed:
            await contributions.record(tx, group, member, amount_minor=owed, holder=officer)
        case "part":
            amount = max(1, min(event.amount, owed or event.amount) // 2)
            await contributions.record(tx, group, member, amount_minor=amount, holder=officer)
        case "advance":
            await contributions.record(tx, group, member, amount_minor=owed + event.amount, holder=officer)
        case "claim":
            await contributions.claim(tx, group, member, amount_minor=owed or event.amount)
        case "answer" | "decline":
            claims = await contributions.waiting_claims(tx, group.group_id)
            if claims and event.kind == "decline":
                await contributions.decline(tx, group, claims[0])
            elif claims:
                payer = await groups.member(tx, group.group_id, claims[0].member_id)
                amount = claims[0].amount_minor
                await contributions.record(tx, group, payer, amount_minor=amount, holder=officer, claimed=claims[0])
        case "keep":
            held = await groups.member(tx, group.group_id, member.id, lock=True)
            await payouts.net_debts(tx, group, held)
        case "reverse":
            recorded = (
                await tx.session.scalars(
                    select(Payment)
                    .where(Payment.group_id == group.group_id, Payment.reversed_at.is_(None))
                    .order_by(Payment.created_at, Payment.id)
                )
            ).all()
            if recorded:
                await contributions.reverse(tx, group, recorded[event.who % len(recorded)], reason="test")
        case "payout":
            waiting = [one for one in await payouts.waiting(tx, group) if one.now_minor > 0]
            if waiting:
                await payouts.pay(tx, group, waiting[event.who % len(waiting)].leg.id, payer=officer)
        case "deny":
            paid = (
                await tx.session.scalars(
                    select(Leg)
                    .where(Leg.group_id == group.group_id, Leg.paid_at.is_not(None))
                    .order_by(Leg.created_at, Leg.id)
                )
            ).all()
            if paid:
                leg = paid[event.who % len(paid)]
                if event.amount % 2:
                    await payouts.receive(tx, group, leg)
                else:
                    await payouts.take_back(tx, group, leg, denied=True)


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
    tenant_id = await make_tenant("book", "Book")
    clock.set_to(START)
    # One round of two lots would be eaten by a fee of one instalment.
    per_round = 2 if several and len(lots) in (4, 6) else 1
    async with transaction(tenant_id, now=clock.now()) as tx:
        group = await _group(tx, lots, per_round, fee, contribution, ways)
    await agenda.wake(tenant_id, group.group_id, fetch)
    for event in history:
        await _happen(tenant_id, group.group_id, event)
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
    tenant_id = await make_tenant("book", "Book")
    clock.set_to(START)
    async with transaction(tenant_id, now=clock.now()) as tx:
        group = await _group(tx, lots, 1, fee, contribution, ways)
    await agenda.wake(tenant_id, group.group_id, fetch)
    for event in history:
        await _happen(tenant_id, group.group_id, event)
    for _ in range(len(lots) * 3 + 5):
        async with transaction(tenant_id, now=clock.now()) as tx:
            present = await groups.by_id(tx, group.group_id)
            if present.status == "closed":
                break
            count = len(await groups.seats(tx, group.group_id))
        for who in range(count):
            await _happen(tenant_id, group.group_id, Event("pay", who, 1))
        for _ in range(3 * count):
            await _happen(tenant_id, group.group_id, Event("payout", 0, 1))
        await _happen(tenant_id, group.group_id, Event("pass", 7, 1))
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
