"""The ticker: ``python -m workers.ticker``. Reads from PostgreSQL what is due and offers it to the workers.

Any number may run; one is active, by an advisory lock on the very connection it reads through. PostgreSQL ends
that connection when it is silent for three seconds, so that a ticker that died, was stopped or lost the network
loses the lock, and another takes over within five. Two active at once for a moment would do no harm.

Owns no state: every second it looks at everything again, and at once when told to (Redis ``equb:tick``) or when the
next thing falls due. A nudge (``equb:nudge``, "<tenant id> <address id>") only saves that second. Refuses to do
the work itself.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import redis
import structlog

from core import clock
from core.settings import settings
from core.telling.outbox import SENDING_SECONDS
from workers import pacing
from workers.actors import deliver, sweep, wake
from workers.broker import NUDGE, TICK, TURN, async_redis_client, offer

TICK_SECONDS = 1.0
# Between two ticks in a backlog, where the next turn is always near.
SHORTEST_SECONDS = 0.05
STANDBY_SECONDS = 0.5
SILENCE_MS = 3000
PULSE_SECONDS = 0.7
LOCK = 0x65717562  # "equb"

MOST_GROUPS = 500
# How far past groups that cannot be woken (parked for an hour after failing) the ticker looks for others.
FARTHEST_GROUP = 32_000
MOST_OF_A_GATEWAY = 500
MOST_STUCK = 100
# A row must be seen stuck for so long in real time, too: a jump of the sandbox clock makes a send that is under way
# look a week old.
STUCK_SEEN_SECONDS = 3.0

_log = structlog.get_logger(__name__)


class Ticker:
    """A ticker's term of office: its connection with the lock, and what it must remember between two ticks."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._one_at_a_time = asyncio.Lock()
        self._next_at = 0.0  # the next tick, in seconds of the monotonic clock
        self._sooner = asyncio.Event()
        self._stuck_since: dict[UUID, float] = {}
        self._groups_looked_at = MOST_GROUPS

    async def serve(self) -> None:
        """Tick until the connection is lost. Raises what the connection raises."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pulse())
            group.create_task(self._listen())
            group.create_task(self._tick_for_ever())

    async def _ask(self, sql: str, *values: object) -> list[Any]:
        async with self._one_at_a_time:
            return await self._connection.fetch(sql, *values)

    async def _pulse(self) -> None:
        """Keep the connection from falling silent while Redis or a long tick keeps us."""
        while True:
            await self._ask("SELECT 1")
            await asyncio.sleep(PULSE_SECONDS)

    async def _tick_for_ever(self) -> None:
        while True:
            self._next_at = time.monotonic() + TICK_SECONDS
            try:
                following = await self.tick()
                if following is not None:
                    self._look_in((following - clock.now()).total_seconds())
            except redis.RedisError as error:
                _log.warning("tick_failed", error=type(error).__name__)
            while (wait := self._next_at - time.monotonic()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._sooner.wait()
                self._sooner.clear()

    def _look_in(self, seconds: float, *, least: float = SHORTEST_SECONDS) -> None:
        """Tick in so many seconds, unless a tick comes sooner anyhow."""
        self._next_at = min(self._next_at, time.monotonic() + max(seconds, least))
        self._sooner.set()

    async def tick(self) -> datetime | None:
        """Offer everything that is due; returns the next instant at which something falls due."""
        now = clock.now()
        await self._wake_groups(now)
        await self._feed(await self._ask("SELECT * FROM due_addresses($1, $2)", now, MOST_OF_A_GATEWAY))
        await self._sweep(now)
        found = await self._ask("SELECT next_due($1)", now)
        following: datetime | None = found[0][0]
        return following

    async def _wake_groups(self, now: datetime) -> None:
        """Offer the groups that have been due the longest. Where these are all waiting or parked, the next tick looks
        past them: what fails stays due, and must not keep the others from their turn."""
        most = self._groups_looked_at
        groups = await self._ask("SELECT tenant_id, group_id FROM due_groups($1, $2)", now, most)
        new = 0
        if groups:
            new = await asyncio.to_thread(offer, wake, [_texts(row) for row in groups], room=MOST_GROUPS)
        if len(groups) < most:
            self._groups_looked_at = MOST_GROUPS
        elif not new:
            self._groups_looked_at = min(most * 2, FARTHEST_GROUP)

    async def _feed(self, rows: list[Any]) -> None:
        """Offer the addresses of each gateway, no more than leave in the next two seconds."""
        waiting: dict[tuple[UUID, str], list[tuple[str, ...]]] = defaultdict(list)
        for tenant_id, gateway, address_id in rows:
            waiting[(tenant_id, gateway)].append((str(tenant_id), str(address_id)))
        rooms = await pacing.room(list(waiting))
        for addresses, room in zip(waiting.values(), rooms, strict=True):
            await asyncio.to_thread(offer, deliver, addresses, room=room)

    async def _sweep(self, now: datetime) -> None:
        before = now - timedelta(seconds=SENDING_SECONDS)
        rows = await self._ask("SELECT tenant_id, id FROM stuck_outbox($1, $2)", before, MOST_STUCK)
        seen = time.monotonic()
        self._stuck_since = {row["id"]: self._stuck_since.get(row["id"], seen) for row in rows}
        stuck = [_texts(row) for row in rows if seen - self._stuck_since[row["id"]] >= STUCK_SEEN_SECONDS]
        if stuck:
            await asyncio.to_thread(offer, sweep, stuck, room=MOST_STUCK)

    async def _listen(self) -> None:
        while True:
            try:
                async with async_redis_client() as client, client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(TICK, TURN, NUDGE)
                    while True:
                        message = await heard.get_message(timeout=1.0)
                        if message is not None:
                            await self._hear(message["channel"].decode(), message["data"].decode())
            except redis.RedisError as error:
                _log.warning("nudges_lost", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _hear(self, channel: str, said: str) -> None:
        if channel == TICK:
            self._look_in(0.0, least=0.0)
            return
        try:
            if channel == TURN:
                self._look_in(float(said))
                return
            tenant_id, address_id = (str(UUID(part)) for part in said.split(" "))
        except ValueError:
            _log.warning("nudge_not_understood", channel=channel, length=len(said))
            return
        await asyncio.to_thread(offer, deliver, [(tenant_id, address_id)], room=1)


def _texts(row: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in row)


async def connect() -> "asyncpg.Connection[asyncpg.Record]":
    """A connection that PostgreSQL ends, with its locks, when nothing is heard from us for three seconds."""
    silence = str(SILENCE_MS)
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        settings().database_url,
        timeout=3,
        command_timeout=3,
        server_settings={
            "application_name": "equb-ticker",
            "jit": "off",
            "idle_session_timeout": silence,
            "idle_in_transaction_session_timeout": silence,
            "statement_timeout": silence,
            "tcp_user_timeout": silence,
        },
    )
    return connection


async def _stand() -> None:
    """Wait for the lock, then serve; over again whenever the connection is lost."""
    while True:
        connection = None
        try:
            connection = await connect()
            # Asking again and again is also what keeps the connection from falling silent.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110
                await asyncio.sleep(STANDBY_SECONDS)
            _log.info("ticker_active")
            await Ticker(connection).serve()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ExceptionGroup) as error:
            causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
            _log.warning("ticker_standing_back", errors=[type(cause).__name__ for cause in causes])
            await asyncio.sleep(STANDBY_SECONDS)
        finally:
            if connection is not None:
                connection.terminate()


async def run() -> None:
    """Tick, or stand by, until SIGTERM or SIGINT."""
    standing = asyncio.create_task(_stand())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, standing.cancel)
    _log.info("ticker_ready")
    with contextlib.suppress(asyncio.CancelledError):
        await standing
    await pacing.close()


def main() -> int:
    """The process."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings().log.upper()))
    )
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
