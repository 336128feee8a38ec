"""Webhooks: forged ones store nothing, repeated ones do nothing twice, and every genuine one is answered once.

The application runs as a server of its own in front of the stand-ins, as in the sandbox, so that a reply is what
stands on a phone's screen.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
import uvicorn
from outside import DEMO, Outside, free_port, outside
from redis.asyncio import Redis
from sqlalchemy import text as sql
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

import bot
from api import replies
from api.app import make_app
from core import clock, db, people
from core.db import transaction
from core.ids import new_id
from core.operator import gateways
from core.operator.bootstrap import make_tenant
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing
from sandbox.people import telegram_name_of, user_id_of
from sms.http import signature

ALMAZ, BEKELE = "+251911000001", "+251922000002"


@dataclass
class System:
    """The application behind a port, the stand-ins around it, and a client that can be anybody."""

    tenant: UUID
    world: Outside
    client: httpx.AsyncClient
    superuser: Any
    server: uvicorn.Server
    serving: "asyncio.Task[None]"
    updates: list[int] = field(default_factory=lambda: [500_000])

    def count(self, table: str) -> int:
        found: int = self.superuser.value(f"SELECT count(*) FROM {table}")
        return found

    async def update(self, body: dict[str, Any] | bytes | None = None, **headers: str) -> httpx.Response:
        """Post to the bot's webhook, with the right secret unless told otherwise."""
        given = {"X-Telegram-Bot-Api-Secret-Token": DEMO["telegram_secret"]} | headers
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/t/demo/telegram", content=raw, headers=given)

    def said(self, text: str, number: str = ALMAZ, **more: Any) -> dict[str, Any]:
        """An update with a text of this person."""
        self.updates[0] += 1
        first, last = telegram_name_of(number)
        who = {"id": user_id_of(number), "is_bot": False, "first_name": first, "last_name": last}
        chat = {"id": user_id_of(number), "first_name": first, "type": "private"}
        message = {"message_id": self.updates[0], "from": who, "chat": chat, "date": 1795337045, "text": text}
        return {"update_id": self.updates[0], "message": message | more}

    async def twilio(self, path: str = "/t/demo/sms/twilio", *, token: str = "", **fields: str) -> httpx.Response:
        """Post a form as Twilio signs it: over our public URL."""
        signed = RequestValidator(token or DEMO["twilio_token"])
        right = signed.compute_signature(settings().public_url + path, fields)
        return await self.client.post(
            path,
            content=urlencode(fields).encode(),
            headers={"X-Twilio-Signature": right, "Content-Type": "application/x-www-form-urlencoded"},
        )

    async def gateway(self, path: str = "/t/demo/sms/http", *, secret: str = "", **body: Any) -> httpx.Response:
        """Post JSON as the plain gateway signs it."""
        raw, stamp = json.dumps(body).encode(), str(int(clock.now().timestamp()))
        right = signature(secret or DEMO["http_secret"], stamp, raw)
        headers = {"X-Equb-Timestamp": stamp, "X-Equb-Signature": right}
        return await self.client.post(path, content=raw, headers=headers)

    async def settled(self) -> None:
        """Wait until nothing is under way on either side."""
        async with asyncio.timeout(15):
            while replies.in_flight():  # noqa: ASYNC110 (nobody but the process itself knows)
                await asyncio.sleep(0.01)
        await self.world.quiet()

    async def texts(self, number: str = ALMAZ) -> list[str]:
        """What stands on a phone's screen, once all is settled."""
        await self.settled()
        return [item["text"] for item in await self.world.messages(number)]


async def configure(tenant: UUID, base: str, **twilio: str) -> None:
    """The tenant's three gateways, all of them stand-ins."""
    async with transaction(tenant) as tx:
        secrets = {"token": DEMO["telegram_token"], "secret": DEMO["telegram_secret"]}
        await gateways.configure(tx, name="telegram", channel="telegram", sender="bot", credentials=secrets)
        secrets = {"url": f"{base}/smsgw/send", "secret": DEMO["http_secret"]}
        await gateways.configure(tx, name="http", channel="sms", sender=DEMO["http_number"], credentials=secrets)
        secrets = {"account_sid": DEMO["twilio_sid"], "auth_token": DEMO["twilio_token"], "reply": "rest"} | twilio
        number = DEMO["twilio_number"]
        await gateways.configure(tx, name="twilio", channel="sms", sender=number, credentials=secrets, preferred=False)


