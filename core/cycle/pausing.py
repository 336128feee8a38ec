"""Pauses of a running cycle: a time in which no round falls due, a funeral, a strike, a month in which nobody trades.

The rounds that have not opened move by whole steps of the rhythm to the first days that are free; ending a pause early
moves them back in the same way. Refuses to touch a round that has opened: its dues are owed, its draw is announced.
Who must agree to a pause: ``core.consent.pauses``. Pauses that come back every year are rules (``core.rules.pauses``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import people
from core.cycle import cycles
from core.cycle.cycles import Cycle
from core.cycle.rounds import Due, Round, beacon_of
from core.db import Base, Tx
from core.errors import Refusal
from core.groups import Group
from core.ids import new_id
from core.operator.audit import note
from core.rules import Step, first_due, steps_of

# Longer than this is another cycle.
LONGEST = timedelta(days=400)
MOST_ROUNDS = 60
# When a pause ends early nobody owes anything within hours.
NOTICE = timedelta(hours=12)


class Pause(Base):
    """No round falls due from ``from_on`` until ``until_on``, the first day that is free again; or ``ended_on``."""

    __tablename__ = "pauses"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    from_on: Mapped[date]
    until_on: Mapped[date]
    reason: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    ended_on: Mapped[date | None]
    ended_at: Mapped[datetime | None]

    @property
    def free_on(self) -> date:
        """The first day after it."""
        return self.until_on if self.ended_on is None else self.ended_on

    def holds(self, day: date) -> bool:
        """Whether a day is within the pause."""
        return self.from_on <= day < self.free_on


@dataclass(frozen=True)
class Moved:
    """What a pause, or its end, comes to: the next round and when it falls due."""

    round: Round
    due_at: datetime


async def of_cycle(tx: Tx, group: Group) -> list[Pause]:
    """The pauses of the present cycle, the oldest first."""
    rows = await tx.session.scalars(
        select(Pause)
        .where(Pause.group_id == group.group_id, Pause.cycle == group.cycle)
        .order_by(Pause.made_at, Pause.id)
    )
    return list(rows.all())


_PRESENT = """
SELECT p.until_on, p.reason FROM pauses p WHERE p.group_id = $1 AND p.cycle = $2 AND p.ended_on IS NULL
    AND p.until_on > $3 ORDER BY p.until_on DESC LIMIT 1
