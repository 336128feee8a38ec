"""Takes an update in, and answers it: the one way for the webhook and for long polling.

``take_in`` returns when everything the update asked for is committed; ``answer`` speaks to Telegram afterwards.
What Telegram repeats is found in the inbox and done once.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from aiogram.exceptions import AiogramError

from bot import deliver
from bot.receive import HintGroup, Ignored, Malformed, Press, Reach, parse, press_of
from core import people
from core.db import transaction
from core.inbox import Inbound
from core.messages import N_, TELEGRAM, Kind, Reader, sentence
from core.operator.gateways import Gateway
from core.people import Tenant
from core.talking import conversation
from core.talking.conversation import Handled
from core.telling import outbox
from core.telling.outbox import Sender

__all__ = ["Malformed", "Taken", "answer", "take_in"]

log = structlog.get_logger(__name__)

WRITE_PRIVATELY = Kind("write_privately", N_("Please write to me in private: open my profile and send START."))

# Group chats that were told to write in private. A hint that is repeated after a restart does no harm.
_MOST_HINTED = 10_000
_hinted: OrderedDict[tuple[UUID, int], None] = OrderedDict()


@dataclass(frozen=True)
class Taken:
    """An update that was taken in. ``result``: new, repeated, reach, hint or ignored; ``address``: whose it was."""

    tenant: Tenant
    gateway: Gateway
    result: str
    address: str = ""
    handled: Handled | None = None
    press: Press | None = None
    hint_chat_id: int | None = None

    @property
    def wants_answer(self) -> bool:
        """Whether there is anything to say or to tell anybody; a plain message that came before wants none."""
        said = self.handled is not None and (self.handled.outgoing or self.handled.notified)
        return bool(said) or self.press is not None or self.hint_chat_id is not None


async def take_in(tenant: Tenant, gateway: Gateway, update: Mapping[str, Any], *, received_at: datetime) -> Taken:
    """Do what an update asks; returns after the commit. Raises ``Malformed``."""
    meaning = parse(update, gateway, received_at)
    match meaning:
        case Inbound():
            handled = await conversation.receive(tenant, meaning)
            return Taken(
                tenant, gateway, "new" if handled.new else "repeated", meaning.address, handled, press_of(update)
            )
        case Reach():
            await _reached(tenant, meaning)
            return Taken(tenant, gateway, "reach")
        case HintGroup(chat_id):
            if _hint_now(tenant.id, chat_id):
                return Taken(tenant, gateway, "hint", hint_chat_id=chat_id)
            return Taken(tenant, gateway, "ignored", press=press_of(update))
        case Ignored(reason):
            log.info("telegram_ignored", tenant=tenant.code, reason=reason)
            return Taken(tenant, gateway, "ignored", press=press_of(update))


async def _reached(tenant: Tenant, reach: Reach) -> None:
    """A block makes the address dead, lifting it makes a dead one live; STOP is the person's own and stays."""
    async with transaction(tenant.id) as tx:
        address = await people.find_address(tx, channel=TELEGRAM, value=reach.address)
        if address is not None and (address.state, reach.state) in (("active", "dead"), ("dead", "active")):
            await people.set_state(tx, address.id, reach.state)


def _hint_now(tenant_id: UUID, chat_id: int) -> bool:
    if (tenant_id, chat_id) in _hinted:
        return False
    _hinted[(tenant_id, chat_id)] = None
    if len(_hinted) > _MOST_HINTED:
        _hinted.popitem(last=False)
    return True


async def answer(taken: Taken, *, send: Sender | None = None) -> None:
    """Stop the pressed button's clock, deliver the replies in order, take the pressed keyboard away.

    ``send`` delivers a reply (default: Telegram). Only the replies are on record; the rest is courtesy, and its
    failures are logged and forgotten.
    """
    press, handled = taken.press, taken.handled
    bot = deliver.bot_of(taken.gateway)
    if press is not None and (handled is None or handled.new):
        await _courtesy(
            "answer_callback",
            lambda: bot.answer_callback_query(press.callback_id, request_timeout=deliver.ANSWER_SECONDS),
        )
    if handled is not None:
        for outgoing in handled.outgoing:
            await outbox.deliver(outgoing, send or deliver.send)
        if press is not None and press.chat_id is not None and handled.new:
            await _courtesy(
                "take_keyboard_away",
                lambda: bot.edit_message_reply_markup(
                    chat_id=press.chat_id, message_id=press.message_id, request_timeout=deliver.ANSWER_SECONDS
                ),
            )
    if taken.hint_chat_id is not None:
        words = sentence(WRITE_PRIVATELY(), Reader(taken.tenant.language, TELEGRAM))
        await _courtesy(
            "hint",
            lambda: bot.send_message(taken.hint_chat_id or 0, words, request_timeout=deliver.ANSWER_SECONDS),
        )


async def _courtesy(what: str, call: Callable[[], Awaitable[Any]]) -> None:
    try:
        await call()
    except AiogramError as error:
        # Two taps on one button edit the same keyboard twice, and a query is too old after some seconds.
        log.debug("telegram_courtesy_failed", what=what, error=type(error).__name__)
