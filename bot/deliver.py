"""Sends to Telegram: text, buttons, keyboards; and says exactly what came of it.

Never looks at the words of an error: its class, its HTTP status and, for an unknown chat, a second question decide.
A text longer than one message goes as several, cut at line ends, all one delivery; keyboards hang on the last.
A message with a paper (``core.papers``) is that file with the text below it; where the paper cannot be made the
person is told so instead.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import aiohttp
import structlog
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
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.utils.token import TokenValidationError

from core import papers
from core.errors import NotFound
from core.operator import gateways
from core.operator.gateways import Gateway
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing

log = structlog.get_logger(__name__)

# aiogram builds these classes anew for each call unless somebody keeps them: half of what sending costs.
_KEPT = (Response[Message], Response[bool])

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_DATA_BYTES = 64
# Labels up to this stand side by side on the smallest screen.
SHORT_LABEL = 10
SIDE_BY_SIDE = 3

ANSWER_SECONDS = 20
# A file travels longer than words.
PAPER_SECONDS = 45
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


def pieces(text: str, longest: int = LONGEST_TEXT) -> list[str]:
    """The text in parts of at most so many UTF-16 units, cut at line ends, else at spaces, else anywhere."""
    found = []
    while (fits := _fitting(text, longest)) < len(text):
        cut = max(text.rfind("\n", 1, fits), 0) or max(text.rfind(" ", 1, fits), 0) or fits
        found.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*found, text]


def _fitting(text: str, longest: int) -> int:
    """How many characters from the start fit; Telegram counts those beyond 0xFFFF twice."""
    units = 0
    for position, letter in enumerate(text):
        units += 2 if letter > "\uffff" else 1
        if units > longest:
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
    keyboard = markup(outgoing)
    if outgoing.extras.get("paper"):
        return await _send_paper(bot, outgoing, keyboard)
    return await _send_text(bot, outgoing, outgoing.text, keyboard)


async def _send_paper(bot: Bot, outgoing: Outgoing, keyboard: Markup | None) -> Delivery:
    """The paper of the message, with the text as its caption."""
    try:
        paper = await papers.hand_out(outgoing.tenant_id, UUID(outgoing.extras["paper"]))
    except (NotFound, papers.NotTheLedger) as error:
        log.error("paper_not_made", outbox=str(outgoing.id), error=type(error).__name__)
        instead = str(outgoing.extras.get("without_paper", ""))
        return await _send_text(bot, outgoing, f"{outgoing.text}\n{instead}", keyboard)
    caption, *rest = pieces(outgoing.text, LONGEST_CAPTION)
    file = BufferedInputFile(paper.content, paper.name)
    carried: dict[str, Any] = {
        "chat_id": outgoing.address,
        "caption": caption,
        "parse_mode": None,
        "reply_markup": None if rest else keyboard,
        "request_timeout": PAPER_SECONDS,
    }
    try:
        if paper.picture:
            message = await bot.send_photo(photo=file, **carried)
        else:
            message = await bot.send_document(document=file, **carried)
    except AiogramError as error:
        return await _outcome(bot, outgoing.address, error)
    if not rest:
        return Delivery("sent", provider_id=str(message.message_id))
    following = await _send_text(bot, outgoing, "\n".join(rest), keyboard)
    # The paper is there; what is said of the rest must not bring it a second time.
    return following if following.outcome in ("sent", "dead") else Delivery("unknown", reason=following.reason)


async def _send_text(bot: Bot, outgoing: Outgoing, words: str, keyboard: Markup | None) -> Delivery:
    parts = pieces(words)
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
