"""What a bot needs to be told once: its webhook, its commands by language, its menu button."""

import re
from collections.abc import Mapping, Sequence

from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats, MenuButtonCommands

import core.talking.conversation  # noqa: F401 (registers every command)
from bot.deliver import ANSWER_SECONDS, bot_of
from bot.receive import ALLOWED_UPDATES
from core import catalogues
from core.messages import TELEGRAM, Reader, sentence
from core.operator.gateways import Gateway
from core.people import Tenant
from core.talking.command import COMMANDS

# Telegram's own limits.
_MOST_COMMANDS = 100
_LONGEST_DESCRIPTION = 256


_NAME = re.compile(r"[a-z0-9_]{1,32}")


def menu() -> dict[str, list[tuple[str, str]]]:
    """Every command that can be typed, by language: (its English name, which works in all, what it does)."""
    return {
        language: [
            (word.lower(), sentence(known.about(), Reader(language, TELEGRAM)))
            for word, known in COMMANDS.items()
            if known.about is not None and _NAME.fullmatch(word.lower()) and not word.startswith("_")
        ]
        for language in catalogues.languages()
    }


def webhook_url(tenant: Tenant, public_url: str) -> str:
    """Where Telegram posts the tenant's updates to."""
    return f"{public_url.rstrip('/')}/t/{tenant.code}/telegram"


async def setup(
    tenant: Tenant,
    gateway: Gateway,
    public_url: str,
    *,
    commands: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> None:
    """Set commands and webhook; safe to repeat. Raises aiogram's errors.

    ``commands``: for each language (name, what it does), by default all there are; the tenant's own language is also
    everybody else's. A gateway without a secret is fetched by long polling and gets no webhook.
    """
    commands = menu() if commands is None else commands
    bot = bot_of(gateway)
    for language, entries in commands.items():
        entered = [
            BotCommand(command=name.lower(), description=does[:_LONGEST_DESCRIPTION])
            for name, does in entries[:_MOST_COMMANDS]
        ]
        codes = [language, None] if language == tenant.language else [language]
        for code in codes:
            await bot.set_my_commands(
                entered,
                scope=BotCommandScopeAllPrivateChats(),
                language_code=code,
                request_timeout=ANSWER_SECONDS,
            )
    await bot.set_chat_menu_button(menu_button=MenuButtonCommands(), request_timeout=ANSWER_SECONDS)
    if gateway.credentials.get("secret"):
        await bot.set_webhook(
            webhook_url(tenant, public_url),
            secret_token=gateway.credentials["secret"],
            allowed_updates=list(ALLOWED_UPDATES),
            max_connections=40,
            request_timeout=ANSWER_SECONDS,
        )
