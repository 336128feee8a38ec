"""The actors: they take ids, call core, and contain no rules. Every one may run twice or at the same time.

``deliver`` empties an address's outbox in order through its channel's sender, at the provider's pace; ``wake``
does what is due for a group; ``sweep`` gives up a message whose sender died. None of them is ever the only
trace of its work: the ticker reads the same from PostgreSQL every second.
"""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import dramatiq
import redis
import structlog

import bot
import sms
from core import beacon, clock
from core.beacon import BeaconSource
from core.cycle import agenda
from core.errors import TryLater
from core.messages import SMS, TELEGRAM
from core.settings import settings
from core.telling import outbox
from core.telling.outbox import Delivery, Outgoing, Sender
from workers import conduct, dead_letters, pacing
from workers.broker import DELIVERIES, GROUPS, Broker, offer, redis_client

# Messages of one address in one run; a longer queue goes on in another, so that others get their turn.
MOST_MESSAGES = 10

# How each channel's messages leave.
SENDERS: dict[str, Sender] = {TELEGRAM: bot.send, SMS: sms.send}

_log = structlog.get_logger(__name__)
_warming = asyncio.Lock()
_warm = False

broker = Broker(client=redis_client(), middleware=conduct.middleware())
dramatiq.set_broker(broker)


@dramatiq.actor(broker=broker, queue_name=DELIVERIES, waiting_seconds=20, one_at_a_time=False)
async def deliver(tenant_id: str, address_id: str) -> None:
    """Send what waits for an address, in order."""
    sent, put_off = await outbox.drain(UUID(tenant_id), UUID(address_id), send, most=MOST_MESSAGES)
    if put_off is not None and put_off.retry_seconds:
        await pacing.announce_turn(put_off.retry_seconds)
    if sent == MOST_MESSAGES:
        await asyncio.to_thread(offer, deliver, [(tenant_id, address_id)], room=1)


@dramatiq.actor(
    broker=broker,
    queue_name=GROUPS,
    waiting_seconds=60,
    one_at_a_time=True,
    time_limit=50_000,
    notify_shutdown=True,
)
async def wake(tenant_id: str, group_id: str) -> None:
    """Do what is due for a group. Core locks the group's row in each step, so that two runs do not mix."""
    tenant, group = UUID(tenant_id), UUID(group_id)
    await dead_letters.begin(tenant, actor="wake", subject_id=group)
    well = False
    try:
        await agenda.wake(tenant, group, partial(beacon.fetch, beacon_source()))
        well = True
    except TryLater:
        well = True
        raise
    finally:
        await dead_letters.finish(tenant, actor="wake", subject_id=group, well=well)


@dramatiq.actor(broker=broker, queue_name=DELIVERIES, waiting_seconds=20, one_at_a_time=False)
async def sweep(tenant_id: str, outbox_id: str) -> None:
    """Mark a message uncertain whose sender has not been heard of for a minute."""
    before = clock.now() - timedelta(seconds=outbox.SENDING_SECONDS)
    await outbox.give_up_waiting(UUID(tenant_id), UUID(outbox_id), before=before)


def beacon_source() -> BeaconSource:
    """The randomness beacon of the settings."""
    have = settings()
    return BeaconSource(
        chain=have.beacon_chain,
        public_key=have.beacon_public_key,
        genesis=have.beacon_genesis,
        period_seconds=have.beacon_period,
        urls=tuple(url.strip() for url in have.beacon_urls.split(",") if url.strip()),
    )


async def send(outgoing: Outgoing) -> Delivery:
    """Send one message when its turn has come; else say when that is, and the row waits in the outbox."""
    if conduct.stopping.is_set():
        return _not_now(0.1, "the worker is ending")
    if outgoing.channel == TELEGRAM:
        await _get_warm()
    try:
        wait_seconds = await pacing.ask(outgoing)
        if wait_seconds:
            return _not_now(wait_seconds, "paced")
    except redis.RedisError as error:
        # Without the others' count we cannot keep to the limit; the row is safe where it is.
        return _not_now(1.0, f"pacing is out of reach: {type(error).__name__}")
    delivery = await SENDERS[outgoing.channel](outgoing)
    if delivery.outcome == "later" and delivery.whole_gateway and delivery.retry_seconds:
        try:
            await pacing.pause(outgoing.tenant_id, outgoing.gateway, seconds=delivery.retry_seconds)
        except redis.RedisError as error:
            _log.warning("pause_lost", gateway=outgoing.gateway, error=type(error).__name__)
    return delivery


def _not_now(seconds: float, reason: str) -> Delivery:
    """Nothing was tried, so that it does not count as an attempt."""
    return Delivery("later", retry_seconds=seconds, whole_gateway=True, reason=reason)


async def _get_warm() -> None:
    """Import what Telegram needs, once, in a thread: it takes seconds, and most messages may be SMS."""
    global _warm
    async with _warming:
        if not _warm:
            await asyncio.to_thread(bot.warm)
            _warm = True
