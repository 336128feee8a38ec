"""Delivers replies after the webhook that caused them has been answered, in this process, at once.

One person's replies go in order, different people's side by side, with an upper bound. What a dying process leaves
behind stands in the outbox as *sending*, and becomes *uncertain* there.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

import bot
import sms
from api import metrics
from core import outbox
from core.messages import TELEGRAM
from core.outbox import Delivery, Outgoing

log = structlog.get_logger(__name__)

SIDE_BY_SIDE = 64

_slots = asyncio.Semaphore(SIDE_BY_SIDE)
# The last piece of work of each lane: the next one waits for it.
_lanes: dict[str, asyncio.Task[None]] = {}
_tasks: set[asyncio.Task[None]] = set()

Work = Callable[[], Awaitable[None]]


async def send(outgoing: Outgoing) -> Delivery:
    """Send by whatever channel the message names, counted. Every failure is a ``Delivery``."""
    outcome = "unknown"
    try:
        delivery = await (bot.send if outgoing.channel == TELEGRAM else sms.send)(outgoing)
        outcome = delivery.outcome
        return delivery
    finally:
        metrics.DELIVERIES.labels(outgoing.gateway, outcome).inc()


async def deliver(messages: list[Outgoing]) -> None:
    """Deliver claimed replies in order."""
    for outgoing in messages:
        await outbox.deliver(outgoing, send)


def later(lane: str, work: Work) -> None:
    """Do this in the background, after everything else of its lane."""
    task = asyncio.create_task(_run(_lanes.get(lane), work))
    _lanes[lane] = task
    _tasks.add(task)
    metrics.IN_FLIGHT.set(len(_tasks))

    def done(finished: asyncio.Task[None]) -> None:
        _tasks.discard(finished)
        metrics.IN_FLIGHT.set(len(_tasks))
        if _lanes.get(lane) is finished:
            del _lanes[lane]

    task.add_done_callback(done)


async def _run(before: asyncio.Task[None] | None, work: Work) -> None:
    if before is not None:
        await asyncio.wait({before})
    async with _slots:
        try:
            await work()
        except Exception:
            # The row stays *sending*; whoever sweeps the outbox makes it *uncertain*.
            log.exception("reply_failed")


def in_flight() -> int:
    """How many pieces of work are not done."""
    return len(_tasks)


async def finish(seconds: float) -> int:
    """Wait for what is under way, no longer than this; returns how many were not done in time."""
    if _tasks:
        await asyncio.wait(set(_tasks), timeout=seconds)
    return len(_tasks)
