"""Work that could not be done: written down for a person to look at, and work that kills whoever does it.

Owns the tables ``dead_letters`` and ``begun_work``. ``begin`` counts a run *before* it happens, because a process
that dies cannot count afterwards; ``finish`` takes the count back however the run ended. Refuses to repeat
anything itself: reviving only lets the ticker find the work again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core import clock
from core.db import transaction, unscoped
from core.errors import NotFound
from core.ids import new_id
from workers.broker import async_redis_client, waiting_key

# As many processes may die of the same work before nobody touches it any more.
MOST_DEATHS = 3


class KillsItsWorker(Exception):
    """The work was begun ``times`` times and never ended: its process died each time."""

    def __init__(self, times: int) -> None:
        super().__init__(f"begun {times} times and never ended")


@dataclass(frozen=True)
class DeadLetter:
    """An open dead letter: which actor with which arguments, why, how often, and when first and last."""

    id: UUID
    actor: str
    args: Sequence[str]
    reason: str
    times: int
    first_at: datetime
    at: datetime


async def begin(tenant_id: UUID, *, actor: str, subject_id: UUID) -> None:
    """Count a run that is about to start. Raises ``KillsItsWorker`` when too many never ended."""
    async with transaction(tenant_id) as tx:
        # The count must outlive our process, not the server: no need to wait for the disk.
        await tx.session.execute(text("SET LOCAL synchronous_commit = off"))
        before = await tx.session.scalar(
            text(
                "INSERT INTO begun_work (tenant_id, actor, subject_id, times, begun_at)"
                " VALUES (:tenant, :actor, :subject, 1, :at)"
                " ON CONFLICT (tenant_id, actor, subject_id)"
                " DO UPDATE SET times = begun_work.times + 1, begun_at = excluded.begun_at"
                " RETURNING times - 1"
            ),
            {"tenant": tenant_id, "actor": actor, "subject": subject_id, "at": tx.now},
        )
    if before is not None and before >= MOST_DEATHS:
        raise KillsItsWorker(before)


async def finish(tenant_id: UUID, *, actor: str, subject_id: UUID, well: bool) -> None:
    """The run has ended. ``well``: what failed before works again, so that its dead letter is settled."""
    async with transaction(tenant_id) as tx:
        await tx.session.execute(text("SET LOCAL synchronous_commit = off"))
        await tx.session.execute(
            text("DELETE FROM begun_work WHERE tenant_id = :tenant AND actor = :actor AND subject_id = :subject"),
            {"tenant": tenant_id, "actor": actor, "subject": subject_id},
        )
        if well:
            await tx.session.execute(
                text(
                    "UPDATE dead_letters SET settled_at = :at"
                    " WHERE settled_at IS NULL AND actor = :actor AND md5(args::text) = md5(CAST(:args AS text))"
                ).bindparams(bindparam("args", type_=JSONB)),
                {"at": tx.now, "actor": actor, "args": [str(tenant_id), str(subject_id)]},
            )


async def bury(tenant_id: UUID | None, *, actor: str, args: Sequence[str], reason: str) -> None:
    """Write a dead letter, or count up the one that is open. None, or a tenant we do not know: nobody's."""
    values = {"id": new_id(), "actor": actor, "args": list(args), "reason": reason, "at": clock.now()}
    if tenant_id is not None:
        try:
            async with transaction(tenant_id) as tx:
                await _write(tx.session, values | {"tenant": tenant_id})
            return
        except IntegrityError:
            pass  # a message that names a tenant we do not have
    async with unscoped() as session:
        await _write(session, values | {"tenant": None})


async def _write(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(
        text(
            "INSERT INTO dead_letters (id, tenant_id, actor, args, reason, first_at, at)"
            " VALUES (:id, :tenant, :actor, :args, :reason, :at, :at)"
            " ON CONFLICT (actor, md5(args::text)) WHERE settled_at IS NULL"
            " DO UPDATE SET times = dead_letters.times + 1, reason = excluded.reason, at = excluded.at"
        ).bindparams(bindparam("args", type_=JSONB)),
        values,
    )


async def open_letters(tenant_id: UUID) -> list[DeadLetter]:
    """The tenant's dead letters that nobody has settled, oldest first."""
    async with transaction(tenant_id) as tx:
        rows = await tx.session.execute(
            text(
                "SELECT id, actor, args, reason, times, first_at, at FROM dead_letters"
                " WHERE tenant_id = :tenant AND settled_at IS NULL ORDER BY id"
            ),
            {"tenant": tenant_id},
        )
    return [DeadLetter(*row) for row in rows]


async def revive(tenant_id: UUID, letter_id: UUID) -> None:
    """A person has looked: settle the letter, forget the deaths, and let the ticker find the work again.

    Raises ``NotFound("dead_letter.unknown")``.
    """
    async with transaction(tenant_id) as tx:
        row = (
            await tx.session.execute(
                text(
                    "UPDATE dead_letters SET settled_at = :at WHERE id = :id AND settled_at IS NULL"
                    " RETURNING actor, args"
                ),
                {"id": letter_id, "at": tx.now},
            )
        ).one_or_none()
        if row is None:
            raise NotFound("dead_letter.unknown")
        actor, args = row
        await tx.session.execute(
            text("DELETE FROM begun_work WHERE actor = :actor AND subject_id::text = :subject"),
            {"actor": actor, "subject": args[-1]},
        )
    async with async_redis_client() as client:
        await client.delete(waiting_key(actor, args))
