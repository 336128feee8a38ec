"""Draws: holding one from the frozen list, the link and the beacon, and keeping its proof for anybody to check.

A draw is held at its instant or as soon after as the beacon can be had, always from the list and the beacon
round that were announced. Nobody can preset, postpone or repeat it. The hash of the record stands in the
ledger's memo of the payout and in every announcement's code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto, cycles, draw, payouts, rounds
from core.audit import note
from core.beacon import Beacon, BeaconSource
from core.db import Base, Tx, transaction, unscoped
from core.draw import BeaconRound, Exclusion, PaperDraw, Proof, paper_from_json, proof_from_json, proof_to_json
from core.errors import NotFound, Refusal
from core.groups import Group, Lot
from core.ids import new_id, tidy_code
from core.payouts import Payout
from core.rounds import DrawList, Round
from core.settings import settings

# How the lot was found: by the public draw, or on paper before the equb came here, of which nothing can be checked.
DRAWN, PAPER = "drawn", "paper"


class Draw(Base):
    """One lot drawn. ``proof`` is everything needed to check it; append-only. On paper: no list and no link."""

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


@dataclass(frozen=True)
class Held:
    """A draw that was just held, with the payout it makes."""

    draw: Draw
    lot: Lot
    payout: Payout


def source() -> BeaconSource:
    """The beacon of this installation: drand's quicknet, or the sandbox's own."""
    have = settings()
    return BeaconSource(
        chain=have.beacon_chain,
        public_key=have.beacon_public_key,
        genesis=have.beacon_genesis,
        period_seconds=have.beacon_period,
        urls=tuple(url.strip() for url in have.beacon_urls.split(",") if url.strip()),
    )


async def hold(tx: Tx, group: Group, round_: Round, beacon: Beacon | None) -> list[Held]:
    """Hold the draw of a frozen round: one lot after another, as many as the rules draw in a round.

    No lot may be drawn: nothing is drawn, the round gets a new list and instant, and [] is returned.
    ``beacon`` may be None only then.
    """
    if round_.drawn_at is not None:
        return []
    frozen = await rounds.draw_list(tx, round_)
    if frozen is None:
        raise Refusal("draw.not_frozen")
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None:
        raise Refusal("group.not_running", group=group.name, status=group.status)
    rules = cycle.rule_set
    if not frozen.list_text:
        return await _postpone(tx, group, round_, timedelta(hours=rules.redraw_hours))
    if beacon is None or beacon.round != frozen.beacon_round:
        raise ValueError("a draw uses the beacon round that was announced")
    held = []
    earlier: list[str] = []
    # Fewer lots than the rules draw may be in good standing: those are drawn, the rest has a try of its own.
    drawn_before = len(await _drawn_in(tx, round_))
    most = min(rules.lots_per_round - drawn_before, len(draw.lots_of(frozen.list_text)))
    for ordinal in range(drawn_before + 1, drawn_before + most + 1):
        held.append(await _one(tx, group, round_, cycle, frozen, beacon, ordinal, earlier))
        earlier.append(rounds.lot_label(held[-1].lot.number))
    if drawn_before + most < rules.lots_per_round:
        await _postpone(tx, group, round_, timedelta(hours=rules.redraw_hours))
    else:
        round_.drawn_at = tx.now
        await tx.session.flush()
    return held


async def _drawn_in(tx: Tx, round_: Round) -> Sequence[Draw]:
    rows = await tx.session.scalars(
        select(Draw).where(Draw.group_id == round_.group_id, Draw.round_id == round_.id).order_by(Draw.ordinal)
    )
    return rows.all()


def _proof(
    group: Group, round_: Round, cycle: "cycles.Cycle", frozen: DrawList, beacon: Beacon, earlier: Sequence[str]
) -> Proof:
    """Draw the next lot from the frozen list with the cycle's next link; everything needed to check it, sealed."""
    secret = crypto.unseal(cycle.secret, f"cycles.secret:{group.group_id}:{cycle.number}")
    number = cycle.links_used + 1
    link = draw.link(secret, cycle.chain_length, number)
    previous = draw.link(secret, cycle.chain_length, number - 1).hex() if number > 1 else cycle.anchor
    list_text = draw.list_text([lot for lot in draw.lots_of(frozen.list_text) if lot not in earlier])
    drawn = draw.draw(group.code, round_.number, list_text, link, beacon.randomness)
    code = f"{group.code}-{number}" if round_.cycle == 1 else f"{group.code}-{round_.cycle}-{number}"
    beacon_source = source()
    return draw.seal(
        Proof(
            code=code,
            group_code=group.code,
            round_number=round_.number,
            frozen_at=frozen.frozen_at,
            draw_at=frozen.draw_at,
            list_text=list_text,
            list_hash=draw.list_hash(list_text),
            frozen_hash=frozen.list_hash,
            earlier=tuple(earlier),
            exclusions=tuple(Exclusion(name, reason) for name, reason in frozen.exclusions),
            anchor=cycle.anchor,
            previous=previous,
            link=link.hex(),
            link_number=number,
            beacon=BeaconRound(
                chain=beacon_source.chain,
                public_key=beacon_source.public_key,
                genesis=beacon_source.genesis,
                period_seconds=beacon_source.period_seconds,
                round=beacon.round,
                randomness=beacon.randomness.hex(),
                signature=beacon.signature.hex(),
            ),
            counter=drawn.counter,
            index=drawn.index,
            lot=drawn.lot,
        )
    )


