"""Lists for those who look after a tenant: pages of what is in its tables, each one query, in a stable order.

Owns the reading only; what may be seen by whom is decided by the caller, and row-level security keeps tenants
apart. Refuses to count what it does not show: a page knows its rows and where the next one begins, no total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from core import ledger
from core.db import Tx
from core.groups import Group
from core.ledger import Transfer

MOST_ROWS = 200


@dataclass(frozen=True)
class Slice:
    """Which part of a list: at most ``limit`` rows after the row whose key is ``after``."""

    after: tuple[Any, ...] | None = None
    limit: int = 50


@dataclass(frozen=True)
class Page:
    """Rows in order, and the key of the last one when more follow it."""

    rows: Sequence[Row[Any]]
    next: tuple[Any, ...] | None


async def _page(
    tx: Tx,
    query: str,
    values: Mapping[str, Any],
    part: Slice,
    *,
    key: Sequence[str],
    newest_first: bool = False,
) -> Page:
    limit = min(part.limit, MOST_ROWS)
    compare, direction = ("<", "DESC") if newest_first else (">", "ASC")
    bound = {**values, "page_limit": limit + 1}
    where = ""
    if part.after is not None:
        bound |= {f"after_{n}": value for n, value in enumerate(part.after)}
        names = ", ".join(f":after_{n}" for n in range(len(key)))
        where = f"WHERE ({', '.join(key)}) {compare} ({names})"
    order = ", ".join(f"{name} {direction}" for name in key)
    statement = f"SELECT * FROM ({query}) page {where} ORDER BY {order} LIMIT :page_limit"  # noqa: S608 (ours alone)
    rows = (await tx.session.execute(text(statement), bound)).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], tuple(getattr(rows[limit - 1], name) for name in key))


def _narrowed(query: str, filters: Mapping[str, tuple[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The query with those conditions whose value is not None."""
    wanted = {name: (condition, value) for name, (condition, value) in filters.items() if value is not None}
    conditions = "".join(f" AND {condition}" for condition, _ in wanted.values())
    return query + conditions, {name: value for name, (_, value) in wanted.items()}


# A phone stands in the SMS address; what is shown of it is the caller's decision.
_PHONE = """LEFT JOIN LATERAL (SELECT a.id, a.masked, a.secret FROM addresses a
    WHERE a.person_id = {person} AND a.channel = 'sms' ORDER BY a.id LIMIT 1) phone ON true"""


async def people(tx: Tx, part: Slice, *, person_id: UUID | None = None) -> Page:
    """The tenant's people, the newest first, each with the addresses they are known by."""
    query, values = _narrowed(
        f"""
        SELECT p.id, p.name, p.language, p.calendar, p.consented_at, p.created_at,
               phone.id AS phone_id, phone.masked AS phone_masked, phone.secret AS phone_secret,
               (SELECT coalesce(json_agg(json_build_array(a.channel, a.masked, a.state) ORDER BY a.channel, a.id),
                                '[]') FROM addresses a WHERE a.person_id = p.id)::text AS addresses
        FROM people p {_PHONE.format(person="p.id")} WHERE true
        """,  # noqa: S608 (ours alone)
        {"person": ("p.id = :person", person_id)},
    )
    return await _page(tx, query, values, part, key=["id"], newest_first=True)


async def groups(
    tx: Tx, part: Slice, *, group_id: UUID | None = None, code: str | None = None, status: str | None = None
) -> Page:
    """The tenant's groups, the newest first, with how many members and lots they have and what was held."""
    query, values = _narrowed(
        """
        SELECT g.group_id AS id, g.code, g.name, g.status, g.currency, g.rules::text AS rules, g.rules_version,
               g.cycle, g.created_at,
               (SELECT count(*) FROM members m WHERE m.group_id = g.group_id AND m.status = 'active') AS members,
               (SELECT count(*) FROM lots l WHERE l.group_id = g.group_id AND l.cycle = g.cycle) AS lots_taken,
               (SELECT count(*) FROM rounds r WHERE r.group_id = g.group_id AND r.cycle = g.cycle
                   AND r.drawn_at IS NOT NULL) AS rounds_held
        FROM groups g WHERE true
        """,
        {
            "group": ("g.group_id = :group", group_id),
            "code": ("g.code = :code", code),
            "status": ("g.status = :status", status),
        },
    )
    return await _page(tx, query, values, part, key=["id"], newest_first=True)


