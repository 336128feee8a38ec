"""Turns: which lot receives in which round, where that is known before, fixed by the group or drawn once for all.

Owns the order of turns as a queue: the first lot in it that stands on the list of a round receives; one that does
not stand there changes places with the next that does. Refuses turns where lots are drawn in each round.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from core import groups
from core import sentences as say
from core.beacon import Beacon
from core.cycle import cycles, rounds
from core.cycle.cycles import Cycle
from core.cycle.rounds import DrawList, Round
from core.db import Base, Tx
from core.errors import Refusal
from core.groups import Group, Lot, Member
from core.ids import new_id
from core.operator.audit import note
from core.order import draw, draws
from core.order.draw import proof_to_json
from core.order.found import Draw, Held, OrderDraw, keep_code, lot_called, next_code
from core.order.ways import reason_words
from core.rules import Rules

# The list of the draw that gives all turns stands before the first round's own.
ORDER_ATTEMPT = 0
Place = tuple[int, int]


class Turn(Base):
    """One lot's turn: the round, and which of several lots in it. ``source``: fixed, or drawn_once."""

    __tablename__ = "turns"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[int] = mapped_column(primary_key=True)
    round_number: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    source: Mapped[str]


def uses_turns(rules: Rules) -> bool:
    """Whether any round of a cycle goes by turns."""
    return any(draws.order_of(rules, n) in ("fixed", "drawn_once") for n in range(1, rules.rounds + 1))


def draws_turns(rules: Rules) -> bool:
    """Whether the turns are drawn once, rather than fixed by the group."""
    return draws.order_of(rules, 1) == "drawn_once"


async def of_cycle(tx: Tx, group: Group) -> Sequence[tuple[Turn, Lot]]:
    """The turns of the present cycle in order."""
    rows = await tx.session.execute(
        select(Turn, Lot)
        .join(Lot, (Lot.group_id == Turn.group_id) & (Lot.id == Turn.lot_id))
        .where(Turn.group_id == group.group_id, Turn.cycle == group.cycle)
        .order_by(Turn.round_number, Turn.ordinal)
        .execution_options(populate_existing=True)
    )
    return [(turn, lot) for turn, lot in rows]


async def received(tx: Tx, group: Group) -> dict[UUID, Place]:
    """The lots of the present cycle that have received: in which round, and as which of it."""
    rows = await tx.session.execute(
        select(Draw.lot_id, Round.number, Draw.ordinal)
        .join(Round, (Round.group_id == Draw.group_id) & (Round.id == Draw.round_id))
        .where(Draw.group_id == group.group_id, Round.cycle == group.cycle)
    )
    return {lot_id: (number, ordinal) for lot_id, number, ordinal in rows}


async def pending(tx: Tx, group: Group) -> list[Lot]:
    """The lots that still wait for their turn, the next one first."""
    done = await received(tx, group)
    return [lot for _, lot in await of_cycle(tx, group) if lot.id not in done and lot.status == "active"]


async def _lots(tx: Tx, group: Group) -> Sequence[Lot]:
    rows = await tx.session.scalars(
        select(Lot)
        .where(
            Lot.group_id == group.group_id,
            Lot.cycle == group.cycle,
            Lot.status == "active",
            # A short place has no turn: it receives what it has paid when the cycle ends.
            Lot.place == "full",
        )
        .order_by(Lot.number)
    )
    return rows.all()


async def organisers_lot(tx: Tx, group: Group) -> Lot | None:
    """The first lot in which the organiser has a part."""
    for seat in await groups.seats(tx, group.group_id, roles=["organiser"]):
        held = await groups.holdings(tx, group, member_id=seat.member.id)
        if held:
            return await lot_called(tx, group, group.cycle, rounds.lot_label(held[0].lot_number))
    return None


