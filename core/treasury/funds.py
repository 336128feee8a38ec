"""Funds of a group: what was deducted from pots or fined, spent with the consent of others, given back to members.

A fund is an account of the ledger (``fund/<name>``), and what it holds is asked of the ledger. Refuses to spend more
than it holds, and to let one person spend it alone.
"""

from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from core import groups, ledger, payouts
from core import sentences as say
from core.consent import others, proposals
from core.consent.proposals import Proposal
from core.cycle.rounds import Round
from core.db import Tx
from core.errors import NotFound, Refusal
from core.folding import fold
from core.groups import Group, Lot, Member
from core.ids import new_id
from core.messages import Message
from core.money import split
from core.operator.audit import note
from core.payouts import Payout
from core.telling import money_notices

PREFIX = "fund/"
# Fines that go back to the members wait here for the cycle's end.
OF_MEMBERS = "fund/members"
# What was promised to others is not shared out.
CHARITY = "charity"


async def of_group(tx: Tx, group: Group) -> dict[str, int]:
    """Name → what the fund holds, in minor units."""
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    return {name.removeprefix(PREFIX): held for name, held in balances.items() if name.startswith(PREFIX)}


async def called(tx: Tx, group: Group, typed: str) -> str:
    """The fund that somebody typed. Raises ``NotFound("fund.unknown")``."""
    known = await of_group(tx, group)
    found = next((name for name in known if fold(name) == fold(typed)), None)
    if found is None:
        raise NotFound("fund.unknown", typed=typed[:30])
    return found


async def propose_spending(tx: Tx, group: Group, by: Member, *, fund: str, amount_minor: int, reason: str) -> Proposal:
    """An officer wants to spend of a fund: another officer must agree, or, where there is none, two members.

    Raises ``Refusal``: ``fund.not_enough``, ``fund.kept`` (it belongs to the members), ``proposal.nobody``.
    """
    await _check(tx, group, fund, amount_minor)
    asked, needed = await others.than(tx, group, by, "spend")
    payload = {"fund": fund, "amount_minor": amount_minor, "reason": reason[:100], "officer": str(by.id)}
    who = await groups.seat(tx, group.group_id, by.id)
    question = say.SPEND_QUESTION(
        group=group.name, name=who.person.name, amount=group.money(amount_minor), fund=fund, reason=reason[:100]
    )
    return await proposals.propose(tx, group, by, "spend", payload, asked=asked, question=question, needed=needed)


async def _check(tx: Tx, group: Group, fund: str, amount_minor: int) -> None:
    if amount_minor <= 0:
        raise Refusal("amount.not_positive")
    if PREFIX + fund == OF_MEMBERS:
        raise Refusal("fund.kept")
    held = await ledger.balance(tx.session, group_id=group.group_id, account=PREFIX + fund)
    if amount_minor > held:
        raise Refusal("fund.not_enough", amount=group.money(held))


async def spend(tx: Tx, group: Group, payload: dict[str, Any]) -> None:
    """Take it out of the fund, into the officer's hand who spends it; what for stands in the book."""
    fund, amount = str(payload["fund"]), int(payload["amount_minor"])
    await _check(tx, group, fund, amount)
    officer = await groups.seat(tx, group.group_id, UUID(payload["officer"]))
    posting = ledger.Posting(
        kind="spend",
        debit=PREFIX + fund,
        credit=f"held/{officer.member.number}",
        amount_minor=amount,
        currency=group.currency,
        reference=f"spend:{new_id()}",
        memo=str(payload["reason"]),
    )
    await ledger.post(tx.session, group_id=group.group_id, postings=[posting], at=tx.now)
    await note(
        tx,
        "fund.spent",
        group_id=group.group_id,
        subject=f"fund:{fund}",
        amount_minor=amount,
        reason=str(payload["reason"]),
    )


