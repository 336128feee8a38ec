"""PINs: four to six digits with which somebody confirms what a borrowed phone must not confirm for them.

Only an argon2 hash is kept. After five wrong tries an hour must pass, before a right one too. Refuses to say a PIN
again: a message that holds one is kept without its text.
"""

import re
from datetime import timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.db import Tx
from core.errors import Refusal
from core.operator.audit import note
from core.talking.understanding import number

MOST_TRIES = 5
WAIT = timedelta(hours=1)
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
    """Set, or set anew, somebody's PIN."""
    await tx.rows(
        "UPDATE people SET pin_hash = $3, pin_tries = 0, pin_wait_until = NULL WHERE tenant_id = $1 AND id = $2",
        tx.tenant_id,
        person_id,
        _hasher.hash(pin),
    )
    await note(tx, "pin.set", subject=f"person:{person_id}")


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
