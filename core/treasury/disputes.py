"""Disputes: a member says that the book is wrong about a receipt, a payout or a due, and an officer answers.

Nothing is ever edited: what is corrected is reversed, with the reason, and recorded anew; what was said and answered
stays. Refuses an answer by the one who disputes, and a second dispute about the same while the first is open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from core import groups, payouts
from core import sentences as say
from core.cycle.rounds import Due, Round
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Lot, Member
from core.ids import new_id
from core.membership import excusing
from core.messages import Message
from core.operator.audit import note
from core.payouts import Leg, Payout
from core.talking import questions
from core.telling import notices
from core.treasury import contributions
from core.treasury.contributions import Payment

About = Literal["payment", "leg", "due"]
Outcome = Literal["corrected", "stands"]
LONGEST = 200


class Dispute(Base):
    """What a member said about which row, and what came of it."""

    __tablename__ = "disputes"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    member_id: Mapped[UUID]
    about: Mapped[str]
    subject_id: Mapped[UUID]
    said: Mapped[str]
    opened_at: Mapped[datetime]
    answer: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    outcome: Mapped[str | None]


@dataclass(frozen=True)
class Subject:
    """What a dispute is about: its row, how people call it, whose it is and how much."""

    about: About
    subject_id: UUID
    called: Message
    member_id: UUID
    amount_minor: int


async def subject_of(tx: Tx, group: Group, about: str, subject_id: UUID) -> Subject:
    """A payment, leg or due as a subject. Raises ``NotFound("dispute.nothing")``."""
    if about == "payment":
        payment = await tx.session.get(Payment, (group.group_id, subject_id))
        if payment is not None:
            return _of_payment(group, payment)
    elif about == "leg":
        row = (
            await tx.session.execute(_LEGS.where(Leg.group_id == group.group_id, Leg.id == subject_id))
        ).one_or_none()
        if row is not None:
            return _of_leg(group, row[0], row[1], row[2])
    else:
        found = (
            await tx.session.execute(_DUES.where(Due.group_id == group.group_id, Due.id == subject_id))
        ).one_or_none()
        if found is not None:
            return _of_due(group, found[0], found[1])
    raise NotFound("dispute.nothing")


def _of_payment(group: Group, payment: Payment) -> Subject:
    called = say.RECEIPT_NAMED(code=payment.code, amount=group.money(payment.amount_minor))
    return Subject("payment", payment.id, called, payment.member_id, payment.amount_minor)


_LEGS = (
    select(Leg, Lot.number, Round.number)
    .join(Payout, (Payout.group_id == Leg.group_id) & (Payout.id == Leg.payout_id))
    .join(Lot, (Lot.group_id == Payout.group_id) & (Lot.id == Payout.lot_id))
    .join(Round, (Round.group_id == Payout.group_id) & (Round.id == Payout.round_id))
)
_DUES = select(Due, Round.number).join(Round, (Round.group_id == Due.group_id) & (Round.id == Due.round_id))


def _of_leg(group: Group, leg: Leg, lot: int, round_number: int) -> Subject:
    called = say.PAYOUT_NAMED(lot=lot, round=round_number, amount=group.money(leg.amount_minor))
    return Subject("leg", leg.id, called, leg.member_id, leg.amount_minor)


def _of_due(group: Group, due: Due, round_number: int) -> Subject:
    called = say.DUE_NAMED(round=round_number, amount=group.money(due.amount_minor))
    return Subject("due", due.id, called, due.member_id, due.amount_minor)


async def my_leg(tx: Tx, group: Group, who: Member, lot: int) -> Subject:
    """The newest part of a lot's pot that is the member's. Raises ``NotFound("dispute.nothing")``."""
    query = _LEGS.where(Leg.group_id == group.group_id, Leg.member_id == who.id, Lot.number == lot)
    row = (await tx.session.execute(query.order_by(Leg.created_at.desc(), Leg.id.desc()).limit(1))).one_or_none()
    if row is None:
        raise NotFound("dispute.nothing")
    return _of_leg(group, row[0], row[1], row[2])


async def my_due(tx: Tx, group: Group, who: Member, round_number: int) -> Subject:
    """What the member owes or owed for a round of this cycle, the newest of it. Raises ``NotFound``."""
    query = _DUES.where(
        Due.group_id == group.group_id,
        Due.member_id == who.id,
        Round.number == round_number,
        Round.cycle == group.cycle,
    )
    row = (await tx.session.execute(query.order_by(Due.id.desc()).limit(1))).one_or_none()
    if row is None:
        raise NotFound("dispute.nothing")
    return _of_due(group, row[0], row[1])


async def raise_(tx: Tx, group: Group, who: Member, subject: Subject, said: str) -> Dispute:
    """A member says what is wrong; the officers who may answer are asked.

    Raises ``Refusal``: ``dispute.not_yours``, ``dispute.empty``, ``dispute.open_already``.
    """
    if subject.member_id != who.id:
        raise Refusal("dispute.not_yours")
    said = " ".join(said.split())[:LONGEST]
    if not said:
        raise Refusal("dispute.empty")
    if any(one.outcome is None for one in await of_subject(tx, group, subject.subject_id)):
        raise Refusal("dispute.open_already")
    dispute = Dispute(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        member_id=who.id,
        about=subject.about,
        subject_id=subject.subject_id,
        said=said,
        opened_at=tx.now,
        answer=None,
        answered_at=None,
        answered_by=None,
        outcome=None,
    )
    tx.session.add(dispute)
    await tx.session.flush()
    await note(tx, "dispute.raised", group_id=group.group_id, subject=f"dispute:{dispute.id}", about=subject.about)
    seat = await groups.seat(tx, group.group_id, who.id)
    await notices.dispute_raised(
        tx,
        group,
        say.DISPUTE_TO_OFFICER(group=group.name, name=seat.person.name, what=subject.called, said=said),
        dispute.id,
        besides=[seat.person.id],
    )
    return dispute


async def answer(tx: Tx, group: Group, dispute: Dispute, *, by: Member | None, outcome: Outcome, words: str) -> None:
    """An officer (``by``; None: an administrator) says that it stands, or corrects it by reversing what was wrong.

    A receipt and a payout that has not been confirmed are reversed, a due is excused; both sides are told. Raises
    ``Refusal``: ``dispute.settled``, ``dispute.own``, ``dispute.empty``, and what reversing raises.
    """
    await tx.session.refresh(dispute, with_for_update=True)
    if dispute.outcome is not None:
        raise Refusal("dispute.settled")
    if by is not None and by.id == dispute.member_id:
        raise Refusal("dispute.own")
    words = " ".join(words.split())[:LONGEST]
    if not words:
        raise Refusal("dispute.empty")
    subject = await subject_of(tx, group, dispute.about, dispute.subject_id)
    if outcome == "corrected":
        await _correct(tx, group, dispute, words)
    dispute.outcome, dispute.answer = outcome, words
    dispute.answered_at, dispute.answered_by = tx.now, tx.actor
    await tx.session.flush()
    await questions.settle(tx, dispute.id)
    await note(tx, f"dispute.{outcome}", group_id=group.group_id, subject=f"dispute:{dispute.id}", answer=words)
    seat = await groups.seat(tx, group.group_id, dispute.member_id)
    kind = say.DISPUTE_CORRECTED if outcome == "corrected" else say.DISPUTE_STANDS
    message = kind(group=group.name, name=seat.person.name, what=subject.called, words=words)
    event = f"dispute.answered:{dispute.id}"
    await notices.tell_person(tx, group, seat.person.id, message, event=event)
    told = [seat.person.id] + ([by.person_id] if by else [])
    await notices.tell_officers(tx, group, "answer", message, event=event, besides=told)


async def withdraw(tx: Tx, group: Group, dispute: Dispute, *, by: Member) -> Subject:
    """Who raised it has seen that nothing is wrong, before anybody answered; the officers are told.

    Raises ``Refusal``: ``dispute.settled``, ``dispute.not_yours``.
    """
    await tx.session.refresh(dispute, with_for_update=True)
    if dispute.outcome is not None:
        raise Refusal("dispute.settled")
    if by.id != dispute.member_id:
        raise Refusal("dispute.not_yours")
    subject = await subject_of(tx, group, dispute.about, dispute.subject_id)
    dispute.outcome, dispute.answered_at, dispute.answered_by = "withdrawn", tx.now, tx.actor
    await tx.session.flush()
    await questions.settle(tx, dispute.id)
    await note(tx, "dispute.withdrawn", group_id=group.group_id, subject=f"dispute:{dispute.id}")
    seat = await groups.seat(tx, group.group_id, by.id)
    message = say.DISPUTE_WITHDRAWN(group=group.name, name=seat.person.name, what=subject.called)
    event = f"dispute.withdrawn:{dispute.id}"
    await notices.tell_officers(tx, group, "answer", message, event=event, besides=[seat.person.id])
    return subject


async def _correct(tx: Tx, group: Group, dispute: Dispute, words: str) -> None:
    match dispute.about:
        case "payment":
            payment = await contributions.payment(tx, group.group_id, dispute.subject_id)
            # One that never was in the book, or is out of it by now, needs nothing reversed.
            if payment.status in ("recorded", "verified"):
                await contributions.reverse(tx, group, payment, reason=words)
            elif payment.status == "claimed":
                await contributions.decline(tx, group, payment)
        case "leg":
            leg = await payouts.leg(tx, group.group_id, dispute.subject_id)
            if leg.paid_at is not None:
                await payouts.take_back(tx, group, leg, denied=True)
        case _:
            await excusing.excuse_due(tx, group, dispute.subject_id, reason=words)


async def of_subject(tx: Tx, group: Group, subject_id: UUID) -> Sequence[Dispute]:
    """The disputes about a row, the newest first."""
    rows = await tx.session.scalars(
        select(Dispute)
        .where(Dispute.group_id == group.group_id, Dispute.subject_id == subject_id)
        .order_by(Dispute.opened_at.desc(), Dispute.id.desc())
    )
    return rows.all()


async def open_ones(tx: Tx, group: Group) -> Sequence[Dispute]:
    """Those that wait for an answer, the oldest first."""
    rows = await tx.session.scalars(
        select(Dispute)
        .where(Dispute.group_id == group.group_id, Dispute.outcome.is_(None))
        .order_by(Dispute.opened_at, Dispute.id)
    )
    return rows.all()


async def dispute(tx: Tx, group_id: UUID, dispute_id: UUID) -> Dispute:
    """A dispute. Raises ``NotFound("dispute.unknown")``."""
    found = await tx.session.get(Dispute, (group_id, dispute_id))
    if found is None:
        raise NotFound("dispute.unknown")
    return found
