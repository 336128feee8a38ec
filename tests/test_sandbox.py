"""The outside world refuses what the real one refuses, loses nothing, and misbehaves when asked."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pyblst
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup
from aiohttp import web
from outside import DEMO, Arrived, Outside, Target, fake_target, outside
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from sandbox.people import telegram_name_of, user_id_of
from sandbox.segments import count

ALMAZ, BEKELE, CHALTU = "+251911000001", "+251922000002", "+251733000003"
TWILIO = f"/twilio/2010-04-01/Accounts/{DEMO['twilio_sid']}/Messages"
TWILIO_AUTH = (DEMO["twilio_sid"], DEMO["twilio_token"])
GATEWAY = {"Authorization": f"Bearer {DEMO['http_secret']}"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with fake_target() as running:
        yield running


@pytest.fixture
async def world(tmp_path: Path, target: Target) -> AsyncIterator[Outside]:
    async with outside(tmp_path, target.url) as running:
        yield running


async def started(world: Outside, number: str = ALMAZ) -> int:
    """The person opened the chat; answers the chat id."""
    assert (await world.person(number, text="/start"))["delivered"]
    return user_id_of(number)


# People


def test_no_two_phones_share_a_telegram_user() -> None:
    numbers = [f"+2519{n:08d}" for n in range(0, 10**8, 4999)] + [f"+1415555{n:04d}" for n in range(10_000)]
    ids = {user_id_of(number) for number in numbers}
    assert len(ids) == len(numbers)
    assert max(ids) < 2**52


def test_a_persons_name_derives_from_the_phone() -> None:
    assert telegram_name_of(ALMAZ) == telegram_name_of(ALMAZ)
    names = {telegram_name_of(f"+25191100{n:04d}") for n in range(200)}
    assert len(names) > 100
    assert any(first > "ሀ" for first, _ in names)
    assert any(first < "a" for first, _ in names)


@pytest.mark.parametrize("number", ["0911000001", "+2519", "+999123456789", "+251911000001234567", "hello"])
async def test_what_cannot_be_a_phone_is_refused_with_a_sentence(world: Outside, number: str) -> None:
    answer = await world.client.post(f"/sandbox/phones/{number}/sms", json={"text": "HELP"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert number in answer.json()["detail"]


# Telegram


async def test_a_text_reaches_the_webhook_with_the_secret(world: Outside, target: Target) -> None:
    told = await world.person(ALMAZ, text="/start EQ7")
    assert told == {"delivered": True, "status": 200}
    (webhook,) = target.arrived
    assert webhook.path == "/t/demo/telegram"
    assert webhook.headers["X-Telegram-Bot-Api-Secret-Token"] == "s3cret"
    message = json.loads(webhook.body)["message"]
    assert message["text"] == "/start EQ7"
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert message["from"]["id"] == message["chat"]["id"] == user_id_of(ALMAZ)


async def test_an_update_not_answered_with_2xx_comes_again_in_order(world: Outside, target: Target) -> None:
    answers = iter([500, 401])

    async def answer(_: Arrived) -> web.Response:
        return web.Response(status=next(answers, 200))

    target.answer = answer
    told = await world.person(ALMAZ, text="one")
    assert (told["delivered"], told["status"]) == (False, 500)
    await world.person(ALMAZ, text="two")
    await world.quiet()
    texts = [json.loads(webhook.body)["message"]["text"] for webhook in target.arrived]
    assert texts == ["one", "one", "one", "two"]


async def test_an_undelivered_update_survives_kill_9(tmp_path: Path) -> None:
    async with outside(tmp_path, "http://127.0.0.1:1", process=True) as world:
        assert not (await world.person(ALMAZ, text="keep me"))["delivered"]
        await world.stop(hard=True)
        async with fake_target() as target:
            await world.start()
            assert (await world.client.get("/sandbox/pending")).json()["in_flight"] == 1
            moved = await world.call("setWebhook", url=target.url + "/moved", secret_token="other")
            assert moved.json()["result"] is True
            (webhook,) = await target.wait_for(1)
            assert json.loads(webhook.body)["message"]["text"] == "keep me"
            assert webhook.headers["X-Telegram-Bot-Api-Secret-Token"] == "other"
            await world.quiet()


async def test_what_was_received_survives_kill_9(tmp_path: Path, target: Target) -> None:
    async with outside(tmp_path, target.url, process=True) as world:
        chat = await started(world)
        await world.call("sendMessage", chat_id=chat, text="kept")
        await world.stop(hard=True)
        await world.start()
        (message,) = await world.messages(ALMAZ)
        assert message["text"] == "kept"
        assert (await world.call("sendMessage", chat_id=chat, text="goes on")).json()["ok"]
        assert [m["text"] for m in await world.messages(ALMAZ, after=message["n"])] == ["goes on"]


def inline(**button: object) -> dict[str, object]:
    return {"inline_keyboard": [[{"text": "x", **button}]]}


REFUSED_SENDS: list[tuple[str, dict[str, object]]] = [
    ("empty text", {"text": ""}),
    ("blank text", {"text": " \n "}),
    ("text over 4096", {"text": "x" * 4097}),
    ("callback data over 64 bytes", {"text": "x", "reply_markup": inline(callback_data="ሀ" * 22)}),
    ("empty callback data", {"text": "x", "reply_markup": inline(callback_data="")}),
    ("a button without action", {"text": "x", "reply_markup": inline()}),
    ("a button with two actions", {"text": "x", "reply_markup": inline(callback_data="a", url="http://a.b")}),
    ("inline_keyboard null", {"text": "x", "reply_markup": {"inline_keyboard": None}}),
    ("a markup of nothing", {"text": "x", "reply_markup": {"buttons": []}}),
    ("an empty reply keyboard", {"text": "x", "reply_markup": {"keyboard": []}}),
    ("a reply to a missing message", {"text": "x", "reply_parameters": {"message_id": 99999}}),
    ("an unclosed tag", {"text": "<b>x", "parse_mode": "HTML"}),
    ("tags crossing", {"text": "<b><i>x</b></i>", "parse_mode": "HTML"}),
    ("an unknown tag", {"text": "<h1>x</h1>", "parse_mode": "HTML"}),
    ("a bare <", {"text": "1 < 2", "parse_mode": "HTML"}),
    ("a reserved character", {"text": "1.000", "parse_mode": "MarkdownV2"}),
    ("an unclosed star", {"text": "*x", "parse_mode": "MarkdownV2"}),
    ("an unknown parse mode", {"text": "x", "parse_mode": "BBCode"}),
    ("a reply that is no object", {"text": "x", "reply_parameters": 7}),
    ("entities that are no list", {"text": "x", "entities": "{}"}),
    ("a keyboard that is no object", {"text": "x", "reply_markup": "[1]"}),
    ("a button that is no object", {"text": "x", "reply_markup": {"inline_keyboard": [[1]]}}),
    ("an unknown chat", {"text": "x", "chat_id": 4}),
    ("no chat", {"text": "x", "chat_id": None}),
]


@pytest.mark.parametrize("fields", [f for _, f in REFUSED_SENDS], ids=[name for name, _ in REFUSED_SENDS])
async def test_telegram_refuses_what_telegram_refuses(world: Outside, fields: dict[str, object]) -> None:
    chat = await started(world)
    sent: dict[str, Any] = {"chat_id": chat} | fields
    answer = await world.call("sendMessage", **sent)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == 400
    assert answer.json()["description"].startswith("Bad Request: ")
    assert await world.messages(ALMAZ) == []


async def test_the_longest_text_and_formatting_are_taken(world: Outside) -> None:
    chat = await started(world)
    html = "<b>ዕጣ</b> &lt;3 <a href='http://a.b/?x=1&amp;y=2'>here</a>"
    answer = await world.call("sendMessage", chat_id=chat, text=html, parse_mode="HTML")
    message = answer.json()["result"]
    assert message["text"] == "ዕጣ <3 here"
    assert message["entities"] == [
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "text_link", "offset": 6, "length": 4, "url": "http://a.b/?x=1&y=2"},
    ]
    marked = await world.call("sendMessage", chat_id=chat, text="*1\\.5* `a*b`", parse_mode="MarkdownV2")
    assert marked.json()["result"]["text"] == "1.5 a*b"
    assert (await world.call("sendMessage", chat_id=chat, text="x" * 4096)).status_code == 200


async def test_a_bot_cannot_write_first_nor_to_who_blocked_it(world: Outside, target: Target) -> None:
    await world.client.post("/sandbox/phones", json={"number": BEKELE})
    first = await world.call("sendMessage", chat_id=user_id_of(BEKELE), text="hello")
    assert (first.status_code, first.json()["error_code"]) == (403, 403)
    chat = await started(world)
    blocked = await world.client.post(f"/sandbox/phones/{ALMAZ}/block", json={})
    assert blocked.json()["blocked"] is True
    assert json.loads(target.arrived[-1].body)["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert (await world.call("sendMessage", chat_id=chat, text="hello")).status_code == 403
    refused = await world.client.post(f"/sandbox/phones/{ALMAZ}/telegram", json={"text": "hello"})
    assert refused.status_code == 409
    assert (await world.person(ALMAZ, text="/start"))["delivered"]
    assert (await world.call("sendMessage", chat_id=chat, text="again")).status_code == 200


async def test_a_pressed_button_is_answered_once_and_edited_away(world: Outside, target: Target) -> None:
    chat = await started(world)
    row = [{"text": "Yes", "callback_data": "y"}, {"text": "No", "callback_data": "n"}]
    question: dict[str, Any] = {"chat_id": chat, "text": "Sure?", "reply_markup": {"inline_keyboard": [row]}}
    sent = (await world.call("sendMessage", **question)).json()["result"]
    assert (await world.messages(ALMAZ))[0]["buttons"] == ["Yes", "No"]
    assert (await world.person(ALMAZ, press="n"))["delivered"]
    query = json.loads(target.arrived[-1].body)["callback_query"]
    assert (query["data"], query["message"]["message_id"]) == ("n", sent["message_id"])
    for expected in (200, 400):
        answer = await world.call("answerCallbackQuery", callback_query_id=query["id"], text="ok")
        assert answer.status_code == expected
    changed: dict[str, Any] = {"chat_id": chat, "message_id": sent["message_id"], "text": "You said no."}
    for expected in (200, 400):
        assert (await world.call("editMessageText", **changed)).status_code == expected
    (message,) = await world.messages(ALMAZ)
    assert (message["text"], message["buttons"]) == ("You said no.", [])
    gone = await world.client.post(f"/sandbox/phones/{ALMAZ}/telegram", json={"press": "Yes"})
    assert gone.status_code == 404
    assert "none" in gone.json()["detail"]


async def test_the_newest_message_with_the_button_is_pressed(world: Outside, target: Target) -> None:
    chat = await started(world)
    for data in ("old", "new"):
        await world.call("sendMessage", chat_id=chat, text=data, reply_markup=inline(callback_data=data))
    await world.person(ALMAZ, press="x")
    assert json.loads(target.arrived[-1].body)["callback_query"]["data"] == "new"


async def test_a_contact_button_shares_the_own_number(world: Outside, target: Target) -> None:
    chat = await started(world)
    row = [{"text": "My number", "request_contact": True}, "Later"]
    keyboard = {"keyboard": [row], "one_time_keyboard": True}
    answer = await world.call("sendMessage", chat_id=chat, text="Who?", reply_markup=keyboard)
    assert "reply_markup" not in answer.json()["result"], "a reply keyboard is not echoed back"
    await world.person(ALMAZ, press="My number")
    contact = json.loads(target.arrived[-1].body)["message"]["contact"]
    assert contact["user_id"] == user_id_of(ALMAZ)
    assert contact["phone_number"] == ALMAZ[1:]
    await world.person(ALMAZ, share_contact=CHALTU)
    assert "user_id" not in json.loads(target.arrived[-1].body)["message"]["contact"]
    line = answer.json()["result"]["message_id"]
    edit = await world.call("editMessageReplyMarkup", chat_id=chat, message_id=line, reply_markup=keyboard)
    assert edit.status_code == 400


async def test_long_polling_hands_out_updates_until_confirmed(world: Outside) -> None:
    assert (await world.call("getUpdates")).status_code == 409
    await world.call("deleteWebhook")
    waiting = asyncio.create_task(world.call("getUpdates", timeout=10))
    await asyncio.sleep(0.2)
    await world.person(ALMAZ, text="hello")
    (update,) = (await waiting).json()["result"]
    again = (await world.call("getUpdates")).json()["result"]
    assert [u["update_id"] for u in again] == [update["update_id"]]
    assert (await world.call("getUpdates", offset=update["update_id"] + 1)).json()["result"] == []


async def test_aiogram_talks_to_it_with_files_and_errors(world: Outside) -> None:
    chat = await started(world)
    server = TelegramAPIServer.from_base(str(world.client.base_url).rstrip("/"))
    async with Bot("777:AAbb", session=AiohttpSession(api=server)) as bot:
        assert (await bot.me()).username == "equb_777_bot"
        button = InlineKeyboardButton(text="Pay", callback_data="pay")
        markup = InlineKeyboardMarkup(inline_keyboard=[[button]])
        sent = await bot.send_message(chat, "<i>ሰላም</i>", parse_mode="HTML", reply_markup=markup)
        assert sent.reply_markup is not None
        assert sent.reply_markup.inline_keyboard[0][0].callback_data == "pay"
        await bot.send_photo(chat, BufferedInputFile(PNG, "slip.png"), caption="Slip")
        papers = await bot.send_document(chat, BufferedInputFile(b"a,b\n", "book.csv"))
        assert papers.document is not None
        stored = await bot.get_file(papers.document.file_id)
        assert stored.file_path is not None
        content = await bot.download_file(stored.file_path)
        assert content is not None
        assert content.read() == b"a,b\n"
        kinds = [[a["kind"] for a in message["attachments"]] for message in await world.messages(ALMAZ)]
        assert kinds == [[], ["photo"], ["document"]]
        for kind, error in (("429", TelegramRetryAfter), ("403", TelegramForbiddenError)):
            await world.client.post("/sandbox/faults", json={"target": "telegram", "kind": kind, "times": 1})
            with pytest.raises(error):
                await bot.send_message(chat, "x")
    picture = await world.client.get((await world.messages(ALMAZ))[1]["attachments"][0]["url"])
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")


async def test_captions_and_pictures_have_limits(world: Outside) -> None:
    chat = await started(world)
    url = "/bot777:AAbb/sendPhoto"
    attached = {"chat_id": chat, "photo": "attach://one"}
    long = await world.client.post(url, data=attached | {"caption": "x" * 1025}, files={"one": PNG})
    broken = await world.client.post(url, data=attached, files={"one": b"not a picture"})
    missing = await world.client.post(url, data=attached, files={"two": PNG})
    fine = await world.client.post(url, data=attached | {"caption": "x" * 1024}, files={"one": PNG})
    assert [a.status_code for a in (long, broken, missing, fine)] == [400, 400, 400, 200]


async def test_a_bot_that_sends_too_fast_is_told_to_wait(tmp_path: Path, target: Target) -> None:
    async with outside(tmp_path, target.url, SANDBOX_TELEGRAM_RATE="3") as world:
        chat = await started(world)
        answers = [await world.call("sendMessage", chat_id=chat, text=str(n)) for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["parameters"]["retry_after"] >= 1


# The plain gateway


async def test_an_sms_arrives_signed_in_simulated_time(world: Outside, target: Target) -> None:
    world.clock_file.write_text("86400")
    answer = await world.client.post(f"/sandbox/phones/{BEKELE}/sms", json={"text": "JOIN MERKATO"})
    assert answer.json() == {"delivered": True, "status": 200}
    (webhook,) = target.arrived
    assert webhook.path == "/t/demo/sms/http"
    stamp = webhook.headers["X-Equb-Timestamp"]
    expected = hmac.new(b"gateway-secret", stamp.encode() + b"." + webhook.body, hashlib.sha256).hexdigest()
    assert webhook.headers["X-Equb-Signature"] == expected
    assert abs(int(stamp) - time.time() - 86400) < 30
    body = json.loads(webhook.body)
    assert (body["from"], body["to"], body["text"]) == (BEKELE, "8123", "JOIN MERKATO")


async def test_an_sms_is_shown_and_reported(world: Outside, target: Target) -> None:
    message = {"to": BEKELE, "from": "8123", "text": "ዛሬ ዕጣ ነው", "id": "o-1"}
    message["status_url"] = target.url + "/t/demo/sms/http/status"
    sent = await world.client.post("/smsgw/send", json=message, headers=GATEWAY)
    assert sent.json()["segments"] == 1
    (report,) = await target.wait_for(1)
    assert json.loads(report.body)["id"] == sent.json()["id"]
    assert json.loads(report.body)["status"] == "delivered"
    (shown,) = await world.messages(BEKELE)
    assert (shown["channel"], shown["text"], shown["segments"]) == ("sms", message["text"], 1)
    found = await world.client.get("/smsgw/messages/o-1", headers=GATEWAY)
    assert found.json()["id"] == sent.json()["id"]
    assert (await world.client.get("/smsgw/messages/o-2", headers=GATEWAY)).status_code == 404


async def test_a_switched_off_phone_gets_nothing_and_that_is_reported(world: Outside, target: Target) -> None:
    await world.client.put(f"/sandbox/phones/{BEKELE}", json={"reach": "off"})
    message = {"to": BEKELE, "from": "8123", "text": "x", "status_url": target.url + "/status"}
    await world.client.post("/smsgw/send", json=message, headers=GATEWAY)
    (report,) = await target.wait_for(1)
    assert json.loads(report.body)["status"] == "failed"
    assert await world.messages(BEKELE) == []


@pytest.mark.parametrize(
    "change",
    [{"to": "+2519"}, {"text": " "}, {"text": "x" * 1601}, {"from": "9999"}],
)
async def test_the_gateway_refuses_what_it_cannot_send(world: Outside, change: dict[str, str]) -> None:
    message = {"to": BEKELE, "from": "8123", "text": "x"} | change
    assert (await world.client.post("/smsgw/send", json=message, headers=GATEWAY)).status_code == 422
    wrong = await world.client.post("/smsgw/send", json=message, headers={"Authorization": "Bearer no"})
    assert wrong.status_code == 401
    assert await world.messages(BEKELE) == []


@pytest.mark.parametrize(
    ("kind", "status", "arrives"),
    [("429", 429, 0), ("403", 403, 0), ("5xx", 503, 0), ("drop_after_commit", None, 1)],
)
async def test_a_fault_bends_so_many_calls_and_no_more(
    world: Outside, kind: str, status: int | None, arrives: int
) -> None:
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": kind, "times": 1})
    message = {"to": BEKELE, "from": "8123", "text": "x"}
    if status is None:
        with pytest.raises(httpx.RemoteProtocolError):
            await world.client.post("/smsgw/send", json=message, headers=GATEWAY)
    else:
        assert (await world.client.post("/smsgw/send", json=message, headers=GATEWAY)).status_code == status
    assert len(await world.messages(BEKELE)) == arrives
    assert (await world.client.post("/smsgw/send", json=message, headers=GATEWAY)).status_code == 200
    assert (await world.client.get("/sandbox/faults")).json()["items"] == []


async def test_a_timeout_never_answers_and_never_arrives(world: Outside) -> None:
    await world.client.post("/sandbox/faults", json={"target": "sms", "kind": "timeout", "times": 1})
    message = {"to": BEKELE, "from": "8123", "text": "x"}
    with pytest.raises(httpx.ReadTimeout):
        await world.client.post("/smsgw/send", json=message, headers=GATEWAY, timeout=0.5)
    assert await world.messages(BEKELE) == []


# Twilio


async def twilio(world: Outside, **form: str) -> httpx.Response:
    fields = {"To": CHALTU, "From": DEMO["twilio_number"], "Body": "hello"} | form
    return await world.client.post(TWILIO + ".json", data=fields, auth=TWILIO_AUTH)


async def test_a_twilio_message_is_queued_sent_and_delivered(world: Outside, target: Target) -> None:
    url = target.url + "/t/demo/sms/twilio/status"
    sent = await twilio(world, StatusCallback=url, Body="ሰላም" * 30)
    assert sent.status_code == 201
    assert (sent.json()["status"], sent.json()["num_segments"]) == ("queued", "2")
    reports = await target.wait_for(2)
    forms = [dict(parse_qsl(report.body.decode())) for report in reports]
    assert [form["MessageStatus"] for form in forms] == ["sent", "delivered"]
    validator = RequestValidator(DEMO["twilio_token"])
    for report, form in zip(reports, forms, strict=True):
        assert validator.validate(url, form, report.headers["X-Twilio-Signature"])
    sid = sent.json()["sid"]
    one = await world.client.get(f"{TWILIO}/{sid}.json", auth=TWILIO_AUTH)
    assert one.json()["status"] == "delivered"
    listed = await world.client.get(TWILIO + ".json", params={"To": CHALTU}, auth=TWILIO_AUTH)
    assert [m["sid"] for m in listed.json()["messages"]] == [sid]


async def test_reports_can_come_out_of_order_and_twice(world: Outside, target: Target) -> None:
    for kind in ("reorder", "duplicate"):
        await world.client.post("/sandbox/faults", json={"target": "twilio", "kind": kind, "times": 1})
        await twilio(world, StatusCallback=target.url + "/status")
        await world.quiet()
    states = [dict(parse_qsl(report.body.decode()))["MessageStatus"] for report in target.arrived]
    assert states == ["delivered", "sent", "sent", "sent", "delivered", "delivered"]


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"To": "+2519"}, 400, 21211),
        ({"To": ""}, 400, 21604),
        ({"From": ""}, 400, 21603),
        ({"From": "+15005550999"}, 400, 21606),
        ({"Body": ""}, 400, 21602),
        ({"Body": "x" * 1601}, 400, 21617),
        ({"StatusCallback": "nowhere"}, 400, 21609),
    ],
)
async def test_twilio_refuses_with_its_own_numbers(
    world: Outside, form: dict[str, str], status: int, code: int
) -> None:
    answer = await twilio(world, **form)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    wrong = await world.client.post(TWILIO + ".json", data={}, auth=(DEMO["twilio_sid"], "wrong"))
    assert (wrong.status_code, wrong.json()["code"]) == (401, 20003)


async def test_twilio_keeps_stop_for_itself_until_start(world: Outside, target: Target) -> None:
    url = f"/sandbox/phones/{CHALTU}/sms?gateway=twilio"
    assert (await world.client.post(url, json={"text": "cancel"})).json()["delivered"] is False
    assert target.arrived == []
    assert (await twilio(world)).json()["code"] == 21610
    assert (await world.client.post(url, json={"text": "START"})).json()["delivered"] is True
    assert (await twilio(world)).status_code == 201


async def test_an_inbound_is_signed_and_its_twiml_reaches_the_phone(world: Outside, target: Target) -> None:
    async def answer(_: Arrived) -> web.Response:
        twiml = "<Response><Message>ደህና &amp; good</Message><Message><Body>two</Body></Message></Response>"
        return web.Response(text=twiml, content_type="text/xml")

    target.answer = answer
    await world.client.post(f"/sandbox/phones/{CHALTU}/sms?gateway=twilio", json={"text": "ሰላም & hi"})
    (webhook,) = target.arrived
    form = dict(parse_qsl(webhook.body.decode(), keep_blank_values=True))
    signature = webhook.headers["X-Twilio-Signature"]
    assert RequestValidator(DEMO["twilio_token"]).validate(target.url + "/t/demo/sms/twilio", form, signature)
    assert (form["From"], form["Body"]) == (CHALTU, "ሰላም & hi")
    assert [m["text"] for m in await world.messages(CHALTU)] == ["ደህና & good", "two"]


# Segments


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),
        ("ሀ" * 70, "UCS-2", 1),
        ("ሀ" * 71, "UCS-2", 2),
        ("ሀ" * 66 + "😀" + "ሀ" * 66, "UCS-2", 3),
        ("it’s", "UCS-2", 1),
    ],
)
def test_segments_are_counted_as_operators_do(text: str, encoding: str, parts: int) -> None:
    size = count(text)
    assert (size.encoding, size.count) == (encoding, parts)


# The beacon


def beacon_verifies(public_key: str, number: int, signature: str) -> bool:
    """The check anybody makes: e(H(round), public key) = e(signature, generator of G2)."""
    dst = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
    generator = (
        "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
    )
    message = hashlib.sha256(number.to_bytes(8, "big")).digest()
    left = pyblst.miller_loop(
        pyblst.BlstP1Element.hash_to_group(message, dst),
        pyblst.BlstP2Element.uncompress(bytes.fromhex(public_key)),
    )
    right = pyblst.miller_loop(
        pyblst.BlstP1Element.uncompress(bytes.fromhex(signature)),
        pyblst.BlstP2Element.uncompress(bytes.fromhex(generator)),
    )
    return bool(pyblst.final_verify(left, right))


def test_the_check_used_here_accepts_the_real_quicknet() -> None:
    key = (
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    )
    signature = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
    assert beacon_verifies(key, 1000, signature)
    assert not beacon_verifies(key, 1001, signature)


async def test_a_beacon_round_can_be_checked_and_the_future_is_unknown(world: Outside) -> None:
    info = (await world.client.get("/sandbox/beacon/info")).json()
    chain = f"/beacon/{info['chain_hash']}/public"
    latest = (await world.client.get(chain + "/latest")).json()
    assert beacon_verifies(info["public_key"], latest["round"], latest["signature"])
    assert latest["randomness"] == hashlib.sha256(bytes.fromhex(latest["signature"])).hexdigest()
    tomorrow = latest["round"] + 86400 // info["period"]
    assert (await world.client.get(f"{chain}/{tomorrow}")).status_code == 404
    world.clock_file.write_text("86500")
    assert (await world.client.get(f"{chain}/{tomorrow}")).json()["round"] == tomorrow
    await world.client.post("/sandbox/faults", json={"target": "beacon", "kind": "5xx", "times": 1})
    assert (await world.client.get(chain + "/1")).status_code == 503


# Payments


@pytest.mark.parametrize(
    ("outcome", "reports", "paid"),
    [
        ("succeed", ["succeeded"], "500.00"),
        ("fail", ["failed"], "0.00"),
        ("timeout", [], "0.00"),
        ("late_success", ["failed", "succeeded"], "500.00"),
        ("wrong_amount", ["succeeded"], "499.00"),
        ("duplicate", ["succeeded", "succeeded"], "500.00"),
    ],
)
async def test_a_checkout_comes_out_as_the_person_decides(
    world: Outside, target: Target, outcome: str, reports: list[str], paid: str
) -> None:
    checkouts = "/sandbox/providers/hosted/checkouts"
    key = {"Authorization": "Bearer pay-secret"}
    order = {"reference": "R-1", "amount": "500.00", "currency": "ETB", "phone": ALMAZ}
    order["webhook_url"] = target.url + "/t/demo/payments/hosted"
    assert (await world.client.post(checkouts, json=order, headers=key)).status_code == 201
    assert (await world.client.post(checkouts, json=order, headers=key)).status_code == 409
    listed = await world.client.get("/sandbox/payments", params={"phone": ALMAZ})
    assert [payment["status"] for payment in listed.json()["items"]] == ["pending"]
    await world.client.post("/sandbox/payments/R-1", json={"outcome": outcome})
    await world.quiet()
    assert [json.loads(webhook.body)["status"] for webhook in target.arrived] == reports
    assert (await world.client.get(checkouts + "/R-1", headers=key)).json()["paid"] == paid
    unknown = await world.client.post("/sandbox/payments/R-2", json={"outcome": "succeed"})
    assert unknown.status_code == 404
