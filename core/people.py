"""People: human beings known by verified addresses (a Telegram account, a phone number), in one tenant.

Addresses are stored sealed and found by a keyed hash. Identity is the address alone: a Telegram account's
numeric id, the sender of an SMS; never a name or a number that somebody typed. Two addresses become one
person's by a shared contact that is the sender's own, or by a code sent to the phone (``core.linking``).
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import crypto, phones
from core.db import Base, Tx, columns, unscoped, width
from core.errors import NotFound, Refusal
from core.ids import new_id
from core.messages import SMS, TELEGRAM

LONGEST_NAME = 80


@dataclass(frozen=True)
class Tenant:
    """An operator who runs many equbs on this installation."""

    id: UUID
    code: str
    name: str
    currency: str
    timezone: str
    language: str


class Person(Base):
    """A human being. ``language`` is their choice, ``calendar`` too (None: what the language counts by).

    ``consented_at``: since when they agree to be kept and written to.
    What they said, when and to which sentence is a record of its own (``core.consent.agreement``).
    """

    __tablename__ = "people"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    name: Mapped[str]
    language: Mapped[str]
    calendar: Mapped[str | None]
    consented_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    last_group_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Address(Base):
    """A way to reach somebody. ``state``: active, stopped (they said STOP), dead (the provider says so)."""

    __tablename__ = "addresses"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    person_id: Mapped[UUID | None]
    channel: Mapped[str]
    gateway: Mapped[str]
    lookup: Mapped[bytes]
    secret: Mapped[bytes]
    masked: Mapped[str]
    language: Mapped[str | None]
    state: Mapped[str]
    verified_at: Mapped[datetime | None]
    last_heard_at: Mapped[datetime | None]
    last_group_id: Mapped[UUID | None]
    created_at: Mapped[datetime]

    @property
    def value(self) -> str:
        """The address in clear: a chat id or an E.164 number. Never log it."""
        return address_in_clear(self.id, self.secret)


def address_in_clear(address_id: UUID, secret: bytes) -> str:
    """The chat id or E.164 number that an address row seals. Never log it."""
    return crypto.unseal(secret, f"addresses.secret:{address_id}").decode()


# How long a process may go on with a tenant that was changed or suspended elsewhere.
REMEMBERED_SECONDS = 30.0

_tenants: dict[str, tuple[float, Tenant]] = {}


async def tenant_by_code(code: str) -> Tenant:
    """The active tenant of that code. Raises ``NotFound("tenant.unknown")``."""
    known = _tenants.get(code)
    if known is None or known[0] < time.monotonic():
        async with unscoped() as session:
            row = (
                await session.execute(
                    text(
                        "SELECT id, code, name, currency, timezone, language FROM tenants"
                        " WHERE code = :code AND status = 'active'"
                    ),
                    {"code": code},
                )
            ).one_or_none()
        if row is None:
            raise NotFound("tenant.unknown", tenant=code[:40])
        known = _tenants[code] = (time.monotonic() + REMEMBERED_SECONDS, Tenant(*row))
    return known[1]


async def tenant_by_id(tenant_id: UUID) -> Tenant:
    """The tenant of that id, active or not. Raises ``NotFound``."""
    for until, tenant in _tenants.values():
        if tenant.id == tenant_id and until >= time.monotonic():
            return tenant
    async with unscoped() as session:
        code = await session.scalar(
            text("SELECT code FROM tenants WHERE id = :id AND status = 'active'"), {"id": tenant_id}
        )
    if code is None:
        raise NotFound("tenant.unknown")
    return await tenant_by_code(code)


_TENANT = "SELECT id, code, name, currency, timezone, language FROM tenants WHERE id = $1"


async def tenant_of(tx: Tx) -> Tenant:
    """The tenant of this unit of work, read on its own connection when it is not remembered.

    Whoever holds a connection must not wait for another: ten that do so at once wait for each other.
    """
    for until, tenant in _tenants.values():
        if tenant.id == tx.tenant_id and until >= time.monotonic():
            return tenant
    row = await tx.row(_TENANT, tx.tenant_id)
    if row is None:
        raise NotFound("tenant.unknown")
    return Tenant(*row)


def forget_tenants() -> None:
    """Drop what is remembered of tenants, after one was changed."""
    _tenants.clear()


def tidy_name(typed: str) -> str:
    """A name as people write it, in any script: NFC, single spaces, no control characters.

    Raises ``Refusal("name.…")`` when nothing is left or it is too long.
    """
    name = " ".join("".join(c if c.isprintable() else " " for c in normalize("NFC", typed)).split())
    if not any(c.isalpha() for c in name):
        raise Refusal("name.not_understood")
    if len(name) > LONGEST_NAME:
        raise Refusal("name.too_long", most=LONGEST_NAME)
    return name


def lookup(tx: Tx, *, channel: str, value: str) -> bytes:
    """The keyed hash by which a chat id or E.164 number is found in this tenant."""
    return crypto.lookup(value, f"address:{tx.tenant_id}:{channel}")


def _masked(channel: str, value: str) -> str:
    return phones.masked(value) if channel == SMS else f"telegram …{value[-3:]}"


async def find_address(tx: Tx, *, channel: str, value: str) -> Address | None:
    """The address row of a chat id or E.164 number, if there is one."""
    wanted = lookup(tx, channel=channel, value=value)
    return await tx.session.scalar(
        select(Address).where(Address.tenant_id == tx.tenant_id, Address.channel == channel, Address.lookup == wanted)
    )


_SPEAKER = f"""
SELECT {columns(Address, "a")}, {columns(Person, "p")}
FROM addresses a LEFT JOIN people p ON p.id = a.person_id WHERE a.id = $1
"""  # noqa: S608 (ours alone)
_ADDRESS_WIDTH = width(Address)


async def speaker(tx: Tx, address_id: UUID) -> tuple[Address, Person | None]:
    """An address that is there, with its person, if it is somebody's."""
    row = await tx.row(_SPEAKER, address_id)
    if row is None:
        raise RuntimeError("a message was taken in from an address that is not there")
    address = tx.entity(Address, row[:_ADDRESS_WIDTH])
    return address, tx.entity(Person, row[_ADDRESS_WIDTH:]) if address.person_id else None