# What somebody has said to messages, or whether they were asked.
_CONSENT = """CASE WHEN s.consented_at IS NOT NULL THEN 'given'
    WHEN (SELECT c.act FROM consents c WHERE c.tenant_id = :tenant AND c.person_id = s.person_id
          ORDER BY c.id DESC LIMIT 1) IN ('refused', 'withdrawn') THEN 'refused'
    WHEN EXISTS (SELECT FROM invitations i JOIN addresses a ON a.id = i.address_id
                 WHERE i.tenant_id = :tenant AND a.person_id = s.person_id) THEN 'asked' ELSE 'none' END"""


async def members(tx: Tx, group: Group, part: Slice, *, member_id: UUID | None = None) -> Page:
    """The members of a group by number, with what they hold in its present cycle."""
    query, values = _narrowed(
        """
        SELECT m.id, m.number, m.person_id, m.role, m.status, m.joined_at, m.left_at, m.accepted_version,
               p.name, p.consented_at,
               (SELECT coalesce(json_agg(json_build_array(l.number, h.share_numerator, h.share_denominator)
                                         ORDER BY l.number), '[]')
                FROM holdings h JOIN lots l ON l.group_id = h.group_id AND l.id = h.lot_id
                WHERE h.group_id = m.group_id AND h.member_id = m.id AND l.cycle = :cycle)::text AS holdings
        FROM members m JOIN people p ON p.id = m.person_id WHERE m.group_id = :group
        """,
        {"member": ("m.id = :member", member_id)},
    )
    # The group first and by itself: its tables may live on another server than the phones.
    query = f"""
        WITH seats AS MATERIALIZED ({query})
        SELECT s.*, {_CONSENT} AS consent,
               phone.id AS phone_id, phone.masked AS phone_masked, phone.secret AS phone_secret
        FROM seats s {_PHONE.format(person="s.person_id")}
        """  # noqa: S608 (ours alone)
    values |= {"group": group.group_id, "cycle": group.cycle, "tenant": tx.tenant_id}
    return await _page(tx, query, values, part, key=["number"])


async def lots(tx: Tx, group: Group, part: Slice, *, cycle: int, number: int | None = None) -> Page:
    """The lots of a cycle by number, with who holds which share, and the round in which each was drawn."""
    query, values = _narrowed(
        """
        SELECT l.id, l.number,
               (SELECT coalesce(json_agg(json_build_array(m.id, m.number, p.name, h.share_numerator,
                                                          h.share_denominator, h.amount_minor) ORDER BY m.number), '[]')
                FROM holdings h JOIN members m ON m.group_id = h.group_id AND m.id = h.member_id
                JOIN people p ON p.id = m.person_id
                WHERE h.group_id = l.group_id AND h.lot_id = l.id)::text AS holdings,
               (SELECT r.number FROM draws d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
                WHERE d.group_id = l.group_id AND d.lot_id = l.id) AS drawn_in
        FROM lots l WHERE l.group_id = :group AND l.cycle = :cycle
        """,
        {"number": ("l.number = :number", number)},
    )
    return await _page(tx, query, values | {"group": group.group_id, "cycle": cycle}, part, key=["number"])


async def rounds(tx: Tx, group: Group, part: Slice, *, cycle: int | None = None, number: int | None = None) -> Page:
    """The rounds of a group in order, with what has come into their pots and the lots that were drawn."""
    query, values = _narrowed(
        """
        SELECT r.id, r.cycle, r.number, r.opens_at, r.due_at, r.cutoff_at, r.draw_at, r.beacon_round, r.opened_at,
               r.frozen_at, r.drawn_at, r.attempt, c.rules::text AS rules,
               (SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM dues d WHERE d.group_id = r.group_id
                   AND d.round_id = r.id AND d.excused_at IS NULL) AS owed,
               ((SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfers t WHERE t.group_id = r.group_id
                    AND t.credit = 'pot/' || r.cycle || '/' || r.number
                    AND (t.due_id IS NOT NULL OR t.kind = 'loan.reversal'))
                - (SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfers t WHERE t.group_id = r.group_id
                    AND t.debit = 'pot/' || r.cycle || '/' || r.number
                    AND (t.due_id IS NOT NULL OR t.kind = 'loan')))::bigint AS collected,
               (SELECT coalesce(json_agg(l.number ORDER BY w.ordinal), '[]') FROM draws w
                JOIN lots l ON l.group_id = w.group_id AND l.id = w.lot_id
                WHERE w.group_id = r.group_id AND w.round_id = r.id)::text AS lots
        FROM rounds r JOIN cycles c ON c.group_id = r.group_id AND c.number = r.cycle WHERE r.group_id = :group
        """,
        {"cycle": ("r.cycle = :cycle", cycle), "number": ("r.number = :number", number)},
    )
    return await _page(tx, query, values | {"group": group.group_id}, part, key=["cycle", "number"])


