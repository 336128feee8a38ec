"""The ASGI application: which router answers what, what happens before the first request and after the last.

``uvicorn api.app:app``. Ready means that the pool is warm; aiogram follows in the background, and an update that
comes before waits for it. On the way down it delivers the replies it has promised, for ten seconds at most.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from logging import INFO, WARNING

import structlog
from fastapi import FastAPI
from sqlalchemy import text

import bot
import sms
from api import health, nudge, paper, problems, replies, sandbox, v1, verify, webhooks
from api.metrics import Measured
from core import db, people
from core.errors import NotFound
from core.messages import TELEGRAM
from core.operator import gateways
from core.settings import settings

log = structlog.get_logger(__name__)

GOODBYE_SECONDS = 10.0
_AGAIN_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Warm the pool before ready; introduce ourselves, which loads Telegram, in the background; say goodbye."""
    await asyncio.gather(asyncio.to_thread(health.head), _warm_pool())
    introducing = asyncio.create_task(_introduce())
    try:
        yield
    finally:
        introducing.cancel()
        await asyncio.gather(introducing, return_exceptions=True)
        left = await replies.finish(GOODBYE_SECONDS)
        if left:
            log.warning("replies_left", count=left)
        for close in (bot.close, sms.close, sandbox.close, nudge.close, db.dispose):
            await close()


async def _warm_pool() -> None:
    """One connection, so that the first webhook does not wait for it; a database that is away is readyz's to say."""
    try:
        async with db.unscoped() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        if not problems.is_passing(error):
            raise
        log.warning("database_unavailable", error=type(error).__name__)


async def _introduce() -> None:
    """Tell every channel where we are: again and again until it hears us, without holding up anything."""
    waiting: list[str] | None = None
    tries = 0
    while waiting is None or waiting:
        try:
            if waiting is None:
                async with db.unscoped() as session:
                    found = await session.scalars(text("SELECT code FROM tenants WHERE status = 'active'"))
                waiting = list(found.all())
            for code in list(waiting):
                await _introduce_tenant(code)
                waiting.remove(code)
        except Exception as error:
            # Whatever a provider's library throws: we are of use without a menu, and try again.
            log.log(INFO if settings().sandbox else WARNING, "not_introduced", error=type(error).__name__)
            if waiting:
                waiting.append(waiting.pop(0))  # a tenant whose bot refuses us does not keep the others waiting
            await asyncio.sleep(_AGAIN_SECONDS[min(tries, len(_AGAIN_SECONDS) - 1)])
            tries += 1


async def _introduce_tenant(code: str) -> None:
    if settings().sandbox:
        if settings().sandbox_url:
            await sandbox.register(code)
        return
    tenant = await people.tenant_by_code(code)
    try:
        gateway = await gateways.gateway(tenant.id, TELEGRAM)
    except NotFound:
        return
    await bot.setup(tenant, gateway, settings().public_url)


def make_app() -> FastAPI:
    """A fresh application, as the settings want it."""
    app = FastAPI(
        title="Equb",
        summary="The platform on which rotating savings groups run",
        version="1",
        openapi_url=None,  # api.v1 serves its own document and page
        lifespan=lifespan,
    )
    app.add_middleware(webhooks.Webhooks)
    app.add_middleware(Measured)
    problems.install(app)
    app.include_router(v1.router)
    app.include_router(health.router)
    app.include_router(verify.router)
    app.include_router(paper.router)
    if settings().sandbox:
        app.include_router(sandbox.router)
    return app


app = make_app()