async def address_of(tx: Tx, *, channel: str, gateway: str, value: str) -> Address:
    """The address row, made when it is new. Safe against two arriving at once."""
    found = await find_address(tx, channel=channel, value=value)
    if found is not None:
        return found
    address_id = new_id()
    await tx.session.execute(
        insert(Address)
        .values(
            id=address_id,
            tenant_id=tx.tenant_id,
            channel=channel,
            gateway=gateway,
            lookup=lookup(tx, channel=channel, value=value),
            secret=crypto.seal(value.encode(), f"addresses.secret:{address_id}"),
            masked=_masked(channel, value),
            state="active",
            created_at=tx.now,
        )
        .on_conflict_do_nothing()
    )
    made = await find_address(tx, channel=channel, value=value)
    if made is None:
        raise RuntimeError("an address that was just written is not there")
    return made


async def register(tx: Tx, address: Address, *, name: str, language: str) -> Person:
    """Make the holder of an address a person, who has agreed to nothing yet (``core.consent.agreement``)."""
    person = Person(
        id=new_id(),
        tenant_id=tx.tenant_id,
        name=tidy_name(name),
        language=language,
        consented_at=None,
        erased_at=None,
        last_group_id=None,
        created_at=tx.now,
    )
    tx.session.add(person)
    await tx.session.flush()
    address.person_id = person.id
    address.verified_at = tx.now
    await tx.session.flush()
    return person


async def person_with_phone(tx: Tx, *, phone: str, name: str, language: str, gateway: str) -> Person:
    """The person of a phone number, registered when new (an officer enters them; they consent on their phone)."""
    address = await address_of(tx, channel=SMS, gateway=gateway, value=phone)
    if address.person_id is not None:
        return await person(tx, address.person_id)
    return await register(tx, address, name=name, language=language)


@dataclass(frozen=True)
class Entry:
    """Somebody whom an officer enters: ``phone`` is E.164, or None for one who cannot be reached."""

    name: str
    phone: str | None
    language: str


async def with_phones(tx: Tx, phone_numbers: Iterable[str]) -> dict[str, tuple[Address, Person | None]]:
    """E.164 number → its address and the person it belongs to, for those of the numbers that are known."""
    wanted = {lookup(tx, channel=SMS, value=phone): phone for phone in phone_numbers}
    rows = await tx.session.execute(
        select(Address, Person)
        .outerjoin(Person, Person.id == Address.person_id)
        .where(Address.tenant_id == tx.tenant_id, Address.channel == SMS, Address.lookup.in_(list(wanted)))
    )
    return {wanted[bytes(address.lookup)]: (address, who) for address, who in rows}


