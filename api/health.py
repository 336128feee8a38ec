"""Whether the process lives, whether it can serve, and what Prometheus wants to know."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path

import structlog
from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api import metrics, nudge
from api.problems import problem
from core import clock
from core.db import transaction, unscoped

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

CHECK_SECONDS = 3.0
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


class _NotReady(Exception):
    """Said in the answer: it is ours and holds no secret."""


@lru_cache(maxsize=1)
def head() -> str:
    """The newest migration that this program knows."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return str(ScriptDirectory.from_config(config).get_current_head())


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive; says nothing of what it needs."""
    return {"status": "alive"}


async def _postgresql() -> None:
    async with unscoped() as session:
        await session.execute(text("SELECT 1"))


async def _migrations() -> None:
    async with unscoped() as session:
        found = await session.scalar(text("SELECT version_num FROM alembic_version"))
    if found != head():
        raise _NotReady(f"the database is at {found}, this program needs {head()}")


async def _redis() -> None:
    await nudge.redis().ping()


_CHECKS: dict[str, Callable[[], Awaitable[None]]] = {
    "postgresql": _postgresql,
    "migrations": _migrations,
    "redis": _redis,
}


async def _check(name: str) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await _CHECKS[name]()
    except _NotReady as error:
        return str(error)
    except (SQLAlchemyError, RedisError, OSError, TimeoutError) as error:
        log.warning("not_ready", what=name, error=type(error).__name__)
        return f"does not answer ({type(error).__name__})"
    return "ok"


@router.get("/readyz")
async def readyz() -> JSONResponse:
    """200 when PostgreSQL, its schema and Redis are there; else 503 with what is not."""
    answers = await asyncio.gather(*(_check(name) for name in _CHECKS))
    said = dict(zip(_CHECKS, answers, strict=True))
    if all(answer == "ok" for answer in said.values()):
        return JSONResponse({"status": "ready", "checks": said})
    return problem(503, "not-ready", "Not everything this process needs is there.", checks=said)


@router.get("/metrics")
async def scrape() -> Response:
    """Prometheus text format. What waits in the outbox is asked of the database, tenant by tenant."""
    try:
        await _look_at_outbox()
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        # The other figures matter most when the database is away.
        metrics.WAITING.clear()
        metrics.OLDEST.clear()
        log.warning("outbox_not_measured", error=type(error).__name__)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _look_at_outbox() -> None:
    async with unscoped() as session:
        tenants = (await session.execute(text("SELECT id, code FROM tenants ORDER BY code"))).all()
    for tenant_id, code in tenants:
        async with transaction(tenant_id) as tx:
            row = await tx.session.execute(
                text("SELECT count(*), min(send_after) FROM outbox WHERE state = 'queued' AND send_after <= :now"),
                {"now": tx.now},
            )
            waiting, oldest = row.one()
        metrics.WAITING.labels(code).set(waiting)
        metrics.OLDEST.labels(code).set((clock.now() - oldest).total_seconds() if oldest else 0.0)
