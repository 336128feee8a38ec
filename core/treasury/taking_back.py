"""Taking back what was lent or spent: a reversal with a reason, by the consent of those whom it concerns.

A loan only while nothing but that has happened: no part of it repaid, none excused; its borrower agrees that the money
never came or is back, and, where an officer lent to themselves, the holders of the pot. A spending as it was made, with
another officer or two members. Nothing is edited: the first transfer stays, its opposite stands beside it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update

from core import groups, ledger
from core import sentences as say
from core.consent import others, proposals
from core.consent.proposals import Kind, Proposal
from core.cycle.rounds import Due
from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.messages import Message
from core.operator.audit import note
from core.telling import notices
from core.treasury import loans
from core.treasury.funds import PREFIX
from core.treasury.loans import Loan

LONGEST_REASON = 100


async def loan_of(tx: Tx, group: Group, borrower: Member) -> Loan:
    """The newest loan of a member that stands. Raises ``NotFound("loan.unknown")``."""
    found = await tx.session.scalar(
        select(Loan)
        .where(Loan.group_id == group.group_id, Loan.member_id == borrower.id, Loan.reversed_at.is_(None))
        .order_by(Loan.given_at.desc(), Loan.id.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound("loan.unknown")
    return found


async def check_loan(tx: Tx, group: Group, loan: Loan) -> None:
    """Raise ``Refusal``: ``loan.taken_back``, ``loan.repaid`` when something of it has come back or was excused."""
    if loan.reversed_at is not None:
        raise Refusal("loan.taken_back")
    excused = await tx.session.scalar(
        select(Due.id)
        .where(Due.group_id == group.group_id, Due.loan_id == loan.id, Due.excused_at.is_not(None))
        .limit(1)
    )
    if excused is not None or await loans.repaid(tx, group, loan):
        raise Refusal("loan.repaid")


async def propose_loan(tx: Tx, group: Group, by: Member, loan: Loan, *, reason: str) -> Proposal:
    """An officer asks that a loan be taken back. Raises as ``check_loan`` does, and ``proposal.nobody``."""
    await check_loan(tx, group, loan)
    borrower = await groups.seat(tx, group.group_id, loan.member_id)
    asked = [borrower.member]
    if borrower.member.id == by.id:
        asked = [who for who in await loans.holders_of(tx, group, loan.account) if who.id != by.id]
    who = await groups.seat(tx, group.group_id, by.id)
    question = say.LOAN_BACK_QUESTION(
        group=group.name,
        name=who.person.name,
        to=borrower.person.name,
        amount=group.money(loan.amount_minor),
        reason=reason[:LONGEST_REASON],
    )
    payload = {"loan": str(loan.id), "reason": reason[:LONGEST_REASON]}
    return await proposals.propose(tx, group, by, "loan_back", payload, asked=asked, question=question)


async def _loan_back(tx: Tx, group: Group, proposal: Proposal) -> None:
    loan = await tx.session.get(
        Loan, (group.group_id, UUID(proposal.payload["loan"])), with_for_update=True, populate_existing=True
    )
    if loan is None:
        raise NotFound("loan.unknown")
    await groups.member(tx, group.group_id, loan.member_id, lock=True)
    await check_loan(tx, group, loan)
    reason = str(proposal.payload["reason"])
    await _reverse(tx, group, await _transfer(tx, group, f"loan:{loan.id}"), "loan.reversal", reason)
    loan.reversed_at = tx.now
    await tx.session.execute(
        update(Due)
        .where(Due.group_id == group.group_id, Due.loan_id == loan.id)
        .values(excused_at=tx.now, reason=reason)
        .execution_options(synchronize_session=False)
    )
    await tx.session.flush()
    await note(tx, "loan.taken_back", group_id=group.group_id, subject=f"loan:{loan.id}", reason=reason)
    borrower = await groups.seat(tx, group.group_id, loan.member_id)
    message = say.LOAN_TAKEN_BACK(
        group=group.name, name=borrower.person.name, amount=group.money(loan.amount_minor), reason=reason
    )
    event = f"loan.taken_back:{loan.id}"
    concerned = {who.id for who in await loans.holders_of(tx, group, loan.account)} | {loan.member_id}
    seats = [await groups.seat(tx, group.group_id, member_id) for member_id in concerned]
    # In the order of the members, which is the same every time.
    told = [seat.person.id for seat in sorted(seats, key=lambda seat: seat.member.number)]
    for person_id in told:
        await notices.tell_person(tx, group, person_id, message, event=event)
    await notices.tell_officers(tx, group, "lend", message, event=event, besides=told)


async def _describe_loan(tx: Tx, group: Group, proposal: Proposal) -> Message:
    loan = await tx.session.get(Loan, (group.group_id, UUID(proposal.payload["loan"])))
    if loan is None:
        raise NotFound("loan.unknown")
    borrower = await groups.seat(tx, group.group_id, loan.member_id)
    return say.LOAN_BACK_WHAT(name=borrower.person.name, amount=group.money(loan.amount_minor))


@dataclass(frozen=True)
class Spending:
    """What was spent of a fund and stands."""

    id: UUID
    fund: str
    amount_minor: int
    reason: str
    at: datetime


_SPENT = """
SELECT t.id, t.debit, t.amount_minor, t.memo, t.at FROM ledger_transfers t
WHERE t.group_id = $1 AND t.kind = 'spend' AND NOT EXISTS
    (SELECT 1 FROM ledger_transfers b WHERE b.group_id = $1 AND b.reverses = t.id)
