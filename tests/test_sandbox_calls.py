"""The sandbox's calls about our own system: the clock goes forward through all that falls due, and stops when quiet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
import uvicorn
from outside import Outside, fake_target, free_port, outside
from redis.asyncio import Redis
from sqlalchemy import text as sql

import bot
from api import sandbox
from api.app import make_app
from core import clock, people
from core.db import unscoped
from core.errors import Refusal
from core.ids import new_id
from core.operator.bootstrap import make_tenant, sandbox_gateways
from core.settings import settings

ALMAZ = "+251911000001"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The application in this loop, without stand-ins behind it."""
    app = make_app()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://us"
    ) as client:
        yield client


# --- Durations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "after"),
    [
        ("P7D", "2026-02-07T09:00:00+00:00"),
        ("P1W", "2026-02-07T09:00:00+00:00"),
        ("PT90M", "2026-01-31T10:30:00+00:00"),
        ("P1DT2H3M4S", "2026-02-01T11:03:04+00:00"),
        ("P1M", "2026-02-28T09:00:00+00:00"),
        ("P13M", "2027-02-28T09:00:00+00:00"),
        ("P1Y", "2027-01-31T09:00:00+00:00"),
        ("pt0s", "2026-01-31T09:00:00+00:00"),
    ],
)
def test_a_duration_is_a_calendars(duration: str, after: str) -> None:
    assert sandbox.later_by(datetime(2026, 1, 31, 9, 0, tzinfo=UTC), duration).isoformat() == after


@pytest.mark.parametrize("duration", ["", "P", "PT", "P1", "7D", "P-1D", "P1DT", "P1.5D", "P9999Y"])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(Refusal):
        sandbox.later_by(START, duration)


# --- The clock -----------------------------------------------------------------------------------


@dataclass
class Ticker:
    """Stands for the ticker and the workers: on a nudge it wakes what is due, and notes when."""

    tenant: UUID
    superuser: Any
    every: dict[UUID, timedelta]
    woken: list[tuple[UUID, datetime]]

    async def listen(self, redis_url: str, ready: asyncio.Event) -> None:
        async with Redis.from_url(redis_url) as redis, redis.pubsub() as heard:
            await heard.subscribe("equb:tick")
            ready.set()
            async for message in heard.listen():
                if message["type"] == "message":
                    await self.wake()

    async def wake(self) -> None:
        async with unscoped() as session:
            due = (await session.execute(sql("SELECT * FROM due_groups(:now, 10)"), {"now": clock.now()})).all()
        for _, group_id, wake_at in due:
            assert wake_at <= clock.now()
            await asyncio.sleep(0.01)
            self.woken.append((group_id, wake_at))
            self.superuser.execute(
                "UPDATE groups SET wake_at = $1 WHERE group_id = $2", wake_at + self.every[group_id], group_id
            )


@asynccontextmanager
async def waking(
    superuser: Any, tenant: UUID, redis_url: str, *rhythms: tuple[datetime, timedelta]
) -> AsyncIterator[Ticker]:
    """Groups that wake from an instant on in a rhythm, and somebody who does it."""
    ticker = Ticker(tenant, superuser, {}, [])
    for first, every in rhythms:
        group_id = new_id()
        ticker.every[group_id] = every
        superuser.execute(
            "INSERT INTO groups (group_id, tenant_id, code, name, currency, rules, wake_at, created_at)"
            " VALUES ($1, $2, $3, 'Merkato', 'ETB', '{}', $4, now())",
            group_id,
            tenant,
            group_id.hex[-6:],
            first,
        )
    ready = asyncio.Event()
    listening = asyncio.create_task(ticker.listen(redis_url, ready))
    await ready.wait()
    try:
        yield ticker
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_moving_the_clock_does_all_that_falls_due_in_order(
    client: httpx.AsyncClient, superuser: Any, tenant: UUID, redis_url: str
) -> None:
    clock.set_to(START)
    weekly, daily = (START + timedelta(days=7), timedelta(days=7)), (START + timedelta(hours=5), timedelta(days=1))
    async with waking(superuser, tenant, redis_url, weekly, daily) as ticker:
        answer = await client.post("/sandbox/clock", json={"advance": "P14D"})
        assert answer.status_code == 200, answer.text
        instants = [at for _, at in ticker.woken]
    assert instants == sorted(instants)
    assert len(instants) == 2 + 14
    assert START + timedelta(days=14) <= clock.now() < START + timedelta(days=14, minutes=1)
    assert datetime.fromisoformat(answer.json()["now"]) <= clock.now()


