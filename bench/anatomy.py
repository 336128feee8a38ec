"""What a command is made of: statements, round trips, and where the processor's time goes, by library.

The application runs in this process, without a server in front, and one command after the other: webhook, reply and
delivery. Seconds of processor are measured without a profiler; the shares come from a second pass with one.
"""

import asyncio
import cProfile
import pstats
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

import bot
from api import replies
from api.app import make_app
from bench.commands import COMMANDS, Equb, found_equb
from bench.figures import Figure
from bench.machine import Machine
from bench.town import CHANNELS, Letter, Town, town
from core import db

LIBRARIES = ("sqlalchemy", "asyncpg", "aiogram", "pydantic", "aiohttp", "httpx", "fastapi", "starlette", "babel")


class Statements:
    """What is sent to PostgreSQL, counted while it is watched."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __enter__(self) -> "Statements":
        engine = db.engine().sync_engine
        event.listen(engine, "before_cursor_execute", self._statement)
        return self

    def __exit__(self, *_: object) -> None:
        engine = db.engine().sync_engine
        event.remove(engine, "before_cursor_execute", self._statement)

    def _statement(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.texts.append(statement)


class App:
    """The application, called without a socket."""

    def __init__(self) -> None:
        self._app = make_app()

    async def post(self, letter: Letter) -> None:
        """One webhook, and what is done after its answer."""
        status = 0
        headers = [line.split(": ", 1) for line in letter.headers.split("\r\n") if line]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": letter.body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": letter.path,
            "raw_path": letter.path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1),
        }
        await self._app(scope, receive, send)
        if status != 200:
            raise RuntimeError(f"a webhook was answered {status}")
        await replies.finish(10)


async def measure(machine: Machine, *, quick: bool) -> list[Figure]:
    """Each command by Telegram."""
    here = await town(machine, "anatomy")
    equb = await found_equb(here, each=1 if quick else 10)
    app = App()
    await asyncio.to_thread(bot.warm)
    figures = []
    for command in COMMANDS:
        figures.append(await _dissect(here, equb, app, command, turns=1 if quick else 4))
    await bot.close()
    return figures


async def _dissect(here: Town, equb: Equb, app: App, command: str, *, turns: int) -> Figure:
    async def some(number: int) -> int:
        letters = [letter for _ in range(number) for letter in equb.letters(here, CHANNELS[0], command)]
        for letter in letters:
            await app.post(letter)
        return len(letters)

    await some(1)
    with Statements() as seen:
        counted = await some(1)
    begun = time.process_time()
    count = await some(turns)
    used_ms = (time.process_time() - begun) * 1000 / count
    profiler = cProfile.Profile()
    profiler.enable()
    await some(turns)
    profiler.disable()
    shares = _shares(profiler)
    note = f"{len(seen.texts) / counted:.1f} statements; " + ", ".join(
        f"{name} {share:.0%}" for name, share in shares.most_common(6)
    )
    return Figure(f"{command}: processor in our process", used_ms, "ms", note=note)


def _shares(profiler: cProfile.Profile) -> Counter[str]:
    """Part of the time that each library spends in its own functions."""
    spent: Counter[str] = Counter()
    stats: Callable[[cProfile.Profile], Any] = pstats.Stats
    for (file, _, _), (_, _, own, _, _) in stats(profiler).stats.items():
        known = next((name for name in LIBRARIES if f"/{name}" in file), None)
        if known is None:
            known = "python" if "/lib/python" in file or file.startswith(("~", "<")) else "ours"
        spent[known] += own
    whole = sum(spent.values())
    return Counter({name: own / whole for name, own in spent.items()})
