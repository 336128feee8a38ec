"""Every call we make to Telegram fits the Bot API as grammY's types have it, and is taken by our own stand-in."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID

import aiogram
import node_peers
import pytest
from outside import DEMO, Outside, fake_target, outside
from recorder import Recorder, every_sentence, typescript

import bot
from bot import deliver, intake, polling
from core import groups, papers, people
from core.db import transaction
from core.ids import new_id
from core.messages import TELEGRAM
from core.operator import gateways
from core.rules import Rules
from core.settings import settings
from core.telling.outbox import Outgoing
from sandbox.people import user_id_of

ALMAZ = "+251911000001"
OURS = Path(bot.__file__).parent

# Everything a message may carry beside its text: what ``core.telling.outbox`` says of choices and extras.
YES_NO = [("Yes", "q:1a2b3c:0"), ("No", "q:1a2b3c:1")]
CARRIED: tuple[tuple[list[tuple[str, str]], dict[str, Any]], ...] = (
    ([], {}),
    (YES_NO, {}),
    ([("Merkato weekly equb", "q:1a2b3c:0"), ("መርካቶ ሳምንታዊ ዕቁብ", "q:1a2b3c:1")], {}),
    ([], {"contact_button": True}),
    ([], {"contact_button": True, "contact_label": "ስልኬን አጋራ"}),
    ([], {"link": "https://equb.example/verify/K7M2Q4-3", "link_label": "Check the draw"}),
    (YES_NO, {"link": "https://equb.example/verify/K7M2Q4-3"}),
    ([], {"menu": ["STATUS", "PAY", "HELP"]}),
    ([], {"menu": ["ክፈል", "STATUS", "ROUND", "HELP"]}),
    ([], {"menu": []}),
)

# Each of these is wrong in one way, so that the check can fail in each of them.
WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sendMessage", {"chat_id": 7}),
    ("sendMessage", {"chat_id": True, "text": "x"}),
    ("sendMessage", {"chat_id": 7, "text": 8}),
    ("sendMessage", {"chat_id": 7, "text": "x", "disable_web_page_preview": True}),
    ("sendMessage", {"chat_id": 7, "text": "x", "parse_mode": "Markdown3"}),
    ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": '{"remove_keyboard": true}'}),
    ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": {"inline_keyboard": [{"text": "x"}]}}),
    ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "data": "q"}]]}}),
    ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": {"keyboard": [[{"text": "x", "request_contact": 1}]]}}),
    ("setWebhook", {"url": "https://equb.example", "allowed_updates": ["messages"]}),
    ("setWebhook", {"url": "https://equb.example", "max_connections": "40"}),
    ("setMyCommands", {"commands": [{"name": "pay", "description": "I have paid"}]}),
    ("setMyCommands", {"commands": [], "scope": {"type": "private_chats"}}),
    ("answerCallbackQuery", {"callback_query_id": 77}),
    ("getUpdates", {"offset": "1"}),
    ("sendPhoto", {"chat_id": 7, "caption": "x"}),
    ("sendDocument", {"chat_id": 7, "document": "attach://a", "caption": 8}),
    ("sendWords", {"chat_id": 7, "text": "x"}),
)


@dataclass
class Telegram:
    """A running stand-in, the tenant whose bot it is, and all that was said to it."""

    world: Outside
    tenant: UUID
    recorder: Recorder

    async def say(self, text: str, choices: list[tuple[str, str]], extras: dict[str, Any]) -> str:
        address = str(user_id_of(ALMAZ))
        message = Outgoing(new_id(), self.tenant, TELEGRAM, TELEGRAM, address, text, choices, extras, 0)
        return (await bot.send(message)).outcome

    async def shows(self, found: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(30):
            while not await found():  # noqa: ASYNC110 (it is a phone's screen, in another program)
                await asyncio.sleep(0.02)

    async def is_fetched(self) -> bool:
        return not (await self.world.call("getWebhookInfo")).json()["result"]["url"]

    async def press(self, label: str) -> None:
        """Press a button once it is there, and wait until its keyboard was taken away."""

        async def there() -> bool:
            return label in (await self.world.messages(ALMAZ))[-1]["buttons"]

        async def gone() -> bool:
            return len(self.recorder.of("editMessageReplyMarkup")) > before

        before = len(self.recorder.of("editMessageReplyMarkup"))
        await self.shows(there)
        await self.world.person(ALMAZ, press=label)
        await self.shows(gone)


@pytest.fixture
async def telegram(tmp_path: Path, tenant: UUID, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Telegram]:
    node_peers.node()
    async with fake_target() as target, outside(tmp_path, target.url) as world:
        base = f"http://127.0.0.1:{world.port}"
        monkeypatch.setattr(deliver, "settings", lambda: settings().model_copy(update={"telegram_api": base}))
        async with transaction(tenant) as tx:
            secrets = {"token": DEMO["telegram_token"], "secret": DEMO["telegram_secret"]}
            await gateways.configure(tx, name=TELEGRAM, channel=TELEGRAM, sender="equb_bot", credentials=secrets)
        recorder = Recorder()
        deliver.bot_of(await gateways.gateway(tenant, TELEGRAM)).session.middleware(recorder)
        yield Telegram(world, tenant, recorder)
        await bot.close()


async def everything_we_can_say(telegram: Telegram) -> None:
    """All sentences in two languages, with all that they can carry, and what the stand-in says to them."""
    await telegram.world.person(ALMAZ, text="/start")
    said = [text for language in ("en", "am") for _, text in every_sentence(language, TELEGRAM)]
    said.append("\n".join(said)[:9000])  # goes as several messages
    gate = asyncio.Semaphore(8)

    async def one(text: str, carried: tuple[list[tuple[str, str]], dict[str, Any]]) -> str:
        async with gate:
            return await telegram.say(text, *carried)

    outcomes = await asyncio.gather(*(one(*pair) for pair in zip(said, cycle(CARRIED), strict=False)))
    assert set(outcomes) == {"sent"}
    assert await telegram.say(" ", [], {}) == "rejected"  # asks about the chat


async def papers_of_a_group(telegram: Telegram) -> None:
    """A picture and a document, each with a caption; one with more words than a caption holds; one that is gone."""
    async with transaction(telegram.tenant) as tx:
        person = await people.person_with_phone(tx, phone=ALMAZ, name="አልማዝ", language="am", gateway="http")
        rules = Rules(contribution_minor=100_000, lots=2)
        group = await groups.found(tx, person, name="መርካቶ", currency="ETB", rules=rules)
        about: dict[str, Any] = {"person_id": person.id, "language": "am", "by_link": False}
        asked = [await papers.ask(tx, group, kind="circle", **about)]
        asked += [await papers.ask(tx, group, kind="statement", member=1, **about)]
    said = ["ክበብ", "መግለጫ <b> 😀", "\n".join(f"{n}. አባል" for n in range(300))]
    for text, paper, choices in ((said[0], asked[0], YES_NO), (said[1], asked[1], []), (said[2], asked[1], YES_NO)):
        assert await telegram.say(text, choices, {"paper": str(paper.id)}) == "sent"
    got = (await telegram.world.messages(ALMAZ))[-4:]
    assert [[one["kind"] for one in message["attachments"]] for message in got] == [
        ["photo"],
        ["document"],
        ["document"],
        [],
    ]
    assert [message["text"] for message in got[:2]] == said[:2]
    assert "\n".join(message["text"] for message in got[2:]) == said[2]
    picture = await telegram.world.client.get(got[0]["attachments"][0]["url"])
    assert picture.content == (await papers.hand_out(telegram.tenant, asked[0].id)).content
    missing = {"paper": str(new_id()), "without_paper": "Ask again."}
    assert await telegram.say("መግለጫ", [], missing) == "sent"
    assert (await telegram.world.messages(ALMAZ))[-1]["text"] == "መግለጫ\nAsk again."


async def a_conversation(telegram: Telegram) -> None:
    """Setting up, polling, and one person who founds a group with real buttons."""
    whose = await people.tenant_by_id(telegram.tenant)
    gateway = await gateways.gateway(telegram.tenant, TELEGRAM)
    await bot.setup(whose, gateway, "https://equb.example")
    stop = asyncio.Event()
    running = asyncio.create_task(polling.run(whose, gateway, stop))
    try:
        await telegram.shows(telegram.is_fetched)  # before that the stand-in would post to the webhook
        await telegram.world.person(ALMAZ, text="NEW Merkato 1000 3 weekly")
        await telegram.world.person(ALMAZ, text="Almaz Desta")
        await telegram.press("English")
        await telegram.press("Yes")
    finally:
        stop.set()
        await asyncio.wait_for(running, 15)
        await telegram.world.person(ALMAZ, text="HELP")  # ends the poll that the stand-in still holds open
    await intake.answer(intake.Taken(whose, gateway, "hint", hint_chat_id=-1001234567890))


def methods_in_our_code() -> set[str]:
    """The Bot API methods that stand in the sources of ``bot``."""
    sources = [file.read_text() for file in OURS.glob("*.py") if file.name != "__main__.py"]
    called = {
        name for source in sources for name in re.findall(r"\bbot\.(\w+)\(", source) if hasattr(aiogram.Bot, name)
    }
    own = {name for source in sources for name in re.findall(r'__api_method__ = "(\w+)"', source)}
    return own | {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in called}


def compile_calls(folder: Path, **modules: list[tuple[str, dict[str, Any]]]) -> dict[str, set[int]]:
    """For each module the calls (by their place) that do not fit the types."""
    for name, calls in modules.items():
        (folder / f"{name}.ts").write_text(typescript(calls))
    options = {"paths": {"@grammyjs/types": [str(node_peers.MODULES / "@grammyjs/types/mod.d.ts")]}}
    config = {"extends": str(node_peers.PEERS / "tsconfig.json"), "compilerOptions": options}
    (folder / "tsconfig.json").write_text(json.dumps(config | {"files": [f"{name}.ts" for name in modules]}))
    done = node_peers.run(node_peers.MODULES / "typescript/bin/tsc", "--noEmit", "--pretty", "false", "-p", folder)
    errors = re.findall(r"^\S*?(\w+)\.ts\((\d+),\d+\): error", done.stdout, re.MULTILINE)
    assert errors or done.returncode == 0, done.stdout + done.stderr
    return {name: {int(line) - 3 for module, line in errors if module == name} for name in modules}


async def test_every_call_fits_the_types_that_others_wrote_for_the_bot_api(telegram: Telegram, tmp_path: Path) -> None:
    await everything_we_can_say(telegram)
    await papers_of_a_group(telegram)
    await a_conversation(telegram)
    calls = telegram.recorder.calls
    assert telegram.recorder.methods() == methods_in_our_code()
    refused = await asyncio.to_thread(compile_calls, tmp_path, ours=calls, wrong=list(WRONG))
    assert [calls[number] for number in sorted(refused["ours"])] == []
    assert refused["wrong"] == set(range(len(WRONG))), "the compiler must refuse each of the wrong ones"