async def enter(tx: Tx, entries: Sequence[Entry], *, gateway: str) -> list[UUID]:
    """Many at once, as ``person_with_phone`` does it for one: known numbers are the people they belong to."""
    known = await with_phones(tx, [entry.phone for entry in entries if entry.phone])
    made: list[dict[str, Any]] = []
    reached: list[dict[str, Any]] = []
    ids: list[UUID] = []
    for entry in entries:
        address, who = known.get(entry.phone, (None, None)) if entry.phone else (None, None)
        if who is not None:
            ids.append(who.id)
            continue
        ids.append(new_id())
        made.append(
            {
                "id": ids[-1],
                "tenant_id": tx.tenant_id,
                "name": tidy_name(entry.name),
                "language": entry.language,
                "created_at": tx.now,
            }
        )
        if address is not None:
            address.person_id, address.verified_at = ids[-1], tx.now
        elif entry.phone:
            reached.append(_entered(tx, ids[-1], entry.phone, gateway))
    if made:
        await tx.session.execute(insert(Person), made)
    await tx.session.flush()
    if reached:
        await tx.session.execute(insert(Address), reached)
    return ids


def _entered(tx: Tx, person_id: UUID, phone: str, gateway: str) -> dict[str, Any]:
    address_id = new_id()
    return {
        "id": address_id,
        "tenant_id": tx.tenant_id,
        "person_id": person_id,
        "channel": SMS,
        "gateway": gateway,
        "lookup": lookup(tx, channel=SMS, value=phone),
        "secret": crypto.seal(phone.encode(), f"addresses.secret:{address_id}"),
        "masked": _masked(SMS, phone),
        "state": "active",
        "verified_at": tx.now,
        "created_at": tx.now,
    }


async def person(tx: Tx, person_id: UUID) -> Person:
    """A person of this tenant. Raises ``NotFound("person.unknown")``."""
    found = await tx.session.get(Person, person_id)
    if found is None:
        raise NotFound("person.unknown")
    return found


async def addresses(tx: Tx, person_id: UUID) -> Sequence[Address]:
    """Every address of a person, Telegram first."""
    rows = await tx.session.scalars(
        select(Address).where(Address.person_id == person_id).order_by(Address.channel.desc(), Address.id)
    )
    return rows.all()


_REACH = f"""
SELECT {columns(Address, "a")}, {columns(Person, "p")}
FROM addresses a JOIN people p ON p.id = a.person_id
WHERE a.person_id = ANY ($1::uuid[]) AND a.state = 'active' AND p.consented_at IS NOT NULL
ORDER BY a.person_id, a.channel DESC, a.id
"""  # noqa: S608 (ours alone)


async def where_to_reach(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, tuple[Address, Person]]:
    """For each person the one address that notices go to: Telegram where it works, else SMS.

    People who have not agreed to be written to, who said STOP on every address, or whose addresses are all dead, are
    not in the answer.
    """
    best: dict[UUID, tuple[Address, Person]] = {}
    for row in await tx.rows(_REACH, list(person_ids)):
        address = tx.entity(Address, row[:_ADDRESS_WIDTH])
        if address.person_id is not None and address.person_id not in best:
            best[address.person_id] = (address, tx.entity(Person, row[_ADDRESS_WIDTH:]))
    return best


async def phone_of(tx: Tx, person_id: UUID) -> Address | None:
    """The person's SMS address, if any."""
    rows = await addresses(tx, person_id)
    return next((row for row in rows if row.channel == SMS), None)


async def set_state(tx: Tx, address_id: UUID, state: str) -> None:
    """active, stopped or dead."""
    await tx.session.execute(update(Address).where(Address.id == address_id).values(state=state))


async def preferred_gateway(tx: Tx, channel: str) -> str:
    """The name of the gateway this tenant sends a channel's messages through."""
    rows = await tx.session.execute(
        text("SELECT name FROM gateways WHERE channel = :channel ORDER BY preferred DESC, name LIMIT 1"),
        {"channel": channel},
    )
    name: Any = rows.scalar()
    return str(name) if name else TELEGRAM if channel == TELEGRAM else "http"
