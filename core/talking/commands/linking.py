"""One person on two channels: LINK by a code sent to the phone, or the shared contact.

A code always travels to the phone and is typed on Telegram. The other way round anybody who can forge a sender
could tie their own account to somebody else's number.
"""

import secrets
from datetime import timedelta
from typing import Annotated

from sqlalchemy import text, update

from core import crypto, people, phones
from core import sentences as say
from core.errors import Refusal
from core.messages import SMS, TELEGRAM, Message
from core.people import Address, Person
from core.talking.asks import Words
from core.talking.command import command
from core.talking.talk import Talk

CODE_LIFETIME = timedelta(minutes=10)
MOST_TRIES = 5
MOST_TRIES_WITHIN = timedelta(hours=1)


def _lookup(talk: Talk, code: str) -> bytes:
    return crypto.lookup(code, f"link:{talk.tx.tenant_id}")


@command("LINK", about=say.ABOUT_LINK)
async def link(talk: Talk, code: Annotated[str, Words()]) -> Message:
    """On the phone: gives a code. On Telegram: takes it, and the two are one person."""
    if talk.address.channel == SMS:
        if code:
            raise Refusal("link.on_telegram")
        return await _give_code(talk)
    if not code:
        return say.LINK_HOW().showing(contact_button=True, contact_label=say.SHARE_CONTACT())
    await _count_try(talk)
    address_id = await talk.tx.session.scalar(
        text(
            "UPDATE link_codes SET used_at = :now WHERE tenant_id = :tenant AND lookup = :lookup"
            " AND used_at IS NULL AND expires_at > :now RETURNING address_id"
        ),
        {"now": talk.tx.now, "tenant": talk.tx.tenant_id, "lookup": _lookup(talk, code.replace(" ", ""))},
    )
    if address_id is None:
        raise Refusal("link.unknown_code")
    phone = await talk.tx.session.get(Address, address_id)
    if phone is None:
        raise Refusal("link.unknown_code")
    return await _join_addresses(talk, phone)


async def _give_code(talk: Talk) -> Message:
    code = f"{secrets.randbelow(10**8):08}"
    await talk.tx.session.execute(
        text(
            "INSERT INTO link_codes (tenant_id, lookup, address_id, expires_at)"
            " VALUES (:tenant, :lookup, :address, :until)"
        ),
        {
            "tenant": talk.tx.tenant_id,
            "lookup": _lookup(talk, code),
            "address": talk.address.id,
            "until": talk.tx.now + CODE_LIFETIME,
        },
    )
    return say.LINK_CODE(code=f"{code[:4]} {code[4:]}")


async def _count_try(talk: Talk) -> None:
    """Eight digits are not guessed in five tries an hour."""
    tries = await talk.tx.session.scalar(
        text(
            "SELECT count(*) FROM inbox WHERE address_id = :address AND failure = 'link.unknown_code'"
            " AND received_at > :since"
        ),
        {"address": talk.address.id, "since": talk.tx.now - MOST_TRIES_WITHIN},
    )
    if (tries or 0) >= MOST_TRIES:
        raise Refusal("link.unknown_code")


@command("_CONTACT")
async def contact(talk: Talk) -> Message:
    """A contact that Telegram says is the sender's own."""
    if talk.address.channel != TELEGRAM:
        raise Refusal("link.unknown_code")
    number = phones.to_e164(talk.inbound.contact_phone)
    phone = await people.address_of(
        talk.tx, channel=SMS, gateway=await people.preferred_gateway(talk.tx, SMS), value=number
    )
    return await _join_addresses(talk, phone)


async def _join_addresses(talk: Talk, phone: Address) -> Message:
    """The phone and this Telegram account are one person's from now on."""
    if phone.person_id and talk.address.person_id and phone.person_id != talk.address.person_id:
        raise Refusal("link.both_known")
    person_id = phone.person_id or talk.address.person_id
    if person_id is None:
        # Neither has joined anything: a person who will be asked for consent when they do.
        name = talk.inbound.name.strip() or phone.masked.replace("*", "") + " ?"
        person_id = (await people.register(talk.tx, talk.address, name=name, language=talk.language)).id
    known = phone.person_id or talk.person
    await talk.tx.session.execute(
        update(Address)
        .where(Address.id.in_([phone.id, talk.address.id]))
        .values(person_id=person_id, verified_at=talk.tx.now)
    )
    person = await talk.tx.session.get(Person, person_id)
    if person is None:
        raise Refusal("link.unknown_code")
    talk.person, talk.language = person, person.language
    if not known:
        return say.LINKED_NEW(phone=phone.masked)
    return say.LINKED(phone=phone.masked, name=person.name)
