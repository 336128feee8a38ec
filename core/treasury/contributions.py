"""Contributions: money that comes in. Claimed by the payer, recorded by an officer, verified by both or a provider.

Only a recorded contribution moves money in the book. It settles the member's dues in their turn
(``core.cycle.rounds.in_turn``); what is left over waits as paid in advance. A mistake is reversed, with a reason, and
both sides hear of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from core import ledger, payouts
from core.cycle import rounds
from core.cycle.rounds import OpenDue, open_dues
from core.db import Base, Tx, columns
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.ids import RECEIPT_CODE_LENGTH, new_code, new_id, tidy_code
from core.money import LARGEST_AMOUNT_MINOR
from core.operator.audit import note
from core.talking import questions
from core.treasury import fines


class Payment(Base):
    """A contribution on its way from said to proved; its instants tell how far it is."""

    __tablename__ = "payments"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    code: Mapped[str]
    member_id: Mapped[UUID]
    amount_minor: Mapped[int]
    method: Mapped[str]
    held_by: Mapped[UUID | None]
    payer_id: Mapped[UUID | None]
    claimed_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime | None]
    recorded_by: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[str | None]
    declined_at: Mapped[datetime | None]
    declined_by: Mapped[str | None]
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[str | None]
    reason: Mapped[str | None]
    reference: Mapped[str | None]
    created_at: Mapped[datetime]

    @property
    def status(self) -> str:
        """claimed, declined, recorded, verified or reversed."""
        if self.reversed_at:
            return "reversed"
        if self.verified_at:
            return "verified"
        if self.recorded_at:
            return "recorded"
        return "declined" if self.declined_at else "claimed"


@dataclass(frozen=True)
class Settled:
    """What a recorded contribution did: the dues it went to (with the part), and what waits as an advance."""

    payment: Payment
    parts: tuple[tuple[OpenDue, int], ...]
    advance_minor: int


async def _write(tx: Tx, group: Group, who: Member, **values: object) -> Payment:
    """Insert a payment with a receipt code that is new in the group."""
    while True:
        row = {
            "group_id": group.group_id,
            "id": new_id(),
            "tenant_id": tx.tenant_id,
            "code": new_code(RECEIPT_CODE_LENGTH),
            "member_id": who.id,
            "created_at": tx.now,
            **values,
        }
        numbers = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        made = await tx.row(
            f"INSERT INTO payments ({', '.join(row)}) VALUES ({numbers})"  # noqa: S608 (our columns)
            f" ON CONFLICT (group_id, code) DO NOTHING RETURNING {columns(Payment, 'payments')}",
            *row.values(),
        )
        if made is not None:
            return tx.entity(Payment, made[:])


def check_amount(amount_minor: int) -> None:
    """Raise ``Refusal("amount.…")`` for what cannot be a contribution."""
    if amount_minor <= 0:
        raise Refusal("amount.not_positive")
    if amount_minor > LARGEST_AMOUNT_MINOR:
        raise Refusal("amount.too_large")


async def claim(
    tx: Tx,
    group: Group,
    who: Member,
    *,
    amount_minor: int,
    method: str = "cash",
    reference: str | None = None,
    payer: Member | None = None,
) -> Payment:
    """The member, or ``payer`` for them, says "I have paid". Nothing moves until an officer records it."""
    check_amount(amount_minor)
    await require_payable(tx, group, who)
    return await _write(
        tx,
        group,
        who,
        amount_minor=amount_minor,
        method=method,
        claimed_at=tx.now,
        reference=reference,
        payer_id=payer.id if payer else None,
    )


def require_cycle(group: Group) -> None:
    """Raise ``Refusal("group.not_running")`` unless a cycle runs."""
    if group.status != "running":
        raise Refusal("group.not_running", group=group.name, status=group.status)


async def require_payable(tx: Tx, group: Group, who: Member) -> None:
    """Raise ``Refusal("group.not_running")`` unless a cycle runs or the member owes something from one before."""
    if group.status == "running" and who.status != "left":
        return
    if not await open_dues(tx, group.group_id, member_id=who.id):
        require_cycle(group)
        raise Refusal("member.not_found", typed=str(who.number), group=group.name)


async def record(
    tx: Tx,
    group: Group,
    who: Member,
    *,
    amount_minor: int,
    holder: Member | None,
    method: str = "cash",
    claimed: Payment | None = None,
    account: str | None = None,
    reference: str | None = None,
    payer: Member | None = None,
) -> Settled:
    """An officer (``holder``, who now has the money) or the clearing ``account`` received a contribution.

    ``payer``: who brought it for them, a guarantor or a friend. ``claimed`` is the payer's
    claim that this answers: both sides agree, so it is verified at once.
    Raises ``Refusal``: ``amount.…``, ``group.not_running``, ``payment.already_recorded``.
    """
    check_amount(amount_minor)
    await require_payable(tx, group, who)
    # One payment of a member at a time: two must not settle the same due.
    await tx.rows("SELECT FROM members WHERE group_id = $1 AND id = $2 FOR NO KEY UPDATE", group.group_id, who.id)
    if claimed is not None:
        payment = await _answer_claim(tx, claimed, amount_minor=amount_minor, holder=holder)
    else:
        payment = await _write(
            tx,
            group,
            who,
            amount_minor=amount_minor,
            method=method,
            held_by=holder.id if holder else None,
            recorded_at=tx.now,
            recorded_by=tx.actor,
            reference=reference,
            payer_id=payer.id if payer else None,
        )
    source = account or f"held/{holder.number if holder else who.number}"
    owed = await open_dues(tx, group.group_id, member_id=who.id)
    # Who brings money for somebody else has been asked for what is overdue.
    parts, advance_minor = allocate(owed if payer else rounds.in_turn(group, owed), amount_minor)
    postings = [
        ledger.Posting(
            kind="contribution",
            debit=source,
            credit=due.account,
            amount_minor=part,
            currency=group.currency,
            reference=f"payment:{payment.id}:{n}",
            payment_id=payment.id,
            due_id=due.due_id,
        )
        for n, (due, part) in enumerate(parts)
    ]
    if advance_minor:
        postings.append(
            ledger.Posting(
                kind="contribution.advance",
                debit=source,
                credit=f"advance/{who.number}",
                amount_minor=advance_minor,
                currency=group.currency,
                reference=f"payment:{payment.id}:advance",
                payment_id=payment.id,
            )
        )
    await ledger.post(tx, group_id=group.group_id, postings=postings, at=tx.now)
    await payouts.after_late_money(tx, group, rounds.late_pots(tx, [due for due, _ in parts]))
    if claimed is not None:
        await fines.answered(tx, group, who.id, claimed_at=claimed.claimed_at or claimed.created_at)
    return Settled(payment, tuple(parts), advance_minor)


# What nobody has answered: neither recorded nor declined nor taken back.
_WAITS = "p.recorded_at IS NULL AND p.declined_at IS NULL AND p.reversed_at IS NULL"
_ANSWER = f"""
UPDATE payments p SET amount_minor = $3, held_by = $4, recorded_at = $5, recorded_by = $6, verified_at = $5,
    verified_by = 'both'
