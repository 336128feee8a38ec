"""Twilio as others have it: an emulator that keeps state and signs, and Twilio's own OpenAPI document.

``emulate`` counts segments wrongly and takes what Twilio refuses (docs/peers.md): nothing here leans on that.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import node_peers
import pytest
import uvicorn
from outside import DEMO, fake_target, free_port, outside
from recorder import every_sentence
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

import sms
from api import replies
from api.app import make_app
from core import people
from core.db import transaction
from core.ids import new_id
from core.messages import SMS
from core.operator import gateways
from core.operator.bootstrap import make_tenant
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing

PHONE = "+12025550123"
NUMBER_SID = "PN" + "2" * 32


def saying(tenant: UUID, text: str, *, to: str = PHONE, priority: int = 1) -> Outgoing:
    return Outgoing(new_id(), tenant, "sms", "twilio", to, text, [], {}, priority)


async def configure(tenant: UUID, **changed: str) -> None:
    async with transaction(tenant) as tx:
        await gateways.configure(
            tx,
            name="twilio",
            channel="sms",
            sender=changed.pop("sender", DEMO["twilio_number"]),
            credentials={"account_sid": DEMO["twilio_sid"], "auth_token": DEMO["twilio_token"], "reply": "rest"}
            | changed,
        )


# --- A Twilio that somebody else wrote ------------------------------------------------------------


@pytest.fixture(scope="module")
async def emulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    seed = tmp_path_factory.mktemp("emulate") / "seed.json"
    number = {"sid": NUMBER_SID, "phone_number": DEMO["twilio_number"], "sms_url": "http://127.0.0.1:9/"}
    account = {"sid": DEMO["twilio_sid"], "auth_token": DEMO["twilio_token"]}
    seed.write_text(json.dumps({"twilio": {"account": account, "phone_numbers": [number]}}))
    async with node_peers.serving("emulate/dist/index.js", "start", "--service", "twilio", "--seed", seed) as url:
        yield url


@dataclass
class System:
    """The application behind a port, with the emulator as its Twilio."""

    tenant: UUID
    twilio: httpx.AsyncClient
    superuser: Any

    async def phone_writes(self, text: str, phone: str = PHONE) -> str:
        """A person sends an SMS; the message's sid. The webhook has been answered when this returns."""
        form = {"To": DEMO["twilio_number"], "From": phone, "Body": text}
        written = await self.twilio.post("/_twilio/simulate/inbound-message", data=form)
        written.raise_for_status()
        return str(written.json()["sid"])

    async def becomes(self, sid: str, status: str) -> None:
        """The emulator reports what became of a message of ours."""
        form = {"MessageSid": sid, "Status": status}
        (await self.twilio.post("/_twilio/simulate/message-status", data=form)).raise_for_status()

    async def heard(self, phone: str = PHONE) -> list[dict[str, Any]]:
        """What the emulator has for a phone, oldest first, once our replies are out."""
        async with asyncio.timeout(15):
            while replies.in_flight():  # noqa: ASYNC110 (nobody but the process itself knows)
                await asyncio.sleep(0.01)
        path = f"/2010-04-01/Accounts/{DEMO['twilio_sid']}/Messages.json"
        found = await self.twilio.get(path, params={"To": phone})
        messages: list[dict[str, Any]] = found.json()["messages"]
        return messages[::-1]

    def state_of(self, provider_id: str) -> str:
        found: str = self.superuser.value("SELECT state FROM outbox WHERE provider_id = $1", provider_id)
        return found


