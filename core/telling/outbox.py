"""The outbox: every message that leaves, one row each, written in the transaction that is its cause.

A row is unique by (event, address): the same notice is never queued twice for one person. It is claimed and
committed as ``sending`` before the provider is called; whoever dies in between leaves a row that is *uncertain*,
never one that is sent again blindly. Words may repeat where a person can tell; money may not.

Replies are written as already claimed by the process that will deliver them right after its commit; notices are
queued and drained per address, in order, by workers.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Integer, LargeBinary, SmallInteger, Text, Uuid, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core import people
from core.db import Base, Tx, transaction
from core.errors import Refusal
from core.ids import new_id
from core.messages import Message, Reader, pack, render, show
from core.people import Address, Person

REPLY = 0
NOTICE = 1

# A delivery that is not answered for this long is uncertain.
SENDING_SECONDS = 60
# Waiting times after a failure that is worth another try; after the last one the row is failed, with a reason.
RETRY_SECONDS = (10, 30, 90)

_IN_ANSWER = "in the answer to the webhook"


class OutboxRow(Base):
    """A message to one address. States: queued, sending, sent, delivered, uncertain, failed, held."""

    __tablename__ = "outbox"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Identity(always=True))
    tenant_id: Mapped[UUID]
    address_id: Mapped[UUID]
    person_id: Mapped[UUID | None]
    group_id: Mapped[UUID | None]
    inbox_id: Mapped[UUID | None]
    event: Mapped[str]
    kind: Mapped[str]
    params: Mapped[dict[str, Any]]
    language: Mapped[str]
    text: Mapped[str]
    choices: Mapped[list[Any]]
    extras: Mapped[dict[str, Any]]
    priority: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str]
    send_after: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer)
    gateway: Mapped[str | None]
    provider_id: Mapped[str | None]
    reason: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class Outgoing:
    """What a channel needs to send one message. ``choices``: (label, callback data) in order."""

    id: UUID
    tenant_id: UUID
    channel: str
    gateway: str
    address: str
    text: str
    choices: Sequence[tuple[str, str]]
    extras: Mapping[str, Any]
    priority: int


@dataclass(frozen=True)
class Delivery:
    """What came of sending.

    ``outcome``: sent · rejected (the message can never go) · dead (the address can never be reached) · later
    (not processed: try again after ``retry_seconds``) · unknown (nobody can say whether it went).
    ``whole_gateway``: the wait holds for every message of this gateway, not for this address alone.
    """

    outcome: str
    provider_id: str | None = None
    reason: str | None = None
    retry_seconds: float | None = None
    whole_gateway: bool = False


Sender = Callable[[Outgoing], Awaitable[Delivery]]


def _row(
    tx: Tx,
    address: Address,
    message: Message,
    *,
    event: str,
    language: str,
    calendar: str | None,
    person_id: UUID | None,
    group_id: UUID | None = None,
    inbox_id: UUID | None = None,
    priority: int = NOTICE,
    send_after: datetime | None = None,
    rendered: Any = None,
    timezone: str,
) -> dict[str, Any]:
    reader = Reader(language, address.channel, timezone, calendar)
    rendered = rendered or render(message, reader)
    values = [choice.value for choice in message.choices]
    return {
        "id": new_id(),
        "address_id": address.id,
        "person_id": person_id,
        "group_id": group_id,
        "inbox_id": inbox_id,
        "event": event,
        "kind": message.kind.name,
        "params": pack(message),
        "language": language,
        "text": rendered.text,
        "choices": list(zip(rendered.labels, values, strict=False)),
        "extras": {
            name: show(value, reader) if isinstance(value, Message) else value for name, value in message.extras.items()
        },
        "priority": priority,
        "send_after": send_after or tx.now,
        "gateway": address.gateway,
    }


_JSON = ("params", "choices", "extras")
_FIELDS = {
    "id": "uuid",
    "address_id": "uuid",
    "person_id": "uuid",
    "group_id": "uuid",
    "inbox_id": "uuid",
    "event": "text",
    "kind": "text",
    "params": "text",
    "language": "text",
    "text": "text",
    "choices": "text",
    "extras": "text",
    "priority": "smallint",
    "send_after": "timestamptz",
    "gateway": "text",
}
# One statement however many rows there are, in their order.
_INSERT = f"""
INSERT INTO outbox (tenant_id, state, claimed_at, attempts, sent_at, reason, created_at, {", ".join(_FIELDS)})
SELECT $1, $2, $3, $4, $5, $6, $7,
       {", ".join(f"v.{name}::jsonb" if name in _JSON else f"v.{name}" for name in _FIELDS)}
FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_FIELDS.values(), 8))})
     AS v ({", ".join(_FIELDS)})
