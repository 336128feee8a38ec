"""Telegram: an update means one thing, a failure is named for what it is, and a poller loses nothing."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiogram.types import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove
from outside import DEMO, Outside, Target, fake_target, free_port, outside

import bot
from bot import deliver, intake, polling, receive, setting_up
from core import people
from core.db import transaction
from core.ids import new_id
from core.inbox import Inbound
from core.operator import gateways
from core.operator.gateways import Gateway
from core.settings import settings
from core.telling.outbox import Outgoing
from sandbox.people import user_id_of

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ALMAZ = "+251911000001"
NOBODY = UUID(int=0)
BOT = Gateway(NOBODY, "telegram", "telegram", "equb_bot", {"token": "777:AAbb", "secret": "s3cret"}, True)
CASES = json.loads((PAYLOADS / "telegram.json").read_text())


# --- What an update means ------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(case, id=case["what"]) for case in CASES])
def test_an_update_means_one_thing(case: dict[str, Any]) -> None:
    expect, update = case["expect"], case["update"]
    found = receive.parse(update, BOT, NOW)
    match expect.get("is", "inbound"):
        case "inbound":
            assert isinstance(found, Inbound)
            assert found.text == expect["text"]
            assert found.contact_phone == expect.get("contact_phone", "")
            assert (found.address, found.name, found.language_hint) == ("70115544", "Almaz Desta", "am")
            assert (found.gateway, found.external_id) == ("telegram", f"777:{update['update_id']}")
        case "ignored":
            assert isinstance(found, receive.Ignored) and found.reason
        case "hint":
            assert isinstance(found, receive.HintGroup)
        case state:
            assert found == receive.Reach("70115544", state)
    if "press" in expect:
        assert receive.press_of(update) == receive.Press(*expect["press"])


def test_what_is_no_update_is_malformed() -> None:
    bodies: list[dict[str, Any]] = [{}, {"update_id": "7"}, {"message": {}}]
    for body in bodies:
        with pytest.raises(receive.Malformed):
            receive.parse(body, BOT, NOW)


def test_two_bots_of_a_tenant_count_apart() -> None:
    update = CASES[0]["update"]
    other = Gateway(NOBODY, "telegram", "telegram", "", {"token": "888:AAcc"}, True)
    first, second = receive.parse(update, BOT, NOW), receive.parse(update, other, NOW)
    assert isinstance(first, Inbound) and isinstance(second, Inbound)
    assert first.external_id != second.external_id


# --- What a message looks like -------------------------------------------------------------------


def saying(text: str, *choices: tuple[str, str], tenant: UUID = NOBODY, to: str = ALMAZ, **extras: Any) -> Outgoing:
    return Outgoing(new_id(), tenant, "telegram", "telegram", str(user_id_of(to)), text, list(choices), extras, 0)


def test_short_choices_stand_side_by_side_and_long_ones_below_each_other() -> None:
    short = deliver.markup(saying("Sure?", ("Yes", "q:1:0"), ("No", "q:1:1")))
    long = deliver.markup(saying("Which?", ("Merkato weekly equb", "q:1:0"), ("Piassa", "q:1:1")))
    assert isinstance(short, InlineKeyboardMarkup) and isinstance(long, InlineKeyboardMarkup)
    assert [len(row) for row in short.inline_keyboard] == [2]
    assert [len(row) for row in long.inline_keyboard] == [1, 1]


def test_extras_become_what_telegram_has_for_them() -> None:
    link = deliver.markup(saying("See", link="https://equb.example/verify/K7", link_label="Check it"))
    assert isinstance(link, InlineKeyboardMarkup)
    assert (link.inline_keyboard[0][0].text, link.inline_keyboard[0][0].url) == (
        "Check it",
        "https://equb.example/verify/K7",
    )
    contact = deliver.markup(saying("Your number?", contact_button=True, contact_label="Share my number"))
    assert isinstance(contact, ReplyKeyboardMarkup)
    assert contact.keyboard[0][0].request_contact and contact.one_time_keyboard
    menu = deliver.markup(saying("Welcome", menu=["PAY", "STATUS", "ROUND", "HELP"]))
    assert isinstance(menu, ReplyKeyboardMarkup) and menu.is_persistent
    assert [[key.text for key in row] for row in menu.keyboard] == [["PAY", "STATUS", "ROUND"], ["HELP"]]
    assert isinstance(deliver.markup(saying("Bye", menu=[])), ReplyKeyboardRemove)
    assert deliver.markup(saying("Hello")) is None


def test_a_text_is_cut_as_telegram_counts_it() -> None:
    assert deliver.pieces("a" * 4096) == ["a" * 4096]
    assert deliver.pieces("😀" * 2049) == ["😀" * 2048, "😀"]
    lines = "\n".join(f"{n:04} a line of the book" for n in range(400))
    assert "\n".join(deliver.pieces(lines)) == lines
    assert all(len(part) <= 4096 for part in deliver.pieces(lines))


# --- Sending, to a stand-in that refuses what Telegram refuses ------------------------------------


@dataclass
class Telegram:
    """A running stand-in, a tenant whose bot it is, and the fake address its webhook goes to."""

    world: Outside
    target: Target
    tenant: UUID

    async def start(self, number: str = ALMAZ) -> None:
        """The person opens the chat."""
        await self.world.person(number, text="/start")

    async def fault(self, kind: str, times: int = 1) -> None:
        await self.world.client.post("/sandbox/faults", json={"target": "telegram", "kind": kind, "times": times})

    async def texts(self, number: str = ALMAZ) -> list[str]:
        return [item["text"] for item in await self.world.messages(number)]


@pytest.fixture
async def telegram(tmp_path: Path, tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Telegram]:
    async with fake_target() as target, outside(tmp_path, target.url) as running:
        base = f"http://127.0.0.1:{running.port}"
        monkeypatch.setattr(deliver, "settings", lambda: settings().model_copy(update={"telegram_api": base}))
        async with transaction(tenant) as tx:
            await gateways.configure(
                tx,
                name="telegram",
                channel="telegram",
                sender="equb_777_bot",
                credentials={"token": DEMO["telegram_token"], "secret": DEMO["telegram_secret"]},
            )
        monkeypatch.setattr(polling, "POLL_SECONDS", 1)  # the stand-in ends only when nobody polls it any more
        yield Telegram(running, target, tenant)
        await bot.close()


async def test_a_message_with_buttons_arrives(telegram: Telegram) -> None:
    await telegram.start()
    delivery = await bot.send(saying("Which <b>equb</b>?", ("Merkato", "q:ab:0"), tenant=telegram.tenant))
    assert delivery.outcome == "sent" and delivery.provider_id
    got = (await telegram.world.messages(ALMAZ))[-1]
    assert (got["text"], got["buttons"]) == ("Which <b>equb</b>?", ["Merkato"])


async def test_a_long_text_goes_as_several_with_the_buttons_on_the_last(telegram: Telegram) -> None:
    await telegram.start()
    lines = [f"{n:04} a line of the book" for n in range(400)]
    delivery = await bot.send(saying("\n".join(lines), ("More", "q:ab:0"), tenant=telegram.tenant))
    got = await telegram.world.messages(ALMAZ)
    assert delivery.outcome == "sent"
    assert [item["buttons"] for item in got] == [[]] * (len(got) - 1) + [["More"]]
    assert "\n".join(item["text"] for item in got).split("\n") == lines


async def test_somebody_who_never_started_or_blocked_the_bot_is_out_of_reach(telegram: Telegram) -> None:
    assert (await bot.send(saying("hello", tenant=telegram.tenant))).outcome == "dead"
    await telegram.start()
    assert (await bot.send(saying("hello", tenant=telegram.tenant))).outcome == "sent"
    await telegram.world.client.post(f"/sandbox/phones/{ALMAZ}/block", json={})
    assert (await bot.send(saying("hello", tenant=telegram.tenant))).outcome == "dead"


async def test_a_chat_that_does_not_exist_is_dead_and_a_bad_message_is_not(telegram: Telegram) -> None:
    stranger = Outgoing(new_id(), telegram.tenant, "telegram", "telegram", "4242424242", "hello", [], {}, 0)
    assert (await bot.send(stranger)).outcome == "dead"
    await telegram.start()
    assert (await bot.send(saying("  ", tenant=telegram.tenant))).outcome == "rejected"
    too_long = saying("Which?", ("ክ", "ክ" * 22), tenant=telegram.tenant)
    assert (await bot.send(too_long)).outcome == "rejected"


async def test_too_many_pauses_the_whole_bot_for_as_long_as_it_says(telegram: Telegram) -> None:
    await telegram.start()
    await telegram.fault("429")
    delivery = await bot.send(saying("hello", tenant=telegram.tenant))
    assert (delivery.outcome, delivery.retry_seconds, delivery.whole_gateway) == ("later", 1.0, True)


@pytest.mark.parametrize("kind", ["5xx", "drop_after_commit", "timeout"])
async def test_what_nobody_can_say_is_unknown(telegram: Telegram, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "ANSWER_SECONDS", 1)
    await telegram.start()
    await telegram.fault(kind)
    assert (await bot.send(saying("hello", tenant=telegram.tenant))).outcome == "unknown"


async def test_half_a_text_is_never_sent_again_by_itself(telegram: Telegram, monkeypatch: pytest.MonkeyPatch) -> None:
    await telegram.start()
    once = deliver.pieces

    def then_trouble(text: str) -> list[str]:
        return [*once(text), " "]  # the stand-in refuses an empty second message

    monkeypatch.setattr(deliver, "pieces", then_trouble)
    delivery = await bot.send(saying("first part", tenant=telegram.tenant))
    assert delivery.outcome == "unknown" and "1 of 2" in (delivery.reason or "")
    assert await telegram.texts() == ["first part"]


async def test_nobody_there_is_later_for_the_whole_bot(telegram: Telegram, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = settings().model_copy(update={"telegram_api": f"http://127.0.0.1:{free_port()}"})
    monkeypatch.setattr(deliver, "settings", lambda: nowhere)
    await bot.close()
    delivery = await bot.send(saying("hello", tenant=telegram.tenant))
    assert (delivery.outcome, delivery.whole_gateway) == ("later", True)


@pytest.mark.parametrize("token", ["777:", "no token"])
async def test_a_wrong_token_leaves_the_message_and_the_chat_alone(telegram: Telegram, token: str) -> None:
    async with transaction(telegram.tenant) as tx:
        secrets = {"token": token, "secret": "s"}
        await gateways.configure(tx, name="telegram", channel="telegram", sender="", credentials=secrets)
    delivery = await bot.send(saying("hello", tenant=telegram.tenant))
    assert (delivery.outcome, delivery.whole_gateway) == ("later", True)


async def test_a_tenant_without_a_bot_rejects(tenant: UUID) -> None:
    assert (await bot.send(saying("hello", tenant=tenant))).outcome == "rejected"


async def test_setting_up_twice_leaves_one_webhook_and_the_menu_by_language(telegram: Telegram) -> None:
    whose = await people.tenant_by_id(telegram.tenant)
    gateway = await gateways.gateway(telegram.tenant, "telegram")
    commands = {"en": [("PAY", "I have paid")], "am": [("PAY", "ከፍያለሁ")]}
    for _ in range(2):
        await bot.setup(whose, gateway, "https://equb.example/", commands=commands)
    info = (await telegram.world.call("getWebhookInfo")).json()["result"]
    assert info["url"] == setting_up.webhook_url(whose, "https://equb.example")
    assert info["allowed_updates"] == list(receive.ALLOWED_UPDATES)
    for language, does in (("am", "ከፍያለሁ"), ("en", "I have paid"), ("", "ከፍያለሁ")):
        menu = await telegram.world.call("getMyCommands", scope={"type": "all_private_chats"}, language_code=language)
        assert menu.json()["result"] == [{"command": "pay", "description": does}]


async def test_what_the_stand_in_posts_is_what_we_understand(telegram: Telegram) -> None:
    await telegram.world.person(ALMAZ, text="/start k7x2mq")
    await telegram.world.person(ALMAZ, share_contact=True)
    got = [json.loads(webhook.body) for webhook in await telegram.target.wait_for(2)]
    found = [receive.parse(update, BOT, NOW) for update in got]
    assert isinstance(found[0], Inbound) and found[0].text == "JOIN k7x2mq"
    assert isinstance(found[1], Inbound) and found[1].contact_phone == ALMAZ


# --- Long polling --------------------------------------------------------------------------------


@asynccontextmanager
async def polling_bot(telegram: Telegram) -> AsyncIterator[asyncio.Event]:
    """A poller at work; the event stops it."""
    whose = await people.tenant_by_id(telegram.tenant)
    stop = asyncio.Event()
    running = asyncio.create_task(polling.run(whose, await gateways.gateway(telegram.tenant, "telegram"), stop))
    try:
        async with asyncio.timeout(10):
            while (await telegram.world.call("getWebhookInfo")).json()["result"]["url"]:  # noqa: ASYNC110 (only it knows)
                await asyncio.sleep(0.02)
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(running, 15)


async def inbox(superuser: Any, count: int) -> None:
    async with asyncio.timeout(15):
        while superuser.value("SELECT count(*) FROM inbox") < count:  # noqa: ASYNC110 (it is a table)
            await asyncio.sleep(0.02)


async def test_a_poller_answers_without_a_public_address(telegram: Telegram, superuser: Any) -> None:
    async with polling_bot(telegram):
        await telegram.world.person(ALMAZ, text="/start")
        await telegram.world.person(ALMAZ, text="HELP")
        await inbox(superuser, 2)
    assert len(await telegram.texts()) == 2
    assert telegram.target.arrived == [], "the webhook was taken away"


async def test_two_pollers_of_one_bot_take_turns(telegram: Telegram, superuser: Any) -> None:
    async with polling_bot(telegram) as stop_first:
        await telegram.world.person(ALMAZ, text="/start")
        await inbox(superuser, 1)
        async with polling_bot(telegram):
            await telegram.world.person(ALMAZ, text="HELP")
            await inbox(superuser, 2)
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert superuser.value(locks) == 1
            stop_first.set()
            await telegram.world.person(ALMAZ, text="HELP")
            await inbox(superuser, 3)
    assert len(await telegram.texts()) == 3


async def test_an_update_that_was_fetched_twice_is_done_once(
    telegram: Telegram, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = intake.take_in, iter([True])

    async def then_die(*given: Any, **named: Any) -> Any:
        taken = await real(*given, **named)
        if next(failures, False):
            raise ConnectionError("after the commit, before the offset moved")
        return taken

    monkeypatch.setattr(intake, "take_in", then_die)
    monkeypatch.setattr(polling, "_PAUSE_SECONDS", 0.05)
    async with polling_bot(telegram):
        await telegram.world.person(ALMAZ, text="HELP")
        await inbox(superuser, 1)
        await telegram.world.person(ALMAZ, text="HELP")
        await inbox(superuser, 2)
    assert superuser.value("SELECT count(*) FROM inbox") == 2
    assert superuser.value("SELECT count(*) FROM outbox") == 2


async def test_an_update_of_a_form_nobody_knows_does_not_stop_the_poller(telegram: Telegram, superuser: Any) -> None:
    async with polling_bot(telegram):
        await telegram.start()
        await inbox(superuser, 1)
        # The stand-in writes a lifted block without until_date, which aiogram refuses to read.
        for blocked in (True, False):
            await telegram.world.client.post(f"/sandbox/phones/{ALMAZ}/block", json={"blocked": blocked})
        await telegram.world.person(ALMAZ, text="HELP")
        await inbox(superuser, 2)


def test_importing_the_package_does_not_import_aiogram() -> None:
    code = "import sys, bot; raise SystemExit('aiogram' in sys.modules)"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