async def lay(tx: Tx, group: Group, rules: Rules) -> None:
    """Give every lot a turn when a cycle begins: those that were set as they were, the others by lot number."""
    lots = {lot.id: lot for lot in await _lots(tx, group)}
    places = _places(rules.rounds, rules.lots_per_round)
    laid: dict[Place, UUID] = {}
    for turn, lot in await of_cycle(tx, group):
        place = (turn.round_number, turn.ordinal)
        if place in places and lot.id in lots:
            laid[place] = lot.id
    first = await organisers_lot(tx, group) if rules.first_to_organiser else None
    if first is not None:
        laid = {place: lot_id for place, lot_id in laid.items() if lot_id != first.id and place != (1, 1)}
        laid[(1, 1)] = first.id
    free = (place for place in places if place not in laid)
    for lot in lots.values():
        if lot.id not in laid.values():
            laid[next(free)] = lot.id
    await _write(tx, group, laid, "fixed")


def _places(count: int, per_round: int) -> list[Place]:
    return [(number, ordinal) for number in range(1, count + 1) for ordinal in range(1, per_round + 1)]


async def _write(tx: Tx, group: Group, laid: dict[Place, UUID], source: str) -> None:
    """Write the turns anew, where they changed."""
    before = {(turn.round_number, turn.ordinal): turn for turn, _ in await of_cycle(tx, group)}
    if {place: turn.lot_id for place, turn in before.items()} == laid:
        return
    sources = {turn.lot_id: turn.source for turn in before.values()}
    for turn in before.values():
        tx.session.expunge(turn)
    await tx.session.execute(delete(Turn).where(Turn.group_id == group.group_id, Turn.cycle == group.cycle))
    rows = [
        {
            "group_id": group.group_id,
            "cycle": group.cycle,
            "round_number": number,
            "ordinal": ordinal,
            "tenant_id": tx.tenant_id,
            "lot_id": lot_id,
            "source": sources.get(lot_id, source),
        }
        for (number, ordinal), lot_id in sorted(laid.items())
    ]
    if rows:
        await tx.session.execute(insert(Turn), rows)


async def settle(tx: Tx, group: Group, rules: Rules, queue: Sequence[Lot] | None = None) -> None:
    """Write down what has become of the turns: who received stands where they did, the others keep their order.

    ``queue``: the order of those who wait, where it has changed. A lot without a turn comes last.
    """
    done = await received(tx, group)
    waiting = list(queue if queue is not None else await pending(tx, group))
    waiting = [lot for lot in waiting if lot.id not in done]
    known = {lot.id for lot in waiting}
    waiting += [lot for lot in await _lots(tx, group) if lot.id not in done and lot.id not in known]
    laid = {place: lot_id for lot_id, place in done.items()}
    # One round more for each place more: who came late has made the cycle longer.
    count = rules.rounds + len(waiting)
    free = (place for place in _places(count, rules.lots_per_round) if place not in laid)
    for lot in waiting:
        laid[next(free)] = lot.id
    await _write(tx, group, laid, "fixed")


async def take(tx: Tx, group: Group, round_: Round, cycle: Cycle, frozen: DrawList, places: int) -> list[Held]:
    """Give the round's places to the lots whose turn it is, at the cut-off.

    One that is not on the list is passed over for this round, with the reason named, and changes places with the next
    one that is.
    """
    # Whoever came late stands at the end of the queue.
    await settle(tx, group, cycle.rule_set)
    eligible = set(draw.lots_of(frozen.list_text))
    reasons = dict(frozen.exclusions)
    picks = await _picks(tx, group)
    queue, held, passed = await pending(tx, group), [], []
    for place in range(places):
        standing = next((n for n in range(place, len(queue)) if _label(queue[n]) in eligible), None)
        if standing is None:
            break
        if standing != place:
            passed.append(queue[place])
            queue[place], queue[standing] = queue[standing], queue[place]
        lot = queue[place]
        pick = picks.get(lot.id, "")
        how = {"order": "drawn_once" if pick else "fixed"} | ({"pick": pick} if pick else {})
        if passed:
            how["passed_over"] = ", ".join(f"{_label(one)}: {reasons.get(_label(one), '')}" for one in passed)
        said = say.HOW_TURN_DRAWN(code=pick) if pick else say.HOW_TURN()
        held.append(await draws.put_down(tx, group, round_, cycle, lot, "turn", frozen=frozen, how=how, said=said))
    if not held:
        return []
    await settle(tx, group, cycle.rule_set, queue)
    new_round = {lot.id: turn.round_number for turn, lot in await of_cycle(tx, group)}
    lines = []
    for lot in passed:
        reason = reasons.get(_label(lot), "")
        await note(tx, "turn.passed_over", group_id=group.group_id, subject=f"lot:{lot.number}", reason=reason)
        lines.append(say.PASSED_OVER(lot=lot.number, reason=reason_words(reason), round=new_round[lot.id]))
    return [*held[:-1], held[-1].saying(*lines)]


