"""Every error of the HTTP side as ``application/problem+json`` (RFC 9457): a stable type, a status, facts.

The one place where a ``Refusal`` becomes an answer, and where a database that cannot be reached becomes 503, so that
providers send their webhooks again. Never shows a traceback, a query, or what somebody typed.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from core.errors import NotAllowed, NotFound, Refusal, TryLater

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

# SQLSTATE classes of a database that is there but cannot now: connection, conflict, resources, operator, system.
_PASSING = ("08", "40", "53", "55", "57", "58")


def problem(
    status: int, kind: str, detail: str = "", *, headers: dict[str, str] | None = None, **facts: Any
) -> JSONResponse:
    """An error document; ``kind`` is the stable last part of its type, ``facts`` are further members."""
    body: dict[str, Any] = {
        **facts,
        "type": f"urn:equb:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def unavailable(detail: str, *, retry_seconds: float = RETRY_SECONDS) -> JSONResponse:
    """503: the same request may succeed later."""
    return problem(503, "unavailable", detail, headers={"Retry-After": str(max(1, round(retry_seconds)))})


def is_passing(error: BaseException) -> bool:
    """Whether the database is out of reach or busy, rather than asked something wrong."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | ConnectionError | TimeoutError):
        return True
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        return error.connection_invalidated or state.startswith(_PASSING)
    # asyncpg's refusal to connect to a socket that is not there comes as it is.
    return isinstance(error, OSError | asyncio.IncompleteReadError)


async def _refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, NotAllowed) else 422
    facts = {name: value if isinstance(value, int | bool) else str(value) for name, value in error.facts.items()}
    return problem(status, error.code, facts=facts)


async def _try_later(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TryLater)
    return unavailable("Something outside does not answer.", retry_seconds=error.retry_seconds)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-").replace("'", "")
    detail = error.detail if isinstance(error.detail, str) and error.detail else ""
    return problem(error.status_code, kind, detail, headers=dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Where and what, without the value: it may be a phone or a password.
    errors = [{"at": ".".join(map(str, one["loc"])), "said": one["msg"]} for one in error.errors()]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(400, "malformed", "The body is not JSON.")
    return problem(422, "invalid", "The request does not have the form it should.", errors=errors)


async def _database(request: Request, error: Exception) -> JSONResponse:
    if is_passing(error):
        log.warning("database_unavailable", path=_template(request), error=type(error).__name__)
        return unavailable("The database cannot be reached now.")
    log.error("failed", path=_template(request), exc_info=error)
    return problem(500, "failed", "Something went wrong on our side.")


async def _bug(_request: Request, _error: Exception) -> JSONResponse:
    # Starlette raises the error again after this answer, and the server logs it.
    return problem(500, "failed", "Something went wrong on our side.")


def _template(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))


def install(app: FastAPI) -> None:
    """Make the application answer every error so."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(TryLater, _try_later)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (DBAPIError, PoolTimeout, OSError, asyncio.IncompleteReadError):
        app.add_exception_handler(kind, _database)
    app.add_exception_handler(Exception, _bug)
