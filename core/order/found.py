"""Found lots as they are kept: the row of each, the pick of a turn, their codes, and what anybody may read of them.

Owns reading and naming only. How a lot is found is ``core.order.draws``'s business, and nothing is changed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core.cycle.rounds import Round
from core.db import Base, Tx, transaction, unscoped
from core.errors import NotFound
from core.groups import Group, Lot
from core.ids import tidy_code
from core.messages import Message
from core.order import draw
from core.order.draw import PaperDraw, Proof, Record, paper_from_json, proof_from_json, record_from_json
from core.payouts import Payout

# A lot that came up on paper, before the equb came here.
PAPER = "paper"

Kept = Proof | Record | PaperDraw


class Draw(Base):
    """One lot found. ``kind``: drawn, turn, organiser, need, auction, witnessed or paper.

    ``proof``: everything needed to check a computed draw; of any other way, the record of who, how and when.
    Append-only. A lot that was not computed has no link.
    """

    __tablename__ = "draws"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    code: Mapped[str]
    round_id: Mapped[UUID]
    list_id: Mapped[UUID | None]
    ordinal: Mapped[int]
    kind: Mapped[str]
    lot_id: Mapped[UUID]
    link_number: Mapped[int | None]
    proof: Mapped[dict[str, Any]]
    record_hash: Mapped[str]
    drawn_at: Mapped[datetime]


class OrderDraw(Base):
    """One pick of the draw that gives every lot its turn at once. Append-only; it finds no lot by itself."""

    __tablename__ = "order_draws"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    code: Mapped[str]
    cycle: Mapped[int]
    list_id: Mapped[UUID]
    ordinal: Mapped[int]
    lot_id: Mapped[UUID]
    link_number: Mapped[int]
    proof: Mapped[dict[str, Any]]
    record_hash: Mapped[str]
    drawn_at: Mapped[datetime]


@dataclass(frozen=True)
class Held:
    """A lot that was just found, with the payout it makes.

    ``how``: in words, where it was not simply drawn. ``more``: what else the announcement says, a line each.
    """

    draw: Draw
    lot: Lot
    payout: Payout
    how: Message | None = None
    more: tuple[Message, ...] = ()

    def saying(self, *more: Message) -> "Held":
        """The same, with more lines in its announcement."""
        return replace(self, more=(*self.more, *more))


async def of_round(tx: Tx, round_: Round) -> Sequence[Draw]:
    """The found lots of a round in order."""
    rows = await tx.session.scalars(
        select(Draw).where(Draw.group_id == round_.group_id, Draw.round_id == round_.id).order_by(Draw.ordinal)
    )
    return rows.all()


async def lots_received(tx: Tx, group: Group) -> set[int]:
    """The numbers of the present cycle's lots that have received."""
    rows = await tx.session.scalars(
        select(Lot.number)
        .join(Draw, (Draw.group_id == Lot.group_id) & (Draw.lot_id == Lot.id))
        .where(Lot.group_id == group.group_id, Lot.cycle == group.cycle)
    )
    return set(rows.all())


async def next_code(tx: Tx, group: Group, cycle_number: int) -> str:
    """The code of the next found lot, or of the next pick of turns: they are counted together, cycle by cycle."""
    found = await tx.session.scalar(
        select(func.count())
        .select_from(Draw)
        .join(Round, (Round.group_id == Draw.group_id) & (Round.id == Draw.round_id))
        # What came from a paper book has codes of its own.
        .where(Draw.group_id == group.group_id, Round.cycle == cycle_number, Draw.kind != PAPER)
    )
    picked = await tx.session.scalar(
        select(func.count()).where(OrderDraw.group_id == group.group_id, OrderDraw.cycle == cycle_number)
    )
    number = int(found or 0) + int(picked or 0) + 1
    return f"{group.code}-{number}" if cycle_number == 1 else f"{group.code}-{cycle_number}-{number}"


async def lot_called(tx: Tx, group: Group, cycle_number: int, label: str) -> Lot:
    """The lot that a list calls so."""
    lot = await tx.session.scalar(
        select(Lot).where(Lot.group_id == group.group_id, Lot.cycle == cycle_number, Lot.number == int(label[1:]))
    )
    if lot is None:
        raise RuntimeError(f"the lot {label} is not in the book")
    return lot


async def keep_code(tx: Tx, group: Group, code: str, subject_id: UUID) -> None:
    """Make a found lot, or a pick of turns, findable by its code."""
    await tx.session.execute(
        text(
            "INSERT INTO codes (code, tenant_id, kind, group_id, subject_id)"
            " VALUES (:code, :tenant, 'draw', :group, :draw)"
        ),
        {"code": code, "tenant": tx.tenant_id, "group": group.group_id, "draw": subject_id},
    )


async def by_code(tx: Tx, typed: str) -> Draw | OrderDraw:
    """The tenant's found lot, or pick of turns, of that code. Raises ``NotFound("draw.unknown_code")``."""
    code = tidy_code(typed)
    row = (
        await tx.session.execute(
            text("SELECT group_id, subject_id FROM codes WHERE code = :code AND kind = 'draw'"), {"code": code}
        )
    ).one_or_none()
    found = await _kept(tx, row[0], row[1]) if row else None
    if found is None:
        raise NotFound("draw.unknown_code", typed=code[:20])
    return found


async def _kept(tx: Tx, group_id: UUID, subject_id: UUID) -> Draw | OrderDraw | None:
    """The row, unless its group was brought in by mistake and undone."""
    group = await tx.session.get(Group, group_id)
    if group is None or group.status == "undone":
        return None
    found = await tx.session.get(Draw, (group_id, subject_id))
    return found or await tx.session.get(OrderDraw, (group_id, subject_id))


def kept_of(row: Draw | OrderDraw) -> Kept:
    """What is kept of a found lot: the proof of a computed draw, or the record of any other way."""
    return read_kept(row.proof["json"])


def read_kept(text: str) -> Kept:
    """The same from its JSON. Raises ``Refusal("proof.unreadable")``."""
    if draw.is_record(text):
        return record_from_json(text)
    return paper_from_json(text) if draw.is_paper(text) else proof_from_json(text)


def proof_of(row: Draw | OrderDraw) -> Proof:
    """The proof of a computed draw as it was sealed."""
    return proof_from_json(row.proof["json"])


async def public_record(code: str) -> Kept | None:
    """What is kept, for anybody who has the code, whichever tenant's it is. It names lots, not people."""
    async with unscoped() as session:
        row = (
            await session.execute(
                text("SELECT tenant_id, kind, group_id, subject_id FROM find_code(:code)"),
                {"code": tidy_code(code)[:40]},
            )
        ).one_or_none()
    if row is None or row[1] != "draw":
        return None
    async with transaction(row[0]) as tx:
        found = await _kept(tx, row[2], row[3])
        return kept_of(found) if found else None


async def public_proof(code: str) -> Proof | None:
    """The proof of a computed draw for anybody who has its code."""
    kept = await public_record(code)
    return kept if isinstance(kept, Proof) else None