async def _one(
    tx: Tx,
    group: Group,
    round_: Round,
    cycle: "cycles.Cycle",
    frozen: DrawList,
    beacon: Beacon,
    ordinal: int,
    earlier: Sequence[str],
) -> Held:
    proof = _proof(group, round_, cycle, frozen, beacon, earlier)
    lot = await tx.session.scalar(
        select(Lot).where(Lot.group_id == group.group_id, Lot.cycle == round_.cycle, Lot.number == int(proof.lot[1:]))
    )
    if lot is None:
        raise RuntimeError(f"the drawn lot {proof.lot} is not in the book")
    row = Draw(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        code=proof.code,
        round_id=round_.id,
        list_id=frozen.id,
        ordinal=ordinal,
        kind=DRAWN,
        lot_id=lot.id,
        link_number=proof.link_number,
        proof={"json": proof_to_json(proof)},
        record_hash=proof.record,
        drawn_at=tx.now,
    )
    cycle.links_used = proof.link_number
    tx.session.add(row)
    await tx.session.flush()
    await tx.session.execute(
        text(
            "INSERT INTO codes (code, tenant_id, kind, group_id, subject_id)"
            " VALUES (:code, :tenant, 'draw', :group, :draw)"
        ),
        {"code": proof.code, "tenant": tx.tenant_id, "group": group.group_id, "draw": row.id},
    )
    payout = await payouts.create(tx, group, round_, lot, cycle.rule_set)
    await note(
        tx,
        "draw.held",
        group_id=group.group_id,
        subject=f"draw:{proof.code}",
        lot=proof.lot,
        record=proof.record,
    )
    return Held(row, lot, payout)


async def _postpone(tx: Tx, group: Group, round_: Round, wait: timedelta) -> list[Held]:
    """Nobody may be drawn: on record, and a new list at a new instant. Not a choice that anybody makes."""
    round_.attempt += 1
    round_.cutoff_at, round_.draw_at = round_.cutoff_at + wait, round_.draw_at + wait
    round_.beacon_round = rounds.beacon_of(round_.draw_at)
    round_.frozen_at = None
    await tx.session.flush()
    await note(
        tx,
        "draw.nobody_eligible",
        group_id=group.group_id,
        subject=f"round:{round_.cycle}/{round_.number}",
        next_attempt=round_.attempt,
    )
    return []


async def of_round(tx: Tx, round_: Round) -> Sequence[Draw]:
    """The draws of a round in order."""
    return await _drawn_in(tx, round_)


async def by_code(tx: Tx, typed: str) -> Draw:
    """The tenant's draw of that code. Raises ``NotFound("draw.unknown_code")``."""
    code = tidy_code(typed)
    row = (
        await tx.session.execute(
            text("SELECT group_id, subject_id FROM codes WHERE code = :code AND kind = 'draw'"), {"code": code}
        )
    ).one_or_none()
    found = await _of_a_group_that_is(tx, row[0], row[1]) if row else None
    if found is None:
        raise NotFound("draw.unknown_code", typed=code[:20])
    return found


def proof_of(row: Draw) -> Proof:
    """The proof of a computed draw as it was sealed."""
    return proof_from_json(row.proof["json"])


def record_of(row: Draw) -> Proof | PaperDraw:
    """What is kept of a draw: its proof, or the record of one held on paper."""
    return read_record(row.kind, row.proof["json"])


def read_record(kind: str, kept: str) -> Proof | PaperDraw:
    """The same, from the text that is kept."""
    return paper_from_json(kept) if kind == PAPER else proof_from_json(kept)


async def public_record(code: str) -> Proof | PaperDraw | None:
    """What is kept of a draw, for anybody who has its code, whichever tenant's it is. It names lots, not people."""
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
        found = await _of_a_group_that_is(tx, row[2], row[3])
        return record_of(found) if found else None


async def _of_a_group_that_is(tx: Tx, group_id: UUID, draw_id: UUID) -> Draw | None:
    """The draw, unless its group was brought in by mistake and undone."""
    return await tx.session.scalar(
        select(Draw)
        .join(Group, Group.group_id == Draw.group_id)
        .where(Draw.group_id == group_id, Draw.id == draw_id, Group.status != "undone")
    )


async def public_proof(code: str) -> Proof | None:
    """The proof of a computed draw for anybody who has its code."""
    record = await public_record(code)
    return record if isinstance(record, Proof) else None