async def to_share(tx: Tx, group: Group) -> dict[str, int]:
    """Account → what is the members' when the cycle closes and not promised to them yet, in minor units."""
    balances = await ledger.balances(tx.session, group_id=group.group_id)
    promised = await tx.session.scalar(
        text(
            "SELECT coalesce(sum(g.amount_minor), 0)::bigint FROM payout_legs g JOIN payouts p"
            " ON p.group_id = g.group_id AND p.id = g.payout_id"
            " WHERE g.group_id = :group AND p.kind = 'dividend' AND g.paid_at IS NULL"
        ),
        {"group": group.group_id},
    )
    found = {OF_MEMBERS: balances.get(OF_MEMBERS, 0) - int(promised or 0)}
    if group.rule_set.closing == "share":
        found |= {name: held for name, held in balances.items() if name.startswith(PREFIX) and not _has_owner(name)}
    return {name: held for name, held in found.items() if held > 0}


def _has_owner(account: str) -> bool:
    """Whether a fund is somebody's: charity's, a refund's, a short place's; or holds what is shared out already."""
    name = account.removeprefix(PREFIX)
    return account == OF_MEMBERS or name == CHARITY or name.startswith(("refund-", "place-"))


async def share_out(tx: Tx, group: Group) -> int:
    """At the cycle's end: what was kept for the members is theirs, in equal parts by lots; how much is new of it.

    Where the rules say so that is every fund that is nobody's. Each lot's part is a payout of the kind ``dividend`` in
    the last round, split among its holders by their shares.
    """
    last = await tx.session.scalar(
        select(Round)
        .where(Round.group_id == group.group_id, Round.cycle == group.cycle)
        .order_by(Round.number.desc())
        .limit(1)
    )
    found = await to_share(tx, group)
    whole = sum(found.values())
    if last is None or not whole:
        return 0
    postings = [
        ledger.Posting(
            kind="fund.share",
            debit=account,
            credit=OF_MEMBERS,
            amount_minor=held,
            currency=group.currency,
            reference=f"share:{last.id}:{account}:{new_id()}",
        )
        for account, held in found.items()
        if account != OF_MEMBERS
    ]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    lots = (
        await tx.session.scalars(
            select(Lot)
            .where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.status == "active")
            .order_by(Lot.number)
        )
    ).all()
    for lot, part in zip(lots, split(whole, [Fraction(1, len(lots))] * len(lots)), strict=True):
        if part:
            await _promise(tx, group, last, lot, part)
    await note(tx, "fund.shared", group_id=group.group_id, subject=f"cycle:{group.cycle}", amount_minor=whole)
    return whole


async def _promise(tx: Tx, group: Group, last: Round, lot: Lot, part_minor: int) -> None:
    """A lot's part; what came after an earlier one was shared out is added to it."""
    payout = await tx.session.scalar(
        select(Payout).where(
            Payout.group_id == group.group_id,
            Payout.round_id == last.id,
            Payout.lot_id == lot.id,
            Payout.kind == "dividend",
        )
    )
    if payout is None:
        payout = Payout(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            round_id=last.id,
            lot_id=lot.id,
            kind="dividend",
            gross_minor=0,
            deductions=[],
            amount_minor=0,
            approved_at=tx.now,
            approved_by="rules",
            created_at=tx.now,
        )
        tx.session.add(payout)
    payout.gross_minor += part_minor
    payout.amount_minor += part_minor
    await tx.session.flush()
    holders = await payouts.holders(tx, group, lot.id)
    parts = split(part_minor, [holding.share for holding, _ in holders])
    legs = [(holding.id, who.id, one) for (holding, who), one in zip(holders, parts, strict=True)]
    await payouts.add_legs(tx, payout, legs, kind="dividend")


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    payload = proposal.payload
    return say.SPEND_WHAT(
        amount=group.money(int(payload["amount_minor"])), fund=str(payload["fund"]), reason=str(payload["reason"])
    )


async def _carry_out(tx: Tx, group: Group, proposal: Proposal) -> None:
    await spend(tx, group, proposal.payload)
    await money_notices.spent(tx, group, proposal)


proposals.register("spend", proposals.Kind(carry_out=_carry_out, describe=_describe))
