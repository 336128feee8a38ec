"""What a person does in Telegram: writes, presses a button, shares a contact, blocks the bot.

Each becomes an update for the tenant's bot. Refuses what the app would not let a person do.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sandbox.courier import Delivery
from sandbox.people import Line, Phone, checked_number, telegram_name_of, user_id_of
from sandbox.problems import Problem
from sandbox.telegram_bots import Bot, Chat, chat_of, user_of
from sandbox.telegram_entities import commands
from sandbox.telegram_send import message_of, new_callback_id
from sandbox.tenants import Tenant
from sandbox.world import World

#: How long a person's act waits for the webhook's answer before saying that it is still waiting.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Screen:
    """One person's chat with one tenant's bot."""

    world: World
    phone: Phone
    bot: Bot
    chat: Chat


def screen(world: World, number: str, tenant: Tenant) -> Screen:
    """Open the chat; 409 Problem when the tenant has no bot."""
    phone = world.people.phone(number)
    if tenant.bot_id is None:
        raise Problem(409, "no-bot", f"The tenant {tenant.code!r} has no Telegram bot.")
    bot = world.bots.bot(tenant.bot_id)
    return Screen(world, phone, bot, world.bots.chat(bot, phone))


async def report(delivery: Delivery | None) -> dict[str, Any]:
    """How it was taken: {"delivered", "status"} and, when it was not, a "detail" sentence."""
    if delivery is None:
        return {
            "delivered": False,
            "status": None,
            "detail": "The bot does not ask for updates of this kind.",
        }
    try:
        outcome = await asyncio.wait_for(asyncio.shield(delivery.first), PATIENCE_SECONDS)
    except TimeoutError:
        detail = "Not answered yet; it stays in line and is tried again."
        return {"delivered": False, "status": None, "detail": detail}
    told: dict[str, Any] = {"delivered": outcome.accepted, "status": outcome.status}
    if not outcome.accepted:
        told["detail"] = outcome.error or f"The webhook answered {outcome.status}; it will be tried again."
    return told


async def _told(here: Screen, delivery: Delivery | None) -> dict[str, Any]:
    if delivery is not None and not here.bot.webhook:
        return {
            "delivered": False,
            "status": None,
            "detail": "Waits until the bot fetches it with getUpdates.",
        }
    return await report(delivery)


async def write(here: Screen, text: str) -> dict[str, Any]:
    """The person types a text. The first one opens the chat; /start also lifts a block."""
    text = text.strip()
    if not text:
        raise Problem(422, "empty-text", "Telegram does not send an empty message.")
    if len(text) > 4096:
        raise Problem(422, "long-text", "Telegram sends at most 4096 characters at once.")
    delivery = _say(here, text=text, extra={}, fields={"text": text, "entities": commands(text)})
    return await _told(here, delivery)


async def share_contact(here: Screen, whose: str) -> dict[str, Any]:
    """The person shares a contact: the own number as the contact button does, or somebody else's card."""
    checked_number(whose)
    first, last = telegram_name_of(whose)
    # The app writes the number without a plus.
    contact: dict[str, Any] = {"phone_number": whose[1:], "first_name": first, "last_name": last}
    if whose == here.phone.number or whose in here.world.people.phones:
        contact["user_id"] = user_id_of(whose)
    delivery = _say(here, text=f"☎ {whose}", extra={"contact": whose}, fields={"contact": contact})
    return await _told(here, delivery)


def _say(here: Screen, *, text: str, extra: dict[str, Any], fields: dict[str, Any]) -> Delivery | None:
    world, chat = here.world, here.chat
    if chat.blocked and not text.startswith("/start"):
        raise Problem(409, "bot-blocked", "This person has blocked the bot; /start opens the chat again.")
    with world.store.together():
        if chat.blocked:
            set_blocked(here, blocked=False)
        if not chat.started:
            chat.started = True
            world.bots.save_chat(chat)
        extra |= {"bot": here.bot.bot_id}
        line = world.people.add(here.phone, channel="telegram", mine=True, text=text, extra=extra)
        message = {
            "message_id": line.n,
            "from": user_of(here.phone),
            "chat": chat_of(here.phone),
            "date": int(world.clock.unix_seconds()),
        }
        message |= {name: value for name, value in fields.items() if value}
        return world.bots.update(here.bot, here.phone, "message", message)


