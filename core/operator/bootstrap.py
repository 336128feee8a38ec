"""The first tenant, ``demo``: made by ``python -m core.operator.bootstrap`` after the migrations; safe to repeat.

With real credentials in the settings the tenant gets those gateways. In the sandbox it gets a bot and two SMS
gateways of the stand-ins, with credentials derived from this installation's own keys.
"""

import asyncio
import hashlib
import hmac
from uuid import UUID

from sqlalchemy import text

from core import clock
from core.db import dispose, transaction, unscoped
from core.ids import new_id
from core.messages import SMS, TELEGRAM
from core.operator import gateways
from core.settings import Settings, decode_key, settings

FIRST_TENANT = "demo"


def _derived(what: str) -> str:
    return hmac.new(decode_key(settings().jwt_key), f"sandbox:{what}".encode(), hashlib.sha256).hexdigest()


async def make_tenant(code: str, name: str) -> UUID:
    """The tenant's id, made when it is not there yet."""
    async with unscoped() as session:
        await session.execute(
            text(
                "INSERT INTO tenants (id, code, name, created_at) VALUES (:id, :code, :name, :at)"
                " ON CONFLICT (code) DO NOTHING"
            ),
            {"id": new_id(), "code": code, "name": name, "at": clock.now()},
        )
        tenant_id = await session.scalar(text("SELECT id FROM tenants WHERE code = :code"), {"code": code})
    return UUID(str(tenant_id))


async def sandbox_gateways(tenant_id: UUID, code: str) -> None:
    """The stand-ins' credentials for a tenant of the sandbox."""
    number = int(_derived(f"bot:{code}")[:8], 16) + 1_000_000_000
    async with transaction(tenant_id) as tx:
        await gateways.configure(
            tx,
            name="telegram",
            channel=TELEGRAM,
            sender=f"equb_{number}_bot",
            credentials={
                "token": f"{number}:{_derived(f'token:{code}')[:35]}",
                "secret": _derived(f"secret:{code}"),
            },
        )
        await gateways.configure(
            tx,
            name="http",
            channel=SMS,
            sender="8811",
            credentials={"url": settings().sms_http_url, "secret": _derived(f"http:{code}")},
        )
        await gateways.configure(
            tx,
            name="twilio",
            channel=SMS,
            sender="+15005550006",
            credentials={
                "account_sid": "AC" + _derived(f"sid:{code}")[:32],
                "auth_token": _derived(f"twilio:{code}")[:32],
                "reply": settings().twilio_reply,
            },
            preferred=False,
        )


async def real_gateways(tenant_id: UUID, have: Settings) -> None:
    """The gateways whose credentials the settings hold."""
    async with transaction(tenant_id) as tx:
        if have.telegram_token:
            await gateways.configure(
                tx,
                name="telegram",
                channel=TELEGRAM,
                sender="",
                credentials={"token": have.telegram_token, "secret": have.telegram_secret},
            )
        if have.sms_http_secret:
            await gateways.configure(
                tx,
                name="http",
                channel=SMS,
                sender=have.sms_http_from,
                credentials={"url": have.sms_http_url, "secret": have.sms_http_secret},
            )
        if have.twilio_account_sid:
            await gateways.configure(
                tx,
                name="twilio",
                channel=SMS,
                sender=have.twilio_from,
                credentials={
                    "account_sid": have.twilio_account_sid,
                    "auth_token": have.twilio_auth_token,
                    "reply": have.twilio_reply,
                },
                preferred=not have.sms_http_secret,
            )


async def bootstrap() -> None:
    """Make or refresh the first tenant."""
    tenant_id = await make_tenant(FIRST_TENANT, "Demo")
    if settings().sandbox:
        await sandbox_gateways(tenant_id, FIRST_TENANT)
    else:
        await real_gateways(tenant_id, settings())
    await dispose()


if __name__ == "__main__":
    asyncio.run(bootstrap())
