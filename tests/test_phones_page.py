"""The phones page in a real browser: people write, press, switch, move the clock and read the book."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from outside import DEMO, Outside, free_port, outside
from playwright.async_api import Browser, Page, async_playwright, expect
from test_papers import circle

from core.papers import Hand, draw_circle
from sandbox.people import user_id_of

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium on this machine")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FIRST, SECOND, THIRD, FOURTH = (f"+25191100000{n}" for n in range(1, 5))
GROUP = {
    "id": "0199-g",
    "code": "EQ7K",
    "name": "Merkato",
    "status": "running",
    "currency": "ETB",
    "contribution": {"amount": "1000.00", "currency": "ETB"},
    "pot": {"amount": "12000.00", "currency": "ETB"},
    "lots": 12,
    "members": 4,
    "rounds_held": 1,
}


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "ETB"}


BOOK: dict[str, list[dict[str, Any]]] = {
    "groups/0199-g/members": [
        {"number": 1, "name": "Nardos", "role": "organiser", "holdings": [{"lot": "L001", "share": "1"}]},
        {"number": 2, "name": "ገመቹ", "role": "member", "holdings": [{"lot": "L002", "share": "1/2"}]},
    ],
    "groups/0199-g/rounds": [
        {"number": 1, "status": "open", "due_at": "2026-11-28T06:00:00+00:00", "collected": _money("3500.00")}
    ],
    "groups/0199-g/dues": [
        {
            "member": {"name": "Nardos"},
            "round": 1,
            "amount": _money("1000.00"),
            "paid": _money("0.00"),
            "status": "late",
        }
    ],
    "ledger/accounts": [
        {"id": "a", "name": "pot/1/1", "balance": _money("3500.00")},
        {"id": "b", "name": "held/1", "balance": _money("3500.00")},
    ],
    "ledger/transfers": [
        {
            "id": "t",
            "kind": "contribution",
            "debit": "held/1",
            "credit": "pot/1/1",
            "amount": _money("3500.00"),
            "at": "2026-11-22T13:00:00+00:00",
            "reference": "R-1",
        }
    ],
}


@dataclass
class System:
    """A tiny system: answers what people say, and stands before the sandbox as the real one does."""

    port: int
    book: bool = True
    world: Outside | None = None
    now: str = "2026-11-22T13:45:00+00:00"
    next_due: str | None = "2026-11-28T06:00:00+00:00"
    heard: list[str] = field(default_factory=list)

    async def webhook(self, request: web.Request) -> web.Response:
        """Telegram and SMS arrive here."""
        assert self.world is not None
        body = await request.json()
        if request.path.endswith("/sms/http"):
            self.heard.append(body["text"])
            amharic = body["text"] == "LANG am"
            text = "ሰላም! የቀጣዩ ዙር መዋጮ 1,000 ብር ነው።" if amharic else "Merkato: 1 pay, 2 status, 0 back"
            await self._sms(body["from"], text)
        elif "message" in body:
            await self._talk(body["message"])
        elif "callback_query" in body:
            query = body["callback_query"]
            self.heard.append(query["data"])
            await self.world.call("answerCallbackQuery", callback_query_id=query["id"], text="Noted, thank you.")
            edited = {"chat_id": query["from"]["id"], "message_id": query["message"]["message_id"]}
            await self.world.call("editMessageText", text=f"You chose {query['data']}.", **edited)
        return web.Response()

    async def _talk(self, message: dict[str, Any]) -> None:
        assert self.world is not None
        chat, text = message["chat"]["id"], message.get("text", "contact")
        self.heard.append(text)
        if text.startswith("/start"):
            row = [{"text": "My number", "request_contact": True}]
            keyboard = {"keyboard": [row, [{"text": "HELP"}, {"text": "STATUS"}]], "resize_keyboard": True}
            welcome = "<b>Selam!</b> I keep the book of your equb.\nShare your number, or write <code>NEW</code>."
            await self.world.call("sendMessage", chat_id=chat, text=welcome, parse_mode="HTML", reply_markup=keyboard)
            return
        rows = [
            [{"text": "Yes, found it", "callback_data": "yes", "style": "success"}],
            [{"text": "No", "callback_data": "no"}],
        ]
        question = "Merkato: 12 lots of 1,000 Br every week. First due on ቅዳሜ 19 ኅዳር 2019 (28/11/2026). Right?"
        await self.world.call("sendMessage", chat_id=chat, text=question, reply_markup={"inline_keyboard": rows})

    async def _sms(self, to: str, text: str) -> None:
        assert self.world is not None
        headers = {"Authorization": "Bearer gateway-secret"}
        await self.world.client.post("/smsgw/send", json={"to": to, "text": text}, headers=headers)

    async def clock(self, request: web.Request) -> web.Response:
        """GET and POST /sandbox/clock, which a real system answers itself."""
        if request.method == "POST":
            body = await request.json()
            assert set(body) <= {"advance", "set"}
            self.now, self.next_due = body.get("set", "2026-11-29T13:45:00+00:00"), None
            await self._sms(SECOND, "Reminder: 1,000 Br for Merkato was due today.")
            await asyncio.sleep(0.5)
        return web.json_response({"now": self.now, "next_due": self.next_due})

    async def token(self, _request: web.Request) -> web.Response:
        """GET /sandbox/admin-token."""
        return web.json_response({"access_token": "admin"})

    async def admin(self, request: web.Request) -> web.Response:
        """What the book is read from."""
        if not self.book:
            return web.json_response({"title": "Not found"}, status=404)
        if request.headers.get("Authorization") != "Bearer admin":
            return web.json_response({"title": "Unauthorized"}, status=401)
        path = request.path.removeprefix("/api/v1/")
        if path == "groups/0199-g":
            return web.json_response(GROUP)
        items = [GROUP] if path == "groups" else BOOK[path]
        return web.json_response({"items": items, "next": None})

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Every other /sandbox path goes to the sandbox, streams included."""
        assert self.world is not None
        url = str(self.world.client.base_url).rstrip("/") + request.path_qs
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=await request.read(), headers=headers) as answer,
        ):
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in ("transfer-encoding", "connection")}
            passed = web.StreamResponse(status=answer.status, headers=kept)
            await passed.prepare(request)
            with suppress(aiohttp.ClientConnectionResetError):  # the browser left an open stream
                async for piece in answer.content.iter_any():
                    await passed.write(piece)
            return passed


