"""Any equb at all, for property tests: a random rule set, a random book of lots, and whatever may happen to them.

Strategies of Hypothesis build rules that fit together, every rule at once; ``happen`` does one thing as the program's
own verbs do it, with the consent of all who are asked, and what a rule refuses simply does not happen.
"""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import select, text
from talking import fetch

import core.talking.conversation  # noqa: F401 (registers every kind of proposal)
from core import clock, groups, payouts, people
from core.consent import pauses, proposals
from core.cycle import agenda, cycles, pausing, rounds
from core.cycle.rounds import Due
from core.db import Tx, transaction
from core.errors import NotFound, Refusal
from core.groups import Group, Member, Seat
from core.ids import new_id
from core.membership import excusing, guarantors, joining_late, leaving, replacing
from core.order import auctions, needs, orders, turns
from core.payouts import Leg, Payout
from core.rules import Auction, Deduction, Fee, Fine, Leaving, Pause, Rhythm, Rules, Stage
from core.treasury import contributions, disputes, fines, funds, loans, taking_back
from core.treasury.contributions import Payment

ways_to_fill_a_lot = st.sampled_from(
    [
        (Fraction(1),),
        (Fraction(1),),
        (Fraction(1, 2), Fraction(1, 2)),
        (Fraction(3, 10), Fraction(7, 10)),
        (Fraction(1, 3),) * 3,
        (Fraction(1, 7), Fraction(6, 7)),
    ]
)

_fees = st.builds(
    lambda kind, collect: Fee(kind=kind[0], value=kind[1], collect=collect if kind[0] != "none" else "pot"),
    st.sampled_from([("none", 0), ("per_mille", 25), ("flat", 777), ("instalments", 1)]),
    st.sampled_from(["pot", "begin", "round"]),
)
_fines = st.builds(
    Fine,
    kind=st.sampled_from(["none", "flat", "per_mille", "daily", "daily_per_mille"]),
    value=st.sampled_from([7, 50, 333]),
    most_minor=st.sampled_from([0, 400]),
    per=st.sampled_from(["member", "due"]),
    to=st.sampled_from(["fund", "organiser", "charity", "members"]),
    grace_hours=st.sampled_from([0, 30]),
)
_deductions = st.sampled_from(
    [
        (),
        (Deduction(name="reserve", kind="per_mille", value=33),),
        (
            Deduction(name="food", kind="flat", value=101, rounds="first"),
            Deduction(name="reserve", kind="flat", value=7),
        ),
        (Deduction(name="charity", kind="per_mille", value=7), Deduction(name="reserve", kind="per_mille", value=90)),
    ]
)
_auctions = st.builds(Auction, form=st.sampled_from(["open", "sealed"]), share=st.sampled_from(["dividend", "set_off"]))


@st.composite
def rule_sets(draw: st.DrawFn, lots: int) -> Rules | None:
    """A rule set for so many lots; None where what was chosen does not add up, as the rules themselves say."""
    contribution = draw(st.integers(1_000, 250_000))
    order = draw(st.sampled_from(["drawn", "drawn", "drawn_once", "fixed", "need", "auction"]))
    later = draw(
        st.sampled_from([(), (), (Stage(from_round=2, order="auction"),), (Stage(from_round=2, order="need"),)])
    )
    rules = Rules(
        contribution_minor=contribution,
        lots=lots,
        lots_per_round=draw(st.sampled_from([n for n in (1, 1, 2, 3) if lots % n == 0])),
        rhythm=draw(st.sampled_from([Rhythm(kind="weekly"), Rhythm(kind="days", every=3), Rhythm(kind="monthly")])),
        grace_hours=draw(st.sampled_from([0, 20])),
        pauses=draw(st.sampled_from([(), (Pause(kind="fast", fast="advent"),), (Pause(kind="month", month=5),)])),
        order=order,
        later_orders=later,
        first_to_organiser=draw(st.booleans()),
        auction=draw(_auctions),
        guarantors=draw(st.sampled_from([0, 0, 0, 1])),
        fee=draw(_fees),
        fine=draw(_fines),
        deductions=draw(_deductions),
        netting=draw(st.booleans()),
        shortfall=draw(st.sampled_from(["pay_there", "wait", "reserve", "guarantor"])),
        payout_approval=draw(st.booleans()),
        loan_per_mille=draw(st.sampled_from([0, 500])),
        thing=draw(st.sampled_from(["", "", "gabi"])),
        late_joiners=draw(st.sampled_from(["no", "back_pay", "short_place"])),
        leaving=Leaving(fee_per_mille=draw(st.sampled_from([0, 100]))),
        closing=draw(st.sampled_from(["carry", "share"])),
    )
    for name, value in (("", None), *_WITHOUT.items()):
        # What does not fit together is left away, one rule after the other.
        rules = rules.model_copy(update={name: value}) if name else rules
        try:
            rules.check(currency="ETB")
        except Refusal:
            continue
        return rules
    return None


