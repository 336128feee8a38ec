"""How the lots of a round are found once its list is fixed: what happens at the cut-off, and what waits for the draw.

Owns the choice among the ways that the rules name, and telling the members which one it was. A round that is drawn
only waits here: nothing in this file, and nobody who calls it, can find a lot of it.
"""

from collections.abc import Sequence
from datetime import timedelta

from core import groups
from core import sentences as say
from core.cycle import cycles, rounds
from core.cycle.cycles import Cycle
from core.cycle.rounds import DrawList, Round
from core.db import Tx
from core.groups import Group
from core.order import auctions, draw, draws, needs, turns
from core.order.found import Held, of_round
from core.order.ways import reason_words
from core.telling import money_notices, notices

# Officers who have not decided are reminded after every ``redraw_hours``, for so long.
REMIND_DECIDERS = timedelta(days=7)


async def at_cutoff(tx: Tx, group: Group, round_: Round, frozen: DrawList) -> None:
    """Find what can be found at the cut-off, and tell everybody: who received and how, or what is awaited now."""
    cycle = await cycles.current(tx, group, lock=True)
    if cycle is None:
        raise RuntimeError("a running group has no cycle")
    order = draws.order_of(cycle.rule_set, round_.number)
    if not frozen.list_text or (order == "drawn" and not cycle.rule_set.first_to_organiser):
        await notices.list_frozen(tx, group, round_, frozen)
        return
    held = await _organisers(tx, group, round_, cycle, frozen)
    places = cycle.rule_set.lots_per_round - len(await of_round(tx, round_))
    if places and order in ("fixed", "drawn_once"):
        held += await turns.take(tx, group, round_, cycle, frozen, places)
        await draws.finish(tx, group, round_, cycle.rule_set)
    elif not places:
        await draws.finish(tx, group, round_, cycle.rule_set)
    elif order == "need":
        await notices.list_to_decide(tx, group, round_, frozen)
        await ask_officers(tx, group, round_, frozen)
    else:
        held += await _auctioned(tx, group, round_, cycle, frozen, places) if order == "auction" else []
    if order == "drawn" and places:
        await notices.list_frozen(tx, group, round_, frozen)
    await announce(tx, group, round_, held, frozen)


async def _auctioned(tx: Tx, group: Group, round_: Round, cycle: Cycle, frozen: DrawList, places: int) -> list[Held]:
    """Who bid most receives; equal bids, and places for which nobody has bid, wait for the draw."""
    held, tied = await auctions.settle(tx, group, round_, cycle, frozen, places)
    if len(held) == places:
        await draws.finish(tx, group, round_, cycle.rule_set)
    elif tied is not None:
        await notices.list_tied(tx, group, round_, tied)
    else:
        await notices.list_frozen(tx, group, round_, frozen)
    return held


async def announce(tx: Tx, group: Group, round_: Round, held: Sequence[Held], frozen: DrawList | None = None) -> None:
    """Tell everybody who received. ``frozen``: the list, where nobody was told of it before."""
    if not held:
        return
    cycle = await cycles.current(tx, group)
    if cycle is not None and turns.uses_turns(cycle.rule_set):
        await turns.settle(tx, group, cycle.rule_set)
    told = list(held)
    if frozen is not None and round_.drawn_at is not None:
        count = len(draw.lots_of(frozen.list_text))
        told[-1] = told[-1].saying(say.LIST_OF_ROUND(count=count, list=frozen.list_hash[:12]))
    following = await rounds.round_by_number(tx, group, round_.number + 1)
    await notices.draw_held(tx, group, round_, told, following)
    await money_notices.after_draw(tx, group, round_, told)


async def decided(tx: Tx, group: Group, round_: Round, held: Held) -> None:
    """An officer's decision is carried out: the round is closed when all its lots are found, everybody is told."""
    if len(await of_round(tx, round_)) == group.rule_set.lots_per_round or await _all_found(tx, round_):
        await draws.finish(tx, group, round_, group.rule_set)
    await announce(tx, group, round_, [held])


async def _all_found(tx: Tx, round_: Round) -> bool:
    """Whether every lot of the list has been found, though the round has places for more."""
    frozen = await rounds.draw_list(tx, round_)
    here = [one for one in await of_round(tx, round_) if frozen is not None and one.list_id == frozen.id]
    return frozen is not None and len(here) == len(draw.lots_of(frozen.list_text))


async def _organisers(tx: Tx, group: Group, round_: Round, cycle: Cycle, frozen: DrawList) -> list[Held]:
    """Round 1 goes to the organiser's first lot, where the rules say so and it is on the list."""
    if not cycle.rule_set.first_to_organiser or round_.number != 1 or round_.attempt != 1:
        return []
    lot = await turns.organisers_lot(tx, group)
    if lot is None:
        return []
    label = rounds.lot_label(lot.number)
    if label not in draw.lots_of(frozen.list_text):
        reason = reason_words(dict(frozen.exclusions).get(label, ""))
        passed = say.ORGANISER_PASSED(reason=reason)
        await notices.tell_members(tx, group, passed, event=f"organiser_passed:{frozen.id}")
        return []
    said = say.HOW_ORGANISER()
    return [await draws.put_down(tx, group, round_, cycle, lot, "organiser", frozen=frozen, how={}, said=said)]


async def ask_officers(tx: Tx, group: Group, round_: Round, frozen: DrawList) -> None:
    """Ask the officers for their decision, with who has asked for it and why; now, and again until they decide."""
    lines = []
    for need in await needs.open_needs(tx, group):
        seat = await groups.seat(tx, group.group_id, need.member_id)
        lines.append(say.NEED_LINE(number=seat.member.number, name=seat.person.name, reason=need.reason))
    common = {"group": group.name, "round": round_.number}
    message = say.PLEASE_DECIDE(**common, lines=lines) if lines else say.PLEASE_DECIDE_FREE(**common)
    event = f"decide:{frozen.id}:{round_.draw_at.isoformat()}"
    await notices.tell_officers(tx, group, "decide", message, event=event)
    round_.draw_at += timedelta(hours=group.rule_set.redraw_hours)
    await tx.session.flush()


def asks_again(round_: Round) -> bool:
    """Whether officers who have not decided are still reminded."""
    return round_.frozen_at is not None and round_.draw_at < round_.frozen_at + REMIND_DECIDERS
