"""The inbox: every message that a person sends, one row each, unique by gateway and the gateway's own id.

The row is written in the transaction that does what the message asks for. A repeated webhook finds it and does
nothing again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Tx
from core.ids import new_id

# Longer texts are cut: no command needs more, and nobody fills our disk by SMS.
LONGEST_TEXT = 1000


# What a channel writes as the text of a contact that is not the sender's own; nobody types it.
FOREIGN_CONTACT = "contact:foreign"


@dataclass(frozen=True)
class Inbound:
    """What a channel makes of a webhook.

    ``address``: chat id or E.164 number, proved by the channel. ``text``: what was typed; for a pressed button
    its data. ``contact_phone``: a phone that the channel has proved to be the sender's own. ``name``: what the
    channel says they are called, a suggestion only. ``language_hint``: likewise.
    """

    channel: str
    gateway: str
    address: str
    text: str
    external_id: str
    received_at: datetime
    name: str = ""
    language_hint: str = ""
    contact_phone: str = ""

    def __post_init__(self) -> None:
        # PostgreSQL's text holds every character but this one.
        object.__setattr__(self, "text", self.text.replace("\x00", ""))
        object.__setattr__(self, "name", self.name.replace("\x00", ""))


class InboxRow(Base):
    """A message that arrived. ``undo``: how to take back what it did, while that is possible."""

    __tablename__ = "inbox"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    gateway: Mapped[str]
    external_id: Mapped[str]
    address_id: Mapped[UUID | None]
    text: Mapped[str]
    received_at: Mapped[datetime]
    command: Mapped[str | None]
    state: Mapped[str]
    failure: Mapped[str | None]
    undo: Mapped[dict[str, Any] | None]


_TABLE = cast(Table, InboxRow.__table__)
_TAKE_IN = (
    insert(_TABLE).on_conflict_do_nothing(index_elements=["tenant_id", "gateway", "external_id"]).returning(_TABLE.c.id)
)


async def take_in(tx: Tx, inbound: Inbound, address_id: UUID, *, command: str | None = None) -> tuple[UUID, bool]:
    """Write the row; ``(id, True)`` when it is new, ``(id of the first, False)`` when it came before.

    Waits for a transaction that is just taking in the same message.
    """
    inbox_id: UUID | None = await tx.session.scalar(
        _TAKE_IN,
        {
            "id": new_id(),
            "tenant_id": tx.tenant_id,
            "gateway": inbound.gateway,
            "external_id": inbound.external_id,
            "address_id": address_id,
            "text": inbound.text[:LONGEST_TEXT],
            "received_at": inbound.received_at,
            "command": command,
        },
    )
    if inbox_id is not None:
        return inbox_id, True
    first = await tx.session.scalar(
        select(InboxRow.id).where(
            InboxRow.tenant_id == tx.tenant_id,
            InboxRow.gateway == inbound.gateway,
            InboxRow.external_id == inbound.external_id,
        )
    )
    if first is None:
        raise RuntimeError("a message that came before is not in the inbox")
    return first, False