@pytest.fixture
async def system(emulator: str, superuser: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("EQUB_PUBLIC_URL", url)
    monkeypatch.setenv("EQUB_TWILIO_API", emulator)
    settings.cache_clear()
    people.forget_tenants()
    tenant = await make_tenant("demo", "Demo")
    await configure(tenant)
    config = uvicorn.Config(make_app(), host="127.0.0.1", port=port, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    credentials = (DEMO["twilio_sid"], DEMO["twilio_token"])
    async with httpx.AsyncClient(base_url=emulator, auth=credentials, trust_env=False, timeout=30.0) as client:
        while not server.started:  # noqa: ASYNC110 (the server tells it no other way)
            await asyncio.sleep(0.01)
        where = f"/2010-04-01/Accounts/{DEMO['twilio_sid']}/IncomingPhoneNumbers/{NUMBER_SID}.json"
        (await client.post(where, data={"SmsUrl": f"{url}/t/demo/sms/twilio"})).raise_for_status()
        yield System(tenant, client, superuser)
    server.should_exit = True
    await serving
    await sms.close()
    monkeypatch.undo()
    settings.cache_clear()
    people.forget_tenants()


async def test_a_message_that_a_foreign_twilio_signed_is_answered_through_it(system: System) -> None:
    phone = "+12025550101"
    await system.phone_writes("ዝናብ ዘነበ! <&> 1,000 ብር + 5% = “?”", phone)
    heard = await system.heard(phone)
    assert len(heard) == 1
    assert (heard[0]["from"], heard[0]["direction"]) == (DEMO["twilio_number"], "outbound-api")
    assert "ዝናብ ዘነበ! <&> 1,000 ብር + 5% = “?”" in heard[0]["body"]
    rows = system.superuser.rows("SELECT state, provider_id FROM outbox")
    assert [(row["state"], row["provider_id"]) for row in rows] == [("sent", heard[0]["sid"])]
    assert system.superuser.value("SELECT count(*) FROM inbox") == 1


async def test_a_signature_made_with_another_token_stores_nothing(system: System) -> None:
    await configure(system.tenant, auth_token="another")
    await system.phone_writes("HELP", "+12025550102")
    assert await system.heard("+12025550102") == []
    assert system.superuser.value("SELECT count(*) FROM inbox") == 0


async def test_its_reports_are_believed_and_a_final_one_stays(system: System) -> None:
    for phone, final, kept in (("+12025550103", "delivered", "delivered"), ("+12025550104", "undelivered", "failed")):
        await system.phone_writes("HELP", phone)
        sid = (await system.heard(phone))[0]["sid"]
        assert system.state_of(sid) == "sent"
        await system.becomes(sid, "sending")
        assert system.state_of(sid) == "sent"
        await system.becomes(sid, final)
        assert system.state_of(sid) == kept
        await system.becomes(sid, "sent")
        assert system.state_of(sid) == kept, "a late report changes nothing"


async def test_what_it_refuses_is_our_own_to_mend(system: System) -> None:
    assert (await sms.send(saying(system.tenant, "hello"))).outcome == "sent"
    for wrong, reason in (
        ({"sender": "+15005550999"}, "twilio 21606"),
        ({"auth_token": "wrong"}, "twilio 20003"),
        ({"account_sid": "AC" + "9" * 32}, "twilio 20003"),
    ):
        await configure(system.tenant, **wrong)
        delivery = await sms.send(saying(system.tenant, "hello"))
        assert (delivery.outcome, delivery.whole_gateway, delivery.reason) == ("later", True, reason)


async def test_concurrent_sends_get_their_own_answers_from_it_too(system: System) -> None:
    phones = [f"+1202556{number:04}" for number in range(60)]
    sent = await asyncio.gather(*(sms.send(saying(system.tenant, f"ለ {to}", to=to)) for to in phones))
    for to, delivery in zip(phones, sent, strict=True):
        heard = await system.heard(to)
        assert [(one["sid"], one["body"]) for one in heard] == [(delivery.provider_id, f"ለ {to}")]


# --- Twilio's contract ----------------------------------------------------------------------------


def contract(command: str, *upstream: str) -> AbstractAsyncContextManager[str]:
    """Prism with Twilio's document: refuses with 422 what does not fit it (as a proxy, in answers with 500)."""
    program = "@stoplight/prism-cli/dist/index.js"
    return node_peers.serving(program, command, "--errors", node_peers.TWILIO_OPENAPI, *upstream)


def send_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = settings().model_copy(update={"twilio_api": url, "public_url": "https://equb.example"})
    monkeypatch.setattr(sms, "settings", lambda: changed)
    monkeypatch.setattr(sms.twilio, "settings", lambda: changed)


def what_we_say(most: int) -> list[str]:
    """Sentences in English and Amharic, a text of several messages, and every sign that forms have trouble with."""
    texts = [text for language in ("en", "am") for _, text in every_sentence(language, SMS)]
    return [*texts[:: len(texts) // most], "\n".join(texts)[:4000], "&=%+#;?@/\\\"'<>|~^{}[]€😀 ዐ\r\n.", "0"]


async def send_all(tenant: UUID, texts: list[str]) -> list[tuple[str, Delivery]]:
    """Send these, a few at a time; those that were not sent, each with what came of it."""
    gate = asyncio.Semaphore(8)

    async def one(number: int, text: str) -> tuple[str, Delivery]:
        async with gate:
            return text, await sms.send(saying(tenant, text, priority=number % 2))

    came = await asyncio.gather(*(one(number, text) for number, text in enumerate(texts)))
    return [(text, delivery) for text, delivery in came if delivery.outcome != "sent"]


@asynccontextmanager
async def twilios_own_client(url: str, account_sid: str = DEMO["twilio_sid"]) -> AsyncIterator[Any]:
    """Twilio's library without anything of ours, to send what we never would."""
    http_client = AsyncTwilioHttpClient()
    client = Client(account_sid, DEMO["twilio_token"], http_client=http_client)
    client.api.base_url = url
    try:
        yield client.messages
    finally:
        await http_client.close()


async def test_all_we_send_fits_twilios_document(tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    await configure(tenant)
    async with contract("mock") as url:
        send_to(url, monkeypatch)
        assert await send_all(tenant, what_we_say(most=60)) == []
        # It does refuse: the same call with one field wrong.
        right = {"to": PHONE, "from_": DEMO["twilio_number"], "body": "x"}
        for wrong in ({"validity_period": "soon"}, {"risk_check": "perhaps"}, {"messaging_service_sid": "MG1"}):
            async with twilios_own_client(url) as messages:
                await messages.create_async(**right)
                with pytest.raises(TwilioRestException) as refused:
                    await messages.create_async(**right, **wrong)
                assert refused.value.status == 422
        async with twilios_own_client(url, "AC1") as messages:
            with pytest.raises(TwilioRestException):
                await messages.create_async(**right)
        await sms.close()


async def test_our_stand_in_answers_as_twilios_document_says(
    tenant: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await configure(tenant)
    async with (
        fake_target() as target,
        outside(tmp_path, target.url) as world,
        contract("proxy", f"http://127.0.0.1:{world.port}/twilio") as url,
    ):
        send_to(url, monkeypatch)
        assert await send_all(tenant, what_we_say(most=10)) == []
        sid = (await sms.send(saying(tenant, "ክፈል"))).provider_id
        async with twilios_own_client(url) as messages:
            assert (await messages(sid).fetch_async()).body == "ክፈል"
            # It does refuse answers: the document wants whole URLs in a list, where Twilio itself gives paths.
            with pytest.raises(TwilioException) as refused:
                await messages.list_async(limit=5)
            assert refused.value.args[1].status_code == 500
        await sms.close()