@dataclass(frozen=True)
class DueLine:
    """A due with what has been paid of it."""

    row: Row[Any]
    paid_minor: int

    def status(self, now: datetime) -> str:
        """excused, paid, late (not all of it paid when it fell due), part or open."""
        if self.row.excused_at is not None:
            return "excused"
        if self.paid_minor >= self.row.amount_minor:
            return "paid"
        if self.row.due_at < now:
            return "late"
        return "part" if self.paid_minor else "open"


async def dues(
    tx: Tx,
    group: Group,
    part: Slice,
    *,
    cycle: int | None = None,
    round_number: int | None = None,
    member_id: UUID | None = None,
    kind: str | None = None,
) -> tuple[list[DueLine], tuple[Any, ...] | None]:
    """The dues of a group by round, with what the ledger says was paid; and the key of the last, if more follow."""
    query, values = _narrowed(
        """
        SELECT d.id, d.kind, d.account, d.reason, d.amount_minor, d.due_at, d.excused_at, d.member_id,
               m.number AS member_number, p.name,
               r.cycle, r.number AS round, l.number AS lot
        FROM dues d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id
        JOIN lots l ON l.group_id = d.group_id AND l.id = d.lot_id
        JOIN members m ON m.group_id = d.group_id AND m.id = d.member_id
        JOIN people p ON p.id = m.person_id WHERE d.group_id = :group
        """,
        {
            "cycle": ("r.cycle = :cycle", cycle),
            "round": ("r.number = :round", round_number),
            "member": ("d.member_id = :member", member_id),
            "kind": ("d.kind = :kind", kind),
        },
    )
    page = await _page(tx, query, values | {"group": group.group_id}, part, key=["cycle", "round", "id"])
    paid = await ledger.paid_by_due(tx.session, group_id=group.group_id, due_ids=[row.id for row in page.rows])
    return [DueLine(row, paid[row.id]) for row in page.rows], page.next


async def draws(tx: Tx, group: Group, part: Slice, *, code: str | None = None) -> Page:
    """The draws of a group in the order they were held, with their proofs."""
    query, values = _narrowed(
        """
        SELECT d.id, d.code, d.kind, d.ordinal, d.drawn_at, d.proof ->> 'json' AS proof, r.cycle, r.number AS round
        FROM draws d JOIN rounds r ON r.group_id = d.group_id AND r.id = d.round_id WHERE d.group_id = :group
        """,
        {"code": ("d.code = :code", code)},
    )
    return await _page(tx, query, values | {"group": group.group_id}, part, key=["cycle", "round", "ordinal"])


_PAYMENT_STATES = {
    "claimed": "t.recorded_at IS NULL AND t.declined_at IS NULL AND t.reversed_at IS NULL",
    "declined": "t.recorded_at IS NULL AND t.declined_at IS NOT NULL AND t.reversed_at IS NULL",
    "recorded": "t.recorded_at IS NOT NULL AND t.verified_at IS NULL AND t.reversed_at IS NULL",
    "verified": "t.verified_at IS NOT NULL AND t.reversed_at IS NULL",
    "reversed": "t.reversed_at IS NOT NULL",
}


async def payments(
    tx: Tx,
    part: Slice,
    *,
    payment_id: UUID | None = None,
    group_id: UUID | None = None,
    member_id: UUID | None = None,
    status: str | None = None,
) -> Page:
    """The payments of the tenant, of one group or of one member, the newest first."""
    query, values = _narrowed(
        """
        SELECT t.*, g.code AS group_code, g.currency, m.number AS member_number, p.name
        FROM payments t JOIN groups g ON g.group_id = t.group_id
        JOIN members m ON m.group_id = t.group_id AND m.id = t.member_id
        JOIN people p ON p.id = m.person_id WHERE true
        """,
        {
            "payment": ("t.id = :payment", payment_id),
            "group": ("t.group_id = :group", group_id),
            "member": ("t.member_id = :member", member_id),
        },
    )
    if status is not None:
        query += f" AND {_PAYMENT_STATES[status]}"
    return await _page(tx, query, values, part, key=["id"], newest_first=True)


