"""What falls due for a group, done in order: rounds open, reminders go, lists freeze, draws are held.

``groups.wake_at`` is the next instant at which anything is due; the ticker finds groups by it. ``wake`` may be
called at any time by anybody, any number of times: each step looks at what is and does what is missing.
"""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core import clock, groups, payouts
from core.beacon import Beacon
from core.consent import proposals, rule_changes
from core.cycle import closing, cycles, rounds
from core.cycle.cycles import Cycle
from core.cycle.rounds import DrawList, Round
from core.db import Tx, transaction
from core.errors import TryLater
from core.groups import Group
from core.membership import guarantors, places
from core.order import draws, orders, turns
from core.rules import Rules
from core.telling import money_notices, notices
from core.treasury import dividends, fines, funds

FetchBeacon = Callable[[int], Awaitable[Beacon]]

# More steps than a group can owe after years of standing still.
MOST_STEPS = 10_000
# A beacon that is a little late is nobody's worry; when it stays away, everybody hears why nothing was drawn.
TOLD_AFTER = timedelta(hours=1)


async def wake(tenant_id: UUID, group_id: UUID, fetch: FetchBeacon) -> None:
    """Do everything that is due for a group by now, each step in a transaction of its own.

    Raises ``TryLater`` when a draw is due and the beacon cannot be had; the group is woken again later.
    """
    # Draws whose beacon cannot be had now. The group's other business goes on meanwhile.
    out_of_reach: dict[UUID, TryLater] = {}
    for _ in range(MOST_STEPS):
        async with transaction(tenant_id, now=clock.now()) as tx:
            group = await groups.by_id(tx, group_id, lock=True)
            waiting = await _step(tx, group, out_of_reach)
        if waiting is None:
            break
        if isinstance(waiting, _Again):
            continue
        try:
            beacon = await fetch(waiting.beacon_round)
        except TryLater as error:
            out_of_reach[waiting.round_id] = error
            await _say_that_it_waits(tenant_id, group_id, waiting)
            continue
        async with transaction(tenant_id, now=clock.now()) as tx:
            group = await groups.by_id(tx, group_id, lock=True)
            if waiting.attempt == turns.ORDER_ATTEMPT:
                await notices.order_held(tx, group, await turns.draw_order(tx, group, beacon))
            else:
                await _hold(tx, group, waiting.round_id, beacon)
    for reason in out_of_reach.values():
        await _no_later_than(tenant_id, group_id, timedelta(seconds=max(reason.retry_seconds, 5.0)))
        raise reason


async def _say_that_it_waits(tenant_id: UUID, group_id: UUID, waiting: DrawList) -> None:
    if waiting.attempt == turns.ORDER_ATTEMPT or clock.now() < waiting.draw_at + TOLD_AFTER:
        return
    async with transaction(tenant_id) as tx:
        group = await groups.by_id(tx, group_id)
        round_ = await tx.session.get(Round, (group_id, waiting.round_id))
        if round_ is not None:
            await notices.draw_waits(tx, group, round_, waiting, until=waiting.draw_at + draws.WITNESSED_AFTER)


@dataclass(frozen=True)
class _Due:
    """A step that a round still waits for."""

    round: Round
    what: str
    at: datetime


class _Again:
    """Something was done; there may be more."""


async def _step(tx: Tx, group: Group, out_of_reach: Container[UUID]) -> DrawList | _Again | None:
    """Do the earliest thing that is due. A ``DrawList`` is a draw that needs its beacon; None: nothing is due."""
    # What nobody has decided in time is settled whatever the group's status.
    expires = await proposals.expire(tx, group)
    if group.status != "running":
        group.wake_at = expires
        await tx.session.flush()
        return None
    cycle = await cycles.current(tx, group)
    if cycle is None:
        raise RuntimeError("a running group has no cycle")
    rules = cycle.rule_set
    all_rounds = await cycles.rounds_of(tx, group)
    steps = await _with_order(
        tx, group, _agenda(all_rounds, rules, await rounds.rules_by_round(tx, group, all_rounds)), rules
    )
    if any(step.what == "open" and step.at <= tx.now for step in steps) and await places.must_wait(
        tx, group, all_rounds
    ):
        steps = [step for step in steps if step.what != "open"]
    due = sorted(
        (step for step in steps if not (step.what in ("draw", "order") and step.round.id in out_of_reach)),
        key=lambda step: (step.at, step.round.number),
    )
    if not due or due[0].at > tx.now:
        # Who waits for nothing but money stays off the agenda (see look_again), whatever else may expire.
        group.wake_at = min(due[0].at, expires or due[0].at) if due else None
        await tx.session.flush()
        if not steps:
            if "auction" in rules.orders and await dividends.set_off(tx, group):
                await payouts.after_late_money(tx, group, await rounds.settle_from_advances(tx, group))
            await places.finish(tx, group)
            await _close(tx, group)
        return None
    return await _do(tx, group, cycle, due[0])