WHERE p.group_id = $1 AND p.id = $2 AND {_WAITS} RETURNING {columns(Payment, "p")}
"""  # noqa: S608 (ours alone)


async def _answer_claim(tx: Tx, claimed: Payment, *, amount_minor: int, holder: Member | None) -> Payment:
    """Record a claim, which proves it; refused when somebody was quicker."""
    holder_id = holder.id if holder else None
    row = await tx.row(_ANSWER, claimed.group_id, claimed.id, amount_minor, holder_id, tx.now, tx.actor)
    if row is None:
        raise Refusal("payment.already_answered", code=claimed.code)
    await questions.settle(tx, claimed.id)
    return tx.entity(Payment, row[:], fresh=True)


def allocate(dues: Sequence[OpenDue], amount_minor: int) -> tuple[list[tuple[OpenDue, int]], int]:
    """Give an amount to dues, in their order: (the parts, what is left over)."""
    parts = []
    left = amount_minor
    for due in dues:
        part = min(left, due.open_minor)
        if part == 0:
            break
        parts.append((due, part))
        left -= part
    return parts, left


async def decline(tx: Tx, group: Group, payment: Payment) -> None:
    """An officer says that a claimed contribution never came."""
    await tx.session.refresh(payment, with_for_update=True)
    if payment.status != "claimed":
        raise Refusal("payment.already_answered", code=payment.code)
    payment.declined_at, payment.declined_by = tx.now, tx.actor
    await tx.session.flush()
    await questions.settle(tx, payment.id)
    await note(tx, "payment.declined", group_id=group.group_id, subject=f"payment:{payment.code}")
    await fines.answered(tx, group, payment.member_id, claimed_at=payment.claimed_at or payment.created_at)


async def verify(tx: Tx, group: Group, payment: Payment) -> None:
    """The other side agrees, or a statement or provider proves it."""
    await tx.session.refresh(payment, with_for_update=True)
    if payment.recorded_at is None or payment.reversed_at is not None:
        raise Refusal("payment.not_recorded", code=payment.code)
    if payment.verified_at is None:
        payment.verified_at, payment.verified_by = tx.now, tx.actor
        await tx.session.flush()


async def reverse(tx: Tx, group: Group, payment: Payment, *, reason: str) -> None:
    """Take a recorded contribution back: every transfer it made is reversed, its dues are open again.

    Raises ``NotEnough`` when the money has left the pot already (the payout must be corrected first), and
    ``Refusal("payment.already_reversed")``.
    """
    await tx.session.refresh(payment, with_for_update=True)
    if payment.reversed_at is not None:
        raise Refusal("payment.already_reversed", code=payment.code)
    if payment.recorded_at is None:
        raise Refusal("payment.not_recorded", code=payment.code)
    await tx.session.execute(
        select(Member.id)
        .where(Member.group_id == group.group_id, Member.id == payment.member_id)
        .with_for_update(key_share=True)
    )
    made = await ledger.transfers(tx.session, group_id=group.group_id, payment_id=payment.id, limit=1000)
    # A due that was excused has given its part back already, to the advance.
    gone_back = {transfer.reverses for transfer in made}
    standing = [transfer for transfer in made if transfer.reverses is None and transfer.id not in gone_back]
    recalled, dues = await _recall_advance(tx, group, payment, standing)
    postings: list[ledger.Posting | ledger.Reversal] = [
        *recalled,
        *await payouts.recall_reserve(tx, group, standing),
        *(
            ledger.Reversal(
                reverses=transfer.id,
                kind=f"{transfer.kind}.reversal",
                reference=f"reversal:{transfer.id}",
                memo=reason[:200],
            )
            for transfer in standing
        ),
    ]
    await ledger.post(tx.session, group_id=group.group_id, postings=postings, at=tx.now)
    payment.reversed_at, payment.reversed_by, payment.reason = tx.now, tx.actor, reason[:200]
    await tx.session.flush()
    await note(tx, "payment.reversed", group_id=group.group_id, subject=f"payment:{payment.code}", reason=reason[:200])
    # What the member has paid ahead goes to what is open again, and does not wait for a next round.
    await payouts.after_late_money(tx, group, await rounds.settle_from_advances(tx, group, member_id=payment.member_id))
    await fines.reopened(tx, group, [*dues, *(t.due_id for t in standing if t.due_id is not None)])


async def _recall_advance(
    tx: Tx, group: Group, payment: Payment, made: Sequence[ledger.Transfer]
) -> tuple[list[ledger.Reversal], list[UUID]]:
    """Bring back to the member's advance what of this payment has gone on from there; the dues that open again."""
    paid_ahead = [t for t in made if t.kind == "contribution.advance"]
    if not paid_ahead:
        return [], []
    account = paid_ahead[0].credit
    missing = sum(t.amount_minor for t in paid_ahead) - await ledger.balance(
        tx.session, group_id=group.group_id, account=account
    )
    recalled, dues = [], []
    history = await ledger.transfers(tx.session, group_id=group.group_id, account=account, limit=1000)
    gone_back = {t.reverses for t in history if t.reverses is not None}
    for transfer in history:  # the newest first: what was settled last is opened again first
        if missing <= 0:
            break
        if transfer.kind != "contribution.from_advance" or transfer.id in gone_back:
            continue
        missing -= transfer.amount_minor
        dues += [transfer.due_id] if transfer.due_id else []
        recalled.append(
            ledger.Reversal(
                reverses=transfer.id,
                kind="contribution.from_advance.reversal",
                reference=f"reversal:{transfer.id}",
            )
        )
    return recalled, dues


