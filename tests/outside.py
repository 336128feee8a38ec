"""A running sandbox and a tiny system for it to talk to, for tests of the outside.

The sandbox runs in the test's own loop, which starts in no time, or as a process that can be killed.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from aiohttp import web

from sandbox.__main__ import settings_from
from sandbox.app import Sandbox

ROOT = Path(__file__).parent.parent

DEMO = {
    "code": "demo",
    "telegram_token": "777:AAbb",
    "telegram_secret": "s3cret",
    "twilio_sid": "AC" + "1" * 32,
    "twilio_token": "twilio-token",
    "twilio_number": "+15005550006",
    "http_secret": "gateway-secret",
    "http_number": "8123",
    "default_sms": "http",
}


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Arrived:
    """One webhook as the fake system got it."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Arrived], Awaitable[web.Response]]


@dataclass
class Target:
    """A fake system: keeps what arrives, and answers 200 unless told otherwise."""

    port: int
    arrived: list[Arrived] = field(default_factory=list)
    answer: Answer | None = None
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def take(self, request: web.Request) -> web.Response:
        """Handler of every path."""
        webhook = Arrived(request.path, dict(request.headers), await request.read())
        self.arrived.append(webhook)
        self.more.set()
        return await self.answer(webhook) if self.answer else web.Response()

    async def wait_for(self, count: int) -> list[Arrived]:
        """The first `count` webhooks, once they are there."""
        async with asyncio.timeout(10):
            while len(self.arrived) < count:
                self.more.clear()
                await self.more.wait()
        return self.arrived[:count]


@asynccontextmanager
async def fake_target(port: int | None = None) -> AsyncIterator[Target]:
    """A fake system on a loopback port."""
    target = Target(port or free_port())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", target.port).start()
    try:
        yield target
    finally:
        await runner.cleanup()


class Outside:
    """A running sandbox; as a process it is restartable, also by kill -9."""

    def __init__(self, home: Path, target: str, *, process: bool, **environment: str) -> None:
        self._as_process = process
        self._server: tuple[uvicorn.Server, asyncio.Task[None]] | None = None
        self.port = free_port()
        self.clock_file = home / "clock"
        self._environment = {
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_STATE": str(home / "sandbox.sqlite3"),
            "SANDBOX_TARGET": target,
            "SANDBOX_BEACON_SEED": "a test",
            "EQUB_CLOCK_FILE": str(self.clock_file),
            **environment,
        }
        base_url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=20.0)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait until it answers."""
        if self._as_process:
            environment = os.environ | self._environment
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sandbox", cwd=ROOT, env=environment
            )
        else:
            app = Sandbox(settings_from(self._environment))
            server = uvicorn.Server(
                # The page's stream of events and a waiting getUpdates would hold up the end for their whole time.
                uvicorn.Config(
                    app,
                    host="127.0.0.1",
                    port=self.port,
                    log_level="warning",
                    access_log=False,
                    timeout_graceful_shutdown=1,
                )
            )
            self._server = server, asyncio.create_task(server.serve())
        async with asyncio.timeout(20):
            while True:
                try:
                    await self.client.get("/sandbox/pending")
                    return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def stop(self, *, hard: bool = False) -> None:
        """End it; hard is kill -9."""
        if self._server is not None:
            self._server[0].should_exit = True
            await self._server[1]
            return
        assert self._process is not None
        (self._process.kill if hard else self._process.terminate)()
        await self._process.wait()

    async def call(self, method: str, token: str = "777:AAbb", **params: Any) -> httpx.Response:
        """A Bot API call with a JSON body."""
        return await self.client.post(f"/bot{token}/{method}", json=params)

    async def person(self, number: str, **act: Any) -> dict[str, Any]:
        """The person does something in Telegram; the answer as JSON."""
        told = await self.client.post(f"/sandbox/phones/{number}/telegram", json=act)
        answer: dict[str, Any] = told.json()
        return answer

    async def messages(self, number: str, after: int = 0) -> list[dict[str, Any]]:
        """What the phone received."""
        answer = await self.client.get(f"/sandbox/phones/{number}/messages", params={"after": after})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def quiet(self) -> None:
        """Wait until nothing is in flight."""
        async with asyncio.timeout(15):
            while True:
                pending = await self.client.get("/sandbox/pending")
                if not pending.json()["in_flight"]:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def outside(home: Path, target: str, *, process: bool = False, **environment: str) -> AsyncIterator[Outside]:
    """A running sandbox that knows the tenant demo."""
    sandbox = Outside(home, target, process=process, **environment)
    await sandbox.start()
    try:
        (await sandbox.client.post("/sandbox/tenants", json=DEMO)).raise_for_status()
        yield sandbox
    finally:
        await sandbox.client.aclose()
        await sandbox.stop()
