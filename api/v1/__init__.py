"""The admin API, version 1: one module for each resource, ``router`` for all of them and their documentation.

Every act runs in ``deeds``: one transaction with its answer, once by Idempotency-Key, and nudges after the commit.
Who a request is by and whether they may is decided before anything is read (``api.tokens``, ``core.operator.rights``).
"""

from fastapi import APIRouter

from api.v1 import (
    audit,
    disputes,
    groups,
    imports,
    ledger,
    members,
    messages,
    money,
    orders,
    pauses,
    payments,
    payouts,
    people,
    proposals,
    reports,
    rounds,
    standing,
    tenants,
    token,
)
from api.v1.docs import routes_for

_RESOURCES = (
    token,
    tenants,
    people,
    groups,
    members,
    proposals,
    standing,
    disputes,
    rounds,
    orders,
    pauses,
    payments,
    payouts,
    money,
    reports,
    ledger,
    imports,
    messages,
    audit,
)

router = APIRouter()
for _module in _RESOURCES:
    router.include_router(_module.router)
router.include_router(routes_for([_module.router for _module in _RESOURCES]))
