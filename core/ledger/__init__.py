"""The ledger: who holds what for whom in a group, and how it came to be. Double entry, append-only.

Accounts are named ``pot/<cycle>/<round>``, ``held/<member number>``, ``advance/<member number>``,
``fund/<name>``, ``fee/<name>`` and ``provider/<name>``; one comes into being with its first transfer. Pots,
advances and funds never go below zero. ``docs/decisions/0002-ledger.md`` says why it is built as it is.
"""

from core.ledger.book import (
    AlreadyReversed,
    CannotReverse,
    NotEnough,
    Posting,
    ReferenceReused,
    Reversal,
    Transfer,
    balance,
    balances,
    paid_by_due,
    post,
    reverse,
    transfers,
)
from core.ledger.proof import AuditReport, Finding, audit, root

__all__ = [
    "AlreadyReversed",
    "AuditReport",
    "CannotReverse",
    "Finding",
    "NotEnough",
    "Posting",
    "ReferenceReused",
    "Reversal",
    "Transfer",
    "audit",
    "balance",
    "balances",
    "paid_by_due",
    "post",
    "reverse",
    "root",
    "transfers",
]