ON CONFLICT (tenant_id, event, address_id) DO NOTHING RETURNING address_id
"""  # noqa: S608 (ours alone)


async def _write(tx: Tx, rows: Sequence[dict[str, Any]], *, state: str, reason: str | None = None) -> set[UUID]:
    """Insert rows of ``_row``: queued, claimed by this process (sending) or sent. Returns the addresses of new ones."""
    claimed_at = None if state == "queued" else tx.now
    made = await tx.rows(
        _INSERT,
        *(tx.tenant_id, state, claimed_at, 0 if state == "queued" else 1, tx.now if state == "sent" else None),
        *(reason, tx.now),
        *([json.dumps(row[name]) if name in _JSON else row[name] for row in rows] for name in _FIELDS),
    )
    return {row[0] for row in made}


async def reply(
    tx: Tx,
    address: Address,
    messages: Iterable[Message],
    *,
    inbox_id: UUID,
    language: str,
    timezone: str,
    calendar: str | None = None,
    group_id: UUID | None = None,
    said: bool = False,
) -> list[Outgoing]:
    """Write the answers to an inbound message, claimed by this process, which delivers them after its commit.

    ``said``: the answer to the webhook says them, and is their delivery.
    """
    rows = [
        _row(
            tx,
            address,
            message,
            event=f"reply:{inbox_id}:{n}",
            language=language,
            calendar=calendar,
            person_id=address.person_id,
            group_id=group_id,
            inbox_id=inbox_id,
            priority=REPLY,
            timezone=timezone,
        )
        for n, message in enumerate(messages)
    ]
    if rows:
        await _write(tx, rows, state="sent" if said else "sending", reason=_IN_ANSWER if said else None)
    return [
        Outgoing(
            row["id"],
            tx.tenant_id,
            address.channel,
            address.gateway,
            address.value,
            row["text"],
            row["choices"],
            row["extras"],
            REPLY,
        )
        for row in rows
    ]


async def tell(
    tx: Tx,
    person_ids: Iterable[UUID],
    message: Message | Callable[[Person, Address], Awaitable[Message | None]],
    *,
    event: str,
    timezone: str,
    group_id: UUID | None = None,
    send_after: datetime | None = None,
) -> int:
    """Queue a notice for each person, in their language, at the address they are reached at.

    ``message`` is the same for all, or made for each (None: nothing for this one). Queued at most once by
    (event, address). Returns how many rows are new. People who cannot be reached are left out.

    So are those who have not agreed to be written to. For them nothing is kept back either: what a notice says is
    old when they agree, perhaps weeks later, and STATUS says what is true then; a pile of stale texts would be the
    first thing they ever got. The one message that may go before is an invitation (``core.telling.invitations``).
    """
    wanted = list(person_ids)
    reach = await people.where_to_reach(tx, wanted)
    rows = []
    rendered: dict[tuple[str, str, str | None], Any] = {}
    # In the order in which they were named, which is the same every time.
    for person_id in dict.fromkeys(one for one in wanted if one in reach):
        address, person = reach[person_id]
        one = message if isinstance(message, Message) else await message(person, address)
        if one is None:
            continue
        form = None
        if isinstance(message, Message):
            # The same sentence for hundreds of people is put into words once per language and channel.
            key = (person.language, address.channel, person.calendar)
            form = rendered.get(key) or rendered.setdefault(
                key, render(one, Reader(person.language, address.channel, timezone, person.calendar))
            )
        rows.append(
            _row(
                tx,
                address,
                one,
                event=event,
                language=person.language,
                calendar=person.calendar,
                person_id=person_id,
                group_id=group_id,
                send_after=send_after,
                rendered=form,
                timezone=timezone,
            )
        )
    if not rows:
        return 0
    told = await _write(tx, rows, state="queued")
    tx.notified |= told
    return len(told)


async def is_queued(tx: Tx, event: str) -> bool:
    """Whether anybody is told of an event already, sent or not."""
    query = select(OutboxRow.id).where(OutboxRow.tenant_id == tx.tenant_id, OutboxRow.event == event).limit(1)
    return await tx.session.scalar(query) is not None


@dataclass(frozen=True)
class Said:
    """A message to an address that may be nobody's yet, in a language, not before an instant."""

    address: Address
    message: Message
    language: str
    send_after: datetime


async def tell_addresses(
    tx: Tx, what: Iterable[Said], *, event: str, timezone: str, group_id: UUID | None = None
) -> set[UUID]:
    """Queue a message for each address, whatever its person has agreed to; the addresses not told of it before."""
    rows = [
        _row(
            tx,
            one.address,
            one.message,
            event=event,
            language=one.language,
            calendar=None,
            person_id=one.address.person_id,
            group_id=group_id,
            send_after=one.send_after,
            timezone=timezone,
        )
        for one in what
    ]
    told = await _write(tx, rows, state="queued") if rows else set()
    tx.notified |= told
    return told


