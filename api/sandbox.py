"""The sandbox's own calls about our system: the clock, quiet, a token; and the way to the stand-ins behind us.

Served in sandbox mode only. Moving the clock does all that falls due on the way, in order: it stops at every instant
at which something wakes, waits until that is done, and goes on. It never goes back: a ledger whose time runs
backwards is worth nothing. Everything else under ``/sandbox`` is passed on to the stand-ins' process.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy import text
from starlette.background import BackgroundTask

import bot
from api import nudge, replies
from api.problems import problem
from api.tokens import mint
from core import clock, people
from core.db import transaction, unscoped
from core.errors import Refusal
from core.messages import SMS, TELEGRAM
from core.operator import gateways
from core.operator.bootstrap import FIRST_TENANT
from core.operator.rights import ADMIN_RIGHTS
from core.settings import settings

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/sandbox", include_in_schema=False)

MOVE_SECONDS = 300.0
QUIET_SECONDS = 60.0
POLL_SECONDS = 0.01
# Somebody who sets the instant that was just read means "stay"; more than this is a mistake.
BEHIND_SECONDS = 60.0
TOKEN_SECONDS = 12 * 3600

_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?"
)
# The hop between us and the stand-ins has its own.
_HOP = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}
)

_moving = False
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


class Move(BaseModel):
    """Where to move the clock: by an ISO 8601 duration, or to an instant with its offset."""

    advance: str | None = None
    set: datetime | None = None


class _StillBusy(Exception):
    """Time ran out; ``what`` is still to be done."""

    def __init__(self, what: Mapping[str, int]) -> None:
        super().__init__(str(dict(what)))
        self.what = what


def later_by(instant: datetime, duration: str) -> datetime:
    """The instant after an ISO 8601 duration such as ``P7D``, ``PT2H``, ``P1M``. Raises ``Refusal``."""
    found = _DURATION.fullmatch(duration.strip().upper())
    if found is None:
        raise Refusal("clock.duration_not_understood", typed=duration[:40])
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    month = instant.month - 1 + months + 12 * years
    try:
        moved = instant.replace(day=1, year=instant.year + month // 12, month=month % 12 + 1)
        # The 31st plus a month is that month's last day.
        last = (moved.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        moved = moved.replace(day=min(instant.day, last.day))
        return moved + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        raise Refusal("clock.too_far", typed=duration[:40]) from None


def _shown() -> dict[str, Any]:
    return {"now": clock.now().isoformat(), "offset_seconds": round(clock.offset_seconds(), 3)}


# --- Clock and quiet -----------------------------------------------------------------------------


@router.get("/clock")
async def read_clock() -> dict[str, Any]:
    """What time it is for the whole system, and when something falls due next."""
    due = await _next_wake()
    return _shown() | {"next_due": due.isoformat() if due else None}


@router.post("/clock")
async def move_clock(request: Request) -> Response:
    """Move the clock; answers when everything that fell due on the way is done."""
    global _moving
    try:
        # As the stand-ins read theirs: JSON, whatever the content type says (a plain curl says a form).
        move = Move.model_validate_json(await request.body())
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return problem(422, "clock.not_understood", said)
    if (move.advance is None) == (move.set is None):
        return problem(422, "clock.one_of", 'Give either "advance" or "set".')
    now = clock.now()
    if move.set is not None:
        if move.set.tzinfo is None:
            return problem(422, "clock.no_offset", "An instant needs its offset, such as +03:00 or Z.")
        target = move.set.astimezone(UTC)
    else:
        target = later_by(now, move.advance or "")
    if (now - target).total_seconds() > BEHIND_SECONDS:
        return problem(422, "clock.backwards", "The clock only goes forward.", now=now.isoformat())
    if _moving:
        return problem(409, "clock.moving", "The clock is being moved already.")
    _moving = True
    try:
        steps = await _move(target, monotonic() + MOVE_SECONDS)
    except _StillBusy as error:
        return problem(504, "clock.still_busy", "The clock stopped on the way.", busy=dict(error.what), **_shown())
    finally:
        _moving = False
    return JSONResponse(_shown() | {"steps": steps})


async def _move(target: datetime, ends: float) -> int:
    """Go to ``target``, stopping wherever something wakes; returns how many stops there were."""
    await _until_quiet(ends)
    steps = 0
    while True:
        wakes_at = await _next_wake()
        if wakes_at is None or wakes_at > target:
            break
        if wakes_at > clock.now():
            clock.set_to(wakes_at)
        steps += 1
        await nudge.tick()
        await _until_quiet(ends)
    if target > clock.now():
        clock.set_to(target)
    await nudge.tick()
    await _until_quiet(ends)
    return steps


async def _next_wake() -> datetime | None:
    async with unscoped() as session:
        found: datetime | None = await session.scalar(text("SELECT next_wake()"))
    return found


@router.post("/quiet")
async def quiet() -> Response:
    """Answers when nothing is due and nothing is in flight; 504 after a minute."""
    ends = monotonic() + QUIET_SECONDS
    try:
        while _moving:
            if monotonic() > ends:
                raise _StillBusy({"clock": 1})
            await asyncio.sleep(POLL_SECONDS)
        await _until_quiet(ends)
    except _StillBusy as error:
        return problem(504, "still-busy", "Something is still under way.", busy=dict(error.what))
    return JSONResponse({"quiet": True} | _shown())


async def _until_quiet(ends: float) -> None:
    """Return when two looks in a row find nothing to do. Raises ``_StillBusy``.

    Two, because a look takes some time: what moves from one place to the next in between is seen by the second.
    """
    looks = 0
    while True:
        busy = await _busy()
        looks = 0 if busy else looks + 1
        if looks == 2:
            return
        if monotonic() > ends:
            raise _StillBusy(busy)
        if busy:
            await asyncio.sleep(POLL_SECONDS)


async def _busy() -> dict[str, int]:
    """What is due or in flight, by kind; empty when all is quiet. Ends at the first find: the cheapest looks first."""
    if under_way := replies.in_flight():
        return {"replies": under_way}
    if jobs := await _jobs():
        return {"jobs": jobs}
    async with unscoped() as session:
        row = await session.execute(
            text(
                "SELECT (SELECT count(*) FROM due_groups(:now, 100)), (SELECT count(*) FROM due_outbox(:now, 100)),"
                " outbox_in_flight()"
            ),
            {"now": clock.now()},
        )
        due = dict(zip(("groups", "outbox", "sending"), row.one(), strict=True))
    if any(due.values()):
        return {kind: count for kind, count in due.items() if count}
    outside = await _pending_outside()
    return {"outside": outside} if outside else {}


async def _jobs() -> int:
    """Messages of the queue that are waiting or worked on; dead letters are nobody's work any more."""
    redis = nudge.redis()
    count = 0
    for key in await redis.keys("dramatiq:*.msgs"):
        name = key.decode() if isinstance(key, bytes) else key
        if not name.endswith(".XQ.msgs"):
            count += await redis.hlen(name)
    return count


