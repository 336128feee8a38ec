"""The audit: recomputes a group's whole book from its transfers and tells everything that does not add up.

Owns: the proof that no row was changed, removed or slipped in (hash chains against their heads), and that the
rules which the posting function keeps were kept. One statement reads one group, hence one state of it, so that
posting may go on meanwhile. Refuses to mend anything, and to tell amounts.

Whoever may do everything in the database can rewrite a whole lane and its head so that they agree; ``root``
is what to publish (on receipts, beside a draw) so that this shows too.
"""

import hashlib
import time
from dataclasses import dataclass
from uuid import UUID

from core.ledger.book import PAID_BY_DUE, Database, fetch

# A book that was tampered with may disagree with itself everywhere; nobody reads more than this of one group.
MOST_FINDINGS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that does not add up. ``kind`` is one of:

    ``chain`` (a transfer's hash is not that of its content after the one before: it, or the one before, was
    changed, removed or slipped in), ``head`` (a lane does not end where its head says), ``input`` (the content
    is not what was asked for), ``foreign`` (another tenant's or currency's row), ``amount``, ``duplicate``,
    ``account`` (missing, without transfers, or with other rights than its name gives), ``negative`` (below
    zero after that transfer), ``reversal`` (not the one opposite of another transfer), ``overpaid`` (a due),
    ``due`` (what stands on it as paid is not what was posted for it).
    """

    group_id: UUID
    kind: str
    account: str | None
    transfer_id: UUID | None
    subject: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """What was looked at, in how long, and what was found; sound when nothing was."""

    groups: int = 0
    accounts: int = 0
    transfers: int = 0
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.findings

    def __add__(self, other: "AuditReport") -> "AuditReport":
        return AuditReport(
            groups=self.groups + other.groups,
            accounts=self.accounts + other.accounts,
            transfers=self.transfers + other.transfers,
            seconds=self.seconds + other.seconds,
            findings=self.findings + other.findings,
        )


_GROUPS = """
SELECT group_id FROM ledger_heads UNION SELECT group_id FROM ledger_accounts
UNION SELECT group_id FROM ledger_transfers ORDER BY group_id
"""

_FIGURES = """
SELECT (SELECT count(*) FROM ledger_accounts WHERE group_id = $1) AS accounts,
       (SELECT count(*) FROM ledger_transfers WHERE group_id = $1) AS transfers
"""

# Both hashes are spelled out once more here, as migration 0002 makes them: the audit trusts no function that
# somebody could have replaced along with the rows.
_AUDIT = f"""
WITH h AS MATERIALIZED (SELECT * FROM ledger_heads WHERE group_id = $1),
a AS MATERIALIZED (SELECT * FROM ledger_accounts WHERE group_id = $1),
t AS MATERIALIZED (
    SELECT *, (seq & 7)::smallint AS lane, lag(hash, 1, '') OVER (PARTITION BY seq & 7 ORDER BY seq) AS previous
    FROM ledger_transfers WHERE group_id = $1),
book AS (SELECT tenant_id, currency FROM h ORDER BY lane LIMIT 1),
lanes AS (
    SELECT lane, count(*) AS transfers, max(seq) AS last_seq, (array_agg(hash ORDER BY seq DESC))[1] AS hash
    FROM t GROUP BY lane),
moves AS (
    SELECT credit AS name, amount_minor AS change, seq, id FROM t
    UNION ALL SELECT debit, -amount_minor, seq, id FROM t),
steps AS (
    SELECT m.name, m.id, sum(m.change) OVER (PARTITION BY m.name ORDER BY m.seq) AS minor
    FROM moves m JOIN (SELECT a.name FROM a, ledger_account_rule(a.name) r WHERE NOT r.may_go_negative) n
        ON n.name = m.name),
paid AS MATERIALIZED ({PAID_BY_DUE.format(transfers="t WHERE due_id IS NOT NULL")})
SELECT 'chain' AS kind, NULL AS account, id AS transfer_id, 'lane ' || lane AS subject FROM t
    WHERE hash <> sha256(record_send(ROW(group_id, id, tenant_id, seq, kind, debit, credit, amount_minor,
        currency, at, posted_at, reference, input_hash, payment_id, due_id, payout_leg_id, reverses, memo,
        previous)))
UNION ALL SELECT 'input', NULL, id, reference FROM t
    WHERE input_hash <> CASE WHEN reverses IS NULL
        THEN sha256(record_send(ROW(NULL::uuid, kind, debit, credit, amount_minor, currency, reference,
            payment_id, due_id, payout_leg_id, NULL::uuid, memo)))
        ELSE sha256(record_send(ROW(NULL::uuid, kind, NULL::text, NULL::text, NULL::bigint, NULL::text, reference,
            NULL::uuid, NULL::uuid, NULL::uuid, reverses, memo))) END
