"""How a message is treated around its actor: marks of waiting, the ladder after a failure, dead letters, the end.

Owns Dramatiq's middleware. A failure is tried again after 10, 30 and 90 seconds, then it becomes a dead letter
in PostgreSQL and its work is parked for an hour: what was only out of order for a while heals by itself, what is
wrong for good does not fill the log. While PostgreSQL is out of reach nothing dies; the last rung repeats.
``TryLater`` is no failure: core has moved the hour itself, and the ticker comes back then.
"""

import threading
import traceback
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import redis
import structlog
from dramatiq import Broker, Middleware, Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.broker import MessageProxy
from dramatiq.message import Message
from dramatiq.middleware import AsyncIO, Shutdown, ShutdownNotifications, TimeLimit

import bot
import sms
from core import db
from core.errors import Refusal, TryLater
from workers import dead_letters, pacing
from workers.broker import PARKED, TICK, WAITING, waiting_key
from workers.broker import Broker as RedisBroker

RETRY_SECONDS = (10, 30, 90)
PARKED_SECONDS = 3600
# The mark outlives the wait in the queue of delayed messages by this much.
_MARGIN_SECONDS = 20

ROOT = Path(__file__).resolve().parent.parent

# Set when this process has been asked to end: deliveries that have not begun go back to the outbox.
stopping = threading.Event()

_log = structlog.get_logger(__name__)


def middleware() -> list[Middleware]:
    """What surrounds every actor. Of Dramatiq's defaults only what is used: no callbacks, pipelines, exporter."""
    return [Loop(), TimeLimit(time_limit=300_000), ShutdownNotifications(), Conduct()]


class Loop(AsyncIO):
    """One event loop a process; what was opened in it is closed in it."""

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        thread = get_event_loop_thread()
        if thread is not None:
            thread.run_coroutine(_close())
        super().after_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]  # Dramatiq's has no types


async def _close() -> None:
    await bot.close()
    await sms.close()
    await pacing.close()
    await db.dispose()


class Conduct(Middleware):
    """Marks, ladder and dead letters.

    Options of an actor: ``waiting_seconds``, the life of its mark; ``one_at_a_time``, whether the mark stays
    until the run ends (work that nobody nudges) or goes when it begins (so that a nudge during the run counts).
    """

    @property
    def actor_options(self) -> set[str]:
        return {"waiting_seconds", "one_at_a_time"}

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        stopping.set()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        actor = broker.get_actor(message.actor_name)
        key = waiting_key(message.actor_name, message.args)
        if actor.options["one_at_a_time"]:
            _client(broker).set(key, WAITING, ex=actor.options["waiting_seconds"])
        else:
            _client(broker).delete(key)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if isinstance(exception, TryLater):
            _log.info("try_later", actor=message.actor_name, args=message.args, reason=str(exception))
        elif exception is not None and not isinstance(exception, Shutdown):
            self._failed(broker, message, exception)
            return
        if broker.get_actor(message.actor_name).options["one_at_a_time"]:
            ending = _client(broker).pipeline(transaction=False)
            ending.delete(waiting_key(message.actor_name, message.args))
            # What it has queued for people goes out now, not at the next second.
            ending.publish(TICK, b"")
            ending.execute()

    def after_nack(self, broker: Broker, message: MessageProxy) -> None:
        """Dramatiq refuses what it has no actor for; its own dead letters vanish after a week."""
        _bury(message, "no actor of that name in this version")

    def _failed(self, broker: Broker, message: MessageProxy, exception: BaseException) -> None:
        tried = int(message.options.get("retries", 0))
        what = said(exception)
        last = tried >= len(RETRY_SECONDS) or isinstance(exception, dead_letters.KillsItsWorker)
        if last and _bury(message, what):
            _park(broker, message, PARKED_SECONDS)
            return
        wait = RETRY_SECONDS[min(tried, len(RETRY_SECONDS) - 1)]
        _log.warning("work_failed", actor=message.actor_name, args=message.args, tried=tried, reason=what, wait=wait)
        message.options["retries"] = tried + 1
        # The proxy stands for its message everywhere; so do Dramatiq's own retries enqueue it.
        broker.enqueue(cast(Message[Any], message), delay=wait * 1000)
        _park(broker, message, wait + _MARGIN_SECONDS)


def said(exception: BaseException) -> str:
    """An exception for a row or a log: its kind and where in our code, not its text, which may hold a person's data."""
    if isinstance(exception, (Refusal, TryLater, dead_letters.KillsItsWorker)):
        return f"{type(exception).__name__}: {exception}"[:300]
    ours = [
        frame
        for frame in traceback.extract_tb(exception.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    if not ours:
        return type(exception).__name__
    place = Path(ours[-1].filename).relative_to(ROOT)
    return f"{type(exception).__name__} at {place}:{ours[-1].lineno}"


def _client(broker: Broker) -> redis.Redis:
    return cast(RedisBroker, broker).client


def _park(broker: Broker, message: MessageProxy, seconds: int) -> None:
    _client(broker).set(waiting_key(message.actor_name, message.args), PARKED, ex=seconds)


def _bury(message: MessageProxy, reason: str) -> bool:
    """Write the dead letter; False where PostgreSQL does not take it."""
    thread = get_event_loop_thread()
    if thread is None:
        return False
    try:
        thread.run_coroutine(
            dead_letters.bury(
                _tenant(message.args), actor=message.actor_name, args=[str(arg) for arg in message.args], reason=reason
            )
        )
    except Exception as error:  # whatever it is, the message must live on
        _log.error("dead_letter_not_written", actor=message.actor_name, args=message.args, error=said(error))
        return False
    _log.error("dead_letter", actor=message.actor_name, args=message.args, reason=reason)
    return True


def _tenant(args: tuple[Any, ...]) -> UUID | None:
    """Every actor's first argument is the tenant; a foreign message may have anything there."""
    try:
        return UUID(str(args[0]))
    except (IndexError, ValueError):
        return None