async def _pending_outside() -> int:
    """Webhooks and reports that the stand-ins have not delivered yet."""
    if not settings().sandbox_url:
        return 0
    try:
        answer = await _client().get("/sandbox/pending", timeout=5.0)
        return int(answer.json()["in_flight"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        log.info("sandbox_unreachable", error=type(error).__name__)
        return 1


# --- Token ---------------------------------------------------------------------------------------


@router.get("/admin-token")
async def admin_token() -> dict[str, Any]:
    """A token with every right on the first tenant."""
    token = mint(FIRST_TENANT, "sandbox", sorted(ADMIN_RIGHTS), TOKEN_SECONDS)
    return {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS}


# --- The stand-ins -------------------------------------------------------------------------------


def _client() -> httpx.AsyncClient:
    """This event loop's client; loopback only, so no proxy of the environment."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = httpx.AsyncClient(
            base_url=settings().sandbox_url, timeout=httpx.Timeout(None, connect=5.0), trust_env=False
        )
    return client


async def close() -> None:
    """Close this loop's connections."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


async def register(code: str) -> None:
    """Tell the stand-ins a tenant's credentials, and its bot where we are. Raises httpx's and aiogram's errors."""
    tenant = await people.tenant_by_code(code)
    async with transaction(tenant.id) as tx:
        known = {gateway.name: gateway for gateway in await gateways.all_gateways(tx)}
        preferred = await people.preferred_gateway(tx, SMS)
    body: dict[str, Any] = {"code": code, "default_sms": preferred}
    if TELEGRAM in known:
        secrets = known[TELEGRAM].credentials
        body |= {"telegram_token": secrets["token"], "telegram_secret": secrets["secret"]}
    if "twilio" in known:
        secrets = known["twilio"].credentials
        body |= {"twilio_sid": secrets["account_sid"], "twilio_token": secrets["auth_token"]}
        body |= {"twilio_number": known["twilio"].sender}
    if "http" in known:
        body |= {"http_secret": known["http"].credentials["secret"], "http_number": known["http"].sender}
    answer = await _client().post("/sandbox/tenants", json=body, timeout=10.0)
    answer.raise_for_status()
    if TELEGRAM in known:
        await bot.setup(tenant, known[TELEGRAM], settings().public_url)


@router.api_route("", methods=["GET", "HEAD"])
@router.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def pass_on(request: Request) -> Response:
    """Everything else is the stand-ins': passed on as it is, streams included."""
    if not settings().sandbox_url:
        return problem(404, "not-found", "There are no stand-ins here.")
    client = _client()
    query = request.scope["query_string"].decode("latin-1")
    asked = client.build_request(
        request.method,
        request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
        headers=[(name, value) for name, value in request.headers.items() if name not in _HOP],
        content=request.stream(),
    )
    try:
        answer = await client.send(asked, stream=True)
    except httpx.HTTPError as error:
        return problem(502, "sandbox-unreachable", f"The stand-ins do not answer ({type(error).__name__}).")
    headers = {name: value for name, value in answer.headers.items() if name not in _HOP}
    return StreamingResponse(
        _chunks(answer), status_code=answer.status_code, headers=headers, background=BackgroundTask(answer.aclose)
    )


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx.HTTPError as error:
        # The other side ended in the middle; so do we.
        log.info("sandbox_broke_off", error=type(error).__name__)
    finally:
        await answer.aclose()
