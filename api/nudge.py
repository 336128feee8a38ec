"""Tells the ticker that there is something to do now. A nudge may be lost: PostgreSQL is the truth.

``equb:nudge`` carries ``<tenant id> <address id>`` (messages wait for that address), ``equb:tick`` nothing (look at
what is due). The ticker listens and hands the work to the workers; without a nudge it looks every second anyway.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.settings import settings

log = structlog.get_logger(__name__)

NUDGE = "equb:nudge"
TICK = "equb:tick"

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, "Redis"] = WeakKeyDictionary()


def redis() -> "Redis":
    """This event loop's client. It gives up after seconds: a Redis that hangs must not hang us."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = Redis.from_url(
            settings().redis_url, socket_timeout=2.0, socket_connect_timeout=2.0, max_connections=20
        )
    return client


async def nudge(tenant_id: UUID, address_ids: Iterable[UUID]) -> None:
    """Say that messages wait for these addresses."""
    wanted = [f"{tenant_id} {address_id}" for address_id in address_ids]
    if not wanted:
        return
    try:
        async with redis().pipeline(transaction=False) as pipeline:
            for one in wanted:
                pipeline.publish(NUDGE, one)
            await pipeline.execute()
    except (RedisError, OSError) as error:
        log.info("nudge_lost", error=type(error).__name__)


async def tick() -> None:
    """Say that something may be due."""
    try:
        await redis().publish(TICK, "")
    except (RedisError, OSError) as error:
        log.info("nudge_lost", error=type(error).__name__)


async def close() -> None:
    """Close this loop's connections."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
