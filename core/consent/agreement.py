"""Agreeing to be kept and written to: what each person said, when, where, and to which sentence.

Owns the table of it, which only grows, and ``Person.consented_at``, which is what it has come to. Nothing but an
invitation goes to who has not agreed. Agreeing is an act of the person's own: YES, or the question that comes with
joining, on their own phone; or on paper and aloud, where an administrator says so under their name. Refuses nothing.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Tx
from core.ids import new_id
from core.operator.audit import note
from core.people import Address, Person
from core.talking import questions

PAPER = "paper"


class Consent(Base):
    """What was said once. ``act``: given, refused or withdrawn. ``wording``, ``text_hash``: the sentence shown."""

    __tablename__ = "consents"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    person_id: Mapped[UUID | None]
    address_id: Mapped[UUID | None]
    act: Mapped[str]
    channel: Mapped[str]
    language: Mapped[str]
    wording: Mapped[str | None]
    text_hash: Mapped[str | None]
    actor: Mapped[str]
    at: Mapped[datetime]


async def give(tx: Tx, person: Person, address: Address | None, *, language: str) -> None:
    """They agree, at that address or (None) on paper. Invitations that wait for their turn are not sent any more."""
    await _write(tx, "given", person=person, address=address, language=language)
    if person.consented_at is None:
        person.consented_at = tx.now
        await tx.session.flush()
    await _settle(tx, person, "given")


async def refuse(tx: Tx, person: Person, address: Address | None, *, language: str) -> None:
    """They do not agree. They are not asked again unless they write; who had agreed takes it back."""
    act = "refused" if person.consented_at is None else "withdrawn"
    await _write(tx, act, person=person, address=address, language=language)
    person.consented_at = None
    await tx.session.flush()
    await _settle(tx, person, act)


async def stop(tx: Tx, person: Person | None, address: Address, *, language: str) -> None:
    """STOP at one address: no more to it. Who has other addresses, and had agreed, is still told there."""
    act = "refused" if person is None or person.consented_at is None else "withdrawn"
    await _write(tx, act, person=person, address=address, language=language)
    if person is not None and act == "refused":
        await _settle(tx, person, act)


# What waits in the line of an address: invitations when they have agreed, all but replies when they have not.
_HOLD = """
UPDATE outbox SET state = 'held', reason = $2
WHERE address_id IN (SELECT a.id FROM addresses a WHERE a.person_id = $1) AND state = 'queued'
  AND (kind = 'consent_entered' OR $2 <> 'given' AND priority > 0)
"""


async def _settle(tx: Tx, person: Person, act: str) -> None:
    await tx.rows(_HOLD, person.id, act)
    await questions.settle(tx, person.id)


_SHOWN = """
SELECT kind, text, created_at FROM outbox
WHERE address_id = $1 AND kind LIKE 'consent%' AND state NOT IN ('queued', 'held') ORDER BY seq DESC LIMIT 1
"""


async def shown_at(tx: Tx, address: Address) -> datetime | None:
    """When somebody was last asked at an address whether they agree."""
    row = await tx.row(_SHOWN, address.id)
    return row[2] if row else None


async def _write(tx: Tx, act: str, *, person: Person | None, address: Address | None, language: str) -> None:
    shown = await tx.row(_SHOWN, address.id) if address is not None else None
    await tx.session.execute(
        insert(Consent).values(
            id=new_id(),
            tenant_id=tx.tenant_id,
            person_id=person.id if person else None,
            address_id=address.id if address else None,
            act=act,
            channel=address.channel if address else PAPER,
            language=language,
            wording=shown[0] if shown else None,
            text_hash=hashlib.sha256(shown[1].encode()).hexdigest() if shown else None,
            actor=tx.actor,
            at=tx.now,
        )
    )
    subject = f"person:{person.id}" if person else f"address:{address.id if address else None}"
    await note(tx, f"consent.{act}", subject=subject, channel=address.channel if address else PAPER)


async def history(tx: Tx, person_id: UUID) -> Sequence[Consent]:
    """What a person has said, the first first."""
    rows = await tx.session.scalars(
        select(Consent).where(Consent.tenant_id == tx.tenant_id, Consent.person_id == person_id).order_by(Consent.id)
    )
    return rows.all()


_LAST = """
SELECT DISTINCT ON (c.person_id) c.person_id, c.act FROM consents c
WHERE c.tenant_id = $1 AND c.person_id = ANY ($2::uuid[]) ORDER BY c.person_id, c.id DESC
"""


async def refused(tx: Tx, person_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the people whose last word was no."""
    rows = await tx.rows(_LAST, tx.tenant_id, list(person_ids))
    return {person_id for person_id, act in rows if act != "given"}