@asynccontextmanager
async def _system(tmp_path: Path, *, book: bool = True) -> AsyncIterator[System]:
    system = System(free_port(), book=book)
    app = web.Application()
    app.router.add_route("*", "/sandbox/clock", system.clock)
    app.router.add_get("/sandbox/admin-token", system.token)
    app.router.add_get("/api/v1/{path:.*}", system.admin)
    app.router.add_post("/t/{path:.*}", system.webhook)
    app.router.add_route("*", "/sandbox{path:.*}", system.pass_on)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", system.port).start()
    try:
        async with outside(tmp_path, f"http://127.0.0.1:{system.port}") as world:
            system.world = world
            commands = [
                {"command": "help", "description": "What you can say"},
                {"command": "status", "description": "What is due"},
            ]
            await world.call("setMyCommands", commands=commands)
            await world.call("setMyName", name="Demo Equb")
            yield system
    finally:
        await runner.cleanup()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with _system(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        await running.close()


@asynccontextmanager
async def _open(
    browser: Browser, system: System, *, width: int = 1500, height: int = 920, refusals: int = 0
) -> AsyncIterator[Page]:
    """The page, opened; closing it proves that nothing was said on the console and nothing fetched elsewhere.

    A browser notes every refused call on the console by itself; so many of these are expected.
    """
    page = await browser.new_page(viewport={"width": width, "height": height})
    complaints: list[str] = []
    host = f"http://127.0.0.1:{system.port}/"
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(host) else complaints.append(asked.url))
    await page.goto(host + "sandbox")
    await expect(page.locator(".phone")).to_have_count(4)
    try:
        yield page
    finally:
        await page.close()
    noted = [said for said in complaints if "status of 4" in said]
    assert (len(noted), [said for said in complaints if said not in noted]) == (refusals, [])


def _phone(page: Page, number: int) -> Any:
    return page.locator(".phone").nth(number)


