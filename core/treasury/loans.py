"""Loans out of a pot: lent to a member with the consent of those whose pot it is, repaid in parts with later rounds.

The money leaves the pot at once and comes back into the same pot with every part, so that its holders receive the rest
as it is repaid. What is to be repaid are dues of the kind ``loan``. Refuses more than the rules let be lent of a pot, a
pot whose lot is not found yet or that is paid out, and parts beyond the cycle's end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import groups, ledger, payouts
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Proposal
from core.cycle import rounds
from core.cycle.rounds import Round
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member, Seat
from core.ids import new_id
from core.messages import Message
from core.money import split
from core.operator.audit import note
from core.payouts import Leg, Payout
from core.telling import money_notices


class Loan(Base):
    """Money lent out of ``account``, a pot; ``reversed_at``: taken back. How much is repaid is asked of its dues."""

    __tablename__ = "loans"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    member_id: Mapped[UUID]
    account: Mapped[str]
    amount_minor: Mapped[int]
    given_at: Mapped[datetime]
    given_by: Mapped[str]
    reversed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Offer:
    """What could be lent now: out of which round's pot, how much at most, over how many rounds at most."""

    round: Round
    most_minor: int
    most_parts: int


async def offer(tx: Tx, group: Group) -> Offer:
    """The newest pot that waits for its holders. Raises ``Refusal``: ``loan.none``, ``loan.no_pot``."""
    if not group.rule_set.loan_per_mille:
        raise Refusal("loan.none", group=group.name)
    round_ = await tx.session.scalar(
        select(Round)
        .join(Payout, (Payout.group_id == Round.group_id) & (Payout.round_id == Round.id))
        .join(Leg, (Leg.group_id == Payout.group_id) & (Leg.payout_id == Payout.id))
        .where(
            Round.group_id == group.group_id,
            Round.cycle == group.cycle,
            Payout.kind == "pot",
            Leg.paid_at.is_(None),
        )
        .order_by(Round.number.desc())
        .limit(1)
    )
    if round_ is None:
        raise Refusal("loan.no_pot")
    whole = (await payouts.gross_parts(tx, round_, 1))[0]
    lent = await _lent(tx, group, round_)
    there = await ledger.balance(tx.session, group_id=group.group_id, account=round_.pot)
    most = min(whole * group.rule_set.loan_per_mille // 1000 - lent, there)
    parts = len(await _following(tx, round_))
    if most <= 0 or not parts:
        raise Refusal("loan.no_pot")
    return Offer(round_, most, parts)


async def _lent(tx: Tx, group: Group, round_: Round) -> int:
    lent = await tx.session.scalar(
        select(func.coalesce(func.sum(Loan.amount_minor), 0)).where(
            Loan.group_id == group.group_id, Loan.account == round_.pot, Loan.reversed_at.is_(None)
        )
    )
    return int(lent or 0)


async def _following(tx: Tx, round_: Round) -> Sequence[Round]:
    """The rounds of the cycle that fall due after now."""
    rows = await tx.session.scalars(
        select(Round)
        .where(Round.group_id == round_.group_id, Round.cycle == round_.cycle, Round.number > round_.number)
        .where(Round.due_at > tx.now)
        .order_by(Round.number)
    )
    return rows.all()


async def propose(
    tx: Tx, group: Group, by: Member, borrower: Seat, *, amount_minor: int, parts: int
) -> Loan | Proposal:
    """An officer asks the holders whose pot it is; when all of them are the officer, or have said yes, it is lent.

    Raises ``Refusal``: ``loan.…``, ``amount.…``.
    """
    found = await check(tx, group, borrower.member, amount_minor=amount_minor, parts=parts)
    holders = await _holders(tx, group, found.round)
    asked = [who for who in holders if who.id != by.id]
    payload = {
        "member": str(borrower.member.id),
        "round": str(found.round.id),
        "amount_minor": amount_minor,
        "parts": parts,
        "officer": str(by.id),
    }
    if not asked:
        return await lend(tx, group, payload)
    question = say.LOAN_QUESTION(
        group=group.name,
        name=borrower.person.name,
        amount=group.money(amount_minor),
        round=found.round.number,
        count=parts,
    )
    return await proposals.propose(tx, group, by, "loan", payload, asked=asked, question=question)


async def check(tx: Tx, group: Group, borrower: Member, *, amount_minor: int, parts: int) -> Offer:
    """Raise ``Refusal("loan.…")`` for a loan that cannot be given now; what could be, otherwise."""
    if amount_minor <= 0:
        raise Refusal("amount.not_positive")
    found = await offer(tx, group)
    if amount_minor > found.most_minor:
        raise Refusal("loan.too_much", amount=group.money(found.most_minor))
    if not 1 <= parts <= found.most_parts:
        raise Refusal("loan.parts", most=found.most_parts)
    if borrower.id in {who.id for who in await _holders(tx, group, found.round)}:
        raise Refusal("loan.own_pot")
    if not await groups.holdings(tx, group, member_id=borrower.id):
        raise Refusal("loan.no_lot")
    return found


async def _holders(tx: Tx, group: Group, round_: Round) -> list[Member]:
    """Whose pots the round's are: the holders of legs that wait."""
    rows = await tx.session.scalars(
        select(Member)
        .join(Leg, (Leg.group_id == Member.group_id) & (Leg.member_id == Member.id))
        .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
        .where(Payout.group_id == group.group_id, Payout.round_id == round_.id, Leg.paid_at.is_(None))
        .order_by(Member.number)
        .distinct()
    )
    return list(rows.all())


async def holders_of(tx: Tx, group: Group, account: str) -> list[Member]:
    """Whose pots a loan came out of, paid by now or not."""
    rows = await tx.session.scalars(
        select(Member)
        .join(Leg, (Leg.group_id == Member.group_id) & (Leg.member_id == Member.id))
        .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
        .join(Round, (Round.group_id == Payout.group_id) & (Round.id == Payout.round_id))
        .where(
            Payout.group_id == group.group_id,
            Payout.kind == "pot",
            func.concat("pot/", Round.cycle, "/", Round.number) == account,
        )
        .order_by(Member.number)
        .distinct()
    )
    return list(rows.all())


async def lend(tx: Tx, group: Group, payload: dict[str, Any]) -> Loan:
    """Give the loan: out of the pot, by the officer's hand; its parts fall due with later rounds."""
    round_ = await tx.session.get(Round, (group.group_id, UUID(payload["round"])), with_for_update=True)
    borrower = await groups.seat(tx, group.group_id, UUID(payload["member"]))
    officer = await groups.seat(tx, group.group_id, UUID(payload["officer"]))
    amount, parts = int(payload["amount_minor"]), int(payload["parts"])
    found = await check(tx, group, borrower.member, amount_minor=amount, parts=parts)
    if round_ is None or found.round.id != round_.id:
        raise Refusal("loan.no_pot")
    loan = Loan(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        member_id=borrower.member.id,
        account=round_.pot,
        amount_minor=amount,
        given_at=tx.now,
        given_by=tx.actor,
        reversed_at=None,
    )
    tx.session.add(loan)
    await tx.session.flush()
    await _make_dues(tx, group, loan, round_, parts)
    posting = ledger.Posting(
        kind="loan",
        debit=round_.pot,
        credit=f"held/{officer.member.number}",
        amount_minor=amount,
        currency=group.currency,
        reference=f"loan:{loan.id}",
        memo=f"to member {borrower.member.number}",
    )
    await ledger.post(tx.session, group_id=group.group_id, postings=[posting], at=tx.now)
    await note(tx, "loan.given", group_id=group.group_id, subject=f"loan:{loan.id}", amount_minor=amount, parts=parts)
    await money_notices.loan_given(tx, group, borrower, officer, amount_minor=amount, parts=parts, number=round_.number)
    return loan


async def _make_dues(tx: Tx, group: Group, loan: Loan, round_: Round, parts: int) -> None:
    held = (await groups.holdings(tx, group, member_id=loan.member_id))[0]
    holding = await tx.session.get(groups.Holding, (group.group_id, held.holding_id))
    if holding is None:
        raise NotFound("member.unknown")
    ordinal = int(
        await tx.session.scalar(
            text(
                "SELECT coalesce(max(d.ordinal), 0) + 1 FROM dues d WHERE d.group_id = :group"
                " AND d.holding_id = :holding AND d.kind = 'loan'"
            ),
            {"group": group.group_id, "holding": holding.id},
        )
        or 1
    )
    following = (await _following(tx, round_))[:parts]
    amounts = split(loan.amount_minor, [Fraction(1, parts)] * parts)
    for later, amount in zip(following, amounts, strict=True):
        await rounds.make_dues(
            tx,
            later,
            [(holding.id, holding.lot_id, loan.member_id, amount)],
            kind="loan",
            account=loan.account,
            ordinal=ordinal,
            loan_id=loan.id,
        )


async def repaid(tx: Tx, group: Group, loan: Loan) -> int:
    """How much of a loan has come back, in minor units."""
    total = await tx.session.scalar(
        text(
            "SELECT coalesce(sum(d.paid_minor), 0)::bigint FROM dues d WHERE d.group_id = :group AND d.loan_id = :loan"
        ),
        {"group": group.group_id, "loan": loan.id},
    )
    return int(total or 0)


async def _carry_out(tx: Tx, group: Group, proposal: Proposal) -> None:
    await lend(tx, group, proposal.payload)


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    borrower = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    return say.LOAN_WHAT(name=borrower.person.name, amount=group.money(int(proposal.payload["amount_minor"])))


proposals.register("loan", proposals.Kind(carry_out=_carry_out, describe=_describe))
