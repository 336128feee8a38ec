"""The queue: Dramatiq on a Redis of its own, with what its defaults get wrong put right.

Owns: the connection to Redis, the broker, and offering work once while it waits. Refuses to be a memory: no
message may hold anything that cannot be read from PostgreSQL again, so that an emptied Redis loses nothing.

Three things differ from Dramatiq's own broker. Messages of a killed worker come back within 15 seconds (its
defaults leave that to chance). A Redis that hangs is a closed connection, which Dramatiq survives, instead of a
time-out, after which its acknowledgement is lost. And an idle worker is woken by a bell (Redis pub/sub) instead
of asking every few milliseconds: 2 ms from offer to start instead of 10, for a tenth of the idle load.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import redis
import redis.asyncio
import structlog
from dramatiq import Actor, Middleware
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from core.settings import settings

DELIVERIES = "deliveries"
GROUPS = "groups"
QUEUES = (DELIVERIES, GROUPS)

# Pub/sub channels. ``TICK``: look at once what is due. ``TURN``: look again in so many seconds, because a message was
# put off until then. ``NUDGE``: "<tenant id> <address id>" has something queued.
TICK = "equb:tick"
TURN = "equb:turn"
NUDGE = "equb:nudge"
_BELL = "equb:bell"

HEARTBEAT_TIMEOUT_MS = 15_000
ALWAYS = 1_000_000  # Dramatiq's chance of maintenance, in a million
# How long a consumer waits for the bell before it looks by itself.
IDLE_SECONDS = 0.25

# With both a time-out and few retries a black-holed Redis is noticed after some six seconds instead of sixty.
_TIMEOUTS: dict[str, Any] = {
    "socket_timeout": 2.0,
    "socket_connect_timeout": 1.0,
    "health_check_interval": 15,
}
_BACKOFF = ExponentialBackoff(cap=0.5, base=0.05)
_RETRIES = 2

WAITING = b"waiting"
PARKED = b"parked"

_log = structlog.get_logger(__name__)


def redis_client() -> redis.Redis:
    """A client for threads, bounded in time."""
    return redis.Redis.from_url(settings().redis_url, retry=Retry(_BACKOFF, _RETRIES), **_TIMEOUTS)


def async_redis_client() -> redis.asyncio.Redis:
    """A client for an event loop, bounded in time. Belongs to the loop that first uses it."""
    return redis.asyncio.Redis.from_url(settings().redis_url, retry=AsyncRetry(_BACKOFF, _RETRIES), **_TIMEOUTS)


# Dramatiq's Redis broker carries no types: each call of it below says that it is untyped.


class _Consumer(_RedisConsumer):
    """Waits for the bell where Dramatiq's sleeps, and looks again as soon as a message is done with."""

    def __init__(self, broker: "Broker", queue_name: str, prefetch: int, timeout: int) -> None:
        # One millisecond: what is left of Dramatiq's own sleep after a look in vain.
        super().__init__(broker, queue_name, prefetch, timeout=1)  # type: ignore[no-untyped-call]
        self._bell = broker.bell(queue_name)

    def __next__(self) -> MessageProxy | None:
        if self.misses:
            self._bell.wait(IDLE_SECONDS)
            self._bell.clear()
        found: MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
        return found

    def ack(self, message: MessageProxy) -> None:
        super().ack(message)  # type: ignore[no-untyped-call]
        self._bell.set()

    def nack(self, message: MessageProxy) -> None:
        super().nack(message)  # type: ignore[no-untyped-call]
        self._bell.set()


class Broker(RedisBroker):
    """Dramatiq's Redis broker with a bell, and with every failure of Redis as a closed connection."""

    def __init__(self, *, client: redis.Redis, middleware: list[Middleware]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=middleware,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=ALWAYS,
        )
        self._bells: dict[str, threading.Event] = {}

    @property
    def consumer_class(self) -> type[_Consumer]:
        return _Consumer

    def bell(self, queue_name: str) -> threading.Event:
        """What the queue's consumer in this process waits for."""
        return self._bells.setdefault(queue_name, threading.Event())

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        enqueued = super().enqueue(message, delay=delay)
        if delay is None:
            self.client.publish(_BELL, message.queue_name)
        return enqueued

    def listen(self, stopped: threading.Event) -> None:
        """Ring the bells of this process as others offer work, until ``stopped``; run it in a thread."""
        while not stopped.is_set():
            try:
                with self.client.pubsub(ignore_subscribe_messages=True) as heard:
                    heard.subscribe(_BELL)
                    while not stopped.is_set():
                        message = heard.get_message(timeout=IDLE_SECONDS)
                        if message is not None:
                            self.bell(message["data"].decode()).set()
            except redis.RedisError as error:
                _log.warning("bell_lost", error=type(error).__name__)
                stopped.wait(1.0)

    def _dispatch(self, command: str) -> Callable[..., Any]:
        ask = super()._dispatch(command)  # type: ignore[no-untyped-call]

        def bounded(queue_name: str, *args: Any) -> Any:
            try:
                return ask(queue_name, *args)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                raise ConnectionClosed(str(error)) from None  # type: ignore[no-untyped-call]

        return bounded


def waiting_key(actor_name: str, args: Sequence[str]) -> str:
    """Where Redis remembers that this work waits (or is parked after failures), so as not to offer it twice."""
    return f"equb:work:{actor_name}:{':'.join(args)}"


def offer(actor: Actor[..., Any], candidates: Sequence[tuple[str, ...]], *, room: int) -> int:
    """Enqueue the work that is not waiting yet, in order, until ``room`` of it waits. Returns how much is new.

    ``candidates`` are arguments of the actor. Parked work is passed over. The mark and the message go by two
    steps: who dies between them delays that work by the mark's life, no more.
    """
    client, seconds, offered = cast(Broker, actor.broker).client, int(actor.options["waiting_seconds"]), 0
    rest = list(candidates)
    while rest and room > 0:
        chunk, rest = rest[:room], rest[room:]
        marking = client.pipeline(transaction=False)
        for args in chunk:
            marking.set(waiting_key(actor.actor_name, args), WAITING, nx=True, get=True, ex=seconds)
        for args, before in zip(chunk, marking.execute(), strict=True):
            if before == PARKED:
                continue
            room -= 1
            if before is None:
                actor.send(*args)
                offered += 1
    return offered