def _label(lot: Lot) -> str:
    return rounds.lot_label(lot.number)


async def _picks(tx: Tx, group: Group) -> dict[UUID, str]:
    """The code of each lot's pick, where the turns were drawn."""
    rows = await tx.session.execute(
        select(OrderDraw.lot_id, OrderDraw.code).where(
            OrderDraw.group_id == group.group_id, OrderDraw.cycle == group.cycle
        )
    )
    return {lot_id: code for lot_id, code in rows}  # noqa: C416 (rows are not pairs to mypy)


# --- set by the organiser, while the group forms -------------------------------------------------


async def set_turn(tx: Tx, group: Group, lot: Lot, round_number: int) -> None:
    """Give a lot its turn, while the group forms. Whoever has the last place of that round changes places with it.

    Raises ``Refusal``: ``order.drawn``, ``order.forming_only``, ``order.no_such_round``.
    """
    group = await groups.by_id(tx, group.group_id, lock=True)
    rules = group.rule_set
    if not uses_turns(rules) or draws_turns(rules):
        raise Refusal("order.drawn", group=group.name)
    if group.status != "forming":
        raise Refusal("order.forming_only", group=group.name)
    if not 1 <= round_number <= rules.rounds:
        raise Refusal("order.no_such_round", group=group.name, rounds=rules.rounds)
    laid = {(turn.round_number, turn.ordinal): found.id for turn, found in await of_cycle(tx, group)}
    had = next((place for place, lot_id in laid.items() if lot_id == lot.id), None)
    if had is not None and had[0] == round_number:
        return
    if had is not None:
        del laid[had]
    wanted = [(round_number, ordinal) for ordinal in range(1, rules.lots_per_round + 1)]
    place = next((one for one in wanted if one not in laid), wanted[-1])
    other = laid.get(place)
    laid[place] = lot.id
    if other is not None and had is not None:
        laid[had] = other
    await _write(tx, group, laid, "fixed")
    await note(tx, "turn.set", group_id=group.group_id, subject=f"lot:{lot.number}", round=round_number)


# --- drawn once, for all rounds ------------------------------------------------------------------


async def order_list(tx: Tx, group: Group) -> DrawList | None:
    """The list of the draw that gives all turns, once it is fixed."""
    return await tx.session.scalar(
        select(DrawList)
        .join(Round, (Round.group_id == DrawList.group_id) & (Round.id == DrawList.round_id))
        .where(DrawList.group_id == group.group_id, Round.cycle == group.cycle, DrawList.attempt == ORDER_ATTEMPT)
    )


async def seal_order(tx: Tx, group: Group, first: Round, rules: Rules) -> DrawList:
    """Fix the list of all lots, right when the cycle begins, and announce the beacon round that orders them."""
    list_text = draw.list_text([_label(lot) for lot in await _lots(tx, group)])
    # A full minute, as every other draw's instant is: it is told to people.
    draw_at = (tx.now + timedelta(minutes=rules.draw_delay_minutes + 1)).replace(second=0, microsecond=0)
    sealed = DrawList(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        round_id=first.id,
        attempt=ORDER_ATTEMPT,
        list_text=list_text,
        list_hash=draw.list_hash(list_text),
        exclusions=[],
        beacon_round=rounds.beacon_of(draw_at),
        draw_at=draw_at,
        frozen_at=tx.now,
    )
    tx.session.add(sealed)
    await tx.session.flush()
    return sealed


