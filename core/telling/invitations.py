"""Invitations: the one message that may go to somebody who has not agreed to be written to.

Whoever is entered in a group by others, by an administrator or with a paper book, gets one for that group, ever, and
so does a number that an officer invites. It says who entered them where and what is kept, and asks whether they
agree. At most one a week goes to an address, whichever groups it is about; a later one waits for its week, and is
dropped when they have agreed or refused meanwhile. Refuses to invite who has said no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core import groups, people, phones
from core import sentences as say
from core.consent import agreement
from core.db import Tx, columns, width
from core.errors import Refusal
from core.groups import Group
from core.ids import new_id
from core.messages import NO, YES, Choice, Message
from core.people import Address, Person
from core.talking import questions
from core.telling import outbox
from core.telling.outbox import Said

BETWEEN = timedelta(days=7)
# Whoever is entered may think about it for as long as the equb lasts.
LIFETIME = timedelta(days=3650)
# Invitations that one person may send in a day: operators cut off codes for unsolicited texts.
MOST_A_DAY = 20

_TO_ASK = f"""
SELECT {columns(Address, "a")}, {columns(Person, "p")} FROM addresses a JOIN people p ON p.id = a.person_id
WHERE a.person_id = ANY ($1::uuid[]) AND a.state = 'active' AND p.consented_at IS NULL
ORDER BY a.person_id, a.channel DESC, a.id
"""  # noqa: S608 (ours alone)
_ADDRESS_WIDTH = width(Address)
# In one order, so that two groups that enter the same people wait for each other rather than for ever.
_LOCK = "SELECT a.id FROM addresses a WHERE a.id = ANY ($1::uuid[]) ORDER BY a.id FOR NO KEY UPDATE"
_LAST = """
SELECT i.address_id, max(i.send_at) FROM invitations i
WHERE i.tenant_id = $1 AND i.address_id = ANY ($2::uuid[]) GROUP BY i.address_id
"""
_KEEP = """
INSERT INTO invitations (id, tenant_id, address_id, group_id, kind, invited_by, made_at, send_at)
SELECT v.id, $1, v.address_id, $2, $3, $4, $5, v.send_at
FROM unnest($6::uuid[], $7::uuid[], $8::timestamptz[]) AS v (id, address_id, send_at)
ON CONFLICT DO NOTHING RETURNING address_id
"""


@dataclass(frozen=True)
class _Invited:
    """Somebody who has not agreed, at the address where they are asked, and when."""

    person: Person
    address: Address
    send_at: datetime


async def entered(tx: Tx, group: Group, person_ids: Sequence[UUID] | None = None) -> int:
    """Invite those of the people (all members, unless said) who were entered and have not agreed; how many are new."""
    seats = {
        s.person.id: s
        for s in await groups.seats(tx, group.group_id)
        if s.person.consented_at is None and (person_ids is None or s.person.id in person_ids)
    }
    invited = await _to_invite(tx, list(seats))
    new = await _keep(tx, group, "entered", [(one.address.id, one.send_at) for one in invited])
    tenant = await people.tenant_of(tx)
    organisers = await groups.seats(tx, group.group_id, roles=["organiser"]) if new else []
    said = []
    for one in invited:
        if one.address.id not in new:
            continue
        by = next((s.person.name for s in organisers if s.person.id != one.person.id), tenant.name)
        message = say.CONSENT_ENTERED(name=by, group=group.name, number=seats[one.person.id].member.number)
        asked = await question(tx, one.person, one.address, message)
        said.append(Said(one.address, asked, one.person.language, one.send_at))
    event = f"entered:{group.group_id}"
    told = await outbox.tell_addresses(tx, said, event=event, timezone=tenant.timezone, group_id=group.group_id)
    return len(told)


async def question(tx: Tx, person: Person, address: Address, message: Message) -> Message:
    """The question whether somebody agrees, with choices that answer it at that address."""
    asked = message.offering(Choice(say.YES(), YES), Choice(say.NO(), NO))
    return await questions.pose(
        tx, address, asked, command="_CONSENT", slot="answer", filled={}, lifetime=LIFETIME, about=person.id
    )


async def _to_invite(tx: Tx, person_ids: list[UUID]) -> list[_Invited]:
    said_no = await agreement.refused(tx, person_ids)
    best: dict[UUID, tuple[Address, Person]] = {}
    for row in await tx.rows(_TO_ASK, [one for one in person_ids if one not in said_no]):
        person = tx.entity(Person, row[_ADDRESS_WIDTH:])
        best.setdefault(person.id, (tx.entity(Address, row[:_ADDRESS_WIDTH]), person))
    last = await _last_sent(tx, [address.id for address, _ in best.values()])
    # In the order in which they were named, which is the same every time.
    return [
        _Invited(person, address, max(tx.now, last[address.id] + BETWEEN) if address.id in last else tx.now)
        for address, person in (best[one] for one in person_ids if one in best)
    ]


async def _last_sent(tx: Tx, address_ids: list[UUID]) -> dict[UUID, datetime]:
    """When each address gets the last of its invitations; the addresses are locked until the end."""
    await tx.rows(_LOCK, address_ids)
    return {row[0]: row[1] for row in await tx.rows(_LAST, tx.tenant_id, address_ids)}


async def _keep(tx: Tx, group: Group, kind: str, sent: Sequence[tuple[UUID, datetime]]) -> set[UUID]:
    """Write invitations down; the addresses that had none for this group."""
    made = await tx.rows(
        _KEEP,
        *(tx.tenant_id, group.group_id, kind, tx.actor, tx.now),
        *([new_id() for _ in sent], [one for one, _ in sent], [at for _, at in sent]),
    )
    return {row[0] for row in made}


async def by_officer(tx: Tx, group: Group, address: Address, *, kind: str) -> None:
    """Count an invitation that an officer sends now to a number: to join, or to take a ``place``.

    Raises ``Refusal``: ``invite.refused``, ``invite.too_soon``, ``invite.known``, ``invite.too_many``. Who has agreed
    is asked as often as officers want to offer a place, and invited once for each group.
    """
    facts = {"phone": phones.masked(address.value)}
    person = await people.person(tx, address.person_id) if address.person_id else None
    agreed = person is not None and person.consented_at is not None
    if address.state == "stopped" or (person is not None and not agreed and await agreement.refused(tx, [person.id])):
        raise Refusal("invite.refused", **facts)
    last = (await _last_sent(tx, [address.id])).get(address.id)
    if kind == "place" and agreed:
        return
    today = "SELECT count(*) FROM invitations i WHERE i.tenant_id = $1 AND i.invited_by = $2 AND i.made_at > $3"
    sent = await tx.row(today, tx.tenant_id, tx.actor, tx.now - timedelta(days=1))
    if kind == "join" and sent is not None and sent[0] >= MOST_A_DAY:
        raise Refusal("invite.too_many")
    known = "SELECT true FROM invitations i WHERE i.tenant_id = $1 AND i.address_id = $2 AND i.group_id = $3"
    if kind == "join" and await tx.row(known, tx.tenant_id, address.id, group.group_id):
        raise Refusal("invite.known", group=group.name, **facts)
    if not agreed and last is not None and last + BETWEEN > tx.now:
        raise Refusal("invite.too_soon", due=last + BETWEEN, **facts)
    await _keep(tx, group, kind, [(address.id, tx.now)])