async def _do(tx: Tx, group: Group, cycle: Cycle, step: _Due) -> DrawList | _Again:
    """One step of a running group. A ``DrawList`` is a draw that needs its beacon."""
    rules, round_ = cycle.rule_set, step.round
    match step.what:
        case "order":
            sealed = await turns.order_list(tx, group)
            if sealed is not None:
                return sealed
            await notices.order_sealed(tx, group, await turns.seal_order(tx, group, round_, rules))
        case "open":
            await rule_changes.take_effect(tx, group, cycle, round_)
            if round_.number == 1 and turns.uses_turns(rules) and not turns.draws_turns(rules):
                await turns.lay(tx, group, rules)
            # What earlier bids have left to all counts for the dues that are made now.
            if "auction" in rules.orders:
                await dividends.set_off(tx, group)
            await payouts.after_late_money(tx, group, await _open(tx, group, round_))
            await notices.round_opened(tx, group, round_, cycle)
            if draws.order_of(rules, round_.number) == "auction":
                await notices.auction_opened(tx, group, round_, rules)
        case "remind":
            await notices.remind(tx, group, round_)
            round_.reminded_at = tx.now
        case "fine":
            await fines.assess(tx, group, round_, step.at)
        case "freeze" if await places.is_for_refund(tx, group, round_):
            # There is no lot left to find in it.
            round_.frozen_at = round_.drawn_at = tx.now
        case "freeze":
            await orders.at_cutoff(tx, group, round_, await rounds.freeze(tx, group, round_))
            if round_.attempt == 1:
                await guarantors.call_overdue(tx, group, round_)
        case "draw":
            frozen = await rounds.draw_list(tx, round_)
            if frozen is None:
                raise RuntimeError("a frozen round has no list")
            if frozen.list_text and draws.order_of(rules, round_.number) == "need":
                await orders.ask_officers(tx, group, round_, frozen)
                return _Again()
            if frozen.list_text:
                return frozen
            await draws.hold(tx, group, round_, None)
    await tx.session.flush()
    return _Again()


async def _close(tx: Tx, group: Group) -> None:
    """Close the cycle when everything is settled; what was kept for the members is shared out before that."""
    if not await cycles.settled(tx, group):
        return
    kept = await funds.share_out(tx, group)
    if kept:
        await money_notices.shared_out(tx, group, kept)
    elif await cycles.close_if_done(tx, group):
        await notices.cycle_closed(tx, group, *await cycles.totals(tx, group))
        await closing.after(tx, group)


async def _open(tx: Tx, group: Group, round_: Round) -> set[str]:
    """Open a round; the pots of earlier rounds that something went to."""
    if not await places.any_special(tx, group, round_.cycle):
        return await rounds.open_round(tx, group, round_)
    pots = await rounds.open_round(tx, group, round_, await places.owed_in(tx, group, round_))
    if await places.is_for_refund(tx, group, round_):
        await places.open_refund_round(tx, group, round_)
    return pots


def _agenda(all_rounds: Sequence[Round], rules: Rules, held: Mapping[int, Rules]) -> list[_Due]:
    """The next step of each round that has begun, and the opening of the one after.

    ``held``: the rules by which a round's fines are judged, where these have changed since it opened.
    """
    agenda = []
    # One list at a time: a lot that stood in two could be drawn from both.
    listed = any(r.frozen_at is not None and r.drawn_at is None for r in all_rounds)
    for round_ in all_rounds:
        if round_.opened_at is None:
            agenda.append(_Due(round_, "open", round_.opens_at))
            # The rounds after it open later still.
            break
        fine_at = fines.next_deadline(held.get(round_.number, rules), round_)
        if fine_at is not None:
            agenda.append(_Due(round_, "fine", fine_at))
        if round_.drawn_at is not None:
            continue
        remind_at = round_.due_at - timedelta(hours=rules.remind_hours)
        # No reminder in the moment of opening (a short period), none for a second try.
        wants_reminder = rules.remind_hours > 0 and remind_at > round_.opens_at and round_.attempt == 1
        if wants_reminder and round_.reminded_at is None and round_.frozen_at is None:
            agenda.append(_Due(round_, "remind", remind_at))
        if round_.frozen_at is not None:
            if draws.order_of(rules, round_.number) != "need" or orders.asks_again(round_):
                agenda.append(_Due(round_, "draw", round_.draw_at))
        elif not listed:
            agenda.append(_Due(round_, "freeze", round_.cutoff_at))
    return agenda


async def _with_order(tx: Tx, group: Group, agenda: list[_Due], rules: Rules) -> list[_Due]:
    """Where turns are drawn once: that draw comes before any list is fixed."""
    if not turns.draws_turns(rules) or not agenda or await turns.of_cycle(tx, group):
        return agenda
    sealed = await turns.order_list(tx, group)
    first = await rounds.round_by_number(tx, group, 1)
    if first is None:
        raise RuntimeError("a cycle has no first round")
    order = _Due(first, "order", turns.next_instant(sealed, tx.now))
    return [order, *(step for step in agenda if step.what != "freeze")]


async def _hold(tx: Tx, group: Group, round_id: UUID, beacon: Beacon) -> None:
    round_ = await tx.session.get(Round, (group.group_id, round_id), with_for_update=True)
    if round_ is None or round_.drawn_at or round_.frozen_at is None or group.status != "running":
        return
    await orders.announce(tx, group, round_, await draws.hold(tx, group, round_, beacon))


async def _no_later_than(tenant_id: UUID, group_id: UUID, wait: timedelta) -> None:
    async with transaction(tenant_id) as tx:
        group = await groups.by_id(tx, group_id, lock=True)
        again = tx.now + wait
        group.wake_at = min(group.wake_at or again, again)


async def look_again(tx: Tx, group: Group, *, confirmed: bool = False) -> None:
    """Wake the group now, because something happened that may let its cycle close.

    A group that waits for nothing but money is not on the agenda. One that waits for its holders' word is, for
    later: ``confirmed`` says that one of them has spoken.
    """
    # Where every day late is fined, the agenda still holds a day for what has just been paid.
    asked = confirmed or fines.is_daily(group.rule_set.fine)
    waits = group.wake_at is None or (asked and await cycles.all_drawn(tx, group))
    if group.status == "running" and waits:
        group.wake_at = tx.now
        await tx.session.flush()


async def wake_now(tx: Tx, group: Group) -> None:
    """Wake the group now, because what it waited for has been done by somebody."""
    if group.status == "running":
        group.wake_at = tx.now
        await tx.session.flush()