async def test_a_picture_is_shown_and_a_paper_can_be_taken(browser: Browser, system: System) -> None:
    """The circle of a group as it is drawn, and a statement, as the bot sends them."""
    assert system.world is not None
    picture = draw_circle(circle(12), Hand.of("am", "Africa/Addis_Ababa"))
    async with _open(browser, system) as page:
        first = _phone(page, 0)
        await first.get_by_role("button", name="START").click()
        await expect(first.locator(".bubble").last).to_contain_text("I keep the book of your equb.")
        bot, chat = f"/bot{DEMO['telegram_token']}", {"chat_id": str(user_id_of(FIRST))}
        for method, kind, file in (
            ("sendPhoto", "photo", ("circle.png", picture, "image/png")),
            ("sendDocument", "document", ("K7M2Q4-statement-2.pdf", b"%PDF-1.4 of a test", "application/pdf")),
        ):
            said = chat | {"caption": "መርካቶ፣ ዙር 5 ከ12"}
            sent = await system.world.client.post(f"{bot}/{method}", data=said, files={kind: file})
            assert sent.status_code == 200, sent.text
        shown = first.locator(".bubble img")
        await expect(shown).to_be_visible()
        await expect(shown).to_have_js_property("naturalWidth", 1080)
        await expect(first.locator(".bubble").last).to_contain_text("K7M2Q4-statement-2.pdf")
        await expect(first.locator(".bubble .text").last).to_have_text("መርካቶ፣ ዙር 5 ከ12")
        async with page.expect_download() as taken:
            await first.locator("a.document").click()
        assert (await taken.value).suggested_filename == "K7M2Q4-statement-2.pdf"
        received = (await system.world.messages(FIRST))[-2:]
        assert [[one["kind"] for one in message["attachments"]] for message in received] == [["photo"], ["document"]]
        if folder := os.environ.get("SCREENSHOTS"):
            await page.screenshot(path=f"{folder}/papers.png")


