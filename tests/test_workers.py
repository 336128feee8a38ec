"""Work that nobody waits for: nothing lost, nothing twice, in order, and never faster than the provider allows.

Workers and tickers are real processes, PostgreSQL and Redis are real, and the provider is a small HTTP server
that notes what arrives and when. Processes cannot be told the time of day, so these tests wait for what they
expect, with a deadline, and never for the sake of waiting.
"""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
import redis
import work
from aiohttp import web
from dramatiq.message import Message as Task
from work import Processes

from core import clock, people
from core.consent import agreement
from core.db import dispose, transaction
from core.errors import NotFound
from core.ids import new_id
from core.messages import SMS, Kind
from core.settings import settings
from core.telling import outbox
from core.telling.outbox import NOTICE, REPLY, Outgoing
from workers import conduct, dead_letters, pacing, ticker
from workers.broker import DELIVERIES, GROUPS, NUDGE, PARKED, TICK, Broker, offer, waiting_key

ROOT = Path(__file__).resolve().parent.parent
NOTE = Kind("test.note", "{words}")


@dataclass
class Provider:
    """What a provider sees: (instant, phone, text) of each arrival. ``answer`` decides what comes of it."""

    url: str = ""
    arrived: list[tuple[float, str, str]] = field(default_factory=list)
    answer: Callable[[str, str], Any] | None = None
    slow_seconds: Callable[[], float] = lambda: 0.0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.arrived.append((time.monotonic(), body["to"], body["text"]))
        await asyncio.sleep(self.slow_seconds())
        said = self.answer(body["to"], body["text"]) if self.answer else None
        return web.json_response(said or {"outcome": "sent", "provider_id": uuid4().hex})

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.arrived) >= count

    def texts(self, phone: str | None = None) -> list[str]:
        return [text for _, to, text in self.arrived if phone in (None, to)]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_post("/", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@pytest.fixture
def processes(tmp_path: Path, provider: Provider) -> Iterator[Processes]:
    made = Processes(tmp_path, provider.url)
    yield made
    made.end()


@pytest.fixture
def memory(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture(autouse=True)
async def _close_ours() -> AsyncIterator[None]:
    yield
    await pacing.close()
    await dispose()


async def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What ``what`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
    return found


async def somebody(tenant: UUID, n: int = 1) -> tuple[UUID, UUID, str]:
    """A person with a phone: (person id, address id, phone)."""
    phone = f"+2519110{n:05}"
    async with transaction(tenant) as tx:
        person = await people.person_with_phone(tx, phone=phone, name="Abebe", language="en", gateway="http")
        await agreement.give(tx, person, None, language="en")
        address = await people.phone_of(tx, person.id)
        assert address is not None
    return person.id, address.id, phone


async def tell(tenant: UUID, person_id: UUID, words: str, *, event: str | None = None) -> None:
    """Queue a notice by the product's own verb."""
    async with transaction(tenant) as tx:
        made = await outbox.tell(
            tx, [person_id], NOTE(words=words), event=event or words, timezone="Africa/Addis_Ababa"
        )
    assert made == 1


def states(superuser: Any) -> dict[str, int]:
    return dict(superuser.rows("SELECT state, count(*)::int FROM outbox GROUP BY 1"))


def are(superuser: Any, **wanted: int) -> Callable[[], bool]:
    return lambda: states(superuser) == wanted


def most_in_a_second(provider: Provider) -> int:
    # A message that waits for its turn on a busy processor arrives a little later than it left, and so nearer to
    # the next: a tenth of the second is left for that.
    instants = sorted(instant for instant, _, _ in provider.arrived)
    return max(sum(1 for other in instants if 0 <= other - one < 0.9) for one in instants)


# --- delivery ------------------------------------------------------------------------------------


async def test_a_nudged_notice_leaves_at_once(
    tenant: UUID, provider: Provider, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    await asyncio.to_thread(processes.worker, EQUB_SMS_RATE="5000")
    await asyncio.to_thread(processes.ticker)
    person, address, _ = await somebody(tenant)
    took = []
    for n in range(12):
        await tell(tenant, person, f"note {n}")
        before = time.monotonic()
        memory.publish(NUDGE, f"{tenant} {address}")
        await until(provider.has(n + 1))
        took.append(provider.arrived[-1][0] - before)
        await until(are(superuser, sent=n + 1))
    assert sorted(took)[len(took) // 2] < 0.1, took


async def test_a_notice_without_a_nudge_leaves_within_a_second_or_two(
    tenant: UUID, provider: Provider, processes: Processes
) -> None:
    await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.ticker)
    person, _, _ = await somebody(tenant)
    await tell(tenant, person, "note")
    await until(lambda: provider.texts() == ["note"], 3)


async def test_nothing_is_lost_or_sent_twice_when_redis_is_emptied_in_the_middle(
    tenant: UUID, provider: Provider, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    everybody = [await somebody(tenant, n) for n in range(20)]
    for person, _, phone in everybody:
        for n in range(3):
            await tell(tenant, person, f"{phone} {n}")
    provider.slow_seconds = lambda: 0.05
    await asyncio.to_thread(processes.worker, EQUB_SMS_RATE="5000")
    await asyncio.to_thread(processes.ticker, EQUB_SMS_RATE="5000")
    for enough in (10, 25, 40):
        await until(provider.has(enough))
        memory.flushdb()
    await until(are(superuser, sent=60))
    assert sorted(provider.texts()) == sorted(f"{phone} {n}" for _, _, phone in everybody for n in range(3))


async def test_each_address_gets_its_messages_in_order_from_two_workers(
    tenant: UUID, provider: Provider, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    everybody = [await somebody(tenant, n) for n in range(4)]
    provider.slow_seconds = lambda: random.uniform(0, 0.03)
    # A pace that puts messages off, which is when the second could overtake the first.
    for _ in range(2):
        await asyncio.to_thread(processes.worker, EQUB_SMS_RATE="20")
    await asyncio.to_thread(processes.ticker, EQUB_SMS_RATE="20")
    for n in range(12):
        for person, _, phone in everybody:
            await tell(tenant, person, f"{phone} {n:02}")
    await until(are(superuser, sent=48))
    for _, _, phone in everybody:
        assert provider.texts(phone) == [f"{phone} {n:02}" for n in range(12)]


async def test_the_message_of_a_killed_worker_is_uncertain_and_listed_and_not_sent_twice(
    tenant: UUID, provider: Provider, processes: Processes, superuser: Any, at: Callable[[Any], datetime]
) -> None:
    person, _, _ = await somebody(tenant)
    await tell(tenant, person, "first")
    await tell(tenant, person, "second")
    provider.slow_seconds = lambda: 30.0
    worker = await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.ticker)
    await until(lambda: provider.texts() == ["first"])
    worker.kill()
    provider.slow_seconds = lambda: 0.0
    await asyncio.to_thread(processes.worker)
    at(clock.now() + timedelta(seconds=61))
    await until(are(superuser, uncertain=1, sent=1))
    assert provider.texts() == ["first", "second"]
    assert superuser.value("SELECT reason FROM outbox WHERE state = 'uncertain'")


async def test_a_worker_that_is_told_to_end_hands_back_what_it_has_not_begun(
    tenant: UUID, provider: Provider, processes: Processes, superuser: Any
) -> None:
    person, _, _ = await somebody(tenant)
    for n in range(4):
        await tell(tenant, person, f"note {n}")
    provider.slow_seconds = lambda: 0.2
    worker = await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.ticker)
    await until(lambda: provider.arrived)
    worker.terminate()
    await asyncio.to_thread(worker.join, 10)
    assert worker.exitcode == 0
    assert states(superuser) == {"sent": 1, "queued": 3}


async def test_a_worker_ends_soon_after_the_signal_whatever_hangs(
    tenant: UUID, provider: Provider, processes: Processes, superuser: Any
) -> None:
    person, _, _ = await somebody(tenant)
    await tell(tenant, person, "note")
    provider.slow_seconds = lambda: 30.0
    worker = await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.ticker)
    await until(lambda: provider.arrived)
    before = time.monotonic()
    os.kill(worker.pid or 0, signal.SIGINT)
    await asyncio.to_thread(worker.join, 10)
    assert time.monotonic() - before < 5
    assert states(superuser) == {"sending": 1}


# --- the provider's pace -------------------------------------------------------------------------


async def test_two_workers_together_never_exceed_the_limit_and_come_close_to_it(
    tenant: UUID, provider: Provider, processes: Processes, superuser: Any
) -> None:
    for n in range(80):
        person, _, _ = await somebody(tenant, n)
        await tell(tenant, person, f"note {n}")
    await asyncio.to_thread(processes.worker, EQUB_SMS_RATE="20")
    await asyncio.to_thread(processes.worker, EQUB_SMS_RATE="20")
    await asyncio.to_thread(processes.ticker, EQUB_SMS_RATE="20")
    await until(are(superuser, sent=80))
    assert most_in_a_second(provider) <= 20
    took = provider.arrived[-1][0] - provider.arrived[0][0]
    assert 3.0 < took < 6.0, took


async def test_too_many_pauses_the_whole_gateway_for_all_workers(
    tenant: UUID, provider: Provider, processes: Processes, superuser: Any
) -> None:
    refused: list[str] = []

    def answer(phone: str, text: str) -> dict[str, Any] | None:
        if refused:
            return None
        refused.append(text)
        return {"outcome": "later", "retry_seconds": 2.5, "whole_gateway": True, "reason": "429"}

    provider.answer = answer
    await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.worker)
    await asyncio.to_thread(processes.ticker)
    person, _, _ = await somebody(tenant, 0)
    await tell(tenant, person, "refused")
    await until(lambda: refused)
    for n in range(1, 9):
        person, _, _ = await somebody(tenant, n)
        await tell(tenant, person, f"note {n}")
    await until(are(superuser, sent=9))
    first, *others = [instant for instant, _, _ in provider.arrived]
    assert min(others) - first >= 2.4
    assert sorted(provider.texts()) == sorted(["refused", "refused", *(f"note {n}" for n in range(1, 9))])
    assert set(superuser.rows("SELECT attempts::int FROM outbox")) == {(1,)}


def _sms(tenant: UUID, words: str = "note", *, priority: int = NOTICE) -> Outgoing:
    return Outgoing(new_id(), tenant, SMS, "http", "+251911000001", words, [], {}, priority)


def _telegram(tenant: UUID, chat: str, *, priority: int = NOTICE) -> Outgoing:
    return Outgoing(new_id(), tenant, "telegram", "telegram", chat, "note", [], {}, priority)


async def test_replies_are_not_counted_against_notices_but_a_pause_holds_them(tenant: UUID) -> None:
    assert [await pacing.ask(_sms(tenant)) for _ in range(2)] == [0.0] * 2
    assert await pacing.ask(_sms(tenant)) > 0
    assert [await pacing.ask(_sms(tenant, priority=REPLY)) for _ in range(30)] == [0.0] * 30
    await pacing.pause(tenant, "http", seconds=7)
    assert 6 < await pacing.ask(_sms(tenant, priority=REPLY)) <= 7
    await pacing.pause(tenant, "http", seconds=1)
    assert 6 < await pacing.ask(_sms(tenant, priority=REPLY)) <= 7, "a pause is never made shorter"
    assert await pacing.ask(_sms(uuid4())) == 0, "another tenant's gateway goes on"


async def test_an_sms_counts_as_its_parts(tenant: UUID) -> None:
    three_parts = "ሰላም " * 40
    assert settings().sms_rate == 10
    assert await pacing.ask(_sms(tenant, three_parts)) == 0
    first, second = await pacing.ask(_sms(tenant, three_parts)), await pacing.ask(_sms(tenant, "short"))
    assert 0 < first < 0.3
    assert second - first == pytest.approx(0.3 * pacing.WINDOW_MS / 1000, abs=0.02), "a turn as long as its parts"
    assert await pacing.ask(_sms(uuid4(), "ሰላም " * 200)) == 0, "longer than a window: it goes when that is empty"


async def test_who_is_refused_gets_a_turn_of_his_own(tenant: UUID) -> None:
    waits = [wait for _ in range(25) if (wait := await pacing.ask(_sms(tenant)))]
    assert waits == sorted(waits)
    steps = [later - sooner for sooner, later in itertools.pairwise(waits)]
    assert sum(steps) / len(steps) == pytest.approx(pacing.WINDOW_MS / 1000 / settings().sms_rate, rel=0.1)
    assert await pacing.room([(tenant, "http")]) == [0]


async def test_one_chat_takes_a_short_burst_and_does_not_hold_up_the_others(tenant: UUID) -> None:
    assert [await pacing.ask(_telegram(tenant, "1")) for _ in range(3)] == [0.0] * 3
    assert 2 < await pacing.ask(_telegram(tenant, "1")) <= 3.2
    assert await pacing.ask(_telegram(tenant, "2")) == 0
    assert await pacing.room([(tenant, "telegram")]) == [settings().telegram_rate * 2]


async def test_a_tenants_flood_does_not_hide_what_is_due_for_another(
    tenant: UUID, superuser: Any, database_url: str
) -> None:
    flooded, _, _ = await somebody(tenant)
    for n in range(30):
        await tell(tenant, flooded, f"note {n}")
    other = new_id()
    superuser.execute("INSERT INTO tenants (id, code, name, created_at) VALUES ($1, 'other', 'O', now())", other)
    person, address, _ = await somebody(other)
    await tell(other, person, "note")
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT * FROM due_addresses($1, 5)", clock.now())
    await connection.close()
    assert address in {row["address_id"] for row in rows}
    assert len(rows) == 2


# --- the ticker ----------------------------------------------------------------------------------


async def _active(superuser: Any) -> int | None:
    rows = superuser.rows(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
    )
    return rows[0][0] if rows else None


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_another_ticker_takes_over_within_five_seconds(
    blow: signal.Signals, tenant: UUID, provider: Provider, processes: Processes
) -> None:
    await asyncio.to_thread(processes.worker)
    first = await asyncio.to_thread(processes.ticker)
    await until(lambda: "ticker_active" in processes.log(first))
    second = await asyncio.to_thread(processes.ticker)
    person, _, _ = await somebody(tenant)
    await tell(tenant, person, "by the first")
    await until(lambda: provider.texts() == ["by the first"])
    assert "ticker_active" not in processes.log(second)
    other, _, _ = await somebody(tenant, 2)
    os.kill(first.pid or 0, blow)
    before = time.monotonic()
    await tell(tenant, other, "by the second")
    await until(lambda: provider.texts() == ["by the first", "by the second"], 8)
    assert time.monotonic() - before < 5
    if blow is signal.SIGSTOP:
        os.kill(first.pid or 0, signal.SIGCONT)
        await until(lambda: "ticker_standing_back" in processes.log(first))
        await tell(tenant, person, "still by the second")
        await until(lambda: len(provider.arrived) == 3)
        assert processes.log(first).count("ticker_active") == 1


async def test_what_waits_is_not_offered_again_until_it_has_begun(tenant: UUID, memory: redis.Redis) -> None:
    from workers.actors import deliver

    work = [(str(tenant), str(new_id())) for _ in range(5)]
    assert await asyncio.to_thread(offer, deliver, work, room=3) == 3
    assert await asyncio.to_thread(offer, deliver, work, room=5) == 2
    assert await asyncio.to_thread(offer, deliver, work, room=5) == 0
    assert memory.hlen(f"dramatiq:{DELIVERIES}.msgs") == 5
    memory.flushdb()
    assert await asyncio.to_thread(offer, deliver, work, room=5) == 5


async def test_parked_work_takes_no_room(tenant: UUID, memory: redis.Redis) -> None:
    from workers.actors import deliver

    work = [(str(tenant), str(new_id())) for _ in range(3)]
    memory.set(waiting_key("deliver", work[0]), PARKED)
    assert await asyncio.to_thread(offer, deliver, work, room=1) == 1
    assert memory.get(waiting_key("deliver", work[1])) is not None


# --- failures ------------------------------------------------------------------------------------


def _group(tenant: UUID, superuser: Any) -> UUID:
    """A group that is due, and in which waking finds nothing it knows how to do."""
    group = new_id()
    superuser.execute(
        "INSERT INTO groups (group_id, tenant_id, code, name, currency, status, rules, wake_at, created_at)"
        " VALUES ($1, $2, 'CDF', 'Merkato', 'ETB', 'running', '{}', now() - interval '1 minute', now())",
        group,
        tenant,
    )
    return group


async def test_groups_that_cannot_be_woken_keep_no_other_from_its_turn(
    tenant: UUID, memory: redis.Redis, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker, "MOST_GROUPS", 2)
    parked = [_group(tenant, superuser) for _ in range(7)]
    for group in parked:
        memory.set(waiting_key("wake", (str(tenant), str(group))), PARKED)
    last = _group(tenant, superuser)
    superuser.execute("UPDATE groups SET wake_at = now() WHERE group_id = $1", last)
    connection = await ticker.connect()
    try:
        ticking = ticker.Ticker(connection)
        for _ in range(3):
            await ticking.tick()
        assert memory.get(waiting_key("wake", (str(tenant), str(last)))) is not None
        assert memory.hlen(f"dramatiq:{GROUPS}.msgs") == 1
    finally:
        await connection.close()


def _delayed(memory: redis.Redis) -> Task[Any] | None:
    held = memory.hvals(f"dramatiq:{GROUPS}.DQ.msgs")
    return Task.decode(cast(bytes, held[0])) if held else None


async def test_failing_work_climbs_the_ladder_and_becomes_a_dead_letter(
    tenant: UUID, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    group = _group(tenant, superuser)
    await asyncio.to_thread(processes.worker, work.fails)
    await asyncio.to_thread(processes.ticker)
    broker = Broker(client=memory, middleware=[])
    for rung, seconds in enumerate((10, 30, 90), start=1):
        task = await until(lambda: _delayed(memory))
        assert task.options["retries"] == rung
        assert 1000 * (seconds - 3) < task.options["eta"] - time.time() * 1000 <= 1000 * seconds
        # Its hour has come, as far as the worker can tell.
        memory.delete(f"dramatiq:{GROUPS}.DQ.msgs")
        broker.enqueue(Task(GROUPS, "wake", task.args, {}, {"retries": rung}))
    [letter] = await until_letters(tenant)
    assert (letter.actor, letter.args, letter.times) == ("wake", [str(tenant), str(group)], 1)
    assert letter.reason.startswith("ZeroDivisionError"), letter.reason
    assert memory.get(waiting_key("wake", letter.args)) == PARKED
    assert memory.ttl(waiting_key("wake", letter.args)) > 3000
    assert superuser.value("SELECT count(*) FROM begun_work") == 0

    processes.started[0].kill()
    await asyncio.to_thread(processes.worker, work.is_well)
    await dead_letters.revive(tenant, letter.id)
    memory.publish(TICK, b"")
    assert await dead_letters.open_letters(tenant) == []
    await until(lambda: memory.get(waiting_key("wake", letter.args)) != PARKED)


async def until_letters(tenant: UUID) -> list[dead_letters.DeadLetter]:
    deadline = time.monotonic() + 20
    while not (letters := await dead_letters.open_letters(tenant)):
        assert time.monotonic() < deadline, "no dead letter"
        await asyncio.sleep(0.05)
    return letters


async def test_work_that_kills_its_worker_is_left_alone_after_three_deaths(
    tenant: UUID, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    group = _group(tenant, superuser)
    broker = Broker(client=memory, middleware=[])
    for _ in range(3):
        worker = await asyncio.to_thread(processes.worker, work.kills)
        broker.enqueue(Task(GROUPS, "wake", (str(tenant), str(group)), {}, {}))
        await asyncio.to_thread(worker.join, 20)
        assert worker.exitcode == 9
    worker = await asyncio.to_thread(processes.worker, work.kills)
    broker.enqueue(Task(GROUPS, "wake", (str(tenant), str(group)), {}, {}))
    [letter] = await until_letters(tenant)
    assert "never ended" in letter.reason
    assert worker.is_alive()


async def test_what_can_be_done_later_is_no_failure(
    tenant: UUID, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    group = _group(tenant, superuser)
    worker = await asyncio.to_thread(processes.worker, work.is_later)
    Broker(client=memory, middleware=[]).enqueue(Task(GROUPS, "wake", (str(tenant), str(group)), {}, {}))
    await until(lambda: "try_later" in processes.log(worker))
    await until(lambda: not memory.hlen(f"dramatiq:{GROUPS}.msgs"))
    assert _delayed(memory) is None
    assert await dead_letters.open_letters(tenant) == []
    assert memory.get(waiting_key("wake", (str(tenant), str(group)))) is None


async def test_a_message_for_no_actor_is_kept_where_a_person_finds_it(
    tenant: UUID, processes: Processes, memory: redis.Redis, superuser: Any
) -> None:
    await asyncio.to_thread(processes.worker)
    broker = Broker(client=memory, middleware=[])
    broker.enqueue(Task(DELIVERIES, "unheard_of", (str(tenant),), {}, {}))
    broker.enqueue(Task(DELIVERIES, "unheard_of", ("nobody", "knows"), {}, {}))
    broker.enqueue(Task(DELIVERIES, "unheard_of", (str(uuid4()),), {}, {}))
    await until(lambda: superuser.value("SELECT count(*) FROM dead_letters") == 3)
    assert [letter.actor for letter in await dead_letters.open_letters(tenant)] == ["unheard_of"]
    assert superuser.value("SELECT count(*) FROM dead_letters WHERE tenant_id IS NULL") == 2


async def test_a_dead_letter_is_seen_by_its_own_tenant_only(tenant: UUID, superuser: Any) -> None:
    other = new_id()
    superuser.execute("INSERT INTO tenants (id, code, name, created_at) VALUES ($1, 'other', 'O', now())", other)
    for _ in range(2):
        await dead_letters.bury(tenant, actor="wake", args=[str(tenant), "x"], reason="why")
    [letter] = await dead_letters.open_letters(tenant)
    assert letter.times == 2
    assert await dead_letters.open_letters(other) == []
    with pytest.raises(NotFound):
        await dead_letters.revive(other, letter.id)


def test_a_failure_is_told_without_what_a_person_said() -> None:
    try:
        raise ValueError("0911223344 is Abebe's phone")
    except ValueError as error:
        told = conduct.said(error)
    assert told.startswith("ValueError at tests/test_workers.py:")
    assert "Abebe" not in told