async def by_code(tx: Tx, group_id: UUID, typed: str) -> Payment:
    """The payment of a receipt code. Raises ``NotFound("payment.unknown_code")``."""
    found = await tx.session.scalar(
        select(Payment).where(Payment.group_id == group_id, Payment.code == tidy_code(typed))
    )
    if found is None:
        raise NotFound("payment.unknown_code", typed=typed[:20])
    return found


async def payment(tx: Tx, group_id: UUID, payment_id: UUID) -> Payment:
    """A payment. Raises ``NotFound("payment.unknown")``."""
    found = await tx.session.get(Payment, (group_id, payment_id))
    if found is None:
        raise NotFound("payment.unknown")
    return found


_CLAIMS = f"SELECT {columns(Payment, 'p')} FROM payments p WHERE p.group_id = $1 AND {_WAITS}"  # noqa: S608


async def waiting_claims(tx: Tx, group_id: UUID, *, member_id: UUID | None = None) -> Sequence[Payment]:
    """Claims that no officer has answered, the oldest first."""
    narrow, values = (" AND p.member_id = $2", [group_id, member_id]) if member_id else ("", [group_id])
    rows = await tx.rows(f"{_CLAIMS}{narrow} ORDER BY p.created_at", *values)
    return [tx.entity(Payment, row[:]) for row in rows]


_OF_MEMBER = f"""
SELECT {columns(Payment, "p")} FROM payments p WHERE p.group_id = $1 AND p.member_id = $2
ORDER BY p.created_at DESC, p.id DESC LIMIT $3
"""  # noqa: S608 (ours alone)


async def of_member(tx: Tx, group_id: UUID, member_id: UUID, *, limit: int = 10) -> Sequence[Payment]:
    """A member's payments, the newest first."""
    rows = await tx.rows(_OF_MEMBER, group_id, member_id, limit)
    return [tx.entity(Payment, row[:]) for row in rows]
