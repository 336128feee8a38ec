"""Telegram: updates in, messages out, through aiogram.

Turns updates into ``Inbound`` and hands them to core, sends what core has to say, and owns Telegram's own
luxuries: buttons, the menu, the request for a contact, taking a pressed keyboard away. Identity is the account's
id. Knows no rules and no words but one hint for group chats.

``import aiogram`` costs seconds and a hundred megabytes, so nothing here imports it before it is needed: the api does
so in a thread while it starts, a worker when it first sends to Telegram. (Its modules are ``receive``, ``deliver``,
``intake``, ``setting_up`` and ``polling``; the names below are what others use.)
"""

import asyncio
import gc
import importlib
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.operator.gateways import Gateway
from core.people import Tenant
from core.telling.outbox import Delivery, Outgoing, Sender

if TYPE_CHECKING:
    from bot.intake import Taken


_warm = False


def warm() -> None:
    """Import what is slow to import; call it in a thread."""
    global _warm
    importlib.import_module("bot.intake")
    importlib.import_module("bot.setting_up")
    # What was just imported lives as long as the process: the collector need not walk it each time.
    gc.collect()
    gc.freeze()
    _warm = True


async def _ready() -> None:
    """Wait for the slow import elsewhere: done here it would hold up everybody for seconds."""
    if not _warm:
        await asyncio.to_thread(warm)


async def send(outgoing: Outgoing) -> Delivery:
    """Send one message. Every failure is a ``Delivery``."""
    await _ready()
    from bot import deliver

    return await deliver.send(outgoing)


async def take_in(tenant: Tenant, gateway: Gateway, update: Mapping[str, Any], *, received_at: datetime) -> "Taken":
    """Do what an update asks; returns after the commit. Raises ``bot.intake.Malformed`` when it is no update."""
    await _ready()
    from bot import intake

    return await intake.take_in(tenant, gateway, update, received_at=received_at)


async def answer(taken: "Taken", *, send: Sender | None = None) -> None:
    """Deliver what is to be said to an update that was taken in, the replies by ``send`` (default: this package's)."""
    from bot import intake

    await intake.answer(taken, send=send)


async def setup(
    tenant: Tenant,
    gateway: Gateway,
    public_url: str,
    *,
    commands: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> None:
    """Tell Telegram our webhook and, by language, the commands (name, what it does; default: all) of the menu."""
    await _ready()
    from bot import setting_up

    await setting_up.setup(tenant, gateway, public_url, commands=commands)


async def close() -> None:
    """Close the connections of this event loop."""
    if "bot.deliver" in sys.modules:
        from bot import deliver

        await deliver.close()