async def payouts(
    tx: Tx, group: Group, part: Slice, *, payout_id: UUID | None = None, round_number: int | None = None
) -> Page:
    """The payouts of a group by round and lot, with their legs."""
    query, values = _narrowed(
        """
        SELECT o.id, o.gross_minor, o.deductions::text AS deductions, o.amount_minor, o.approved_at, o.approved_by,
               o.created_at, o.kind, r.cycle, r.number AS round, l.number AS lot,
               (SELECT coalesce(json_agg(json_build_object('id', g.id, 'member', g.member_id, 'member_number', m.number,
                    'name', p.name, 'kind', g.kind, 'supplier', g.supplier, 'amount_minor', g.amount_minor,
                    'method', g.method, 'paid_at', g.paid_at,
                    'paid_by', g.paid_by, 'held_by', g.held_by, 'received_at', g.received_at,
                    'denied_at', g.denied_at) ORDER BY m.number, g.id), '[]')
                FROM payout_legs g JOIN members m ON m.group_id = g.group_id AND m.id = g.member_id
                JOIN people p ON p.id = m.person_id
                WHERE g.group_id = o.group_id AND g.payout_id = o.id)::text AS legs
        FROM payouts o JOIN rounds r ON r.group_id = o.group_id AND r.id = o.round_id
        JOIN lots l ON l.group_id = o.group_id AND l.id = o.lot_id WHERE o.group_id = :group
        """,
        {"payout": ("o.id = :payout", payout_id), "round": ("r.number = :round", round_number)},
    )
    return await _page(tx, query, values | {"group": group.group_id}, part, key=["cycle", "round", "lot", "kind"])


async def messages(
    tx: Tx,
    part: Slice,
    *,
    message_id: UUID | None = None,
    state: str | None = None,
    person_id: UUID | None = None,
    group_id: UUID | None = None,
) -> Page:
    """What the tenant has said or will say, the newest first."""
    query, values = _narrowed(
        """
        SELECT o.id, o.kind, o.state, o.language, o.text, o.person_id, p.name, o.group_id, a.channel, a.masked,
               o.gateway, o.attempts, o.reason, o.created_at, o.send_after, o.sent_at, o.delivered_at
        FROM outbox o JOIN addresses a ON a.id = o.address_id LEFT JOIN people p ON p.id = o.person_id WHERE true
        """,
        {
            "message": ("o.id = :message", message_id),
            "state": ("o.state = :state", state),
            "person": ("o.person_id = :person", person_id),
            "group": ("o.group_id = :group", group_id),
        },
    )
    return await _page(tx, query, values, part, key=["id"], newest_first=True)


async def audit(
    tx: Tx, part: Slice, *, group_id: UUID | None = None, actor: str | None = None, action: str | None = None
) -> Page:
    """Who did what, the newest first."""
    query, values = _narrowed(
        """
        SELECT l.id, l.at, l.actor, l.action, l.group_id, l.subject, l.details::text AS details
        FROM audit_log l WHERE true
        """,
        {
            "group": ("l.group_id = :group", group_id),
            "actor": ("l.actor = :actor", actor),
            "action": ("l.action = :action", action),
        },
    )
    return await _page(tx, query, values, part, key=["id"], newest_first=True)


async def proposals(
    tx: Tx, group: Group, part: Slice, *, waiting: bool = False, proposal_id: UUID | None = None
) -> Page:
    """The ids of what others were asked to agree to, the newest first; only what is not settled, if wanted."""
    query, values = _narrowed(
        "SELECT p.id FROM proposals p WHERE p.group_id = :group", {"proposal": ("p.id = :proposal", proposal_id)}
    )
    if waiting:
        query += " AND p.settled_at IS NULL"
    return await _page(tx, query, values | {"group": group.group_id}, part, key=["id"], newest_first=True)


async def guarantees(tx: Tx, group: Group, part: Slice, *, standing: bool = False) -> Page:
    """Who answers for whom, the newest first; only what is not released, if wanted."""
    query = "SELECT g.* FROM guarantees g WHERE g.group_id = :group"
    if standing:
        query += " AND g.released_at IS NULL"
    return await _page(tx, query, {"group": group.group_id}, part, key=["id"], newest_first=True)