ORDER BY t.at DESC, t.seq DESC
"""


async def spendings(tx: Tx, group: Group) -> list[Spending]:
    """What was spent and stands, the newest first."""
    rows = await tx.rows(_SPENT, group.group_id)
    return [Spending(row[0], row[1].removeprefix(PREFIX), row[2], row[3], row[4]) for row in rows]


async def spending(tx: Tx, group: Group, *, fund: str | None = None, spending_id: UUID | None = None) -> Spending:
    """The newest of a fund, or one by its id. Raises ``NotFound("spend.unknown")``."""
    for one in await spendings(tx, group):
        if (fund is None or one.fund == fund) and (spending_id is None or one.id == spending_id):
            return one
    raise NotFound("spend.unknown")


async def propose_spending(tx: Tx, group: Group, by: Member, spent: Spending, *, reason: str) -> Proposal:
    """An officer asks that a spending be taken back. Raises ``Refusal("proposal.nobody")``."""
    asked, needed = await others.than(tx, group, by, "spend")
    who = await groups.seat(tx, group.group_id, by.id)
    question = say.SPEND_BACK_QUESTION(
        group=group.name,
        name=who.person.name,
        amount=group.money(spent.amount_minor),
        fund=spent.fund,
        said=spent.reason,
        reason=reason[:LONGEST_REASON],
    )
    payload = {"spending": str(spent.id), "reason": reason[:LONGEST_REASON]}
    return await proposals.propose(tx, group, by, "spend_back", payload, asked=asked, question=question, needed=needed)


async def _spend_back(tx: Tx, group: Group, proposal: Proposal) -> None:
    spent = await spending(tx, group, spending_id=UUID(proposal.payload["spending"]))
    reason = str(proposal.payload["reason"])
    await _reverse(tx, group, spent.id, "spend.reversal", reason)
    await note(tx, "fund.spending_taken_back", group_id=group.group_id, subject=f"fund:{spent.fund}", reason=reason)
    message = say.SPEND_TAKEN_BACK(
        group=group.name, amount=group.money(spent.amount_minor), fund=spent.fund, said=spent.reason, reason=reason
    )
    await notices.tell_members(tx, group, message, event=f"spend.taken_back:{spent.id}")


async def _describe_spending(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.SPEND_BACK_WHAT()


async def _transfer(tx: Tx, group: Group, reference: str) -> UUID:
    found = await tx.session.scalar(
        text("SELECT t.id FROM ledger_transfers t WHERE t.group_id = :group AND t.reference = :reference"),
        {"group": group.group_id, "reference": reference},
    )
    if found is None:
        raise RuntimeError(f"nothing was posted as {reference}")
    return UUID(str(found))


async def _reverse(tx: Tx, group: Group, transfer_id: UUID, kind: str, reason: str) -> None:
    reversal = ledger.Reversal(reverses=transfer_id, kind=kind, reference=f"reversal:{transfer_id}", memo=reason)
    await ledger.post(tx.session, group_id=group.group_id, postings=[reversal], at=tx.now)


proposals.register("loan_back", Kind(carry_out=_loan_back, describe=_describe_loan))
proposals.register("spend_back", Kind(carry_out=_spend_back, describe=_describe_spending))