UNION ALL SELECT 'head', NULL, NULL, 'lane ' || n FROM generate_series(0, 7) AS n
    LEFT JOIN h ON h.lane = n LEFT JOIN lanes l ON l.lane = n
    WHERE (EXISTS (SELECT FROM h) OR EXISTS (SELECT FROM t) OR EXISTS (SELECT FROM a))
        AND (h.lane IS NULL OR h.transfers <> coalesce(l.transfers, 0) OR h.last_seq <> coalesce(l.last_seq, 0)
            OR h.hash <> coalesce(l.hash, ''))
UNION ALL SELECT 'foreign', NULL, t.id, 'transfer' FROM t LEFT JOIN book b ON true
    WHERE (t.tenant_id, t.currency) IS DISTINCT FROM (b.tenant_id, b.currency)
UNION ALL SELECT 'foreign', a.name, NULL, 'account' FROM a LEFT JOIN book b ON true
    WHERE (a.tenant_id, a.currency) IS DISTINCT FROM (b.tenant_id, b.currency)
UNION ALL SELECT 'foreign', NULL, NULL, 'lane ' || h.lane FROM h, book b
    WHERE (h.tenant_id, h.currency) IS DISTINCT FROM (b.tenant_id, b.currency)
UNION ALL SELECT 'amount', NULL, id, reference FROM t WHERE amount_minor <= 0 OR debit = credit
UNION ALL SELECT 'duplicate', NULL, id, 'id' FROM t GROUP BY id HAVING count(*) > 1
UNION ALL SELECT 'duplicate', NULL, NULL, reference FROM t GROUP BY reference HAVING count(*) > 1
UNION ALL SELECT 'duplicate', NULL, NULL, 'seq ' || seq FROM t GROUP BY seq HAVING count(*) > 1
UNION ALL SELECT DISTINCT 'account', m.name, NULL::uuid, 'missing' FROM moves m
    WHERE NOT EXISTS (SELECT FROM a WHERE a.name = m.name)
UNION ALL SELECT 'account', a.name, NULL, 'without transfers' FROM a
    WHERE NOT EXISTS (SELECT FROM moves m WHERE m.name = a.name)
UNION ALL SELECT 'account', a.name, NULL, 'other rights than its name gives' FROM a
    LEFT JOIN LATERAL ledger_account_rule(a.name) r ON true
    WHERE (a.debit_normal, a.may_go_negative) IS DISTINCT FROM (r.debit_normal, r.may_go_negative)
UNION ALL SELECT 'negative', name, id, 'below zero' FROM steps WHERE minor < 0
UNION ALL SELECT 'reversal', NULL, r.id, coalesce(r.reverses::text, '') FROM t r LEFT JOIN t o ON o.id = r.reverses
    WHERE r.reverses IS NOT NULL AND (o.id IS NULL OR o.reverses IS NOT NULL
        OR (r.debit, r.credit, r.amount_minor, r.currency, r.payment_id, r.due_id, r.payout_leg_id)
            IS DISTINCT FROM
           (o.credit, o.debit, o.amount_minor, o.currency, o.payment_id, o.due_id, o.payout_leg_id))
UNION ALL SELECT 'reversal', NULL, reverses, 'reversed more than once' FROM t
    WHERE reverses IS NOT NULL GROUP BY reverses HAVING count(*) > 1
UNION ALL SELECT 'overpaid', NULL, NULL, 'due ' || d.id
    FROM paid p JOIN dues d ON d.group_id = $1 AND d.id = p.due_id WHERE p.paid > d.amount_minor OR p.paid < 0
UNION ALL SELECT 'due', NULL, NULL, 'due ' || d.id
    FROM dues d LEFT JOIN paid p ON p.due_id = d.id WHERE d.group_id = $1 AND d.paid_minor <> coalesce(p.paid, 0)
LIMIT {MOST_FINDINGS}
"""


async def audit(db: Database, group_id: UUID | None = None) -> AuditReport:
    """Recompute one group's book, or those of every group that this transaction may see, one after the other."""
    started = time.perf_counter()
    if group_id is None:
        report = AuditReport()
        for row in await fetch(db, _GROUPS):
            report += await audit(db, row["group_id"])
        return report
    findings = tuple(Finding(group_id=group_id, **row) for row in await fetch(db, _AUDIT, group_id))
    figures = (await fetch(db, _FIGURES, group_id))[0]
    return AuditReport(
        groups=1,
        accounts=figures["accounts"],
        transfers=figures["transfers"],
        seconds=time.perf_counter() - started,
        findings=findings,
    )


async def root(db: Database, *, group_id: UUID) -> str:
    """One hash over the heads of a group's lanes, in hex: stands for everything posted so far.

    SHA-256 over lane (1 byte), number of transfers (8 bytes, big-endian) and hash of each lane in order.
    """
    heads = await fetch(
        db, "SELECT lane, transfers, hash FROM ledger_heads WHERE group_id = $1 ORDER BY lane", group_id
    )
    content = b"".join(bytes([h["lane"]]) + h["transfers"].to_bytes(8, "big") + h["hash"] for h in heads)
    return hashlib.sha256(content).hexdigest()