_WITHOUT: dict[str, Any] = {
    "late_joiners": "no",
    "leaving": Leaving(),
    "shortfall": "pay_there",
    "netting": False,
    "deductions": (),
    "fee": Fee(),
    "later_orders": (),
    "lots_per_round": 1,
}


@dataclass(frozen=True)
class Event:
    """Something that happens: ``who`` and ``amount`` pick among the members, payments or legs there are."""

    kind: str
    who: int
    amount: int


_MONEY = ("pay", "pay", "pay", "pay", "part", "advance", "claim", "answer", "decline", "reverse", "keep")
_OUT = ("payout", "payout", "payout", "confirm", "deny", "approve")
_PEOPLE = ("join", "leave", "replace", "excuse", "defer", "suspend", "guarantee", "dispute")
_OTHER = ("fine", "forgive", "bid", "decide", "swap", "loan", "unloan", "spend", "unspend", "pause", "resume")
events = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from([*_MONEY, *_OUT, *_PEOPLE, *_OTHER, *["pass"] * 6]),
        who=st.integers(0, 10_000),
        amount=st.integers(1, 250_000),
    ),
    min_size=20,
    max_size=45,
)


async def person(tx: Tx, name: str) -> people.Person:
    """Somebody without a phone: nobody needs to hear anything here."""
    made = people.Person(
        id=new_id(),
        tenant_id=tx.tenant_id,
        name=name,
        language="en",
        consented_at=tx.now,
        erased_at=None,
        last_group_id=None,
        created_at=tx.now,
    )
    tx.session.add(made)
    await tx.session.flush()
    return made


async def found(tx: Tx, lots: list[tuple[Fraction, ...]], rules: Rules) -> Group:
    """The group, begun: every third part belongs to somebody who holds one already."""
    group = await groups.found(tx, None, name="Any", currency="ETB", rules=rules)
    members: list[Member] = []
    count = 0
    for lot_number, shares in enumerate(lots, 1):
        holders: set[UUID] = set()
        for share in shares:
            count += 1
            member = members[count % len(members)] if members and count % 3 == 0 else None
            if member is None or member.id in holders:
                role = "secretary" if len(members) == 1 else "member" if members else "organiser"
                who = await person(tx, f"P{count}")
                member = await groups.join(tx, group, who, share=Fraction(0), role=role)
                members.append(member)
            holders.add(member.id)
            await groups.hold(tx, group, member, lot_number=lot_number, share=share)
    await cycles.begin(tx, group, timezone="Africa/Addis_Ababa")
    return group


async def happen(tenant_id: UUID, group_id: UUID, event: Event) -> bool:
    """Do one thing; whether the rules let it happen."""
    if event.kind == "pass":
        clock.set_to(clock.now() + timedelta(days=event.who % 9 + 1))
        await agenda.wake(tenant_id, group_id, fetch)
        return True
    try:
        async with transaction(tenant_id, now=clock.now()) as tx:
            group = await groups.by_id(tx, group_id)
            # Who has left may still owe, and only pays.
            seats = await groups.seats(tx, group_id, left=event.kind == "pay")
            await _ACTS[event.kind](Doing(tx, group, seats, seats[event.who % len(seats)], event))
            await agenda.look_again(tx, group)
        await agenda.wake(tenant_id, group_id, fetch)
    except (Refusal, NotFound):
        return False
    return True


