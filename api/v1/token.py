"""Signing in: ``POST /api/v1/token``, the OAuth 2 password grant.

A wrong name and a wrong password get the same answer after the same work. Tries are counted per name in Redis; when
Redis cannot say, nobody signs in, because otherwise whoever can slow it down could try passwords for ever.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from redis.exceptions import RedisError

from api import nudge, problems
from api.tokens import LIFETIME_SECONDS, mint
from api.v1.shapes import PREFIX
from core import people
from core.db import transaction
from core.errors import NotFound, Refusal, TryLater
from core.operator import admins
from core.operator.audit import note

router = APIRouter(prefix=PREFIX, tags=["token"])

MOST_TRIES = 10
TRIES_SECONDS = 300


class Token(BaseModel):
    """A bearer token."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (the name of a kind)
    expires_in: int = Field(description="seconds")


class SignIn(BaseModel):
    """The form of the password grant. ``username`` is ``<tenant>/<name>``, unless ``tenant`` is given."""

    model_config = ConfigDict(extra="ignore")
    grant_type: Literal["password"]
    username: str = Field(min_length=1, max_length=100, examples=["demo/almaz"])
    password: str = Field(min_length=1, max_length=admins.LONGEST_PASSWORD)
    tenant: str | None = Field(None, max_length=40)


@router.post(
    "/token",
    summary="Sign in",
    response_model=Token,
    responses={
        400: problems.described("The name or the password is wrong."),
        429: problems.described("Too many tries."),
    },
)
async def token(form: Annotated[SignIn, Form()]) -> JSONResponse:
    """A token for a name and a password (OAuth 2, grant type `password`)."""
    if form.tenant is not None:
        code, username = form.tenant, form.username
    else:
        code, _, username = form.username.partition("/")
    counter = f"equb:token:{code[:40]}/{username[:100]}"
    wait_seconds = await _count_try(counter)
    if wait_seconds:
        return _no(429, "token.too_many_tries", "slow_down", {"Retry-After": str(wait_seconds)})
    roles = await _roles_of(code, username, form.password)
    if roles is None:
        return _no(400, "token.wrong", "invalid_grant")
    await _forget_tries(counter)
    answer = Token(access_token=mint(code, username, roles), expires_in=LIFETIME_SECONDS)
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})


def _no(status: int, code: str, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem that is also an error answer of OAuth 2 (RFC 6749, 5.2)."""
    _, body = problems.refused(Refusal(code, error=error))
    said: dict[str, Any] = {**body, "status": status, "error_description": body["title"]}
    return problems.answer(status, said, headers={"Cache-Control": "no-store"} | (headers or {}))


async def _roles_of(code: str, username: str, password: str) -> list[str] | None:
    """The roles of an administrator whose password it is; the same work whoever it is."""
    try:
        tenant = await people.tenant_by_code(code) if admins.USERNAME.fullmatch(username) else None
    except (NotFound, ValueError):
        tenant = None
    if tenant is None:
        await admins.nobody(password)
        return None
    async with transaction(tenant.id, actor=f"admin:{username}") as tx:
        admin = await admins.with_password(tx, username, password)
        if admin is None:
            return None
        await note(tx, "admin.signed_in", subject=f"admin:{username}")
        return list(admin.roles)


async def _count_try(counter: str) -> int:
    """Count one; the seconds to wait when there were too many. Raises ``TryLater``."""
    try:
        async with nudge.redis().pipeline(transaction=True) as pipeline:
            pipeline.incr(counter)
            pipeline.expire(counter, TRIES_SECONDS, nx=True)
            pipeline.ttl(counter)
            tries, _, left_seconds = await pipeline.execute()
    except (RedisError, OSError) as error:
        raise TryLater("Redis cannot count tries to sign in", retry_seconds=5) from error
    return max(1, int(left_seconds)) if int(tries) > MOST_TRIES else 0


async def _forget_tries(counter: str) -> None:
    try:
        await nudge.redis().delete(counter)
    except (RedisError, OSError) as error:
        raise TryLater("Redis cannot count tries to sign in", retry_seconds=5) from error
