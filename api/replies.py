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
from core.db import transaction
from core.messages import TELEGRAM
from core.telling import outbox
from core.telling.outbox import Delivery, Outgoing

log = structlog.get_logger(__name__)

SIDE_BY_SIDE = 64
# How long deliveries that are done wait for others before they are written down together.
GATHER_SECONDS = 0.03

_slots = asyncio.Semaphore(SIDE_BY_SIDE)
# The last piece of work of each lane: the next one waits for it.
_lanes: dict[str, asyncio.Task[None]] = {}
_tasks: set[asyncio.Task[None]] = set()

# What was delivered and is not written down yet, and the task that writes it.
_delivered: list[tuple[Outgoing, Delivery, "asyncio.Future[None]"]] = []
_recording: "asyncio.Task[None] | None" = None

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
        await _record(outgoing, await outbox.attempt(outgoing, send))


async def _record(outgoing: Outgoing, delivery: Delivery) -> None:
    """Have it written what came of a delivery; returns after the commit.

    They gather for a moment, so that a busy process writes many in one transaction. Nobody waits for it but the same
    person's next reply.
    """
    global _recording
    done = asyncio.get_running_loop().create_future()
    _delivered.append((outgoing, delivery, done))
    if _recording is None or _recording.done():
        _recording = asyncio.create_task(_record_gathered())
    await done


async def _record_gathered() -> None:
    while _delivered:
        await asyncio.sleep(GATHER_SECONDS)
        gathered, _delivered[:] = list(_delivered), []
        for tenant_id in {outgoing.tenant_id for outgoing, _, _ in gathered}:
            mine = [one for one in gathered if one[0].tenant_id == tenant_id]
            try:
                async with transaction(tenant_id) as tx:
                    await outbox.record_all(tx, [(outgoing, delivery) for outgoing, delivery, _ in mine])
            except Exception as error:
                # Each of them stays *sending* and becomes *uncertain*; whoever waits hears why.
                for _, _, done in mine:
                    done.set_exception(error)
            else:
                for _, _, done in mine:
                    done.set_result(None)


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
