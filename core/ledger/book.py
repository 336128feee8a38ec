"""A group's book: posting transfers, reversing them, and reading what they add up to.

Owns the way in (``post`` and ``reverse``, one round trip each, however many transfers) and the questions
asked of the book. The rules themselves stand in the database, in the function ``ledger_post`` (migration
0002), and nothing else may write. Refuses to change or remove a transfer: a mistake is reversed.

**What a due has been paid**: a transfer that carries its ``due_id`` counts when it brings money from outside
(``held``, ``provider``, ``advance``) into what dues are for (``pot``, ``fee``, ``fund``); its reversal takes
the same amount away again. So money paid in advance counts once, when it goes from ``advance`` to the pot. The
same function keeps the sum on the due (``dues.paid_minor``, migration 0015), and the audit proves it; whoever posts for
a due, or changes one, holds its member.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from asyncpg import PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from core.db import Tx
from core.errors import NotFound, Refusal, TryLater
from core.ids import new_id

# A unit of work of ``core.db`` is by far the cheapest of them.
Database = Tx | AsyncSession | AsyncConnection

# A limit on everything: a round of the largest group is 600, an imported book a few thousand a call.
MOST_POSTINGS = 10_000
MOST_TRANSFERS = 1_000


class NotEnough(Refusal):
    """An account that may not go below zero would; ``facts["account"]`` is its name. No amount is told."""


class ReferenceReused(Refusal):
    """The reference was used before, for something else; ``facts["reference"]``."""


class AlreadyReversed(Refusal):
    """The transfer has a reversal already."""


class CannotReverse(Refusal):
    """There is no such transfer in the group, or it is itself a reversal; ``facts["transfer_id"]``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One transfer to post. ``reference`` is its idempotency key, unique in the group: the same reference
    with the same content gives the first transfer again (whatever ``id`` and ``at`` the repeat brings)."""

    kind: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    reference: str
    payment_id: UUID | None = None
    due_id: UUID | None = None
    payout_leg_id: UUID | None = None
    memo: str = ""
    id: UUID = field(default_factory=new_id, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reversal:
    """The opposite of the transfer ``reverses``, for the same amount, due, payment and payout leg; once."""

    reverses: UUID
    reference: str
    kind: str = "reversal"
    memo: str = ""
    id: UUID = field(default_factory=new_id, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """A transfer as it stands in the book. ``seq`` orders those of a group (it has gaps); ``at`` is when it
    happened, ``posted_at`` when the database wrote it."""

    id: UUID
    seq: int
    kind: str
    debit: str
    credit: str
    amount_minor: int
    currency: str
    at: datetime
    posted_at: datetime
    reference: str
    payment_id: UUID | None
    due_id: UUID | None
    payout_leg_id: UUID | None
    reverses: UUID | None
    memo: str
    hash: bytes


_COLUMNS = (
    "id, seq, kind, debit, credit, amount_minor, currency, at, posted_at, reference, payment_id, due_id,"
    " payout_leg_id, reverses, memo, hash"
)
_POST = f"SELECT {_COLUMNS} FROM ledger_post($1, $2, $3)"

# One pass over the group's rows where all are wanted; two index ranges each where a few are.
_ALL_BALANCES = """
SELECT a.name, ((CASE WHEN a.debit_normal THEN -1 ELSE 1 END)
    * (coalesce(c.minor, 0) - coalesce(d.minor, 0)))::bigint AS balance
FROM ledger_accounts a
LEFT JOIN (SELECT credit AS name, sum(amount_minor) AS minor FROM ledger_transfers WHERE group_id = $1
           GROUP BY credit) c ON c.name = a.name
LEFT JOIN (SELECT debit AS name, sum(amount_minor) AS minor FROM ledger_transfers WHERE group_id = $1
           GROUP BY debit) d ON d.name = a.name
