"""PINs: four to six digits with which somebody confirms what a borrowed phone must not confirm for them.

Only an argon2 hash is kept. After five wrong tries an hour must pass, before a right one too. Refuses to say a PIN
again: a message that holds one is kept without its text.

A forgotten PIN takes two: an administrator, who has seen the person, opens a day in which it can be set anew, and the
person's own phone sets it. The officers of a group cannot: a PIN is what its witnesses hold against them. Who has
stolen the phone has no administrator; the administrator has no phone; and whoever fools one of them is told of on
every address of the person, and waits a day before the new PIN confirms anything.
"""

import re
from datetime import datetime, timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core import sentences as say
from core.db import Tx
from core.errors import Refusal
from core.operator.audit import note
from core.people import Person
from core.talking.understanding import number
from core.telling import outbox

MOST_TRIES = 5
WAIT = timedelta(hours=1)
# How long an administrator lets somebody set a new PIN; and how long that confirms nothing.
RESET_WITHIN = timedelta(days=1)
UNPROVEN = timedelta(days=1)
# What stands in the inbox instead of a message that holds a PIN.
HIDDEN = "(PIN)"

_PIN = re.compile(r"\d{4,6}", re.ASCII)
_hasher = PasswordHasher()


def tidy(typed: str) -> str:
    """The digits of a PIN as typed, in any numerals. Raises ``Refusal("pin.not_understood")``."""
    digits = typed if typed.isascii() else str(number(typed) or "")
    if not _PIN.fullmatch(digits):
        raise Refusal("pin.not_understood")
    return digits


async def has_pin(tx: Tx, person_id: UUID) -> bool:
    """Whether somebody has set a PIN."""
    row = await tx.row(
        "SELECT pin_hash IS NOT NULL FROM people WHERE tenant_id = $1 AND id = $2", tx.tenant_id, person_id
    )
    return bool(row and row[0])


async def set_pin(tx: Tx, person_id: UUID, pin: str) -> None:
    """Set somebody's first PIN, or a new one after they said the old."""
    await tx.rows(
        "UPDATE people SET pin_hash = $3, pin_tries = 0, pin_wait_until = NULL, pin_reset_until = NULL"
        " WHERE tenant_id = $1 AND id = $2",
        tx.tenant_id,
        person_id,
        _hasher.hash(pin),
    )
    await note(tx, "pin.set", subject=f"person:{person_id}")


async def allow_reset(tx: Tx, person: Person, *, reason: str, by: str) -> datetime:
    """An administrator lets somebody set a new PIN without the old one, until the instant that is returned.

    All of their addresses are told, with the operator's name (``by``). Raises ``Refusal("pin.none")`` for somebody who
    has none.
    """
    person_id = person.id
    if not await has_pin(tx, person_id):
        raise Refusal("pin.none")
    until = tx.now + RESET_WITHIN
    await tx.rows(
        "UPDATE people SET pin_reset_until = $3 WHERE tenant_id = $1 AND id = $2", tx.tenant_id, person_id, until
    )
    await note(tx, "pin.reset_allowed", subject=f"person:{person_id}", reason=reason)
    told = say.PIN_RESET(name=by, due=until)
    await outbox.tell_everywhere(tx, person, told, event=f"pin.reset:{person_id}:{tx.now.isoformat()}")
    return until


async def set_anew(tx: Tx, person_id: UUID, pin: str, *, address_since: datetime | None) -> datetime | None:
    """Set a forgotten PIN, where an administrator has just allowed it; from when on it confirms, or None: not allowed.

    ``address_since``: when the address that asks was proved to be theirs. One that came after the permission may be
    the thief's, who has linked it with the stolen phone.
    """
    row = await tx.row(
        "SELECT pin_reset_until FROM people WHERE tenant_id = $1 AND id = $2 FOR UPDATE", tx.tenant_id, person_id
    )
    until: datetime | None = row[0] if row else None
    if until is None or until <= tx.now or address_since is None or address_since > until - RESET_WITHIN:
        return None
    await set_pin(tx, person_id, pin)
    proven_at = tx.now + UNPROVEN
    await tx.rows(
        "UPDATE people SET pin_unproven_until = $3 WHERE tenant_id = $1 AND id = $2",
        tx.tenant_id,
        person_id,
        proven_at,
    )
    await note(tx, "pin.set_anew", subject=f"person:{person_id}")
    return proven_at


async def unproven_until(tx: Tx, person_id: UUID) -> datetime | None:
    """From when on a PIN that was set anew confirms something; None when it does."""
    row = await tx.row(
        "SELECT pin_unproven_until FROM people WHERE tenant_id = $1 AND id = $2", tx.tenant_id, person_id
    )
    return row[0] if row is not None and row[0] is not None and row[0] > tx.now else None


async def is_right(tx: Tx, person_id: UUID, pin: str) -> bool:
    """Whether it is their PIN. A wrong try is counted, so the caller must let the transaction be kept.

    Raises ``Refusal``: ``pin.none``, ``pin.wait``.
    """
    row = await tx.row(
        "SELECT pin_hash, pin_tries, pin_wait_until FROM people WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        tx.tenant_id,
        person_id,
    )
    if row is None or row[0] is None:
        raise Refusal("pin.none")
    if row[2] is not None and row[2] > tx.now:
        raise Refusal("pin.wait", due=row[2])
    right = _matches(row[0], pin)
    tries = 0 if right else row[1] + 1
    await tx.rows(
        "UPDATE people SET pin_tries = $3, pin_wait_until = $4 WHERE tenant_id = $1 AND id = $2",
        tx.tenant_id,
        person_id,
        0 if tries >= MOST_TRIES else tries,
        tx.now + WAIT if tries >= MOST_TRIES else None,
    )
    if not right:
        await note(tx, "pin.wrong", subject=f"person:{person_id}")
    return right


def _matches(kept: str, pin: str) -> bool:
    try:
        return _hasher.verify(kept, pin)
    except (VerificationError, InvalidHashError):
        return False
