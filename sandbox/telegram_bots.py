"""Bots and their chats: webhook, commands, who started and who blocked, and the updates on their way.

Any token is a bot. Owns the choice between webhook and long polling, and the order of updates: one lane
per chat, as Telegram does. Refuses nothing; what Telegram refuses stands in telegram.py.
"""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.courier import Call, Courier, Delivery, Kind, Outcome
from sandbox.people import People, Phone, telegram_name_of, user_id_of
from sandbox.store import Store

#: What a bot gets when it does not say which updates it wants (the rest exists only in groups).
DEFAULT_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

_TRIES = 60
_TIMEOUT_SECONDS = 60.0
_MOST_CALLBACKS = 5000


@dataclass(slots=True)
class Bot:
    """One bot. profile holds names, descriptions, menu button and commands by scope and language."""

    bot_id: int
    webhook: str = ""
    secret: str = ""
    allowed: list[str] = field(default_factory=list)
    last_error: str = ""
    last_error_at: int = 0
    last_update: int = 0
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return f"equb_{self.bot_id}_bot"

    def user(self) -> dict[str, Any]:
        """The bot as a User object."""
        name = self.profile.get("name", {}).get("", f"Equb {self.bot_id}")
        return {"id": self.bot_id, "is_bot": True, "first_name": name, "username": self.username}


@dataclass(slots=True)
class Chat:
    """The private chat of one person with one bot. keyboard: the reply keyboard on the screen now."""

    bot_id: int
    phone: str
    started: bool = False
    blocked: bool = False
    keyboard: dict[str, Any] | None = None


@dataclass(slots=True)
class Callback:
    """A pressed button on its way. answer: {"text", "show_alert"} once the bot answered."""

    bot_id: int
    line: int
    answer: dict[str, Any] | None = None


def user_of(phone: Phone) -> dict[str, Any]:
    """The person as a User object."""
    first, last = telegram_name_of(phone.number)
    return {
        "id": user_id_of(phone.number),
        "is_bot": False,
        "first_name": first,
        "last_name": last,
        "language_code": phone.language,
    }


def chat_of(phone: Phone) -> dict[str, Any]:
    """The person's private chat as a Chat object."""
    first, last = telegram_name_of(phone.number)
    return {"id": user_id_of(phone.number), "first_name": first, "last_name": last, "type": "private"}