async def tell_everywhere(tx: Tx, person: Person, message: Message, *, event: str, besides: UUID | None = None) -> None:
    """Queue a message for every address of somebody who has agreed to be told: what a thief must not keep from them."""
    if person.consented_at is None:
        return
    tenant = await people.tenant_of(tx)
    found = [one for one in await people.addresses(tx, person.id) if one.state == "active" and one.id != besides]
    said = [Said(one, message, person.language, tx.now) for one in found]
    await tell_addresses(tx, said, event=event, timezone=tenant.timezone)


# One statement: the address is locked, so that two workers do not send out of order; a message that was put off
# stays at the head of its line, so that none overtakes it. Who waited here for another sees the line as it was
# before, and then finds its head taken: the condition on the row itself is looked at again, and nothing happens.
_CLAIM = text(
    """
    WITH a AS (
        SELECT id, channel, gateway, secret, state FROM addresses WHERE id = :address FOR NO KEY UPDATE
    ), head AS (
        SELECT o.id, o.send_after FROM outbox o, a
        WHERE o.address_id = a.id AND o.state = 'queued' AND (o.send_after <= :now OR o.claimed_at IS NOT NULL)
          AND NOT EXISTS (SELECT FROM outbox s WHERE s.address_id = a.id AND s.state = 'sending')
        ORDER BY o.priority, o.seq LIMIT 1
    )
    UPDATE outbox SET
        state = CASE WHEN a.state = 'active' THEN 'sending' ELSE 'held' END,
        reason = CASE WHEN a.state = 'active' THEN NULL ELSE 'the address is ' || a.state END,
        claimed_at = :now, attempts = attempts + 1, gateway = a.gateway
    FROM head, a
    WHERE outbox.id = head.id AND outbox.state = 'queued' AND head.send_after <= :now
    RETURNING outbox.id, a.channel, a.gateway, a.secret, outbox.text, outbox.choices, outbox.extras,
              outbox.priority, outbox.state
    """
).columns(
    id=Uuid, channel=Text, gateway=Text, secret=LargeBinary, text=Text, choices=JSONB, extras=JSONB,
    priority=Integer, state=Text,
)  # fmt: skip


async def claim(tx: Tx, address_id: UUID) -> Outgoing | None:
    """The next message waiting for an address, marked ``sending``; None when there is none or one is under way.

    Commit before sending. What waits for an address that is stopped or dead is held.
    """
    while True:
        row = (await tx.session.execute(_CLAIM, {"address": address_id, "now": tx.now})).one_or_none()
        if row is None:
            return None
        if row.state == "sending":
            break
    return Outgoing(
        row.id,
        tx.tenant_id,
        row.channel,
        row.gateway,
        people.address_in_clear(address_id, row.secret),
        row.text,
        [(label, data) for label, data in row.choices],
        row.extras,
        row.priority,
    )


# Row by row: joined to a list whose length it cannot know, the planner reads the whole outbox.
_SENT = """
UPDATE outbox SET state = 'sent', provider_id = $2, reason = $3, sent_at = $4
WHERE id = $1 AND state IN ('sending', 'uncertain')
"""


async def record(tx: Tx, outgoing: Outgoing, delivery: Delivery) -> float | None:
    """Write what came of a delivery; returns the seconds until the next try when there is one."""
    if delivery.outcome == "sent":
        # The common case, in one statement.
        await record_all(tx, [(outgoing, delivery)])
        return None
    row = await tx.session.get(OutboxRow, outgoing.id, with_for_update=True)
    if row is None or row.state != "sending":
        return None
    row.provider_id, row.reason = delivery.provider_id, delivery.reason
    match delivery.outcome:
        case "unknown":
            row.state = "uncertain"
        case "later" if row.attempts <= len(RETRY_SECONDS) or delivery.whole_gateway:
            wait = delivery.retry_seconds or RETRY_SECONDS[min(row.attempts, len(RETRY_SECONDS)) - 1]
            row.state, row.send_after = "queued", tx.now + timedelta(seconds=wait)
            if delivery.whole_gateway:
                row.attempts -= 1
            return wait
        case "dead":
            row.state = "failed"
            await people.set_state(tx, row.address_id, "dead")
            await _fall_back(tx, row)
        case _:
            row.state = "failed"
    return None


async def _fall_back(tx: Tx, row: OutboxRow) -> None:
    """Say it by the person's other address, if there is one, under the same event: only one of them wins."""
    if row.person_id is None:
        return
    from core.sentences import KINDS  # the sentences import the messages that this module puts in rows

    reach = await people.where_to_reach(tx, [row.person_id])
    if row.person_id not in reach:
        return
    address, person = reach[row.person_id]
    if address.id == row.address_id:
        return
    from core.messages import unpack

    tenant = await people.tenant_of(tx)
    values = _row(
        tx,
        address,
        unpack(row.params, KINDS),
        event=row.event,
        language=person.language,
        calendar=person.calendar,
        person_id=person.id,
        group_id=row.group_id,
        priority=row.priority,
        timezone=tenant.timezone,
    )
    await _write(tx, [values], state="queued")


