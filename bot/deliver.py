"""Sends to Telegram: text, buttons, keyboards; and says exactly what came of it.

Never looks at the words of an error: its class, its HTTP status and, for an unknown chat, a second question decide.
A text longer than one message goes as several, cut at line ends, all one delivery; keyboards hang on the last.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods.base import Response
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.utils.token import TokenValidationError

from core import gateways
from core.errors import NotFound
from core.gateways import Gateway
from core.outbox import Delivery, Outgoing
from core.settings import settings

# aiogram builds these classes anew for each call unless somebody keeps them: half of what sending costs.
_KEPT = (Response[Message], Response[bool])

LONGEST_TEXT = 4096
LONGEST_DATA_BYTES = 64
# Labels up to this stand side by side on the smallest screen.
SHORT_LABEL = 10
SIDE_BY_SIDE = 3

ANSWER_SECONDS = 20
OUT_OF_REACH_SECONDS = 5.0
REFUSED_SECONDS = 300.0

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, AiohttpSession] = WeakKeyDictionary()

Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove


def bot_of(gateway: Gateway) -> Bot:
    """The tenant's bot, on this event loop's one session."""
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None:
        server = TelegramAPIServer.from_base(settings().telegram_api)
        session = _sessions[loop] = AiohttpSession(api=server, limit=100)
    return Bot(gateway.credentials["token"], session=session)


async def close() -> None:
    """Close this loop's connections."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


def pieces(text: str) -> list[str]:
    """The text as messages of at most 4096 UTF-16 units, cut at line ends, else at spaces, else anywhere."""
    found = []
    while (fits := _fitting(text)) < len(text):
        cut = max(text.rfind("\n", 1, fits), 0) or max(text.rfind(" ", 1, fits), 0) or fits
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text]


def _fitting(text: str) -> int:
    """How many characters from the start fit into one message; Telegram counts those beyond 0xFFFF twice."""
    units = 0
    for position, letter in enumerate(text):
        units += 2 if letter > "\uffff" else 1
        if units > LONGEST_TEXT:
            return position
    return len(text)


def markup(outgoing: Outgoing) -> Markup | None:
    """The keyboard of a message. Buttons with an answer win over a menu: a message carries only one kind."""
    extras = outgoing.extras
    rows = _rows([InlineKeyboardButton(text=label, callback_data=data) for label, data in outgoing.choices])
    if extras.get("link"):
        rows.append([InlineKeyboardButton(text=str(extras.get("link_label") or "↗"), url=str(extras["link"]))])
    if rows:
        return InlineKeyboardMarkup(inline_keyboard=rows)
    if extras.get("contact_button"):
        label = extras.get("contact_label") or "☎"
        button = KeyboardButton(text=str(label), request_contact=True)
        return ReplyKeyboardMarkup(keyboard=[[button]], resize_keyboard=True, one_time_keyboard=True)
    if "menu" in extras:
        keys = _rows([KeyboardButton(text=str(label)) for label in extras["menu"]])
        if not keys:
            return ReplyKeyboardRemove(remove_keyboard=True)
        return ReplyKeyboardMarkup(keyboard=keys, resize_keyboard=True, is_persistent=True)
    return None


def _rows(buttons: Sequence[Any]) -> list[list[Any]]:
    """One button a row, unless all are short."""
    width = SIDE_BY_SIDE if all(len(button.text) <= SHORT_LABEL for button in buttons) else 1
    return [list(buttons[start : start + width]) for start in range(0, len(buttons), width)]


async def send(outgoing: Outgoing) -> Delivery:
    """Send one message of the outbox.

    Of a text in several messages that broke off halfway nobody may send the row again by itself: it is *unknown*,
    with how far it came as the reason. ``provider_id`` is the message id, which says nothing of the chat.
    """
    try:
        gateway = await gateways.gateway(outgoing.tenant_id, outgoing.gateway)
    except NotFound as error:
        return Delivery("rejected", reason=error.code)
    if any(len(data.encode()) > LONGEST_DATA_BYTES for _, data in outgoing.choices):
        return Delivery("rejected", reason=f"a button's data is longer than {LONGEST_DATA_BYTES} bytes")
    try:
        bot = bot_of(gateway)
    except TokenValidationError as error:
        return _ours_to_mend(type(error).__name__)
    parts, keyboard = pieces(outgoing.text), markup(outgoing)
    message_id = 0
    for gone, text in enumerate(parts):
        last = gone == len(parts) - 1
        try:
            message = await bot.send_message(
                chat_id=outgoing.address,
                text=text,
                parse_mode=None,
                reply_markup=keyboard if last else None,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                request_timeout=ANSWER_SECONDS,
            )
        except AiogramError as error:
            delivery = await _outcome(bot, outgoing.address, error)
            if gone and delivery.outcome not in ("dead", "unknown"):
                return Delivery("unknown", reason=f"{gone} of {len(parts)} parts went; {delivery.reason}")
            return delivery
        message_id = message.message_id
    return Delivery("sent", provider_id=str(message_id))


async def _outcome(bot: Bot, chat_id: str, error: AiogramError) -> Delivery:
    """What a failure means for the message and its address."""
    reason = type(error).__name__
    match error:
        case TelegramRetryAfter():
            return Delivery("later", reason=reason, retry_seconds=float(error.retry_after), whole_gateway=True)
        case TelegramForbiddenError() | TelegramMigrateToChat():
            return Delivery("dead", reason=reason)
        case TelegramBadRequest():
            return await _refused(bot, chat_id, reason)
        case TelegramUnauthorizedError() | TelegramNotFound():
            return _ours_to_mend(reason)
        case TelegramEntityTooLarge():  # aiogram counts it among the troubles of the network
            return Delivery("rejected", reason=reason)
        case TelegramNetworkError() if _never_left(error):
            return Delivery("later", reason=reason, retry_seconds=OUT_OF_REACH_SECONDS, whole_gateway=True)
        case _:
            return Delivery("unknown", reason=reason)


def _ours_to_mend(reason: str) -> Delivery:
    """The token is wrong: no fault of the message, which waits until somebody has put it right."""
    return Delivery("later", reason=reason, retry_seconds=REFUSED_SECONDS, whole_gateway=True)


def _never_left(error: BaseException) -> bool:
    """Whether no connection was made, so that Telegram cannot have seen the message."""
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


async def _refused(bot: Bot, chat_id: str, reason: str) -> Delivery:
    """400 is said of an unknown chat and of a bad message alike; a question about the chat alone tells them apart."""
    try:
        await bot.get_chat(chat_id, request_timeout=ANSWER_SECONDS)
    except (TelegramBadRequest, TelegramForbiddenError):
        return Delivery("dead", reason="there is no such chat")
    except AiogramError:
        return Delivery("rejected", reason=f"{reason}, and nobody could say whether the chat is there")
    return Delivery("rejected", reason=reason)
