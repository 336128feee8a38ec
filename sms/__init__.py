"""SMS: every gateway behind one port (``sms.port``), one file each; segments and plain spelling.

Turns webhooks into ``Inbound`` and ``Report``, and sends. Knows nothing of the conversation, stores nothing.
"""

from typing import cast

from core import people
from core.errors import NotFound
from core.operator import gateways
from core.settings import settings
from core.telling.outbox import Delivery, Outgoing
from sms import http, twilio
from sms.port import Adapter

ADAPTERS: dict[str, Adapter] = {"http": cast(Adapter, http), "twilio": cast(Adapter, twilio)}


def webhook_url(tenant_code: str, gateway_name: str) -> str:
    """Where a gateway posts the messages of phones to, as the world sees it."""
    return f"{settings().public_url.rstrip('/')}/t/{tenant_code}/sms/{gateway_name}"


def status_url(tenant_code: str, gateway_name: str) -> str:
    """Where a gateway posts its delivery reports to."""
    return f"{webhook_url(tenant_code, gateway_name)}/status"


def ussd_url(tenant_code: str, gateway_name: str) -> str:
    """Where a gateway posts the steps of USSD sessions to."""
    return f"{settings().public_url.rstrip('/')}/t/{tenant_code}/ussd/{gateway_name}"


async def send(outgoing: Outgoing) -> Delivery:
    """Send one message through the gateway it names. Every failure is a ``Delivery``."""
    adapter = ADAPTERS.get(outgoing.gateway)
    try:
        gateway = await gateways.gateway(outgoing.tenant_id, outgoing.gateway)
        tenant = await people.tenant_by_id(outgoing.tenant_id)
    except NotFound as error:
        return Delivery("rejected", reason=error.code)
    if adapter is None:
        return Delivery("rejected", reason="no such gateway")
    return await adapter.send(outgoing, gateway, status_url(tenant.code, gateway.name))


async def close() -> None:
    """Close the connections of this event loop."""
    await http.close()
    await twilio.close()