async def record_all(tx: Tx, done: Sequence[tuple[Outgoing, Delivery]]) -> None:
    """Write what came of several deliveries of one tenant."""
    sent = [
        (outgoing.id, delivery.provider_id, delivery.reason, tx.now)
        for outgoing, delivery in done
        if delivery.outcome == "sent"
    ]
    if sent:
        await tx.each(_SENT, sent)
    for outgoing, delivery in done:
        if delivery.outcome != "sent":
            await record(tx, outgoing, delivery)


async def attempt(outgoing: Outgoing, send: Sender) -> Delivery:
    """Send one claimed message; what a provider's library throws is *unknown*."""
    try:
        return await send(outgoing)
    except Exception as error:  # the row must say what is known, and that is nothing
        return Delivery("unknown", reason=f"{type(error).__name__} while sending")


async def deliver(outgoing: Outgoing, send: Sender) -> Delivery:
    """Send one claimed message and record what came of it."""
    delivery = await attempt(outgoing, send)
    async with transaction(outgoing.tenant_id) as tx:
        await record(tx, outgoing, delivery)
    return delivery


async def drain(tenant_id: UUID, address_id: UUID, send: Sender, *, most: int = 20) -> tuple[int, Delivery | None]:
    """Send what waits for an address, in order. Returns (how many were sent, the delivery that stopped it)."""
    async with transaction(tenant_id) as tx:
        outgoing = await claim(tx, address_id)
    sent = 0
    while outgoing is not None:
        delivery = await attempt(outgoing, send)
        # What came of one and the claim of the next are one transaction.
        async with transaction(tenant_id) as tx:
            await record(tx, outgoing, delivery)
            done = delivery.outcome == "later" or sent + 1 >= most
            outgoing = None if done else await claim(tx, address_id)
        if delivery.outcome == "later":
            return sent, delivery
        sent += 1
    return sent, None


async def give_up_waiting(tenant_id: UUID, outbox_id: UUID, *, before: datetime) -> None:
    """A message that has been *sending* since before ``before`` is uncertain: its process is gone."""
    async with transaction(tenant_id) as tx:
        await tx.session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == outbox_id, OutboxRow.state == "sending", OutboxRow.claimed_at < before)
            .values(state="uncertain", reason="the process that was sending it ended")
        )


# Reports come out of order; a final state is never left, and none goes back.
_RANK = {"sending": 0, "uncertain": 0, "sent": 1, "failed": 2, "delivered": 3}


async def report(tx: Tx, *, gateway: str, provider_id: str, state: str, reason: str | None = None) -> bool:
    """Apply a delivery report (``sent``, ``delivered``, ``failed``); False when we know no such message."""
    row = await tx.session.scalar(
        select(OutboxRow)
        .where(
            OutboxRow.tenant_id == tx.tenant_id,
            OutboxRow.gateway == gateway,
            OutboxRow.provider_id == provider_id,
        )
        .with_for_update()
    )
    if row is None:
        return False
    if _RANK.get(state, 0) > _RANK.get(row.state, 0):
        row.state, row.reason = state, reason
        if state == "delivered":
            row.delivered_at = tx.now
        if state == "failed" and reason == "dead":
            await people.set_state(tx, row.address_id, "dead")
            await _fall_back(tx, row)
    return True


async def resend(tx: Tx, outbox_id: UUID) -> OutboxRow | None:
    """Queue a failed, held or uncertain message again, because a person looked at it and said so.

    Not against the word of whom it is for: a notice to somebody who has not agreed to any, or an invitation to who has
    answered it, stays as it is. Raises ``Refusal("message.not_agreed")``.
    """
    row = await tx.session.get(OutboxRow, outbox_id, with_for_update=True)
    if row is None or row.state not in ("failed", "held", "uncertain"):
        return row
    person = await people.person(tx, row.person_id) if row.person_id else None
    invitation = row.kind == "consent_entered"
    if person is not None and row.priority != REPLY and (person.consented_at is None) != invitation:
        raise Refusal("message.not_agreed")
    if invitation and row.state == "held":
        raise Refusal("message.not_agreed")
    row.state, row.send_after, row.attempts, row.reason = "queued", tx.now, 0, None
    await tx.session.flush()
    return row


async def reply_texts(tx: Tx, inbox_id: UUID) -> list[str]:
    """What was answered to an inbound message: the same again for a repeated webhook."""
    return [row[0] for row in await tx.rows("SELECT text FROM outbox WHERE inbox_id = $1 ORDER BY seq", inbox_id)]
