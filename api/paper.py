"""``/paper/{token}``: a statement, a book or a picture for whoever holds the link, without signing in.

Owns the headers (nobody indexes, frames, caches or passes on what is fetched here) and how often one address may ask.
Refuses to tell a wrong token from an expired one. What the token opens is decided in ``core.papers``.
"""

import re
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response
from redis.exceptions import RedisError

from api import nudge
from api.problems import problem
from core import papers
from core.errors import NotFound

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

MOST_TRIES = 30
TRIES_SECONDS = 60

_TOKEN = re.compile(r"[A-Za-z0-9_-]{20}")
_HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}


@router.get("/paper/{token}")
async def paper(token: Annotated[str, Path(max_length=64)], request: Request) -> Response:
    """The file, to be shown where the browser can."""
    wait_seconds = await _count_try(request.client.host if request.client else "")
    if wait_seconds:
        headers = {"Retry-After": str(wait_seconds), "X-Robots-Tag": _HEADERS["X-Robots-Tag"]}
        return problem(429, "paper.too_many_tries", "Too many tries. Wait a little.", headers=headers)
    if not _TOKEN.fullmatch(token):
        raise NotFound("paper.unknown")
    found = await papers.by_link(token)
    headers = _HEADERS | {"Content-Disposition": f'inline; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


async def _count_try(who: str) -> int:
    """0, or the seconds that this address has to wait. Nobody can guess a token: without Redis it goes on."""
    counter = f"equb:paper:{who}"
    try:
        async with nudge.redis().pipeline(transaction=True) as pipeline:
            pipeline.incr(counter)
            pipeline.expire(counter, TRIES_SECONDS, nx=True)
            pipeline.ttl(counter)
            tries, _, left_seconds = await pipeline.execute()
    except (RedisError, OSError) as error:
        log.warning("tries_not_counted", error=type(error).__name__)
        return 0
    return max(1, int(left_seconds)) if int(tries) > MOST_TRIES else 0
