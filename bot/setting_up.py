"""What a bot needs to be told once: its webhook, its commands by language, its menu button."""

from collections.abc import Mapping, Sequence

from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats, MenuButtonCommands

from bot.deliver import ANSWER_SECONDS, bot_of
from bot.receive import ALLOWED_UPDATES
from core.gateways import Gateway
from core.people import Tenant

# Telegram's own limits.
_MOST_COMMANDS = 100
_LONGEST_DESCRIPTION = 256


def webhook_url(tenant: Tenant, public_url: str) -> str:
    """Where Telegram posts the tenant's updates to."""
    return f"{public_url.rstrip('/')}/t/{tenant.code}/telegram"


async def setup(
    tenant: Tenant, gateway: Gateway, public_url: str, *, commands: Mapping[str, Sequence[tuple[str, str]]]
) -> None:
    """Set commands and webhook; safe to repeat. Raises aiogram's errors.

    ``commands``: for each language (name, what it does); the tenant's own language is also everybody else's. A
    gateway without a secret is fetched by long polling and gets no webhook.
    """
    bot = bot_of(gateway)
    for language, entries in commands.items():
        menu = [
            BotCommand(command=name.lower(), description=does[:_LONGEST_DESCRIPTION])
            for name, does in entries[:_MOST_COMMANDS]
        ]
        codes = [language, None] if language == tenant.language else [language]
        for code in codes:
            await bot.set_my_commands(
                menu,
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
