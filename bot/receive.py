"""What an update means: a message for the conversation, a change of reach, or nothing to us.

Pure. The key of an update is (bot, update_id), the identity is ``from.id``; a name is a suggestion, and a contact
counts only when it is the sender's own, shared in private.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import CallbackQuery, ChatMemberUpdated, Contact, Message, Update, User
from pydantic import ValidationError

from core import phones
from core.errors import Refusal
from core.inbox import FOREIGN_CONTACT, Inbound
from core.messages import TELEGRAM
from core.operator.gateways import Gateway

# What we ask Telegram for; everything else is not even sent.
ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")

_COMMAND = re.compile(r"/([^\s@/]+)(?:@\w+)?(?:\s+(.*))?", re.DOTALL)
_GROUP_CODE = re.compile(r"[A-Za-z0-9]{6}")


class Malformed(Exception):
    """This is no update of Telegram's."""


@dataclass(frozen=True)
class Ignored:
    """An update that asks nothing of us; ``reason`` is for the log."""

    reason: str


@dataclass(frozen=True)
class HintGroup:
    """A command in a group chat, where the bot takes none: it may say so, once."""

    chat_id: int


@dataclass(frozen=True)
class Reach:
    """A person blocked the bot (``dead``) or lifted the block (``active``)."""

    address: str
    state: str


@dataclass(frozen=True)
class Press:
    """A pressed button: the query that waits for an answer, and the message whose keyboard it stands in."""

    callback_id: str
    chat_id: int | None
    message_id: int | None


Meaning = Inbound | Reach | HintGroup | Ignored


def read(update: Mapping[str, Any]) -> Update | None:
    """The update; None for one that is newer than what we know. Raises ``Malformed``."""
    if not isinstance(update.get("update_id"), int):
        raise Malformed("there is no update_id")
    try:
        return Update.model_validate(dict(update))
    except ValidationError:
        # Refusing it would make Telegram repeat it for a day.
        return None


def parse(update: Mapping[str, Any], gateway: Gateway, received_at: datetime) -> Meaning:
    """What an update asks for. Raises ``Malformed``."""
    known = read(update)
    if known is None:
        return Ignored("an update of an unknown form")
    if known.message is not None:
        return _message(known.update_id, known.message, gateway, received_at)
    if known.callback_query is not None:
        return _pressed(known.update_id, known.callback_query, gateway, received_at)
    if known.my_chat_member is not None:
        return _reach(known.my_chat_member)
    return Ignored("an update of a kind that is not ours")


def press_of(update: Mapping[str, Any]) -> Press | None:
    """The pressed button of an update, if it is one. Raises ``Malformed``."""
    known = read(update)
    if known is None or known.callback_query is None:
        return None
    query = known.callback_query
    # Old messages come as "inaccessible", with the same two ids; a message sent by way of inline mode has none.
    if query.message is None:
        return Press(query.id, None, None)
    return Press(query.id, query.message.chat.id, query.message.message_id)


def _inbound(
    update_id: int, who: User, text: str, gateway: Gateway, received_at: datetime, contact_phone: str = ""
) -> Inbound:
    bot_id = gateway.credentials.get("token", "").partition(":")[0]
    return Inbound(
        channel=TELEGRAM,
        gateway=gateway.name,
        address=str(who.id),
        text=text,
        # A tenant may change its bot, and two bots count their updates apart.
        external_id=f"{bot_id}:{update_id}",
        received_at=received_at,
        name=who.full_name,
        language_hint=who.language_code or "",
        contact_phone=contact_phone,
    )


def _message(update_id: int, message: Message, gateway: Gateway, received_at: datetime) -> Meaning:
    if message.migrate_to_chat_id is not None:
        return Ignored(f"the group {message.chat.id} is now {message.migrate_to_chat_id}; no group chat is kept")
    who = message.from_user
    if who is None or who.is_bot or message.sender_chat is not None:
        return Ignored("not from a person")
    written = message.text or message.caption or ""
    if message.chat.type != ChatType.PRIVATE:
        return HintGroup(message.chat.id) if written.startswith("/") else Ignored("said in a group chat")
    if message.contact is not None:
        phone = _own_phone(message.contact, who)
        return _inbound(update_id, who, "" if phone else FOREIGN_CONTACT, gateway, received_at, contact_phone=phone)
    return _inbound(update_id, who, typed(written), gateway, received_at)


def _own_phone(contact: Contact, who: User) -> str:
    """The sender's proved number; empty for somebody else's card, which proves nothing."""
    if contact.user_id != who.id:
        return ""
    try:
        # Telegram writes it with and without the plus, always with the country's code.
        return phones.to_e164("+" + contact.phone_number.lstrip("+"))
    except Refusal:
        return ""


def typed(text: str) -> str:
    """The words of a message: ``/pay@our_bot 500`` → ``pay 500``, ``/start AB12CD`` → ``JOIN AB12CD``."""
    command = _COMMAND.fullmatch(text.strip())
    if command is None:
        return text
    word, rest = command.group(1), (command.group(2) or "").strip()
    if word.casefold() == "start":
        # The payload of a link that somebody shared: only a group's code means anything.
        return f"JOIN {rest}" if _GROUP_CODE.fullmatch(rest) else "START"
    return f"{word} {rest}".strip()


def _pressed(update_id: int, query: CallbackQuery, gateway: Gateway, received_at: datetime) -> Meaning:
    if query.from_user.is_bot or not query.data:
        return Ignored("a button without data")
    return _inbound(update_id, query.from_user, query.data, gateway, received_at)


def _reach(change: ChatMemberUpdated) -> Meaning:
    if change.chat.type != ChatType.PRIVATE:
        return Ignored("put into or out of a group chat")
    blocked = change.new_chat_member.status in (ChatMemberStatus.KICKED, ChatMemberStatus.LEFT)
    return Reach(str(change.from_user.id), "dead" if blocked else "active")
