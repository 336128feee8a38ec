"""Carries what the outside world reports to the system: webhooks and status callbacks, in order, again.

One lane per conversation or message: a lane is delivered strictly in order, lanes run side by side.
What was not answered with 2xx is repeated with back-off and is kept over a restart. Providers register
how a call is built and how patient they are; the courier knows none of them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.store import Store, number_key

log = logging.getLogger("sandbox.courier")

_BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_UNREACHABLE_TRIES = 500
_SIDE_BY_SIDE = 40


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP POST about to be made."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: status None when nobody answered; error is then a sentence."""

    status: int | None
    content_type: str = ""
    text: str = ""
    error: str = ""

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Kind:
    """How one provider delivers. build answers None to park the lane until it is woken.

    tries: answered attempts before giving up. answered: called once with the accepted answer.
    """

    build: Callable[[dict[str, Any]], Call | None]
    tries: int
    timeout_seconds: float
    answered: Callable[[dict[str, Any], Outcome], None] | None = None


@dataclass(eq=False, slots=True)
class Delivery:
    """One thing to carry. first is resolved by the first attempt, whatever came of it."""

    number: int
    kind: str
    lane: str
    payload: dict[str, Any]
    attempts: int
    first: asyncio.Future[Outcome]
    gone: bool = False


class Courier:
    """Deliveries waiting or under way. Use inside a running event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kinds: dict[str, Kind] = {}
        self._lanes: dict[str, deque[Delivery]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last = 0
        self._slots = asyncio.Semaphore(_SIDE_BY_SIDE)
        # aiohttp, because a bench waits for thousands of reports: 1,070 a second where httpx gave 160.
        # No proxy from the environment: everything here is loopback.
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_SIDE_BY_SIDE),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    def register(self, name: str, kind: Kind) -> None:
        """Tell how deliveries of this name are made; before resume()."""
        self._kinds[name] = kind

    def resume(self) -> list[Delivery]:
        """Take up what a former process left undelivered; answers it in its old order."""
        left = []
        for key, body in self._store.load("delivery"):
            self._last = int(key)
            left.append(self._admit(self._last, body["kind"], body["lane"], body["payload"], body["attempts"]))
        return left

    def post(self, kind: str, *, lane: str, payload: dict[str, Any]) -> Delivery:
        """Deliver this after everything else in its lane."""
        self._last += 1
        body = {"kind": kind, "lane": lane, "payload": payload, "attempts": 0}
        self._store.put("delivery", number_key(self._last), body)
        return self._admit(self._last, kind, lane, payload, 0)

    def _admit(self, number: int, kind: str, lane: str, payload: dict[str, Any], attempts: int) -> Delivery:
        first: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        delivery = Delivery(number, kind, lane, payload, attempts, first)
        self._lanes.setdefault(lane, deque()).append(delivery)
        self.wake(lane)
        return delivery

    def wake(self, lane: str) -> None:
        """Let a parked lane try again; one that runs is left alone."""
        if lane in self._lanes and lane not in self._tasks:
            self._tasks[lane] = asyncio.create_task(self._run(lane))

    def drop(self, delivery: Delivery) -> None:
        """It was fetched another way, or is no longer wanted."""
        delivery.gone = True
        self._store.delete("delivery", number_key(delivery.number))
        lane = self._lanes.get(delivery.lane)
        if lane is not None and delivery in lane:
            lane.remove(delivery)
            if not lane and delivery.lane not in self._tasks:
                del self._lanes[delivery.lane]

    def under_way(self) -> int:
        """Deliveries not yet answered, parked ones left out."""
        return sum(len(lane) for name, lane in self._lanes.items() if name in self._tasks)

    async def close(self) -> None:
        """Stop; what was not answered stays in the store."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._client.close()

    async def _run(self, name: str) -> None:
        lane = self._lanes[name]
        try:
            while lane:
                delivery = lane[0]
                call = self._kinds[delivery.kind].build(delivery.payload)
                if call is None:
                    return
                pause_seconds = await self._attempt(delivery, call)
                if pause_seconds:
                    await asyncio.sleep(pause_seconds)
            del self._lanes[name]
        finally:
            del self._tasks[name]

    async def _attempt(self, delivery: Delivery, call: Call) -> float:
        """One try; answers how long to wait before the lane goes on (0 = this delivery is finished)."""
        kind = self._kinds[delivery.kind]
        async with self._slots:
            outcome = await self.call(call, kind.timeout_seconds)
        if not delivery.first.done():
            delivery.first.set_result(outcome)
        if delivery.gone:
            return 0.0
        delivery.attempts += 1
        tries = _UNREACHABLE_TRIES if outcome.status is None else kind.tries
        if outcome.accepted or delivery.attempts >= tries:
            if not outcome.accepted:
                log.warning("gave up on %s %s: %s", delivery.kind, call.url, outcome.status or outcome.error)
            self.drop(delivery)
            if outcome.accepted and kind.answered is not None:
                kind.answered(delivery.payload, outcome)
            return 0.0
        body = {"kind": delivery.kind, "lane": delivery.lane, "payload": delivery.payload}
        self._store.put("delivery", number_key(delivery.number), body | {"attempts": delivery.attempts})
        return _BACK_OFF_SECONDS[min(delivery.attempts, len(_BACK_OFF_SECONDS)) - 1]

    async def call(self, call: Call, timeout_seconds: float) -> Outcome:
        """Post at once and never again: what a person waits for. Deliveries go by ``post``."""
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        try:
            async with self._client.post(
                call.url, data=call.body, headers=call.headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Outcome(response.status, response.content_type, await response.text(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            return Outcome(None, error=f"{call.url} did not answer ({type(error).__name__})")