async def test_a_newcomer_starts_the_bot_and_presses_buttons(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        first = _phone(page, 0)
        await first.get_by_role("button", name="START").click()
        await expect(first.locator(".bubble").last).to_contain_text("I keep the book of your equb.")
        await expect(first.locator(".bubble b")).to_have_text("Selam!")
        await first.get_by_role("button", name="My number").click()
        await expect(first.locator(".mine .bubble").last).to_contain_text(FIRST)
        await page.get_by_role("button", name="NEW Merkato 1000 12 weekly").first.click()
        await page.keyboard.press("Enter")
        await first.get_by_role("button", name="Yes, found it").click()
        await expect(first.get_by_text("You chose yes.")).to_be_visible()
        await expect(first.locator(".toast")).to_have_text("Noted, thank you.")
        await expect(first.get_by_role("button", name="Yes, found it")).to_have_count(0)
        await first.get_by_role("button", name="Menu of commands").click()
        await first.get_by_role("button", name="/status").click()
        await expect(first.locator(".mine .bubble").last).to_contain_text("/status")
    assert system.heard == ["/start", "contact", "NEW Merkato 1000 12 weekly", "yes", "/status"]


async def test_a_basic_phone_counts_parts_and_types_with_its_keys(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        second = _phone(page, 1)
        field = second.get_by_role("textbox", name="Write an SMS")
        await field.fill("LANG am")
        await expect(second.locator(".counter")).to_have_text("GSM-7 · 153 left · 1 SMS")
        await field.fill("ሰላም" * 40)
        await expect(second.locator(".counter")).to_have_text("UCS-2 · 14 left · 2 SMS")
        await field.fill("LANG am")
        await second.get_by_role("button", name="Send").click()
        await expect(second.locator(".sms").last).to_contain_text("የቀጣዩ ዙር መዋጮ")
        await expect(second.locator(".sms").last).to_contain_text("1 SMS, UCS-2")
        for key in ("1", "2", "0"):
            await second.get_by_role("group", name="Keypad").get_by_role("button", name=key, exact=True).click()
        await second.get_by_role("button", name="Delete the last character").click()
        await field.press("Enter")
        await expect(second.locator(".sms.mine").last).to_contain_text("12")
    assert system.heard == ["LANG am", "12"]


async def test_phones_are_added_renamed_switched_and_removed(browser: Browser, system: System) -> None:
    async with _open(browser, system, refusals=1) as page:
        await page.get_by_role("button", name="Add a phone").click()
        await page.get_by_label("Name", exact=True).fill("Hodan")
        await page.get_by_role("button", name="Add it").click()
        await expect(page.locator(".phone")).to_have_count(5)
        fifth = _phone(page, 4)
        await fifth.get_by_role("button", name="Telegram").click()
        await expect(fifth.get_by_role("button", name="START")).to_be_visible()
        await fifth.get_by_label("Name of this phone").fill("Hodan Ali")
        await fifth.get_by_label("Name of this phone").press("Enter")
        await page.reload()
        fifth = _phone(page, 4)
        await expect(fifth.get_by_label("Name of this phone")).to_have_value("Hodan Ali")
        await expect(fifth.get_by_role("button", name="START")).to_be_visible()
        await fifth.get_by_label("More about").click()
        await fifth.get_by_role("button", name="Take it off this page").click()
        await expect(page.locator(".phone")).to_have_count(4)
        await page.get_by_role("button", name="Add a phone").click()
        await page.get_by_label("Number").fill("+999 12345678")
        await page.get_by_role("button", name="Add it").click()
        await expect(page.locator("#add-says")).to_contain_text("No phone can have the number")


async def test_blocking_the_bot_is_seen_by_the_bot(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        first = _phone(page, 0)
        await first.get_by_role("button", name="START").click()
        await first.get_by_label("More about").click()
        await first.get_by_role("button", name="Block the bot").click()
        await expect(first.get_by_role("button", name="Unblock and restart")).to_be_visible()
        assert system.world is not None
        refused = await system.world.call("sendMessage", chat_id=user_id_of(FIRST), text="hello")
        assert refused.status_code == 403
        await first.get_by_role("button", name="Unblock and restart").click()
        await expect(first.locator(".mine .bubble")).to_have_count(2)


async def test_time_moves_and_says_what_happened(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        await expect(page.locator("#now-time")).to_have_text("16:45")
        await expect(page.locator("#now-ethiopian")).to_have_text("እሑድ 13 ኅዳር 2019")
        await expect(page.locator("#now-gregorian")).to_have_text("Sunday 22 November 2026")
        await page.get_by_role("button", name="To next due, in 6 days").click()
        await expect(page.locator("#clock-progress")).to_be_visible()
        await expect(page.locator("#clock-says")).to_have_text(
            "It is now Saturday 28 November, 09:00. 1 message arrived on these phones."
        )
        await expect(page.locator("#now-ethiopian")).to_have_text("ቅዳሜ 19 ኅዳር 2019")
        await expect(page.get_by_role("button", name="Nothing due")).to_be_disabled()
        await expect(_phone(page, 1).locator(".sms")).to_contain_text("Reminder")


async def test_the_book_stands_beside_what_people_were_told(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        await page.get_by_role("tab", name="The book").click()
        panel = page.get_by_role("tabpanel", name="The book")
        for words in ("EQ7K", "12,000.00 Br", "pot/1/1", "debit held/1, credit pot/1/1", "ገመቹ", "L002 × 1/2", "late"):
            await expect(panel.locator("dd, td").get_by_text(words).first).to_be_visible()


async def test_trouble_is_ordered_and_taken_back(browser: Browser, system: System) -> None:
    async with _open(browser, system) as page:
        await page.get_by_role("tab", name="Start here").press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        await page.get_by_label("What happens").select_option("drop_after_commit")
        await page.get_by_label("How often").fill("2")
        await page.get_by_role("button", name="Let it happen").click()
        await expect(page.locator("#fault-list")).to_contain_text("Cut after taking it · 2 times")
        assert system.world is not None
        faults = (await system.world.client.get("/sandbox/faults")).json()["items"]
        assert faults == [{"target": "telegram", "kind": "drop_after_commit", "times_left": 2}]
        await page.get_by_role("button", name="Take back").click()
        await expect(page.locator("#fault-list")).to_contain_text("Nothing.")


async def test_a_checkout_is_settled_on_the_page(browser: Browser, system: System) -> None:
    assert system.world is not None
    order = {
        "reference": "R-9",
        "amount": "1000.00",
        "phone": SECOND,
        "webhook_url": f"http://127.0.0.1:{system.port}/t/x",
    }
    key = {"Authorization": "Bearer pay"}
    await system.world.client.post("/sandbox/providers/hosted/checkouts", json=order, headers=key)
    async with _open(browser, system) as page:
        await page.get_by_role("tab", name="Payments").click()
        await page.get_by_role("button", name="Pay 1.00 less").click()
        await expect(page.locator("#payments")).to_contain_text("succeeded")
    paid = await system.world.client.get("/sandbox/payments", params={"phone": SECOND})
    assert paid.json()["items"][0]["paid"] == "999.00"


async def test_the_page_fits_a_narrow_screen_and_every_control_has_a_name(browser: Browser, system: System) -> None:
    async with _open(browser, system, width=390, height=844) as page:
        await _phone(page, 0).get_by_role("button", name="START").click()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        nameless = await page.evaluate(
            """() => [...document.querySelectorAll('button, a, input, textarea, select, summary')]
                .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || e.title))
                .map((e) => e.outerHTML)"""
        )
        assert nameless == []


async def test_without_an_admin_api_the_phones_still_work(browser: Browser, tmp_path: Path) -> None:
    async with _system(tmp_path, book=False) as system:
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{system.port}/sandbox")
        await page.get_by_role("tab", name="The book").click()
        await expect(page.locator("#book-says")).to_contain_text("The admin API is not there yet")
        field = _phone(page, 1).get_by_role("textbox", name="Write an SMS")
        await field.fill("HELP")
        await field.press("Enter")
        await expect(_phone(page, 1).locator(".sms").last).to_contain_text("Merkato: 1 pay")
        await page.close()
    assert json.dumps(system.heard) == '["HELP"]'
