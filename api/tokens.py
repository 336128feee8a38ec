"""Bearer tokens of the admin API (JWT, HS256): making one, and who a request is by.

Owns the claims and what is checked of them. Refuses a token that is missing, forged, expired, made for something
else or signed in any other way (``alg: none`` included), all with the same 401. A token says a tenant, a name and
roles; what the roles may do is decided by ``core.operator.rights`` alone, and what they see by row-level security.

A token lives by the machine's clock, not by the sandbox's: moving that by weeks signs nobody out.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer

from core import clock, people
from core.db import Tx, transaction
from core.errors import NotFound
from core.operator.rights import admin_may, require_admin
from core.people import Tenant
from core.settings import decode_key, settings

ALGORITHM = "HS256"
ISSUER = "equb"
AUDIENCE = "equb-api"
LIFETIME_SECONDS = 3600
# Two machines' clocks are never quite the same.
LEEWAY_SECONDS = 5

_bearer = OAuth2PasswordBearer(
    tokenUrl="/api/v1/token",
    auto_error=False,
    scheme_name="bearer",
    description="A token of POST /api/v1/token; `username` is `<tenant>/<name>`. It is good for an hour.",
)


@dataclass(frozen=True)
class Caller:
    """Who a request is by: an administrator of one tenant."""

    tenant: Tenant
    username: str
    roles: tuple[str, ...]

    @property
    def actor(self) -> str:
        """How they stand in the audit log."""
        return f"admin:{self.username}"

    def may(self, right: str) -> bool:
        """Whether one of the roles carries the right."""
        return admin_may(list(self.roles), right)

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction in the caller's tenant, in the caller's name."""
        return transaction(self.tenant.id, actor=self.actor)


def mint(tenant_code: str, username: str, roles: Sequence[str], ttl_seconds: int = LIFETIME_SECONDS) -> str:
    """A token for an administrator of that tenant."""
    issued_at = clock.now() - timedelta(seconds=clock.offset_seconds())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued_at,
        "exp": issued_at + timedelta(seconds=ttl_seconds),
        "sub": username,
        "tenant": tenant_code,
        "roles": list(roles),
    }
    return jwt.encode(claims, decode_key(settings().jwt_key), algorithm=ALGORITHM)


def _unauthorized(error: str | None = None) -> HTTPException:
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    said = "The token is not valid, or no longer." if error else "A bearer token is needed."
    return HTTPException(401, said, headers={"WWW-Authenticate": challenge})


async def caller(token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    """Who the request is by. Raises 401."""
    if not token:
        raise _unauthorized()
    try:
        claims = jwt.decode(
            token,
            decode_key(settings().jwt_key),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "iat", "exp", "sub"]},
        )
        username, code, roles = claims["sub"], str(claims["tenant"]), claims["roles"]
    except (jwt.InvalidTokenError, KeyError):
        raise _unauthorized("invalid_token") from None
    if not isinstance(roles, list):
        raise _unauthorized("invalid_token")
    try:
        tenant = await people.tenant_by_code(code)
    except NotFound:
        raise _unauthorized("invalid_token") from None
    return Caller(tenant, username, tuple(map(str, roles)))


# Which right a dependency asks for: the OpenAPI document says it of every operation, and a test reads it.
RIGHT_OF: dict[Callable[..., Any], str] = {}


def needs(right: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, who must have the right. Raises 401 and ``NotAllowed``."""

    async def dependency(who: Annotated[Caller, Depends(caller)]) -> Caller:
        require_admin(list(who.roles), right)
        return who

    RIGHT_OF[dependency] = right
    return dependency


Reader = Annotated[Caller, Depends(needs("read"))]
Configurer = Annotated[Caller, Depends(needs("configure"))]
Recorder = Annotated[Caller, Depends(needs("record"))]
Reverser = Annotated[Caller, Depends(needs("reverse"))]
Payer = Annotated[Caller, Depends(needs("pay_out"))]
Approver = Annotated[Caller, Depends(needs("approve"))]
Resender = Annotated[Caller, Depends(needs("resend"))]
TenantKeeper = Annotated[Caller, Depends(needs("tenants"))]