async def disputes(tx: Tx, group: Group, part: Slice, *, waiting: bool = False) -> Page:
    """What members have said is wrong, the newest first; only what has no answer, if wanted."""
    query = "SELECT d.* FROM disputes d WHERE d.group_id = :group"
    if waiting:
        query += " AND d.outcome IS NULL"
    return await _page(tx, query, {"group": group.group_id}, part, key=["id"], newest_first=True)


async def rule_versions(tx: Tx, group: Group, part: Slice) -> Page:
    """What the rules of a group were, the first version first."""
    query = """
        SELECT v.version, v.rules::text AS rules, v.rules_hash, v.made_by, v.made_at
        FROM rule_versions v WHERE v.group_id = :group
        """
    return await _page(tx, query, {"group": group.group_id}, part, key=["version"])


async def transfers(
    tx: Tx, group: Group, part: Slice, *, account: str | None = None
) -> tuple[list[Transfer], tuple[UUID] | None]:
    """The transfers of a group's book, or of one account, in order; and the id of the last, if more follow."""
    limit = min(part.limit, MOST_ROWS)
    found = await ledger.transfers(
        tx.session,
        group_id=group.group_id,
        account=account,
        after=part.after[0] if part.after else None,
        newest_first=False,
        limit=limit + 1,
    )
    return found[:limit], (found[limit - 1].id,) if len(found) > limit else None


@dataclass(frozen=True)
class Account:
    """An account of a group's book as it stood at some transfer; the balance is on its normal side."""

    name: str
    debit_normal: bool
    balance_minor: int


_LAST_ID = UUID(int=2**128 - 1)


async def accounts_at(tx: Tx, group: Group, *, until: UUID | None = None) -> list[Account]:
    """Every account with its balance: now with None, else with the transfers up to and including that id."""
    rows = await tx.session.execute(
        text(
            """
            SELECT a.name, a.debit_normal,
                   ((CASE WHEN a.debit_normal THEN -1 ELSE 1 END) * coalesce(sum(m.change), 0))::bigint
            FROM ledger_accounts a LEFT JOIN (
                SELECT credit AS name, amount_minor AS change FROM ledger_transfers
                    WHERE group_id = :group AND id <= :until
                UNION ALL SELECT debit, -amount_minor FROM ledger_transfers
                    WHERE group_id = :group AND id <= :until) m ON m.name = a.name
            WHERE a.group_id = :group GROUP BY a.name, a.debit_normal ORDER BY a.name
            """
        ),
        {"group": group.group_id, "until": until or _LAST_ID},
    )
    return [Account(*row) for row in rows]


async def money_moved(tx: Tx, group: Group) -> tuple[int, int, int]:
    """(what came into the pots of a group, what was paid out of them, its organiser's fee), less reversals."""
    row = (
        await tx.session.execute(
            text(
                """
                SELECT coalesce(sum(CASE WHEN due_id IS NULL AND kind NOT IN ('loan', 'loan.reversal') THEN 0
                                         WHEN credit ^@ 'pot/' THEN amount_minor
                                         ELSE -amount_minor END), 0)::bigint,
                       coalesce(sum(CASE WHEN payout_leg_id IS NULL THEN 0 WHEN debit ^@ 'pot/' THEN amount_minor
                                         ELSE -amount_minor END), 0)::bigint,
                       coalesce(sum(CASE WHEN credit ^@ 'fee/' THEN amount_minor WHEN debit ^@ 'fee/'
                                         THEN -amount_minor ELSE 0 END), 0)::bigint
                FROM ledger_transfers WHERE group_id = :group
                """
            ),
            {"group": group.group_id},
        )
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


async def imports(tx: Tx, part: Slice, *, status: str | None = None) -> Page:
    """The paper books that were handed in, the newest first; what they hold is not among it."""
    query, values = _narrowed(
        """
        SELECT i.id, i.code, i.status, i.file_name, i.file_hash, i.lines, i.errors, i.warnings, i.group_id,
               i.created_at, i.created_by, i.committed_at, i.committed_by, i.undone_at, i.undone_by
        FROM imports i WHERE i.tenant_id = :tenant
        """,
        {"status": ("i.status = :status", status)},
    )
    return await _page(tx, query, values | {"tenant": tx.tenant_id}, part, key=["id"], newest_first=True)
