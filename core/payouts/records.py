"""The rows of payouts: a pot going to the holders of a lot, in legs, and what of it an officer can pay now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from core.cycle.rounds import Round
from core.db import Base, Tx
from core.ids import new_id


class Payout(Base):
    """One lot's pot of one round: gross, deductions by kind, and what the holders receive together.

    ``kind``: ``pot``; or what comes out of a fund instead (see ``source``).
    """

    __tablename__ = "payouts"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    round_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    kind: Mapped[str]
    gross_minor: Mapped[int]
    deductions: Mapped[list[Any]]
    amount_minor: Mapped[int]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    created_at: Mapped[datetime]


class Leg(Base):
    """A part of a pot to one holder: planned, then paid by an officer, then received, said the holder.

    ``kind``: what of the pot it is, the holder's ``pot`` or another's ``dividend``. ``method``: ``netted`` where it
    was set off against what the holder owed; ``in_kind`` where it went to a ``supplier``.
    """

    __tablename__ = "payout_legs"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    payout_id: Mapped[UUID]
    holding_id: Mapped[UUID]
    member_id: Mapped[UUID]
    kind: Mapped[str]
    amount_minor: Mapped[int]
    method: Mapped[str]
    supplier: Mapped[str | None]
    paid_at: Mapped[datetime | None]
    paid_by: Mapped[str | None]
    held_by: Mapped[UUID | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[str | None]
    denied_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def status(self) -> str:
        """planned, denied (the holder says it never came), paid or received."""
        if self.received_at:
            return "received"
        if self.paid_at:
            return "paid"
        return "denied" if self.denied_at else "planned"


@dataclass(frozen=True)
class Payable:
    """A leg that waits, with how much of it can be paid now.

    ``missing_minor``: what the round's pots still lack, where the group waits until they are whole.
    """

    leg: Leg
    payout: Payout
    round: Round
    lot_number: int
    now_minor: int
    missing_minor: int = 0


# Payouts that come out of a fund: what was kept for all is given back when the cycle ends.
_SOURCES = {"dividend": "fund/members"}


def source(payout: Payout, round_: Round, lot_number: int) -> str:
    """The account that a payout comes out of; a refund and a short place have a fund of their own lot's."""
    if payout.kind in ("refund", "place"):
        return f"fund/{payout.kind}-{round_.cycle}-{lot_number}"
    return _SOURCES.get(payout.kind, round_.pot)


def new_leg(tx: Tx, payout: Payout, *, holding_id: UUID, member_id: UUID, amount_minor: int, kind: str = "pot") -> Leg:
    """A leg that waits, still to be added to the session."""
    return Leg(
        group_id=payout.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        payout_id=payout.id,
        holding_id=holding_id,
        member_id=member_id,
        kind=kind,
        amount_minor=amount_minor,
        method="cash",
        supplier=None,
        paid_at=None,
        paid_by=None,
        held_by=None,
        received_at=None,
        received_by=None,
        denied_at=None,
        created_at=tx.now,
    )