"""


async def present(tx: Tx, group: Group) -> tuple[date, str] | None:
    """Until which day the group pauses now, and why; None when it does not."""
    if group.status != "running":
        return None
    row = await tx.row(_PRESENT, group.group_id, group.cycle, await _today(tx))
    return (row[0], row[1]) if row else None


async def _today(tx: Tx) -> date:
    return tx.now.astimezone(ZoneInfo((await people.tenant_of(tx)).timezone)).date()


class _Plan:
    """The days on which the rounds of a cycle that have not opened may fall due."""

    def __init__(self, cycle: Cycle, all_rounds: Sequence[Round], zone: ZoneInfo) -> None:
        self.rules, self.zone = cycle.rule_set, zone
        self.opened = [one for one in all_rounds if one.opened_at is not None]
        self.waiting = [one for one in all_rounds if one.opened_at is None]
        self.begun = cycle.begun_at.astimezone(zone)
        self.first = self._local(all_rounds[0])
        self.last = self._local((self.opened or all_rounds)[-1])

    def _local(self, round_: Round) -> datetime:
        return round_.due_at.astimezone(self.zone)

    def _anchor(self, pauses: Sequence[Pause]) -> date:
        """The day from which the rhythm is counted: the cycle's first, if the newest round stands in its series.

        An imported cycle has been held on other days before; then the series goes on from its first or its newest.
        """
        last = self.last.date()
        for day in (first_due(self.rules, self.begun).date(), self.first.date()):
            if day <= last and any(
                step.day == last for step in _until(steps_of(self.rules, day, besides=lambda d: _any(pauses, d)), last)
            ):
                return day
        return last

    def steps(self, pauses: Sequence[Pause], *, after: datetime | None = None) -> Iterator[tuple[datetime, timedelta]]:
        """When rounds may fall due after the newest that has opened, and how much pauses delay each.

        ``after``: none before that instant either.
        """
        hour, last = self.last.timetz().replace(tzinfo=None), self.last.date()

        def at(day: date) -> datetime:
            return datetime.combine(day, hour, self.zone)

        def besides(day: date) -> bool:
            return _any(pauses, day) or (after is not None and day > last and at(day) <= after)

        for step in steps_of(self.rules, self._anchor(pauses), besides=besides):
            if step.day > last:
                yield at(step.day).astimezone(self.begun.tzinfo), step.pause


def _until(steps: Iterator[Step], last: date) -> Iterator[Step]:
    return takewhile(lambda step: step.day <= last, steps)


def _any(pauses: Sequence[Pause], day: date) -> bool:
    return any(pause.holds(day) for pause in pauses)


async def _plan(tx: Tx, group: Group) -> _Plan:
    """Raises ``Refusal``: ``pause.over`` when every round has opened."""
    cycle = await cycles.current(tx, group)
    all_rounds = await cycles.rounds_of(tx, group)
    if cycle is None or group.status != "running" or not all_rounds:
        raise Refusal("group.not_running", group=group.name, status=group.status)
    return _Plan(cycle, all_rounds, ZoneInfo((await people.tenant_of(tx)).timezone))


async def after_the_last(tx: Tx, group: Group) -> tuple[datetime, timedelta]:
    """When a round more than are planned would fall due, and how much a pause delays it."""
    plan = await _plan(tx, group)
    return next(islice(plan.steps(await of_cycle(tx, group)), len(plan.waiting), None))


async def until_after(tx: Tx, group: Group, count: int) -> date:
    """Until which day the next ``count`` rounds would have to pause. Raises ``Refusal``: ``pause.…``."""
    if not 1 <= count <= MOST_ROUNDS:
        raise Refusal("pause.too_long")
    plan = await _plan(tx, group)
    due_at, _ = next(islice(plan.steps(await of_cycle(tx, group)), count, None))
    return due_at.astimezone(plan.zone).date()


async def check(tx: Tx, group: Group, until_on: date) -> Moved:
    """What pausing until a day would come to.

    Raises ``Refusal``: ``pause.over``, ``pause.nothing`` (no round falls due before it), ``pause.too_long``.
    """
    plan = await _plan(tx, group)
    if not plan.waiting:
        raise Refusal("pause.over", group=group.name)
    if until_on > await _today(tx) + LONGEST:
        raise Refusal("pause.too_long")
    before = plan.waiting[0]
    if before.due_at.astimezone(plan.zone).date() >= until_on:
        raise Refusal("pause.nothing", round=before.number, due=before.due_at)
    pauses = [*await of_cycle(tx, group), _new(tx, group, plan, until_on, "")]
    return Moved(before, next(plan.steps(pauses, after=tx.now))[0])


def _new(tx: Tx, group: Group, plan: _Plan, until_on: date, reason: str) -> Pause:
    return Pause(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        cycle=group.cycle,
        from_on=plan.last.date() + timedelta(days=1),
        until_on=until_on,
        reason=reason,
        made_at=tx.now,
        made_by=tx.actor,
        ended_on=None,
        ended_at=None,
    )


async def pause(tx: Tx, group: Group, until_on: date, reason: str) -> tuple[Pause, Moved]:
    """Pause until a day; the caller holds the group. Raises as ``check`` does."""
    await check(tx, group, until_on)
    made = _new(tx, group, await _plan(tx, group), until_on, reason)
    tx.session.add(made)
    await tx.session.flush()
    moved = await _move(tx, group, after=tx.now)
    await note(
        tx, "cycle.paused", group_id=group.group_id, subject=f"cycle:{group.cycle}", until=str(until_on), reason=reason
    )
    return made, moved


async def check_resume(tx: Tx, group: Group) -> Moved:
    """What ending the pause now would come to. Raises ``Refusal``: ``pause.none``, ``pause.over``."""
    plan = await _plan(tx, group)
    today = await _today(tx)
    pauses = await of_cycle(tx, group)
    if not any(one.free_on > today for one in pauses):
        raise Refusal("pause.none", group=group.name)
    if not plan.waiting:
        raise Refusal("pause.over", group=group.name)
    kept = [one for one in pauses if one.free_on <= today]
    return Moved(plan.waiting[0], next(plan.steps(kept, after=tx.now + NOTICE))[0])


async def resume(tx: Tx, group: Group) -> Moved:
    """End whatever pause runs or is to come; the caller holds the group. Raises as ``check_resume`` does."""
    await check_resume(tx, group)
    today = await _today(tx)
    for one in await of_cycle(tx, group):
        if one.free_on > today:
            one.ended_on, one.ended_at = max(today, one.from_on), tx.now
    await tx.session.flush()
    moved = await _move(tx, group, after=tx.now + NOTICE)
    await note(tx, "cycle.resumed", group_id=group.group_id, subject=f"cycle:{group.cycle}")
    return moved


async def _move(tx: Tx, group: Group, *, after: datetime) -> Moved:
    """Plan the rounds that have not opened anew, after an instant and outside of every pause."""
    plan = await _plan(tx, group)
    steps = plan.steps(await of_cycle(tx, group), after=after)
    opens_at = plan.opened[-1].draw_at if plan.opened else tx.now
    for round_, (due_at, delay) in zip(plan.waiting, steps, strict=False):
        round_.opens_at, round_.due_at = opens_at + delay, due_at
        round_.cutoff_at = due_at + timedelta(hours=plan.rules.grace_hours)
        round_.draw_at = round_.cutoff_at + timedelta(minutes=plan.rules.draw_delay_minutes)
        round_.beacon_round = beacon_of(round_.draw_at)
        opens_at = round_.draw_at
        # What is repaid of a loan falls due with its round.
        await tx.session.execute(
            update(Due)
            .where(Due.group_id == group.group_id, Due.round_id == round_.id)
            .values(due_at=due_at)
            .execution_options(synchronize_session=False)
        )
    group.wake_at = tx.now
    await tx.session.flush()
    return Moved(plan.waiting[0], plan.waiting[0].due_at)
