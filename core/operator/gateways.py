"""Gateways: how a tenant is reached. One Telegram bot and any number of SMS gateways, credentials sealed.

Credentials: telegram ``{"token", "secret"}`` · twilio ``{"account_sid", "auth_token", "reply"}`` · http
``{"url", "secret"}``. They never appear in a log or an answer.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto
from core.db import Base, Tx, transaction
from core.errors import NotFound

# How long a process may go on with credentials that were changed elsewhere.
REMEMBERED_SECONDS = 30.0


class GatewayRow(Base):
    """A gateway's row; ``preferred`` is the one that a channel's messages go out by."""

    __tablename__ = "gateways"
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    sender: Mapped[str]
    credentials: Mapped[bytes]
    preferred: Mapped[bool]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class Gateway:
    """A gateway with its credentials in clear. ``sender``: bot name, phone number, short code or name."""

    tenant_id: UUID
    name: str
    channel: str
    sender: str
    credentials: Mapping[str, str]
    preferred: bool


_remembered: dict[tuple[UUID, str], tuple[float, Gateway]] = {}


def _open(row: GatewayRow) -> Gateway:
    clear = crypto.unseal(row.credentials, f"gateways.credentials:{row.tenant_id}:{row.name}")
    return Gateway(row.tenant_id, row.name, row.channel, row.sender, json.loads(clear), row.preferred)


async def gateway(tenant_id: UUID, name: str) -> Gateway:
    """The tenant's gateway of that name. Raises ``NotFound("gateway.unknown")``."""
    known = _remembered.get((tenant_id, name))
    if known and known[0] > time.monotonic():
        return known[1]
    async with transaction(tenant_id) as tx:
        row = await tx.session.get(GatewayRow, (tenant_id, name))
    if row is None:
        raise NotFound("gateway.unknown", gateway=name[:40])
    found = _open(row)
    _remembered[(tenant_id, name)] = (time.monotonic() + REMEMBERED_SECONDS, found)
    return found


async def all_gateways(tx: Tx) -> Sequence[Gateway]:
    """Every gateway of the tenant."""
    rows = await tx.session.scalars(
        select(GatewayRow).where(GatewayRow.tenant_id == tx.tenant_id).order_by(GatewayRow.name)
    )
    return [_open(row) for row in rows]


async def configure(
    tx: Tx, *, name: str, channel: str, sender: str, credentials: Mapping[str, str], preferred: bool = True
) -> None:
    """Write a gateway, new or changed."""
    values = {
        "tenant_id": tx.tenant_id,
        "name": name,
        "channel": channel,
        "sender": sender,
        "credentials": crypto.seal(
            json.dumps(dict(credentials)).encode(), f"gateways.credentials:{tx.tenant_id}:{name}"
        ),
        "preferred": preferred,
        "created_at": tx.now,
    }
    changed = {key: values[key] for key in ("channel", "sender", "credentials", "preferred")}
    await tx.session.execute(
        insert(GatewayRow).values(**values).on_conflict_do_update(index_elements=["tenant_id", "name"], set_=changed)
    )
    _remembered.pop((tx.tenant_id, name), None)


async def remove(tx: Tx, name: str) -> None:
    """Take a gateway away."""
    await tx.session.execute(delete(GatewayRow).where(GatewayRow.tenant_id == tx.tenant_id, GatewayRow.name == name))
    _remembered.pop((tx.tenant_id, name), None)
