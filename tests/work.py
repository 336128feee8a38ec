"""Workers and tickers as processes of a test, forked from one that has already imported everything.

A process of ours takes two seconds to import; forked it is there in a tenth of one, and is killed, stopped and
signalled like any other.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

Bend = Callable[[], None]


def forking() -> ForkServerContext:
    """What starts our processes. Its first process fixes the imports, with the environment of the test run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "httpx", "aiohttp", "workers.ticker", "workers.__main__", "work"])
    return context


def _begin(log: str, environment: dict[str, str]) -> None:
    from core import settings

    os.environ.update(environment)
    settings.settings.cache_clear()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def worker(log: str, provider: str, environment: dict[str, str], bend: Bend | None) -> None:
    """A worker whose SMS go to a little HTTP server; ``bend`` changes it before it starts."""
    _begin(log, environment)
    import httpx

    from core.telling.outbox import Delivery, Outgoing
    from workers import actors
    from workers.__main__ import main

    client = httpx.AsyncClient(timeout=30)

    async def post(outgoing: Outgoing) -> Delivery:
        said = await client.post(provider, json={"to": outgoing.address, "text": outgoing.text})
        return Delivery(**said.json())

    actors.SENDERS["sms"] = post
    if bend is not None:
        bend()
    sys.exit(main())


def ticker(log: str, environment: dict[str, str]) -> None:
    """A ticker as it is."""
    _begin(log, environment)
    from workers.ticker import main

    sys.exit(main())


# --- what a test bends: the work itself ------------------------------------------------------------


def _waking_is(wake: Callable[..., Any]) -> None:
    from core.cycle import agenda

    agenda.wake = wake


def fails() -> None:
    """Waking a group is a bug."""
    _waking_is(lambda *_: 1 / 0)


def kills() -> None:
    """Waking a group ends the process without a word."""
    _waking_is(lambda *_: os._exit(9))


def is_well() -> None:
    """Waking a group finds nothing to do."""

    async def wake(*_: object) -> None:
        return

    _waking_is(wake)


def is_later() -> None:
    """Waking a group needs something that is not there yet."""
    from core.errors import TryLater

    async def wake(*_: object) -> None:
        raise TryLater("no beacon yet")

    _waking_is(wake)


class Processes:
    """Our own workers and tickers; none outlives its test."""

    def __init__(self, folder: Path, provider: str) -> None:
        self._folder, self._provider = folder, provider
        self._context = forking()
        self._logs: dict[int, Path] = {}
        self.started: list[ForkServerProcess] = []

    def worker(self, bend: Bend | None = None, **environment: str) -> ForkServerProcess:
        """A worker, ready."""
        return self._start("worker_ready", worker, self._provider, environment, bend)

    def ticker(self, **environment: str) -> ForkServerProcess:
        """A ticker, ready: active or standing by."""
        return self._start("ticker_ready", ticker, environment)

    def _start(self, ready: str, target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
        log = self._folder / f"{len(self.started)}.log"
        log.touch()
        process = self._context.Process(target=target, args=(str(log), *arguments), daemon=True)
        process.start()
        assert process.pid
        self.started.append(process)
        self._logs[process.pid] = log
        deadline = time.monotonic() + 60
        while ready not in self.log(process):
            assert process.is_alive() and time.monotonic() < deadline, self.log(process)[-3000:]
            time.sleep(0.02)
        return process

    def log(self, process: ForkServerProcess) -> str:
        """What the process has said so far."""
        return self._logs[process.pid or 0].read_text()

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.started:
            process.kill()
            process.join()