async def draw_order(tx: Tx, group: Group, beacon: Beacon) -> list[OrderDraw]:
    """Draw all turns, one lot after the other, each with the next link and the list without those before it."""
    sealed, cycle = await order_list(tx, group), await cycles.current(tx, group, lock=True)
    if sealed is None or cycle is None or await _picks(tx, group):
        return []
    if beacon.round != sealed.beacon_round:
        raise ValueError("a draw uses the beacon round that was announced")
    picks: list[OrderDraw] = []
    earlier: list[str] = []
    laid: dict[Place, UUID] = {}
    places = _places(cycle.rule_set.rounds, cycle.rule_set.lots_per_round)
    for ordinal, place in enumerate(places[: len(draw.lots_of(sealed.list_text))], 1):
        code = await next_code(tx, group, group.cycle)
        proof = draws.proof_from(group, cycle, sealed, beacon, earlier, code=code, round_number=1)
        lot = await lot_called(tx, group, group.cycle, proof.lot)
        pick = OrderDraw(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            code=code,
            cycle=group.cycle,
            list_id=sealed.id,
            ordinal=ordinal,
            lot_id=lot.id,
            link_number=proof.link_number,
            proof={"json": proof_to_json(proof)},
            record_hash=proof.record,
            drawn_at=tx.now,
        )
        cycle.links_used = proof.link_number
        tx.session.add(pick)
        await tx.session.flush()
        await keep_code(tx, group, code, pick.id)
        picks.append(pick)
        earlier.append(proof.lot)
        laid[place] = lot.id
    await _write(tx, group, laid, "drawn_once")
    await note(tx, "turns.drawn", group_id=group.group_id, subject=f"cycle:{group.cycle}", lots=len(picks))
    return picks


# --- changed with everybody's consent ------------------------------------------------------------


async def of_member(tx: Tx, group: Group, who: Member, name: str) -> tuple[Lot, int]:
    """The member's lot whose turn comes next, and its round. Raises ``Refusal("order.no_lot")``."""
    mine = {held.lot_number for held in await groups.holdings(tx, group, member_id=who.id)}
    done = await received(tx, group)
    for turn, lot in await of_cycle(tx, group):
        if lot.number in mine and lot.id not in done:
            return lot, turn.round_number
    raise Refusal("order.no_lot", name=name)


async def after(tx: Tx, group: Group, lot: Lot) -> tuple[Lot, int]:
    """The lot whose turn comes after another's, and its round. Raises ``Refusal("order.nobody_next")``."""
    queue = [one.id for one in await pending(tx, group)]
    following = queue[queue.index(lot.id) + 1 :] if lot.id in queue else []
    for turn, one in await of_cycle(tx, group):
        if following and one.id == following[0]:
            return one, turn.round_number
    raise Refusal("order.nobody_next", group=group.name)


async def swap(tx: Tx, group: Group, one: Lot, other: Lot) -> dict[UUID, int]:
    """Two lots that have not received change places; the round of each now. Raises ``Refusal("order.received")``."""
    group = await groups.by_id(tx, group.group_id, lock=True)
    cycle = await cycles.current(tx, group)
    if cycle is None or not uses_turns(cycle.rule_set):
        raise Refusal("order.drawn", group=group.name)
    queue = await pending(tx, group)
    ids = [lot.id for lot in queue]
    for lot in (one, other):
        if lot.id not in ids:
            raise Refusal("order.received", lot=lot.number)
    here, there = ids.index(one.id), ids.index(other.id)
    queue[here], queue[there] = queue[there], queue[here]
    await settle(tx, group, cycle.rule_set, queue)
    await note(tx, "turns.swapped", group_id=group.group_id, subject=f"lot:{one.number}", with_lot=other.number)
    return {lot.id: turn.round_number for turn, lot in await of_cycle(tx, group)}


def next_instant(sealed: DrawList | None, now: datetime) -> datetime:
    """When the draw of all turns is due: its list at once, itself at the instant that was announced."""
    return now if sealed is None else sealed.draw_at
