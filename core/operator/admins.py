"""Administrators of a tenant: who may sign in to the API, with which roles. Passwords are kept as argon2 hashes.

Owns their rows and the question whether a password is right. Refuses to say whether a name exists: a wrong name
costs as much time as a wrong password and gets the same answer. What a role may do stands in ``core.operator.rights``.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.ids import new_id
from core.operator.audit import note
from core.operator.rights import ADMIN_RIGHTS

USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200


class Admin(Base):
    """Somebody who looks after a tenant. ``disabled_at``: since when they may not sign in any more."""

    __tablename__ = "admins"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    username: Mapped[str]
    password_hash: Mapped[str]
    roles: Mapped[list[str]]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


_hasher = PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    """The hash of no one's password, so that an unknown name takes as long as a known one."""
    return _hasher.hash("nobody's password")


def check_roles(roles: Sequence[str]) -> None:
    """Raise ``Refusal("admin.unknown_role")`` for a role that ``core.operator.rights`` does not know."""
    for role in roles:
        if role not in ADMIN_RIGHTS:
            raise Refusal("admin.unknown_role", role=role, known=", ".join(ADMIN_RIGHTS))


def _check_password(password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refusal("admin.password_length", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)


async def add(tx: Tx, *, username: str, password: str, roles: Sequence[str]) -> Admin:
    """Make an administrator. Raises ``Refusal("admin.…")``."""
    if not USERNAME.fullmatch(username):
        raise Refusal("admin.username_not_understood", typed=username[:40])
    check_roles(roles)
    _check_password(password)
    if await _find(tx, username) is not None:
        raise Refusal("admin.username_taken", username=username)
    admin = Admin(
        id=new_id(),
        tenant_id=tx.tenant_id,
        username=username,
        password_hash=await asyncio.to_thread(_hasher.hash, password),
        roles=list(roles),
        disabled_at=None,
        created_at=tx.now,
    )
    tx.session.add(admin)
    await tx.session.flush()
    await note(tx, "admin.added", subject=f"admin:{username}", roles=list(roles))
    return admin


async def change(
    tx: Tx,
    username: str,
    *,
    password: str | None = None,
    roles: Sequence[str] | None = None,
    disabled: bool | None = None,
) -> Admin:
    """Change what is given. Raises ``NotFound("admin.unknown")`` and ``Refusal("admin.…")``."""
    admin = await _find(tx, username)
    if admin is None:
        raise NotFound("admin.unknown", username=username[:40])
    changed = []
    if password is not None:
        _check_password(password)
        admin.password_hash = await asyncio.to_thread(_hasher.hash, password)
        changed.append("password")
    if roles is not None:
        check_roles(roles)
        admin.roles = list(roles)
        changed.append("roles")
    if disabled is not None:
        admin.disabled_at = tx.now if disabled else None
        changed.append("disabled" if disabled else "enabled")
    await tx.session.flush()
    await note(tx, "admin.changed", subject=f"admin:{username}", what=changed, roles=list(admin.roles))
    return admin


async def of_tenant(tx: Tx) -> Sequence[Admin]:
    """The tenant's administrators by name."""
    rows = await tx.session.scalars(select(Admin).where(Admin.tenant_id == tx.tenant_id).order_by(Admin.username))
    return rows.all()


async def _find(tx: Tx, username: str) -> Admin | None:
    return await tx.session.scalar(select(Admin).where(Admin.tenant_id == tx.tenant_id, Admin.username == username))


async def with_password(tx: Tx, username: str, password: str) -> Admin | None:
    """The administrator, if there is one of that name who may sign in and the password is theirs."""
    admin = await _find(tx, username)
    may = admin if admin is not None and admin.disabled_at is None else None
    right = await asyncio.to_thread(is_right, may.password_hash if may else None, password)
    return may if right else None


async def nobody(password: str) -> None:
    """The work of looking at a password, for a name that cannot be anybody's."""
    await asyncio.to_thread(is_right, None, password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether it is the password of that hash; None takes the same time and is never right."""
    try:
        _hasher.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