@pytest.fixture
async def system(tmp_path: Path, superuser: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with outside(tmp_path, url) as world:
        base = f"http://127.0.0.1:{world.port}"
        for name, value in {
            "EQUB_PUBLIC_URL": url,
            "EQUB_SANDBOX_URL": base,
            "EQUB_TELEGRAM_API": base,
            "EQUB_TWILIO_API": f"{base}/twilio",
        }.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        people.forget_tenants()
        tenant = await make_tenant("demo", "Demo")
        await configure(tenant, base)
        server = uvicorn.Server(
            uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="warning", access_log=False)
        )
        serving = asyncio.create_task(server.serve())
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30.0) as client:
            system = System(tenant, world, client, superuser, server, serving)
            while not server.started:  # noqa: ASYNC110 (the server tells it no other way)
                await asyncio.sleep(0.01)
            yield system
            if not server.should_exit:
                await system.settled()
        server.should_exit = True
        await serving
    monkeypatch.undo()
    settings.cache_clear()
    people.forget_tenants()


# --- What is not genuine -------------------------------------------------------------------------


async def test_a_wrong_telegram_secret_stores_nothing(system: System) -> None:
    for secret in ("wrong", "", DEMO["telegram_secret"].upper()):
        answer = await system.update(system.said("/start"), **{"X-Telegram-Bot-Api-Secret-Token": secret})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/wrong-secret"
    missing = await system.client.post("/t/demo/telegram", json=system.said("/start"))
    assert missing.status_code == 401
    assert (system.count("inbox"), system.count("addresses"), system.count("outbox")) == (0, 0, 0)


async def test_a_bot_that_is_polled_takes_no_webhooks(system: System) -> None:
    async with transaction(system.tenant) as tx:
        secrets = {"token": DEMO["telegram_token"], "secret": ""}
        await gateways.configure(tx, name="telegram", channel="telegram", sender="bot", credentials=secrets)
    answer = await system.update(system.said("/start"), **{"X-Telegram-Bot-Api-Secret-Token": ""})
    assert answer.status_code == 401


async def test_a_forged_sms_stores_nothing(system: System) -> None:
    fields = {"MessageSid": "SM1", "From": ALMAZ, "To": DEMO["twilio_number"], "Body": "START"}
    body = {"id": "i1", "from": ALMAZ, "to": "8811", "text": "START"}
    forged = [
        await system.twilio(token="guessed", **fields),
        await system.gateway(secret="guessed", **body),
        await system.client.post("/t/demo/sms/twilio", data=fields),
        await system.client.post("/t/demo/sms/http", json=body),
        await system.twilio("/t/demo/sms/twilio/status", token="guessed", MessageSid="SM1", MessageStatus="sent"),
        await system.gateway("/t/demo/sms/http/status", secret="guessed", id="g1", status="sent"),
    ]
    assert [answer.status_code for answer in forged] == [403] * 6
    tables = ("inbox", "addresses", "outbox", "provider_events")
    assert [system.count(table) for table in tables] == [0, 0, 0, 0]


