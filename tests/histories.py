"""Random groups and what happens in them: for whatever must hold after any history.

Hypothesis makes groups (shares that fill lots, fees, several lots a round, further rules) and events: payments whole,
in part, late, in advance; claims, reversals; draws; payouts; holders who deny, and debtors who let a debt be kept.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import select
from talking import fetch

from core import clock, groups, payouts, people
from core.cycle import agenda, cycles, rounds
from core.db import Tx, transaction
from core.errors import Refusal
from core.groups import Group
from core.ids import new_id
from core.operator.bootstrap import make_tenant
from core.payouts import Leg
from core.rules import Deduction, Fee, Fine, Rhythm, Rules
from core.treasury import contributions
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


async def group_of(
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


async def happen(tenant_id: UUID, group_id: UUID, event: Event) -> None:
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


async def begun(
    code: str,
    lots: list[tuple[Fraction, ...]],
    fee: Fee,
    contribution: int,
    ways: dict[str, Any],
    *,
    lots_per_round: int = 1,
) -> tuple[UUID, Group]:
    """A tenant of its own with a group whose first round is open, at ``START``."""
    tenant_id = await make_tenant(code, code.title())
    people.forget_tenants()
    clock.set_to(START)
    async with transaction(tenant_id, now=clock.now()) as tx:
        group = await group_of(tx, lots, lots_per_round, fee, contribution, ways)
    await agenda.wake(tenant_id, group.group_id, fetch)
    return tenant_id, group


async def lived(tenant_id: UUID, group: Group, history: list[Event]) -> None:
    """One event after another."""
    for event in history:
        await happen(tenant_id, group.group_id, event)
