"""Found lots: the draw from the frozen list, the link and the beacon, and every other way that the rules name.

A draw is held at its instant or as soon after as the beacon can be had, always from the list and the beacon
round that were announced. Nobody can preset, postpone or repeat it. A lot that is found in another way is put down by
``put_down`` alone, which refuses every way but the one that the rules name for that round. The hash of proof or
record stands in the ledger's memo of the payout and in every announcement's code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text

from core import crypto, payouts
from core import sentences as say
from core.beacon import Beacon, BeaconSource
from core.cycle import cycles, rounds
from core.cycle.rounds import DrawList, Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Lot
from core.ids import new_id
from core.messages import Message
from core.operator.audit import note
from core.order import draw
from core.order.draw import BeaconRound, Exclusion, Proof, Record, proof_to_json, record_to_json, seal_record
from core.order.found import Draw, Held, keep_code, lot_called, next_code, of_round
from core.rules import Order, Rules
from core.settings import settings
from core.treasury import dividends

# Found by the public draw: each round, or among equal bids.
DRAWN, AUCTION = "drawn", "auction"
# After so long without a beacon, officers may turn to paper lots before witnesses.
WITNESSED_AFTER = timedelta(hours=24)


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
    if order_of(rules, round_.number) not in (DRAWN, AUCTION):
        raise ValueError("a round is drawn only where the rules say so, or to decide between equal bids")
    held = []
    found = await of_round(tx, round_)
    numbers = await _lot_numbers(tx, group, [one.lot_id for one in found if one.list_id == frozen.id])
    earlier = [rounds.lot_label(number) for number in numbers]
    # Fewer lots than the rules draw may be in good standing: those are drawn, the rest has a try of its own.
    most = min(rules.lots_per_round - len(found), len(draw.lots_of(frozen.list_text)) - len(earlier))
    for _ in range(most):
        held.append(await _one(tx, group, round_, cycle, frozen, beacon, earlier))
        earlier.append(rounds.lot_label(held[-1].lot.number))
    await finish(tx, group, round_, rules)
    return held


async def finish(tx: Tx, group: Group, round_: Round, rules: Rules) -> None:
    """Close a round of which all lots are found; what could not be found gets a new list and instant."""
    if len(await of_round(tx, round_)) < rules.lots_per_round:
        await _postpone(tx, group, round_, timedelta(hours=rules.redraw_hours))
        return
    round_.drawn_at = tx.now
    await tx.session.flush()


def order_of(rules: Rules, round_number: int) -> Order:
    """How a round's lots are found, beside the one that the rules give to the organiser."""
    return rules.model_copy(update={"first_to_organiser": False}).order_of(round_number)


async def _lot_numbers(tx: Tx, group: Group, lot_ids: Sequence[UUID]) -> Sequence[int]:
    rows = await tx.session.scalars(
        select(Lot.number).where(Lot.group_id == group.group_id, Lot.id.in_(lot_ids)).order_by(Lot.number)
    )
    return rows.all()


