"""The inbox: every message that a person sends, one row each, unique by gateway and the gateway's own id.

The row is written in the transaction that does what the message asks for. A repeated webhook finds it and does
nothing again.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from core import people
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

    ``screen``: the answer stands on a screen for a moment and the next digit answers what is there (USSD);
    ``before`` is then the ``external_id`` of the step whose answer they see, empty when they have just dialled.
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
    screen: bool = False
    before: str = ""

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


@dataclass(frozen=True)
class TakenIn:
    """A message in the inbox. ``inbox_id``: its row, for a repeat that of the first, and ``new`` says which.

    ``address_id`` wrote it; ``asked``: there are questions that this address may still answer.
    """

    inbox_id: UUID
    new: bool
    address_id: UUID
    asked: bool


_TAKE_IN = "SELECT first, new, address_id, asked FROM take_in($1, $2, $3, $4, $5, $6, $7, $8, $9)"


async def take_in(tx: Tx, inbound: Inbound, *, command: str | None = None) -> TakenIn:
    """Write the row, and hold the address until the end: what one person writes is answered one after the other.

    An address that is new to us is made. Waits for a transaction that is just taking in the same message.
    """
    lookup = people.lookup(tx, channel=inbound.channel, value=inbound.address)
    values = (
        *(tx.tenant_id, inbound.channel, lookup, new_id(), inbound.gateway, inbound.external_id),
        *(inbound.text[:LONGEST_TEXT], inbound.received_at, command),
    )
    row = await tx.row(_TAKE_IN, *values)
    if row is None:
        await people.address_of(tx, channel=inbound.channel, gateway=inbound.gateway, value=inbound.address)
        row = await tx.row(_TAKE_IN, *values)
    if row is None:
        raise RuntimeError("an address that was just written is not there")
    return TakenIn(*row)


_KEEP = """
UPDATE inbox SET command = coalesce($3, command), undo = $4::jsonb, state = coalesce($5, state), failure = $6
WHERE tenant_id = $1 AND id = $2
"""


async def keep(
    tx: Tx,
    inbox_id: UUID,
    *,
    command: str | None = None,
    undo: dict[str, Any] | None = None,
    state: str | None = None,
    failure: str | None = None,
) -> None:
    """Write down what was not known when the message was taken in. None: as it is, or there is none."""
    undo_json = json.dumps(undo) if undo else None
    await tx.rows(_KEEP, tx.tenant_id, inbox_id, command, undo_json, state, failure)


async def hide(tx: Tx, inbox_id: UUID, *, instead: str) -> None:
    """Keep the message without its text, because it holds a secret."""
    await tx.rows("UPDATE inbox SET text = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant_id, inbox_id, instead)