class Bots:
    """All bots, their chats and their updates."""

    def __init__(self, store: Store, courier: Courier, people: People, *, rate: float | None) -> None:
        self._store, self._courier, self._people = store, courier, people
        self._rate = rate
        self._bots: dict[int, Bot] = {}
        self._chats: dict[tuple[int, str], Chat] = {}
        self._waiting: dict[int, dict[int, Delivery]] = {}
        self._arrivals: dict[int, asyncio.Event] = {}
        self._sent_at: dict[int, deque[float]] = {}
        self.polled_at: dict[int, float] = {}
        self.callbacks: dict[str, Callback] = {}
        for _, body in store.load("bot"):
            self._bots[body["bot_id"]] = Bot(**body)
        for _, body in store.load("chat"):
            self._chats[(body["bot_id"], body["phone"])] = Chat(**body)
        courier.register("telegram", Kind(self._build, _TRIES, _TIMEOUT_SECONDS, self._answered))

    def adopt(self, delivery: Delivery) -> None:
        """Know again an update that a former process left undelivered."""
        bot = self.bot(delivery.payload["bot"])
        update = delivery.payload["update"]
        self._waiting.setdefault(bot.bot_id, {})[update["update_id"]] = delivery
        query = update.get("callback_query")
        if query is not None:
            self.callbacks[query["id"]] = Callback(bot.bot_id, query["message"]["message_id"])

    def bot(self, bot_id: int) -> Bot:
        """The bot of this id; it exists as soon as somebody speaks of it."""
        known = self._bots.get(bot_id)
        if known is None:
            known = self._bots[bot_id] = Bot(bot_id)
            self.save(known)
        return known

    def save(self, bot: Bot) -> None:
        """Keep a changed bot."""
        self._store.put("bot", str(bot.bot_id), asdict(bot))

    def chat(self, bot: Bot, phone: Phone) -> Chat:
        """The person's chat with the bot, not yet started when new."""
        key = (bot.bot_id, phone.number)
        known = self._chats.get(key)
        if known is None:
            known = self._chats[key] = Chat(*key)
        return known

    def save_chat(self, chat: Chat) -> None:
        """Keep a changed chat."""
        self._store.put("chat", f"{chat.bot_id}:{chat.phone}", asdict(chat))

    def retry_after(self, bot: Bot) -> int:
        """Seconds a bot has to wait before its next message; 0 = it may send now, which is counted."""
        if self._rate is None:
            return 0
        now = time.monotonic()
        sent = self._sent_at.setdefault(bot.bot_id, deque())
        while sent and sent[0] <= now - 1.0:
            sent.popleft()
        if len(sent) >= self._rate:
            return 1
        sent.append(now)
        return 0

    # Updates

    def update(self, bot: Bot, phone: Phone, kind: str, body: dict[str, Any]) -> Delivery | None:
        """Something for the bot happened in this chat; None when the bot does not want to know."""
        if kind not in (bot.allowed or DEFAULT_UPDATES):
            return None
        with self._store.together():
            bot.last_update = (bot.last_update or 100_000_000) + 1
            self.save(bot)
            update = {"update_id": bot.last_update, kind: body}
            payload = {"bot": bot.bot_id, "update": update}
            delivery = self._courier.post("telegram", lane=_lane(bot.bot_id, phone.number), payload=payload)
        self._waiting.setdefault(bot.bot_id, {})[bot.last_update] = delivery
        if bot.bot_id in self._arrivals:
            self._arrivals[bot.bot_id].set()
        return delivery

    def waiting(self, bot: Bot) -> dict[int, Delivery]:
        """Updates not yet delivered or fetched, by update id, oldest first."""
        return self._waiting.setdefault(bot.bot_id, {})

    def unfetched(self) -> int:
        """Updates waiting for a bot that fetches them itself and did so within half a minute."""
        now = time.monotonic()
        polled = (bot_id for bot_id, at in self.polled_at.items() if now - at < 30)
        return sum(len(self._waiting.get(bot_id, {})) for bot_id in polled if not self.bot(bot_id).webhook)

    def drop_waiting(self, bot: Bot, *, below: int | None = None) -> None:
        """Forget updates, all or those with an id below this."""
        waiting = self.waiting(bot)
        for update_id in [u for u in waiting if below is None or u < below]:
            self._courier.drop(waiting.pop(update_id))

    def set_webhook(self, bot: Bot, url: str, *, secret: str, allowed: list[str] | None) -> None:
        """Deliver to this address from now on; "" = the bot fetches. allowed None keeps the former list."""
        bot.webhook, bot.secret = url, secret
        if allowed is not None:
            bot.allowed = allowed
        bot.last_error, bot.last_error_at = "", 0
        self.save(bot)
        for delivery in self.waiting(bot).values():
            self._courier.wake(delivery.lane)

    def open_callback(self, bot: Bot, query_id: str, line: int) -> Callback:
        """Remember a pressed button so that it can be answered once; the oldest are forgotten in time."""
        while len(self.callbacks) >= _MOST_CALLBACKS:
            self.callbacks.pop(next(iter(self.callbacks)))
        self.callbacks[query_id] = Callback(bot.bot_id, line)
        return self.callbacks[query_id]

    async def arrival(self, bot: Bot, timeout_seconds: float) -> None:
        """Wait until an update comes in for a bot that fetches, or the time is over."""
        event = self._arrivals.setdefault(bot.bot_id, asyncio.Event())
        event.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), timeout_seconds)

    def _build(self, payload: dict[str, Any]) -> Call | None:
        bot = self.bot(payload["bot"])
        if not bot.webhook:
            return None
        headers = {"Content-Type": "application/json"}
        if bot.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = bot.secret
        return Call(bot.webhook, headers, json.dumps(payload["update"], ensure_ascii=False).encode())

    def _answered(self, payload: dict[str, Any], _outcome: Outcome) -> None:
        # A method call in the webhook's answer is not carried out: its success would be unknowable, and
        # the system under development is not to rely on it.
        self.waiting(self.bot(payload["bot"])).pop(payload["update"]["update_id"], None)


def _lane(bot_id: int, number: str) -> str:
    return f"telegram:{bot_id}:{number}"