WHERE a.group_id = $1 ORDER BY a.name
"""
_NAMED_BALANCES = """
SELECT a.name, ((CASE WHEN a.debit_normal THEN -1 ELSE 1 END)
    * (coalesce((SELECT sum(amount_minor) FROM ledger_transfers WHERE group_id = $1 AND credit = a.name), 0)
     - coalesce((SELECT sum(amount_minor) FROM ledger_transfers WHERE group_id = $1 AND debit = a.name), 0))
    )::bigint AS balance
FROM ledger_accounts a WHERE a.group_id = $1 AND a.name = ANY ($2::text[]) ORDER BY a.name
"""

# A reversal has the sides of what it reverses the other way round.
PAID_BY_DUE = """
SELECT due_id, sum(CASE WHEN reverses IS NULL THEN amount_minor ELSE -amount_minor END)::bigint AS paid
FROM (SELECT due_id, reverses, amount_minor, CASE WHEN reverses IS NULL THEN debit ELSE credit END AS source,
             CASE WHEN reverses IS NULL THEN credit ELSE debit END AS target
      FROM {transfers}) t
WHERE source ~ '^(held|provider|advance)/' AND target ~ '^(pot|fee|fund)/' GROUP BY due_id
"""
# One look-up for each due: for a whole array the planner would rather read a large group's every row.
_PAID = PAID_BY_DUE.format(
    transfers="""unnest($2::uuid[]) AS wanted CROSS JOIN LATERAL (
          SELECT * FROM ledger_transfers WHERE group_id = $1 AND due_id = wanted OFFSET 0) l"""
)


async def post(db: Database, *, group_id: UUID, postings: Sequence[Posting | Reversal], at: datetime) -> list[Transfer]:
    """Post all of ``postings`` or none, in one round trip; the transfers come back in the same order.

    Raises NotEnough, ReferenceReused, AlreadyReversed, CannotReverse, NotFound (no such group in this
    tenant), TryLater (the same references are being posted this moment), ValueError (an amount that is not
    positive, a name that is no account's, another currency: the caller's mistake). After any of them the
    transaction, or the savepoint around the call, has to be rolled back.
    """
    if not postings:
        return []
    unique: dict[str, Posting | Reversal] = {}
    for posting in postings:
        if unique.setdefault(posting.reference, posting) != posting:
            raise ReferenceReused("ledger.reference_reused", reference=posting.reference)
    if len(unique) > MOST_POSTINGS:
        raise ValueError(f"at most {MOST_POSTINGS} transfers are posted at once, not {len(unique)}")
    requests = [_request(posting) for posting in unique.values()]
    try:
        rows = await fetch(db, _POST, group_id, at, requests)
    except DBAPIError as error:
        _refuse(error)
    posted = {transfer.reference: transfer for transfer in map(_transfer, rows)}
    return [posted[posting.reference] for posting in postings]


async def reverse(
    db: Database, *, group_id: UUID, transfer_id: UUID, reference: str, at: datetime, memo: str = ""
) -> Transfer:
    """Post the opposite of a transfer. Raises as ``post`` does."""
    reversal = Reversal(reverses=transfer_id, reference=reference, memo=memo)
    return (await post(db, group_id=group_id, postings=[reversal], at=at))[0]


async def balance(db: Database, *, group_id: UUID, account: str) -> int:
    """What an account holds, in minor units, on its normal side; 0 for one that has never been used."""
    return (await balances(db, group_id=group_id, accounts=[account])).get(account, 0)


async def balances(db: Database, *, group_id: UUID, accounts: Iterable[str] | None = None) -> dict[str, int]:
    """Name → balance in minor units on the account's normal side: all accounts of a group, or those named."""
    if accounts is None:
        rows = await fetch(db, _ALL_BALANCES, group_id)
    else:
        rows = await fetch(db, _NAMED_BALANCES, group_id, list(accounts))
    return {row["name"]: row["balance"] for row in rows}