@dataclass(frozen=True)
class Doing:
    """What an act has at hand."""

    tx: Tx
    group: Group
    seats: Any
    seat: Seat
    event: Event

    @property
    def officer(self) -> Seat:
        found: Seat = next(seat for seat in self.seats if seat.member.role == "organiser")
        return found

    @property
    def other(self) -> Seat:
        found: Seat = self.seats[self.event.amount % len(self.seats)]
        return found

    async def owed(self) -> int:
        dues = await rounds.open_dues(self.tx, self.group.group_id, member_id=self.seat.member.id)
        return sum(due.open_minor for due in dues)

    async def pick(self, query: Any) -> Any:
        rows = (await self.tx.session.scalars(query)).all()
        if not rows:
            raise Refusal("nothing.there")
        return rows[self.event.who % len(rows)]

    async def agreed(self, proposal: proposals.Proposal) -> None:
        """All who are asked say yes."""
        for vote in await proposals.votes_of(self.tx, proposal):
            if proposal.settled_at is None:
                who = await groups.member(self.tx, self.group.group_id, vote.member_id)
                await proposals.answer(self.tx, self.group, proposal.id, who, yes=True)


async def _pay(doing: Doing) -> None:
    owed = await doing.owed()
    if not owed and doing.seat.member.status == "left":
        raise Refusal("nothing.there")
    more = {"pay": 0, "part": -(owed // 2), "advance": doing.event.amount}[doing.event.kind]
    amount = owed + more or doing.event.amount
    await contributions.record(
        doing.tx, doing.group, doing.seat.member, amount_minor=amount, holder=doing.officer.member
    )


async def _claim(doing: Doing) -> None:
    amount = await doing.owed() or doing.event.amount
    await contributions.claim(doing.tx, doing.group, doing.seat.member, amount_minor=amount)


async def _answer(doing: Doing) -> None:
    claims = await contributions.waiting_claims(doing.tx, doing.group.group_id)
    if not claims:
        raise Refusal("nothing.there")
    if doing.event.kind == "decline":
        await contributions.decline(doing.tx, doing.group, claims[0])
        return
    payer = await groups.member(doing.tx, doing.group.group_id, claims[0].member_id)
    amount = claims[0].amount_minor
    await contributions.record(
        doing.tx, doing.group, payer, amount_minor=amount, holder=doing.officer.member, claimed=claims[0]
    )


async def _a_payment(doing: Doing) -> Payment:
    found: Payment = await doing.pick(
        select(Payment)
        .where(Payment.group_id == doing.group.group_id, Payment.reversed_at.is_(None))
        .order_by(Payment.created_at, Payment.id)
    )
    return found


async def _reverse(doing: Doing) -> None:
    await contributions.reverse(doing.tx, doing.group, await _a_payment(doing), reason="test")


async def _dispute(doing: Doing) -> None:
    """A member disputes a receipt, a due or what they got; an officer answers, corrected or not."""
    tx, group = doing.tx, doing.group
    member, group_id = doing.seat.member.id, group.group_id
    ask: list[tuple[str, Any]] = [
        ("payment", select(Payment.id).where(Payment.group_id == group_id, Payment.member_id == member)),
        ("due", select(Due.id).where(Due.group_id == group_id, Due.member_id == member)),
        ("leg", select(Leg.id).where(Leg.group_id == group_id, Leg.member_id == member)),
    ]
    about, mine = ask[doing.event.amount % 3]
    subject = await disputes.subject_of(tx, group, about, await doing.pick(mine.order_by(text("id"))))
    raised = await disputes.raise_(tx, group, doing.seat.member, subject, "that is wrong")
    outcome: Literal["corrected", "stands"] = "corrected" if doing.event.amount % 2 else "stands"
    await disputes.answer(tx, group, raised, by=None, outcome=outcome, words="looked at")


async def _keep(doing: Doing) -> None:
    held = await groups.member(doing.tx, doing.group.group_id, doing.seat.member.id, lock=True)
    await payouts.net_debts(doing.tx, doing.group, held)


async def _payout(doing: Doing) -> None:
    waiting = [one for one in await payouts.waiting(doing.tx, doing.group) if one.now_minor > 0]
    if not waiting:
        raise Refusal("nothing.there")
    one = waiting[doing.event.who % len(waiting)]
    supplier = "Weaver" if doing.group.rule_set.thing else None
    await payouts.pay(doing.tx, doing.group, one.leg.id, payer=doing.officer.member, supplier=supplier)


async def _approve(doing: Doing) -> None:
    payout = await doing.pick(
        select(Payout).where(Payout.group_id == doing.group.group_id, Payout.approved_at.is_(None)).order_by(Payout.id)
    )
    doing.tx.actor = "test:approver"
    await payouts.approve(doing.tx, doing.group, payout)


async def _confirm(doing: Doing) -> None:
    leg = await doing.pick(
        select(Leg).where(Leg.group_id == doing.group.group_id, Leg.paid_at.is_not(None)).order_by(Leg.id)
    )
    if doing.event.kind == "confirm":
        await payouts.receive(doing.tx, doing.group, leg)
    else:
        await payouts.take_back(doing.tx, doing.group, leg, denied=True)


async def _join(doing: Doing) -> None:
    await joining_late.terms(doing.tx, doing.group)
    if len(doing.seats) > 12:
        raise Refusal("enough")
    who = await groups.enrol(doing.tx, doing.group, await person(doing.tx, f"Late {doing.event.who}"))
    await joining_late.admit(doing.tx, doing.group, who)


async def _leave(doing: Doing) -> None:
    await leaving.leave(doing.tx, doing.group, doing.seat.member)


async def _replace(doing: Doing) -> None:
    newcomer = await person(doing.tx, f"New {doing.event.who}")
    place, by = doing.seat.member.id, doing.officer.member.id
    debts = bool(doing.event.amount % 2)
    await replacing.accept(
        doing.tx, doing.group, newcomer, place_id=place, by_id=by, dead=doing.event.amount % 3 == 0, debts=debts
    )
    for proposal in await proposals.open_proposals(doing.tx, doing.group):
        await doing.agreed(proposal)


async def _excuse(doing: Doing) -> None:
    number = doing.event.amount % 3 or None
    await excusing.excuse(doing.tx, doing.group, doing.seat, round_number=number, reason="ill")


async def _defer(doing: Doing) -> None:
    until = clock.now() + timedelta(days=doing.event.amount % 20 + 1)
    await excusing.defer(doing.tx, doing.group, doing.seat, until=until, reason="ill")


async def _suspend(doing: Doing) -> None:
    await excusing.suspend(doing.tx, doing.group, doing.seat, reason="test")


async def _guarantee(doing: Doing) -> None:
    await guarantors.give(doing.tx, doing.group, doing.seat, doing.other.member)


async def _fine(doing: Doing) -> None:
    await fines.impose(
        doing.tx, doing.group, doing.seat.member, amount_minor=doing.event.amount % 500 + 1, reason="late"
    )


async def _forgive(doing: Doing) -> None:
    due = await doing.pick(select(Due).where(Due.group_id == doing.group.group_id, Due.kind == "fine").order_by(Due.id))
    await excusing.excuse_due(doing.tx, doing.group, due.id, reason="test")


async def _bid(doing: Doing) -> None:
    most = auctions.most_minor(doing.group.rule_set)
    discount = doing.event.amount % max(most, 1) + 1
    await auctions.bid(
        doing.tx, doing.group, doing.seat.member, doing.seat.person.name, discount_minor=min(discount, most)
    )


async def _decide(doing: Doing) -> None:
    # About an officer's own lot another decides; here the administrator.
    officer = None if doing.seat.member.id == doing.officer.member.id else doing.officer
    round_, held = await needs.decide(doing.tx, doing.group, doing.seat, officer=officer)
    await orders.decided(doing.tx, doing.group, round_, held)
    await agenda.wake_now(doing.tx, doing.group)


async def _swap(doing: Doing) -> None:
    one, _ = await turns.of_member(doing.tx, doing.group, doing.seat.member, "")
    other, _ = await turns.of_member(doing.tx, doing.group, doing.other.member, "")
    if one.id == other.id:
        raise Refusal("order.same_lot")
    await turns.swap(doing.tx, doing.group, one, other)


async def _loan(doing: Doing) -> None:
    amount, parts = doing.event.amount % 2_000 + 1, doing.event.amount % 3 + 1
    made = await loans.propose(
        doing.tx, doing.group, doing.officer.member, doing.seat, amount_minor=amount, parts=parts
    )
    if isinstance(made, proposals.Proposal):
        await doing.agreed(made)


async def _unloan(doing: Doing) -> None:
    loan = await taking_back.loan_of(doing.tx, doing.group, doing.seat.member)
    await doing.agreed(await taking_back.propose_loan(doing.tx, doing.group, doing.officer.member, loan, reason="test"))


async def _spend(doing: Doing) -> None:
    known = sorted(name for name, held in (await funds.of_group(doing.tx, doing.group)).items() if held > 0)
    if not known:
        raise Refusal("nothing.there")
    fund, amount = known[doing.event.who % len(known)], doing.event.amount % 500 + 1
    await doing.agreed(
        await funds.propose_spending(
            doing.tx, doing.group, doing.officer.member, fund=fund, amount_minor=amount, reason="tea"
        )
    )


async def _unspend(doing: Doing) -> None:
    spent = await taking_back.spending(doing.tx, doing.group)
    proposal = await taking_back.propose_spending(doing.tx, doing.group, doing.officer.member, spent, reason="test")
    await doing.agreed(proposal)


async def _pause(doing: Doing) -> None:
    until = await pausing.until_after(doing.tx, doing.group, doing.event.amount % 3 + 1)
    await doing.agreed(
        await pauses.propose(doing.tx, doing.group, doing.officer.member, until_on=until, reason="a funeral")
    )


async def _resume(doing: Doing) -> None:
    await doing.agreed(await pauses.propose_resuming(doing.tx, doing.group, doing.officer.member))


_ACTS = {
    **dict.fromkeys(("pay", "part", "advance"), _pay),
    **dict.fromkeys(("answer", "decline"), _answer),
    **dict.fromkeys(("confirm", "deny"), _confirm),
    "claim": _claim,
    "reverse": _reverse,
    "keep": _keep,
    "payout": _payout,
    "approve": _approve,
    "join": _join,
    "leave": _leave,
    "replace": _replace,
    "excuse": _excuse,
    "defer": _defer,
    "suspend": _suspend,
    "guarantee": _guarantee,
    "dispute": _dispute,
    "fine": _fine,
    "forgive": _forgive,
    "bid": _bid,
    "decide": _decide,
    "swap": _swap,
    "loan": _loan,
    "unloan": _unloan,
    "spend": _spend,
    "unspend": _unspend,
    "pause": _pause,
    "resume": _resume,
}


async def settle(tenant_id: UUID, group_id: UUID) -> str:
    """Everybody is restored, answered for, pays and is paid, until the cycle closes; the group's status then."""
    for _ in range(80):
        async with transaction(tenant_id, now=clock.now()) as tx:
            group = await groups.by_id(tx, group_id)
            seats = await groups.seats(tx, group_id)
            debtors = await groups.seats(tx, group_id, left=True)
            if group.status != "running":
                return group.status
            suspended = [n for n, seat in enumerate(seats) if seat.member.status == "suspended"]
            vouched = {one.member_id for one in await guarantors.standing(tx, group) if one.cycle == group.cycle}
        for who in suspended:
            await happen(tenant_id, group_id, Event("suspend", who, 1))
        for who in range(len(debtors)):
            await happen(tenant_id, group_id, Event("pay", who, 1))
        for who, seat in enumerate(seats):
            if group.rule_set.guarantors and seat.member.id not in vouched:
                await happen(tenant_id, group_id, Event("guarantee", who, who + 1))
            if "need" in group.rule_set.orders:
                await happen(tenant_id, group_id, Event("decide", who, 1))
        while await happen(tenant_id, group_id, Event("approve", 0, 1)) or await happen(
            tenant_id, group_id, Event("payout", 0, 1)
        ):
            pass
        async with transaction(tenant_id, now=clock.now()) as tx:
            following = (await groups.by_id(tx, group_id)).wake_at or clock.now()
        clock.set_to(max(following, clock.now() + timedelta(days=3)))
        await agenda.wake(tenant_id, group_id, fetch)
    return "running"