async def test_what_nobody_serves_is_not_found(system: System) -> None:
    for path in (
        "/t/nobody/telegram",
        "/t/nobody/sms/http",
        "/t/demo/sms/pigeon",
        "/t/demo/sms/telegram",
        "/t/demo/payments/chapa",
        "/t/nobody/payments/chapa",
    ):
        answer = await system.client.post(path, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path


async def test_malformed_bodies_are_named_so(system: System) -> None:
    for raw in (b"", b"{", b"[]", b'{"update_id": "x"}', b"\xff"):
        assert (await system.update(raw)).status_code == 400, raw
    assert (await system.gateway(id="i1", text="x")).status_code == 400
    assert (await system.twilio(Body="x", From=ALMAZ)).status_code == 400
    assert system.count("inbox") == 0


async def test_a_body_without_end_is_not_read_to_its_end(system: System) -> None:
    long = b'{"update_id": 1, "x": "' + b"x" * 70_000 + b'"}'
    assert (await system.update(long)).status_code == 413

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1024

    header = {"X-Telegram-Bot-Api-Secret-Token": DEMO["telegram_secret"]}
    answer = await system.client.post("/t/demo/telegram", content=drip(), headers=header)
    assert answer.status_code == 413
    assert (await system.client.post("/t/demo/sms/http", content=drip())).status_code == 413


async def test_machines_that_write_sms_are_not_answered(system: System) -> None:
    for number, sender in enumerate(("CBE", "8811", "994", "Ethio telecom")):
        assert (await system.gateway(id=f"i{number}", **{"from": sender}, text="Hello")).status_code == 200
        answer = await system.twilio(MessageSid=f"SM{number}", From=sender, Body="Hello")
        assert (answer.status_code, "<Message>" in answer.text) == (200, False)
    assert (system.count("inbox"), system.count("outbox")) == (0, 0)


# --- What is genuine -----------------------------------------------------------------------------


async def test_a_telegram_message_is_answered_on_the_phone(system: System) -> None:
    assert (await system.world.person(ALMAZ, text="/start"))["delivered"]
    assert len(await system.texts()) == 1
    assert system.superuser.rows("SELECT state FROM outbox")[0]["state"] == "sent"


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_an_sms_is_answered_on_the_phone(system: System, gateway: str) -> None:
    sent = await system.world.client.post(
        f"/sandbox/phones/{ALMAZ}/sms", params={"gateway": gateway}, json={"text": "HELP"}
    )
    assert sent.json()["delivered"]
    assert len(await system.texts()) == 1
    assert system.superuser.rows("SELECT state FROM outbox")[0]["state"] == "delivered"


async def test_five_identical_webhooks_at_once_are_one_message_and_one_reply(system: System) -> None:
    await system.world.person(ALMAZ, text="/start")
    await system.settled()
    before = len(await system.texts())
    update = system.said("HELP")
    answers = await asyncio.gather(*(system.update(update) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(await system.texts()) == before + 1
    assert system.count(f"inbox WHERE external_id = '777:{update['update_id']}'") == 1


@pytest.mark.parametrize("gateway", ["http", "twilio"])
async def test_five_identical_sms_at_once_are_one_message_and_one_reply(system: System, gateway: str) -> None:
    async def once() -> httpx.Response:
        if gateway == "twilio":
            return await system.twilio(MessageSid="SM1", From=ALMAZ, To=DEMO["twilio_number"], Body="HELP")
        return await system.gateway(id="SM1", **{"from": ALMAZ}, to="8123", text="HELP")

    answers = await asyncio.gather(*(once() for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(await system.texts()) == 1
    assert (await once()).status_code == 200
    assert len(await system.texts()) == 1
    assert system.count("inbox") == 1


async def test_replies_to_one_person_come_in_the_order_of_their_messages(system: System) -> None:
    await system.world.person(ALMAZ, text="/start")
    await system.settled()
    words = [f"nonsense{number:02}" for number in range(12)]
    for word in words:
        assert (await system.update(system.said(word))).status_code == 200
    got = (await system.texts())[1:]
    assert [next(word for word in words if word in line) for line in got] == words


async def test_a_pressed_button_is_answered_and_its_keyboard_taken_away(system: System) -> None:
    await system.world.person(ALMAZ, text="/start")
    await system.settled()
    button = (await system.world.messages(ALMAZ))[-1]["buttons"][0]
    told = await system.world.person(ALMAZ, press=button)
    assert told["delivered"]
    await system.settled()
    first, *rest = await system.world.messages(ALMAZ)
    assert first["buttons"] == [] and rest
    again = await system.world.person(ALMAZ, press=button)
    assert again.get("delivered") is not True, "the button is no longer on the screen"


async def test_a_block_makes_the_address_dead_and_lifting_it_live_again(system: System) -> None:
    async def reach(*, blocked: bool) -> str:
        update = system.said("")
        message, member, kicked = update.pop("message"), {"status": "member"}, {"status": "kicked", "until_date": 0}
        us = {"user": {"id": 777, "is_bot": True, "first_name": "Equb"}}
        old, new = (member, kicked) if blocked else (kicked, member)
        change = {name: message[name] for name in ("from", "chat", "date")}
        update["my_chat_member"] = change | {"old_chat_member": us | old, "new_chat_member": us | new}
        assert (await system.update(update)).status_code == 200
        state: str = system.superuser.value("SELECT state FROM addresses")
        return state

    await system.world.person(ALMAZ, text="/start")
    await system.settled()
    assert await reach(blocked=True) == "dead"
    assert await reach(blocked=False) == "active"
    await system.world.person(ALMAZ, text="STOP")
    await system.settled()
    assert await reach(blocked=True) == "stopped"
    assert await reach(blocked=False) == "stopped", "a block is no reason to write to somebody who said STOP"


async def test_commands_in_a_group_chat_get_one_hint(system: System) -> None:
    group = {"id": -1001834567890, "title": "Merkato", "type": "supergroup"}
    tenant = await people.tenant_by_id(system.tenant)
    gateway = await gateways.gateway(system.tenant, "telegram")
    results = []
    for _ in range(3):
        update = system.said("/pay 500", chat=group)
        results.append((await bot.take_in(tenant, gateway, update, received_at=clock.now())).result)
        assert (await system.update(update)).status_code == 200
    assert results == ["hint", "ignored", "ignored"]
    assert system.count("inbox") == 0


async def test_a_reply_as_twiml_is_said_again_to_a_repeated_webhook(system: System) -> None:
    await configure(system.tenant, str(system.world.client.base_url), reply="twiml")
    fields = {"MessageSid": "SM1", "From": ALMAZ, "To": DEMO["twilio_number"], "Body": "HELP"}
    first, second = await system.twilio(**fields), await system.twilio(**fields)
    assert first.headers["content-type"].startswith("text/xml")
    assert first.text.count("<Message>") == 1 and first.text == second.text
    assert system.count("outbox") == 1
    assert system.superuser.rows("SELECT state FROM outbox")[0]["state"] == "sent"


async def test_twilios_own_answer_to_stop_is_the_only_one(system: System) -> None:
    await system.twilio(MessageSid="SM1", From=ALMAZ, Body="HELP")
    before = len(await system.texts())
    answer = await system.twilio(MessageSid="SM2", From=ALMAZ, Body="baja", OptOutType="STOP")
    assert answer.status_code == 200 and "<Message>" not in answer.text
    assert len(await system.texts()) == before
    assert system.superuser.value("SELECT state FROM addresses") == "stopped"


async def test_a_missed_call_is_answered_with_the_menu(system: System) -> None:
    call = {"id": "c1", "event": "missed_call", "from": ALMAZ}
    assert (await system.gateway(**call)).status_code == 200
    assert (await system.gateway(**call)).status_code == 200
    (said,) = await system.texts()
    assert [line[0] for line in said.split("\n")[1:]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("sender", ["EthioTel", "8080", "TELEBIRR", DEMO["http_number"]])
async def test_names_and_short_codes_are_never_answered(system: System, sender: str) -> None:
    assert (await system.gateway(id="i1", **{"from": sender}, text="HELP")).status_code == 200
    twilio = await system.twilio(MessageSid="SM1", From=sender, Body="HELP")
    assert twilio.status_code == 200 and "<Message>" not in twilio.text
    assert system.count("inbox") == system.count("outbox") == system.count("addresses") == 0


async def test_a_phone_dials_and_sees_screens(system: System) -> None:
    async def ussd(**act: str) -> dict[str, Any]:
        answer = await system.world.client.post(f"/sandbox/phones/{ALMAZ}/ussd", json=act)
        shown: dict[str, Any] = answer.json()
        return shown | {"status": answer.status_code}

    assert (await ussd(text="1"))["status"] == 409, "nothing was dialled"
    menu = await ussd(dial="*789#")
    assert menu["open"] and "\n2 " in menu["text"]
    assert (await ussd(text="1"))["open"]
    assert (await ussd(text="0"))["text"] == menu["text"]
    over = await ussd(text="0")
    assert not over["open"] and (await ussd(text="1"))["status"] == 409
    assert system.count("outbox WHERE state <> 'sent'") == 0, "what stood on a screen is not sent again"
    assert await system.texts() == []


async def test_a_reply_that_meets_too_many_waits_in_the_outbox(system: System) -> None:
    await system.world.person(ALMAZ, text="/start")
    await system.settled()
    await system.world.client.post("/sandbox/faults", json={"target": "telegram", "kind": "429", "times": 1})
    assert (await system.update(system.said("HELP"))).status_code == 200
    await system.settled()
    assert system.count("outbox WHERE state = 'queued' AND send_after > created_at") == 1


async def test_notices_for_others_are_nudged(system: System, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.talking import conversation

    real, somebody = conversation.receive, new_id()

    async def with_notice(*given: Any) -> Any:
        handled = await real(*given)
        handled.notified.append(somebody)
        return handled

    monkeypatch.setattr(conversation, "receive", with_notice)
    async with Redis.from_url(redis_url) as redis, redis.pubsub() as heard:
        await heard.subscribe("equb:nudge")
        await heard.get_message(timeout=2)
        await system.gateway(id="i1", **{"from": ALMAZ}, text="HELP")
        # One Redis serves all tests: what an earlier one nudged late is not about this tenant.
        while (message := await heard.get_message(timeout=5, ignore_subscribe_messages=True)) is not None:
            if message["data"].decode() == f"{system.tenant} {somebody}":
                break
    assert message is not None


# --- Delivery reports ----------------------------------------------------------------------------


async def a_sent_message(system: System, provider_id: str = "SMx", gateway: str = "twilio") -> UUID:
    async with transaction(system.tenant) as tx:
        address = await people.address_of(tx, channel="sms", gateway=gateway, value=BEKELE)
        outbox_id = new_id()
        await tx.session.execute(
            sql(
                "INSERT INTO outbox (id, tenant_id, address_id, event, kind, params, language, text, state, send_after,"
                " gateway, provider_id, created_at) VALUES (:id, :tenant, :address, :event, 'k', '{}', 'en', 't',"
                " 'sent', :now, :gateway, :provider, :now)"
            ),
            {
                "id": outbox_id,
                "tenant": system.tenant,
                "address": address.id,
                "event": f"e{outbox_id}",
                "now": tx.now,
                "gateway": gateway,
                "provider": provider_id,
            },
        )
    return outbox_id


@pytest.mark.parametrize("order", [("sent", "delivered"), ("delivered", "sent"), ("delivered", "delivered")])
async def test_reports_in_any_order_end_in_the_same_state(system: System, order: tuple[str, ...]) -> None:
    await a_sent_message(system)
    for status in order:
        answer = await system.twilio("/t/demo/sms/twilio/status", MessageSid="SMx", MessageStatus=status)
        assert answer.status_code == 204
    assert system.superuser.value("SELECT state FROM outbox") == "delivered"
    assert system.count("provider_events") == len(set(order))


async def test_a_report_holds_no_phone_number_where_it_is_stored(system: System) -> None:
    await a_sent_message(system)
    await system.twilio("/t/demo/sms/twilio/status", MessageSid="SMx", MessageStatus="sent", To=BEKELE)
    assert BEKELE not in str(system.superuser.value("SELECT body FROM provider_events"))


async def test_an_unknown_number_makes_its_address_dead(system: System) -> None:
    await a_sent_message(system)
    await system.twilio("/t/demo/sms/twilio/status", MessageSid="SMx", MessageStatus="undelivered", ErrorCode="30005")
    assert system.superuser.value("SELECT state FROM addresses") == "dead"


async def test_a_report_that_overtakes_the_send_is_not_lost(system: System) -> None:
    answer = await system.gateway("/t/demo/sms/http/status", id="g-early", status="delivered")
    assert answer.status_code == 204
    await a_sent_message(system, "g-early", "http")
    async with asyncio.timeout(10):
        while system.superuser.value("SELECT state FROM outbox") != "delivered":  # noqa: ASYNC110 (it is a table)
            await asyncio.sleep(0.05)


# --- When something is away ----------------------------------------------------------------------


async def test_without_a_database_the_provider_is_asked_to_come_again(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await system.update(system.said("/start"))  # so that tenant and gateway are remembered
    await system.settled()
    monkeypatch.setenv("EQUB_DATABASE_URL", f"postgresql://equb_app@/equb?host={tmp_path}")
    settings.cache_clear()
    await db.dispose()
    answers = [await system.update(system.said("HELP")), await system.client.post("/t/unheard/telegram", json={})]
    ready, alive = await system.client.get("/readyz"), await system.client.get("/healthz")
    figures = await system.client.get("/metrics")
    monkeypatch.delenv("EQUB_DATABASE_URL")
    monkeypatch.undo()
    settings.cache_clear()
    await db.dispose()
    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    assert (ready.status_code, alive.status_code, figures.status_code) == (503, 200, 200)
    assert ready.json()["checks"]["postgresql"] != "ok" and ready.json()["checks"]["redis"] == "ok"


async def test_a_bug_is_a_problem_without_a_traceback(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.talking import conversation

    async def broken(*_given: Any) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(conversation, "receive", broken)
    answer = await system.gateway(id="i1", **{"from": ALMAZ}, text="HELP")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text and "Traceback" not in answer.text


async def test_a_stopping_process_finishes_the_replies_it_promised(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = asyncio.Event()
    real = replies.send

    async def slowly(outgoing: Outgoing) -> Delivery:
        slow.set()
        await asyncio.sleep(1.0)
        return await real(outgoing)

    monkeypatch.setattr(replies, "send", slowly)
    await system.gateway(id="i1", **{"from": ALMAZ}, text="HELP")
    await slow.wait()
    system.server.should_exit = True
    await system.serving
    assert system.count("outbox WHERE state IN ('sent', 'delivered')") == 1


# --- Health --------------------------------------------------------------------------------------


async def test_ready_says_what_it_looked_at(system: System) -> None:
    answer = await system.client.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["checks"] == {"postgresql": "ok", "migrations": "ok", "redis": "ok"}


async def test_an_older_schema_is_not_ready(system: System, superuser: Any) -> None:
    known = superuser.value("SELECT version_num FROM alembic_version")
    superuser.execute("UPDATE alembic_version SET version_num = '0000'")
    try:
        answer = await system.client.get("/readyz")
    finally:
        superuser.execute("UPDATE alembic_version SET version_num = $1", known)
    assert answer.status_code == 503
    assert "0000" in answer.json()["checks"]["migrations"]


async def test_a_redis_that_is_away_is_not_ready(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from api import nudge

    await nudge.close()
    monkeypatch.setenv("EQUB_REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    settings.cache_clear()
    answer = await system.client.get("/readyz")
    reply = await system.gateway(id="i1", **{"from": ALMAZ}, text="HELP")
    await system.settled()
    await nudge.close()
    assert (answer.status_code, reply.status_code) == (503, 200)
    assert answer.json()["checks"]["redis"] != "ok" and answer.json()["checks"]["postgresql"] == "ok"
    assert len(await system.texts()) == 1, "a lost nudge loses no message"


async def test_figures_are_by_route_and_never_by_person(system: System) -> None:
    await system.gateway(id="i1", **{"from": ALMAZ}, text="HELP")
    await system.settled()
    async with transaction(system.tenant) as tx:
        await tx.session.execute(sql("UPDATE outbox SET state = 'queued', send_after = :at"), {"at": tx.now})
    await system.client.get("/no/such/page")
    said = (await system.client.get("/metrics")).text
    assert 'equb_http_requests_total{method="POST",route="/t/{tenant}/sms/{name}",status="200"}' in said
    assert 'equb_http_requests_total{method="GET",route="none",status="404"}' in said
    assert 'equb_inbound_total{gateway="http",result="new"}' in said
    assert 'equb_replies_total{gateway="http",outcome="sent"}' in said
    assert 'equb_outbox_waiting{tenant="demo"} 1.0' in said
    assert ALMAZ not in said and "/no/such/page" not in said


def test_the_api_describes_itself_and_nothing_else() -> None:
    described = make_app().openapi()
    assert described["openapi"].startswith("3.1")
    assert not any(path.startswith(("/t/", "/sandbox", "/metrics")) for path in described["paths"])