def proof_from(
    group: Group,
    cycle: "cycles.Cycle",
    frozen: DrawList,
    beacon: Beacon,
    earlier: Sequence[str],
    *,
    code: str,
    round_number: int,
) -> Proof:
    """Draw the next lot from the frozen list with the cycle's next link; everything needed to check it, sealed."""
    secret = crypto.unseal(cycle.secret, f"cycles.secret:{group.group_id}:{cycle.number}")
    number = cycle.links_used + 1
    link = draw.link(secret, cycle.chain_length, number)
    previous = draw.link(secret, cycle.chain_length, number - 1).hex() if number > 1 else cycle.anchor
    list_text = draw.list_text([lot for lot in draw.lots_of(frozen.list_text) if lot not in earlier])
    drawn = draw.draw(group.code, round_number, list_text, link, beacon.randomness)
    beacon_source = source()
    return draw.seal(
        Proof(
            code=code,
            group_code=group.code,
            round_number=round_number,
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
    earlier: Sequence[str],
) -> Held:
    code = await next_code(tx, group, round_.cycle)
    proof = proof_from(group, cycle, frozen, beacon, earlier, code=code, round_number=round_.number)
    lot = await lot_called(tx, group, round_.cycle, proof.lot)
    # Equal bids are decided by lot; where nobody has bid, the lot is simply drawn.
    discount = await _bid_of(tx, round_, lot)
    kind = DRAWN if discount is None else AUCTION
    kept = await _keep(tx, group, round_, cycle, lot, kind, frozen, proof, discount or 0)
    cycle.links_used = proof.link_number
    await tx.session.flush()
    return kept if discount is None else replace(kept, how=say.HOW_TIED(amount=group.money(discount)))


async def _bid_of(tx: Tx, round_: Round, lot: Lot) -> int | None:
    """What the lot's holders have bid in this round, if they have."""
    bid: int | None = await tx.session.scalar(
        text(
            "SELECT discount_minor FROM bids WHERE group_id = :group AND round_id = :round AND lot_id = :lot"
            " AND withdrawn_at IS NULL"
        ),
        {"group": round_.group_id, "round": round_.id, "lot": lot.id},
    )
    return bid


async def put_down(
    tx: Tx,
    group: Group,
    round_: Round,
    cycle: "cycles.Cycle",
    lot: Lot,
    kind: str,
    *,
    frozen: DrawList,
    how: Mapping[str, str],
    said: Message,
    discount_minor: int = 0,
) -> Held:
    """Put down a lot that was found without a computed draw: the only way to do so.

    ``how``: what belongs to the kind, in plain ASCII; ``said``: the same in words. The lot stands on the frozen list.
    ``discount_minor``: what its holders leave to all.
    Raises ``Refusal("order.other_way")`` unless the rules name that way for this round.
    """
    _require_way(tx, round_, cycle.rule_set, kind, frozen)
    label = rounds.lot_label(lot.number)
    if label not in draw.lots_of(frozen.list_text):
        raise Refusal("order.not_on_list", lot=lot.number)
    record = seal_record(
        Record(
            code=await next_code(tx, group, round_.cycle),
            group_code=group.code,
            round_number=round_.number,
            kind=kind,
            lot=label,
            found_at=tx.now,
            list_text=frozen.list_text,
            list_hash=frozen.list_hash,
            exclusions=tuple(Exclusion(name, reason) for name, reason in frozen.exclusions),
            how=how,
        )
    )
    found = await _keep(tx, group, round_, cycle, lot, kind, frozen, record, discount_minor)
    return replace(found, how=said)


def _require_way(tx: Tx, round_: Round, rules: Rules, kind: str, frozen: DrawList) -> None:
    """A round that is drawn has no lot that anybody chose, whoever asks and for whatever reason."""
    order = order_of(rules, round_.number)
    match kind:
        case "turn":
            allowed = order in ("fixed", "drawn_once")
        case "organiser":
            allowed = rules.first_to_organiser and round_.number == 1
        case "need" | "auction":
            allowed = order == kind
        case "witnessed":
            allowed = order in (DRAWN, AUCTION) and tx.now >= frozen.draw_at + WITNESSED_AFTER
        case _:
            allowed = False
    if not allowed or round_.drawn_at is not None:
        raise Refusal("order.other_way", round=round_.number)


async def _keep(
    tx: Tx,
    group: Group,
    round_: Round,
    cycle: "cycles.Cycle",
    lot: Lot,
    kind: str,
    frozen: DrawList,
    proof: Proof | Record,
    discount_minor: int,
) -> Held:
    """The row of a found lot, its code and its payout."""
    computed = isinstance(proof, Proof)
    row = Draw(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        code=proof.code,
        round_id=round_.id,
        list_id=frozen.id,
        ordinal=len(await of_round(tx, round_)) + 1,
        kind=kind,
        lot_id=lot.id,
        link_number=proof.link_number if isinstance(proof, Proof) else None,
        proof={"json": proof_to_json(proof) if isinstance(proof, Proof) else record_to_json(proof)},
        record_hash=proof.record,
        drawn_at=tx.now,
    )
    tx.session.add(row)
    await tx.session.flush()
    await keep_code(tx, group, proof.code, row.id)
    further = [("discount", discount_minor)] if discount_minor else []
    payout = await payouts.create(tx, group, round_, lot, cycle.rule_set, further=further)
    await dividends.share_out(tx, group, round_, payout, cycle.rule_set)
    await note(
        tx,
        "draw.held" if computed else "lot.found",
        group_id=group.group_id,
        subject=f"draw:{proof.code}",
        lot=proof.lot,
        record=proof.record,
        kind=kind,
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