async def press(here: Screen, wanted: str, *, message: int | None = None) -> dict[str, Any]:
    """Press the newest button with this label (or else this data); 404 Problem when there is none.

    With `message` it is the button under that line, however old, as a thumb can do.
    """
    key = _keyboard_button(here, wanted) if message is None else None
    found = _inline_button(here, wanted, message)
    if found is None and key is None:
        raise Problem(404, "no-such-button", f"There is no button {wanted!r}. To be seen: {_labels(here)}.")
    if found is not None and (key is None or found[0].n > (here.chat.keyboard or {})["line"]):
        return await _press_inline(here, *found)
    assert key is not None
    if here.chat.keyboard and here.chat.keyboard.get("one_time_keyboard"):
        here.chat.keyboard = None
        here.world.bots.save_chat(here.chat)
    if key.get("request_contact"):
        return await share_contact(here, here.phone.number)
    if key.get("request_location"):
        raise Problem(422, "no-location", "These phones do not know where they are.")
    return await write(here, key["text"])


async def _press_inline(here: Screen, line: Line, button: dict[str, Any]) -> dict[str, Any]:
    for kind in ("url", "web_app", "login_url"):
        if kind in button:
            target = button[kind] if isinstance(button[kind], str) else button[kind].get("url")
            return {"delivered": False, "status": None, "opened": target}
    if "copy_text" in button:
        return {"delivered": False, "status": None, "copied": button["copy_text"]["text"]}
    if "callback_data" not in button:
        raise Problem(422, "dead-button", "This kind of button does nothing on these phones.")
    if here.chat.blocked:
        raise Problem(409, "bot-blocked", "This person has blocked the bot; /start opens the chat again.")
    query = {
        "id": new_callback_id(),
        "from": user_of(here.phone),
        "message": message_of(here.bot, here.phone, line, line.extra["date"]),
        "chat_instance": str(user_id_of(here.phone.number) ^ here.bot.bot_id),
        "data": button["callback_data"],
    }
    callback = here.world.bots.open_callback(here.bot, query["id"], line.n)
    told = await _told(here, here.world.bots.update(here.bot, here.phone, "callback_query", query))
    return told | {"answer": callback.answer}


def _inline_button(here: Screen, wanted: str, message: int | None) -> tuple[Line, dict[str, Any]] | None:
    by_data: tuple[Line, dict[str, Any]] | None = None
    for line in here.world.people.newest_first(here.phone.number):
        if line.mine or line.extra.get("bot") != here.bot.bot_id or message not in (None, line.n):
            continue
        for row in line.extra.get("inline") or []:
            for button in row:
                if button["text"] == wanted:
                    return line, button
                if by_data is None and button.get("callback_data") == wanted:
                    by_data = line, button
    return by_data


def _keyboard_button(here: Screen, wanted: str) -> dict[str, Any] | None:
    rows = (here.chat.keyboard or {}).get("rows", [])
    return next((button for row in rows for button in row if button["text"] == wanted), None)


def _labels(here: Screen) -> str:
    labels = [b["text"] for row in (here.chat.keyboard or {}).get("rows", []) for b in row]
    for line in here.world.people.newest_first(here.phone.number):
        if line.extra.get("inline") and line.extra.get("bot") == here.bot.bot_id:
            labels += [button["text"] for row in line.extra["inline"] for button in row]
            break
    return ", ".join(repr(label) for label in labels) or "none"


def set_blocked(here: Screen, *, blocked: bool) -> Delivery | None:
    """The person blocks the bot or lifts the block; the bot is told with my_chat_member, once."""
    if here.chat.blocked == blocked:
        return None
    status = {True: "kicked", False: "member"}
    here.chat.blocked = blocked
    with here.world.store.together():
        here.world.bots.save_chat(here.chat)
        here.world.people.save(here.phone)
        now_a: dict[str, Any] = {"user": here.bot.user(), "status": status[blocked]}
        if blocked:
            now_a["until_date"] = 0
        change = {
            "chat": chat_of(here.phone),
            "from": user_of(here.phone),
            "date": int(here.world.clock.unix_seconds()),
            "old_chat_member": {"user": here.bot.user(), "status": status[not blocked]}
            | ({} if blocked else {"until_date": 0}),
            "new_chat_member": now_a,
        }
        return here.world.bots.update(here.bot, here.phone, "my_chat_member", change)