async def test_120_weeks_take_seconds(client: httpx.AsyncClient, superuser: Any, tenant: UUID, redis_url: str) -> None:
    clock.set_to(START)
    began = asyncio.get_running_loop().time()
    async with waking(superuser, tenant, redis_url, (START + timedelta(days=7), timedelta(days=7))) as ticker:
        answer = await client.post("/sandbox/clock", json={"advance": "P840D"})
    assert answer.json()["steps"] == len(ticker.woken) == 120
    assert asyncio.get_running_loop().time() - began < 30


async def test_the_clock_takes_json_whatever_the_content_type_says(client: httpx.AsyncClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/sandbox/clock", content=b'{"advance": "PT1H"}', headers=form)
    assert answer.status_code == 200
    assert (await client.post("/sandbox/clock", content=b"advance=P1D", headers=form)).status_code == 422


async def test_the_clock_can_be_set_and_read(client: httpx.AsyncClient) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    answer = await client.post("/sandbox/clock", json={"set": ahead.isoformat()})
    assert answer.status_code == 200
    shown = (await client.get("/sandbox/clock")).json()
    assert 0 <= (datetime.fromisoformat(shown["now"]) - ahead).total_seconds() < 30


async def test_the_clock_never_goes_back(client: httpx.AsyncClient) -> None:
    clock.set_to(START)
    back = await client.post("/sandbox/clock", json={"set": (START - timedelta(hours=1)).isoformat()})
    assert (back.status_code, back.json()["type"]) == (422, "/problems/clock.backwards")
    stay = await client.post("/sandbox/clock", json={"set": (START - timedelta(seconds=5)).isoformat()})
    assert stay.status_code == 200
    assert clock.now() >= START


@pytest.mark.parametrize(
    "body", [{}, {"advance": "P1D", "set": "2030-01-01T00:00:00Z"}, {"set": "2030-01-01T00:00:00"}, {"advance": "x"}]
)
async def test_a_move_that_says_nothing_clear_is_refused(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    answer = await client.post("/sandbox/clock", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_only_one_moves_the_clock_at_a_time(
    client: httpx.AsyncClient, superuser: Any, tenant: UUID, redis_url: str
) -> None:
    clock.set_to(START)
    async with waking(superuser, tenant, redis_url, (START + timedelta(days=1), timedelta(days=1))):
        first = asyncio.create_task(client.post("/sandbox/clock", json={"advance": "P20D"}))
        await asyncio.sleep(0.1)
        second = await client.post("/sandbox/clock", json={"advance": "P1D"})
        assert (second.status_code, (await first).status_code) == (409, 200)


async def test_what_never_ends_is_named_and_the_clock_stands(
    client: httpx.AsyncClient, superuser: Any, tenant: UUID, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MOVE_SECONDS", 0.3)
    monkeypatch.setattr(sandbox, "QUIET_SECONDS", 0.3)
    clock.set_to(START)
    async with waking(superuser, tenant, redis_url, (START + timedelta(days=1), timedelta())):
        answer = await client.post("/sandbox/clock", json={"advance": "P20D"})
        assert (answer.status_code, answer.json()["busy"]) == (504, {"groups": 1})
        assert START + timedelta(days=1) <= clock.now() < START + timedelta(days=2)
        loud = await client.post("/sandbox/quiet")
        assert (loud.status_code, loud.json()["type"]) == (504, "/problems/still-busy")


async def test_quiet_waits_for_jobs_but_not_for_dead_letters(
    client: httpx.AsyncClient, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "QUIET_SECONDS", 0.3)
    async with Redis.from_url(redis_url) as redis:
        await redis.hset("dramatiq:default.XQ.msgs", "1", "dead")
        assert (await client.post("/sandbox/quiet")).status_code == 200
        await redis.hset("dramatiq:default.msgs", "2", "at work")
        assert (await client.post("/sandbox/quiet")).json()["busy"] == {"jobs": 1}


async def test_outside_the_sandbox_there_is_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUB_MODE", "production")
    settings.cache_clear()
    transport = httpx.ASGITransport(make_app())
    monkeypatch.undo()
    settings.cache_clear()
    async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
        for method, path in (
            ("GET", "clock"),
            ("POST", "clock"),
            ("POST", "quiet"),
            ("GET", "admin-token"),
            ("GET", ""),
        ):
            assert (await client.request(method, f"/sandbox/{path}")).status_code == 404


async def test_the_token_carries_every_role(client: httpx.AsyncClient) -> None:
    given = (await client.get("/sandbox/admin-token")).json()
    claims = jwt.decode(given["access_token"], options={"verify_signature": False})
    assert claims["tenant"] == "demo" and {"owner", "approver", "cashier"} <= set(claims["roles"])
    assert given["token_type"] == "bearer" and given["expires_in"] > 3600


# --- The stand-ins behind us ---------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    """A running sandbox, known to the settings."""
    async with fake_target() as target, outside(tmp_path, target.url) as world:
        base = f"http://127.0.0.1:{world.port}"
        for name, value in {"SANDBOX_URL": base, "TELEGRAM_API": base, "PUBLIC_URL": target.url}.items():
            monkeypatch.setenv(f"EQUB_{name}", value)
        settings.cache_clear()
        yield world
        await sandbox.close()
        await bot.close()
    monkeypatch.undo()
    settings.cache_clear()


async def test_everything_else_is_passed_on_as_it_is(world: Outside, client: httpx.AsyncClient) -> None:
    page = await client.get("/sandbox")
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    missing = await client.get(f"/sandbox/phones/{ALMAZ}/messages", params={"after": "x"})
    assert (missing.status_code, missing.headers["content-type"]) == (422, "application/problem+json")
    fault = await client.post("/sandbox/faults", json={"target": "sms", "kind": "429", "times": 2})
    assert fault.json()["items"] == [{"target": "sms", "kind": "429", "times_left": 2}]
    assert (await client.delete("/sandbox/faults")).json() == {"items": []}
    assert (await client.put(f"/sandbox/phones/{ALMAZ}", json={"label": "A"})).status_code < 300
    encoded = await client.get(f"/sandbox/phones/%2B{ALMAZ[1:]}/messages")
    assert encoded.json() == {"items": []}


async def test_an_event_stream_arrives_as_it_happens(world: Outside) -> None:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 (the server tells it no other way)
        await asyncio.sleep(0.01)
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        client.stream("GET", "/sandbox/events") as answer,
    ):
        chunks = answer.aiter_raw()
        assert b"hello" in await asyncio.wait_for(anext(chunks), 5)
        await world.person(ALMAZ, text="/start")
        assert ALMAZ.encode() in await asyncio.wait_for(anext(chunks), 5)
    server.should_exit = True
    await asyncio.wait_for(serving, 20)


async def test_stand_ins_that_are_away_are_a_bad_gateway(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get("/sandbox/phones")).status_code == 404
    monkeypatch.setenv("EQUB_SANDBOX_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    answer = await client.get("/sandbox/phones")
    monkeypatch.undo()
    settings.cache_clear()
    await sandbox.close()
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")


async def test_a_tenant_is_introduced_with_all_its_gateways(world: Outside) -> None:
    people.forget_tenants()
    tenant = await make_tenant("second", "Second")
    await sandbox_gateways(tenant, "second")
    await sandbox.register("second")
    told = await world.client.post(
        f"/sandbox/phones/{ALMAZ}/sms", params={"tenant": "second", "gateway": "twilio"}, json={"text": "x"}
    )
    assert told.json()["delivered"]
    people.forget_tenants()
