"""Long polling: fetches updates where Telegram cannot reach us, one process for each bot.

An advisory lock in PostgreSQL, held by a connection of its own, keeps a second process waiting. The offset moves
only after everything fetched is committed, so a crash repeats updates; the inbox makes the repetition harmless.
Notices that a message causes for others are left to the workers, who look every second.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramConflictError, TelegramRetryAfter
from aiogram.methods import TelegramMethod
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import intake
from bot.deliver import bot_of
from bot.intake import Taken
from bot.receive import ALLOWED_UPDATES
from core import clock, db
from core.operator.gateways import Gateway
from core.people import Tenant

log = structlog.get_logger(__name__)

POLL_SECONDS = 25
_PAUSE_SECONDS = 2.0
_STANDBY_SECONDS = 1.0
# An update that fails this often is a bug of ours; it must not keep everybody else's from coming in.
_TRIES = 5

# As it came: aiogram's own method refuses all that was fetched, for ever, when it does not know one update's form.
Fetched = dict[str, Any]


class _GetUpdates(TelegramMethod[list[Fetched]]):
    """getUpdates without an opinion on what comes back."""

    __returning__ = list[Fetched]
    __api_method__ = "getUpdates"

    offset: int
    timeout: int
    allowed_updates: list[str]


async def run(tenant: Tenant, gateway: Gateway, stop: asyncio.Event) -> None:
    """Poll until ``stop`` is set, as soon as no other process does. Ends with an error when the lock is lost."""
    bot_id = gateway.credentials["token"].partition(":")[0]
    async with db.engine().connect() as plain:
        lock = await plain.execution_options(isolation_level="AUTOCOMMIT")
        try:
            while not await _locked(lock, bot_id):
                if await _stopped(stop, _STANDBY_SECONDS):
                    return
            log.info("polling", tenant=tenant.code)
            await _poll(tenant, gateway, stop, lock)
        finally:
            # The lock is the session's: back in the pool the connection would hold it on.
            await plain.invalidate()


async def _locked(connection: AsyncConnection, bot_id: str) -> bool:
    got = await connection.scalar(
        text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), {"name": f"telegram-bot:{bot_id}"}
    )
    return bool(got)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _poll(tenant: Tenant, gateway: Gateway, stop: asyncio.Event, lock: AsyncConnection) -> None:
    bot, offset, failures = bot_of(gateway), 0, 0
    under_way: set[asyncio.Task[None]] = set()
    await bot.delete_webhook(drop_pending_updates=False)
    while not stop.is_set():
        await lock.exec_driver_sql("SELECT 1")  # raises when the connection, and the lock with it, is gone
        updates = await _fetch(bot, offset, stop)
        taken, failed = await _take_all(tenant, gateway, updates)
        for one in taken:
            task = asyncio.create_task(intake.answer(one))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if failed and (failures := failures + 1) < _TRIES:
            await _stopped(stop, _PAUSE_SECONDS)
            continue
        failures = 0
        if updates:
            offset = updates[-1]["update_id"] + 1
    if under_way:
        await asyncio.wait(under_way, timeout=10)


async def _fetch(bot: Bot, offset: int, stop: asyncio.Event) -> Sequence[Fetched]:
    """The next updates; none after a pause when Telegram does not answer, or when we are to stop."""
    fetch = asyncio.ensure_future(
        bot(
            _GetUpdates(offset=offset, timeout=POLL_SECONDS, allowed_updates=list(ALLOWED_UPDATES)),
            request_timeout=POLL_SECONDS + 10,
        )
    )
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({fetch, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not fetch.done():
        fetch.cancel()
        return []
    try:
        return fetch.result()
    except TelegramRetryAfter as error:
        await _stopped(stop, error.retry_after)
    except TelegramConflictError:
        log.error("polling_refused", why="a webhook is set, or somebody else polls")
        await _stopped(stop, _PAUSE_SECONDS * 5)
    except AiogramError as error:
        log.warning("polling_failed", error=type(error).__name__)
        await _stopped(stop, _PAUSE_SECONDS)
    return []


async def _take_all(tenant: Tenant, gateway: Gateway, updates: Sequence[Fetched]) -> tuple[list[Taken], bool]:
    """Everybody's updates side by side, each person's in order; and whether one failed, and so all after it."""
    lanes: defaultdict[int, list[Fetched]] = defaultdict(list)
    for update in updates:
        lanes[_who(update)].append(update)
    taken: list[Taken] = []

    async def lane(own: list[Fetched]) -> bool:
        try:
            for update in own:
                taken.append(await intake.take_in(tenant, gateway, update, received_at=clock.now()))
        except Exception:
            log.exception("update_failed", tenant=tenant.code)
            return True
        return False

    return taken, any(await asyncio.gather(*(lane(own) for own in lanes.values())))


def _who(update: Fetched) -> int:
    """Whose update it is: the person's id, or 0 for all that is nobody's."""
    for kind in ALLOWED_UPDATES:
        if kind in update:
            return int(update[kind].get("from", {}).get("id", 0))
    return 0