async def transfers(
    db: Database,
    *,
    group_id: UUID,
    account: str | None = None,
    payment_id: UUID | None = None,
    due_id: UUID | None = None,
    after: UUID | None = None,
    newest_first: bool = True,
    limit: int = 100,
) -> list[Transfer]:
    """A page of a group's transfers, all or those of one account, payment or due, in the order of their ids
    (that is, in which they were asked for); ``after`` is the last id of the page before."""
    values: list[Any] = [group_id, min(limit, MOST_TRANSFERS)]
    conditions = ["group_id = $1"]
    for value, condition in (
        (account, "(debit = ${0} OR credit = ${0})"),
        (payment_id, "payment_id = ${0}"),
        (due_id, "due_id = ${0}"),
        (after, "id < ${0}" if newest_first else "id > ${0}"),
    ):
        if value is not None:
            values.append(value)
            conditions.append(condition.format(len(values)))
    order = "DESC" if newest_first else "ASC"
    where = f"{' AND '.join(conditions)} ORDER BY id {order} LIMIT $2"
    rows = await fetch(db, f"SELECT {_COLUMNS} FROM ledger_transfers WHERE {where}", *values)
    return [_transfer(row) for row in rows]


async def paid_by_due(db: Database, *, group_id: UUID, due_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Due → what has been paid of it in minor units (0 where nothing has). The rule stands at the top."""
    paid = dict.fromkeys(due_ids, 0)
    for row in await fetch(db, _PAID, group_id, list(paid)):
        paid[row["due_id"]] = row["paid"]
    return paid


def _request(posting: Posting | Reversal) -> tuple[Any, ...]:
    """The fields of the database's type ``ledger_request``, in its order."""
    if isinstance(posting, Reversal):
        return (
            *(posting.id, posting.kind, None, None, None, None, posting.reference),
            *(None, None, None, posting.reverses, posting.memo),
        )
    return (
        *(posting.id, posting.kind, posting.debit, posting.credit, posting.amount_minor, posting.currency),
        *(posting.reference, posting.payment_id, posting.due_id, posting.payout_leg_id, None, posting.memo),
    )


def _transfer(row: dict[str, Any]) -> Transfer:
    return Transfer(**row)


async def fetch(db: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    """One statement, one round trip, in the caller's transaction."""
    if isinstance(db, Tx):
        return [dict(row) for row in await db.rows(statement, *values)]
    connection = await db.connection() if isinstance(db, AsyncSession) else db
    return [dict(row._mapping) for row in await connection.exec_driver_sql(statement, values)]


# How the database says no: its codes (listed in migration 0002) and ours. DETAIL holds a name or an id.
_REFUSALS: dict[str, tuple[type[Refusal], str, str]] = {
    "EQ101": (NotEnough, "ledger.not_enough", "account"),
    "EQ102": (ReferenceReused, "ledger.reference_reused", "reference"),
    "EQ103": (AlreadyReversed, "ledger.already_reversed", "transfer_id"),
    "EQ104": (CannotReverse, "ledger.cannot_reverse", "transfer_id"),
    "EQ105": (NotFound, "group.unknown", "group_id"),
}
# Two that crossed or waited too long; nothing was posted and the next try will do.
_LATER = {"EQ107", "40P01", "40001", "55P03"}


def _refuse(error: DBAPIError) -> NoReturn:
    """Raise what the database's refusal means; anything unknown as it came."""
    # The driver's own error, which SQLAlchemy wraps twice.
    cause: Any = error.orig if isinstance(error.orig, PostgresError) or error.orig is None else error.orig.__cause__
    state = getattr(cause, "sqlstate", None)
    if state in _REFUSALS:
        kind, code, fact = _REFUSALS[state]
        raise kind(code, **{fact: cause.detail}) from None
    if state == "EQ106":
        raise ValueError(f"{cause.message} {cause.detail}".strip()) from None
    if state in _LATER:
        raise TryLater("ledger busy", retry_seconds=1) from error
    raise error
